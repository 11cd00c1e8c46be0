// Which size Resize gives an axis, shared by inference and reference.
#ifndef BLOK_GRAPH_OPS_RESIZE_H
#define BLOK_GRAPH_OPS_RESIZE_H

#include "graph/graph.h"

// How the sizes of a Resize are meant: its keep_aspect_ratio_policy.
typedef enum blok_resize_policy {
  BLOK_RESIZE_STRETCH,
  BLOK_RESIZE_NOT_LARGER,
  BLOK_RESIZE_NOT_SMALLER,
  BLOK_RESIZE_BAD_POLICY
} blok_resize_policy;

blok_resize_policy blok_resize_policy_of(const blok_node *node);

// The axes that roi, scales and sizes speak of: the attribute axes, or all. False when one is out
// of range or named twice.
bool blok_resize_axes(const blok_node *node, uint32_t rank, uint32_t axes[BLOK_MAX_RANK],
                      uint32_t *n);

// floor(size * scale), in f32 as exporters compute it. False when scale is no positive number or
// the result does not fit.
bool blok_resize_scaled(int64_t size, float scale, int64_t *out);

// The factor that all n axes of sizes in[] take when the aspect ratio is kept: wanted[*which] /
// in[*which], the smallest or the largest. False when a size is not positive.
bool blok_resize_ratio(blok_resize_policy policy, const int64_t *in, const int64_t *wanted,
                       uint32_t n, uint32_t *which);

// size * wanted / in to the nearest integer, halves up. False when it does not fit.
bool blok_resize_kept(int64_t size, int64_t wanted, int64_t in, int64_t *out);

#endif  // BLOK_GRAPH_OPS_RESIZE_H
