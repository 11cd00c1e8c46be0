// The lines of a picture, and how they are joined.
#include "tools/draw_canvas.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/table.h"
#include "tools/text.h"

#define PARTS 3

blok_line *blok_canvas_line(blok_canvas *canvas, blok_mark mark, char *text) {
  canvas->lines =
      blok_cli_grow(canvas->lines, canvas->count, &canvas->capacity, sizeof *canvas->lines);
  blok_line *line = &canvas->lines[canvas->count++];
  *line = (blok_line){mark, text, {NULL, NULL, NULL}, NULL, NULL};
  return line;
}

// What the marks look like.
static const char *mark_of(blok_mark mark, bool utf8) {
  switch (mark) {
    case BLOK_MARK_TEXT:
      return "";
    case BLOK_MARK_PIPE:
      return utf8 ? " │" : " |";
    case BLOK_MARK_UNIT:
      return utf8 ? " ●" : " o";
    case BLOK_MARK_FORK:
      return utf8 ? " ├─" : " |-";
    case BLOK_MARK_APART:
      return utf8 ? " │" : " |";
    case BLOK_MARK_ADD:
      return utf8 ? " ⊕─" : "(+)";
    case BLOK_MARK_LOOP:
      return utf8 ? " ├──╮" : " |--.";
    case BLOK_MARK_LOOP_UNIT:
      return utf8 ? " │  ●" : " |  o";
    case BLOK_MARK_LOOP_PIPE:
      return utf8 ? " │  │" : " |  |";
    case BLOK_MARK_SCALE:
      return utf8 ? " ⊗──╯" : "(x)-'";
    case BLOK_MARK_LOOP_ADD:
      return utf8 ? " ⊕──╯" : "(+)-'";
  }
  return "";
}

static size_t width_of(const char *text) { return text == NULL ? 0 : blok_table_width(text); }

// Pads each part to the widest of its column and joins them into the line's text.
static void join_parts(blok_canvas *canvas) {
  size_t widths[PARTS] = {0, 0, 0};
  for (size_t i = 0; i < canvas->count; i++) {
    for (size_t p = 0; p < PARTS; p++) {
      const size_t width = width_of(canvas->lines[i].parts[p]);
      if (width > widths[p]) widths[p] = width;
    }
  }
  for (size_t i = 0; i < canvas->count; i++) {
    blok_line *line = &canvas->lines[i];
    char *text = NULL;
    size_t size = 0;
    if (line->parts[1] == NULL) continue;
    FILE *stream = blok_text_begin(&text, &size);
    const bool last = line->text == NULL || line->text[0] == '\0';
    for (size_t p = 0; p < PARTS; p++) {
      const char *part = line->parts[p] == NULL ? "" : line->parts[p];
      const bool padded = widths[p] > 0 && !(last && p + 1 == PARTS);
      fprintf(stream, "%s%*s", part,
              padded ? (int)(widths[p] - width_of(part) + (p == 0 ? 1 : 2)) : 0, "");
      free(line->parts[p]);
      line->parts[p] = NULL;
    }
    if (!last) fputs(line->text, stream);
    free(line->text);
    line->text = blok_text_end(stream, &text);
  }
}

static bool begins_skip(const blok_line *line) {
  return line->mark == BLOK_MARK_FORK || line->mark == BLOK_MARK_APART;
}

// Columns of the line's part of the main path.
static size_t main_width(const blok_canvas *canvas, const blok_line *line) {
  const size_t text = width_of(line->text);
  return width_of(mark_of(line->mark, canvas->utf8)) + (text > 0 ? text + 1 : 0);
}

static void print_line(const blok_canvas *canvas, FILE *out, const blok_line *line, size_t edge,
                       bool beside) {
  const bool utf8 = canvas->utf8;
  const bool corner = line->mark == BLOK_MARK_FORK || line->mark == BLOK_MARK_ADD;
  size_t at = main_width(canvas, line);
  fputs(mark_of(line->mark, utf8), out);
  if (width_of(line->text) > 0) fputc(' ', out);
  blok_show_to(out, line->text);
  if (corner || beside || line->mark == BLOK_MARK_APART) {
    for (; at < edge; at++) fputs(corner ? (utf8 ? "─" : "-") : " ", out);
    if (line->mark == BLOK_MARK_FORK || line->mark == BLOK_MARK_APART) {
      fputs(utf8 ? "╮" : ".", out);
    } else if (line->mark == BLOK_MARK_ADD) {
      fputs(utf8 ? "╯" : "'", out);
    } else if (line->skip != NULL) {
      fputs(utf8 ? "● " : "o ", out);
      blok_show_to(out, line->skip);
    } else {
      fputs(utf8 ? "│" : "|", out);
    }
  }
  if (line->label != NULL) {
    fputc(' ', out);
    blok_show_to(out, line->label);
  }
  fputc('\n', out);
}

char *blok_canvas_end(blok_canvas *canvas) {
  char *text = NULL;
  size_t size = 0;
  size_t edge = 0;
  bool beside = false;
  FILE *out = blok_text_begin(&text, &size);
  join_parts(canvas);
  // The skip path runs right of everything that stands between its ends.
  for (size_t i = 0; i < canvas->count; i++) {
    const blok_line *line = &canvas->lines[i];
    if (begins_skip(line)) beside = true;
    const size_t width = main_width(canvas, line) + 2;
    if (beside && width > edge) edge = width;
    if (line->mark == BLOK_MARK_ADD) beside = false;
  }
  beside = false;
  for (size_t i = 0; i < canvas->count; i++) {
    blok_line *line = &canvas->lines[i];
    print_line(canvas, out, line, edge, beside);
    if (begins_skip(line)) beside = true;
    if (line->mark == BLOK_MARK_ADD) beside = false;
    free(line->text);
    free(line->skip);
    free(line->label);
  }
  free(canvas->lines);
  *canvas = (blok_canvas){NULL, 0, 0, canvas->utf8};
  return blok_text_end(out, &text);
}
