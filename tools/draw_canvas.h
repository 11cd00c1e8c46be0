// The lines of a picture before they are joined: what stands on the main path, and what beside it
// on the skip path.
#ifndef BLOK_TOOLS_DRAW_CANVAS_H
#define BLOK_TOOLS_DRAW_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

// What a line has on the main path.
typedef enum blok_mark {
  BLOK_MARK_TEXT,       // no path: text alone (x and y)
  BLOK_MARK_PIPE,       // the path goes on
  BLOK_MARK_UNIT,       // an operation
  BLOK_MARK_FORK,       // the skip path leaves
  BLOK_MARK_APART,      // the skip path begins elsewhere
  BLOK_MARK_ADD,        // the skip path comes back and is added
  BLOK_MARK_LOOP,       // a gate's path leaves
  BLOK_MARK_LOOP_UNIT,  // an operation on the gate's path
  BLOK_MARK_LOOP_PIPE,  // the gate's path goes on
  BLOK_MARK_SCALE,      // the gate comes back and multiplies
  BLOK_MARK_LOOP_ADD    // the gate comes back and is added
} blok_mark;

typedef struct blok_line {
  blok_mark mark;
  char *text;      // of the main path, behind the parts
  char *parts[3];  // of a convolution, lined up with those of others: before it, it, channels
  char *skip;      // an operation on the skip path; NULL: the path goes on
  char *label;     // what the skip path is
} blok_line;

typedef struct blok_canvas {
  blok_line *lines;
  size_t count;
  size_t capacity;
  bool utf8;
} blok_canvas;

// Appends a line and gives it. text and the fields set later are owned by the canvas (free()).
blok_line *blok_canvas_line(blok_canvas *canvas, blok_mark mark, char *text);

// The picture as text, freed with free(); frees the lines.
char *blok_canvas_end(blok_canvas *canvas);

#endif  // BLOK_TOOLS_DRAW_CANVAS_H
