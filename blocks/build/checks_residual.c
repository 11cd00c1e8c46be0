// The guide's four checks of a block with an addition: F(x) and skip(x) must meet.
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "blocks/build/checks.h"

static const char order_check[] = "norm and activation order";

// ---- The descriptor in itself -------------------------------------------------------------------

static blok_status check_order(const char *scope, const blok_residual_desc *desc,
                               blok_error *error) {
  if (desc->order != BLOK_ORDER_POST && desc->order != BLOK_ORDER_PRE) {
    return blok_check_fail(scope, order_check, BLOK_E_ARGUMENT, error,
                           "the order is %s (%d): give post (conv, norm, activation) or pre (norm, "
                           "activation, conv)",
                           blok_order_name(desc->order), (int)desc->order);
  }
  if (desc->order == BLOK_ORDER_POST && desc->projection_after_preact) {
    return blok_check_fail(
        scope, order_check, BLOK_E_ARGUMENT, error,
        "projection_after_preact in post order: only pre order has a norm and an "
        "activation before its first convolution");
  }
  if (desc->order == BLOK_ORDER_PRE && desc->has_se && desc->se_before_act) {
    return blok_check_fail(
        scope, order_check, BLOK_E_ARGUMENT, error,
        "se_before_act in pre order: there no activation follows a convolution's "
        "norm");
  }
  if (desc->skip == BLOK_SKIP_NONE && desc->after_add != BLOK_ACT_NONE) {
    return blok_check_fail(scope, order_check, BLOK_E_ARGUMENT, error,
                           "%s behind the addition of a block that has none: skip is none",
                           blok_activation_name(desc->after_add));
  }
  return blok_check_activation(scope, "the sum", desc->after_add, desc->after_alpha,
                               desc->after_beta, error);
}

static blok_status check_steps(const char *scope, const blok_residual_desc *desc,
                               blok_error *error) {
  const bool projects = desc->skip == BLOK_SKIP_PROJECTION;
  if (desc->skip < BLOK_SKIP_NONE || desc->skip > BLOK_SKIP_PROJECTION) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: skip is %d: see blok_skip",
                     blok_quote(scope).text, (int)desc->skip);
  }
  if (desc->skip_steps < projects || desc->skip_steps > (projects ? BLOK_SKIP_STEPS : 0)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: a skip path that is %s has %d steps: give %s",
                     blok_quote(scope).text, blok_skip_name(desc->skip), (int)desc->skip_steps,
                     projects ? "1 to 6" : "0, or make it a projection");
  }
  return BLOK_OK;
}

static blok_status check_parts(const char *scope, const blok_residual_desc *desc,
                               blok_error *error) {
  if (desc->convs != 2 && desc->convs != 3) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: F(x) of %d convolutions: a block is built with 2 or 3",
                     blok_quote(scope).text, (int)desc->convs);
  }
  if (desc->skip_elsewhere || desc->channels_last) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: a block with %s cannot be built from x alone",
                     blok_quote(scope).text,
                     desc->skip_elsewhere ? "skip_elsewhere" : "channels_last");
  }
  if (desc->has_se && (desc->se_conv < 0 || desc->se_conv >= desc->convs)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: the squeeze-excite stands behind convolution %d of %d: give 0 to %d",
                     blok_quote(scope).text, (int)desc->se_conv, (int)desc->convs,
                     (int)desc->convs - 1);
  }
  if (desc->scale < BLOK_SCALE_NONE || desc->scale > BLOK_SCALE_CHANNELS ||
      (desc->scale == BLOK_SCALE_NUMBER && !isfinite(desc->scale_number))) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: the scale of F(x) is %d, by %g",
                     blok_quote(scope).text, (int)desc->scale, desc->scale_number);
  }
  if (!(desc->drop_path >= 0 && desc->drop_path < 1)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: drop_path is %g: give a rate from 0 to below 1",
                     blok_quote(scope).text, desc->drop_path);
  }
  return check_steps(scope, desc, error);
}

// ---- F(x) and skip(x) ---------------------------------------------------------------------------

static blok_status walk_body(const char *scope, blok_residual_desc *desc, blok_picture *picture,
                             blok_error *error) {
  for (int32_t i = 0; i < desc->convs; i++) {
    char what[] = "conv1";
    what[4] = (char)('1' + i);
    BLOK_TRY(blok_check_conv_at(scope, what, desc->order, picture, &desc->conv[i], error));
    if (desc->has_se && desc->se_conv == i) {
      BLOK_TRY(blok_check_se_at(scope, picture->channels, &desc->se, error));
    }
  }
  return BLOK_OK;
}

// The length of an axis of the picture: 1 its channels, 2 and 3 its sizes; NULL for others.
static int64_t *axis_of(blok_picture *picture, int32_t axis) {
  if (axis == 1) return &picture->channels;
  return axis == 2 || axis == 3 ? &picture->size[axis - 2] : NULL;
}

static blok_status walk_pad(const char *scope, const char *what, const blok_skip_step *step,
                            blok_picture *picture, blok_error *error) {
  int64_t *length = axis_of(picture, step->axis);
  int64_t total = 0;
  if (!length || step->begin < 0 || step->end < 0 ||
      __builtin_add_overflow(step->begin, step->end, &total) ||
      (*length >= 0 && __builtin_add_overflow(*length, total, &total)) || total > INT32_MAX) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: %s puts %lld and %lld zeros along axis %d of %s",
                     blok_quote(scope).text, what, (long long)step->begin, (long long)step->end,
                     (int)step->axis, blok_picture_text(picture).text);
  }
  if (*length >= 0) *length = total;
  return BLOK_OK;
}

static blok_status walk_slice(const char *scope, const char *what, const blok_skip_step *step,
                              blok_picture *picture, blok_error *error) {
  int64_t *length = axis_of(picture, step->axis);
  const int64_t end = length && *length >= 0 && step->end > *length ? *length : step->end;
  if (!length || step->begin < 0 || step->step < 1 || end <= step->begin) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: %s takes %lld to %lld by %lld along axis %d of %s",
                     blok_quote(scope).text, what, (long long)step->begin, (long long)step->end,
                     (long long)step->step, (int)step->axis, blok_picture_text(picture).text);
  }
  if (step->axis > 1) picture->stride[step->axis - 2] *= step->step;
  if (*length >= 0) *length = (end - step->begin - 1) / step->step + 1;
  return BLOK_OK;
}

static blok_status walk_step(const char *scope, const char *what, blok_skip_step *step,
                             blok_picture *picture, blok_error *error) {
  const blok_check_window window = {step->kernel, step->stride, step->pads, NULL, step->ceil_mode};
  switch (step->op) {
    case BLOK_SKIP_CONV:
      BLOK_TRY(blok_check_conv_at(scope, what, BLOK_ORDER_POST, picture, &step->conv, error));
      if (step->conv.activation == BLOK_ACT_NONE) return BLOK_OK;
      return blok_check_fail(scope, order_check, BLOK_E_ARGUMENT, error,
                             "%s of the skip path has the activation %s: a skip path has none",
                             what, blok_activation_name(step->conv.activation));
    case BLOK_SKIP_NORM:
      if (step->conv.in_channels == 0) step->conv.in_channels = (int32_t)picture->channels;
      if (step->conv.in_channels != picture->channels) {
        return blok_check_fail(scope, "channel transition", BLOK_E_SHAPE, error,
                               "the norm of the skip path is of %d channels and gets %s",
                               (int)step->conv.in_channels, blok_picture_text(picture).text);
      }
      return blok_check_norm(scope, what, step->conv.norm, &step->conv.norm_groups,
                             step->conv.epsilon, picture->channels, error);
    case BLOK_SKIP_AVERAGE_POOL:
    case BLOK_SKIP_MAX_POOL:
      return blok_check_window_at(scope, what, &window, picture, error);
    case BLOK_SKIP_PAD:
      return walk_pad(scope, what, step, picture, error);
    case BLOK_SKIP_SLICE:
      return walk_slice(scope, what, step, picture, error);
    case BLOK_SKIP_SCALE:
      step->conv.in_channels = (int32_t)picture->channels;
      if (step->scale == BLOK_SCALE_NUMBER ||
          (step->scale == BLOK_SCALE_CHANNELS && step->axis == 1 && !step->divides)) {
        return BLOK_OK;
      }
      break;
  }
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: %s of the skip path is %d: see blok_skip_op",
                   blok_quote(scope).text, what, (int)step->op);
}

static blok_status walk_skip(const char *scope, blok_residual_desc *desc, blok_picture *picture,
                             blok_error *error) {
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    char what[] = "step 1";
    what[5] = (char)('1' + i);
    BLOK_TRY(walk_step(scope, what, &desc->skip_step[i], picture, error));
  }
  return BLOK_OK;
}

// ---- Where they meet ----------------------------------------------------------------------------

static blok_status refuse_strides(const char *scope, const blok_residual_desc *desc,
                                  const blok_picture *body, const blok_picture *skip,
                                  blok_error *error) {
  char stride[48];
  const bool square = body->stride[0] == body->stride[1];
  (void)snprintf(stride, sizeof stride, square ? "%lld" : "%lldx%lld", (long long)body->stride[0],
                 (long long)body->stride[1]);
  return blok_check_fail(scope, "downsample", BLOK_E_SHAPE, error,
                         "F(x) makes %s and skip(x) %s: the skip path needs a projection with "
                         "stride %s%s",
                         blok_picture_text(body).text, blok_picture_text(skip).text, stride,
                         desc->skip == BLOK_SKIP_PROJECTION ? ", as F(x) has" : "");
}

static blok_status refuse_channels(const char *scope, int64_t wanted, const blok_picture *body,
                                   const blok_picture *skip, blok_error *error) {
  return blok_check_fail(scope, "channel transition", BLOK_E_SHAPE, error,
                         "F(x) makes %s and skip(x) %s: the skip path needs a projection to %lld "
                         "channels",
                         blok_picture_text(body).text, blok_picture_text(skip).text,
                         (long long)wanted);
}

static blok_status meet(const char *scope, const blok_residual_desc *desc, const blok_picture *body,
                        const blok_picture *skip, blok_error *error) {
  const int64_t wanted = desc->skip_channels ? desc->skip_channels : body->channels;
  bool sizes = true, known = true;
  for (int a = 0; a < 2; a++) {
    if (body->size[a] != skip->size[a]) sizes = false;
    if (body->size[a] < 0 || skip->size[a] < 0) known = false;
  }
  const bool strides = body->stride[0] == skip->stride[0] && body->stride[1] == skip->stride[1];
  if ((!sizes || !known) && !strides) return refuse_strides(scope, desc, body, skip, error);
  if (!sizes) {
    return blok_check_fail(
        scope, "shape", BLOK_E_SHAPE, error,
        "F(x) makes %s and skip(x) %s: the pads of F(x)'s convolutions must keep "
        "the picture's size",
        blok_picture_text(body).text, blok_picture_text(skip).text);
  }
  if (desc->skip_channels < 0 ||
      desc->skip_channels >= (desc->skip_channels ? body->channels : 1)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: skip_channels is %d of F(x)'s %lld: give fewer, or 0 for all",
                     blok_quote(scope).text, (int)desc->skip_channels, (long long)body->channels);
  }
  return skip->channels == wanted ? BLOK_OK : refuse_channels(scope, wanted, body, skip, error);
}

blok_status blok_check_residual(const char *scope, const blok_fact *x, blok_residual_desc *desc,
                                blok_error *error) {
  int32_t channels = 0;
  BLOK_TRY(blok_check_picture(scope, x, &channels, error));
  BLOK_TRY(check_parts(scope, desc, error));
  BLOK_TRY(check_order(scope, desc, error));
  blok_picture body = blok_picture_of(x), skip = body;
  BLOK_TRY(walk_body(scope, desc, &body, error));
  if (desc->skip == BLOK_SKIP_NONE) return BLOK_OK;
  BLOK_TRY(walk_skip(scope, desc, &skip, error));
  return meet(scope, desc, &body, &skip, error);
}
