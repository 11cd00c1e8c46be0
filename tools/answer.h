// Outputs of a run: the best classes, or what the numbers look like; as text and as JSON.
#ifndef BLOK_TOOLS_ANSWER_H
#define BLOK_TOOLS_ANSWER_H

#include "tools/cli.h"
#include "tools/json.h"

// The lines of a file of labels.
typedef struct blok_labels {
  char *text;
  const char **lines;
  size_t count;
} blok_labels;

// Reads path. Free with blok_labels_free whatever the status.
BLOK_MUST_CHECK blok_status blok_labels_read(const char *path, blok_labels *out, blok_error *error);
void blok_labels_free(blok_labels *labels);

typedef struct blok_class_score {
  size_t index;
  double score;
} blok_class_score;

// Whether tensor holds a score for each of two or more classes: floats of shape [C] or [1, C],
// further axes of 1 allowed.
bool blok_answer_is_classes(const blok_tensor *tensor);

// The best classes, best first, equal scores by index; NaN comes last. Returns how many: top, or
// all if there are fewer. *out is freed with free().
size_t blok_answer_best(const blok_tensor *tensor, size_t top, blok_class_score **out);

// The label of class index, or its number, which is written to number.
const char *blok_answer_label(const blok_labels *labels, size_t index, char number[24]);

// Text of one output: a line with type and shape, then the best classes or some numbers.
void blok_answer_print(blok_cli *cli, const char *name, const blok_tensor *tensor, size_t top,
                       const blok_labels *labels);

// One line about the numbers of an output: type, shape, range.
void blok_answer_summary(FILE *out, const blok_tensor *tensor);

// The output as a JSON object. file: where it was written, or NULL.
void blok_answer_json(blok_json *json, const char *name, const blok_tensor *tensor, size_t top,
                      const blok_labels *labels, const char *file);

#endif  // BLOK_TOOLS_ANSWER_H
