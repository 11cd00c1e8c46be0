// A network that is built, run and freed, and nothing else: linked with the static library it must
// not need protobuf. Writes the ten numbers that the network makes.
#include <blok/blok.h>
#include <math.h>
#include <stdio.h>

static blok_status build(blok_model **model, blok_error *error) {
  static const int64_t shape[4] = {-1, 3, 32, 32};
  blok_builder *builder = NULL;
  blok_value_id x = BLOK_VALUE_ID_INIT;
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_status status = blok_builder_new(NULL, &builder, error);
  block.out_channels = 16;
  if (!status) status = blok_build_input(builder, "input", BLOK_F32, 4, shape, &x, error);
  if (!status) status = blok_build_conv_norm_act(builder, "stem", &block, &x, error);
  block.se = true;
  if (!status) status = blok_build_stage(builder, "stage1", BLOK_RESIDUAL, &block, 2, &x, error);
  block.se = false;
  block.out_channels = 64;
  block.stride = 2;
  if (!status) status = blok_build_stage(builder, "stage2", BLOK_BOTTLENECK, &block, 2, &x, error);
  if (!status) status = blok_build_head(builder, "", NULL, &x, error);
  if (!status) status = blok_build_output(builder, "output", x, error);
  if (!status) status = blok_builder_finish(&builder, model, error);
  blok_builder_free(&builder);
  return status;
}

int main(void) {
  static float picture[3 * 32 * 32], scores[10];
  blok_error error = BLOK_ERROR_INIT;
  blok_model *model = NULL;
  blok_session *session = NULL;
  blok_tensor input = BLOK_TENSOR_INIT, output = BLOK_TENSOR_INIT;
  for (int i = 0; i < 3 * 32 * 32; i++) picture[i] = (float)(i % 17) / 17;
  input.dtype = BLOK_F32;
  input.rank = 4;
  input.dims[0] = 1;
  input.dims[1] = 3;
  input.dims[2] = input.dims[3] = 32;
  input.data = picture;
  input.bytes = sizeof picture;
  output.data = scores;
  output.bytes = sizeof scores;
  blok_status status = build(&model, &error);
  if (!status) status = blok_session_new(model, NULL, &session, &error);
  if (!status) status = blok_session_reshape(session, &input, 1, &error);
  if (!status) status = blok_session_run(session, &input, 1, &output, 1, &error);
  for (int i = 0; i < 10 && !status; i++) {
    printf("%g\n", (double)scores[i]);
    if (!isfinite(scores[i])) status = BLOK_E_INTERNAL;
  }
  if (status) fprintf(stderr, "%s\n", error.message);
  blok_session_free(&session);
  blok_model_free(&model);
  return status != BLOK_OK;
}
