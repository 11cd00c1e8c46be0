// See stored.h.
#include "stored.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/tensors.h"

static const char *path_of(const char *name, const char *file) {
  static _Thread_local char paths[8][512];
  static _Thread_local unsigned turn;
  char *path = paths[turn++ % 8];
  int length = snprintf(path, sizeof paths[0], "%s/good/%s/%s", BLOK_TEST_DATA, name, file);
  ck_assert_int_lt(length, (int)sizeof paths[0]);
  return path;
}

const char *blok_test_model(const char *name) { return path_of(name, "model.onnx"); }

blok_model *blok_test_open(const char *name) {
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_model_open(blok_test_model(name), NULL, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return model;
}

blok_session *blok_test_session(const blok_model *model) {
  blok_session *session = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_session_new(model, NULL, &session, &error) == BLOK_OK, "%s", error.message);
  return session;
}

static size_t read_all(const char *name, const char *which, blok_tensor *tensors) {
  size_t n = 0;
  for (; n < BLOK_TEST_TENSORS; n++) {
    char file[64];
    snprintf(file, sizeof file, "test_data_set_0/%s_%zu.pb", which, n);
    blok_status status = blok_tensor_read_pb(path_of(name, file), NULL, NULL, 0, &tensors[n], NULL);
    if (status != BLOK_OK) {
      ck_assert_int_eq((int)status, (int)BLOK_E_NOT_FOUND);
      return n;
    }
  }
  return n;
}

void blok_test_vectors_read(const char *name, blok_test_vectors *vectors) {
  vectors->n_inputs = read_all(name, "input", vectors->inputs);
  vectors->n_outputs = read_all(name, "output", vectors->outputs);
  ck_assert_uint_gt(vectors->n_outputs, 0);
}

void blok_test_vectors_free(blok_test_vectors *vectors) {
  for (size_t i = 0; i < vectors->n_inputs; i++) blok_tensor_free(NULL, &vectors->inputs[i]);
  for (size_t i = 0; i < vectors->n_outputs; i++) blok_tensor_free(NULL, &vectors->outputs[i]);
}

void blok_test_run(blok_session *session, const blok_test_vectors *vectors) {
  blok_error error = BLOK_ERROR_INIT;
  blok_tensor outputs[BLOK_TEST_TENSORS];
  for (size_t i = 0; i < BLOK_TEST_TENSORS; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  blok_status status = blok_session_run(session, vectors->inputs, vectors->n_inputs, outputs,
                                        vectors->n_outputs, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  for (size_t i = 0; i < vectors->n_outputs; i++) {
    blok_test_same(&outputs[i], &vectors->outputs[i], 1e-4, 1e-5);
  }
}

void blok_test_fails(blok_status status, blok_status wanted, const blok_error *error, ...) {
  ck_assert_msg(status == wanted, "got %s, want %s: %s", blok_status_name(status),
                blok_status_name(wanted), error->message);
  ck_assert_int_eq((int)error->status, (int)wanted);
  ck_assert_msg(error->message[0] && !strchr(error->message, '\n'), "no line: '%s'",
                error->message);
  va_list words;
  va_start(words, error);
  for (const char *word = va_arg(words, const char *); word; word = va_arg(words, const char *)) {
    ck_assert_msg(strstr(error->message, word) != NULL, "'%s' is not in '%s'", word,
                  error->message);
  }
  va_end(words);
}
