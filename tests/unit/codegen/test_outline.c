// Which parts a net falls into, what they are called, and what stands in both languages' text.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/codegen.h"
#include "nets/net.h"
#include "support/fault.h"

Suite *suite_outline(void);

static net_found found;
static blok_outline *outline;
static blok_error error;
static blok_page page;

static void begin(void) {
  found = (net_found){NULL, NULL, NULL};
  outline = NULL;
  error = (blok_error)BLOK_ERROR_INIT;
  blok_page_begin(&page, blok_allocator_default());
}

static void end(void) {
  blok_page_free(&page);
  blok_outline_free(&outline);
  if (found.module) net_free(&found);
}

static void make(blok_module *module) {
  found = net_finish(module);
  const blok_status status = blok_outline_make(found.module, found.facts, found.overlay, "net", 18,
                                               blok_allocator_default(), &outline, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
}

static const char *python(void) {
  blok_page_free(&page);
  blok_page_begin(&page, blok_allocator_default());
  const blok_status status = blok_codegen_python(outline, &page, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return page.text;
}

static const char *c_text(void) {
  blok_page_free(&page);
  blok_page_begin(&page, blok_allocator_default());
  const blok_status status = blok_codegen_c(outline, "net.npz", &page, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return page.text;
}

static void holds(const char *text, const char *line) {
  ck_assert_msg(strstr(text, line) != NULL, "'%s' is not in:\n%s", line, text);
}

static void lacks(const char *text, const char *line) {
  ck_assert_msg(strstr(text, line) == NULL, "'%s' is in:\n%s", line, text);
}

// conv, norm, Relu, conv, norm of x to out, plus x, Relu: a post-activation block called scope.
static void block(blok_graph *graph, const char *scope, const char *x, const char *out) {
  char name[6][64], pair[140];
  static const char *const parts[6] = {"conv1", "bn1", "relu", "conv2", "bn2", "add"};
  for (int i = 0; i < 6; i++) {
    ck_assert_int_lt(snprintf(name[i], sizeof name[i], "%s.%s", scope, parts[i]), 64);
  }
  net_conv(graph, name[0], x, name[0], net_k(16, 16, 3, 1));
  net_norm(graph, name[1], name[0], name[1], 16);
  net_node(graph, "Relu", name[1], name[2]);
  net_conv(graph, name[3], name[2], name[3], net_k(16, 16, 3, 1));
  net_norm(graph, name[4], name[3], name[4], 16);
  ck_assert_int_lt(snprintf(pair, sizeof pair, "%s %s", name[4], x), (int)sizeof pair);
  net_node(graph, "Add", pair, name[5]);
  net_node(graph, "Relu", name[5], out);
}

// ---- Blocks -------------------------------------------------------------------------------------

START_TEST(outline__has_equal_blocks_of_a_stage_as_one_loop) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  block(graph, "layer1.0", "x", "a");
  block(graph, "layer1.1", "a", "b");
  block(graph, "layer1.2", "b", "y");
  make(module);
  ck_assert_uint_eq(outline->n_blocks, 3);
  ck_assert_uint_eq(outline->n_stages, 1);
  ck_assert_str_eq(outline->items[2].path, "layer1.2");
  holds(python(), "self.layer1 = nn.Sequential(*[BasicBlock(16, 16) for _ in range(3)])");
  holds(page.text, "x = self.layer1(x)");
  holds(c_text(), "for (int i = 0; i < 3; i++) {");
  holds(page.text, "snprintf(name, sizeof name, \"layer1.%d\", i);");
  holds(page.text, "blok_build_basic(builder, name, &block, &x, error)");
}
END_TEST

START_TEST(outline__saves_weights_under_the_names_of_the_modules) {
  static const char *const names[] = {"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean",
                                      "bn1.running_var"};
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  block(graph, "layer1.0", "x", "y");
  make(module);
  ck_assert_uint_eq(outline->n_weights, 10);
  for (uint32_t i = 0; i < 5; i++) {
    char wanted[80];
    ck_assert_int_lt(snprintf(wanted, sizeof wanted, "%s.%s", outline->items[0].path, names[i]),
                     80);
    ck_assert_str_eq(outline->weights[i].name, wanted);
  }
}
END_TEST

START_TEST(outline__leaves_a_value_alone_that_others_read_too) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  block(graph, "layer1.0", "x", "a");
  block(graph, "layer1.1", "a", "b");
  net_node(graph, "Add", "a b", "y");
  make(module);
  ck_assert_uint_eq(outline->n_stages, 0);
  holds(python(), "x = self.layer1(x)");
  holds(page.text, "y = self.layer1_2(x)");
  holds(page.text, "x = x + y");
  holds(c_text(), "y = x;");
  holds(page.text, "blok_build_add(builder, \"add\", y, &x, error)");
}
END_TEST

// ---- Layers and nodes ---------------------------------------------------------------------------

START_TEST(outline__turns_the_weight_of_a_linear_layer_that_lies_in_by_out) {
  static const int64_t dims[2] = {16, 10}, bias[1] = {10};
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  blok_tensor tensor;
  net_weight(graph, "fc.weight", 2, dims);
  net_weight(graph, "fc.bias", 1, bias);
  net_node(graph, "GlobalAveragePool", "x", "p");
  net_node(graph, "Flatten", "p", "f");
  net_node(graph, "MatMul", "f fc.weight", "m");
  net_node(graph, "Add", "fc.bias m", "y");
  make(module);
  ck_assert_uint_eq(outline->n_items, 3);
  ck_assert_int_eq(outline->items[2].kind, BLOK_ITEM_LINEAR);
  ck_assert_str_eq(outline->items[2].path, "fc");
  ck_assert(outline->weights[0].transposed);
  ck_assert_int_eq(outline->weights[0].dims[0], 10);
  ck_assert_int_eq(
      blok_codegen_weight(&outline->weights[0], blok_allocator_default(), &tensor, &error),
      BLOK_OK);
  ck_assert_int_eq(tensor.dims[1], 16);
  free(tensor.data);
  holds(python(), "self.fc = nn.Linear(16, 10)");
  holds(c_text(), "blok_build_linear(builder, \"fc\", 10, true, &x, error)");
}
END_TEST

START_TEST(outline__keeps_short_constants_in_the_text_and_saves_long_ones) {
  static const int64_t perm[4] = {0, 2, 3, 1}, dims[3] = {16, 8, 8};
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  net_number(graph, "half", 0.5f);
  net_weight(graph, "embedding", 3, dims);
  net_node(graph, "Mul", "x half", "a");
  net_node(graph, "Add", "a embedding", "b");
  const blok_node_id node = net_node(graph, "Transpose", "b", "y");
  ck_assert_int_eq(blok_node_set_ints(graph, node, "perm", perm, 4, NULL), BLOK_OK);
  make(module);
  ck_assert_uint_eq(outline->n_weights, 1);
  ck_assert_str_eq(outline->weights[0].name, "embedding");
  holds(python(), "x = x * 0.5");
  holds(page.text, "self.embedding = nn.Parameter(torch.empty((16, 8, 8)))");
  holds(page.text, "x = x + self.embedding");
  holds(page.text, "x = x.permute((0, 2, 3, 1))");
  holds(c_text(), "constant(builder, \"embedding\", BLOK_F32, 3, (int64_t[]){16, 8, 8}, NULL");
  holds(page.text, "INTS(\"perm\", 0, 2, 3, 1)");
}
END_TEST

START_TEST(outline__has_no_name_of_the_file_as_code) {
  static const char evil[] = "a\"]; import os; os.system('x') #\\\n*/ #include <x>";
  static const int64_t dims[3] = {16, 8, 8};
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  net_weight(graph, "w", 3, dims);
  net_node(graph, "Add", "x w", "y");
  ck_assert_int_eq(blok_graph_rename(graph, net_value(graph, "w"), evil, NULL), BLOK_OK);
  ck_assert_int_eq(blok_graph_rename(graph, net_value(graph, "x"), "x\");abort(\"", NULL), BLOK_OK);
  make(module);
  outline->name = evil;
  lacks(python(), "\nimport os");
  holds(page.text, "# The network \"a\\\"]; import os");
  lacks(c_text(), "\n*/");
  lacks(page.text, "x\");abort");
  holds(page.text, "\"x\\\");abort(\\\"\"");
}
END_TEST

START_TEST(outline__avoids_names_that_languages_have) {
  static const int64_t dims[3] = {16, 8, 8};
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  net_weight(graph, "forward", 3, dims);
  net_weight(graph, "while", 3, dims);
  net_weight(graph, "a.b", 3, dims);
  net_weight(graph, "a_b", 3, dims);
  net_node(graph, "Add", "x forward", "1");
  net_node(graph, "Add", "1 while", "2");
  net_node(graph, "Add", "2 a.b", "3");
  net_node(graph, "Add", "3 a_b", "y");
  make(module);
  ck_assert_uint_eq(outline->n_weights, 4);
  ck_assert_str_eq(outline->weights[0].name, "forward_2");
  ck_assert_str_eq(outline->weights[1].name, "while_2");
  ck_assert_str_eq(outline->weights[2].name, "a_b");
  ck_assert_str_eq(outline->weights[3].name, "a_b_2");
}
END_TEST

START_TEST(codegen__names_the_node_that_has_no_call) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  const blok_node_id node = net_node(graph, "Det", "x", "y");
  blok_node_at(graph, node)->name = "the_det";
  make(module);
  ck_assert_int_eq(blok_codegen_python(outline, &page, &error), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(error.message, "Det node 'the_det'"));
  holds(c_text(), "TRY(call(builder, \"Det\", \"det\"");
}
END_TEST

// ---- Failing ------------------------------------------------------------------------------------

static blok_status write_both(void *context, const blok_allocator *allocator, blok_error *fault) {
  (void)context;
  blok_outline *own = NULL;
  blok_page text;
  blok_page_begin(&text, allocator);
  blok_status status = blok_outline_make(found.module, found.facts, found.overlay, "net", 18,
                                         allocator, &own, fault);
  if (status != BLOK_OK) ck_assert_ptr_null(own);
  if (status == BLOK_OK) status = blok_codegen_python(own, &text, fault);
  blok_page_free(&text);
  blok_page_begin(&text, allocator);
  if (status == BLOK_OK) status = blok_codegen_c(own, "net.npz", &text, fault);
  blok_page_free(&text);
  blok_outline_free(&own);
  return status;
}

START_TEST(codegen__gives_an_error_at_every_allocation_that_fails) {
  blok_module *module = NULL;
  blok_graph *graph = net_begin(&module);
  block(graph, "layer1.0", "x", "a");
  block(graph, "layer1.1", "a", "b");
  net_se(graph, "se", "b", "c", 16, 4);
  net_node(graph, "GlobalAveragePool", "c", "y");
  make(module);
  ck_assert_uint_gt(blok_fault_sweep(write_both, NULL), 10);
}
END_TEST

Suite *suite_outline(void) {
  Suite *suite = suite_create("outline");
  TCase *tests = tcase_create("outline");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, outline__has_equal_blocks_of_a_stage_as_one_loop);
  tcase_add_test(tests, outline__saves_weights_under_the_names_of_the_modules);
  tcase_add_test(tests, outline__leaves_a_value_alone_that_others_read_too);
  tcase_add_test(tests, outline__turns_the_weight_of_a_linear_layer_that_lies_in_by_out);
  tcase_add_test(tests, outline__keeps_short_constants_in_the_text_and_saves_long_ones);
  tcase_add_test(tests, outline__has_no_name_of_the_file_as_code);
  tcase_add_test(tests, outline__avoids_names_that_languages_have);
  tcase_add_test(tests, codegen__names_the_node_that_has_no_call);
  tcase_add_test(tests, codegen__gives_an_error_at_every_allocation_that_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
