// The table of lowering functions: see lowering.h.
#include "runtime/ops/lowering.h"

typedef struct lower_row {
  blok_op op;
  blok_lower_fn function;
} lower_row;

static const lower_row table[] = {
#define LOWER(op, function) {BLOK_OP_##op, blok_lower_##function},
#include "runtime/ops/lower.def"
#undef LOWER
};

blok_lower_fn blok_lower_function(blok_op op) {
  size_t low = 0, high = sizeof table / sizeof *table;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (table[middle].op == op) return table[middle].function;
    if (table[middle].op < op) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return NULL;
}
