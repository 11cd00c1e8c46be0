// detector OUT.onnx: backbone, neck, head. The last three stages of a residual backbone go through
// a feature pyramid, and one head, its weights shared, looks at each level.
#include <blok/blok.h>
#include <stdio.h>

#define CLASSES 20
#define LEVELS  3

static blok_error error = BLOK_ERROR_INIT;

// Four stages; the outputs of the last three are the levels, the finest first.
static bool backbone(blok_builder *b, blok_value_id x, blok_value_id levels[LEVELS]) {
  const char *const stages[4] = {"stage1", "stage2", "stage3", "stage4"};
  blok_block_options stem = BLOK_BLOCK_OPTIONS_INIT;
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  stem.out_channels = 32;
  stem.stride = 2;
  if (blok_build_conv_norm_act(b, "stem", &stem, &x, &error)) return false;
  for (int i = 0; i < 4; i++) {
    block.out_channels = 32 << i;
    block.stride = 2;
    if (blok_build_stage(b, stages[i], BLOK_RESIDUAL, &block, 2, &x, &error)) return false;
    if (i > 0) levels[i - 1] = x;
  }
  return true;
}

static bool build(blok_builder *b) {
  const int64_t shape[4] = {-1, 3, 256, 256};
  const char *const scores_name[LEVELS] = {"scores8", "scores16", "scores32"};
  const char *const boxes_name[LEVELS] = {"boxes8", "boxes16", "boxes32"};
  blok_value_id x, levels[LEVELS], scores, boxes;
  if (blok_build_input(b, "picture", BLOK_F32, 4, shape, &x, &error) || !backbone(b, x, levels) ||
      blok_build_fpn(b, "neck", 64, levels, LEVELS, &error)) {
    return false;
  }
  for (int i = 0; i < LEVELS; i++) {
    if (blok_build_detect(b, "head", CLASSES, 64, levels[i], &scores, &boxes, &error) ||
        blok_build_output(b, scores_name[i], scores, &error) ||
        blok_build_output(b, boxes_name[i], boxes, &error)) {
      return false;
    }
  }
  return true;
}

// The place and class of the highest score of each level.
static bool detect(const blok_model *model) {
  static float pixels[3 * 256 * 256];
  blok_session *session = NULL;
  blok_tensor outputs[2 * LEVELS];
  const blok_tensor input = {sizeof input, BLOK_F32, 4, {1, 3, 256, 256}, pixels, sizeof pixels};
  for (size_t i = 0; i < 3 * 256 * 256; i++) pixels[i] = (float)(i * 7919 % 1000) / 500 - 1;
  for (int i = 0; i < 2 * LEVELS; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  const bool done = !blok_session_new(model, NULL, &session, &error) &&
                    !blok_session_run(session, &input, 1, outputs, 2 * LEVELS, &error);
  for (int level = 0; level < LEVELS && done; level++) {
    const blok_tensor *scores = &outputs[2 * level];
    const float *score = scores->data;
    const int height = (int)scores->dims[2], width = (int)scores->dims[3];
    const int area = height * width;
    int best = 0;
    for (int i = 1; i < CLASSES * area; i++) {
      if (score[i] > score[best]) best = i;
    }
    printf("stride %2d  %2dx%-2d places, best: class %d at row %d, column %d\n", 256 / height,
           height, width, best / area, best % area / width, best % width);
  }
  blok_session_free(&session);
  return done;
}

int main(int argc, char **argv) {
  blok_builder *b = NULL;
  blok_model *model = NULL;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (argc != 2) {
    fprintf(stderr, "usage: detector OUT.onnx\n");
    return 2;
  }
  const bool done = !blok_builder_new(NULL, &b, &error) && build(b) &&
                    !blok_builder_finish(&b, &model, &error) && detect(model) &&
                    !blok_model_get_info(model, &info) &&
                    !blok_model_save(model, argv[1], NULL, &error);
  if (done) {
    printf("%llu parameters, %.1f M multiply-adds, written to %s\n",
           (unsigned long long)info.parameters, (double)info.macs / 1e6, argv[1]);
  } else {
    fprintf(stderr, "detector: %s\n", error.message);
  }
  blok_model_free(&model);
  blok_builder_free(&b);
  return done ? 0 : 1;
}
