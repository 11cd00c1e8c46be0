// Writing JSON: objects and arrays that open and close, commas where they belong.
//
// Inside an object every call names its key; inside an array (and for the outermost value) key is
// NULL. Names from files keep their control bytes as \u00NN; bytes that are no UTF-8 are written as
// the text \xNN.
#ifndef BLOK_TOOLS_JSON_H
#define BLOK_TOOLS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define BLOK_JSON_DEPTH 16

typedef struct blok_json {
  FILE *out;
  int depth;
  char closer[BLOK_JSON_DEPTH];
  bool in_html;                  // '<' is written as \u003c: no tag can end the text around it
  bool filled[BLOK_JSON_DEPTH];  // the object or array holds something: a comma comes next
} blok_json;

void blok_json_begin(blok_json *json, FILE *out);
void blok_json_open(blok_json *json, const char *key, char bracket);  // '{' or '['
void blok_json_close(blok_json *json);  // ends the line after the outermost
void blok_json_text(blok_json *json, const char *key, const char *text);  // NULL: null
void blok_json_int(blok_json *json, const char *key, int64_t number);
void blok_json_uint(blok_json *json, const char *key, uint64_t number);
void blok_json_bool(blok_json *json, const char *key, bool value);
void blok_json_null(blok_json *json, const char *key);

// Nine digits, so that a float32 reads back as it was; "NaN", "Infinity", "-Infinity" as strings.
void blok_json_number(blok_json *json, const char *key, double number);

#endif  // BLOK_TOOLS_JSON_H
