// Outputs of a run, as text and as JSON.
#include "tools/answer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/element.h"
#include "tools/shape.h"
#include "tools/source.h"
#include "tools/table.h"

#define FIRST_VALUES 6

blok_status blok_labels_read(const char *path, blok_labels *out, blok_error *error) {
  blok_source source;
  memset(out, 0, sizeof *out);
  const blok_status status = blok_source_read(path, &source, error);
  if (status != BLOK_OK) {
    blok_source_free(&source);
    return status;
  }
  out->text = blok_cli_alloc(source.size + 1, 1);
  memcpy(out->text, source.bytes, source.size);
  size_t lines = 1;
  for (size_t i = 0; i < source.size; i++) lines += source.bytes[i] == '\n';
  out->lines = blok_cli_alloc(lines, sizeof *out->lines);
  char *next = out->text;
  char *const end = out->text + source.size;
  while (next < end) {
    char *stop = memchr(next, '\n', (size_t)(end - next));
    if (stop == NULL) stop = end;
    *stop = '\0';
    if (stop > next && stop[-1] == '\r') stop[-1] = '\0';
    out->lines[out->count++] = next;
    next = stop + 1;
  }
  blok_source_free(&source);
  return BLOK_OK;
}

void blok_labels_free(blok_labels *labels) {
  free(labels->text);
  free(labels->lines);
  memset(labels, 0, sizeof *labels);
}

bool blok_answer_is_classes(const blok_tensor *tensor) {
  if (!blok_element_is_real(tensor->dtype) || tensor->rank == 0) return false;
  const uint32_t axis = tensor->rank == 1 ? 0 : 1;
  for (uint32_t i = 0; i < tensor->rank; i++) {
    if (i == axis ? tensor->dims[i] < 2 : tensor->dims[i] != 1) return false;
  }
  return true;
}

static int compare_scores(const void *left, const void *right) {
  const blok_class_score *a = left;
  const blok_class_score *b = right;
  if (isnan(a->score) != isnan(b->score)) return isnan(a->score) ? 1 : -1;
  if (a->score > b->score) return -1;
  if (a->score < b->score) return 1;
  return a->index < b->index ? -1 : a->index > b->index;
}

size_t blok_answer_best(const blok_tensor *tensor, size_t top, blok_class_score **out) {
  const size_t count = blok_tensor_count(tensor);
  blok_class_score *scores = blok_cli_alloc(count, sizeof *scores);
  for (size_t i = 0; i < count; i++) {
    scores[i] = (blok_class_score){i, blok_element_get(tensor, i)};
  }
  qsort(scores, count, sizeof *scores, compare_scores);
  *out = scores;
  return top < count ? top : count;
}

const char *blok_answer_label(const blok_labels *labels, size_t index, char number[24]) {
  if (index < labels->count) return labels->lines[index];
  (void)snprintf(number, 24, "%zu", index);
  return number;
}

// What the numbers look like. NaN counts in mean only.
typedef struct summary {
  size_t count;
  double least, most, mean;
} summary;

static summary summarise(const blok_tensor *tensor) {
  summary found = {0, (double)NAN, (double)NAN, (double)NAN};
  double sum = 0;
  found.count = blok_tensor_count(tensor) * blok_element_parts(tensor->dtype);
  for (size_t i = 0; i < found.count; i++) {
    const double value = blok_element_get(tensor, i);
    found.least = fmin(found.least, value);
    found.most = fmax(found.most, value);
    sum += value;
  }
  if (found.count > 0) found.mean = sum / (double)found.count;
  return found;
}

static void print_string(FILE *out, const blok_text *text) {
  char *copy = blok_cli_alloc(text->size + 1, 1);
  if (text->size > 0) memcpy(copy, text->bytes, text->size);
  fprintf(out, " \"%s\"", blok_show(copy).text);
  free(copy);
}

void blok_answer_summary(FILE *out, const blok_tensor *tensor) {
  fprintf(out, "%s %s", blok_dtype_name(tensor->dtype),
          blok_show_dims(tensor->dims, tensor->rank).text);
  if (tensor->dtype == BLOK_STRING) {
    const blok_text *texts = tensor->data;
    const size_t count = blok_tensor_count(tensor);
    for (size_t i = 0; i < count && i < FIRST_VALUES; i++) print_string(out, &texts[i]);
    return;
  }
  const summary found = summarise(tensor);
  if (found.count == 0) return;
  fprintf(out, "  min %.6g  mean %.6g  max %.6g  first", found.least, found.mean, found.most);
  for (size_t i = 0; i < found.count && i < FIRST_VALUES; i++) {
    fprintf(out, " %.6g", blok_element_get(tensor, i));
  }
  if (found.count > FIRST_VALUES) fputs(" ...", out);
}

static void print_classes(blok_cli *cli, const blok_tensor *tensor, size_t top,
                          const blok_labels *labels) {
  static const char *const heads[] = {"", "class", "label", "score"};
  blok_class_score *scores = NULL;
  blok_table table;
  const size_t count = blok_answer_best(tensor, top, &scores);
  blok_table_begin(&table, "rrlr", heads);
  for (size_t i = 0; i < count; i++) {
    const size_t index = scores[i].index;
    blok_table_cell(&table, "%zu", i + 1);
    blok_table_cell(&table, "%zu", index);
    blok_table_cell(&table, "%s", index < labels->count ? labels->lines[index] : "");
    blok_table_cell(&table, "%.6g", scores[i].score);
  }
  blok_table_end(&table, cli, 2);
  free(scores);
}

void blok_answer_print(blok_cli *cli, const char *name, const blok_tensor *tensor, size_t top,
                       const blok_labels *labels) {
  blok_show_to(cli->out, name);
  fputs("  ", cli->out);
  if (top > 0 && blok_answer_is_classes(tensor)) {
    fprintf(cli->out, "%s %s\n", blok_dtype_name(tensor->dtype),
            blok_show_dims(tensor->dims, tensor->rank).text);
    print_classes(cli, tensor, top, labels);
    return;
  }
  blok_answer_summary(cli->out, tensor);
  fputc('\n', cli->out);
}

static void json_classes(blok_json *json, const blok_tensor *tensor, size_t top,
                         const blok_labels *labels) {
  blok_class_score *scores = NULL;
  const size_t count = blok_answer_best(tensor, top, &scores);
  blok_json_open(json, "top", '[');
  for (size_t i = 0; i < count; i++) {
    const size_t index = scores[i].index;
    blok_json_open(json, NULL, '{');
    blok_json_uint(json, "index", index);
    blok_json_text(json, "label", index < labels->count ? labels->lines[index] : NULL);
    blok_json_number(json, "score", scores[i].score);
    blok_json_close(json);
  }
  blok_json_close(json);
  free(scores);
}

void blok_answer_json(blok_json *json, const char *name, const blok_tensor *tensor, size_t top,
                      const blok_labels *labels, const char *file) {
  blok_json_open(json, NULL, '{');
  blok_json_text(json, "name", name);
  blok_json_text(json, "dtype", blok_dtype_name(tensor->dtype));
  blok_json_dims(json, "shape", tensor->dims, tensor->rank);
  blok_json_text(json, "file", file);
  const summary found = summarise(tensor);
  if (found.count > 0) {
    blok_json_number(json, "min", found.least);
    blok_json_number(json, "max", found.most);
    blok_json_number(json, "mean", found.mean);
  }
  if (top > 0 && blok_answer_is_classes(tensor)) {
    json_classes(json, tensor, top, labels);
  } else {
    blok_json_null(json, "top");
  }
  blok_json_close(json);
}
