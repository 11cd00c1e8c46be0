// Comparing two models by what they compute with: structure, attributes and weights, not names,
// not the order of nodes, not where weights are stored.
#ifndef BLOK_DIFF_H
#define BLOK_DIFF_H

#include <blok/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum blok_difference_kind {
  BLOK_DIFF_INPUTS = 1,  // number, type or shape of the model's inputs
  BLOK_DIFF_OUTPUTS = 2,
  BLOK_DIFF_NODE = 3,  // another operator, or a node that only one model has
  BLOK_DIFF_ATTRIBUTE = 4,
  BLOK_DIFF_WIRING = 5,  // an input that comes from another place
  BLOK_DIFF_WEIGHT = 6,  // shape, type or numbers of a constant
  BLOK_DIFF_OPSET = 7
} blok_difference_kind;

// Strings live as long as the blok_diff.
typedef struct blok_difference {
  uint32_t struct_size;
  blok_difference_kind kind;
  const char *text;  // one line: "Conv node 'layer1.0/conv1': attribute strides is [2, 2] in A, [1,
                     // 1] in B"
  const char *node_a;  // "" where A has none
  const char *node_b;
  double max_abs;  // BLOK_DIFF_WEIGHT of numbers: the largest difference; else 0
} blok_difference;

#define BLOK_DIFFERENCE_INIT \
  { sizeof(blok_difference), BLOK_DIFF_NODE, NULL, NULL, NULL, 0 }

typedef struct blok_diff_options {
  uint32_t struct_size;
  double tolerance;  // weights whose numbers differ by no more count as equal: 0, the same bits
  bool working;      // the working graphs (functions inlined, operators at their newest version,
                     // constants folded) instead of what the files say
  size_t most;       // differences that are kept: 20
} blok_diff_options;

#define BLOK_DIFF_OPTIONS_INIT \
  { sizeof(blok_diff_options), 0, false, 20 }

typedef struct blok_diff blok_diff;

// Compares from the outputs backwards, pairing nodes as it goes. *out is NULL unless BLOK_OK, which
// says nothing about equality; free it with blok_diff_free. It keeps neither model, and does not
// change once made. options NULL: defaults. Thread-safe as reading models is.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_diff(const blok_model *a, const blok_model *b,
                                                     const blok_diff_options *options,
                                                     blok_diff **out, blok_error *error);
// Frees diff and sets *diff to NULL; NULL is allowed.
BLOK_API void blok_diff_free(blok_diff **diff);

// Differences found in all, kept or not: 0 says that the models are equal.
BLOK_API size_t blok_diff_count(const blok_diff *diff);
// BLOK_E_NOT_FOUND past the last that is kept.
BLOK_API BLOK_MUST_CHECK blok_status blok_diff_at(const blok_diff *diff, size_t index,
                                                  blok_difference *out);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_DIFF_H
