// The arrays of an epilogue, by channel: from the constants of a region into the pack store.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "runtime/plan/lowering.h"

// ---- Folding ------------------------------------------------------------------------------------

enum { NORM = 0, ANCHOR_BIAS = 4, REGION_BIAS = 5 };  // values of a key

typedef struct fold {
  uint32_t channels;
  float epsilon;
} fold;

// Element i of a constant of one number or of one a channel; fallback where there is none.
static double number(const blok_tensor *tensor, uint32_t i, double fallback) {
  if (!tensor->data) return fallback;
  const size_t at = tensor->bytes == sizeof(float) ? 0 : i;
  return (double)((const float *)tensor->data)[at];
}

double blok_norm_factor(const blok_tensor *scale, const blok_tensor *variance, uint32_t channel,
                        float epsilon) {
  if (!scale->data) return 1;
  return number(scale, channel, 1) / sqrt(number(variance, channel, 1) + (double)epsilon);
}

static double norm_factor(const blok_tensor *values, uint32_t i, float epsilon) {
  return blok_norm_factor(&values[NORM], &values[NORM + 3], i, epsilon);
}

static blok_status fill_mul(void *context, const blok_tensor *values, void *out,
                            blok_error *error) {
  const fold *self = context;
  (void)error;
  for (uint32_t i = 0; i < self->channels; i++) {
    ((float *)out)[i] = (float)norm_factor(values, i, self->epsilon);
  }
  return BLOK_OK;
}

// norm(r + anchor's bias) + region's bias, less what mul does to r.
static blok_status fill_bias(void *context, const blok_tensor *values, void *out,
                             blok_error *error) {
  const fold *self = context;
  (void)error;
  for (uint32_t i = 0; i < self->channels; i++) {
    const double bias = number(&values[ANCHOR_BIAS], i, 0) - number(&values[NORM + 2], i, 0);
    const double shifted =
        bias * norm_factor(values, i, self->epsilon) + number(&values[NORM + 1], i, 0);
    ((float *)out)[i] = (float)(shifted + number(&values[REGION_BIAS], i, 0));
  }
  return BLOK_OK;
}

static blok_status fill_channels(void *context, const blok_tensor *values, void *out,
                                 blok_error *error) {
  const fold *self = context;
  (void)error;
  for (uint32_t i = 0; i < self->channels; i++) {
    ((float *)out)[i] = (float)number(&values[0], i, 0);
  }
  return BLOK_OK;
}

// ---- Asking for the arrays ----------------------------------------------------------------------

static bool is_fit(const blok_lowering *lowering, blok_value_id value, uint32_t channels) {
  size_t count;
  if (!value.i) return true;
  const blok_literal *literal = blok_value_at(lowering->graph, value)->literal;
  return literal && literal->dtype == BLOK_F32 && blok_literal_count(literal, &count) &&
         (count == 1 || count == channels);
}

static blok_status ask(blok_lowering *lowering, blok_pack_key *key, uint32_t channels,
                       float epsilon, blok_pack_fn fill, const float **out, blok_error *error) {
  const uint32_t lanes = lowering->isa->lanes;
  fold context = {channels, epsilon};
  uint32_t bits;
  memcpy(&bits, &epsilon, sizeof bits);
  key->numbers[0] = channels;
  key->numbers[1] = bits;
  const size_t bytes = (size_t)((channels + lanes - 1) / lanes) * lanes * sizeof(float);
  const void *data;
  BLOK_TRY(blok_lower_pack(lowering, key, bytes, fill, &context, &data, error));
  *out = data;
  return BLOK_OK;
}

static blok_status ask_channels(blok_lowering *lowering, blok_value_id value, uint32_t channels,
                                const float **out, blok_error *error) {
  *out = NULL;
  if (!value.i) return BLOK_OK;
  blok_pack_key key = {.format = "channels", .values = {value}};
  return ask(lowering, &key, channels, 0, fill_channels, out, error);
}

blok_status blok_lower_epilogue(blok_lowering *lowering, const blok_region *region,
                                blok_value_id anchor_bias, uint32_t channels, bool fold_mul,
                                blok_epilogue *epilogue, bool *fits, blok_error *error) {
  *epilogue = (blok_epilogue){.act = region->act, .after = region->after};
  *fits = is_fit(lowering, anchor_bias, channels) && is_fit(lowering, region->bias, channels) &&
          is_fit(lowering, region->slope, channels) && is_fit(lowering, region->scale, channels);
  for (uint32_t i = 0; i < 4; i++) {
    *fits = *fits && is_fit(lowering, region->norm[i], channels);
  }
  if (!*fits) return BLOK_OK;
  blok_pack_key key = {0};
  for (uint32_t i = 0; i < 4; i++) key.values[NORM + i] = region->norm[i];
  if (region->norm[0].i && !fold_mul) {
    key.format = "norm factors";
    BLOK_TRY(ask(lowering, &key, channels, region->epsilon, fill_mul, &epilogue->mul, error));
  }
  if (region->norm[0].i || anchor_bias.i || region->bias.i) {
    key.format = "biases";
    key.values[ANCHOR_BIAS] = anchor_bias;
    key.values[REGION_BIAS] = region->bias;
    BLOK_TRY(ask(lowering, &key, channels, region->epsilon, fill_bias, &epilogue->bias, error));
  }
  BLOK_TRY(ask_channels(lowering, region->slope, channels, &epilogue->slope, error));
  return ask_channels(lowering, region->scale, channels, &epilogue->scale, error);
}
