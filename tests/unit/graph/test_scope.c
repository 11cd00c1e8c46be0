// The module path that torch.export notes, as a working graph keeps it.
#include <check.h>
#include <string.h>

#include "net.h"

Suite *suite_scope(void);

static void assert_scope(const char *note, const char *wanted) {
  blok_module *module = NULL, *copy = NULL, *again = NULL;
  ck_assert_int_eq(blok_module_new(NULL, &module, NULL), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(module, NULL, &module->graph, NULL), BLOK_OK);
  blok_graph *g = module->graph;
  blok_node_id node = net_node(g, "relu", "Relu", "x", "y");
  blok_property properties[2] = {{"other", "['a', 'b', 'c']", {NULL, 0}},
                                 {"pkg.torch.onnx.name_scopes", note, {NULL, 0}}};
  blok_notes notes = {.n_metadata = 2, .metadata = properties};
  blok_node_at(g, node)->notes = &notes;
  ck_assert_int_eq(blok_module_clone(module, true, false, &copy, NULL), BLOK_OK);
  ck_assert_int_eq(blok_module_clone(copy, false, false, &again, NULL), BLOK_OK);
  for (int i = 0; i < 2; i++) {
    const blok_graph *graph = i == 0 ? copy->graph : again->graph;
    const char *scope = blok_node_at(graph, graph->order[0])->scope;
    ck_assert_int_eq(scope != NULL, wanted != NULL);
    if (wanted) ck_assert_str_eq(scope, wanted);
  }
  blok_module_free(&again);
  blok_module_free(&copy);
  blok_module_free(&module);
}

START_TEST(scope__is_the_last_module_of_the_note) {
  assert_scope("['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d']", "layer1.0.conv1");
  assert_scope("['', 'blocks.0', 'add']", "blocks.0");
}
END_TEST

START_TEST(scope__is_none_at_the_top_and_in_notes_of_another_form) {
  assert_scope("['', 'add']", NULL);
  assert_scope("['add']", NULL);
  assert_scope("add", NULL);
  assert_scope("'", NULL);
  assert_scope("''''", NULL);
  assert_scope("", NULL);
  assert_scope(NULL, NULL);
}
END_TEST

Suite *suite_scope(void) {
  Suite *suite = suite_create("scope");
  TCase *tests = tcase_create("scope");
  tcase_add_test(tests, scope__is_the_last_module_of_the_note);
  tcase_add_test(tests, scope__is_none_at_the_top_and_in_notes_of_another_form);
  suite_add_tcase(suite, tests);
  return suite;
}
