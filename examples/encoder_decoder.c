// encoder_decoder OUT.onnx: a network for segmentation. The encoder halves the picture stage by
// stage, the decoder doubles it again and merges what the encoder had at that size, and a 1x1
// convolution gives each pixel its scores.
#include <blok/blok.h>
#include <stdio.h>

#define CLASSES 4
#define STAGES  4

static blok_error error = BLOK_ERROR_INIT;

static bool build(blok_builder *b) {
  const int64_t shape[4] = {-1, 3, 64, 64};
  const char *const down[STAGES] = {"down1", "down2", "down3", "down4"};
  const char *const up[STAGES - 1] = {"up1", "up2", "up3"};
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_block_options mask = BLOK_BLOCK_OPTIONS_INIT;
  blok_value_id x, skips[STAGES];
  if (blok_build_input(b, "picture", BLOK_F32, 4, shape, &x, &error)) return false;
  for (int i = 0; i < STAGES; i++) {
    block.out_channels = 16 << i;
    block.stride = i == 0 ? 1 : 2;
    if (blok_build_stage(b, down[i], BLOK_RESIDUAL, &block, 2, &x, &error)) return false;
    skips[i] = x;
  }
  block.stride = 1;
  for (int i = STAGES - 2; i >= 0; i--) {
    block.out_channels = 16 << i;
    if (blok_build_merge(b, up[i], &block, skips[i], &x, &error)) return false;
  }
  mask.kernel = 1;
  mask.out_channels = CLASSES;
  mask.norm = BLOK_NORM_NONE;
  mask.activation = BLOK_ACT_NONE;
  return !blok_build_conv_norm_act(b, "mask", &mask, &x, &error) &&
         !blok_build_output(b, "masks", x, &error);
}

// The scores of each class on a picture: the lowest and the highest of all pixels.
static bool segment(const blok_model *model) {
  static float pixels[3 * 64 * 64];
  blok_session *session = NULL;
  blok_tensor output = BLOK_TENSOR_INIT;
  const blok_tensor input = {sizeof input, BLOK_F32, 4, {1, 3, 64, 64}, pixels, sizeof pixels};
  for (size_t i = 0; i < 3 * 64 * 64; i++) pixels[i] = (float)(i * 7919 % 1000) / 500 - 1;
  const bool done = !blok_session_new(model, NULL, &session, &error) &&
                    !blok_session_run(session, &input, 1, &output, 1, &error);
  for (int c = 0; c < CLASSES && done; c++) {
    const int height = (int)output.dims[2], width = (int)output.dims[3];
    const float *score = (const float *)output.data + c * height * width;
    float low = score[0], high = score[0];
    for (int i = 1; i < height * width; i++) {
      if (score[i] < low) low = score[i];
      if (score[i] > high) high = score[i];
    }
    printf("class %d  %dx%d scores from %6.3f to %6.3f\n", c, height, width, (double)low,
           (double)high);
  }
  blok_session_free(&session);
  return done;
}

int main(int argc, char **argv) {
  blok_builder *b = NULL;
  blok_model *model = NULL;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (argc != 2) {
    fprintf(stderr, "usage: encoder_decoder OUT.onnx\n");
    return 2;
  }
  const bool done = !blok_builder_new(NULL, &b, &error) && build(b) &&
                    !blok_builder_finish(&b, &model, &error) && segment(model) &&
                    !blok_model_get_info(model, &info) &&
                    !blok_model_save(model, argv[1], NULL, &error);
  if (done) {
    printf("%llu parameters, %.1f M multiply-adds, written to %s\n",
           (unsigned long long)info.parameters, (double)info.macs / 1e6, argv[1]);
  } else {
    fprintf(stderr, "encoder_decoder: %s\n", error.message);
  }
  blok_model_free(&model);
  blok_builder_free(&b);
  return done ? 0 : 1;
}
