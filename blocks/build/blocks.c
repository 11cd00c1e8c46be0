// Blocks: checked, their weights made under their names, their nodes written from the descriptor.
#include "base/error.h"
#include "base/options.h"
#include "blocks/build/build.h"
#include "blocks/drop_path.h"

// A block on its way into the graph. What the record points to lies in arena until it is written.
typedef struct making {
  blok_builder *builder;
  const char *name;
  blok_arena arena;
  blok_block_record record;
  blok_conv_weights weights[2];
  blok_residual_weights residual;
  blok_value_id value;  // what it reads, then what it makes
  blok_error *error;
} making;

static blok_status make_weights(making *self) {
  blok_block_weight *list = NULL;
  uint32_t count = 0;
  self->record.weights = self->weights;
  self->record.residual_weights = &self->residual;
  BLOK_TRY(blok_block_weights(self->builder->naming, &self->record, &self->arena, &list, &count,
                              self->error));
  for (uint32_t i = 0; i < count; i++) {
    const char *name = NULL;
    BLOK_TRY(blok_builder_join(self->builder, self->name, list[i].name, &name, self->error));
    BLOK_TRY(blok_builder_weight(self->builder, name, list[i].rank, list[i].dims, list[i].draw,
                                 list[i].bound, list[i].at, self->error));
  }
  return BLOK_OK;
}

static blok_status make_nodes(making *self) {
  blok_writer writer;
  const uint32_t first = self->builder->graph->n_order;
  self->record.entry = self->value;
  BLOK_TRY(blok_builder_writer(self->builder, self->name, &writer, self->error));
  BLOK_TRY(blok_write_block(&writer, &self->record));
  BLOK_TRY(blok_builder_infer(self->builder, first, self->error));
  self->value = writer.made;
  return BLOK_OK;
}

// A rate is kept by the block's name.
static blok_status note_drop_path(making *self) {
  const double rate = self->record.residual ? self->record.residual->drop_path : 0;
  if (rate == 0) return BLOK_OK;
  if (!*self->name) {
    return BLOK_FAIL(self->error, BLOK_E_ARGUMENT,
                     "drop_path of a block without a name: give the block one");
  }
  return blok_drop_path_note(self->builder->module, self->name, rate, self->error);
}

// Adds the block that record describes; *x is left alone when this fails.
static blok_status make(making *self, blok_value_id *x) {
  const blok_build_mark mark = blok_builder_mark(self->builder);
  blok_arena_init(&self->arena, &self->builder->allocator);
  self->value = *x;
  blok_status status = make_weights(self);
  if (status == BLOK_OK) status = make_nodes(self);
  if (status == BLOK_OK) status = note_drop_path(self);
  blok_arena_free(&self->arena);
  status = blok_builder_close(self->builder, &mark, status);
  if (status == BLOK_OK) *x = self->value;
  return status;
}

// What messages call a block.
static const char *scope_of(const char *name) { return *name ? name : "the block"; }

// ---- From descriptors ---------------------------------------------------------------------------

blok_status blok_build_conv(blok_builder *builder, const char *name, const blok_conv_desc *desc,
                            blok_value_id *x, blok_error *error) {
  blok_conv_desc own = BLOK_CONV_DESC_INIT;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_conv", name, x, error));
  if (!desc) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_conv: desc is NULL");
  BLOK_TRY(blok_take_options(desc, &own, sizeof own, "blok_conv_desc", error));
  BLOK_TRY(blok_check_conv(scope_of(name), blok_builder_fact(builder, *x), &own, error));
  making self = {.builder = builder, .name = name, .error = error};
  self.record.kind = BLOK_CONV_NORM_ACT;
  self.record.conv = &own;
  return make(&self, x);
}

blok_status blok_build_residual(blok_builder *builder, const char *name,
                                const blok_residual_desc *desc, blok_value_id *x,
                                blok_error *error) {
  blok_residual_desc own = BLOK_RESIDUAL_DESC_INIT;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_residual", name, x, error));
  if (!desc) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_residual: desc is NULL");
  BLOK_TRY(blok_take_options(desc, &own, sizeof own, "blok_residual_desc", error));
  BLOK_TRY(blok_check_residual(scope_of(name), blok_builder_fact(builder, *x), &own, error));
  making self = {.builder = builder, .name = name, .error = error};
  self.record.kind = own.convs == 3 ? BLOK_BOTTLENECK : BLOK_RESIDUAL;
  self.record.residual = &own;
  return make(&self, x);
}

blok_status blok_build_squeeze_excite(blok_builder *builder, const char *name,
                                      const blok_se_desc *desc, blok_value_id *x,
                                      blok_error *error) {
  blok_se_desc own = BLOK_SE_DESC_INIT;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_squeeze_excite", name, x, error));
  if (!desc) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_squeeze_excite: desc is NULL");
  BLOK_TRY(blok_take_options(desc, &own, sizeof own, "blok_se_desc", error));
  BLOK_TRY(blok_check_squeeze_excite(scope_of(name), blok_builder_fact(builder, *x), &own, error));
  making self = {.builder = builder, .name = name, .error = error};
  self.record.kind = BLOK_SQUEEZE_EXCITE;
  self.record.se = &own;
  return make(&self, x);
}

// ---- By what people say of them -----------------------------------------------------------------

// The channels of x for a block that must know them.
static blok_status channels_of(const blok_builder *builder, const char *name, blok_value_id x,
                               int32_t *out, blok_error *error) {
  return blok_check_picture(scope_of(name), blok_builder_fact(builder, x), out, error);
}

blok_status blok_build_conv_norm_act(blok_builder *builder, const char *name,
                                     const blok_block_options *options, blok_value_id *x,
                                     blok_error *error) {
  blok_conv_desc desc = BLOK_CONV_DESC_INIT;
  int32_t channels = 0;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_conv_norm_act", name, x, error));
  BLOK_TRY(channels_of(builder, name, *x, &channels, error));
  BLOK_TRY(
      blok_describe_at(scope_of(name), blok_conv_describe(options, channels, &desc, error), error));
  return blok_build_conv(builder, name, &desc, x, error);
}

typedef blok_status (*describe_fn)(const blok_block_options *options, int32_t in_channels,
                                   blok_residual_desc *desc, blok_error *error);

static blok_status build_residual(blok_builder *builder, const char *call, const char *name,
                                  const blok_block_options *options, describe_fn describe,
                                  blok_value_id *x, blok_error *error) {
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  int32_t channels = 0;
  BLOK_TRY(blok_builder_enter(builder, call, name, x, error));
  BLOK_TRY(channels_of(builder, name, *x, &channels, error));
  BLOK_TRY(blok_describe_at(scope_of(name), describe(options, channels, &desc, error), error));
  return blok_build_residual(builder, name, &desc, x, error);
}

blok_status blok_build_basic(blok_builder *builder, const char *name,
                             const blok_block_options *options, blok_value_id *x,
                             blok_error *error) {
  return build_residual(builder, "blok_build_basic", name, options, blok_basic_describe, x, error);
}

blok_status blok_build_bottleneck(blok_builder *builder, const char *name,
                                  const blok_block_options *options, blok_value_id *x,
                                  blok_error *error) {
  return build_residual(builder, "blok_build_bottleneck", name, options, blok_bottleneck_describe,
                        x, error);
}

blok_status blok_build_inverted(blok_builder *builder, const char *name,
                                const blok_block_options *options, blok_value_id *x,
                                blok_error *error) {
  return build_residual(builder, "blok_build_inverted", name, options, blok_inverted_describe, x,
                        error);
}

blok_status blok_build_se(blok_builder *builder, const char *name,
                          const blok_block_options *options, blok_value_id *x, blok_error *error) {
  blok_se_desc desc = BLOK_SE_DESC_INIT;
  int32_t channels = 0;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_se", name, x, error));
  BLOK_TRY(channels_of(builder, name, *x, &channels, error));
  BLOK_TRY(
      blok_describe_at(scope_of(name), blok_se_describe(options, channels, &desc, error), error));
  return blok_build_squeeze_excite(builder, name, &desc, x, error);
}
