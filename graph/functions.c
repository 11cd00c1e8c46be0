// The sorted list of a module's local functions: see functions.h.
#include "graph/functions.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const char *text_of(const char *text) { return text ? text : ""; }

static int compare_key(const char *domain, const char *name, const char *overload,
                       const blok_function *function) {
  int order = strcmp(blok_domain(domain), blok_domain(function->domain));
  if (order == 0) order = strcmp(text_of(name), text_of(function->name));
  if (order == 0) order = strcmp(text_of(overload), text_of(function->overload));
  return order;
}

// Functions of one key stay in the file's order, so that the first of them is found.
static int compare_functions(const void *a, const void *b) {
  const blok_function *first = *(const blok_function *const *)a;
  const blok_function *second = *(const blok_function *const *)b;
  int order = compare_key(first->domain, first->name, first->overload, second);
  return order ? order : (first > second) - (first < second);
}

blok_status blok_functions_sort(const blok_module *module, blok_functions *out, blok_error *error) {
  *out = (blok_functions){.allocator = module->allocator};
  out->sorted = blok_alloc_array(&out->allocator, module->n_functions, sizeof *out->sorted);
  if (!out->sorted) return blok_fail_memory(error, 0);
  out->n = module->n_functions;
  for (uint32_t i = 0; i < out->n; i++) out->sorted[i] = &module->functions[i];
  qsort(out->sorted, out->n, sizeof *out->sorted, compare_functions);
  return BLOK_OK;
}

void blok_functions_free(blok_functions *functions) {
  if (functions->sorted) blok_free(&functions->allocator, functions->sorted);
  *functions = (blok_functions){.n = 0};
}

const blok_function *blok_functions_find(const blok_functions *functions, const blok_node *node) {
  uint32_t low = 0;
  uint32_t high = functions->n;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (compare_key(node->domain, node->op_type, node->overload, functions->sorted[middle]) > 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == functions->n) return NULL;
  const blok_function *found = functions->sorted[low];
  return compare_key(node->domain, node->op_type, node->overload, found) == 0 ? found : NULL;
}

const blok_function *blok_functions_repeated(const blok_functions *functions) {
  for (uint32_t i = 1; i < functions->n; i++) {
    const blok_function *one = functions->sorted[i];
    if (compare_key(one->domain, one->name, one->overload, functions->sorted[i - 1]) == 0)
      return one;
  }
  return NULL;
}
