// Stages and heads: blocks in a row, and the end of a classifier.
#include <math.h>

#include "base/error.h"
#include "base/options.h"
#include "blocks/build/build.h"

// ---- Stages -------------------------------------------------------------------------------------

static blok_status build_one(blok_builder *builder, const char *name, blok_block_kind kind,
                             const blok_block_options *options, blok_value_id *x,
                             blok_error *error) {
  if (kind == BLOK_RESIDUAL) return blok_build_basic(builder, name, options, x, error);
  if (kind == BLOK_BOTTLENECK) return blok_build_bottleneck(builder, name, options, x, error);
  return blok_build_inverted(builder, name, options, x, error);
}

static blok_status build_blocks(blok_builder *builder, const char *name, blok_block_kind kind,
                                const blok_block_options *options, int32_t count, blok_value_id *x,
                                blok_error *error) {
  blok_block_options each = *options;
  for (int32_t i = 0; i < count; i++) {
    const char *own =
        blok_arena_format(&builder->module->arena, "%s%s%d", name, *name ? "." : "", (int)i);
    if (!own) return blok_fail_memory(error, 0);
    BLOK_TRY(build_one(builder, own, kind, &each, x, error));
    each.stride = 1;
  }
  return BLOK_OK;
}

blok_status blok_build_stage(blok_builder *builder, const char *name, blok_block_kind kind,
                             const blok_block_options *given, int32_t count, blok_value_id *x,
                             blok_error *error) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_stage", name, x, error));
  if (kind != BLOK_RESIDUAL && kind != BLOK_BOTTLENECK && kind != BLOK_INVERTED_BOTTLENECK) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "stage '%s': blocks of kind %s (%d): give residual, bottleneck or "
                     "inverted_bottleneck",
                     blok_quote(name).text, blok_block_kind_name(kind), (int)kind);
  }
  if (count < 1) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "stage '%s': %d blocks: give 1 or more",
                     blok_quote(name).text, (int)count);
  }
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_block_options", error));
  const blok_build_mark mark = blok_builder_mark(builder);
  blok_value_id value = *x;
  const blok_status status = blok_builder_close(
      builder, &mark, build_blocks(builder, name, kind, &options, count, &value, error));
  if (status == BLOK_OK) *x = value;
  return status;
}

// ---- Heads --------------------------------------------------------------------------------------

static blok_status build_dropout(blok_builder *builder, const char *name, double rate,
                                 blok_value_id *x, blok_error *error) {
  blok_writer writer;
  const uint32_t first = builder->graph->n_order;
  blok_value_id inputs[2] = {*x, BLOK_NO_VALUE};
  BLOK_TRY(blok_builder_writer(builder, name, &writer, error));
  BLOK_TRY(blok_write_number(&writer, "", "ratio", rate, &inputs[1]));
  BLOK_TRY(blok_write_node(&writer, "", "Dropout", 2, inputs, x, NULL));
  return blok_builder_infer(builder, first, error);
}

static blok_status build_head(blok_builder *builder, const char *name,
                              const blok_head_options *options, blok_value_id *x,
                              blok_error *error) {
  const char *bn, *pool, *drop, *fc;
  BLOK_TRY(blok_builder_join(builder, name, "bn", &bn, error));
  BLOK_TRY(blok_builder_join(builder, name, "pool", &pool, error));
  BLOK_TRY(blok_builder_join(builder, name, "drop", &drop, error));
  BLOK_TRY(blok_builder_join(builder, name, "fc", &fc, error));
  if (options->norm != BLOK_NORM_NONE) {
    BLOK_TRY(blok_build_norm(builder, bn, options->norm, options->norm_groups, options->epsilon, x,
                             error));
  }
  if (options->activation != BLOK_ACT_NONE) {
    double alpha, beta;
    BLOK_TRY(blok_activation_plain(options->activation, error));
    blok_activation_defaults(options->activation, &alpha, &beta);
    BLOK_TRY(blok_build_activation(builder, bn, options->activation, alpha, beta, x, error));
  }
  BLOK_TRY(blok_build_global_pool(builder, pool, x, error));
  BLOK_TRY(blok_build_flatten(builder, pool, x, error));
  if (options->dropout > 0) BLOK_TRY(build_dropout(builder, drop, options->dropout, x, error));
  return blok_build_linear(builder, fc, options->classes, true, x, error);
}

blok_status blok_build_head(blok_builder *builder, const char *name, const blok_head_options *given,
                            blok_value_id *x, blok_error *error) {
  blok_head_options options = BLOK_HEAD_OPTIONS_INIT;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_head", name, x, error));
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_head_options", error));
  if (options.classes < 1) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "head '%s': %d classes: give 1 or more",
                     blok_quote(name).text, (int)options.classes);
  }
  if (!(options.dropout >= 0 && options.dropout < 1)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "head '%s': dropout is %g: give a rate from 0 to below 1",
                     blok_quote(name).text, options.dropout);
  }
  const blok_build_mark mark = blok_builder_mark(builder);
  blok_value_id value = *x;
  const blok_status status =
      blok_builder_close(builder, &mark, build_head(builder, name, &options, &value, error));
  if (status == BLOK_OK) *x = value;
  return status;
}
