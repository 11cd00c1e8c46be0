// The table of networks, and what building one by name begins with: options made whole.
//
// A net's words ("in, size, batch, ...") are the one statement of what it takes: each word stands
// for a field of blok_net_options, and a field without its word must hold what _INIT says.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/options.h"
#include "blocks/build/build.h"
#include "blocks/nets/nets.h"

static const blok_net_row *const rows[] = {
    &blok_net_conv_bn_act,      &blok_net_basic_post,     &blok_net_basic_pre,
    &blok_net_bottleneck_block, &blok_net_se_block,       &blok_net_se_res_block,
    &blok_net_baseline_cnn,     &blok_net_residual_cnn,   &blok_net_wide_resnet,
    &blok_net_bottleneck_cnn,   &blok_net_se_resnet,      &blok_net_resnet18,
    &blok_net_resnet34,         &blok_net_resnet50,       &blok_net_resnet101,
    &blok_net_mobilenet_v2,     &blok_net_classifier,     &blok_net_detector_fpn,
    &blok_net_detector_pan,     &blok_net_encoder_decoder};

enum { ROWS = sizeof rows / sizeof rows[0] };

const blok_net *blok_net_at(size_t index) { return index < ROWS ? &rows[index]->net : NULL; }

static const blok_net_row *find(const char *name) {
  for (size_t i = 0; i < ROWS; i++) {
    if (strcmp(rows[i]->net.name, name) == 0) return rows[i];
  }
  return NULL;
}

const blok_net *blok_net_find(const char *name) {
  const blok_net_row *row = name ? find(name) : NULL;
  return row ? &row->net : NULL;
}

// ---- Options ------------------------------------------------------------------------------------

// The numbers among the options. One that is given lies between least and most.
typedef struct number_field {
  const char *word;
  const char *field;
  size_t at;
  int32_t least, most;
} number_field;

#define NUMBER(word, field, least, most) \
  { word, #field, offsetof(blok_net_options, field), least, most }

static const number_field numbers[] = {NUMBER("in", in_channels, 1, 65536),
                                       NUMBER("out", out_channels, 1, 65536),
                                       NUMBER("kernel", kernel, 1, 31),
                                       NUMBER("stride", stride, 1, 31),
                                       NUMBER("size", height, 1, 65536),
                                       NUMBER("size", width, 1, 65536),
                                       NUMBER("batch", batch, 1, 65536),
                                       NUMBER("classes", classes, 1, 1000000),
                                       NUMBER("base", base, 1, 65536),
                                       NUMBER("depth", depth, 1, 10000),
                                       NUMBER("widen", widen, 1, 1000),
                                       NUMBER("blocks", blocks[0], 1, 1000),
                                       NUMBER("blocks", blocks[1], 1, 1000),
                                       NUMBER("blocks", blocks[2], 1, 1000),
                                       NUMBER("blocks", blocks[3], 1, 1000),
                                       NUMBER("norm-groups", norm_groups, 1, 65536),
                                       NUMBER("reduction", se_reduction, 1, 65536),
                                       NUMBER("min-hidden", se_min_hidden, 1, 65536)};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static int32_t *number_at(blok_net_options *options, const number_field *field) {
  return (int32_t *)(void *)((char *)options + field->at);
}

static bool takes(const blok_net *net, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = net->options; at; at = strchr(at, ' ')) {
    if (*at == ' ') at++;
    if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

// How messages call an option: its word, and the field where that is called otherwise.
typedef struct option_text {
  char text[48];
} option_text;

static option_text name_option(const char *word, const char *field) {
  option_text name;
  const size_t length = strlen(word);
  const bool same =
      strncmp(word, field, length) == 0 && (field[length] == '\0' || field[length] == '[');
  (void)snprintf(name.text, sizeof name.text, "%s%s%s%s", word, same ? "" : " (", same ? "" : field,
                 same ? "" : ")");
  return name;
}

// used: the caller gave another value than _INIT's.
static blok_status check_use(const blok_net *net, const char *word, const char *field, bool used,
                             blok_error *error) {
  if (!used || takes(net, word)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s has no use for %s: it takes %s", net->name,
                   name_option(word, field).text, net->options);
}

static blok_status take_numbers(const blok_net_row *row, blok_net_options *options,
                                blok_error *error) {
  blok_net_options init = BLOK_NET_OPTIONS_INIT;
  blok_net_options own = row->own;
  for (size_t i = 0; i < NUMBERS; i++) {
    const number_field *field = &numbers[i];
    int32_t *number = number_at(options, field);
    const int32_t unset = *number_at(&init, field);
    BLOK_TRY(check_use(&row->net, field->word, field->field, *number != unset, error));
    if (*number == unset) {
      if (unset == 0) *number = *number_at(&own, field);
    } else if (*number < field->least || *number > field->most) {
      return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                       "%s: %s is %" PRId32 ", which is not between %" PRId32 " and %" PRId32,
                       row->net.name, name_option(field->word, field->field).text, *number,
                       field->least, field->most);
    }
  }
  return BLOK_OK;
}

// Stages that were given replace the net's own as a whole.
static blok_status take_blocks(const blok_net_row *row, const blok_net_options *given,
                               blok_net_options *options, blok_error *error) {
  bool ended = false;
  bool any = false;
  for (size_t i = 0; i < 4; i++) {
    any = any || given->blocks[i] != 0;
    if (given->blocks[i] != 0 && ended) {
      return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: blocks has a stage behind an empty one",
                       row->net.name);
    }
    ended = ended || given->blocks[i] == 0;
  }
  if (any) memcpy(options->blocks, given->blocks, sizeof options->blocks);
  return BLOK_OK;
}

static blok_status take_words(const blok_net_row *row, blok_net_options *options,
                              blok_error *error) {
  const blok_net *net = &row->net;
  const double drop = options->drop_path;
  BLOK_TRY(check_use(net, "order", "order", options->order != BLOK_ORDER_NONE, error));
  BLOK_TRY(check_use(net, "act", "activation", options->activation != BLOK_ACT_NONE, error));
  BLOK_TRY(check_use(net, "norm", "norm", options->norm != BLOK_NORM_BATCH, error));
  BLOK_TRY(check_use(net, "se", "se", options->se, error));
  BLOK_TRY(check_use(net, "drop-path", "drop_path", drop < 0 || drop > 0 || drop != drop, error));
  if (!(drop >= 0 && drop < 1)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: drop-path (drop_path) is %g, which is not from 0 to below 1", net->name,
                     drop);
  }
  if (strcmp(blok_order_name(options->order), "none") == 0 && options->order != BLOK_ORDER_NONE) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: order %d is none", net->name,
                     (int)options->order);
  }
  if (options->order == BLOK_ORDER_NONE) options->order = row->own.order;
  if (options->activation == BLOK_ACT_NONE) options->activation = row->own.activation;
  options->se = options->se || row->own.se;
  return BLOK_OK;
}

// Takes what the caller gave and puts the net's own where nothing was given.
static blok_status resolve(const blok_net_row *row, const blok_net_options *given,
                           blok_net_options *out, blok_error *error) {
  blok_net_options options = BLOK_NET_OPTIONS_INIT;
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_net_options", error));
  const blok_net_options asked = options;
  BLOK_TRY(take_numbers(row, &options, error));
  BLOK_TRY(take_blocks(row, &asked, &options, error));
  BLOK_TRY(take_words(row, &options, error));
  if (options.out_channels == 0) options.out_channels = options.in_channels;
  *out = options;
  return BLOK_OK;
}

// ---- Building -----------------------------------------------------------------------------------

static blok_status build(const blok_net_row *row, blok_builder *builder,
                         const blok_net_options *options, blok_error *error) {
  const int64_t dims[4] = {options->batch, options->in_channels, options->height, options->width};
  blok_value_id x = BLOK_VALUE_ID_INIT;
  BLOK_TRY(blok_build_input(builder, "input", BLOK_F32, 4, dims, &x, error));
  return row->body(builder, options, x, error);
}

static blok_status no_net(const char *name, blok_error *error) {
  const char *names[ROWS];
  for (size_t i = 0; i < ROWS; i++) names[i] = rows[i]->net.name;
  return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "there is no network '%s'%s", blok_quote(name).text,
                   blok_names_near(name, names, ROWS).text);
}

blok_status blok_build_net(blok_builder *builder, const char *name, const blok_net_options *options,
                           blok_error *error) {
  blok_net_options whole;
  blok_error_clear(error);
  if (!builder || !name) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "builder or name is NULL");
  const blok_net_row *row = find(name);
  if (!row) return no_net(name, error);
  BLOK_TRY(resolve(row, options, &whole, error));
  const blok_build_mark mark = blok_builder_mark(builder);
  const blok_naming naming = builder->naming;
  builder->naming = row->naming;
  const blok_status status = build(row, builder, &whole, error);
  builder->naming = naming;
  return blok_builder_close(builder, &mark, status);
}
