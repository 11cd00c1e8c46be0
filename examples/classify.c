// classify MODEL.onnx INPUT.pb: runs a stored tensor and prints the top class of the first row.
#include <blok/blok.h>
#include <stdio.h>

int main(int argc, char **argv) {
  blok_model *model = NULL;
  blok_session *session = NULL;
  blok_tensor input = BLOK_TENSOR_INIT, output = BLOK_TENSOR_INIT;
  blok_error error = BLOK_ERROR_INIT;
  if (argc != 3) {
    fprintf(stderr, "usage: classify MODEL.onnx INPUT.pb\n");
    return 2;
  }
  bool done = blok_model_open(argv[1], NULL, &model, &error) == BLOK_OK &&
              blok_session_new(model, NULL, &session, &error) == BLOK_OK &&
              blok_tensor_read_pb(argv[2], NULL, NULL, 0, &input, &error) == BLOK_OK &&
              blok_session_run(session, &input, 1, &output, 1, &error) == BLOK_OK;
  if (!done) {
    fprintf(stderr, "classify: %s\n", error.message);
  } else if (output.dtype == BLOK_F32 && output.rank > 0 && blok_tensor_count(&output) > 0) {
    const float *score = (const float *)output.data;
    int top = 0;
    for (int i = 1; i < output.dims[output.rank - 1]; i++) {
      if (score[i] > score[top]) top = i;
    }
    printf("class %d\n", top);
  }
  blok_tensor_free(NULL, &input);  // output's data belongs to the session
  blok_session_free(&session);
  blok_model_free(&model);
  return done ? 0 : 1;
}
