// The rows of ops.def as a table, and the search in it.
#include "graph/ops.h"

#include <stddef.h>
#include <string.h>

typedef struct op_row {
  const char *domain;
  const char *name;
} op_row;

static const op_row rows[BLOK_OP_COUNT] = {
    {"", ""},
#define OP(id, domain, name, infer, reference) {domain, name},
#include "graph/ops.def"
#undef OP
};

const char *blok_domain(const char *domain) {
  return !domain || strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

blok_op blok_op_find(const char *domain, const char *op_type) {
  if (!op_type) return BLOK_OP_UNKNOWN;
  domain = blok_domain(domain);
  // The first row whose name is not below op_type; rows of one name lie side by side.
  size_t low = 1, high = BLOK_OP_COUNT;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (strcmp(rows[middle].name, op_type) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (; low < BLOK_OP_COUNT && strcmp(rows[low].name, op_type) == 0; low++) {
    if (strcmp(rows[low].domain, domain) == 0) return (blok_op)low;
  }
  return BLOK_OP_UNKNOWN;
}

const char *blok_op_name(blok_op op) {
  size_t index = (size_t)op;
  return index < BLOK_OP_COUNT ? rows[index].name : "";
}
