// progressive FOLDER: a network grown step by step, from a plain CNN to residual blocks, then wider
// ones, bottlenecks, squeeze-excite, and what comes behind. Prints of each step what comes out, its
// parameters, multiply-adds and the time of a run, and writes it to FOLDER as ONNX.
#include <blok/blok.h>
#include <stdio.h>
#include <time.h>

static blok_error error = BLOK_ERROR_INIT;

typedef struct step {
  const char *name;
  blok_block_kind kind;      // of the blocks; a conv_norm_act stands for the plain CNN
  int32_t channels;          // of the first stage; the next ones have twice and four times as many
  blok_block_options block;  // what all blocks have in common
  bool pyramid;              // ends in feature maps of one width, as detectors want them
} step;

// The guide's BaselineCNN.
static bool plain(blok_builder *b, blok_value_id *x) {
  const char *const names[4] = {"features.0", "features.1", "features.3", "features.5"};
  const int32_t channels[4] = {32, 32, 64, 128};
  blok_block_options conv = BLOK_BLOCK_OPTIONS_INIT;
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  for (int i = 0; i < 4; i++) {
    conv.out_channels = channels[i];
    if (blok_build_conv_norm_act(b, names[i], &conv, x, &error)) return false;
    if (i == 0 || i == 3) continue;
    if (blok_build_max_pool(b, i == 1 ? "features.2" : "features.4", 2, 2, 0, x, &error)) {
      return false;
    }
  }
  return !blok_build_head(b, "", &head, x, &error) && !blok_build_output(b, "classes", *x, &error);
}

// A stem, three stages of two blocks, and a classifier or a pyramid.
static bool residual(blok_builder *b, const step *s, blok_value_id *x) {
  const char *const stages[3] = {"stage1", "stage2", "stage3"};
  const bool pre = s->block.order == BLOK_ORDER_PRE;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_conv_desc stem = BLOK_CONV_DESC_INIT;
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  blok_value_id levels[3];
  options.out_channels = 16;
  options.activation = pre ? BLOK_ACT_NONE : s->block.activation;
  options.norm = pre ? BLOK_NORM_NONE : s->block.norm;
  options.norm_groups = s->block.norm_groups;
  if (blok_conv_describe(&options, 3, &stem, &error)) return false;
  stem.bias = false;
  if (blok_build_conv(b, "stem", &stem, x, &error)) return false;
  for (int i = 0; i < 3; i++) {
    blok_block_options block = s->block;
    block.out_channels = s->channels << i;
    block.stride = i == 0 ? 1 : 2;
    if (blok_build_stage(b, stages[i], s->kind, &block, 2, x, &error)) return false;
    levels[i] = *x;
  }
  if (s->pyramid) {
    return !blok_build_fpn(b, "neck", 64, levels, 3, &error) &&
           !blok_build_output(b, "fine", levels[0], &error) &&
           !blok_build_output(b, "middle", levels[1], &error) &&
           !blok_build_output(b, "coarse", levels[2], &error);
  }
  if (pre) {
    head.norm = s->block.norm;
    head.activation = s->block.activation;
  }
  return !blok_build_head(b, "", &head, x, &error) && !blok_build_output(b, "classes", *x, &error);
}

// Milliseconds of the quickest of some runs; outputs are those of the last.
static bool measure(const blok_model *model, blok_tensor outputs[3], size_t count, double *best) {
  static float pixels[3 * 32 * 32];
  blok_session *session = NULL;
  blok_tensor input = BLOK_TENSOR_INIT;
  for (size_t i = 0; i < 3 * 32 * 32; i++) pixels[i] = (float)(i % 17) / 17 - 0.5F;
  input = (blok_tensor){sizeof input, BLOK_F32, 4, {1, 3, 32, 32}, pixels, sizeof pixels};
  bool done = blok_session_new(model, NULL, &session, &error) == BLOK_OK;
  *best = 1e9;
  for (int run = 0; run < 20 && done; run++) {
    struct timespec from, to;
    for (size_t i = 0; i < count; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
    timespec_get(&from, TIME_UTC);
    done = blok_session_run(session, &input, 1, outputs, count, &error) == BLOK_OK;
    timespec_get(&to, TIME_UTC);
    const double ms =
        1e3 * (double)(to.tv_sec - from.tv_sec) + 1e-6 * (double)(to.tv_nsec - from.tv_nsec);
    if (ms < *best) *best = ms;
  }
  blok_session_free(&session);
  return done;
}

static bool walk(const char *folder, int number, const step *s) {
  const int64_t shape[4] = {-1, 3, 32, 32};
  char path[512], made[128] = "";
  int used = 0;
  double ms = 0;
  blok_builder *b = NULL;
  blok_model *model = NULL;
  blok_value_id x;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_tensor outputs[3];
  snprintf(path, sizeof path, "%s/%d_%s.onnx", folder, number, s->name);
  bool done = !blok_builder_new(NULL, &b, &error) &&
              !blok_build_input(b, "picture", BLOK_F32, 4, shape, &x, &error) &&
              (s->kind == BLOK_CONV_NORM_ACT ? plain(b, &x) : residual(b, s, &x)) &&
              !blok_builder_finish(&b, &model, &error) && !blok_model_get_info(model, &info) &&
              measure(model, outputs, info.outputs, &ms) &&
              !blok_model_save(model, path, NULL, &error);
  for (size_t i = 0; i < info.outputs && done; i++) {
    for (uint32_t axis = 0; axis < outputs[i].rank; axis++) {
      used += snprintf(made + used, sizeof made - (size_t)used,
                       axis > 0 ? "x%d"
                       : i > 0  ? " %d"
                                : "%d",
                       (int)outputs[i].dims[axis]);
    }
  }
  if (done) {
    printf("%d  %-14s  %9llu  %8.2f  %8.3f  %s\n", number, s->name,
           (unsigned long long)info.parameters, (double)info.macs / 1e6, ms, made);
  }
  blok_model_free(&model);
  blok_builder_free(&b);
  return done;
}

int main(int argc, char **argv) {
  step s = {"plain", BLOK_CONV_NORM_ACT, 16, BLOK_BLOCK_OPTIONS_INIT, false};
  if (argc != 2) {
    fprintf(stderr, "usage: progressive FOLDER\n");
    return 2;
  }
  printf("   %-14s  %9s  %8s  %8s  %s\n", "step", "params", "M MACs", "ms", "out");
  bool done = walk(argv[1], 1, &s);
  s.name = "residual";  // two convolutions and an addition
  s.kind = BLOK_RESIDUAL;
  done = done && walk(argv[1], 2, &s);
  s.name = "wide";  // the same in pre order, four times as many channels
  s.block.order = BLOK_ORDER_PRE;
  s.channels = 16 * 4;
  done = done && walk(argv[1], 3, &s);
  s.name = "bottleneck";  // as many channels between the blocks, a quarter of them inside
  s.block.order = BLOK_ORDER_POST;
  s.kind = BLOK_BOTTLENECK;
  done = done && walk(argv[1], 4, &s);
  s.name = "se";  // narrow again, each F(x) with a squeeze-excite
  s.kind = BLOK_RESIDUAL;
  s.channels = 16;
  s.block.activation = BLOK_ACT_SILU;
  s.block.se = true;
  done = done && walk(argv[1], 5, &s);
  s.name =
      "drop_path";  // training leaves out a tenth of the F(x); a run computes the same as before
  s.block.drop_path = 0.1;
  done = done && walk(argv[1], 6, &s);
  s.name = "group_norm";  // norms that don't look at the batch
  s.block.norm = BLOK_NORM_GROUP;
  s.block.norm_groups = 8;
  done = done && walk(argv[1], 7, &s);
  s.name = "fpn";  // three feature maps of 64 channels, for a detector
  s.pyramid = true;
  done = done && walk(argv[1], 8, &s);
  if (!done) fprintf(stderr, "progressive: %s\n", error.message);
  return done ? 0 : 1;
}
