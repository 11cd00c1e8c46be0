// One axis of a Resize: which cells of the input an output cell is made of, and with what weights.
#ifndef BLOK_REFERENCE_RESIZE_AXIS_H
#define BLOK_REFERENCE_RESIZE_AXIS_H

#include "graph/graph.h"
#include "reference/reference.h"

typedef enum blok_resize_mode {
  BLOK_RESIZE_NEAREST,
  BLOK_RESIZE_LINEAR,
  BLOK_RESIZE_CUBIC
} blok_resize_mode;

typedef enum blok_resize_transform {
  BLOK_RESIZE_HALF_PIXEL,
  BLOK_RESIZE_HALF_PIXEL_SYMMETRIC,
  BLOK_RESIZE_PYTORCH_HALF_PIXEL,
  BLOK_RESIZE_ALIGN_CORNERS,
  BLOK_RESIZE_ASYMMETRIC,
  BLOK_RESIZE_CROP
} blok_resize_transform;

typedef enum blok_resize_rounding {
  BLOK_RESIZE_PREFER_FLOOR,
  BLOK_RESIZE_PREFER_CEIL,
  BLOK_RESIZE_FLOOR,
  BLOK_RESIZE_CEIL
} blok_resize_rounding;

// The attributes of a Resize.
typedef struct blok_resize_how {
  blok_resize_mode mode;
  blok_resize_transform transform;
  blok_resize_rounding rounding;
  bool antialias, exclude_outside;
  double cubic_a, extrapolation;
} blok_resize_how;

// Reads them. When false, *what is the name of the attribute whose text is none that ONNX has.
bool blok_resize_read(const blok_node *node, blok_resize_how *out, const char **what);

typedef struct blok_resize_axis {
  int64_t in, out;
  double up, down;  // scale = up / down: two numbers, so that sizes divide exactly
  double roi_start, roi_end;
} blok_resize_axis;

// True when the axis stays as it is, cell by cell.
bool blok_resize_is_identity(const blok_resize_how *how, const blok_resize_axis *axis);

// The cell that output cell x copies; -1 when x lies outside and takes the extrapolation value.
int64_t blok_resize_nearest(const blok_resize_how *how, const blok_resize_axis *axis, int64_t x);

// Cells that each output cell is the weighted sum of (linear, cubic).
int64_t blok_resize_taps(const blok_resize_how *how, const blok_resize_axis *axis);

// Fills cells and weights of output cell x. False when x lies outside and takes the extrapolation
// value; weights are then all 0.
bool blok_resize_weigh(const blok_resize_how *how, const blok_resize_axis *axis, int64_t x,
                       int64_t *cells, double *weights);

// A whole Resize: its attributes, and every axis of x.
typedef struct blok_resize_job {
  blok_resize_how how;
  blok_resize_axis axes[BLOK_MAX_RANK];
} blok_resize_job;

// Reads the call's node, the shapes of in[0] and out[0], and the elements of roi, scales and sizes;
// BLOK_E_SHAPE where they do not agree.
BLOK_MUST_CHECK blok_status blok_resize_plan(const blok_ref_call *call, blok_resize_job *job,
                                             blok_error *error);

#endif  // BLOK_REFERENCE_RESIZE_AXIS_H
