// Values of the graph that is being built: inputs, outputs, names, and what is known of each.
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "base/size.h"
#include "blocks/build/build.h"
#include "passes/driver.h"

// ---- What every call begins with ----------------------------------------------------------------

// Names go into files and tables: text without control bytes.
static bool printable(const char *name) {
  const size_t size = strlen(name);
  const uint8_t *bytes = (const uint8_t *)name;
  for (size_t i = 0; i < size;) {
    const size_t length = blok_utf8_length(bytes + i, size - i);
    if (length == 0 || bytes[i] < 0x20 || bytes[i] == 0x7f) return false;
    if (length == 2 && bytes[i] == 0xc2 && bytes[i + 1] < 0xa0) return false;
    i += length;
  }
  return true;
}

blok_status blok_builder_enter_bare(const blok_builder *builder, const char *call,
                                    blok_error *error) {
  blok_error_clear(error);
  if (builder && builder->module) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: builder is %s", call,
                   builder ? "finished" : "NULL");
}

bool blok_builder_has(const blok_builder *builder, blok_value_id value) {
  return value.i && value.i < builder->graph->n_values &&
         !blok_value_at(builder->graph, value)->dead;
}

blok_status blok_builder_enter(const blok_builder *builder, const char *call, const char *name,
                               const blok_value_id *x, blok_error *error) {
  BLOK_TRY(blok_builder_enter_bare(builder, call, error));
  if (!name || !x) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: %s is NULL", call, name ? "x" : "name");
  }
  if (!printable(name)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: the name '%s' has bytes that are no printable UTF-8", call,
                     blok_quote(name).text);
  }
  if (blok_builder_has(builder, *x)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: '%s': x is value %u, which the builder has not",
                   call, blok_quote(name).text, x->i);
}

blok_status blok_builder_check_name(const char *call, const char *name, blok_error *error) {
  if (!name || !*name) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: name is %s", call, name ? "empty" : "NULL");
  }
  if (printable(name)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                   "%s: the name '%s' has bytes that are no printable UTF-8", call,
                   blok_quote(name).text);
}

blok_status blok_builder_join(blok_builder *builder, const char *scope, const char *part,
                              const char **out, blok_error *error) {
  const char *between = *scope && *part ? "." : "";
  *out = blok_arena_format(&builder->module->arena, "%s%s%s", scope, between, part);
  return *out ? BLOK_OK : blok_fail_memory(error, 0);
}

blok_status blok_builder_writer(blok_builder *builder, const char *scope, blok_writer *out,
                                blok_error *error) {
  const char *copy = blok_arena_text(&builder->module->arena, scope);
  if (!copy) return blok_fail_memory(error, 0);
  *out = (blok_writer){.graph = builder->graph,
                       .taken = &builder->taken,
                       .scope = copy,
                       .dtype = BLOK_F32,
                       .error = error};
  return BLOK_OK;
}

// ---- Inputs -------------------------------------------------------------------------------------

static blok_status check_input(const blok_builder *builder, const char *name, blok_dtype dtype,
                               uint32_t rank, const int64_t *dims, blok_error *error) {
  uint64_t count = 1;
  if (dtype != BLOK_STRING && blok_dtype_bits(dtype) == 0) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "input '%s': element type %d is not known",
                     blok_quote(name).text, (int)dtype);
  }
  if (rank > BLOK_MAX_RANK || (rank && !dims)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "input '%s': %u axes%s, the most is %d",
                     blok_quote(name).text, rank, dims ? "" : " and dims is NULL", BLOK_MAX_RANK);
  }
  for (uint32_t i = 0; i < rank; i++) {
    if (dims[i] == -1) continue;
    if (dims[i] < 1) {
      return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                       "input '%s': axis %u is %lld: give a size of 1 or more, or -1 for an open "
                       "one",
                       blok_quote(name).text, i, (long long)dims[i]);
    }
    if (__builtin_mul_overflow(count, (uint64_t)dims[i], &count) ||
        count > builder->limits.tensor_elements) {
      return BLOK_FAIL(error, BLOK_E_LIMIT,
                       "input '%s' of shape %s has more than %llu elements (tensor_elements of "
                       "blok_limits)",
                       blok_quote(name).text, blok_print_dims(dims, rank).text,
                       (unsigned long long)builder->limits.tensor_elements);
    }
  }
  return BLOK_OK;
}

static blok_status add_input(blok_builder *builder, const char *name, blok_dtype dtype,
                             uint32_t rank, const int64_t *numbers, blok_value_id *out,
                             blok_error *error) {
  blok_arena *arena = &builder->module->arena;
  blok_dim dims[BLOK_MAX_RANK];
  blok_fact fact;
  for (uint32_t i = 0; i < rank; i++) {
    dims[i] = (blok_dim){numbers[i], i == 0 && numbers[i] < 0 ? "N" : NULL};
  }
  const char *own = blok_arena_text(arena, name);
  blok_type *type = blok_type_tensor(arena, dtype, rank, dims);
  if (!own || !type || !blok_names_put(&builder->taken, own, builder->graph->n_values)) {
    return blok_fail_memory(error, 0);
  }
  BLOK_TRY(blok_graph_add_value(builder->graph, own, out, error));
  blok_value_at(builder->graph, *out)->type = type;
  BLOK_TRY(blok_graph_add_input(builder->graph, *out, type, error));
  BLOK_TRY(blok_fact_of_type(&builder->facts->arena, type, &fact, error));
  return blok_builder_learn(builder, *out, &fact, error);
}

blok_status blok_build_input(blok_builder *builder, const char *name, blok_dtype dtype,
                             uint32_t rank, const int64_t *dims, blok_value_id *out,
                             blok_error *error) {
  uint32_t other;
  blok_value_id made = BLOK_NO_VALUE;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_input", error));
  BLOK_TRY(blok_builder_check_name("blok_build_input", name, error));
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_input: out is NULL");
  if (blok_names_find(&builder->taken, name, &other)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "input '%s': the name is taken",
                     blok_quote(name).text);
  }
  BLOK_TRY(check_input(builder, name, dtype, rank, dims, error));
  const blok_build_mark mark = blok_builder_mark(builder);
  const blok_status status =
      blok_builder_close(builder, &mark, add_input(builder, name, dtype, rank, dims, &made, error));
  if (status == BLOK_OK) *out = made;
  return status;
}

// ---- Outputs ------------------------------------------------------------------------------------

// The value that is to be the output, under its name: x itself, renamed x, or an Identity of it.
// *was is the name that x had where it was renamed.
static blok_status name_output(blok_builder *builder, const char *name, blok_value_id *x,
                               const char **was, blok_error *error) {
  blok_graph *graph = builder->graph;
  blok_value *value = blok_value_at(graph, *x);
  const bool listed = value->is_input || value->is_output || value->literal;
  if (!listed && blok_text_equal(value->name, name)) return BLOK_OK;
  const char *own = blok_arena_text(&builder->module->arena, name);
  if (!own) return blok_fail_memory(error, 0);
  if (!listed && !builder->from_model) {
    if (!blok_names_put(&builder->taken, own, x->i)) return blok_fail_memory(error, 0);
    (void)blok_names_put(&builder->taken, value->name, 0);
    *was = value->name;
    BLOK_TRY(blok_graph_rename(graph, *x, own, error));
    return BLOK_OK;
  }
  blok_writer writer;
  blok_node_id node = BLOK_NO_NODE;
  const uint32_t first = graph->n_order;
  BLOK_TRY(blok_builder_writer(builder, name, &writer, error));
  BLOK_TRY(blok_write_node(&writer, "", "Identity", 1, x, x, &node));
  BLOK_TRY(blok_graph_rename(graph, *x, own, error));
  return blok_builder_infer(builder, first, error);
}

// The type that is declared of an output: what is known of it. NULL where nothing is.
static blok_status type_of(blok_builder *builder, blok_value_id x, blok_type **out,
                           blok_error *error) {
  blok_arena *arena = &builder->module->arena;
  const blok_fact *fact = blok_builder_fact(builder, x);
  *out = NULL;
  if (fact->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  blok_type *type =
      blok_type_tensor(arena, fact->dtype, fact->rank > 0 ? (uint32_t)fact->rank : 0, fact->dims);
  if (!type) return blok_fail_memory(error, 0);
  type->has_shape = fact->rank >= 0;
  for (uint32_t i = 0; i < type->rank; i++) {
    if (!type->dims[i].symbol) continue;
    type->dims[i].symbol = blok_arena_text(arena, type->dims[i].symbol);
    if (!type->dims[i].symbol) return blok_fail_memory(error, 0);
  }
  *out = type;
  return BLOK_OK;
}

static blok_status add_output(blok_builder *builder, const char *name, blok_value_id x,
                              blok_error *error) {
  blok_graph *graph = builder->graph;
  const char *was = NULL;
  blok_type *type = NULL;
  while (builder->cap_was <= graph->n_outputs) {
    const uint32_t old = builder->cap_was;
    if (!blok_grow(&builder->allocator, &builder->was, &builder->cap_was, old,
                   sizeof *builder->was)) {
      return blok_fail_memory(error, 0);
    }
    for (uint32_t i = old; i < builder->cap_was; i++) builder->was[i] = NULL;
  }
  const blok_value_id given = x;
  blok_status status = name_output(builder, name, &x, &was, error);
  if (status == BLOK_OK) status = type_of(builder, x, &type, error);
  if (status == BLOK_OK && !type && !builder->from_model) {
    status =
        BLOK_FAIL(error, BLOK_E_SHAPE, "output '%s': its type is not known", blok_quote(name).text);
  }
  if (status == BLOK_OK) status = blok_graph_add_output(graph, x, type, error);
  if (status == BLOK_OK) {
    builder->was[graph->n_outputs - 1] = was;
  } else if (was) {
    blok_value_at(graph, given)->name = was;
  }
  return status;
}

blok_status blok_build_output(blok_builder *builder, const char *name, blok_value_id x,
                              blok_error *error) {
  uint32_t other;
  BLOK_TRY(blok_builder_enter(builder, "blok_build_output", name, &x, error));
  BLOK_TRY(blok_builder_check_name("blok_build_output", name, error));
  if (blok_names_find(&builder->taken, name, &other) &&
      (other != x.i || blok_value_at(builder->graph, x)->is_output)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "output '%s': the name is taken",
                     blok_quote(name).text);
  }
  if (blok_value_at(builder->graph, x)->is_input &&
      blok_text_equal(blok_value_at(builder->graph, x)->name, name)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "output '%s': an input has that name: give the output another",
                     blok_quote(name).text);
  }
  const blok_build_mark mark = blok_builder_mark(builder);
  return blok_builder_close(builder, &mark, add_output(builder, name, x, error));
}

// ---- Looking ------------------------------------------------------------------------------------

blok_status blok_build_find(const blok_builder *builder, const char *name, blok_value_id *out,
                            blok_error *error) {
  uint32_t found = 0;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_find", error));
  if (!name || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_find: %s is NULL", name ? "out" : "name");
  }
  *out = BLOK_NO_VALUE;
  if (!blok_names_find(&builder->taken, name, &found) || !found) {
    return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "no value is called '%s'", blok_quote(name).text);
  }
  out->i = found;
  return BLOK_OK;
}

_Static_assert(sizeof(blok_dim) == sizeof(blok_axis) &&
                   offsetof(blok_dim, symbol) == offsetof(blok_axis, symbol),
               "axes are handed out as they lie in facts");

blok_status blok_build_value_info(const blok_builder *builder, blok_value_id x,
                                  blok_value_info *info) {
  if (!builder || !builder->module || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  if (!blok_builder_has(builder, x)) return BLOK_E_NOT_FOUND;
  const blok_fact *fact = blok_builder_fact(builder, x);
  const char *name = blok_value_at(builder->graph, x)->name;
  if (fact->kind != BLOK_TYPE_TENSOR) {
    BLOK_FILL(info, .name = name, .type = "unknown", .rank = -1);
    return BLOK_OK;
  }
  BLOK_FILL(info, .name = name, .dtype = fact->dtype, .type = blok_dtype_name(fact->dtype),
            .rank = fact->rank, .axes = (const blok_axis *)fact->dims);
  return BLOK_OK;
}

blok_status blok_build_counts(const blok_builder *builder, uint64_t *parameters, int64_t *macs,
                              blok_error *error) {
  uint64_t counted = 0;
  int64_t total = 0;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_counts", error));
  BLOK_TRY(blok_count_parameters(builder->module, &builder->allocator, &counted, error));
  const blok_graph *graph = builder->graph;
  for (uint32_t i = 0; i < graph->n_order && total >= 0; i++) {
    const int64_t macs_of = blok_node_macs(graph, builder->facts, graph->order[i]);
    if (macs_of < 0 || !blok_add_i64(total, macs_of, &total)) total = -1;
  }
  if (parameters) *parameters = counted;
  if (macs) *macs = total;
  return BLOK_OK;
}
