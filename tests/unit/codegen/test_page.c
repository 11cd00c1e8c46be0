// The words that may stand in source text.
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/page.h"
#include "support/fault.h"

Suite *suite_page(void);

static blok_arena arena;

static void begin(void) { blok_arena_init(&arena, blok_allocator_default()); }
static void end(void) { blok_arena_free(&arena); }

static const struct {
  double number;
  const char *text;
} numbers[] = {{0, "0.0"},
               {2, "2.0"},
               {0.1, "0.1"},
               {(double)0.1f, "0.1"},
               {(double)1e-5f, "1e-05"},
               {1.0 / 3, "0.3333333333333333"},
               {(double)(1.0f / 6), "0.16666667"},
               {-1e30, "-1e+30"},
               {(double)INFINITY, "inf"},
               {-(double)INFINITY, "-inf"}};

START_TEST(number__is_the_shortest_that_reads_back) {
  ck_assert_str_eq(blok_print_number(numbers[_i].number).text, numbers[_i].text);
}
END_TEST

START_TEST(identifier__has_only_letters_digits_and_lines) {
  static const char *const words[][2] = {{"layer1.0", "layer1_0"},
                                         {"/fc/Gemm", "fc_Gemm"},
                                         {"0.weight", "part0_weight"},
                                         {"/0/weight", "part0_weight"},
                                         {"{0}", "part0"},
                                         {"", "part"},
                                         {"//", "part"},
                                         {"a\"; system(\"rm\"); //", "a_system_rm"},
                                         {"\xc3\xbcmit", "mit"},
                                         {"x\ny", "x_y"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    ck_assert_str_eq(blok_identifier(&arena, words[i][0], "part"), words[i][1]);
  }
  char name[400];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  ck_assert_uint_eq(strlen(blok_identifier(&arena, name, "part")), 60);
}
END_TEST

START_TEST(reserved__are_words_of_c_python_and_modules) {
  static const char *const words[] = {"while", "lambda", "forward", "train", "T_destination",
                                      "None",  "static", "self",    "F",     "__init__"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    ck_assert_msg(blok_is_reserved(words[i]), "%s", words[i]);
  }
  ck_assert(!blok_is_reserved("layer1"));
  ck_assert(!blok_is_reserved("conv1"));
}
END_TEST

START_TEST(quoted__ends_where_it_ends) {
  ck_assert_str_eq(blok_quoted_text(&arena, "plain"), "\"plain\"");
  ck_assert_str_eq(blok_quoted_text(&arena, "a\"b\\c"), "\"a\\\"b\\\\c\"");
  ck_assert_str_eq(blok_quoted_text(&arena, "a\nb\tc?\x7f"), "\"a_b_c\\077_\"");
  ck_assert_str_eq(blok_quoted_text(&arena,
                                    "\xc3\xa7"
                                    "1"),
                   "\"\\303\\2471\"");
}
END_TEST

START_TEST(page__counts_its_lines) {
  blok_page page;
  blok_page_begin(&page, blok_allocator_default());
  for (int i = 0; i < 5000; i++) blok_page_put(&page, "line %d\n", i);
  ck_assert_uint_eq(page.lines, 5000);
  ck_assert_uint_eq(page.size, strlen(page.text));
  ck_assert(!page.failed);
  blok_page_free(&page);
}
END_TEST

START_TEST(page__remembers_that_memory_ran_out) {
  blok_fault fault = BLOK_FAULT_INIT;
  fault.fail_at = 2;
  const blok_allocator allocator = blok_fault_allocator(&fault);
  blok_page page;
  blok_page_begin(&page, &allocator);
  for (int i = 0; i < 5000; i++) blok_page_put(&page, "line %d\n", i);
  ck_assert(page.failed);
  blok_page_free(&page);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

// What a page of text is after it was folded at 40 columns.
static const struct {
  const char *text, *folded;
} folds[] = {
    {"short(1, 2);\n", "short(1, 2);\n"},
    // Below the first item of the outermost list.
    {"  call(builder, \"name\", (int[]){1, 2, 3, 4}, x);\n",
     "  call(builder, \"name\",\n       (int[]){1, 2, 3, 4}, x);\n"},
    // A list that is longer than a line itself.
    {"f((int[]){100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100}, x);\n",
     "f((int[]){100, 200, 300, 400, 500, 600,\n          700, 800, 900, 1000, 1100},\n  x);\n"},
    // Where the list begins far to the right, by four.
    {"a_long_name_of_a_function_of_this(one, two, three);\n",
     "a_long_name_of_a_function_of_this(one,\n    two, three);\n"},
    // A declaration breaks outside brackets; an assignment of Python must not.
    {"  int aaaaaaaa, bbbbbbbb, cccccccc, dddddddd;\n",
     "  int aaaaaaaa, bbbbbbbb, cccccccc,\n      dddddddd;\n"},
    {"aaaaaaaa, bbbbbbbb, cccccccc = self.split(x)\n",
     "aaaaaaaa, bbbbbbbb, cccccccc = self.split(x)\n"},
    // No string and no comment is broken.
    {"f(\"a, b, c, d, e, f, g, h, i, \\\", j, k, l, m\", 2)\n",
     "f(\"a, b, c, d, e, f, g, h, i, \\\", j, k, l, m\",\n  2)\n"},
    {"f(\"\\\\\", 1, 2, \"aaaaaaaaaaaaaaaaa, bbbbbbbbbbbbb\")\n",
     "f(\"\\\\\", 1, 2,\n  \"aaaaaaaaaaaaaaaaa, bbbbbbbbbbbbb\")\n"},
    {"// a comment (it is long, and longer, and goes on)\n",
     "// a comment (it is long, and longer, and goes on)\n"},
    {"x = 1  # a comment (it is long, and longer, and goes on)\n",
     "x = 1  # a comment (it is long, and longer, and goes on)\n"},
    {"no end of line", "no end of line\n"},
};
enum { FOLDS = sizeof folds / sizeof *folds };

START_TEST(fold__breaks_between_items_only) {
  blok_page page;
  blok_page_begin(&page, blok_allocator_default());
  blok_page_put(&page, "%s", folds[_i].text);
  blok_page_fold(&page, 40);
  ck_assert_str_eq(page.text, folds[_i].folded);
  blok_page_free(&page);
}
END_TEST

START_TEST(fold__follows_brackets_deeper_than_it_counts) {
  blok_page page;
  blok_page_begin(&page, blok_allocator_default());
  for (int i = 0; i < 100; i++) blok_page_put(&page, "f(%d, ", i);
  for (int i = 0; i < 100; i++) blok_page_put(&page, "%d, g)", i);
  blok_page_put(&page, "\n");
  blok_page_fold(&page, 40);
  uint32_t open = 0, shut = 0;
  for (const char *c = page.text; *c; c++) open += *c == '(', shut += *c == ')';
  ck_assert_uint_eq(open, 100);
  ck_assert_uint_eq(shut, 100);
  ck_assert_uint_gt(page.lines, 5);
  blok_page_free(&page);
}
END_TEST

START_TEST(fold__remembers_that_memory_ran_out) {
  for (uint64_t k = 1; k <= 4; k++) {
    blok_fault fault = BLOK_FAULT_INIT;
    fault.fail_at = k;
    const blok_allocator allocator = blok_fault_allocator(&fault);
    blok_page page;
    blok_page_begin(&page, &allocator);
    for (int i = 0; i < 500; i++) blok_page_put(&page, "line %d\n", i);
    blok_page_fold(&page, 40);
    ck_assert(page.failed || fault.calls < k);
    blok_page_free(&page);
    ck_assert_uint_eq(fault.live_blocks, 0);
  }
}
END_TEST

Suite *suite_page(void) {
  Suite *suite = suite_create("page");
  TCase *tests = tcase_create("page");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_loop_test(tests, number__is_the_shortest_that_reads_back, 0,
                      (int)(sizeof numbers / sizeof *numbers));
  tcase_add_test(tests, identifier__has_only_letters_digits_and_lines);
  tcase_add_test(tests, reserved__are_words_of_c_python_and_modules);
  tcase_add_test(tests, quoted__ends_where_it_ends);
  tcase_add_test(tests, page__counts_its_lines);
  tcase_add_test(tests, page__remembers_that_memory_ran_out);
  tcase_add_loop_test(tests, fold__breaks_between_items_only, 0, FOLDS);
  tcase_add_test(tests, fold__follows_brackets_deeper_than_it_counts);
  tcase_add_test(tests, fold__remembers_that_memory_ran_out);
  suite_add_tcase(suite, tests);
  return suite;
}
