// What the tests of edits share: a small classifier, builders of models, and looking at what an
// edit made.
#ifndef BLOK_TESTS_API_EDITED_H
#define BLOK_TESTS_API_EDITED_H

#include <check.h>

#include "stored.h"

typedef struct blok_edited_text {
  char *data;
  size_t size;
} blok_edited_text;

// The model as it is written, freed with free; same frees both.
blok_edited_text blok_edited_bytes(const blok_model *model);
void blok_edited_same(blok_edited_text a, blok_edited_text b);

// Builders that begin with a model, or a stored one, and the model that they become. Each asserts
// that this works.
blok_builder *blok_edited_builder(const blok_model *model);
blok_builder *blok_edited_begin(const char *name);
blok_model *blok_edited_finish(blok_builder **builder);

#define OK(call)                                                      \
  do {                                                                \
    blok_error error = BLOK_ERROR_INIT;                               \
    ck_assert_msg((call) == BLOK_OK, "%s: %s", #call, error.message); \
  } while (0)

// The call refuses, with one line that holds each of the words.
#define REFUSES(call, wanted, ...)                                   \
  do {                                                               \
    blok_error error = BLOK_ERROR_INIT;                              \
    const blok_status got = (call);                                  \
    blok_test_fails(got, wanted, &error, __VA_ARGS__, (char *)NULL); \
  } while (0)

// Asserts that the stored outputs come from model.
void blok_edited_check(const blok_model *model, const char *name);

size_t blok_edited_count(const blok_model *model, const char *op_type);

// The block of that name, the first one of that kind. Asserts that there is one.
const blok_block *blok_edited_block(const blok_model *model, const char *name);
const blok_block *blok_edited_first(const blok_model *model, blok_block_kind kind);

// Size of an axis of the first output.
int64_t blok_edited_axis(const blok_model *model, int axis);

// Images of 3x8x8, a stem, two basic blocks (stage1.0, stage2.0), a mean and a linear layer of five
// classes.
blok_model *blok_edited_classifier(int64_t batch);

// The first output on a ramp of batch images; *count floats, freed with free.
float *blok_edited_run(const blok_model *model, int64_t batch, size_t *count);
void blok_edited_near(const float *a, const float *b, size_t count);

#endif  // BLOK_TESTS_API_EDITED_H
