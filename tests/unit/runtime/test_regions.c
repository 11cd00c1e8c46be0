// Which nodes run together, and which must not.
#include <check.h>

#include "nets/net.h"
#include "runtime/plan/plan.h"

Suite *suite_regions(void);

static net_found found;
static blok_arena arena;
static const blok_plan *plan;

static void make(blok_module *module, bool fuse) {
  blok_error error = BLOK_ERROR_INIT;
  found = net_match(module);
  blok_arena_init(&arena, blok_allocator_default());
  const blok_plan_options options = {
      .isa = blok_isa_best(), .fuse = fuse, .overlay = fuse ? found.overlay : NULL};
  blok_plan *made;
  ck_assert_int_eq(blok_plan_new(module->graph, &options, found.facts, &arena, &made, &error),
                   BLOK_OK);
  plan = made;
}

static void end(void) {
  blok_arena_free(&arena);
  net_free(&found);
}

static const char *name_of(blok_value_id value) {
  return value.i ? blok_value_at(plan->graph, value)->name : "-";
}

START_TEST(regions__take_norm_and_activation_into_the_convolution) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_conv(graph, "conv", "x", "c", net_k(16, 16, 3, 1));
  net_norm(graph, "bn", "c", "n", 16);
  net_node(graph, "Relu", "n", "y");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 1);
  const blok_region *region = &plan->regions[0];
  ck_assert_uint_eq(region->n_nodes, 3);
  ck_assert_str_eq(name_of(region->norm[0]), "bn.weight");
  ck_assert_int_eq(region->act.kind, BLOK_FN_RELU);
  ck_assert_str_eq(name_of(region->out), "y");
  end();
}
END_TEST

// Their statistics are known of a whole result only.
START_TEST(regions__end_before_norms_of_groups_and_of_channels) {
  static const char *const group[] = {"GroupNormalization num_groups=4: c g b = y", NULL};
  static const char *const layer[] = {"Transpose perm=0,2,3,1: c = t",
                                      "LayerNormalization axis=-1: t g b = n",
                                      "Transpose perm=0,3,1,2: n = y", NULL};
  const int64_t channels = 16;
  for (int i = 0; i < 2; i++) {
    blok_module *module;
    blok_graph *graph = net_begin(&module);
    net_weight(graph, "g", 1, &channels);
    net_weight(graph, "b", 1, &channels);
    net_conv(graph, "conv", "x", "c", net_k(16, 16, 3, 1));
    net_lines(graph, i ? layer : group);
    net_output(graph, "y");
    make(module, true);
    ck_assert_uint_eq(plan->n_regions, i ? 4 : 2);
    ck_assert_uint_eq(plan->regions[0].norm[0].i, 0);
    ck_assert_str_eq(name_of(plan->regions[0].out), "c");
    end();
  }
}
END_TEST

START_TEST(regions__add_the_skip_path_in_the_last_convolution) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_post(graph, 16, 1);
  net_node(graph, "Add", "f x", "s");
  net_node(graph, "Relu", "s", "y");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 2);
  const blok_region *last = &plan->regions[1];
  ck_assert_str_eq(name_of(last->residual), "x");
  ck_assert_int_eq(last->act.kind, BLOK_FN_NONE);
  ck_assert_int_eq(last->after.kind, BLOK_FN_RELU);
  ck_assert_str_eq(name_of(last->before), "f");
  ck_assert_uint_eq(last->n_before, 2);
  end();
}
END_TEST

// What the caller asks for must be made.
START_TEST(regions__end_at_a_value_that_is_an_output) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_conv(graph, "conv", "x", "c", net_k(16, 16, 3, 1));
  net_node(graph, "Relu", "c", "y");
  net_output(graph, "c");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 2);
  ck_assert_str_eq(name_of(plan->regions[0].out), "c");
  ck_assert_int_eq(plan->regions[1].kind, BLOK_REGION_ACTIVATION);
  end();
}
END_TEST

START_TEST(regions__end_at_a_value_that_two_nodes_read) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_conv(graph, "conv", "x", "c", net_k(16, 16, 3, 1));
  net_node(graph, "Relu", "c", "r");
  net_node(graph, "Mul", "c r", "y");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 3);
  end();
}
END_TEST

START_TEST(regions__hold_a_squeeze_excite_whole_and_leave_its_addition_alone) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_post(graph, 16, 1);
  net_se(graph, "se", "f", "g", 16, 4);
  net_node(graph, "Add", "x g", "s");
  net_node(graph, "Relu", "s", "y");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 4);
  ck_assert_int_eq(plan->regions[2].kind, BLOK_REGION_SQUEEZE_EXCITE);
  ck_assert_str_eq(name_of(plan->regions[2].in), "f");
  ck_assert_str_eq(name_of(plan->regions[2].out), "g");
  ck_assert_int_eq(plan->regions[3].act.kind, BLOK_FN_RELU);
  end();
}
END_TEST

// The Sigmoid of x and the product with it, when the convolution cannot take them in.
START_TEST(regions__see_an_activation_of_two_nodes_as_one) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_node(graph, "Sigmoid", "x", "s");
  net_node(graph, "Mul", "x s", "y");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 1);
  ck_assert_int_eq(plan->regions[0].kind, BLOK_REGION_ACTIVATION);
  ck_assert_int_eq(plan->regions[0].act.kind, BLOK_FN_SILU);
  ck_assert_str_eq(name_of(plan->regions[0].in), "x");
  end();
}
END_TEST

// The inner value s is asked for: the product must not hide it.
START_TEST(regions__do_not_join_an_activation_whose_inner_value_is_read) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_node(graph, "Sigmoid", "x", "s");
  net_node(graph, "Mul", "x s", "y");
  net_output(graph, "s");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 2);
  end();
}
END_TEST

START_TEST(regions__are_single_nodes_when_nothing_is_to_be_joined) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_post(graph, 16, 1);
  net_node(graph, "Add", "f x", "s");
  net_node(graph, "Relu", "s", "y");
  net_output(graph, "y");
  make(module, false);
  ck_assert_uint_eq(plan->n_regions, graph->n_order);
  end();
}
END_TEST

// The skip path's own convolution stands after F in the file: it adds, and runs where the addition
// stood, when both are there.
START_TEST(regions__stand_where_their_last_node_stood) {
  blok_module *module;
  blok_graph *graph = net_begin(&module);
  net_post(graph, 32, 2);
  net_conv(graph, "down", "x", "d", net_k(16, 32, 1, 2));
  net_node(graph, "Add", "f d", "s");
  net_node(graph, "Relu", "s", "y");
  net_output(graph, "y");
  make(module, true);
  ck_assert_uint_eq(plan->n_regions, 3);
  ck_assert_str_eq(name_of(plan->regions[1].out), "d");
  ck_assert_str_eq(name_of(plan->regions[2].residual), "d");
  ck_assert_str_eq(name_of(plan->regions[2].out), "y");
  end();
}
END_TEST

Suite *suite_regions(void) {
  Suite *suite = suite_create("regions");
  TCase *tests = tcase_create("regions");
  tcase_add_test(tests, regions__take_norm_and_activation_into_the_convolution);
  tcase_add_test(tests, regions__end_before_norms_of_groups_and_of_channels);
  tcase_add_test(tests, regions__add_the_skip_path_in_the_last_convolution);
  tcase_add_test(tests, regions__end_at_a_value_that_is_an_output);
  tcase_add_test(tests, regions__end_at_a_value_that_two_nodes_read);
  tcase_add_test(tests, regions__hold_a_squeeze_excite_whole_and_leave_its_addition_alone);
  tcase_add_test(tests, regions__see_an_activation_of_two_nodes_as_one);
  tcase_add_test(tests, regions__do_not_join_an_activation_whose_inner_value_is_read);
  tcase_add_test(tests, regions__are_single_nodes_when_nothing_is_to_be_joined);
  tcase_add_test(tests, regions__stand_where_their_last_node_stood);
  suite_add_tcase(suite, tests);
  return suite;
}
