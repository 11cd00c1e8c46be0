// The Python side of codegen: what its files share.
#ifndef BLOK_CODEGEN_PYTHON_H
#define BLOK_CODEGEN_PYTHON_H

#include "codegen/classes.h"
#include "codegen/codegen.h"

// Classes and functions of fixed text, written where something uses them.
typedef enum blok_helper {
  BLOK_PY_PADDED_CONV,
  BLOK_PY_LAYER_NORM,
  BLOK_PY_HARD_SIGMOID,
  BLOK_PY_PAD,
  BLOK_PY_SLICE,
  BLOK_PY_SCALE,
  BLOK_PY_RESHAPE,
  BLOK_PY_SAME_PAD,
  BLOK_PY_GATHER,
  BLOK_PY_AVERAGE_POOL,
  BLOK_PY_HELPERS
} blok_helper;

typedef struct blok_python {
  const blok_outline *outline;
  blok_arena arena;
  const char **variables;  // by value
  blok_classes classes;
  blok_instance *instances;  // by item
  bool uses[BLOK_PY_HELPERS];
  bool failed;  // no memory
} blok_python;

// Formatted text in the arena; "" and failed when there is no memory.
#define blok_py(self, ...) blok_py_keep(self, blok_arena_format(&(self)->arena, __VA_ARGS__))
const char *blok_py_keep(blok_python *self, const char *text);
// A list (blok_page_item) in the arena; the page is freed.
const char *blok_py_list(blok_python *self, blok_page *list);

// blok_hole likewise.
const char *blok_py_hole(blok_python *self, const char *hint, const char *value);
const char *blok_py_hole_int(blok_python *self, const char *hint, int64_t value);

// Instances of all blocks, and their classes.
BLOK_MUST_CHECK blok_status blok_python_blocks(blok_python *self, blok_error *error);
// The expression that makes an item's module: "ConvNormAct(3, 64, kernel=7)".
const char *blok_python_module(blok_python *self, uint32_t item);
// Classes and functions of fixed text.
void blok_python_helpers(const blok_python *self, blok_page *page);

// One plain node as lines of forward. BLOK_E_UNSUPPORTED: an operator, or a form of it, without a
// call.
BLOK_MUST_CHECK blok_status blok_python_node(blok_python *self, blok_node_id node, blok_page *page,
                                             blok_error *error);

// ---- For the files of operators -----------------------------------------------------------------

// A node while its call is written.
typedef struct blok_py_call {
  blok_python *python;
  const blok_node *node;
  blok_node_id id;
  const char *why;  // the form that has no call; NULL: the operator has none
} blok_py_call;

// Input slot as an expression: a variable, a number, self.constant; NULL when it is left out.
const char *blok_py_in(const blok_py_call *call, uint32_t slot);
// A number where a constant of one element may be one without changing the result's rank.
const char *blok_py_operand(const blok_py_call *call, uint32_t slot);
// The same as a tensor, also where it is a short constant.
const char *blok_py_tensor(const blok_py_call *call, uint32_t slot);
// The integers of a constant input or, where it has none, of the attribute: false where it is
// neither. *n 0: absent.
bool blok_py_ints(const blok_py_call *call, uint32_t slot, const char *attribute, uint32_t *n,
                  int64_t values[BLOK_INLINE_ELEMENTS]);
// A float attribute as text.
const char *blok_py_float(const blok_py_call *call, const char *attribute, float fallback);
// The axis attribute, not negative; false where the rank of input 0 is needed and unknown.
bool blok_py_axis(const blok_py_call *call, int64_t fallback, int64_t *axis);
// NULL, and the reason.
const char *blok_py_refuse(blok_py_call *call, const char *why);
const blok_fact *blok_py_fact(const blok_py_call *call, uint32_t slot);
int32_t blok_py_rank(const blok_py_call *call, uint32_t slot);  // -1: unknown
// "(1, 2)", "(1,)"; one number where all are equal and same is set.
const char *blok_py_tuple(blok_python *self, const int64_t *values, uint32_t n, bool same);
// True for float element types of the input.
bool blok_py_is_float(const blok_py_call *call, uint32_t slot);

// An operator's expression for its only output, NULL where it has none in this form (call->why).
typedef const char *(*blok_py_fn)(blok_py_call *call);
blok_py_fn blok_py_find_layers(const char *op_type);
blok_py_fn blok_py_find_movement(const char *op_type);
blok_py_fn blok_py_find_elementwise(const char *op_type);

#endif  // BLOK_CODEGEN_PYTHON_H
