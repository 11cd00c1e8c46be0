// What a block's weights are called, and what each must be: from the descriptor alone, in the order
// of PyTorch's state_dict.
//
// A block is a module of modules. Where the guide has an nn.Sequential its parts are numbered
// ("conv2.0", "proj.1", "se.fc.2"), an activation or a pool counting as one.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "blocks/build/build.h"

typedef struct lister {
  blok_naming naming;
  blok_arena *arena;
  uint32_t n, capacity;
  blok_block_weight *items;
  blok_error *error;
} lister;

// ---- Single weights -----------------------------------------------------------------------------

// module + "." + leaf, or leaf alone; NULL: no memory.
static const char *join(const lister *self, const char *module, const char *leaf) {
  return blok_arena_format(self->arena, "%s%s%s", module, *module ? "." : "", leaf);
}

static const char *numbered(const lister *self, const char *module, int index) {
  return blok_arena_format(self->arena, "%s%s%d", module, *module ? "." : "", index);
}

static blok_status add(lister *self, const char *module, const char *leaf, blok_value_id *at,
                       uint32_t rank, const int64_t *dims, blok_draw draw, double bound) {
  const char *name = module ? join(self, module, leaf) : NULL;
  if (!name ||
      !blok_arena_grow(self->arena, &self->items, &self->capacity, self->n, sizeof *self->items)) {
    return blok_fail_memory(self->error, 0);
  }
  blok_block_weight *weight = &self->items[self->n++];
  *weight = (blok_block_weight){.name = name, .at = at, .rank = rank, .draw = draw, .bound = bound};
  for (uint32_t i = 0; i < rank; i++) weight->dims[i] = dims[i];
  return BLOK_OK;
}

static double bound_of(int64_t fan_in) { return fan_in > 0 ? 1.0 / sqrt((double)fan_in) : 0; }

static blok_status add_conv(lister *self, const char *module, const blok_conv_desc *desc,
                            blok_conv_weights *weights) {
  const int64_t in = desc->groups > 0 ? desc->in_channels / desc->groups : desc->in_channels;
  const int64_t dims[4] = {desc->out_channels, in, desc->kernel[0], desc->kernel[1]};
  // Three numbers of 31 bits may pass 64; the weight itself is refused by its size.
  const double taps = (double)in * (double)dims[2] * (double)dims[3];
  const double bound = taps >= 1 ? 1.0 / sqrt(taps) : 0;
  BLOK_TRY(add(self, module, "weight", &weights->weight, 4, dims, BLOK_DRAW_UNIFORM, bound));
  if (!desc->bias) return BLOK_OK;
  return add(self, module, "bias", &weights->bias, 1, dims, BLOK_DRAW_UNIFORM, bound);
}

static blok_status add_norm(lister *self, const char *module, blok_norm norm, int64_t channels,
                            blok_conv_weights *weights) {
  static const char *const leaves[4] = {"weight", "bias", "running_mean", "running_var"};
  static const double values[4] = {1, 0, 0, 1};
  const uint32_t n = norm == BLOK_NORM_NONE ? 0 : norm == BLOK_NORM_BATCH ? 4 : 2;
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(add(self, module, leaves[i], &weights->norm[i], 1, &channels, BLOK_DRAW_CONSTANT,
                 values[i]));
  }
  return BLOK_OK;
}

// The slope of a PReLU: one number for all channels, as nn.PReLU() has it.
static blok_status add_slope(lister *self, const char *module, blok_activation activation,
                             blok_value_id *at) {
  static const int64_t one = 1;
  if (activation != BLOK_ACT_PRELU) return BLOK_OK;
  return add(self, module, "weight", at, 1, &one, BLOK_DRAW_CONSTANT, 0.25);
}

// One number a channel, for values of [N, C, H, W].
static blok_status add_channels(lister *self, const char *module, const char *leaf,
                                int64_t channels, double value, blok_value_id *at) {
  const int64_t dims[3] = {channels, 1, 1};
  return add(self, module, leaf, at, 3, dims, BLOK_DRAW_CONSTANT, value);
}

// ---- Squeeze and excite -------------------------------------------------------------------------

static blok_status add_product(lister *self, const char *module, const blok_se_desc *desc,
                               int which, blok_conv_weights *weights) {
  const int64_t in = which == 0 ? desc->channels : desc->hidden;
  const int64_t out = which == 0 ? desc->hidden : desc->channels;
  const blok_product product = desc->product[which];
  const bool turned = product == BLOK_PRODUCT_LINEAR_IN_OUT;
  const int64_t dims[4] = {turned ? in : out, turned ? out : in, 1, 1};
  BLOK_TRY(add(self, module, "weight", &weights[which].weight, product == BLOK_PRODUCT_CONV ? 4 : 2,
               dims, BLOK_DRAW_UNIFORM, bound_of(in)));
  if (!desc->bias[which]) return BLOK_OK;
  return add(self, module, "bias", &weights[which].bias, 1, &out, BLOK_DRAW_UNIFORM, bound_of(in));
}

// Guide: Sequential fc of [product, norm, activation, product]. torchvision: fc1, activation, fc2.
static blok_status add_se(lister *self, const char *module, const blok_se_desc *desc,
                          blok_conv_weights weights[2]) {
  const bool guide = self->naming == BLOK_NAMING_GUIDE;
  const bool norm = desc->norm != BLOK_NORM_NONE;
  const char *fc = guide ? join(self, module, "fc") : "";
  if (!fc) return blok_fail_memory(self->error, 0);
  const char *first = guide ? numbered(self, fc, 0) : join(self, module, "fc1");
  const char *bn = guide ? numbered(self, fc, 1) : join(self, module, "bn");
  const char *act = guide ? numbered(self, fc, norm ? 2 : 1) : join(self, module, "activation");
  const char *last = guide ? numbered(self, fc, norm ? 3 : 2) : join(self, module, "fc2");
  BLOK_TRY(add_product(self, first, desc, 0, weights));
  BLOK_TRY(add_norm(self, bn, desc->norm, desc->hidden, &weights[0]));
  BLOK_TRY(add_slope(self, act, desc->activation, &weights[0].slope));
  return add_product(self, last, desc, 1, weights);
}

// ---- Convolutions with what stands around them --------------------------------------------------

// conv_norm_act. Guide: conv, bn, act; torchvision: a Sequential. A convolution alone is itself.
static blok_status add_conv_norm_act(lister *self, const blok_conv_desc *desc,
                                     blok_conv_weights *weights) {
  const bool guide = self->naming == BLOK_NAMING_GUIDE;
  const bool norm = desc->norm != BLOK_NORM_NONE;
  if (!norm && desc->activation == BLOK_ACT_NONE) return add_conv(self, "", desc, weights);
  BLOK_TRY(add_conv(self, guide ? "conv" : "0", desc, weights));
  BLOK_TRY(add_norm(self, guide ? "bn" : "1", desc->norm, desc->out_channels, weights));
  return add_slope(self, guide ? "act" : norm ? "2" : "1", desc->activation, &weights->slope);
}

// The channels that a convolution's norm has: in pre order it stands before it.
static int64_t norm_channels(const blok_conv_desc *desc, blok_order order) {
  return order == BLOK_ORDER_PRE ? desc->in_channels : desc->out_channels;
}

// F's convolution in post order by the guide: ConvBNAct, and a Sequential for the last one.
static blok_status add_guide_post(lister *self, const blok_residual_desc *desc, int32_t index,
                                  blok_conv_weights *weights) {
  const blok_conv_desc *conv = &desc->conv[index];
  const bool last = index == desc->convs - 1;
  const bool norm = conv->norm != BLOK_NORM_NONE;
  const char *module = blok_arena_format(self->arena, "conv%d", (int)index + 1);
  if (!module) return blok_fail_memory(self->error, 0);
  BLOK_TRY(add_conv(self, join(self, module, last ? "0" : "conv"), conv, weights));
  BLOK_TRY(add_norm(self, join(self, module, last ? "1" : "bn"), conv->norm, conv->out_channels,
                    weights));
  const char *act = join(self, module, last ? norm ? "2" : "1" : "act");
  return add_slope(self, act, conv->activation, &weights->slope);
}

// Every other: conv1 and bn1 side by side, in execution order.
static blok_status add_flat(lister *self, const blok_residual_desc *desc, int32_t index,
                            blok_conv_weights *weights) {
  const blok_conv_desc *conv = &desc->conv[index];
  const bool pre = desc->order == BLOK_ORDER_PRE;
  const char *module = blok_arena_format(self->arena, "conv%d", (int)index + 1);
  const char *bn = blok_arena_format(self->arena, "bn%d", (int)index + 1);
  const char *act = blok_arena_format(self->arena, "act%d", (int)index + 1);
  const int64_t channels = norm_channels(conv, desc->order);
  if (!pre) BLOK_TRY(add_conv(self, module, conv, weights));
  BLOK_TRY(add_norm(self, bn, conv->norm, channels, weights));
  BLOK_TRY(add_slope(self, act, conv->activation, &weights->slope));
  return pre ? add_conv(self, module, conv, weights) : BLOK_OK;
}

// ---- The skip path ------------------------------------------------------------------------------

// How many modules of a Sequential a step is.
static int parts_of(const blok_skip_step *step) {
  return step->op == BLOK_SKIP_CONV && step->conv.norm != BLOK_NORM_NONE ? 2 : 1;
}

static blok_status add_skip_step(lister *self, const char *module, const char *norm,
                                 const blok_skip_step *step, blok_conv_weights *weights) {
  static const int64_t none = 0;
  switch (step->op) {
    case BLOK_SKIP_CONV:
      BLOK_TRY(add_conv(self, module, &step->conv, weights));
      return add_norm(self, norm, step->conv.norm, step->conv.out_channels, weights);
    case BLOK_SKIP_NORM:
      return add_norm(self, module, step->conv.norm, step->conv.in_channels, weights);
    case BLOK_SKIP_SCALE:
      if (step->scale == BLOK_SCALE_NUMBER) {
        return add(self, module, "weight", &weights->weight, 0, &none, BLOK_DRAW_CONSTANT, 1);
      }
      return add_channels(self, module, "weight", step->conv.in_channels, 1, &weights->weight);
    case BLOK_SKIP_AVERAGE_POOL:
    case BLOK_SKIP_MAX_POOL:
    case BLOK_SKIP_PAD:
    case BLOK_SKIP_SLICE:
      break;
  }
  return BLOK_OK;
}

static blok_status add_skip(lister *self, const blok_residual_desc *desc,
                            blok_residual_weights *weights) {
  const char *module = self->naming == BLOK_NAMING_GUIDE ? "proj" : "downsample";
  int parts = 0, at = 0;
  for (int32_t i = 0; i < desc->skip_steps; i++) parts += parts_of(&desc->skip_step[i]);
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    const blok_skip_step *step = &desc->skip_step[i];
    const char *own = parts == 1 ? module : numbered(self, module, at);
    BLOK_TRY(add_skip_step(self, own, numbered(self, module, at + 1), step, &weights->skip[i]));
    at += parts_of(step);
  }
  return BLOK_OK;
}

static blok_status add_residual(lister *self, const blok_residual_desc *desc,
                                blok_residual_weights *weights) {
  const bool guide = self->naming == BLOK_NAMING_GUIDE;
  for (int32_t i = 0; i < desc->convs; i++) {
    if (guide && desc->order != BLOK_ORDER_PRE) {
      BLOK_TRY(add_guide_post(self, desc, i, &weights->conv[i]));
    } else {
      BLOK_TRY(add_flat(self, desc, i, &weights->conv[i]));
    }
  }
  if (desc->has_se) BLOK_TRY(add_se(self, "se", &desc->se, weights->se));
  if (desc->scale == BLOK_SCALE_CHANNELS && desc->convs > 0) {
    BLOK_TRY(add_channels(self, "", guide ? "gamma" : "layer_scale",
                          desc->conv[desc->convs - 1].out_channels, 1e-6, &weights->scale));
  }
  BLOK_TRY(add_skip(self, desc, weights));
  return add_slope(self, guide ? "out_act" : "act", desc->after_add, &weights->after_slope);
}

// A record only looks at its weights; who has them listed is to fill them.
static void *writable(const void *weights) {
  void *out;
  memcpy(&out, &weights, sizeof out);
  return out;
}

blok_status blok_block_weights(blok_naming naming, blok_block_record *record, blok_arena *arena,
                               blok_block_weight **out, uint32_t *count, blok_error *error) {
  lister self = {.naming = naming, .arena = arena, .error = error};
  blok_conv_weights *weights = writable(record->weights);
  blok_residual_weights *of_residual = writable(record->residual_weights);
  blok_status status = BLOK_OK;
  *out = NULL;
  *count = 0;
  switch (record->kind) {
    case BLOK_CONV_NORM_ACT:
      status = add_conv_norm_act(&self, record->conv, weights);
      break;
    case BLOK_SQUEEZE_EXCITE:
      status = add_se(&self, "", record->se, weights);
      break;
    case BLOK_RESIDUAL:
    case BLOK_BOTTLENECK:
    case BLOK_INVERTED_BOTTLENECK:
    case BLOK_RESIDUAL_OTHER:
      status = add_residual(&self, record->residual, of_residual);
      break;
    case BLOK_GATE:
      break;
  }
  if (status != BLOK_OK) return status;
  *out = self.items;
  *count = self.n;
  return BLOK_OK;
}
