// The models of tests/data with their stored inputs and outputs.
#ifndef BLOK_TESTS_API_STORED_H
#define BLOK_TESTS_API_STORED_H

#include <blok/blok.h>

enum { BLOK_TEST_TENSORS = 16 };

typedef struct blok_test_vectors {
  size_t n_inputs, n_outputs;
  blok_tensor inputs[BLOK_TEST_TENSORS];
  blok_tensor outputs[BLOK_TEST_TENSORS];
} blok_test_vectors;

// Path of tests/data/good/<name>/model.onnx; valid until the eighth call after this one in its
// thread.
const char *blok_test_model(const char *name);

// Opens it with default options. Asserts that this works.
blok_model *blok_test_open(const char *name);
// A session with default options. Asserts that this works.
blok_session *blok_test_session(const blok_model *model);

// Its test_data_set_0. Asserts that it can be read.
void blok_test_vectors_read(const char *name, blok_test_vectors *vectors);
void blok_test_vectors_free(blok_test_vectors *vectors);

// Asserts that the session gives the stored outputs.
void blok_test_run(blok_session *session, const blok_test_vectors *vectors);

// Asserts that status is wanted, and that the message is one line that holds each of words (NULL
// ends them).
void blok_test_fails(blok_status status, blok_status wanted, const blok_error *error, ...);

#endif  // BLOK_TESTS_API_STORED_H
