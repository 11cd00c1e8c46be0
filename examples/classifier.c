// classifier OUT.onnx: backbone, pool, linear layer. Builds an SE-ResNet,
// tells the shape behind each part, classifies a picture, and writes the network.
#include <blok/blok.h>
#include <stdio.h>

static blok_error error = BLOK_ERROR_INIT;

// "stage1  Nx32x32x32": what the builder knows of x.
static bool tell(const blok_builder *b, const char *part, blok_value_id x) {
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  if (blok_build_value_info(b, x, &info)) return false;
  printf("%-8s", part);
  for (int32_t i = 0; i < info.rank; i++) {
    printf(i > 0 ? "x" : "  ");
    if (info.axes[i].symbol != NULL) {
      printf("%s", info.axes[i].symbol);
    } else {
      printf("%d", (int)info.axes[i].value);
    }
  }
  printf("\n");
  return true;
}

static bool build(blok_builder *b) {
  const int64_t shape[4] = {-1, 3, 32, 32};
  const char *const stages[3] = {"stage1", "stage2", "stage3"};
  blok_block_options stem = BLOK_BLOCK_OPTIONS_INIT;
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  blok_value_id x;
  stem.out_channels = 32;
  stem.activation = BLOK_ACT_SILU;
  block.activation = BLOK_ACT_SILU;
  block.se = true;
  head.classes = 10;
  if (blok_build_input(b, "picture", BLOK_F32, 4, shape, &x, &error) || !tell(b, "picture", x) ||
      blok_build_conv_norm_act(b, "stem", &stem, &x, &error) || !tell(b, "stem", x)) {
    return false;
  }
  for (int i = 0; i < 3; i++) {
    block.out_channels = 32 << i;
    block.stride = i == 0 ? 1 : 2;
    if (blok_build_stage(b, stages[i], BLOK_RESIDUAL, &block, 2, &x, &error) ||
        !tell(b, stages[i], x)) {
      return false;
    }
  }
  return !blok_build_head(b, "", &head, &x, &error) && tell(b, "head", x) &&
         !blok_build_output(b, "classes", x, &error);
}

static bool classify(const blok_model *model) {
  static float pixels[3 * 32 * 32];
  blok_session *session = NULL;
  blok_tensor output = BLOK_TENSOR_INIT;
  const blok_tensor input = {sizeof input, BLOK_F32, 4, {1, 3, 32, 32}, pixels, sizeof pixels};
  for (size_t i = 0; i < 3 * 32 * 32; i++) pixels[i] = (float)(i * 7919 % 1000) / 500 - 1;
  const bool done = !blok_session_new(model, NULL, &session, &error) &&
                    !blok_session_run(session, &input, 1, &output, 1, &error);
  if (done) {
    const float *score = output.data;
    int top = 0;
    for (int i = 1; i < output.dims[1]; i++) {
      if (score[i] > score[top]) top = i;
    }
    printf("untrained, it says class %d of %d\n", top, (int)output.dims[1]);
  }
  blok_session_free(&session);
  return done;
}

int main(int argc, char **argv) {
  blok_builder *b = NULL;
  blok_model *model = NULL;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (argc != 2) {
    fprintf(stderr, "usage: classifier OUT.onnx\n");
    return 2;
  }
  const bool done = !blok_builder_new(NULL, &b, &error) && build(b) &&
                    !blok_builder_finish(&b, &model, &error) && classify(model) &&
                    !blok_model_get_info(model, &info) &&
                    !blok_model_save(model, argv[1], NULL, &error);
  if (done) {
    printf("%llu parameters, %.1f M multiply-adds, written to %s\n",
           (unsigned long long)info.parameters, (double)info.macs / 1e6, argv[1]);
  } else {
    fprintf(stderr, "classifier: %s\n", error.message);
  }
  blok_model_free(&model);
  blok_builder_free(&b);
  return done ? 0 : 1;
}
