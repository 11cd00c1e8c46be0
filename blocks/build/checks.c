// Checks that concern every block: the picture that it reads, norms, activations, squeeze-excites.
#include "blocks/build/checks.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

// ---- Messages -----------------------------------------------------------------------------------

blok_status blok_check_fail(const char *scope, const char *check, blok_status status,
                            blok_error *error, const char *format, ...) {
  char text[700];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return BLOK_FAIL(error, status, "%s: check '%s': %s", blok_quote(scope).text, check, text);
}

blok_status blok_describe_at(const char *scope, blok_status status, blok_error *error) {
  if (status != BLOK_OK && error) blok_error_prefix(error, "%s: ", blok_quote(scope).text);
  return status;
}

blok_picture blok_picture_of(const blok_fact *x) {
  return (blok_picture){x, x->dims[1].value, {x->dims[2].value, x->dims[3].value}, {1, 1}};
}

blok_dims_text blok_picture_text(const blok_picture *picture) {
  const blok_dim dims[4] = {picture->x->dims[0],
                            {picture->channels, NULL},
                            {picture->size[0], NULL},
                            {picture->size[1], NULL}};
  const blok_fact fact = {.kind = BLOK_TYPE_TENSOR, .dtype = BLOK_F32, .rank = 4, .dims = dims};
  return blok_print_fact(&fact);
}

// ---- The picture --------------------------------------------------------------------------------

blok_status blok_check_picture(const char *scope, const blok_fact *x, int32_t *channels,
                               blok_error *error) {
  *channels = 0;
  if (x->kind != BLOK_TYPE_TENSOR || x->dtype != BLOK_F32) {
    return blok_check_fail(scope, "shape", BLOK_E_SHAPE, error,
                           "x is %s%s: blocks are built on float32",
                           x->kind == BLOK_TYPE_TENSOR && x->dtype ? blok_dtype_name(x->dtype)
                                                                   : "of a type that is not known",
                           x->rank >= 0 ? blok_print_fact(x).text : "");
  }
  if (x->rank != 4) {
    return blok_check_fail(scope, "shape", BLOK_E_SHAPE, error,
                           "x is %s: a picture has four axes [N, C, H, W]",
                           blok_print_fact(x).text);
  }
  const int64_t known = x->dims[1].value;
  if (known < 1 || known > INT32_MAX) {
    return blok_check_fail(scope, "shape", BLOK_E_SHAPE, error,
                           "x is %s: its channels (axis 1) must be known, and from 1 to %d",
                           blok_print_fact(x).text, INT32_MAX);
  }
  *channels = (int32_t)known;
  return BLOK_OK;
}

// ---- Norms and activations ----------------------------------------------------------------------

static const char order_check[] = "norm and activation order";

blok_status blok_check_norm(const char *scope, const char *what, blok_norm norm, int32_t *groups,
                            double epsilon, int64_t channels, blok_error *error) {
  if (norm < BLOK_NORM_NONE || norm > BLOK_NORM_LAYER) {
    return blok_check_fail(scope, order_check, BLOK_E_ARGUMENT, error,
                           "the norm of %s is %d, which is none: see blok_norm", what, (int)norm);
  }
  if (norm != BLOK_NORM_GROUP) *groups = 0;
  if (norm == BLOK_NORM_NONE) return BLOK_OK;
  if (!isfinite(epsilon) || epsilon < 0) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: the norm of %s has epsilon %g: give a small number, as 1e-5",
                     blok_quote(scope).text, what, epsilon);
  }
  if (norm != BLOK_NORM_GROUP) return BLOK_OK;
  if (*groups < 1 || channels % *groups != 0) {
    return blok_check_fail(scope, "channel transition", BLOK_E_ARGUMENT, error,
                           "the %lld channels of %s do not divide into %d groups of the norm: give "
                           "norm_groups that divide them",
                           (long long)channels, what, (int)*groups);
  }
  return BLOK_OK;
}

blok_status blok_check_activation(const char *scope, const char *what, blok_activation activation,
                                  double alpha, double beta, blok_error *error) {
  if (activation < BLOK_ACT_NONE || activation > BLOK_ACT_ELU) {
    return blok_check_fail(scope, order_check, BLOK_E_ARGUMENT, error,
                           "the activation of %s is %d, which is none: see blok_activation", what,
                           (int)activation);
  }
  const bool slope = activation == BLOK_ACT_LEAKY_RELU || activation == BLOK_ACT_ELU;
  const bool line = activation == BLOK_ACT_HARD_SIGMOID;
  const bool range = activation == BLOK_ACT_CLIP;
  const bool wrong = ((slope || line) && !isfinite(alpha)) || (line && !isfinite(beta)) ||
                     (range && !(alpha <= beta));
  if (!wrong) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: the %s of %s has alpha %g and beta %g",
                   blok_quote(scope).text, blok_activation_name(activation), what, alpha, beta);
}

// ---- Squeeze and excite -------------------------------------------------------------------------

static blok_status check_products(const char *scope, const blok_se_desc *desc, blok_error *error) {
  for (int i = 0; i < 2; i++) {
    if (desc->product[i] >= BLOK_PRODUCT_CONV && desc->product[i] <= BLOK_PRODUCT_LINEAR_IN_OUT) {
      continue;
    }
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: product %d of the squeeze-excite is %d: see blok_product",
                     blok_quote(scope).text, i, (int)desc->product[i]);
  }
  if (desc->norm == BLOK_NORM_NONE || desc->norm == BLOK_NORM_BATCH) return BLOK_OK;
  return blok_check_fail(scope, order_check, BLOK_E_ARGUMENT, error,
                         "the norm inside the squeeze-excite is %s (%d): only batch or none stands "
                         "there",
                         blok_norm_name(desc->norm), (int)desc->norm);
}

blok_status blok_check_se_at(const char *scope, int64_t channels, blok_se_desc *desc,
                             blok_error *error) {
  int32_t groups = 0;
  if (desc->channels == 0) desc->channels = (int32_t)channels;
  if (desc->channels != channels) {
    return blok_check_fail(
        scope, "channel transition", BLOK_E_SHAPE, error,
        "the squeeze-excite scales %d channels and gets %lld: give channels %lld",
        (int)desc->channels, (long long)channels, (long long)channels);
  }
  if (desc->hidden < 1) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: the squeeze-excite has %d hidden channels: give 1 or more",
                     blok_quote(scope).text, (int)desc->hidden);
  }
  if (desc->gate != BLOK_ACT_SIGMOID && desc->gate != BLOK_ACT_HARD_SIGMOID) {
    return blok_check_fail(
        scope, order_check, BLOK_E_ARGUMENT, error,
        "the gate of the squeeze-excite is %s (%d): give sigmoid or hard_sigmoid",
        blok_activation_name(desc->gate), (int)desc->gate);
  }
  BLOK_TRY(check_products(scope, desc, error));
  BLOK_TRY(blok_check_norm(scope, "the squeeze-excite", desc->norm, &groups, desc->epsilon,
                           desc->hidden, error));
  BLOK_TRY(blok_check_activation(scope, "the squeeze-excite", desc->activation, desc->alpha,
                                 desc->beta, error));
  return blok_check_activation(scope, "the squeeze-excite's gate", desc->gate, desc->gate_alpha,
                               desc->gate_beta, error);
}

blok_status blok_check_squeeze_excite(const char *scope, const blok_fact *x, blok_se_desc *desc,
                                      blok_error *error) {
  int32_t channels = 0;
  BLOK_TRY(blok_check_picture(scope, x, &channels, error));
  return blok_check_se_at(scope, channels, desc, error);
}
