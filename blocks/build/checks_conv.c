// Checks of a convolution, and of a window that moves over a picture.
#include "base/error.h"
#include "blocks/build/checks.h"

static blok_status bad_number(const char *scope, const char *what, const char *field, int32_t value,
                              int32_t least, blok_error *error) {
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: %s of %s is %d: give %d or more",
                   blok_quote(scope).text, field, what, (int)value, (int)least);
}

// ---- Windows ------------------------------------------------------------------------------------

static blok_status check_numbers(const char *scope, const char *what,
                                 const blok_check_window *window, blok_error *error) {
  for (int a = 0; a < 2; a++) {
    if (window->kernel[a] < 1) {
      return bad_number(scope, what, "kernel", window->kernel[a], 1, error);
    }
    if (window->stride[a] < 1) {
      return bad_number(scope, what, "stride", window->stride[a], 1, error);
    }
    if (window->dilation && window->dilation[a] < 1) {
      return bad_number(scope, what, "dilation", window->dilation[a], 1, error);
    }
  }
  for (int p = 0; p < 4; p++) {
    if (window->pads[p] < 0) return bad_number(scope, what, "pads", window->pads[p], 0, error);
  }
  return BLOK_OK;
}

blok_status blok_check_window_at(const char *scope, const char *what,
                                 const blok_check_window *window, blok_picture *picture,
                                 blok_error *error) {
  BLOK_TRY(check_numbers(scope, what, window, error));
  blok_picture made = *picture;
  for (int a = 0; a < 2; a++) {
    const int64_t dilation = window->dilation ? window->dilation[a] : 1;
    const int64_t reach = dilation * (window->kernel[a] - 1) + 1, stride = window->stride[a];
    if (__builtin_mul_overflow(made.stride[a], stride, &made.stride[a])) made.stride[a] = INT64_MAX;
    if (picture->size[a] < 0) continue;
    const int64_t padded = picture->size[a] + window->pads[a] + window->pads[2 + a];
    if (padded < reach) {
      return blok_check_fail(scope, "shape", BLOK_E_SHAPE, error,
                             "%s looks at %lld pixels (kernel %d, dilation %lld), and the picture "
                             "%s has %lld with its padding: take a smaller kernel or a larger "
                             "picture",
                             what, (long long)reach, (int)window->kernel[a], (long long)dilation,
                             blok_picture_text(picture).text, (long long)padded);
    }
    const int64_t over = window->ceil_mode ? stride - 1 : 0;
    made.size[a] = (padded - reach + over) / stride + 1;
    // A window that begins in the padding behind the picture does not count.
    if (window->ceil_mode && (made.size[a] - 1) * stride >= picture->size[a] + window->pads[a]) {
      made.size[a]--;
    }
  }
  *picture = made;
  return BLOK_OK;
}

// ---- Convolutions -------------------------------------------------------------------------------

static blok_status check_channels(const char *scope, const char *what, const blok_picture *picture,
                                  blok_conv_desc *desc, blok_error *error) {
  if (desc->in_channels == 0) desc->in_channels = (int32_t)picture->channels;
  if (desc->in_channels < 1) {
    return bad_number(scope, what, "in_channels", desc->in_channels, 1, error);
  }
  if (desc->out_channels < 1) {
    return bad_number(scope, what, "out_channels", desc->out_channels, 1, error);
  }
  if (desc->groups < 1) return bad_number(scope, what, "groups", desc->groups, 1, error);
  if (desc->in_channels != picture->channels) {
    return blok_check_fail(scope, "channel transition", BLOK_E_SHAPE, error,
                           "%s takes [?, %d, ?, ?] and gets %s: give in_channels %lld", what,
                           (int)desc->in_channels, blok_picture_text(picture).text,
                           (long long)picture->channels);
  }
  if (desc->in_channels % desc->groups == 0 && desc->out_channels % desc->groups == 0) {
    return BLOK_OK;
  }
  return blok_check_fail(scope, "channel transition", BLOK_E_ARGUMENT, error,
                         "%s takes %d channels to %d in %d groups: both must divide by the groups",
                         what, (int)desc->in_channels, (int)desc->out_channels, (int)desc->groups);
}

blok_status blok_check_conv_at(const char *scope, const char *what, blok_order order,
                               blok_picture *picture, blok_conv_desc *desc, blok_error *error) {
  const blok_check_window window = {desc->kernel, desc->stride, desc->pads, desc->dilation, false};
  BLOK_TRY(check_channels(scope, what, picture, desc, error));
  BLOK_TRY(blok_check_norm(scope, what, desc->norm, &desc->norm_groups, desc->epsilon,
                           order == BLOK_ORDER_PRE ? desc->in_channels : desc->out_channels,
                           error));
  BLOK_TRY(blok_check_activation(scope, what, desc->activation, desc->alpha, desc->beta, error));
  BLOK_TRY(blok_check_window_at(scope, what, &window, picture, error));
  picture->channels = desc->out_channels;
  return BLOK_OK;
}

blok_status blok_check_conv(const char *scope, const blok_fact *x, blok_conv_desc *desc,
                            blok_error *error) {
  int32_t channels = 0;
  BLOK_TRY(blok_check_picture(scope, x, &channels, error));
  blok_picture picture = blok_picture_of(x);
  return blok_check_conv_at(scope, "the convolution", BLOK_ORDER_POST, &picture, desc, error);
}
