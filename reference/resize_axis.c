// Coordinates and filters of Resize.
//
// An output cell x stands at coordinate c of the input. Nearest rounds c. Linear and cubic weigh
// the cells near c by a filter of their distance: a tent of radius 1, or two cubic pieces of
// radius 2. Antialiasing widens the filter by 1 / scale where the axis shrinks.
#include "reference/resize_axis.h"

#include <math.h>

#include "base/size.h"

// ---- Attributes ---------------------------------------------------------------------------------
static bool read_choice(const blok_node *node, const char *name, const char *const *choices,
                        int count, int *out, const char **what) {
  for (int i = 0; i < count; i++) {
    if (blok_node_text_is(node, name, choices[0], choices[i])) {
      *out = i;
      return true;
    }
  }
  *what = name;
  return false;
}

bool blok_resize_read(const blok_node *node, blok_resize_how *out, const char **what) {
  // In the order of the enums, the default first.
  static const char *const modes[] = {"nearest", "linear", "cubic"};
  static const char *const transforms[] = {"half_pixel",         "half_pixel_symmetric",
                                           "pytorch_half_pixel", "align_corners",
                                           "asymmetric",         "tf_crop_and_resize"};
  static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil"};
  int mode, transform, rounding;
  if (!read_choice(node, "mode", modes, 3, &mode, what) ||
      !read_choice(node, "coordinate_transformation_mode", transforms, 6, &transform, what) ||
      !read_choice(node, "nearest_mode", roundings, 4, &rounding, what)) {
    return false;
  }
  out->mode = (blok_resize_mode)mode;
  out->transform = (blok_resize_transform)transform;
  out->rounding = (blok_resize_rounding)rounding;
  out->antialias = blok_node_int(node, "antialias", 0) != 0;
  out->exclude_outside = blok_node_int(node, "exclude_outside", 0) != 0;
  out->cubic_a = (double)blok_node_float(node, "cubic_coeff_a", -0.75f);
  out->extrapolation = (double)blok_node_float(node, "extrapolation_value", 0.0f);
  return true;
}

// ---- Coordinates --------------------------------------------------------------------------------
bool blok_resize_is_identity(const blok_resize_how *how, const blok_resize_axis *axis) {
  if (axis->in != axis->out || axis->up < axis->down || axis->up > axis->down) return false;
  return how->transform != BLOK_RESIZE_CROP || (axis->roi_start == 0.0 && axis->roi_end == 1.0);
}

// at / scale. A scale is a float that stands for the number its author wrote, so 17 / 1.7f may fall
// just below 10. Nearest would then take another cell; it rounds the quotient to a float, as who
// divides in float32 does. Beyond 2^22 a float no longer holds halves of a cell.
static double unscaled(const blok_resize_how *how, const blok_resize_axis *axis, double at) {
  const double fine = 0x1p22;
  double cell = at * axis->down / axis->up;
  return how->mode == BLOK_RESIZE_NEAREST && cell < fine ? (double)(float)cell : cell;
}

// False when x lies outside the input and nothing is to be read there.
static bool coordinate_of(const blok_resize_how *how, const blok_resize_axis *axis, int64_t x,
                          double *out) {
  double at = (double)x;
  double width = (double)axis->in * axis->up / axis->down;  // of the output, before it is cut
  double last = (double)(axis->in - 1);
  double half_pixel = unscaled(how, axis, at + 0.5) - 0.5;
  switch (how->transform) {
    case BLOK_RESIZE_HALF_PIXEL:
      *out = half_pixel;
      return true;
    case BLOK_RESIZE_HALF_PIXEL_SYMMETRIC:
      *out = (double)axis->in / 2 * (1 - (double)axis->out / width) + half_pixel;
      return true;
    case BLOK_RESIZE_PYTORCH_HALF_PIXEL:
      *out = axis->out > 1 ? half_pixel : 0;
      return true;
    case BLOK_RESIZE_ALIGN_CORNERS:
      *out = axis->out > 1 ? at * last / (width - 1) : 0;
      return true;
    case BLOK_RESIZE_ASYMMETRIC:
      *out = unscaled(how, axis, at);
      return true;
    case BLOK_RESIZE_CROP:
      break;
  }
  double extent = axis->roi_end - axis->roi_start;
  *out = axis->out > 1 ? axis->roi_start * last + at * extent * last / (width - 1)
                       : 0.5 * (axis->roi_start + axis->roi_end) * last;
  return *out >= 0 && *out <= last;
}

int64_t blok_resize_nearest(const blok_resize_how *how, const blok_resize_axis *axis, int64_t x) {
  double at, cell = 0;
  if (!coordinate_of(how, axis, x, &at)) return -1;
  switch (how->rounding) {
    case BLOK_RESIZE_PREFER_FLOOR:
      cell = ceil(at - 0.5);
      break;
    case BLOK_RESIZE_PREFER_CEIL:
      cell = floor(at + 0.5);
      break;
    case BLOK_RESIZE_FLOOR:
      cell = floor(at);
      break;
    case BLOK_RESIZE_CEIL:
      cell = ceil(at);
      break;
  }
  return (int64_t)fmax(0, fmin(cell, (double)(axis->in - 1)));
}

// ---- Filters ------------------------------------------------------------------------------------
static double filter(const blok_resize_how *how, double distance) {
  double d = fabs(distance), a = how->cubic_a;
  if (how->mode == BLOK_RESIZE_LINEAR) return d < 1 ? 1 - d : 0;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

// How much narrower the input's cells are under the filter: 1, or the scale of a shrinking axis.
static double squeeze_of(const blok_resize_how *how, const blok_resize_axis *axis) {
  return how->antialias && axis->up < axis->down ? axis->up / axis->down : 1;
}

// The first cell under the filter, counted from the cell at or below the coordinate.
static int64_t first_tap(const blok_resize_how *how, const blok_resize_axis *axis) {
  double radius = how->mode == BLOK_RESIZE_LINEAR ? 1 : 2;
  if (how->antialias && axis->up < axis->down) radius = radius * axis->down / axis->up;
  return 1 - (int64_t)ceil(radius);
}

int64_t blok_resize_taps(const blok_resize_how *how, const blok_resize_axis *axis) {
  return 2 - 2 * first_tap(how, axis);
}

bool blok_resize_weigh(const blok_resize_how *how, const blok_resize_axis *axis, int64_t x,
                       int64_t *cells, double *weights) {
  double at;
  bool inside = coordinate_of(how, axis, x, &at);
  int64_t taps = blok_resize_taps(how, axis);
  int64_t first = inside ? (int64_t)floor(at) + first_tap(how, axis) : 0;
  double squeeze = squeeze_of(how, axis), sum = 0;
  for (int64_t i = 0; i < taps; i++) {
    int64_t cell = first + i;
    cells[i] = blok_max_i64(0, blok_min_i64(cell, axis->in - 1));
    weights[i] = inside ? filter(how, ((double)cell - at) * squeeze) : 0;
    if (how->exclude_outside && cells[i] != cell) weights[i] = 0;
    sum += weights[i];
  }
  bool normal = how->exclude_outside || squeeze < 1;
  if (normal && (sum < 0 || sum > 0)) {
    for (int64_t i = 0; i < taps; i++) weights[i] /= sum;
  }
  return inside;
}
