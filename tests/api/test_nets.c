// Networks by name, necks and heads.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_nets(void);

static blok_builder *new_builder(void) {
  blok_builder *builder = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_builder_new(NULL, &builder, &error) == BLOK_OK, "%s", error.message);
  return builder;
}

static uint64_t parameters_of(const blok_builder *builder) {
  uint64_t parameters = 0;
  int64_t macs = 0;
  ck_assert_int_eq(blok_build_counts(builder, &parameters, &macs, NULL), BLOK_OK);
  return parameters;
}

static blok_builder *built(const char *name, const blok_net_options *options) {
  blok_builder *builder = new_builder();
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_build_net(builder, name, options, &error) == BLOK_OK, "%s", error.message);
  return builder;
}

static blok_model *finished(const char *name, const blok_net_options *options) {
  blok_builder *builder = built(name, options);
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_builder_finish(&builder, &model, &error) == BLOK_OK, "%s", error.message);
  ck_assert_ptr_null(builder);
  ck_assert_msg(blok_model_runnable(model, &error) == BLOK_OK, "%s", error.message);
  return model;
}

// ---- The table ----------------------------------------------------------------------------------

START_TEST(nets__are_found_by_their_names) {
  size_t count = 0;
  for (const blok_net *net; (net = blok_net_at(count)) != NULL; count++) {
    ck_assert_ptr_eq(blok_net_find(net->name), net);
    ck_assert_uint_gt(strlen(net->summary), 0);
  }
  ck_assert_uint_ge(count, 19);
  ck_assert_ptr_null(blok_net_find("resnet"));
  ck_assert_ptr_null(blok_net_find(""));
  ck_assert_ptr_null(blok_net_find(NULL));
  ck_assert_ptr_null(blok_net_at(SIZE_MAX));
}
END_TEST

START_TEST(nets__have_the_parameters_that_the_table_says) {
  for (size_t i = 0; blok_net_at(i) != NULL; i++) {
    const blok_net *net = blok_net_at(i);
    blok_builder *builder = built(net->name, NULL);
    ck_assert_msg(parameters_of(builder) == net->parameters, "%s: %llu where the table has %llu",
                  net->name, (unsigned long long)parameters_of(builder),
                  (unsigned long long)net->parameters);
    blok_builder_free(&builder);
  }
}
END_TEST

// ---- Options ------------------------------------------------------------------------------------

static const char *const words[] = {"in",     "out",       "kernel",     "stride",   "size",
                                    "batch",  "classes",   "base",       "depth",    "widen",
                                    "blocks", "order",     "act",        "norm",     "norm-groups",
                                    "se",     "reduction", "min-hidden", "drop-path"};

enum { WORDS = sizeof words / sizeof words[0] };

static blok_net_options with(size_t word) {
  blok_net_options o = BLOK_NET_OPTIONS_INIT;
  switch (word) {
    case 0:
      o.in_channels = 4;
      break;
    case 1:
      o.out_channels = 8;
      break;
    case 2:
      o.kernel = 5;
      break;
    case 3:
      o.stride = 2;
      break;
    case 4:
      o.width = 64;
      break;
    case 5:
      o.batch = 2;
      break;
    case 6:
      o.classes = 3;
      break;
    case 7:
      o.base = 8;
      break;
    case 8:
      o.depth = 10;
      break;
    case 9:
      o.widen = 1;
      break;
    case 10:
      o.blocks[0] = o.blocks[1] = 1;
      break;
    case 11:
      o.order = BLOK_ORDER_PRE;
      break;
    case 12:
      o.activation = BLOK_ACT_SILU;
      break;
    case 13:
      o.norm = BLOK_NORM_LAYER;
      break;
    case 14:
      o.norm_groups = 4;
      break;
    case 15:
      o.se = true;
      break;
    case 16:
      o.se_reduction = 2;
      break;
    case 17:
      o.se_min_hidden = 8;
      break;
    default:
      o.drop_path = 0.25;
      break;
  }
  return o;
}

static bool says(const char *list, const char *word) {
  char all[300], wanted[40];
  (void)snprintf(all, sizeof all, ", %s,", list);
  (void)snprintf(wanted, sizeof wanted, ", %s,", word);
  return strstr(all, wanted) != NULL;
}

// A net takes what its words say, and refuses everything else by name. A failed call leaves the
// builder as it was.
START_TEST(nets__take_the_options_that_they_name_and_no_others) {
  const blok_net *net = NULL;
  for (size_t i = 0; (net = blok_net_at(i)) != NULL; i++) {
    for (size_t w = 0; w < WORDS; w++) {
      const blok_net_options options = with(w);
      blok_error error = BLOK_ERROR_INIT;
      const bool takes = says(net->options, words[w]);
      if (takes && net->parameters > 3000000) continue;  // takes long, and shows nothing new
      blok_builder *builder = new_builder();
      const blok_status status = blok_build_net(builder, net->name, &options, &error);
      if (takes) {
        ck_assert_msg(status == BLOK_OK, "%s with %s: %s", net->name, words[w], error.message);
      } else {
        blok_test_fails(status, BLOK_E_ARGUMENT, &error, net->name, words[w], "it takes",
                        net->options, NULL);
        ck_assert_uint_eq(parameters_of(builder), 0);
      }
      blok_builder_free(&builder);
    }
  }
}
END_TEST

static void refused(const char *name, const blok_net_options *options, blok_status wanted,
                    const char *word, const char *other) {
  blok_builder *builder = new_builder();
  blok_error error = BLOK_ERROR_INIT;
  blok_test_fails(blok_build_net(builder, name, options, &error), wanted, &error, word, other,
                  NULL);
  // As if nothing had been asked.
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_msg(blok_build_net(builder, name, NULL, &error) == BLOK_OK, "%s", error.message);
  ck_assert_uint_eq(parameters_of(builder), blok_net_find(name)->parameters);
  blok_builder_free(&builder);
}

START_TEST(nets__refuse_a_depth_that_leaves_no_whole_blocks) {
  blok_net_options options = BLOK_NET_OPTIONS_INIT;
  options.depth = 27;
  refused("wide-resnet", &options, BLOK_E_ARGUMENT, "depth 27", "22 and 28");
  options.depth = 9;
  refused("se-resnet", &options, BLOK_E_ARGUMENT, "depth 9", "the least is 10");
}
END_TEST

START_TEST(nets__refuse_numbers_out_of_range) {
  blok_net_options options = BLOK_NET_OPTIONS_INIT;
  options.classes = -1;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "classes is -1", "1000000");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.height = -32;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "height", "-32");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.batch = 0;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "batch", "0");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.blocks[1] = 2;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "blocks", "empty one");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.drop_path = (double)NAN;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "drop_path", "nan");
  options.drop_path = 1;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "drop_path", "below 1");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.order = (blok_order)7;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "order 7", "residual-cnn");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.struct_size = 0;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "blok_net_options", "_INIT");
  options = (blok_net_options)BLOK_NET_OPTIONS_INIT;
  options.norm = BLOK_NORM_GROUP;
  options.norm_groups = 3;
  refused("residual-cnn", &options, BLOK_E_ARGUMENT, "16", "3");
}
END_TEST

START_TEST(nets__refuse_a_picture_that_does_not_halve) {
  blok_net_options options = BLOK_NET_OPTIONS_INIT;
  options.height = 50;
  refused("detector-fpn", &options, BLOK_E_SHAPE, "shape", "[N, 64, 13, 32]");
  refused("encoder-decoder", &options, BLOK_E_SHAPE, "shape", "[N, 64, 13, 16]");
}
END_TEST

START_TEST(nets__cannot_be_built_twice_into_one_builder) {
  blok_builder *builder = built("basic-post", NULL);
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_build_net(builder, "basic-post", NULL, &error), BLOK_E_ARGUMENT);
  ck_assert_uint_eq(parameters_of(builder), 4672);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(nets__refuse_a_name_that_is_none_and_tell_those_near_it) {
  blok_builder *builder = new_builder();
  blok_error error = BLOK_ERROR_INIT;
  blok_test_fails(blok_build_net(builder, "resnet19", NULL, &error), BLOK_E_NOT_FOUND, &error,
                  "no network 'resnet19'; near it: 'resnet18'", NULL);
  blok_test_fails(blok_build_net(builder, NULL, NULL, &error), BLOK_E_ARGUMENT, &error, "NULL",
                  NULL);
  blok_test_fails(blok_build_net(NULL, "resnet18", NULL, &error), BLOK_E_ARGUMENT, &error, "NULL",
                  NULL);
  ck_assert_int_eq(blok_build_net(builder, "se-block", NULL, &error), BLOK_OK);
  blok_builder_free(&builder);
}
END_TEST

// ---- What is built ------------------------------------------------------------------------------

static size_t count_blocks(const blok_model *model, blok_block_kind kind) {
  size_t count = 0;
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    count += blok_model_block(model, i)->kind == kind;
  }
  return count;
}

// The output of one run on a picture that depends on nothing.
static void run(const blok_model *model, float *out, size_t count) {
  float picture[3 * 32 * 32];
  blok_tensor input = BLOK_TENSOR_INIT, output = BLOK_TENSOR_INIT;
  const int64_t dims[4] = {1, 3, 32, 32};
  for (size_t i = 0; i < sizeof picture / sizeof picture[0]; i++) {
    picture[i] = (float)(i * 7919 % 1000) / 500.0f - 1.0f;
  }
  input.dtype = BLOK_F32;
  input.rank = 4;
  memcpy(input.dims, dims, sizeof dims);
  input.data = picture;
  input.bytes = sizeof picture;
  output.data = out;
  output.bytes = count * sizeof *out;
  blok_session *session = blok_test_session(model);
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_session_run(session, &input, 1, &output, 1, &error) == BLOK_OK, "%s",
                error.message);
  blok_session_free(&session);
}

START_TEST(nets__wide_resnet_comes_back_from_a_file_with_its_blocks_and_bits) {
  blok_test_folder folder;
  blok_error error = BLOK_ERROR_INIT;
  blok_model *model = finished("wide-resnet", NULL), *again = NULL;
  float before[10], after[10];
  blok_test_folder_make(&folder);
  const char *path = blok_test_path(&folder, "wrn.onnx");
  run(model, before, 10);
  ck_assert_uint_eq(count_blocks(model, BLOK_RESIDUAL), 12);
  ck_assert_msg(blok_model_save(model, path, NULL, &error) == BLOK_OK, "%s", error.message);
  blok_model_free(&model);
  ck_assert_msg(blok_model_open(path, NULL, &again, &error) == BLOK_OK, "%s", error.message);
  ck_assert_uint_eq(count_blocks(again, BLOK_RESIDUAL), 12);
  run(again, after, 10);
  ck_assert_int_eq(memcmp(before, after, sizeof before), 0);
  blok_model_free(&again);
  blok_test_folder_remove(&folder);
}
END_TEST

// Rates go in a line from 0 to the net's.
START_TEST(nets__drop_path_grows_from_block_to_block) {
  blok_net_options options = BLOK_NET_OPTIONS_INIT;
  options.drop_path = 0.4;
  blok_model *model = finished("residual-cnn", &options);
  int seen = 0;
  for (size_t i = 0; i < blok_model_block_count(model); i++) {
    const blok_block *block = blok_model_block(model, i);
    if (block->kind != BLOK_RESIDUAL) continue;
    ck_assert_double_eq_tol(block->residual->drop_path, 0.4 * seen / 8, 1e-9);
    seen++;
  }
  ck_assert_int_eq(seen, 9);
  blok_model_free(&model);
}
END_TEST

START_TEST(nets__have_blocks_of_the_kind_that_they_are_named_for) {
  static const struct {
    const char *name;
    blok_block_kind kind;
    size_t count;
  } rows[] = {{"conv-bn-act", BLOK_CONV_NORM_ACT, 1},  {"basic-post", BLOK_RESIDUAL, 1},
              {"basic-pre", BLOK_RESIDUAL, 1},         {"bottleneck-block", BLOK_BOTTLENECK, 1},
              {"se-block", BLOK_SQUEEZE_EXCITE, 1},    {"se-res-block", BLOK_SQUEEZE_EXCITE, 1},
              {"baseline-cnn", BLOK_CONV_NORM_ACT, 4}, {"residual-cnn", BLOK_RESIDUAL, 9},
              {"bottleneck-cnn", BLOK_BOTTLENECK, 9},  {"se-resnet", BLOK_SQUEEZE_EXCITE, 12},
              {"resnet18", BLOK_RESIDUAL, 8},          {"classifier", BLOK_RESIDUAL, 8},
              {"encoder-decoder", BLOK_RESIDUAL, 7}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    blok_model *model = finished(rows[i].name, NULL);
    ck_assert_msg(count_blocks(model, rows[i].kind) == rows[i].count, "%s: %zu blocks",
                  rows[i].name, count_blocks(model, rows[i].kind));
    blok_model_free(&model);
  }
}
END_TEST

// ---- Without memory -----------------------------------------------------------------------------

static blok_status build_small(void *context, const blok_allocator *allocator, blok_error *error) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_net_options net = BLOK_NET_OPTIONS_INIT;
  blok_builder *builder = NULL;
  options.allocator = allocator;
  net.base = 4;
  net.height = net.width = 32;
  net.blocks[0] = net.blocks[1] = net.blocks[2] = 1;
  blok_status status = blok_builder_new(&options, &builder, error);
  if (status == BLOK_OK) status = blok_build_net(builder, context, &net, error);
  blok_builder_free(&builder);
  return status;
}

START_TEST(nets__leak_nothing_where_memory_ends) {
  static char name[] = "detector-pan";
  ck_assert_uint_gt(blok_fault_sweep(build_small, name), 100);
}
END_TEST

Suite *suite_nets(void) {
  Suite *suite = suite_create("nets");
  TCase *tests = tcase_create("nets");
  tcase_set_tags(tests, "one_thread");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, nets__are_found_by_their_names);
  tcase_add_test(tests, nets__have_the_parameters_that_the_table_says);
  tcase_add_test(tests, nets__take_the_options_that_they_name_and_no_others);
  tcase_add_test(tests, nets__refuse_a_depth_that_leaves_no_whole_blocks);
  tcase_add_test(tests, nets__refuse_numbers_out_of_range);
  tcase_add_test(tests, nets__refuse_a_picture_that_does_not_halve);
  tcase_add_test(tests, nets__cannot_be_built_twice_into_one_builder);
  tcase_add_test(tests, nets__refuse_a_name_that_is_none_and_tell_those_near_it);
  tcase_add_test(tests, nets__wide_resnet_comes_back_from_a_file_with_its_blocks_and_bits);
  tcase_add_test(tests, nets__drop_path_grows_from_block_to_block);
  tcase_add_test(tests, nets__have_blocks_of_the_kind_that_they_are_named_for);
  tcase_add_test(tests, nets__leak_nothing_where_memory_ends);
  suite_add_tcase(suite, tests);
  return suite;
}
