// See one_hook.h.
#include "one_hook.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void one_hook_init(one_hook *self, const char *op_type, uint32_t n_in, uint32_t n_out) {
  memset(self, 0, sizeof *self);
  self->error = (blok_error)BLOK_ERROR_INIT;
  self->n_in = n_in;
  self->n_out = n_out;
  ck_assert_int_eq(blok_module_new(NULL, &self->module, &self->error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(self->module, NULL, &self->graph, &self->error), BLOK_OK);
  self->module->graph = self->graph;
  ck_assert_int_eq(
      blok_graph_add_node(self->graph, "", op_type, n_in, n_out, &self->node, &self->error),
      BLOK_OK);
  blok_node_at(self->graph, self->node)->name = "n";
}

void one_hook_free(one_hook *self) { blok_module_free(&self->module); }

void one_hook_int(one_hook *self, const char *name, int64_t value) {
  ck_assert_int_eq(blok_node_set_int(self->graph, self->node, name, value, &self->error), BLOK_OK);
}

void one_hook_ints(one_hook *self, const char *name, uint32_t n, const int64_t *values) {
  ck_assert_int_eq(blok_node_set_ints(self->graph, self->node, name, values, n, &self->error),
                   BLOK_OK);
}

blok_attr *one_hook_attr(one_hook *self, const char *name, blok_attr_type type) {
  one_hook_int(self, name, 0);
  blok_node *node = blok_node_at(self->graph, self->node);
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    if (strcmp(node->attrs[i].name, name) != 0) continue;
    node->attrs[i].type = type;
    node->attrs[i].n = 1;
    return &node->attrs[i];
  }
  ck_abort_msg("the attribute was not made");
  return NULL;
}

// The parts of "a,b,c" as elements; symbols live in the arena.
static uint32_t parse(one_hook *self, const char *text, blok_element *items) {
  uint32_t n = 0;
  while (*text) {
    size_t length = strcspn(text, ",");
    char *part = blok_arena_textn(&self->module->arena, text, length);
    ck_assert_ptr_nonnull(part);
    char *end = NULL;
    items[n] = (blok_element){true, strtoll(part, &end, 10), NULL};
    if (*end) items[n] = (blok_element){false, 0, strcmp(part, "?") == 0 ? NULL : part};
    n++;
    text += length + (text[length] == ',');
  }
  return n;
}

static blok_fact fact_of(one_hook *self, blok_dtype dtype, const char *shape) {
  blok_element items[BLOK_FACT_ELEMENTS];
  blok_fact fact = {.kind = BLOK_TYPE_TENSOR, .dtype = dtype, .rank = -1};
  if (!shape) return fact;
  uint32_t n = parse(self, shape, items);
  blok_dim *dims = blok_arena_array(&self->module->arena, n, sizeof *dims);
  ck_assert_ptr_nonnull(dims);
  for (uint32_t i = 0; i < n; i++) {
    dims[i] = items[i].known ? blok_dim_of(items[i].value) : (blok_dim){-1, items[i].symbol};
  }
  fact.rank = (int32_t)n;
  fact.dims = dims;
  return fact;
}

void one_hook_in(one_hook *self, uint32_t slot, blok_dtype dtype, const char *shape) {
  self->in[slot] = fact_of(self, dtype, shape);
  self->has_in[slot] = true;
}

void one_hook_list(one_hook *self, uint32_t slot, const char *elements) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = parse(self, elements, items);
  char shape[16];
  snprintf(shape, sizeof shape, "%u", n);
  one_hook_in(self, slot, BLOK_I64, shape);
  self->in[slot].elements = blok_arena_copy(&self->module->arena, items, n * sizeof *items);
  self->in[slot].n_elements = n;
}

void one_hook_scalar(one_hook *self, uint32_t slot, blok_dtype dtype, int64_t value) {
  blok_element item = {true, value, NULL};
  one_hook_in(self, slot, dtype, "");
  self->in[slot].elements = blok_arena_copy(&self->module->arena, &item, sizeof item);
  self->in[slot].n_elements = 1;
}

blok_status one_hook_run(one_hook *self) {
  const blok_fact *in[ONE_HOOK_SLOTS];
  for (uint32_t i = 0; i < self->n_in; i++) in[i] = self->has_in[i] ? &self->in[i] : NULL;
  memset(self->out, 0, sizeof self->out);
  for (uint32_t i = 0; i < self->n_out; i++) self->out[i].rank = -1;
  self->error = (blok_error)BLOK_ERROR_INIT;
  blok_infer infer = {.graph = self->graph,
                      .node = blok_node_at(self->graph, self->node),
                      .in = in,
                      .n_in = self->n_in,
                      .out = self->out,
                      .n_out = self->n_out,
                      .arena = &self->module->arena,
                      .subgraph = self->subgraph};
  return blok_infer_node(&infer, &self->error);
}

static void check_shape(one_hook *self, uint32_t slot, blok_dtype dtype, const char *shape) {
  blok_fact want = fact_of(self, dtype, shape);
  ck_assert_int_eq(self->out[slot].dtype, dtype);
  ck_assert_str_eq(blok_print_fact(&self->out[slot]).text, blok_print_fact(&want).text);
}

void one_hook_gives(one_hook *self, uint32_t slot, blok_dtype dtype, const char *shape) {
  blok_status status = one_hook_run(self);
  ck_assert_msg(status == BLOK_OK, "%s", self->error.message);
  check_shape(self, slot, dtype, shape);
}

void one_hook_elements(one_hook *self, uint32_t slot, const char *elements) {
  const blok_fact *out = &self->out[slot];
  blok_element items[BLOK_FACT_ELEMENTS];
  if (!elements) {
    ck_assert_ptr_null(out->elements);
    return;
  }
  uint32_t n = parse(self, elements, items);
  ck_assert_ptr_nonnull(out->elements);
  ck_assert_uint_eq(out->n_elements, n);
  for (uint32_t i = 0; i < n; i++) {
    ck_assert_int_eq(out->elements[i].known, items[i].known);
    if (items[i].known) ck_assert_int_eq(out->elements[i].value, items[i].value);
    if (items[i].known) continue;
    ck_assert_str_eq(out->elements[i].symbol ? out->elements[i].symbol : "?",
                     items[i].symbol ? items[i].symbol : "?");
  }
}

void one_hook_fails(one_hook *self, const char *part) {
  ck_assert_int_eq(one_hook_run(self), BLOK_E_SHAPE);
  ck_assert_msg(strstr(self->error.message, part) != NULL, "'%s' is not in '%s'", part,
                self->error.message);
}
