// The C side of codegen: what its files share.
#ifndef BLOK_CODEGEN_C_H
#define BLOK_CODEGEN_C_H

#include <blok/build.h>

#include "codegen/codegen.h"

// What the program needs before main's body.
typedef enum blok_c_need {
  BLOK_C_BLOCK,  // the variable of options
  BLOK_C_CONV,   // the variables of descriptors
  BLOK_C_RESIDUAL,
  BLOK_C_SE,
  BLOK_C_NAME,      // the buffer of names in loops
  BLOK_C_CALL,      // the function that adds an operator
  BLOK_C_CONSTANT,  // the function that adds a constant
  BLOK_C_MATH,      // math.h
  BLOK_C_INT,       // macros of attributes
  BLOK_C_FLOAT,
  BLOK_C_TEXT,
  BLOK_C_INTS,
  BLOK_C_FLOATS,
  BLOK_C_NEEDS
} blok_c_need;

typedef struct blok_c {
  const blok_outline *outline;
  blok_arena arena;
  const char **variables;  // by value
  blok_page *page;         // of build's body
  bool needs[BLOK_C_NEEDS];
  uint32_t constants;  // variables c0, c1, ... at most
  bool *made;          // by value: the constant has been made
  // What the program's variables hold, so that only what changes is written.
  blok_block_options block;
  blok_conv_desc conv;
  blok_residual_desc residual;
  blok_se_desc se;
  bool failed;  // no memory
} blok_c;

// Formatted text in the arena; "" and failed when there is no memory.
#define blok_c_text(self, ...) blok_c_keep(self, blok_arena_format(&(self)->arena, __VA_ARGS__))
const char *blok_c_keep(blok_c *self, const char *text);
// name between quotes.
const char *blok_c_quoted(blok_c *self, const char *name);
// A number as a double constant.
const char *blok_c_number(blok_c *self, double number);
// The variable of out, which holds in's value from here on.
const char *blok_c_begin(blok_c *self, blok_value_id in, blok_value_id out);

// Sets the fields that describe item, and gives the call that builds it: under name, a C
// expression, from and into the variable x.
const char *blok_c_block(blok_c *self, const blok_item *item, const char *name, const char *x);
// BLOK_ACT_RELU and the like.
const char *blok_c_activation(blok_activation activation);

// BLOK_F32 and the like; NULL: a type that an .npz file cannot hold.
const char *blok_c_dtype(blok_dtype dtype);
// "3, (int64_t[]){64, 1, 1}" or "0, NULL".
const char *blok_c_dims(blok_c *self, uint32_t rank, const int64_t *dims);
// The elements of a short constant: "(int64_t[]){1, 512}"; "NULL" for none.
const char *blok_c_elements(blok_c *self, const blok_inline *value);
// A short tensor as the attribute of that name, a C expression; NULL: it has no elements.
const char *blok_c_tensor(blok_c *self, const char *name, const blok_inline *value);
// INT("axis", 1) and the like; NULL: a kind of attribute that no call takes.
const char *blok_c_attribute(blok_c *self, const blok_attr *attr);

// One plain node, or a layer norm.
BLOK_MUST_CHECK blok_status blok_c_node(blok_c *self, const blok_item *item, blok_error *error);

#endif  // BLOK_CODEGEN_C_H
