// Additions to the first channels of F(x): concat(F[:, :c] + x, F[:, c:]) is one block, and its
// look-alikes are none.
#include <check.h>
#include <string.h>

#include "again.h"

// What is different from x of 16 channels, F(x) of 24, added to the first 16.
typedef struct spelling {
  bool split;         // one Split rather than two slices
  bool other;         // F(x) that no strict kind has
  bool x_first;       // of the addition
  bool project;       // a projection to 16 channels
  bool act;           // behind it all
  bool v_elsewhere;   // F(x) is read by another node too
  bool head_too;      // the first channels are
  bool sum_too;       // the sum is
  bool rest_too;      // the others are
  bool swapped;       // the others come first in the Concat
  bool third;         // the Concat has a third operand
  bool no_slice;      // the Concat's other operand is F(x) itself
  int64_t rest_from;  // where the others begin; 0: at 16
  int64_t rest_to;    // where they end; 0: at the end
  int64_t head_from;  // where the first 16 begin
  int64_t axis;       // of the slices and the Concat; 0: 1
} spelling;

static void write_slices(blok_graph *g, const spelling *s) {
  const int64_t axis = s->axis ? s->axis : 1;
  const int64_t begin = s->head_from, middle = begin + 16;
  const int64_t from = s->rest_from ? s->rest_from : 16, end = s->rest_to ? s->rest_to : INT64_MAX;
  net_ints(g, "axis", &axis, 1);
  net_ints(g, "begin", &begin, 1);
  net_ints(g, "middle", &middle, 1);
  net_ints(g, "from", &from, 1);
  net_ints(g, "end", &end, 1);
  net_node(g, "Slice", "v begin middle axis", "head");
  net_node(g, "Slice", "v from end axis", "rest");
}

static void write_split(blok_graph *g) {
  const int64_t sizes[2] = {16, 8};
  net_ints(g, "sizes", sizes, 2);
  blok_node_id split = net_node(g, "Split", "v sizes", "head rest");
  ck_assert_int_eq(blok_node_set_int(g, split, "axis", 1, NULL), BLOK_OK);
}

static void read_too(blok_graph *g, bool wanted, const char *value, const char *to) {
  if (!wanted) return;
  net_node(g, "Relu", value, to);
  net_output(g, to);
}

static blok_module *write(const spelling *s) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 2, 16, s->axis == 2 ? 24 : 8, 8);
  net_conv(g, "b.conv1", "x", "c1", (net_conv_shape){16, 16, 3, 1, 0});
  net_node(g, s->other ? "Sin" : "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "v", (net_conv_shape){16, s->axis == 2 ? 16 : 24, 3, 1, 0});
  if (s->project) net_conv(g, "b.proj", "x", "p", (net_conv_shape){16, 16, 1, 1, 0});
  if (s->split) {
    write_split(g);
  } else {
    write_slices(g, s);
  }
  const char *skip = s->project ? "p" : s->axis == 2 ? "cut" : "x";
  char operands[32];
  if (s->axis == 2) net_node(g, "Slice", "x begin middle axis", "cut");
  strcpy(operands, s->x_first ? skip : "head");
  strcat(strcat(operands, " "), s->x_first ? "head" : skip);
  net_node(g, "Add", operands, "sum");
  blok_node_id join = net_node(g, "Concat",
                               s->no_slice  ? "sum v"
                               : s->swapped ? "rest sum"
                               : s->third   ? "sum rest x"
                                            : "sum rest",
                               s->act ? "z" : "y");
  ck_assert_int_eq(blok_node_set_int(g, join, "axis", s->axis ? s->axis : 1, NULL), BLOK_OK);
  if (s->act) net_node(g, "Relu", "z", "y");
  net_output(g, "y");
  read_too(g, s->v_elsewhere, "v", "o1");
  read_too(g, s->head_too, "head", "o2");
  read_too(g, s->sum_too, "sum", "o3");
  read_too(g, s->rest_too, "rest", "o4");
  return module;
}

static const spelling blocks[] = {
    {.act = false},    {.split = true},
    {.x_first = true}, {.split = true, .x_first = true, .act = true},
    {.act = true},     {.project = true},
    {.other = true},   {.other = true, .split = true, .act = true},
    {.rest_to = 24},   {.other = true, .x_first = true},
};

enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

START_TEST(addition__finds_one_of_the_first_channels) {
  const spelling *s = &blocks[_i];
  net_found found = net_match(write(s));
  const blok_block_record *block =
      net_block(&found, s->other ? BLOK_RESIDUAL_OTHER : BLOK_RESIDUAL);
  ck_assert_int_eq(block->residual->skip_channels, 16);
  ck_assert_int_eq(block->residual->skip, s->project ? BLOK_SKIP_PROJECTION : BLOK_SKIP_IDENTITY);
  ck_assert_int_eq(block->residual->after_add, s->act ? BLOK_ACT_RELU : BLOK_ACT_NONE);
  ck_assert_str_eq(blok_value_at(found.module->graph, block->entry)->name, "x");
  ck_assert_str_eq(blok_value_at(found.module->graph, block->exit)->name, "y");
  // All nodes of the graph are in it.
  ck_assert_uint_eq(block->n_members, found.module->graph->n_order);
  if (s->other) {
    ck_assert_str_eq(blok_value_at(found.module->graph, block->region_out)->name, "v");
    ck_assert_uint_eq(block->n_region, 3);
  }
  net_free(&found);
}
END_TEST

START_TEST(addition__of_the_first_channels_is_written_as_it_was) {
  const spelling *s = &blocks[_i];
  net_found again = again_check(write(s), s->other ? BLOK_RESIDUAL_OTHER : BLOK_RESIDUAL);
  const blok_block_record *block =
      net_block(&again, s->other ? BLOK_RESIDUAL_OTHER : BLOK_RESIDUAL);
  ck_assert_int_eq(block->residual->skip_channels, 16);
  net_free(&again);
}
END_TEST

START_TEST(addition__of_all_channels_says_so) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 2, 16, 8, 8);
  net_conv(g, "b.conv1", "x", "c1", (net_conv_shape){16, 16, 3, 1, 0});
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "f", (net_conv_shape){16, 16, 3, 1, 0});
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_int_eq(net_block(&found, BLOK_RESIDUAL)->residual->skip_channels, 0);
  net_free(&found);
}
END_TEST

static const spelling others[] = {
    {.v_elsewhere = true},
    {.v_elsewhere = true, .split = true},
    {.v_elsewhere = true, .other = true},
    {.head_too = true},
    {.sum_too = true},
    {.rest_too = true},
    {.rest_too = true, .split = true},
    {.swapped = true},
    {.third = true},
    {.no_slice = true},
    {.rest_from = 15},
    {.rest_from = 17},
    {.rest_to = 23},
    {.head_from = 8},
    {.axis = 2},
    {.axis = 2, .other = true},
};

enum { OTHERS = sizeof others / sizeof others[0] };

START_TEST(addition__refuses_what_is_none_of_the_first_channels) {
  net_found found = net_match(write(&others[_i]));
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  net_free(&found);
}
END_TEST

START_TEST(addition__tells_that_f_is_read_elsewhere) {
  const spelling s = {.v_elsewhere = true};
  net_found found = net_match(write(&s));
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  ck_assert_str_eq(found.overlay->misses[0].condition, "use of inner values");
  ck_assert_str_eq(found.overlay->misses[0].got, "'v' is read elsewhere too");
  net_free(&found);
}
END_TEST

Suite *suite_addition(void);

Suite *suite_addition(void) {
  Suite *suite = suite_create("addition");
  TCase *tests = tcase_create("first channels");
  tcase_add_loop_test(tests, addition__finds_one_of_the_first_channels, 0, BLOCKS);
  tcase_add_loop_test(tests, addition__of_the_first_channels_is_written_as_it_was, 0, BLOCKS);
  tcase_add_test(tests, addition__of_all_channels_says_so);
  tcase_add_loop_test(tests, addition__refuses_what_is_none_of_the_first_channels, 0, OTHERS);
  tcase_add_test(tests, addition__tells_that_f_is_read_elsewhere);
  suite_add_tcase(suite, tests);
  return suite;
}
