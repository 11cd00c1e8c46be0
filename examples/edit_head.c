// edit_head IN.onnx OUT.onnx CLASSES: a trained network with a new, untrained last layer of so many
// classes, for any number of pictures at once. All other weights are shared with the model that was
// read, which stays as it is.
#include <blok/blok.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 3

static blok_error error = BLOK_ERROR_INIT;

static bool edit(const blok_model *model, int classes, blok_model **out) {
  blok_builder *b = NULL;
  const bool done = !blok_builder_from(model, NULL, &b, &error) &&
                    !blok_edit_head(b, classes, &error) && !blok_edit_batch(b, 0, "N", &error) &&
                    !blok_builder_finish(&b, out, &error);
  blok_builder_free(&b);
  return done;
}

// Runs the model on BATCH pictures of zeros. The size of a picture is what the model says.
static bool run(const blok_model *model) {
  blok_session *session = NULL;
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  blok_tensor input = BLOK_TENSOR_INIT, output = BLOK_TENSOR_INIT;
  if (blok_model_input(model, 0, &info) || info.rank != 4) return false;
  input.dtype = BLOK_F32;
  input.rank = 4;
  input.dims[0] = BATCH;
  for (int i = 1; i < 4; i++) input.dims[i] = info.axes[i].value;
  input.bytes = blok_tensor_count(&input) * sizeof(float);
  input.data = calloc(1, input.bytes);
  const bool done = input.data != NULL && !blok_session_new(model, NULL, &session, &error) &&
                    !blok_session_run(session, &input, 1, &output, 1, &error);
  if (done) {
    printf("in %s %dx%dx%dx%d, out %dx%d\n", info.name, (int)input.dims[0], (int)input.dims[1],
           (int)input.dims[2], (int)input.dims[3], (int)output.dims[0], (int)output.dims[1]);
  }
  free(input.data);
  blok_session_free(&session);
  return done;
}

static bool tell(const char *path, const blok_model *model) {
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (blok_model_get_info(model, &info)) return false;
  printf("%s: %llu parameters, %zu blocks\n", path, (unsigned long long)info.parameters,
         blok_model_block_count(model));
  return true;
}

int main(int argc, char **argv) {
  blok_model *model = NULL, *edited = NULL;
  const int classes = argc == 4 ? atoi(argv[3]) : 0;
  if (classes < 1) {
    fprintf(stderr, "usage: edit_head IN.onnx OUT.onnx CLASSES\n");
    return 2;
  }
  const bool done = !blok_model_open(argv[1], NULL, &model, &error) && tell(argv[1], model) &&
                    edit(model, classes, &edited) && tell(argv[2], edited) && run(edited) &&
                    !blok_model_save(edited, argv[2], NULL, &error);
  if (!done) fprintf(stderr, "edit_head: %s\n", error.message);
  blok_model_free(&edited);
  blok_model_free(&model);
  return done ? 0 : 1;
}
