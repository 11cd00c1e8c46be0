// Heads and decoders: what a detector reads from one level, and one step of an encoder-decoder.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "blocks/build/build.h"
#include "blocks/nets/nets.h"

blok_status blok_net_check_name(const char *name, blok_error *error) {
  if (strlen(name) <= BLOK_NET_NAME) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the name '%s' has %zu bytes, more than %d",
                   blok_quote(name).text, strlen(name), BLOK_NET_NAME);
}

// ---- Sizes --------------------------------------------------------------------------------------

// "[N, 16, 8, 8]"
static const char *print_axes(const blok_value_info *info, char *text, size_t size) {
  size_t used = 0;
  (void)snprintf(text, size, "[");
  for (int32_t i = 0; i < info->rank; i++) {
    char number[24];
    used = strlen(text);
    (void)snprintf(number, sizeof number, "%" PRId64, info->axes[i].value);
    const char *symbol = info->axes[i].symbol ? info->axes[i].symbol : "?";
    (void)snprintf(text + used, size - used, "%s%.24s", i == 0 ? "" : ", ",
                   info->axes[i].value >= 0 ? number : symbol);
  }
  used = strlen(text);
  (void)snprintf(text + used, size - used, "]");
  return text;
}

blok_status blok_net_check_twice(blok_builder *builder, const char *name, blok_value_id small,
                                 blok_value_id large, blok_error *error) {
  const blok_value_id values[2] = {small, large};
  int64_t sizes[2][2];
  char shapes[2][160];
  for (size_t i = 0; i < 2; i++) {
    blok_value_info info = BLOK_VALUE_INFO_INIT;
    if (blok_build_value_info(builder, values[i], &info) != BLOK_OK || info.rank != 4) {
      return BLOK_FAIL(error, BLOK_E_SHAPE,
                       "%s: check 'shape': a level must be a picture [N, C, H, W] of the builder's",
                       blok_quote(name).text);
    }
    print_axes(&info, shapes[i], sizeof shapes[i]);
    for (size_t k = 0; k < 2; k++) sizes[i][k] = info.axes[2 + k].value;
  }
  for (size_t k = 0; k < 2; k++) {
    if (sizes[0][k] < 0 || sizes[1][k] < 0) continue;  // open: the run will tell
    if (sizes[1][k] % 2 != 0 || sizes[1][k] / 2 != sizes[0][k]) {
      return BLOK_FAIL(
          error, BLOK_E_SHAPE,
          "%s: check 'shape': %s is not exactly twice as high and wide as %s: give an input "
          "whose height and width halve evenly down to there",
          blok_quote(name).text, shapes[1], shapes[0]);
    }
  }
  return BLOK_OK;
}

// ---- Detector -----------------------------------------------------------------------------------

// Two convolutions with ReLU and one of out channels, called by their places in a row of five.
static blok_status tower(blok_builder *builder, const char *name, const char *word,
                         int32_t channels, int32_t out, blok_value_id *x, blok_error *error) {
  for (int i = 0; i < 4; i += 2) {
    const blok_net_text conv = blok_net_name("%s.%s.%d", name, word, i);
    const blok_net_text act = blok_net_name("%s.%s.%d", name, word, i + 1);
    BLOK_TRY(blok_net_plain(builder, conv.text, (blok_net_conv){channels, 3, 1, true}, x, error));
    BLOK_TRY(blok_build_activation(builder, act.text, BLOK_ACT_RELU, 0, 0, x, error));
  }
  const blok_net_text last = blok_net_name("%s.%s.4", name, word);
  return blok_net_plain(builder, last.text, (blok_net_conv){out, 3, 1, true}, x, error);
}

static blok_status detect(blok_builder *builder, const char *name, int32_t classes,
                          int32_t channels, blok_value_id *scores, blok_value_id *boxes,
                          blok_error *error) {
  const blok_net_text act = blok_net_name("%s.boxes.5", name);
  BLOK_TRY(tower(builder, name, "scores", channels, classes, scores, error));
  BLOK_TRY(tower(builder, name, "boxes", channels, 4, boxes, error));
  return blok_build_activation(builder, act.text, BLOK_ACT_RELU, 0, 0, boxes, error);
}

blok_status blok_build_detect(blok_builder *builder, const char *name, int32_t classes,
                              int32_t channels, blok_value_id x, blok_value_id *scores,
                              blok_value_id *boxes, blok_error *error) {
  blok_value_id made[2] = {x, x};
  blok_error_clear(error);
  if (!builder || !name || !scores || !boxes) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "a detector's head: builder, name, scores or boxes is NULL");
  }
  BLOK_TRY(blok_net_check_name(name, error));
  if (classes < 1 || channels < 1) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: %" PRId32 " classes, %" PRId32 " channels: at least 1 of each is wanted",
                     blok_quote(name).text, classes, channels);
  }
  const blok_build_mark mark = blok_builder_mark(builder);
  const bool shares = builder->shares;
  builder->shares = true;
  const blok_status status = detect(builder, name, classes, channels, &made[0], &made[1], error);
  builder->shares = shares;
  BLOK_TRY(blok_builder_close(builder, &mark, status));
  *scores = made[0];
  *boxes = made[1];
  return BLOK_OK;
}

// ---- Decoder ------------------------------------------------------------------------------------

static blok_status merge(blok_builder *builder, const char *name, const blok_block_options *options,
                         blok_value_id skip, blok_value_id *x, blok_error *error) {
  const char *dot = name[0] == '\0' ? "" : ".";
  const blok_net_text up = blok_net_name("%s%sup", name, dot);
  const blok_net_text join = blok_net_name("%s%sjoin", name, dot);
  blok_value_id parts[2] = {*x, skip};
  BLOK_TRY(blok_net_check_twice(builder, name, *x, skip, error));
  BLOK_TRY(blok_build_upsample(builder, up.text, 2, false, &parts[0], error));
  BLOK_TRY(blok_build_concat(builder, join.text, parts, 2, 1, x, error));
  return blok_build_basic(builder, name, options, x, error);
}

blok_status blok_build_merge(blok_builder *builder, const char *name,
                             const blok_block_options *options, blok_value_id skip,
                             blok_value_id *x, blok_error *error) {
  blok_error_clear(error);
  if (!builder || !name || !x) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a decoder's step: builder, name or x is NULL");
  }
  BLOK_TRY(blok_net_check_name(name, error));
  blok_value_id made = *x;
  const blok_build_mark mark = blok_builder_mark(builder);
  BLOK_TRY(blok_builder_close(builder, &mark, merge(builder, name, options, skip, &made, error)));
  *x = made;
  return BLOK_OK;
}
