// Inputs of a run: from arrays, pictures or noise, their open axes bound.
//
// An axis that the model leaves open gets its size from, in this order: --shape, --dim, the arrays
// given, the picture's own height and width, and 1 if it is the first axis. One symbol has one
// size.
#ifndef BLOK_TOOLS_FEED_H
#define BLOK_TOOLS_FEED_H

#include "tools/options.h"
#include "tools/picture.h"
#include "tools/source.h"

// The size of a named axis.
typedef struct blok_symbol {
  const char *name;
  int64_t value;
} blok_symbol;

typedef struct blok_feed {
  const blok_cli *cli;
  blok_bindings *bindings;
  const blok_picture_options *pictures;
  size_t count;             // inputs of the model
  blok_value_info *inputs;  // count of them
  blok_tensor *tensors;     // count of them, after blok_feed_load
  blok_array *arrays;       // own the tensors' memory
  size_t symbol_count;
  blok_symbol *symbols;
  char said[512];  // of the last picture, so that a hundred alike are told once
  bool noise_said;
} blok_feed;

// Prepares for model, which must outlive the feed. Checks that --dim and --shape name what the
// model has. pictures may be NULL when no picture will come. Free with blok_feed_end whatever the
// status.
BLOK_MUST_CHECK blok_status blok_feed_begin(blok_feed *feed, const blok_cli *cli,
                                            const blok_model *model, blok_bindings *bindings,
                                            const blok_picture_options *pictures,
                                            blok_error *error);

// Fills feed->tensors: input i from paths[i], or with noise where that is NULL. Replaces what an
// earlier call loaded.
BLOK_MUST_CHECK blok_status blok_feed_load(blok_feed *feed, const char *const *paths,
                                           blok_error *error);

void blok_feed_end(blok_feed *feed);

// ---- Shared by feed.c and feed_picture.c --------------------------------------------------------

// The shape of input index as far as it is known: -1 for an axis still open.
BLOK_MUST_CHECK blok_status blok_feed_dims(blok_feed *feed, size_t index, int64_t *dims,
                                           blok_error *error);

// Gives axis of input index the size value; an error if its symbol has another.
BLOK_MUST_CHECK blok_status blok_feed_bind(blok_feed *feed, size_t index, uint32_t axis,
                                           int64_t value, blok_error *error);

// Fills input index with the picture that source holds.
BLOK_MUST_CHECK blok_status blok_feed_picture(blok_feed *feed, size_t index,
                                              const blok_source *source, blok_error *error);

#endif  // BLOK_TOOLS_FEED_H
