// squeeze_excite as nodes: the mean, each product as the descriptor says (a 1x1 convolution, or a
// linear layer on [N, C]), the gate, the scale. Layout nodes stand only where a linear layer asks
// for them.
#include "base/error.h"
#include "base/text.h"
#include "blocks/write.h"

// Between the mean and the scale a value is [N, C, 1, 1], or [N, C] for a linear layer.
typedef struct excite {
  blok_writer *writer;
  const char *prefix;
  const blok_se_desc *desc;
  bool flat;
  blok_value_id value;
} excite;

static const char *part_of(const excite *self, const char *part) {
  return *self->prefix
             ? blok_arena_format(&self->writer->graph->module->arena, "%s/%s", self->prefix, part)
             : part;
}

static blok_status make_flat(excite *self, const char *part, bool flat) {
  if (self->flat == flat) return BLOK_OK;
  self->flat = flat;
  blok_node_id node = BLOK_NO_NODE;
  if (flat) {
    BLOK_TRY(blok_write_node(self->writer, part, "Flatten", 1, &self->value, &self->value, &node));
    return blok_node_set_int(self->writer->graph, node, "axis", 1, self->writer->error);
  }
  static const int64_t spatial[2] = {2, 3};
  blok_value_id inputs[2] = {self->value, BLOK_NO_VALUE};
  BLOK_TRY(blok_write_ints(self->writer, part, "axes", spatial, 2, &inputs[1]));
  return blok_write_node(self->writer, part, "Unsqueeze", 2, inputs, &self->value, NULL);
}

// A weight of one number a channel, or of one number for all.
static blok_status fit_channels(const excite *self, blok_value_id *value, uint32_t rank) {
  const int64_t dims[3] = {self->desc->hidden, 1, 1};
  size_t count = 0;
  if (!value->i) return BLOK_OK;
  const blok_literal *literal = blok_value_at(self->writer->graph, *value)->literal;
  if (!literal || !blok_literal_count(literal, &count) || count == 1) return BLOK_OK;
  if (count != (size_t)dims[0]) return BLOK_OK;
  return blok_write_shaped(self->writer, rank, dims, value);
}

static blok_status write_product(excite *self, int which, const blok_conv_weights *weights) {
  blok_writer *writer = self->writer;
  const blok_product product = self->desc->product[which];
  const char *part = part_of(self, which == 0 ? "fc1" : "fc2");
  if (!part) return blok_fail_memory(writer->error, 0);
  const int64_t in = which == 0 ? self->desc->channels : self->desc->hidden;
  const int64_t out = which == 0 ? self->desc->hidden : self->desc->channels;
  BLOK_TRY(make_flat(self, part, product != BLOK_PRODUCT_CONV));
  blok_value_id inputs[3] = {self->value, blok_writer_value(writer, weights->weight),
                             blok_writer_value(writer, weights->bias)};
  const int64_t dims[4] = {product == BLOK_PRODUCT_LINEAR_IN_OUT ? in : out,
                           product == BLOK_PRODUCT_LINEAR_IN_OUT ? out : in, 1, 1};
  BLOK_TRY(blok_write_shaped(writer, self->flat ? 2 : 4, dims, &inputs[1]));
  size_t count = 0;
  const blok_literal *bias = inputs[2].i ? blok_value_at(writer->graph, inputs[2])->literal : NULL;
  if (bias && blok_literal_count(bias, &count) && count == (size_t)out) {
    BLOK_TRY(blok_write_shaped(writer, 1, &out, &inputs[2]));
  }
  blok_node_id node = BLOK_NO_NODE;
  if (self->flat) {
    BLOK_TRY(blok_write_node(writer, part, "Gemm", 3, inputs, &self->value, &node));
    return blok_node_set_int(writer->graph, node, "transB", product == BLOK_PRODUCT_LINEAR,
                             writer->error);
  }
  static const int64_t ones[2] = {1, 1};
  BLOK_TRY(blok_write_node(writer, part, "Conv", 3, inputs, &self->value, &node));
  return blok_node_set_ints(writer->graph, node, "kernel_shape", ones, 2, writer->error);
}

static blok_status write_between(excite *self, const blok_conv_weights *weights) {
  const blok_se_desc *desc = self->desc;
  const char *part = part_of(self, "fc1");
  if (!part) return blok_fail_memory(self->writer->error, 0);
  BLOK_TRY(
      blok_write_norm(self->writer, part, desc->norm, 0, desc->epsilon, weights, &self->value));
  blok_written_act act = {desc->activation, desc->alpha, desc->beta,
                          blok_writer_value(self->writer, weights->slope)};
  BLOK_TRY(fit_channels(self, &act.slope, self->flat ? 1 : 3));
  return blok_write_activation(self->writer, part, &act, &self->value);
}

blok_status blok_write_squeeze_excite(blok_writer *writer, const char *prefix,
                                      const blok_se_desc *desc, const blok_conv_weights weights[2],
                                      blok_value_id *value) {
  excite self = {writer, prefix, desc, false, *value};
  const char *pool = part_of(&self, "pool"), *last = part_of(&self, "fc2");
  const blok_written_act gate = {desc->gate, desc->gate_alpha, desc->gate_beta, BLOK_NO_VALUE};
  if (!pool || !last) return blok_fail_memory(writer->error, 0);
  BLOK_TRY(blok_write_node(writer, pool, "GlobalAveragePool", 1, value, &self.value, NULL));
  BLOK_TRY(write_product(&self, 0, &weights[0]));
  BLOK_TRY(write_between(&self, &weights[0]));
  BLOK_TRY(write_product(&self, 1, &weights[1]));
  BLOK_TRY(blok_write_activation(writer, last, &gate, &self.value));
  BLOK_TRY(make_flat(&self, last, false));
  const blok_value_id inputs[2] = {*value, self.value};
  return blok_write_node(writer, prefix, "Mul", 2, inputs, value, NULL);
}
