// Shapes as text: "1x3x224x224", "Nx3x?x?", "scalar".
#ifndef BLOK_TOOLS_SHAPE_H
#define BLOK_TOOLS_SHAPE_H

#include "tools/cli.h"
#include "tools/json.h"

blok_shown blok_show_axes(const blok_axis *axes, int32_t rank);  // rank -1: "?"
blok_shown blok_show_dims(const int64_t *dims, size_t rank);

// An array of numbers, symbols and nulls; null when the rank is unknown.
void blok_json_axes(blok_json *json, const char *key, const blok_axis *axes, int32_t rank);
void blok_json_dims(blok_json *json, const char *key, const int64_t *dims, size_t rank);

#endif  // BLOK_TOOLS_SHAPE_H
