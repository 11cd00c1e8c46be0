// Operators that move data, through the plan: against the reference interpreter, with every set,
// where what they read and what reads them is plain, and where it is blocked. Every node must have
// become steps of kernels, or none at all.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "passes/passes.h"
#include "runtime/runtime.h"
#include "speed.h"
#include "support/fault.h"

// ---- A net of one input -------------------------------------------------------------------------

typedef struct net {
  blok_module *module;
  blok_graph *graph;
  blok_value_id at;  // what the last node made
  blok_node_id node;
  bool blocked;  // a pool that changes nothing stands before and after
  char what[96];
  int64_t dims[BLOK_MAX_RANK];
  uint32_t rank;
} net;

static void must(blok_status status) { ck_assert_int_eq(status, BLOK_OK); }

static blok_value_id new_value(net *self) {
  const char *name;
  must(blok_graph_new_name(self->graph, "v", &name, NULL));
  blok_value_id id;
  must(blok_graph_add_value(self->graph, name, &id, NULL));
  return id;
}

// A node that reads the last one's output, and n further inputs; it makes n_out values.
static void add(net *self, const char *op, uint32_t n, const blok_value_id *more, uint32_t n_out) {
  must(blok_graph_add_node(self->graph, "", op, n + 1, n_out, &self->node, NULL));
  blok_graph_set_input(self->graph, self->node, 0, self->at);
  for (uint32_t i = 0; i < n; i++) blok_graph_set_input(self->graph, self->node, i + 1, more[i]);
  for (uint32_t i = 0; i < n_out; i++) {
    blok_graph_set_output(self->graph, self->node, i, new_value(self));
  }
  self->at = blok_node_at(self->graph, self->node)->outputs[0];
}

static void ints(net *self, const char *name, uint32_t n, const int64_t *values) {
  must(blok_node_set_ints(self->graph, self->node, name, values, n, NULL));
}

static void number(net *self, const char *name, int64_t value) {
  must(blok_node_set_int(self->graph, self->node, name, value, NULL));
}

static void text(net *self, const char *name, const char *value) {
  must(blok_node_set_text(self->graph, self->node, name, value, NULL));
}

static blok_value_id list(net *self, uint32_t n, const int64_t *values) {
  const int64_t count = n;
  blok_value_id id;
  must(blok_graph_add_constant(self->graph, "list", BLOK_I64, 1, &count, values, &id, NULL));
  return id;
}

static blok_value_id floats(net *self, uint32_t n, const float *values) {
  const int64_t count = n;
  blok_value_id id;
  must(blok_graph_add_constant(self->graph, "floats", BLOK_F32, 1, &count, values, &id, NULL));
  return id;
}

static void pool(net *self, uint32_t rank) {
  static const int64_t ones[] = {1, 1};
  add(self, "MaxPool", 0, NULL, 1);
  ints(self, "kernel_shape", rank - 2, ones);
}

// ---- Both ways of running it --------------------------------------------------------------------

enum { MOST_OUTPUTS = 4, MOST_INPUT = 20000 };

static void build(net *self, bool blocked, uint32_t rank, const int64_t *dims,
                  void (*make)(net *)) {
  memset(self, 0, sizeof *self);
  must(blok_module_new(NULL, &self->module, NULL));
  must(blok_graph_new(self->module, NULL, &self->graph, NULL));
  self->module->graph = self->graph;
  self->blocked = blocked;
  self->rank = rank;
  memcpy(self->dims, dims, rank * sizeof *dims);
  self->at = new_value(self);
  must(blok_graph_add_input(self->graph, self->at, NULL, NULL));
  if (blocked) pool(self, rank);
  make(self);
  const blok_node *last = blok_node_at(self->graph, self->node);
  const uint32_t n = last->n_outputs;
  blok_value_id outputs[MOST_OUTPUTS];
  ck_assert_uint_le(n, MOST_OUTPUTS);
  memcpy(outputs, last->outputs, n * sizeof *outputs);
  for (uint32_t i = 0; i < n; i++) {
    self->at = outputs[i];
    if (blocked) pool(self, rank);
    must(blok_graph_add_output(self->graph, self->at, NULL, NULL));
  }
}

// Elements of every output, one behind another; *count of them.
static float *run(const net *self, const blok_isa *isa, bool reference, const float *x,
                  size_t *count) {
  blok_error error = BLOK_ERROR_INIT;
  blok_engine *engine = NULL;
  blok_executor *executor = NULL;
  blok_executor_options options = {.allocator = *blok_allocator_default(),
                                   .limits = blok_limits_resolve(NULL),
                                   .isa = isa,
                                   .reference = reference};
  must(blok_engine_new(self->module, NULL, NULL, blok_allocator_default(), &engine, &error));
  must(blok_executor_new(engine, &options, &executor, &error));
  oracle box;  // only for the borrowed tensor
  memset(&box, 0, sizeof box);
  box.n_in = 1;
  oracle_in(&box, 0, x, self->rank, self->dims);
  ck_assert_msg(blok_executor_reshape(executor, box.in, 1, &error) == BLOK_OK, "%s", error.message);
  const blok_shaped *shaped = blok_executor_shaped(executor);
  for (uint32_t i = 0; i < shaped->n_steps && !reference; i++) {
    ck_assert_msg(shaped->steps[i].kind == BLOK_STEP_KERNEL, "%s: node %s has no kernel",
                  self->what, blok_node_at(self->graph, shaped->steps[i].node)->op_type);
  }
  blok_tensor out[MOST_OUTPUTS] = {BLOK_TENSOR_INIT, BLOK_TENSOR_INIT, BLOK_TENSOR_INIT,
                                   BLOK_TENSOR_INIT};
  ck_assert_msg(
      blok_executor_run(executor, box.in, 1, out, self->graph->n_outputs, &error) == BLOK_OK, "%s",
      error.message);
  *count = 0;
  for (uint32_t i = 0; i < self->graph->n_outputs; i++) *count += out[i].bytes / sizeof(float);
  float *all = malloc((*count + 1) * sizeof *all);
  ck_assert_ptr_nonnull(all);
  size_t at = 0;
  for (uint32_t i = 0; i < self->graph->n_outputs; i++) {
    memcpy(all + at, out[i].data, out[i].bytes);
    at += out[i].bytes / sizeof(float);
  }
  blok_executor_free(&executor);
  blok_engine_free(&engine);
  return all;
}

// Runs the net of one input of these dims; blocked only where asked for too.
static void check(const char *what, bool may_block, uint32_t rank, const int64_t *dims,
                  void (*make)(net *)) {
  static float x[MOST_INPUT];
  fill_values(x, MOST_INPUT, 11);
  for (int blocked = 0; blocked <= may_block; blocked++) {
    net self;
    size_t n_want, n_got;
    build(&self, blocked != 0, rank, dims, make);
    float *want = run(&self, NULL, true, x, &n_want);
    const blok_isa *isa;
    for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
      snprintf(self.what, sizeof self.what, "%s, %s, %s", what, isa->name,
               blocked ? "blocked" : "plain");
      float *got = run(&self, isa, false, x, &n_got);
      ck_assert_msg(n_got == n_want, "%s: %zu elements instead of %zu", self.what, n_got, n_want);
      oracle_same(got, want, n_want, 1e-6, self.what);
      free(got);
    }
    free(want);
    blok_module_free(&self.module);
  }
}

#define DIMS(...) \
  (const int64_t[]) { __VA_ARGS__ }
static const int64_t image[] = {2, 21, 6, 5}, row[] = {2, 21, 30};

// ---- Views --------------------------------------------------------------------------------------

static void make_reshape(net *self) {
  const blok_value_id shape = list(self, 3, DIMS(0, 21, -1));
  add(self, "Reshape", 1, &shape, 1);
}
static void make_rows(net *self) {
  const blok_value_id shape = list(self, 2, DIMS(-1, 35));
  add(self, "Reshape", 1, &shape, 1);
}
static void make_flatten(net *self) { add(self, "Flatten", 0, NULL, 1); }
static void make_unsqueeze(net *self) {
  const blok_value_id axes = list(self, 1, DIMS(0));
  add(self, "Unsqueeze", 1, &axes, 1);
}
static void make_identity(net *self) { add(self, "Identity", 0, NULL, 1); }

static void no_pool_after(const char *what, void (*make)(net *)) {
  check(what, false, 4, image, make);
}

START_TEST(views__are_the_bytes_of_their_input) {
  no_pool_after("Reshape to rows", make_rows);
  no_pool_after("Reshape to rank 3", make_reshape);
  no_pool_after("Flatten", make_flatten);
  no_pool_after("Unsqueeze", make_unsqueeze);
  check("Identity", true, 4, image, make_identity);
}
END_TEST

// ---- Transpose ----------------------------------------------------------------------------------

static int64_t perm[5];
static uint32_t perm_rank;
static void make_transpose(net *self) {
  add(self, "Transpose", 0, NULL, 1);
  ints(self, "perm", perm_rank, perm);
}

START_TEST(transpose__puts_axes_in_any_order) {
  perm_rank = 4;
  for (int code = 0; code < 256; code++) {
    bool seen[4] = {false};
    for (int i = 0; i < 4; i++) {
      perm[i] = code >> (2 * i) & 3;
      seen[perm[i]] = true;
    }
    if (!seen[0] || !seen[1] || !seen[2] || !seen[3]) continue;
    check("Transpose", true, 4, image, make_transpose);
  }
  perm_rank = 3;
  memcpy(perm, DIMS(0, 2, 1), 3 * sizeof *perm);
  check("Transpose 0 2 1", true, 3, row, make_transpose);
}
END_TEST

// ---- Concat, Split, Slice -----------------------------------------------------------------------

static int64_t axis;

// Of the value itself, the same multiplied by itself, and the value again.
static void make_concat(net *self) {
  const blok_value_id x = self->at;
  if (self->blocked) pool(self, self->rank);
  const blok_value_id more[] = {self->at, x};
  self->at = x;
  add(self, "Concat", 2, more, 1);
  number(self, "axis", axis);
}

START_TEST(concat__lays_inputs_behind_each_other_on_any_axis) {
  static const int64_t whole[] = {1, 32, 3, 4};
  for (axis = -4; axis < 4; axis++) check("Concat", true, 4, image, make_concat);
  axis = 1;
  check("Concat of whole blocks", true, 4, whole, make_concat);
  check("Concat of rows", true, 3, row, make_concat);
}
END_TEST

static int64_t cuts[4];
static uint32_t n_cuts;
static void make_split(net *self) {
  const blok_value_id sizes = list(self, n_cuts, cuts);
  add(self, "Split", 1, &sizes, n_cuts);
  number(self, "axis", axis);
}

START_TEST(split__cuts_any_axis_anywhere) {
  n_cuts = 3;
  axis = 1;
  for (cuts[0] = 1; cuts[0] <= 17; cuts[0] += 4) {
    cuts[1] = 3;
    cuts[2] = 21 - 3 - cuts[0];
    check("Split of channels", true, 4, image, make_split);
  }
  memcpy(cuts, DIMS(8, 8, 5), 3 * sizeof *cuts);
  check("Split of whole blocks", true, 4, image, make_split);
  memcpy(cuts, DIMS(1, 2, 3), 3 * sizeof *cuts);
  axis = 2;
  check("Split of rows", true, 4, image, make_split);
  n_cuts = 2;
  memcpy(cuts, DIMS(1, 1), 2 * sizeof *cuts);
  axis = 0;
  check("Split of images", true, 4, image, make_split);
}
END_TEST

static int64_t from[4], to[4], step[4];
static void make_slice(net *self) {
  const blok_value_id more[] = {list(self, 4, from), list(self, 4, to),
                                list(self, 4, DIMS(0, 1, 2, 3)), list(self, 4, step)};
  add(self, "Slice", 4, more, 1);
}

static void slice(const int64_t *begin, const int64_t *end, const int64_t *steps) {
  memcpy(from, begin, sizeof from);
  memcpy(to, end, sizeof to);
  memcpy(step, steps, sizeof step);
  check("Slice", true, 4, image, make_slice);
}

START_TEST(slice__takes_ranges_in_steps_of_any_sign) {
  slice(DIMS(0, 0, 0, 0), DIMS(9, 9, 9, 9), DIMS(1, 1, 1, 1));
  slice(DIMS(1, 0, 0, 0), DIMS(2, 99, 9, 9), DIMS(1, 1, 1, 1));
  slice(DIMS(0, 8, 0, 0), DIMS(9, 16, 9, 9), DIMS(1, 1, 1, 1));
  slice(DIMS(0, 8, 0, 0), DIMS(9, 99, 9, 9), DIMS(1, 1, 1, 1));
  slice(DIMS(0, 3, 0, 0), DIMS(9, -2, 9, 9), DIMS(1, 2, 1, 1));
  slice(DIMS(0, -1, 0, 0), DIMS(9, -99, 9, 9), DIMS(1, -1, 1, 1));
  slice(DIMS(0, 0, 0, 0), DIMS(9, 99, 9, 9), DIMS(1, 1, 2, 2));
  slice(DIMS(0, 0, 1, 1), DIMS(9, 99, 9, 9), DIMS(1, 1, 2, 2));
  slice(DIMS(0, 0, -1, 0), DIMS(9, 99, -9, 9), DIMS(1, 1, -1, 1));
  slice(DIMS(-1, 2, 0, 4), DIMS(-9, 9, 3, 0), DIMS(-1, 1, 2, -1));
}
END_TEST

// ---- Shuffles -----------------------------------------------------------------------------------

static bool asks_shape;
static void make_shuffle(net *self) {
  const int64_t *d = self->dims;
  const blok_value_id x = self->at;
  if (asks_shape) add(self, "Shape", 0, NULL, 1);
  self->at = x;
  const blok_value_id cut = list(self, 5, DIMS(d[0], 3, d[1] / 3, d[2], d[3]));
  const blok_value_id whole = list(self, 4, d);
  add(self, "Reshape", 1, &cut, 1);
  add(self, "Transpose", 0, NULL, 1);
  ints(self, "perm", 5, DIMS(0, 2, 1, 3, 4));
  add(self, "Reshape", 1, &whole, 1);
}
static void make_shuffle_and_split(net *self) {
  make_shuffle(self);
  make_split(self);
}
// ShuffleNet's unit: two halves together, shuffled, cut again.
static void make_concat_shuffle_split(net *self) {
  make_split(self);
  const blok_node *node = blok_node_at(self->graph, self->node);
  blok_value_id left = node->outputs[0], right = node->outputs[1];
  if (self->blocked) {
    self->at = right;
    pool(self, self->rank);
    right = self->at;
  }
  self->at = left;
  add(self, "Concat", 1, &right, 1);
  number(self, "axis", 1);
  make_shuffle_and_split(self);
}

START_TEST(shuffle__of_channels_is_what_its_three_nodes_are) {
  static const int64_t six[] = {2, 24, 3, 3}, odd[] = {2, 18, 3, 3};
  axis = 1;
  n_cuts = 2;
  memcpy(cuts, DIMS(12, 12), 2 * sizeof *cuts);
  check("shuffle", true, 4, image, make_shuffle);
  check("shuffle of 24", true, 4, six, make_shuffle);
  check("shuffle, Split", true, 4, six, make_shuffle_and_split);
  check("Concat, shuffle, Split", true, 4, six, make_concat_shuffle_split);
  memcpy(cuts, DIMS(9, 9), 2 * sizeof *cuts);
  check("odd Concat, shuffle, Split", true, 4, odd, make_concat_shuffle_split);
}
END_TEST

static uint32_t count_steps(void (*make)(net *), const int64_t *dims, const char *kernel) {
  net self;
  blok_error error = BLOK_ERROR_INIT;
  blok_engine *engine = NULL;
  const blok_plan *plan;
  blok_shaped *shaped;
  const blok_limits limits = blok_limits_resolve(NULL);
  const blok_dim open[] = {blok_dim_of(dims[0]), blok_dim_of(dims[1]), blok_dim_of(dims[2]),
                           blok_dim_of(dims[3])};
  const blok_fact fact = {.kind = BLOK_TYPE_TENSOR, .dtype = BLOK_F32, .rank = 4, .dims = open};
  build(&self, true, 4, dims, make);
  must(blok_engine_new(self.module, NULL, NULL, blok_allocator_default(), &engine, &error));
  must(blok_engine_plan(engine, tested_isa(0), false, true, &plan, &error));
  must(blok_engine_shape(engine, plan, &fact, &limits, &shaped, &error));
  uint32_t n = 0;
  for (uint32_t i = 0; i < shaped->n_steps; i++) n += !strcmp(shaped->steps[i].kernel, kernel);
  blok_engine_release(engine, &shaped);
  blok_engine_free(&engine);
  blok_module_free(&self.module);
  return n;
}

START_TEST(shuffle__between_concat_and_split_is_one_gathering_for_each_output) {
  axis = 1;
  n_cuts = 2;
  memcpy(cuts, DIMS(9, 9), 2 * sizeof *cuts);
  const int64_t dims[] = {1, 18, 3, 3};
  ck_assert_uint_eq(count_steps(make_concat_shuffle_split, dims, "channel shuffle"), 2);
  ck_assert_uint_eq(count_steps(make_concat_shuffle_split, dims, "concat"), 0);
  ck_assert_uint_eq(count_steps(make_concat_shuffle_split, dims, "transpose"), 0);
}
END_TEST

START_TEST(shuffle__is_found_though_the_shape_is_asked_for) {
  const int64_t dims[] = {1, 18, 3, 3};
  asks_shape = true;
  ck_assert_uint_eq(count_steps(make_shuffle, dims, "channel shuffle"), 1);
  ck_assert_uint_eq(count_steps(make_shuffle, dims, "reorder to plain"), 1);  // the output
  check("shuffle and Shape", true, 4, dims, make_shuffle);
}
END_TEST

static void make_shape(net *self) {
  add(self, "Shape", 0, NULL, 1);
  number(self, "start", 1);
  add(self, "Cast", 0, NULL, 1);
  number(self, "to", BLOK_F32);
}
static void make_size(net *self) {
  add(self, "Size", 0, NULL, 1);
  add(self, "Cast", 0, NULL, 1);
  number(self, "to", BLOK_F32);
}

START_TEST(shape__and_size_are_numbers_that_the_plan_knows) {
  check("Shape", false, 4, image, make_shape);
  check("Size", false, 4, image, make_size);
}
END_TEST

// ---- Expand, Tile, DepthToSpace, Pad, Gather, Cast ----------------------------------------------

static void make_expand(net *self) {
  const blok_value_id shape = list(self, 5, DIMS(3, 1, 7, 4, 5));
  add(self, "Expand", 1, &shape, 1);
}
static void make_tile(net *self) {
  const blok_value_id repeats = list(self, 4, DIMS(2, 1, 3, 2));
  add(self, "Tile", 1, &repeats, 1);
}
static bool crd;
static void make_depth_to_space(net *self) {
  add(self, "DepthToSpace", 0, NULL, 1);
  number(self, "blocksize", 2);
  text(self, "mode", crd ? "CRD" : "DCR");
}
static void make_space_to_depth(net *self) {
  add(self, "SpaceToDepth", 0, NULL, 1);
  number(self, "blocksize", 2);
}

START_TEST(repeats__and_depth_to_space_put_elements_where_they_belong) {
  static const int64_t deep[] = {2, 24, 3, 5}, wide[] = {2, 3, 6, 4};
  check("Expand", false, 4, DIMS(1, 7, 1, 5), make_expand);
  check("Tile", true, 4, image, make_tile);
  for (int mode = 0; mode < 2; mode++) {
    crd = mode != 0;
    check("DepthToSpace", true, 4, deep, make_depth_to_space);
  }
  check("SpaceToDepth", true, 4, wide, make_space_to_depth);
}
END_TEST

static int64_t pads[8];
static const char *pad_mode;
static float pad_value;
static void make_pad(net *self) {
  const blok_value_id more[] = {list(self, 8, pads), floats(self, 1, &pad_value)};
  add(self, "Pad", 2, more, 1);
  text(self, "mode", pad_mode);
}

static void pad(const int64_t *amounts, const char *mode, float value) {
  memcpy(pads, amounts, sizeof pads);
  pad_mode = mode;
  pad_value = value;
  check(mode, true, 4, image, make_pad);
}

START_TEST(pad__puts_constants_edges_and_reflections_around) {
  pad(DIMS(0, 0, 1, 2, 0, 0, 3, 0), "constant", 0);
  pad(DIMS(0, 0, 1, 2, 0, 0, 3, 1), "constant", 7);
  pad(DIMS(0, 3, 0, 0, 0, 11, 0, 0), "constant", 0);
  pad(DIMS(0, -3, 0, 0, 0, 5, 0, 0), "constant", 0);
  pad(DIMS(1, 2, 3, 4, 4, 3, 2, 1), "constant", -1);
  pad(DIMS(0, 0, -2, 2, 0, 0, 3, -3), "constant", 0);
  pad(DIMS(1, 2, 3, 4, 4, 3, 2, 1), "edge", 0);
  pad(DIMS(0, 2, 3, 4, 1, 3, 2, 1), "reflect", 0);
  pad(DIMS(1, 2, 3, 4, 4, 3, 2, 1), "wrap", 0);
  pad(DIMS(0, 2, -1, 4, 0, 0, 0, 0), "edge", 0);
  pad(DIMS(0, 0, 0, 0, 0, 0, 0, 0), "reflect", 0);
}
END_TEST

static void make_gather(net *self) {
  const blok_value_id indices = list(self, 3, DIMS(1, -1, 0));
  add(self, "Gather", 1, &indices, 1);
  number(self, "axis", axis);
}
static void make_gather_one(net *self) {
  static const int64_t index = -1;
  blok_value_id indices;
  must(blok_graph_add_constant(self->graph, "index", BLOK_I64, 0, NULL, &index, &indices, NULL));
  add(self, "Gather", 1, &indices, 1);
  number(self, "axis", axis);
}

START_TEST(gather__takes_slices_of_any_axis) {
  for (axis = 0; axis < 4; axis++) {
    check("Gather", true, 4, image, make_gather);
    check("Gather of one", false, 4, image, make_gather_one);
  }
}
END_TEST

static void make_casts(net *self) {
  add(self, "Cast", 0, NULL, 1);
  number(self, "to", BLOK_F16);
  add(self, "Cast", 0, NULL, 1);
  number(self, "to", BLOK_F64);
  add(self, "Cast", 0, NULL, 1);
  number(self, "to", BLOK_F32);
  add(self, "Cast", 0, NULL, 1);
  number(self, "to", BLOK_F32);
}

START_TEST(cast__goes_there_and_back) { check("Cast", true, 4, image, make_casts); }
END_TEST

// ---- Resize -------------------------------------------------------------------------------------

static const char *resize_mode, *resize_rule;
static float scales[4];
static uint32_t n_scales;
static void make_resize(net *self) {
  const blok_value_id more[] = {BLOK_NO_VALUE, floats(self, n_scales, scales)};
  add(self, "Resize", 2, more, 1);
  text(self, "mode", resize_mode);
  text(self, "coordinate_transformation_mode", resize_rule);
}

static void resize(const char *mode, const char *rule, uint32_t rank, const float *factors) {
  resize_mode = mode;
  resize_rule = rule;
  n_scales = rank;
  memcpy(scales, factors, rank * sizeof *scales);
  check(mode, true, rank, rank == 4 ? image : row, make_resize);
}

#define SCALES(...) \
  (const float[]) { __VA_ARGS__ }

START_TEST(resize__scales_rows_and_columns_wherever_the_channels_are) {
  static const char *const modes[] = {"nearest", "linear", "cubic"};
  for (int m = 0; m < 3; m++) {
    resize(modes[m], "half_pixel", 4, SCALES(1, 1, 2, 2));
    resize(modes[m], "align_corners", 4, SCALES(1, 1, 1.5f, 0.6f));
    resize(modes[m], "asymmetric", 4, SCALES(1, 1, 1, 3));
    resize(modes[m], "half_pixel", 4, SCALES(1, 2, 2, 1));
    resize(modes[m], "half_pixel", 3, SCALES(1, 1, 2.5f));
  }
  resize("nearest", "asymmetric", 4, SCALES(2, 2, 2, 2));
  resize("nearest", "asymmetric", 4, SCALES(1, 1, 1, 1));
}
END_TEST

// ---- No memory ----------------------------------------------------------------------------------

static blok_status shape_with(void *context, const blok_allocator *allocator, blok_error *error) {
  const net *self = context;
  blok_engine *engine = NULL;
  const blok_plan *plan;
  blok_shaped *shaped = NULL;
  const blok_limits limits = blok_limits_resolve(NULL);
  blok_dim dims[4];
  for (uint32_t i = 0; i < 4; i++) dims[i] = blok_dim_of(self->dims[i]);
  const blok_fact x = {.kind = BLOK_TYPE_TENSOR, .dtype = BLOK_F32, .rank = 4, .dims = dims};
  blok_status status = blok_engine_new(self->module, NULL, NULL, allocator, &engine, error);
  if (status == BLOK_OK) {
    status = blok_engine_plan(engine, tested_isa(0), false, true, &plan, error);
  }
  if (status == BLOK_OK) status = blok_engine_shape(engine, plan, &x, &limits, &shaped, error);
  if (engine) blok_engine_release(engine, &shaped);
  blok_engine_free(&engine);
  return status;
}

static void make_everything(net *self) {
  make_split(self);
  const blok_node *node = blok_node_at(self->graph, self->node);
  const blok_value_id right = node->outputs[1];
  add(self, "Concat", 1, &right, 1);
  number(self, "axis", 1);
  make_pad(self);
  make_resize(self);
  make_transpose(self);
  make_gather(self);
  make_tile(self);
  make_casts(self);
}

START_TEST(plan__survives_every_failed_allocation) {
  static const int64_t dims[] = {1, 18, 3, 3};
  axis = 1;
  n_cuts = 2;
  memcpy(cuts, DIMS(9, 9), 2 * sizeof *cuts);
  memcpy(pads, DIMS(0, 0, 1, 0, 0, 0, 1, 1), sizeof pads);
  pad_mode = "edge";
  resize_mode = "linear";
  resize_rule = "half_pixel";
  n_scales = perm_rank = 4;
  memcpy(scales, SCALES(1, 1, 2, 2), sizeof scales);
  memcpy(perm, DIMS(0, 2, 3, 1), 4 * sizeof *perm);
  void (*const makes[])(net *) = {make_everything, make_concat_shuffle_split};
  for (int i = 0; i < 2; i++) {
    net self;
    build(&self, true, 4, dims, makes[i]);
    ck_assert_uint_gt(blok_fault_sweep(shape_with, &self), 20);
    blok_module_free(&self.module);
  }
}
END_TEST

Suite *suite_layout_ops(void);
Suite *suite_layout_ops(void) {
  Suite *suite = suite_create("layout_ops");
  TCase *tests = tcase_create("ops");
  tcase_set_timeout(tests, 120);
  suite_add_tcase(suite, tests);
  if (speed_wanted()) return suite;
  tcase_add_test(tests, views__are_the_bytes_of_their_input);
  tcase_add_test(tests, transpose__puts_axes_in_any_order);
  tcase_add_test(tests, concat__lays_inputs_behind_each_other_on_any_axis);
  tcase_add_test(tests, split__cuts_any_axis_anywhere);
  tcase_add_test(tests, slice__takes_ranges_in_steps_of_any_sign);
  tcase_add_test(tests, shuffle__of_channels_is_what_its_three_nodes_are);
  tcase_add_test(tests, shuffle__between_concat_and_split_is_one_gathering_for_each_output);
  tcase_add_test(tests, shuffle__is_found_though_the_shape_is_asked_for);
  tcase_add_test(tests, shape__and_size_are_numbers_that_the_plan_knows);
  tcase_add_test(tests, repeats__and_depth_to_space_put_elements_where_they_belong);
  tcase_add_test(tests, pad__puts_constants_edges_and_reflections_around);
  tcase_add_test(tests, gather__takes_slices_of_any_axis);
  tcase_add_test(tests, cast__goes_there_and_back);
  tcase_add_test(tests, resize__scales_rows_and_columns_wherever_the_channels_are);
  tcase_add_test(tests, plan__survives_every_failed_allocation);
  return suite;
}
