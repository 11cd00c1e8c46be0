// Necks: feature maps of several sizes, made of each other.
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "blocks/build/build.h"
#include "blocks/nets/nets.h"

enum { MOST_LEVELS = 16 };

typedef struct blok_neck {
  blok_builder *builder;
  const char *name;
  int32_t channels;
  blok_value_id levels[MOST_LEVELS];
  uint32_t count;
  blok_error *error;
} blok_neck;

static blok_status begin(blok_neck *neck, blok_builder *builder, const char *name, int32_t channels,
                         const blok_value_id *levels, uint32_t count, blok_error *error) {
  blok_error_clear(error);
  memset(neck, 0, sizeof *neck);
  if (!builder || !name || !levels) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a neck: builder, name or levels is NULL");
  }
  BLOK_TRY(blok_net_check_name(name, error));
  if (count == 0 || count > MOST_LEVELS || channels < 1) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: %" PRIu32 " levels of %" PRId32
                     " channels: 1 to %d levels and at least "
                     "1 channel are wanted",
                     blok_quote(name).text, count, channels, MOST_LEVELS);
  }
  neck->builder = builder;
  neck->name = name;
  neck->channels = channels;
  neck->count = count;
  neck->error = error;
  memcpy(neck->levels, levels, count * sizeof *levels);
  return BLOK_OK;
}

// Each level must be exactly twice as large as the next.
static blok_status check_sizes(const blok_neck *neck) {
  for (uint32_t i = 0; i + 1 < neck->count; i++) {
    BLOK_TRY(blok_net_check_twice(neck->builder, neck->name, neck->levels[i + 1], neck->levels[i],
                                  neck->error));
  }
  return BLOK_OK;
}

static blok_status conv(const blok_neck *neck, const char *word, uint32_t index, int32_t kernel,
                        int32_t stride, blok_value_id *x) {
  const blok_net_text name = blok_net_name("%s.%s.%" PRIu32, neck->name, word, index);
  return blok_net_plain(neck->builder, name.text,
                        (blok_net_conv){neck->channels, kernel, stride, true}, x, neck->error);
}

static blok_status relu(const blok_neck *neck, const char *word, uint32_t index, blok_value_id *x) {
  const blok_net_text name = blok_net_name("%s.%s.%" PRIu32 ".act", neck->name, word, index);
  return blok_build_activation(neck->builder, name.text, BLOK_ACT_RELU, 0, 0, x, neck->error);
}

// ---- Feature pyramid ----------------------------------------------------------------------------

static blok_status pyramid(blok_neck *neck) {
  BLOK_TRY(check_sizes(neck));
  for (uint32_t i = 0; i < neck->count; i++) {
    BLOK_TRY(conv(neck, "lateral", i, 1, 1, &neck->levels[i]));
  }
  for (uint32_t i = neck->count - 1; i-- > 0;) {
    const blok_net_text up = blok_net_name("%s.up.%" PRIu32, neck->name, i);
    const blok_net_text add = blok_net_name("%s.add.%" PRIu32, neck->name, i);
    blok_value_id coarse = neck->levels[i + 1];
    BLOK_TRY(blok_build_upsample(neck->builder, up.text, 2, false, &coarse, neck->error));
    BLOK_TRY(blok_build_add(neck->builder, add.text, coarse, &neck->levels[i], neck->error));
  }
  for (uint32_t i = 0; i < neck->count; i++) {
    BLOK_TRY(conv(neck, "output", i, 3, 1, &neck->levels[i]));
  }
  return BLOK_OK;
}

// ---- Path aggregation ---------------------------------------------------------------------------

static blok_status aggregation(blok_neck *neck) {
  BLOK_TRY(pyramid(neck));
  for (uint32_t i = 0; i + 1 < neck->count; i++) {
    const blok_net_text join = blok_net_name("%s.join.%" PRIu32, neck->name, i);
    blok_value_id parts[2] = {neck->levels[i], neck->levels[i + 1]};
    blok_value_id *x = &neck->levels[i + 1];
    BLOK_TRY(conv(neck, "down", i, 3, 2, &parts[0]));
    BLOK_TRY(relu(neck, "down", i, &parts[0]));
    BLOK_TRY(blok_build_concat(neck->builder, join.text, parts, 2, 1, x, neck->error));
    BLOK_TRY(conv(neck, "mix", i, 3, 1, x));
    BLOK_TRY(relu(neck, "mix", i, x));
  }
  return BLOK_OK;
}

// ---- All or nothing -----------------------------------------------------------------------------

static blok_status build(blok_neck *neck, blok_status (*body)(blok_neck *), blok_value_id *levels) {
  const blok_build_mark mark = blok_builder_mark(neck->builder);
  BLOK_TRY(blok_builder_close(neck->builder, &mark, body(neck)));
  memcpy(levels, neck->levels, neck->count * sizeof *levels);
  return BLOK_OK;
}

blok_status blok_build_fpn(blok_builder *builder, const char *name, int32_t channels,
                           blok_value_id *levels, uint32_t count, blok_error *error) {
  blok_neck neck;
  BLOK_TRY(begin(&neck, builder, name, channels, levels, count, error));
  return build(&neck, pyramid, levels);
}

blok_status blok_build_pan(blok_builder *builder, const char *name, int32_t channels,
                           blok_value_id *levels, uint32_t count, blok_error *error) {
  blok_neck neck;
  BLOK_TRY(begin(&neck, builder, name, channels, levels, count, error));
  return build(&neck, aggregation, levels);
}
