// The rate of stochastic depth in a model's metadata: noted, read, kept when blocks are written.
#include <check.h>
#include <math.h>
#include <string.h>

#include "again.h"
#include "base/error.h"
#include "blocks/drop_path.h"
#include "blocks/write.h"
#include "support/fault.h"

static const char *noted(const blok_module *module) {
  const blok_notes *notes = module->notes;
  for (uint32_t i = 0; notes && i < notes->n_metadata; i++) {
    if (strcmp(notes->metadata[i].key, "blok.drop_path") == 0) return notes->metadata[i].value;
  }
  return NULL;
}

static void note(blok_module *module, const char *block, double rate) {
  ck_assert_int_eq(blok_drop_path_note(module, block, rate, NULL), BLOK_OK);
}

static void set_text(blok_module *module, const char *text) {
  blok_notes *notes = blok_arena_zero(&module->arena, sizeof *notes);
  blok_property *property = blok_arena_zero(&module->arena, sizeof *property);
  ck_assert(notes && property);
  property->key = "blok.drop_path";
  property->value = text;
  notes->n_metadata = 1;
  notes->metadata = property;
  module->notes = notes;
}

// Two blocks, "b" and "c".
static blok_module *two_blocks(void) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_post(g, 16, 1);
  net_node(g, "Add", "f x", "s");
  net_node(g, "Relu", "s", "m");
  net_conv(g, "c.conv1", "m", "d1", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "d1", "e1");
  net_conv(g, "c.conv2", "e1", "h", net_k(16, 16, 3, 1));
  net_node(g, "Add", "h m", "y");
  return module;
}

static double rate_of(const net_found *found, const char *name) {
  for (uint32_t i = 0; i < found->overlay->n_blocks; i++) {
    const blok_block_record *record = &found->overlay->blocks[i];
    if (record->residual && strcmp(record->name, name) == 0) return record->residual->drop_path;
  }
  ck_abort_msg("no block '%s'", name);
  return (double)NAN;
}

START_TEST(drop_path__is_noted_a_line_a_block) {
  blok_module *module = net_module();
  note(module, "stage1.0", 0.1);
  note(module, "stage1.1", 0.3);
  note(module, "stage2.0", 0.1 * 2 / 3);
  ck_assert_str_eq(noted(module), "stage1.0=0.1\nstage1.1=0.3\nstage2.0=0.066666666666667");
  note(module, "stage1.1", 0.25);
  ck_assert_str_eq(noted(module), "stage1.0=0.1\nstage1.1=0.25\nstage2.0=0.066666666666667");
  note(module, "stage1.0", 0);
  note(module, "stage2.0", 0);
  ck_assert_str_eq(noted(module), "stage1.1=0.25");
  note(module, "other", 0);
  note(module, "stage1.1", 0);
  ck_assert_ptr_null(noted(module));
  ck_assert_uint_eq(module->notes->n_metadata, 0);
  blok_module_free(&module);
}
END_TEST

START_TEST(drop_path__leaves_other_metadata) {
  static const blok_property others[2] = {{.key = "a", .value = "1"}, {.key = "b", .value = "2"}};
  blok_notes notes = {.doc = "text", .n_metadata = 2};
  blok_module *module = net_module();
  notes.metadata = blok_arena_copy(&module->arena, others, sizeof others);
  module->notes = &notes;
  note(module, "x", 0.5);
  ck_assert_uint_eq(module->notes->n_metadata, 3);
  ck_assert_str_eq(module->notes->doc, "text");
  ck_assert_str_eq(module->notes->metadata[1].value, "2");
  ck_assert_str_eq(noted(module), "x=0.5");
  note(module, "x", 0);
  ck_assert_uint_eq(module->notes->n_metadata, 2);
  ck_assert_uint_eq(notes.n_metadata, 2);
  blok_module_free(&module);
}
END_TEST

START_TEST(drop_path__refuses_rates_and_names_that_are_none) {
  static const double rates[] = {-0.1, 1, 2, (double)NAN, (double)INFINITY};
  blok_module *module = net_module();
  blok_error error = BLOK_ERROR_INIT;
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
    ck_assert_int_eq(blok_drop_path_note(module, "a", rates[i], &error), BLOK_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.message, "from 0 to below 1"));
    blok_error_clear(&error);
  }
  ck_assert_int_eq(blok_drop_path_note(module, "a\nb", 0.1, &error), BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "one line"));
  ck_assert_ptr_null(module->notes);
  blok_module_free(&module);
}
END_TEST

START_TEST(drop_path__is_read_into_the_descriptors_of_the_blocks_named) {
  blok_module *module = two_blocks();
  note(module, "c", 0.1 / 3);
  net_found found = net_finish(module);
  ck_assert(rate_of(&found, "b") == 0);
  ck_assert_double_eq_tol(rate_of(&found, "c"), 0.1 / 3, 1e-14);
  net_free(&found);
}
END_TEST

START_TEST(drop_path__passes_over_lines_that_say_no_rate) {
  static const struct {
    const char *text;
    double b;
  } rows[] = {{"b=0.5", 0.5},
              {"b=0.5\n", 0.5},
              {"\n\nb=.5\n\n", 0.5},
              {"b=0", 0},
              {"b=1", 0},
              {"b=-0.5", 0},
              {"b=0.5x", 0},
              {"b=", 0},
              {"b", 0},
              {"b=0.1\nb=0.2", 0.2},
              {"b=0.1\nb=1.5", 0.1},
              {"a=b=0.1", 0},
              {"=0.1", 0},
              {"b=0.25000000000000000000000000000000000000", 0.25},
              {"b=0..5", 0},
              {"b=1e-1", 0},
              {"", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    blok_module *module = two_blocks();
    set_text(module, rows[i].text);
    net_found found = net_finish(module);
    ck_assert_msg(fabs(rate_of(&found, "b") - rows[i].b) < 1e-15, "'%s': %g", rows[i].text,
                  rate_of(&found, "b"));
    net_free(&found);
  }
}
END_TEST

START_TEST(drop_path__tells_blocks_apart) {
  blok_module *module = two_blocks();
  net_found plain = net_finish(two_blocks());
  note(module, "b", 0.1);
  net_found found = net_finish(module);
  const blok_block_record *a = &plain.overlay->blocks[0], *b = &found.overlay->blocks[0];
  ck_assert_str_eq(a->name, b->name);
  ck_assert(again_same(a, a));
  ck_assert(!again_same(a, b));
  net_free(&plain);
  net_free(&found);
}
END_TEST

START_TEST(drop_path__stays_when_blocks_are_written_anew) {
  blok_module *module = two_blocks();
  note(module, "b", 0.125);
  note(module, "c", 0.2);
  note(module, "gone", 0.3);
  net_found found = net_finish(module);
  blok_module *written = NULL;
  ck_assert_int_eq(blok_blocks_write(found.module, found.facts, found.overlay, &written, NULL),
                   BLOK_OK);
  ck_assert_str_eq(noted(written), "b=0.125\nc=0.2");
  net_found again = net_match(written);
  ck_assert(rate_of(&again, "b") == 0.125);
  net_free(&again);
  net_free(&found);
}
END_TEST

static blok_status note_and_read(void *context, const blok_allocator *allocator,
                                 blok_error *error) {
  const net_found *found = context;
  blok_module *module = NULL;
  blok_overlay *overlay = NULL;
  BLOK_TRY(blok_module_new(allocator, &module, error));
  blok_status status = blok_drop_path_note(module, "b", 0.1, error);
  if (status == BLOK_OK) status = blok_drop_path_note(module, "c", 0.1, error);
  if (status == BLOK_OK) {
    status = blok_blocks_match(found->module->graph, found->facts, allocator, &overlay, error);
  }
  if (status == BLOK_OK) status = blok_drop_path_read(module, overlay, error);
  blok_overlay_free(&overlay);
  blok_module_free(&module);
  return status;
}

START_TEST(drop_path__survives_every_failed_allocation) {
  net_found found = net_finish(two_blocks());
  ck_assert_uint_gt(blok_fault_sweep(note_and_read, &found), 5);
  net_free(&found);
}
END_TEST

Suite *suite_drop_path(void) {
  Suite *suite = suite_create("drop_path");
  TCase *tcase = tcase_create("drop_path");
  tcase_add_test(tcase, drop_path__is_noted_a_line_a_block);
  tcase_add_test(tcase, drop_path__leaves_other_metadata);
  tcase_add_test(tcase, drop_path__refuses_rates_and_names_that_are_none);
  tcase_add_test(tcase, drop_path__is_read_into_the_descriptors_of_the_blocks_named);
  tcase_add_test(tcase, drop_path__passes_over_lines_that_say_no_rate);
  tcase_add_test(tcase, drop_path__tells_blocks_apart);
  tcase_add_test(tcase, drop_path__survives_every_failed_allocation);
  tcase_add_test(tcase, drop_path__stays_when_blocks_are_written_anew);
  suite_add_tcase(suite, tcase);
  return suite;
}
