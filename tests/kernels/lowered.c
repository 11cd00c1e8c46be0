// See lowered.h.
#define _POSIX_C_SOURCE 200809L
#include "lowered.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

enum { MOST_INPUTS = 4, WORDS = 16 };

typedef struct lowered {
  blok_dtype dtype;
  blok_module *module;
  blok_graph *graph;
  uint32_t n_inputs, seed;
  blok_tensor inputs[MOST_INPUTS];
} lowered;

static blok_error error;

static void ok(blok_status status) { ck_assert_msg(status == BLOK_OK, "%s", error.message); }

// ---- Text to graph ------------------------------------------------------------------------------

static uint32_t read_dims(const char *text, int64_t *dims) {
  uint32_t rank = 0;
  while (*text) {
    char *end;
    ck_assert_uint_lt(rank, BLOK_MAX_RANK);
    dims[rank++] = strtoll(text, &end, 10);
    text = *end == 'x' ? end + 1 : end;
  }
  return rank;
}

static size_t count_of(uint32_t rank, const int64_t *dims) {
  size_t count = 1;
  for (uint32_t d = 0; d < rank; d++) count *= (size_t)dims[d];
  return count;
}

// malloc'ed elements of the graph's type.
static void *elements(lowered *self, size_t count, bool positive) {
  float *values = malloc((count + 1) * sizeof *values);
  double *wide = malloc((count + 1) * sizeof *wide);
  ck_assert(values && wide);
  fill_values(values, count, ++self->seed);
  for (size_t i = 0; i < count; i++) {
    if (positive) values[i] = 1 + values[i] / 2;
    wide[i] = (double)values[i];
  }
  if (self->dtype == BLOK_F64) {
    free(values);
    return wide;
  }
  free(wide);
  return values;
}

static size_t element_bytes(const lowered *self) { return self->dtype == BLOK_F64 ? 8 : 4; }

static blok_value_id value_named(lowered *self, const char *name) {
  const blok_graph *graph = self->graph;
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (strcmp(graph->values[v].name, name) == 0) return (blok_value_id){v};
  }
  const char *kept = blok_arena_copy(&self->module->arena, name, strlen(name) + 1);
  blok_value_id id;
  ck_assert_ptr_nonnull(kept);
  ok(blok_graph_add_value(self->graph, kept, &id, &error));
  return id;
}

static blok_value_id operand(lowered *self, const char *word) {
  int64_t dims[BLOK_MAX_RANK];
  if (strcmp(word, "-") == 0) return (blok_value_id){0};
  if (*word != '#' && *word != '+') return value_named(self, word);
  const uint32_t rank = read_dims(word + 1, dims);
  void *data = elements(self, count_of(rank, dims), *word == '+');
  blok_value_id id;
  ok(blok_graph_add_constant(self->graph, "k", self->dtype, rank, dims, data, &id, &error));
  free(data);
  return id;
}

static void add_input(lowered *self, const char *name, const char *shape) {
  ck_assert_uint_lt(self->n_inputs, MOST_INPUTS);
  blok_tensor *in = &self->inputs[self->n_inputs++];
  *in = (blok_tensor)BLOK_TENSOR_INIT;
  in->dtype = self->dtype;
  in->rank = read_dims(shape, in->dims);
  const size_t count = count_of(in->rank, in->dims);
  in->bytes = count * element_bytes(self);
  in->data = elements(self, count, false);
  blok_arena *arena = &self->module->arena;
  blok_type *type = blok_arena_array(arena, 1, sizeof *type);
  ck_assert_ptr_nonnull(type);
  *type = (blok_type){.kind = BLOK_TYPE_TENSOR,
                      .dtype = self->dtype,
                      .has_dtype = true,
                      .has_shape = true,
                      .rank = in->rank,
                      .dims = blok_arena_array(arena, in->rank + 1, sizeof *type->dims)};
  ck_assert_ptr_nonnull(type->dims);
  for (uint32_t d = 0; d < in->rank; d++) type->dims[d] = blok_dim_of(in->dims[d]);
  ok(blok_graph_add_input(self->graph, value_named(self, name), type, &error));
}

// name=number, name=1,2,3 (of one: name=1,), name=0.5, name=WORD
static void add_attribute(lowered *self, blok_node_id node, char *word) {
  char *text = strchr(word, '=');
  int64_t values[WORDS];
  uint32_t n = 0;
  ck_assert_ptr_nonnull(text);
  *text++ = '\0';
  const char *name = blok_arena_copy(&self->module->arena, word, strlen(word) + 1);
  if ((*text < '0' || *text > '9') && *text != '-') {
    ok(blok_node_set_text(self->graph, node, name, text, &error));
  } else if (strchr(text, '.')) {
    ok(blok_node_set_float(self->graph, node, name, strtof(text, NULL), &error));
  } else if (!strchr(text, ',')) {
    ok(blok_node_set_int(self->graph, node, name, strtoll(text, NULL, 10), &error));
  } else {
    for (; text && *text && n < WORDS; text = strchr(text, ','), text = text ? text + 1 : NULL) {
      values[n++] = strtoll(text, NULL, 10);
    }
    ok(blok_node_set_ints(self->graph, node, name, values, n, &error));
  }
}

// Gives the output's name, in the module's arena.
static const char *add_node(lowered *self, char *line) {
  char *words[WORDS], *rest = NULL;
  uint32_t n = 0, at = 1;
  for (char *w = strtok_r(line, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
    ck_assert_uint_lt(n, WORDS);
    words[n++] = w;
  }
  while (at < n && strcmp(words[at], ">") != 0) at++;
  ck_assert_uint_lt(at + 1, n);
  const char *op = blok_arena_copy(&self->module->arena, words[0], strlen(words[0]) + 1);
  blok_value_id inputs[WORDS];
  for (uint32_t i = 1; i < at; i++) inputs[i] = operand(self, words[i]);
  const blok_value_id out = value_named(self, words[at + 1]);
  blok_node_id node;
  ok(blok_graph_add_node(self->graph, "", op, at - 1, 1, &node, &error));
  for (uint32_t i = 1; i < at; i++) blok_graph_set_input(self->graph, node, i - 1, inputs[i]);
  blok_graph_set_output(self->graph, node, 0, out);
  for (uint32_t i = at + 3; i < n; i++) add_attribute(self, node, words[i]);
  return blok_value_at(self->graph, out)->name;
}

static void make(lowered *self, blok_dtype dtype, const char *inputs, const char *nodes) {
  char *text = strdup(inputs), *rest = NULL, *inner = NULL;
  const char *last = NULL;
  *self = (lowered){.dtype = dtype};
  error = (blok_error)BLOK_ERROR_INIT;
  ok(blok_module_new(NULL, &self->module, &error));
  ok(blok_graph_new(self->module, NULL, &self->graph, &error));
  self->module->graph = self->graph;
  for (char *w = strtok_r(text, ",", &rest); w; w = strtok_r(NULL, ",", &rest)) {
    const char *name = strtok_r(w, " ", &inner), *shape = strtok_r(NULL, " ", &inner);
    add_input(self, name, shape ? shape : "");
  }
  free(text);
  text = strdup(nodes);
  rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    last = add_node(self, line);
  }
  ok(blok_graph_add_output(self->graph, value_named(self, last), NULL, &error));
  free(text);
}

static void unmake(lowered *self) {
  for (uint32_t i = 0; i < self->n_inputs; i++) free(self->inputs[i].data);
  blok_module_free(&self->module);
}

// ---- Runs ---------------------------------------------------------------------------------------

static void check_steps(const blok_shaped *shaped, const char *want) {
  char got[512] = "";
  for (uint32_t i = 0; i < shaped->n_steps; i++) {
    const size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%s", i ? ", " : "", shaped->steps[i].kernel);
  }
  ck_assert_str_eq(got, want);
}

// malloc'ed elements of the output, as floats.
static float *run(lowered *self, const blok_isa *isa, blok_pool *pool, const char *steps,
                  size_t *count) {
  blok_executor_options options = {.allocator = *blok_allocator_default(),
                                   .limits = BLOK_LIMITS_INIT,
                                   .isa = isa,
                                   .reference = !isa,
                                   .pool = pool};
  blok_engine *engine;
  blok_executor *executor;
  options.limits.run_bytes = 1 << 30;
  blok_tensor out = BLOK_TENSOR_INIT;
  ok(blok_engine_new(self->module, NULL, NULL, blok_allocator_default(), &engine, &error));
  ok(blok_executor_new(engine, &options, &executor, &error));
  ok(blok_executor_reshape(executor, self->inputs, self->n_inputs, &error));
  if (isa && steps) check_steps(blok_executor_shaped(executor), steps);
  ok(blok_executor_run(executor, self->inputs, self->n_inputs, &out, 1, &error));
  *count = out.bytes / element_bytes(self);
  float *values = malloc((*count + 1) * sizeof *values);
  ck_assert_ptr_nonnull(values);
  for (size_t i = 0; i < *count; i++) {
    values[i] = self->dtype == BLOK_F64 ? (float)((const double *)out.data)[i]
                                        : ((const float *)out.data)[i];
  }
  blok_executor_free(&executor);
  blok_engine_free(&engine);
  return values;
}

void lowered_same(blok_dtype dtype, const char *inputs, const char *nodes, const char *steps,
                  double tolerance) {
  lowered self;
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  blok_pool *pool;
  size_t count, wanted;
  make(&self, dtype, inputs, nodes);
  options.threads = 3;
  ok(blok_pool_new(&options, &pool, &error));
  float *want = run(&self, NULL, NULL, NULL, &wanted);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    float *got = run(&self, isa, NULL, steps, &count);
    ck_assert_uint_eq(count, wanted);
    oracle_same(got, want, count, tolerance, nodes);
    float *shared = run(&self, isa, pool, steps, &count);
    ck_assert_mem_eq(got, shared, count * sizeof *got);
    free(got);
    free(shared);
  }
  free(want);
  blok_pool_free(&pool);
  unmake(&self);
}
