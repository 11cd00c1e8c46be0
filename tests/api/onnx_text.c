// See onnx_text.h. The field numbers are those of proto/onnx.proto.
#include "onnx_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The wire format ----------------------------------------------------------------------------

typedef struct bytes {
  uint8_t *data;
  size_t size, capacity;
} bytes;

static void put(bytes *to, const void *data, size_t size) {
  if (to->size + size > to->capacity) {
    to->capacity = 2 * (to->size + size) + 64;
    to->data = realloc(to->data, to->capacity);
    ck_assert_ptr_nonnull(to->data);
  }
  if (size) memcpy(to->data + to->size, data, size);
  to->size += size;
}

static void put_varint(bytes *to, uint64_t value) {
  do {
    const uint8_t byte = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
    put(to, &byte, 1);
    value >>= 7;
  } while (value);
}

static void put_int(bytes *to, uint32_t field, int64_t value) {
  put_varint(to, (uint64_t)field << 3);
  put_varint(to, (uint64_t)value);
}

static void put_float(bytes *to, uint32_t field, float value) {
  put_varint(to, (uint64_t)field << 3 | 5);
  put(to, &value, sizeof value);
}

static void put_bytes(bytes *to, uint32_t field, const void *data, size_t size) {
  put_varint(to, (uint64_t)field << 3 | 2);
  put_varint(to, size);
  put(to, data, size);
}

static void put_text(bytes *to, uint32_t field, const char *text) {
  put_bytes(to, field, text, strlen(text));
}

// Puts what message holds as a field of to, and empties it.
static void put_message(bytes *to, uint32_t field, bytes *message) {
  put_bytes(to, field, message->data, message->size);
  free(message->data);
  *message = (bytes){NULL, 0, 0};
}

// ---- Lines --------------------------------------------------------------------------------------

enum { WORDS = 64, WORD = 64 };

typedef struct words {
  int n;
  char at[WORDS][WORD];
} words;

static words split(const char *line) {
  words out = {.n = 0};
  while (*line) {
    const size_t length = strcspn(line, " ");
    ck_assert_int_lt(out.n, WORDS);
    ck_assert_uint_lt(length, WORD);
    memcpy(out.at[out.n], line, length);
    out.at[out.n++][length] = '\0';
    line += length;
    line += strspn(line, " ");
  }
  return out;
}

static bool is(const words *line, int i, const char *word) {
  return i < line->n && strcmp(line->at[i], word) == 0;
}

// "input x 1 N ?", "output y".
static void put_value(bytes *graph, uint32_t field, const words *line) {
  bytes value = {NULL, 0, 0}, type = {NULL, 0, 0}, tensor = {NULL, 0, 0}, shape = {NULL, 0, 0};
  put_int(&tensor, 1, 1);
  for (int i = 2; i < line->n; i++) {
    bytes axis = {NULL, 0, 0};
    char *end = NULL;
    const long number = strtol(line->at[i], &end, 10);
    if (!*end) {
      put_int(&axis, 1, number);
    } else if (strcmp(line->at[i], "?") != 0) {
      put_text(&axis, 2, line->at[i]);
    }
    put_message(&shape, 1, &axis);
  }
  const bool declared = field == 11 || line->n > 2;
  if (declared) put_message(&tensor, 2, &shape);
  put_message(&type, 1, &tensor);
  put_text(&value, 1, line->at[1]);
  put_message(&value, 2, &type);
  put_message(graph, field, &value);
  free(shape.data);
}

// "weight w 2 2 : 1 2 3 4".
static void put_weight(bytes *graph, const words *line) {
  bytes tensor = {NULL, 0, 0}, raw = {NULL, 0, 0};
  const bool ints = is(line, 0, "ints"), typed = is(line, 0, "typed");
  int i = 2;
  for (; i < line->n && !is(line, i, ":"); i++) put_int(&tensor, 1, strtol(line->at[i], NULL, 10));
  if (ints) put_int(&tensor, 1, line->n - i - 1);
  put_int(&tensor, 2, ints ? 7 : 1);
  for (i++; i < line->n; i++) {
    const int64_t whole = strtoll(line->at[i], NULL, 10);
    const float number = strtof(line->at[i], NULL);
    put(&raw, ints ? (const void *)&whole : (const void *)&number, ints ? 8 : 4);
  }
  put_text(&tensor, 8, line->at[1]);
  put_message(&tensor, typed ? 4 : 9, &raw);
  put_message(graph, 5, &tensor);
}

static void put_numbers(bytes *attribute, char *list, bool tensor) {
  bytes raw = {NULL, 0, 0}, literal = {NULL, 0, 0};
  const bool many = strchr(list, ',') != NULL, real = strchr(list, '.') != NULL;
  int64_t n = 0;
  for (char *at = list; *at; n++) {
    char *end = NULL;
    const float number = strtof(at, &end);
    const long whole = strtol(at, NULL, 10);
    ck_assert(end != at);
    if (tensor)
      put(&raw, &number, sizeof number);
    else if (real)
      put_float(attribute, many ? 7 : 2, number);
    else
      put_int(attribute, many ? 8 : 3, whole);
    at = *end ? end + 1 : end;
  }
  if (tensor) {
    put_int(&literal, 1, n);
    put_int(&literal, 2, 1);
    put_message(&literal, 9, &raw);
    put_message(attribute, 5, &literal);
  }
  put_int(attribute, 20, tensor ? 4 : real ? (many ? 6 : 1) : many ? 7 : 2);
}

// "strides=2,2".
static void put_attribute(bytes *node, char *word) {
  bytes attribute = {NULL, 0, 0};
  char *value = strchr(word, '=');
  ck_assert_ptr_nonnull(value);
  *value++ = '\0';
  const bool tensor = strcmp(word, "tensor") == 0;
  put_text(&attribute, 1, tensor ? "value" : word);
  if (strspn(value, "-0123456789.,") == strlen(value)) {
    put_numbers(&attribute, value, tensor);
  } else {
    put_text(&attribute, 4, value);
    put_int(&attribute, 20, 3);
  }
  put_message(node, 5, &attribute);
}

// "Conv name: x w = y strides=2,2".
static void put_node(bytes *to, uint32_t field, words *line) {
  bytes node = {NULL, 0, 0};
  char *op = line->at[0], *name = line->n > 1 ? line->at[1] : line->at[0];
  int i = 2;
  if (op[strlen(op) - 1] == ':') {
    name = op;
    i = 1;
  }
  ck_assert(name[strlen(name) - 1] == ':');
  name[strlen(name) - 1] = '\0';
  for (; i < line->n && !is(line, i, "="); i++)
    put_text(&node, 1, is(line, i, "-") ? "" : line->at[i]);
  for (i++; i < line->n; i++) {
    if (strchr(line->at[i], '=')) {
      put_attribute(&node, line->at[i]);
    } else {
      put_text(&node, 2, line->at[i]);
    }
  }
  if (name != op) put_text(&node, 3, name);
  char *call = strchr(op, '!');
  if (call) {
    *call = '\0';
    put_text(&node, 7, "local");
  }
  put_text(&node, 4, op);
  put_message(to, field, &node);
}

// "function f: a b = c".
static void begin_function(bytes *function, words *line, int64_t opset) {
  bytes import = {NULL, 0, 0};
  char *name = line->at[1];
  name[strlen(name) - 1] = '\0';
  put_text(function, 1, name);
  bool outputs = false;
  for (int i = 2; i < line->n; i++) {
    if (is(line, i, "=")) {
      outputs = true;
    } else {
      put_text(function, outputs ? 5 : 4, line->at[i]);
    }
  }
  put_text(&import, 1, "");
  put_int(&import, 2, opset);
  put_message(function, 9, &import);
  put_text(function, 10, "local");
}

// ---- Models -------------------------------------------------------------------------------------

static void release(void *context, const void *data) {
  (void)context;
  free((void *)(uintptr_t)data);
}

static void put_opset(bytes *model, const char *domain, int64_t version) {
  bytes opset = {NULL, 0, 0};
  put_text(&opset, 1, domain);
  put_int(&opset, 2, version);
  put_message(model, 8, &opset);
}

static blok_model *load(bytes *model, bytes *graph, int64_t opset) {
  blok_error error = BLOK_ERROR_INIT;
  blok_model *out = NULL;
  put_int(model, 1, 8);
  put_opset(model, "", opset);
  put_opset(model, "local", 1);
  put_text(graph, 2, "test");
  put_message(model, 7, graph);
  const blok_status status =
      blok_model_load(model->data, model->size, release, NULL, NULL, &out, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return out;
}

blok_model *blok_test_onnx(const char *const *lines) {
  bytes model = {NULL, 0, 0}, graph = {NULL, 0, 0}, function = {NULL, 0, 0};
  int64_t opset = 17;
  bool inside = false;
  for (; *lines; lines++) {
    words line = split(*lines);
    if (is(&line, 0, "opset")) {
      opset = strtol(line.at[1], NULL, 10);
    } else if (is(&line, 0, "input")) {
      put_value(&graph, 11, &line);
    } else if (is(&line, 0, "output")) {
      put_value(&graph, 12, &line);
    } else if (is(&line, 0, "weight") || is(&line, 0, "typed") || is(&line, 0, "ints")) {
      put_weight(&graph, &line);
    } else if (is(&line, 0, "function")) {
      begin_function(&function, &line, opset);
      inside = true;
    } else if (is(&line, 0, "end")) {
      put_message(&model, 25, &function);
      inside = false;
    } else {
      put_node(inside ? &function : &graph, inside ? 7 : 1, &line);
    }
  }
  return load(&model, &graph, opset);
}

blok_model *blok_test_onnx_chain(const char *op_type, size_t n, bool reversed) {
  bytes model = {NULL, 0, 0}, graph = {NULL, 0, 0};
  words input = split("input x 1"), output = split("output y");
  put_value(&graph, 11, &input);
  put_value(&graph, 12, &output);
  for (size_t i = 0; i < n; i++) {
    char line[128];
    const size_t at = reversed ? n - 1 - i : i;
    int length = at == 0 ? snprintf(line, sizeof line, "%s: x", op_type)
                         : snprintf(line, sizeof line, "%s: v%zu", op_type, at);
    if (at == n - 1) {
      snprintf(line + length, sizeof line - (size_t)length, " = y");
    } else {
      snprintf(line + length, sizeof line - (size_t)length, " = v%zu", at + 1);
    }
    words parts = split(line);
    put_node(&graph, 1, &parts);
  }
  return load(&model, &graph, 17);
}
