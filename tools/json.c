// Writing JSON.
#include "tools/json.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "tools/show.h"

void blok_json_begin(blok_json *json, FILE *out) {
  json->out = out;
  json->depth = 0;
  json->in_html = false;
  json->filled[0] = false;
}

static void write_text(const blok_json *json, const char *text) {
  FILE *out = json->out;
  const unsigned char *next = (const unsigned char *)text;
  fputc('"', out);
  while (*next != '\0') {
    const size_t length = blok_show_length(next);
    if (*next == '"' || *next == '\\') {
      fprintf(out, "\\%c", *next++);
    } else if (*next < 0x20 || *next == 0x7f || (*next == '<' && json->in_html)) {
      fprintf(out, "\\u%04x", *next++);
    } else if (length == 0) {
      fprintf(out, "\\\\x%02x", *next++);
    } else {
      fwrite(next, 1, length, out);
      next += length;
    }
  }
  fputc('"', out);
}

static void before(blok_json *json, const char *key) {
  if (json->filled[json->depth]) fputc(',', json->out);
  if (json->depth > 0) {
    json->filled[json->depth] = true;
    // A line for each member of the outer objects and arrays, one line for what lies deeper.
    if (json->depth <= 2) fprintf(json->out, "\n%*s", json->depth * 2, "");
  }
  if (key != NULL) {
    write_text(json, key);
    fputc(':', json->out);
  }
}

void blok_json_open(blok_json *json, const char *key, char bracket) {
  before(json, key);
  fputc(bracket, json->out);
  if (json->depth + 1 < BLOK_JSON_DEPTH) json->depth++;
  json->closer[json->depth] = bracket == '{' ? '}' : ']';
  json->filled[json->depth] = false;
}

void blok_json_close(blok_json *json) {
  const bool filled = json->filled[json->depth];
  const char closer = json->closer[json->depth--];
  if (filled && json->depth <= 1) fprintf(json->out, "\n%*s", json->depth * 2, "");
  fputc(closer, json->out);
  if (json->depth == 0) fputc('\n', json->out);
}

void blok_json_text(blok_json *json, const char *key, const char *text) {
  if (text == NULL) {
    blok_json_null(json, key);
    return;
  }
  before(json, key);
  write_text(json, text);
}

void blok_json_int(blok_json *json, const char *key, int64_t number) {
  before(json, key);
  fprintf(json->out, "%" PRId64, number);
}

void blok_json_uint(blok_json *json, const char *key, uint64_t number) {
  before(json, key);
  fprintf(json->out, "%" PRIu64, number);
}

void blok_json_bool(blok_json *json, const char *key, bool value) {
  before(json, key);
  fputs(value ? "true" : "false", json->out);
}

void blok_json_null(blok_json *json, const char *key) {
  before(json, key);
  fputs("null", json->out);
}

void blok_json_number(blok_json *json, const char *key, double number) {
  if (isnan(number)) {
    blok_json_text(json, key, "NaN");
  } else if (isinf(number)) {
    blok_json_text(json, key, number > 0 ? "Infinity" : "-Infinity");
  } else {
    before(json, key);
    fprintf(json->out, "%.9g", number);
  }
}
