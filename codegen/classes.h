// Python classes from what several blocks have in common.
//
// Each block first writes the __init__ that it alone would have, its numbers as holes with a hint
// of what they mean. Blocks whose texts differ in holes alone share a class: a hole that holds the
// same in all of them is a number in its text, the others are parameters, and holes that always
// agree are one parameter. So a class has just the options that this model uses.
#ifndef BLOK_CODEGEN_CLASSES_H
#define BLOK_CODEGEN_CLASSES_H

#include "codegen/outline.h"
#include "codegen/page.h"

// A part of __init__ that some blocks of a class have and others do not: those go without.
typedef enum blok_section {
  BLOK_SECTION_SKIP = 0,
  BLOK_SECTION_SE = 1,
  BLOK_SECTIONS = 2
} blok_section;

// One block's own text. Strings live in the classes' arena; holes are made by blok_hole.
typedef struct blok_instance {
  const char *stem;                 // of the class's name
  const char *head;                 // __init__ before the optional parts, a line each
  const char *part[BLOK_SECTIONS];  // "downsample" and "se": an expression; NULL: none
  const char *tail;                 // __init__ behind them
  bool adds;                        // an addition of x that the class may make or not
  const char *kind;                 // what sets its class apart from others of equal text
  // forward, by what the class has: bits 0 and 1 the parts, bit 2 that self.adds decides on the
  // addition. NULL: none, for a subclass of nn.Sequential.
  const char *forward[8];
  uint32_t class_index;
  const char **values;  // by parameter of the class
} blok_instance;

typedef struct blok_class blok_class;

typedef struct blok_classes {
  blok_arena *arena;
  uint32_t n, capacity;
  blok_class *items;
  blok_names taken;  // names of classes
} blok_classes;

void blok_classes_begin(blok_classes *classes, blok_arena *arena, const blok_allocator *allocator);
void blok_classes_free(blok_classes *classes);

// A hole in a use's text.
const char *blok_hole(blok_arena *arena, const char *hint, const char *value);
const char *blok_hole_int(blok_arena *arena, const char *hint, int64_t value);

// Puts use into the class of its kind. use must stay where it is.
BLOK_MUST_CHECK blok_status blok_classes_put(blok_classes *classes, blok_instance *use,
                                             blok_error *error);
// After the last use: the parameters of every class since first, their names and values.
BLOK_MUST_CHECK blok_status blok_classes_close(blok_classes *classes, uint32_t first,
                                               blok_error *error);
// text with the values of its holes in their places. NULL: no memory.
const char *blok_classes_fill(blok_arena *arena, const char *text);
// The call that makes use's block: "BasicBlock(64, 128, stride=2)". holes: for a squeeze-excite
// inside a residual block, whose numbers are holes of that block's text again.
const char *blok_classes_call(const blok_classes *classes, const blok_instance *use, bool holes);
// The text of all classes.
BLOK_MUST_CHECK blok_status blok_classes_write(const blok_classes *classes, blok_page *page,
                                               blok_error *error);

#endif  // BLOK_CODEGEN_CLASSES_H
