// Attributes of a pair of nodes. One that is left out equals its default: the operator's as its
// schema has it, or what ONNX says of strides, dilations, pads and the shape of a kernel.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"
#include "graph/schemas.h"

typedef struct pair {
  blok_differ *self;
  blok_diff_frame *frame;
  blok_node_id node[SIDES];
} pair;

// ---- In words -----------------------------------------------------------------------------------

typedef struct shown {
  char text[120];
} shown;

static void add(shown *out, size_t *length, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(shown *out, size_t *length, const char *format, ...) {
  va_list arguments;
  if (*length + 1 >= sizeof out->text) return;
  va_start(arguments, format);
  const int n = vsnprintf(out->text + *length, sizeof out->text - *length, format, arguments);
  va_end(arguments);
  if (n > 0) *length += (size_t)n;
}

static void show_list(const blok_attr *attr, shown *out) {
  enum { MOST = 8 };
  size_t length = 0;
  add(out, &length, "[");
  for (uint32_t i = 0; i < attr->n && i < MOST; i++) {
    if (i) add(out, &length, ", ");
    if (attr->type == BLOK_ATTR_INTS) {
      add(out, &length, "%lld", (long long)attr->as.ints[i]);
    } else if (attr->type == BLOK_ATTR_FLOATS) {
      add(out, &length, "%.9g", (double)attr->as.floats[i]);
    } else {
      add(out, &length, "'%.20s'",
          blok_quoten(attr->as.strings[i].data, attr->as.strings[i].size).text);
    }
  }
  add(out, &length, attr->n > MOST ? ", ...]" : "]");
}

static shown show(const blok_attr *attr) {
  shown out = {""};
  if (attr->ref) {
    (void)snprintf(out.text, sizeof out.text, "the call's '%.80s'", blok_quote(attr->ref).text);
  } else if (attr->n == 0) {
    (void)snprintf(out.text, sizeof out.text, "empty");
  } else if (attr->type == BLOK_ATTR_INT) {
    (void)snprintf(out.text, sizeof out.text, "%lld", (long long)attr->as.i);
  } else if (attr->type == BLOK_ATTR_FLOAT) {
    (void)snprintf(out.text, sizeof out.text, "%.9g", (double)attr->as.f);
  } else if (attr->type == BLOK_ATTR_STRING) {
    (void)snprintf(out.text, sizeof out.text, "'%.80s'",
                   blok_quoten(attr->as.s.data, attr->as.s.size).text);
  } else if (attr->type == BLOK_ATTR_INTS || attr->type == BLOK_ATTR_FLOATS ||
             attr->type == BLOK_ATTR_STRINGS) {
    show_list(attr, &out);
  } else {
    static const char *const words[] = {[BLOK_ATTR_TENSOR] = "a tensor",
                                        [BLOK_ATTR_GRAPH] = "a graph",
                                        [BLOK_ATTR_TENSORS] = "tensors",
                                        [BLOK_ATTR_GRAPHS] = "graphs",
                                        [BLOK_ATTR_SPARSE_TENSOR] = "a sparse tensor",
                                        [BLOK_ATTR_SPARSE_TENSORS] = "sparse tensors",
                                        [BLOK_ATTR_TYPE] = "a type",
                                        [BLOK_ATTR_TYPES] = "types"};
    const size_t kind = (size_t)attr->type;
    const char *word = kind < sizeof words / sizeof words[0] ? words[kind] : NULL;
    (void)snprintf(out.text, sizeof out.text, "%s", word ? word : "of no type");
  }
  return out;
}

static blok_status say(const pair *at, const char *name, const char *what) {
  return blok_differ_say(at->self, BLOK_DIFF_ATTRIBUTE, at->frame, at->node[SIDE_A],
                         at->node[SIDE_B], 0, "%s: attribute %s %s",
                         blok_differ_label(at->frame, SIDE_A, at->node[SIDE_A]).text,
                         blok_quote(name).text, what);
}

// ---- Defaults -----------------------------------------------------------------------------------

static int64_t opset_of(const pair *at, int side) {
  const blok_node *node = blok_node_at(at->frame->graph[side], at->node[side]);
  if (node->opset) return node->opset;
  for (uint32_t o = 0; o < at->frame->n_opsets[side]; o++) {
    const blok_opset *opset = &at->frame->opsets[side][o];
    if (strcmp(blok_domain(opset->domain), blok_node_domain(node)) == 0) return opset->version;
  }
  return 0;
}

static bool equals_text(const blok_attr *attr, const char *text) {
  char *end = NULL;
  if (attr->type == BLOK_ATTR_INT) return strtoll(text, &end, 10) == attr->as.i && !*end;
  if (attr->type == BLOK_ATTR_FLOAT) return strtof(text, &end) == attr->as.f && !*end;
  if (attr->type == BLOK_ATTR_STRING) {
    return attr->as.s.size == strlen(text) && memcmp(attr->as.s.data, text, attr->as.s.size) == 0;
  }
  if (attr->type != BLOK_ATTR_INTS) return false;
  for (uint32_t i = 0; i < attr->n; i++) {
    if (strtoll(text, &end, 10) != attr->as.ints[i] || end == text) return false;
    text = *end ? end + 1 : end;
  }
  return !*text;
}

static bool all_are(const blok_attr *attr, int64_t number) {
  if (attr->type != BLOK_ATTR_INTS) return false;
  for (uint32_t i = 0; i < attr->n; i++) {
    if (attr->as.ints[i] != number) return false;
  }
  return true;
}

// kernel_shape that says what the weights say.
static bool is_shape_of_weights(const pair *at, int side, const blok_attr *attr) {
  const blok_graph *graph = at->frame->graph[side];
  const blok_value_id weight = blok_node_input(blok_node_at(graph, at->node[side]), 1);
  blok_diff_constant constant;
  if (attr->type != BLOK_ATTR_INTS || !blok_differ_constant(graph, weight, &constant) ||
      constant.rank != attr->n + 2 || !constant.dims) {
    return false;
  }
  return attr->n == 0 ||
         memcmp(constant.dims + 2, attr->as.ints, attr->n * sizeof *attr->as.ints) == 0;
}

// True when a node without the attribute does the same.
static bool is_default(const pair *at, int side, const blok_attr *attr) {
  const blok_node *node = blok_node_at(at->frame->graph[side], at->node[side]);
  const blok_schema *schema =
      blok_schema_find(blok_node_domain(node), node->op_type, opset_of(at, side));
  const blok_schema_attr *known = schema ? blok_schema_attr_find(schema, attr->name) : NULL;
  if (!known || known->required || attr->ref || (attr->n == 0 && attr->type != BLOK_ATTR_INTS)) {
    return false;
  }
  if (known->has_fallback) return equals_text(attr, blok_schema_text(known->fallback));
  if (strcmp(attr->name, "strides") == 0 || strcmp(attr->name, "dilations") == 0) {
    return all_are(attr, 1);
  }
  if (strcmp(attr->name, "pads") == 0 || strcmp(attr->name, "output_padding") == 0) {
    return all_are(attr, 0);
  }
  return strcmp(attr->name, "kernel_shape") == 0 && is_shape_of_weights(at, side, attr);
}

// ---- Values -------------------------------------------------------------------------------------

static bool same_bytes(blok_bytes a, blok_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool same_float(float a, float b) { return a == b || (isnan(a) && isnan(b)); }

static bool same_numbers(const blok_attr *a, const blok_attr *b) {
  for (uint32_t i = 0; i < a->n; i++) {
    if (a->type == BLOK_ATTR_INTS && a->as.ints[i] != b->as.ints[i]) return false;
    if (a->type == BLOK_ATTR_FLOATS && !same_float(a->as.floats[i], b->as.floats[i])) return false;
    if (a->type == BLOK_ATTR_STRINGS && !same_bytes(a->as.strings[i], b->as.strings[i])) {
      return false;
    }
  }
  if (a->type == BLOK_ATTR_INT) return a->as.i == b->as.i;
  if (a->type == BLOK_ATTR_FLOAT) return same_float(a->as.f, b->as.f);
  return a->type != BLOK_ATTR_STRING || same_bytes(a->as.s, b->as.s);
}

static blok_status compare_literals(const pair *at, const char *name, const blok_literal *a,
                                    const blok_literal *b) {
  blok_diff_constant left, right;
  blok_diff_words words;
  if (!a || !b) return a == b ? BLOK_OK : say(at, name, "holds a tensor in one model alone");
  left = (blok_diff_constant){.dtype = a->dtype,
                              .rank = a->rank,
                              .dims = a->dims,
                              .literal = a,
                              .n_strings = a->n_strings,
                              .strings = a->strings};
  right = (blok_diff_constant){.dtype = b->dtype,
                               .rank = b->rank,
                               .dims = b->dims,
                               .literal = b,
                               .n_strings = b->n_strings,
                               .strings = b->strings};
  BLOK_TRY(blok_differ_compare(at->self, &left, &right, &words));
  if (!words.text[0]) return BLOK_OK;
  return blok_differ_say(at->self, BLOK_DIFF_ATTRIBUTE, at->frame, at->node[SIDE_A],
                         at->node[SIDE_B], words.max_abs, "%s: attribute %s: %s",
                         blok_differ_label(at->frame, SIDE_A, at->node[SIDE_A]).text,
                         blok_quote(name).text, words.text);
}

static blok_status compare_sparse(const pair *at, const char *name, const blok_sparse *a,
                                  const blok_sparse *b) {
  if (a->rank != b->rank || (a->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims))) {
    return say(at, name, "holds sparse tensors of other shapes");
  }
  BLOK_TRY(compare_literals(at, name, a->values, b->values));
  return compare_literals(at, name, a->indices, b->indices);
}

static blok_status compare_types(const pair *at, const char *name, const blok_type *a,
                                 const blok_type *b) {
  blok_arena *arena = &at->self->scratch;
  const char *left = blok_type_text(arena, a), *right = blok_type_text(arena, b);
  if (!left || !right) return blok_fail_memory(at->self->error, 0);
  return strcmp(left, right) == 0 ? BLOK_OK : say(at, name, "holds another type");
}

static blok_status enter_graph(const pair *at, const char *name, const blok_subgraph *a,
                               const blok_subgraph *b) {
  blok_diff_frame *frame = at->frame;
  if (!a->graph || !b->graph) {
    return a->graph == b->graph ? BLOK_OK : say(at, name, "holds a graph in one model alone");
  }
  const char *where =
      blok_arena_format(&at->self->scratch, "%s%.60s of %s: ", frame->where, blok_quote(name).text,
                        blok_differ_label(frame, SIDE_A, at->node[SIDE_A]).text);
  if (!where) return blok_fail_memory(at->self->error, 0);
  const blok_diff_graphs graphs = {.graph = {a->graph, b->graph},
                                   .captures = {a, b},
                                   .opsets = {frame->opsets[SIDE_A], frame->opsets[SIDE_B]},
                                   .n_opsets = {frame->n_opsets[SIDE_A], frame->n_opsets[SIDE_B]},
                                   .where = where,
                                   .place = blok_differ_place(frame, SIDE_A, at->node[SIDE_A])};
  return blok_differ_enter(at->self, frame, &graphs, NULL);
}

static blok_status compare_messages(const pair *at, const blok_attr *a, const blok_attr *b) {
  for (uint32_t i = 0; i < a->n; i++) {
    switch (a->type) {
      case BLOK_ATTR_TENSOR:
        BLOK_TRY(compare_literals(at, a->name, a->as.literal, b->as.literal));
        break;
      case BLOK_ATTR_TENSORS:
        BLOK_TRY(compare_literals(at, a->name, a->as.literals[i], b->as.literals[i]));
        break;
      case BLOK_ATTR_GRAPH:
      case BLOK_ATTR_GRAPHS:
        BLOK_TRY(enter_graph(at, a->name, &a->as.graphs[i], &b->as.graphs[i]));
        break;
      case BLOK_ATTR_SPARSE_TENSOR:
      case BLOK_ATTR_SPARSE_TENSORS:
        BLOK_TRY(compare_sparse(at, a->name, &a->as.sparse[i], &b->as.sparse[i]));
        break;
      case BLOK_ATTR_TYPE:
      case BLOK_ATTR_TYPES:
        BLOK_TRY(compare_types(at, a->name, a->as.types[i], b->as.types[i]));
        break;
      case BLOK_ATTR_UNDEFINED:
      case BLOK_ATTR_FLOAT:
      case BLOK_ATTR_INT:
      case BLOK_ATTR_STRING:
      case BLOK_ATTR_FLOATS:
      case BLOK_ATTR_INTS:
      case BLOK_ATTR_STRINGS:
        break;
    }
  }
  return BLOK_OK;
}

static blok_status compare_attr(const pair *at, const blok_attr *a, const blok_attr *b) {
  char what[300];
  if (a->type == b->type && a->n == b->n && blok_text_equal(a->ref, b->ref) && !a->ref == !b->ref &&
      (a->n == 0 || same_numbers(a, b))) {
    return compare_messages(at, a, b);
  }
  (void)snprintf(what, sizeof what, "is %s in A, %s in B", show(a).text, show(b).text);
  return say(at, a->name, what);
}

// Only one of the nodes has it.
static blok_status compare_with_default(const pair *at, int side, const blok_attr *attr) {
  char what[300];
  if (is_default(at, side, attr)) return BLOK_OK;
  (void)snprintf(what, sizeof what, "is %s in %s, %s has none", show(attr).text,
                 side == SIDE_A ? "A" : "B", side == SIDE_A ? "B" : "A");
  return say(at, attr->name, what);
}

// ---- Nodes --------------------------------------------------------------------------------------

static int by_name(const void *left, const void *right) {
  const blok_attr *a = *(const blok_attr *const *)left, *b = *(const blok_attr *const *)right;
  const int order = strcmp(a->name ? a->name : "", b->name ? b->name : "");
  return order ? order : (a > b) - (a < b);
}

static blok_status merge(const pair *at, const blok_attr **a, uint32_t n_a, const blok_attr **b,
                         uint32_t n_b) {
  uint32_t i = 0, k = 0;
  while (i < n_a || k < n_b) {
    const int order = i == n_a ? 1 : k == n_b ? -1 : strcmp(a[i]->name, b[k]->name);
    if (order < 0) {
      BLOK_TRY(compare_with_default(at, SIDE_A, a[i++]));
    } else if (order > 0) {
      BLOK_TRY(compare_with_default(at, SIDE_B, b[k++]));
    } else {
      BLOK_TRY(compare_attr(at, a[i++], b[k++]));
    }
  }
  return BLOK_OK;
}

blok_status blok_differ_attributes(blok_differ *self, blok_diff_frame *frame, blok_node_id a,
                                   blok_node_id b) {
  const pair at = {self, frame, {a, b}};
  const blok_attr **sorted[SIDES] = {NULL, NULL};
  uint32_t n[SIDES] = {0, 0};
  blok_status status = BLOK_OK;
  for (int side = 0; side < SIDES; side++) {
    const blok_node *node = blok_node_at(frame->graph[side], at.node[side]);
    sorted[side] = blok_alloc_array(&self->allocator, node->n_attrs, sizeof(const blok_attr *));
    if (!sorted[side]) {
      status = blok_fail_memory(self->error, 0);
      goto done;
    }
    for (uint32_t i = 0; i < node->n_attrs; i++) {
      if (node->attrs[i].name) sorted[side][n[side]++] = &node->attrs[i];
    }
    if (n[side]) qsort(sorted[side], n[side], sizeof *sorted[side], by_name);
  }
  status = merge(&at, sorted[SIDE_A], n[SIDE_A], sorted[SIDE_B], n[SIDE_B]);
done:
  blok_free(&self->allocator, sorted[SIDE_A]);
  blok_free(&self->allocator, sorted[SIDE_B]);
  return status;
}
