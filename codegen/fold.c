// Long lines of source text, broken between the items of a list. See page.h.
#include <string.h>

#include "codegen/page.h"

enum { DEEPEST = 16 };

// Where a line stands: the brackets open, by the column behind each, and the quote it is in.
typedef struct place {
  int column, depth;
  int columns[DEEPEST];
  char quote;
  bool escaped, comment;
} place;

static void step(place *self, const char *c) {
  self->column++;
  if (self->comment) return;
  if (self->quote) {
    if (*c == self->quote && !self->escaped) self->quote = '\0';
    self->escaped = *c == '\\' && !self->escaped;
    return;
  }
  if (*c == '"' || *c == '\'') self->quote = *c;
  if (*c == '#' || (*c == '/' && c[1] == '/')) self->comment = true;
  if (strchr("([{", *c)) {
    if (self->depth < DEEPEST) self->columns[self->depth] = self->column;
    self->depth++;
  }
  if (strchr(")]}", *c) && self->depth > 0) self->depth--;
}

// Where the text from at on is to be broken, so that it ends within width: behind the last ", " of
// the outermost list that has one; end: nowhere. The place moves there.
static const char *next_break(const char *at, const char *end, bool anywhere, int width,
                              place *now) {
  const char *found = end;
  place scan = *now, there = *now;
  for (const char *c = at; c < end; c++) {
    step(&scan, c);
    if (scan.column > width && found != end) break;
    const bool between = *c == ',' && c + 1 < end && c[1] == ' ' && !scan.quote && !scan.comment &&
                         (scan.depth > 0 || anywhere) && scan.depth <= DEEPEST;
    if (between && (found == end || scan.depth <= there.depth)) {
      found = c + 2;
      there = scan;
    }
    if (c + 1 == end && scan.column <= width) found = end;
  }
  if (found != end) *now = there;
  return found;
}

static void put_folded(blok_page *out, const char *line, const char *end, int width) {
  place now = {0};
  const int indent = (int)strspn(line, " ");
  // A declaration of C may be broken outside brackets, a statement of Python may not.
  const bool anywhere = end > line && end[-1] == ';';
  while (true) {
    const char *next = next_break(line, end, anywhere, width, &now);
    const char *stop = next;
    while (next < end && stop > line && stop[-1] == ' ') stop--;
    blok_page_put(out, "%.*s\n", (int)(stop - line), line);
    if (next == end) return;
    now.column = indent + 4;
    if (now.depth > 0 && now.columns[now.depth - 1] <= width * 3 / 5) {
      now.column = now.columns[now.depth - 1];
    }
    blok_page_put(out, "%*s", now.column, "");
    line = next;
  }
}

void blok_page_fold(blok_page *page, int width) {
  blok_page folded;
  blok_page_begin(&folded, page->allocator);
  const char *line = page->text, *end = page->text + page->size;
  while (!page->failed && line < end) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (!stop) stop = end;
    put_folded(&folded, line, stop, width);
    line = stop + 1;
  }
  folded.failed = folded.failed || page->failed;
  blok_page_free(page);
  *page = folded;
}
