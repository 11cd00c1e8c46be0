// Source text as it grows. See page.h.
#include "codegen/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void blok_page_begin(blok_page *page, const blok_allocator *allocator) {
  *page = (blok_page){.allocator = allocator};
}

void blok_page_free(blok_page *page) {
  blok_free(page->allocator, page->text);
  page->text = NULL;
  page->size = page->capacity = 0;
}

// Room for size bytes more and a NUL.
static bool make_room(blok_page *page, size_t size) {
  if (page->failed) return false;
  if (page->capacity - page->size > size) return true;
  size_t capacity = page->capacity ? page->capacity : 4096;
  while (capacity - page->size <= size && capacity <= SIZE_MAX / 4) capacity *= 2;
  char *text = blok_realloc(page->allocator, page->text, capacity);
  if (!text || capacity - page->size <= size) {
    page->failed = true;
    if (text) page->text = text;
    return false;
  }
  page->text = text;
  page->capacity = capacity;
  return true;
}

void blok_page_put(blok_page *page, const char *format, ...) {
  va_list list, again;
  va_start(list, format);
  va_copy(again, list);
  const int length = vsnprintf(NULL, 0, format, list);
  va_end(list);
  if (length >= 0 && make_room(page, (size_t)length)) {
    (void)vsnprintf(page->text + page->size, page->capacity - page->size, format, again);
    for (int i = 0; i < length; i++) page->lines += page->text[page->size + (size_t)i] == '\n';
    page->size += (size_t)length;
  }
  va_end(again);
}

void blok_page_item(blok_page *list, const char *item) {
  blok_page_put(list, "%s%s", list->size ? ", " : "", item);
}

const char *blok_page_end(blok_page *page, blok_arena *arena) {
  const char *text = page->failed ? NULL : blok_arena_text(arena, page->text ? page->text : "");
  blok_page_free(page);
  return text;
}

blok_number blok_print_number(double number) {
  blok_number out;
  if (!isfinite(number)) {
    (void)snprintf(out.text, sizeof out.text, "%s",
                   isnan(number) ? "nan"
                   : number > 0  ? "inf"
                                 : "-inf");
    return out;
  }
  const bool is_float = (double)(float)number == number;
  for (int digits = 1; digits <= 17; digits++) {
    (void)snprintf(out.text, sizeof out.text - 2, "%.*g", digits, number);
    const double back = strtod(out.text, NULL);
    if (is_float ? (float)back == (float)number : back == number) break;
  }
  if (!strpbrk(out.text, ".e")) memcpy(out.text + strlen(out.text), ".0", 3);
  return out;
}

const char *blok_identifier(blok_arena *arena, const char *name, const char *lead) {
  enum { LONGEST = 60 };
  char text[LONGEST + 1];
  size_t used = 0;
  for (; *name && used < LONGEST; name++) {
    const char c = *name;
    const bool digit = c >= '0' && c <= '9';
    if (digit && used == 0) {
      while (lead[used] && used < LONGEST - 1) text[used] = lead[used], used++;
    }
    if (digit || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      text[used++] = c;
    } else if (used > 0 && text[used - 1] != '_') {
      text[used++] = '_';
    }
  }
  while (used > 0 && text[used - 1] == '_') used--;
  if (used == 0) return blok_arena_text(arena, lead);
  return blok_arena_textn(arena, text, used);
}

// In the order of strcmp.
static const char *const reserved[] = {"F",
                                       "False",
                                       "NULL",
                                       "Net",
                                       "None",
                                       "T_destination",
                                       "True",
                                       "add_module",
                                       "and",
                                       "apply",
                                       "as",
                                       "assert",
                                       "async",
                                       "auto",
                                       "await",
                                       "bfloat16",
                                       "bool",
                                       "break",
                                       "buffers",
                                       "call_super_init",
                                       "case",
                                       "char",
                                       "check",
                                       "children",
                                       "class",
                                       "compile",
                                       "const",
                                       "continue",
                                       "cpu",
                                       "cuda",
                                       "def",
                                       "default",
                                       "del",
                                       "do",
                                       "double",
                                       "dump_patches",
                                       "elif",
                                       "else",
                                       "enum",
                                       "eval",
                                       "except",
                                       "extern",
                                       "extra_repr",
                                       "finally",
                                       "float",
                                       "for",
                                       "forward",
                                       "from",
                                       "get_buffer",
                                       "get_extra_state",
                                       "get_parameter",
                                       "get_submodule",
                                       "global",
                                       "goto",
                                       "half",
                                       "if",
                                       "import",
                                       "in",
                                       "inline",
                                       "int",
                                       "ipu",
                                       "is",
                                       "lambda",
                                       "load_state_dict",
                                       "long",
                                       "modules",
                                       "mtia",
                                       "named_buffers",
                                       "named_children",
                                       "named_modules",
                                       "named_parameters",
                                       "nn",
                                       "nonlocal",
                                       "not",
                                       "np",
                                       "or",
                                       "out",
                                       "parameters",
                                       "pass",
                                       "raise",
                                       "register",
                                       "register_buffer",
                                       "register_module",
                                       "register_parameter",
                                       "requires_grad_",
                                       "restrict",
                                       "return",
                                       "self",
                                       "set_extra_state",
                                       "set_submodule",
                                       "share_memory",
                                       "short",
                                       "signed",
                                       "sizeof",
                                       "state_dict",
                                       "static",
                                       "struct",
                                       "super",
                                       "switch",
                                       "to",
                                       "to_empty",
                                       "torch",
                                       "train",
                                       "training",
                                       "try",
                                       "type",
                                       "typedef",
                                       "union",
                                       "unsigned",
                                       "void",
                                       "volatile",
                                       "while",
                                       "with",
                                       "xpu",
                                       "yield",
                                       "zero_grad"};

static int compare(const void *a, const void *b) {
  return strcmp((const char *)a, *(const char *const *)b);
}

bool blok_is_reserved(const char *word) {
  return bsearch(word, reserved, sizeof reserved / sizeof *reserved, sizeof *reserved, compare) ||
         (word[0] == '_' && word[1] == '_');
}

const char *blok_quoted_text(blok_arena *arena, const char *text) {
  const size_t length = strlen(text);
  char *out = length > SIZE_MAX / 8 ? NULL : blok_arena_alloc(arena, 4 * length + 3);
  if (!out) return NULL;
  size_t used = 0;
  out[used++] = '"';
  for (; *text; text++) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') out[used++] = '\\';
    if (c < 0x80 && c != '?') {
      out[used++] = c >= ' ' && c <= '~' ? *text : '_';
    } else {
      out[used++] = '\\';
      for (int shift = 6; shift >= 0; shift -= 3) out[used++] = (char)('0' + (c >> shift & 7));
    }
  }
  out[used++] = '"';
  out[used] = '\0';
  return out;
}
