// Every allocation fails once: open, look, run, reshape, save give BLOK_E_MEMORY and leak nothing.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_faults(void);

typedef struct work {
  const char *name;
  char *bytes;  // NULL: opened from its path
  size_t size;
  blok_test_vectors vectors;
  int lent;
} work;

static void give_back(void *context, const void *bytes) {
  (void)bytes;
  ((work *)context)->lent--;
}

static int count_bytes(void *context, const void *bytes, size_t size) {
  (void)bytes;
  *(size_t *)context += size;
  return 0;
}

static blok_status run_twice(work *w, const blok_model *model, const blok_allocator *allocator,
                             blok_error *error) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.allocator = allocator;
  blok_session *session = NULL;
  blok_tensor outputs[BLOK_TEST_TENSORS];
  blok_status status = blok_session_new(model, &options, &session, error);
  if (status != BLOK_OK) ck_assert_ptr_null(session);
  if (status == BLOK_OK) {
    status = blok_session_reshape(session, w->vectors.inputs, w->vectors.n_inputs, error);
  }
  for (int round = 0; round < 2 && status == BLOK_OK; round++) {
    for (size_t i = 0; i < BLOK_TEST_TENSORS; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
    status = blok_session_run(session, w->vectors.inputs, w->vectors.n_inputs, outputs,
                              w->vectors.n_outputs, error);
  }
  blok_session_free(&session);
  return status;
}

static blok_status open_run_write(void *context, const blok_allocator *allocator,
                                  blok_error *error) {
  work *w = context;
  blok_model *model = NULL;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.allocator = allocator;
  blok_status status;
  if (w->bytes) {
    w->lent = 1;
    status = blok_model_load(w->bytes, w->size, give_back, w, &options, &model, error);
  } else {
    status = blok_model_open(blok_test_model(w->name), &options, &model, error);
  }
  if (status != BLOK_OK) {
    ck_assert_ptr_null(model);
    ck_assert_int_eq(w->lent, 0);
    return status;
  }
  if (w->vectors.n_outputs) status = run_twice(w, model, allocator, error);
  size_t written = 0;
  if (status == BLOK_OK) status = blok_model_write(model, count_bytes, &written, error);
  blok_model_free(&model);
  ck_assert_int_eq(w->lent, 0);
  return status;
}

static const char *const models[] = {"conv_norm_relu",
                                     "if_captures",
                                     "late_shapes",
                                     "local_functions",
                                     "external_data",
                                     "sparse_initializer",
                                     "external_attribute",
                                     "opset_6",
                                     "dynamic_dims",
                                     "annotated",
                                     "guide_seres_torchscript"};

START_TEST(open_run_write__survives_every_failed_allocation) {
  work w = {.name = models[_i]};
  blok_test_vectors_read(w.name, &w.vectors);
  ck_assert_uint_gt(blok_fault_sweep(open_run_write, &w), 10);
  blok_test_vectors_free(&w.vectors);
}
END_TEST

START_TEST(load__gives_bytes_back_at_every_failed_allocation) {
  work w = {.name = "if_captures"};
  w.bytes = blok_test_read(blok_test_model(w.name), &w.size);
  blok_test_vectors_read(w.name, &w.vectors);
  ck_assert_uint_gt(blok_fault_sweep(open_run_write, &w), 10);
  blok_test_vectors_free(&w.vectors);
  free(w.bytes);
}
END_TEST

START_TEST(open__survives_every_failed_allocation_where_it_cannot_run) {
  work w = {.name = "unknown_operator"};
  ck_assert_uint_gt(blok_fault_sweep(open_run_write, &w), 10);
}
END_TEST

static blok_status save_to_folder(void *context, const blok_allocator *allocator,
                                  blok_error *error) {
  blok_test_folder *folder = context;
  blok_model *model = NULL;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.allocator = allocator;
  blok_save_options where = BLOK_SAVE_OPTIONS_INIT;
  where.weights = BLOK_WEIGHTS_EXTERNAL;
  blok_status status =
      blok_model_open(blok_test_model("guide_post_torchscript"), &options, &model, error);
  if (status != BLOK_OK) return status;
  status = blok_model_save(model, blok_test_path(folder, "net.onnx"), &where, error);
  blok_model_free(&model);
  // The model of the first time is there, whole; a failure leaves nothing beside it.
  ck_assert_uint_eq(blok_test_count(folder), 2);
  return status;
}

START_TEST(save__leaves_whole_files_at_every_failed_allocation) {
  blok_test_folder folder;
  blok_test_folder_make(&folder);
  ck_assert_uint_gt(blok_fault_sweep(save_to_folder, &folder), 10);
  blok_model *model = NULL;
  ck_assert_int_eq(blok_model_open(blok_test_path(&folder, "net.onnx"), NULL, &model, NULL),
                   BLOK_OK);
  blok_model_free(&model);
  blok_test_folder_remove(&folder);
}
END_TEST

static blok_status read_tensor(void *context, const blok_allocator *allocator, blok_error *error) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  blok_status status = blok_tensor_read_pb(context, allocator, NULL, 0, &tensor, error);
  if (status != BLOK_OK) ck_assert_ptr_null(tensor.data);
  blok_tensor_free(allocator, &tensor);
  return status;
}

START_TEST(tensor__survives_every_failed_allocation) {
  char path[512];
  snprintf(path, sizeof path, "%s/good/conv_norm_relu/test_data_set_0/input_0.pb", BLOK_TEST_DATA);
  ck_assert_uint_gt(blok_fault_sweep(read_tensor, path), 3);
}
END_TEST

Suite *suite_faults(void) {
  Suite *suite = suite_create("faults");
  TCase *tests = tcase_create("faults");
  tcase_set_timeout(tests, 120);
  tcase_set_tags(tests, "one_thread");
  tcase_add_loop_test(tests, open_run_write__survives_every_failed_allocation, 0,
                      sizeof models / sizeof *models);
  tcase_add_test(tests, load__gives_bytes_back_at_every_failed_allocation);
  tcase_add_test(tests, open__survives_every_failed_allocation_where_it_cannot_run);
  tcase_add_test(tests, save__leaves_whole_files_at_every_failed_allocation);
  tcase_add_test(tests, tensor__survives_every_failed_allocation);
  suite_add_tcase(suite, tests);
  return suite;
}
