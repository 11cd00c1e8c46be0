// See edited.h.
#include "edited.h"

#include <stdlib.h>
#include <string.h>

static int append(void *context, const void *bytes, size_t size) {
  blok_edited_text *self = context;
  char *data = realloc(self->data, self->size + size);
  if (!data) return 1;
  memcpy(data + self->size, bytes, size);
  self->data = data;
  self->size += size;
  return 0;
}

blok_edited_text blok_edited_bytes(const blok_model *model) {
  blok_edited_text out = {NULL, 0};
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_model_write(model, append, &out, &error) == BLOK_OK, "%s", error.message);
  return out;
}

void blok_edited_same(blok_edited_text a, blok_edited_text b) {
  ck_assert_uint_eq(a.size, b.size);
  ck_assert_mem_eq(a.data, b.data, a.size);
  free(a.data);
  free(b.data);
}

blok_builder *blok_edited_builder(const blok_model *model) {
  blok_builder *builder = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_builder_from(model, NULL, &builder, &error) == BLOK_OK, "%s", error.message);
  return builder;
}

blok_builder *blok_edited_begin(const char *name) {
  blok_model *model = blok_test_open(name);
  blok_builder *builder = blok_edited_builder(model);
  blok_model_free(&model);
  return builder;
}

blok_model *blok_edited_finish(blok_builder **builder) {
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_builder_finish(builder, &model, &error) == BLOK_OK, "%s", error.message);
  ck_assert_ptr_null(*builder);
  ck_assert_msg(blok_model_runnable(model, &error) == BLOK_OK, "%s", error.message);
  return model;
}

// The stored outputs come from model.
void blok_edited_check(const blok_model *model, const char *name) {
  blok_test_vectors vectors;
  blok_test_vectors_read(name, &vectors);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_test_vectors_free(&vectors);
}

size_t blok_edited_count(const blok_model *model, const char *op_type) {
  size_t count = 0;
  blok_node_info info = BLOK_NODE_INFO_INIT;
  for (size_t i = 0; blok_model_node(model, i, &info) == BLOK_OK; i++) {
    if (strcmp(info.op_type, op_type) == 0) count++;
  }
  return count;
}

const blok_block *blok_edited_block(const blok_model *model, const char *name) {
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    const blok_block *block = blok_model_block(model, i);
    if (strcmp(block->name, name) == 0) return block;
  }
  ck_abort_msg("there is no block %s", name);
  abort();
}

// The first block of this kind.
const blok_block *blok_edited_first(const blok_model *model, blok_block_kind kind) {
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    const blok_block *block = blok_model_block(model, i);
    if (block->kind == kind) return block;
  }
  ck_abort_msg("there is no such block");
  abort();
}

int64_t blok_edited_axis(const blok_model *model, int axis) {
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_model_output(model, 0, &info), BLOK_OK);
  ck_assert_int_gt(info.rank, axis);
  return info.axes[axis].value;
}

// A small classifier: two basic blocks, a mean and a linear layer.
blok_model *blok_edited_classifier(int64_t batch) {
  blok_builder *builder = NULL;
  blok_value_id x;
  const int64_t shape[4] = {batch, 3, 8, 8};
  blok_block_options stem = BLOK_BLOCK_OPTIONS_INIT, block = BLOK_BLOCK_OPTIONS_INIT;
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  stem.out_channels = block.out_channels = 8;
  head.classes = 5;
  OK(blok_builder_new(NULL, &builder, &error));
  OK(blok_build_input(builder, "image", BLOK_F32, 4, shape, &x, &error));
  OK(blok_build_conv_norm_act(builder, "stem", &stem, &x, &error));
  OK(blok_build_basic(builder, "stage1.0", &block, &x, &error));
  block.out_channels = 16;
  block.stride = 2;
  OK(blok_build_basic(builder, "stage2.0", &block, &x, &error));
  OK(blok_build_head(builder, "head", &head, &x, &error));
  OK(blok_build_output(builder, "scores", x, &error));
  return blok_edited_finish(&builder);
}

// The first output on a ramp; *count floats, freed with free.
float *blok_edited_run(const blok_model *model, int64_t batch, size_t *count) {
  enum { MOST = 3 * 3 * 8 * 8 };
  static float pixels[MOST];
  const int64_t dims[4] = {batch, 3, 8, 8};
  blok_tensor in = BLOK_TENSOR_INIT, out = BLOK_TENSOR_INIT;
  for (int i = 0; i < MOST; i++) pixels[i] = (float)(i % 192) / 96 - 1;
  in.dtype = BLOK_F32;
  in.rank = 4;
  memcpy(in.dims, dims, sizeof dims);
  in.data = pixels;
  in.bytes = (size_t)batch * 192 * sizeof *pixels;
  blok_session *session = blok_test_session(model);
  OK(blok_session_reshape(session, &in, 1, &error));
  OK(blok_session_run(session, &in, 1, &out, 1, &error));
  float *copy = malloc(out.bytes);
  ck_assert_ptr_nonnull(copy);
  memcpy(copy, out.data, out.bytes);
  *count = out.bytes / sizeof *copy;
  blok_session_free(&session);
  return copy;
}

void blok_edited_near(const float *a, const float *b, size_t count) {
  for (size_t i = 0; i < count; i++) ck_assert_double_eq_tol((double)a[i], (double)b[i], 1e-4);
}
