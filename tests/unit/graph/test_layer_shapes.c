// The shapes of the layer operators (Conv, pools, normalizations, products, Resize): numbers,
// symbols and unknown sizes, and what is refused.
#include <check.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/infer.h"
#include "one_hook.h"

enum { MAX_IN = 5, MAX_OUT = 3 };

// in: shapes like "N,3,?,224", "*" for an unknown rank, NULL for one left out. attrs: "pads=1,1
// auto_pad=VALID". want: the outputs as messages print them, or words of the error.
typedef struct shape_case {
  const char *op, *attrs;
  const char *in[MAX_IN];
  const char *want[MAX_OUT];
} shape_case;

static void set_attr(one_hook *h, const char *name, const char *value) {
  static const char *const lists[] = {"kernel_shape", "strides", "dilations", "pads", "axes"};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    if (strcmp(name, lists[i]) != 0) continue;
    int64_t values[8];
    uint32_t n = 0;
    for (char *end; *value; value = *end == ',' ? end + 1 : end) {
      values[n++] = strtoll(value, &end, 10);
    }
    one_hook_ints(h, name, n, values);
    return;
  }
  if (isalpha((unsigned char)*value)) {
    ck_assert_int_eq(blok_node_set_text(h->graph, h->node, name, value, &h->error), BLOK_OK);
  } else {
    one_hook_int(h, name, strtoll(value, NULL, 10));
  }
}

static void set_attrs(one_hook *h, const char *attrs) {
  blok_arena *arena = &h->module->arena;
  while (*attrs) {
    size_t length = strcspn(attrs, " "), name = strcspn(attrs, "=");
    ck_assert_uint_lt(name, length);
    set_attr(h, blok_arena_textn(arena, attrs, name),
             blok_arena_textn(arena, attrs + name + 1, length - name - 1));
    attrs += length + (attrs[length] == ' ');
  }
}

static void load(one_hook *h, const shape_case *c) {
  uint32_t n_in = 0, n_out = 0;
  for (uint32_t i = 0; i < MAX_IN; i++) {
    if (c->in[i]) n_in = i + 1;
  }
  while (n_out < MAX_OUT && c->want[n_out]) n_out++;
  one_hook_init(h, c->op, n_in, n_out);
  set_attrs(h, c->attrs);
  for (uint32_t i = 0; i < n_in; i++) {
    if (c->in[i]) one_hook_in(h, i, BLOK_F32, *c->in[i] == '*' ? NULL : c->in[i]);
  }
}

static const shape_case known[] = {
    {"Conv", "", {"N,3,32,32", "8,3,3,3"}, {"[N, 8, 30, 30]"}},
    {"Conv", "pads=1,1,1,1", {"N,3,H,W", "8,3,3,3", "8"}, {"[N, 8, H, W]"}},
    {"Conv", "pads=1,1,1,1 strides=2,1", {"N,3,H,W", "8,3,3,3"}, {"[N, 8, ?, W]"}},
    {"Conv", "auto_pad=SAME_UPPER strides=2,1", {"1,3,7,W", "8,3,3,3"}, {"[1, 8, 4, W]"}},
    {"Conv", "dilations=2 group=3", {"1,3,9", "6,1,3"}, {"[1, 6, 5]"}},
    {"Conv", "kernel_shape=3,3 pads=1,1,1,1", {"N,C,8,W", "*"}, {"[N, ?, 8, W]"}},
    {"Conv", "", {"N,C,8,W", "*"}, {"[N, ?, ?, ?]"}},
    {"Conv", "", {"*", "8,3,3,3"}, {"?"}},
    {"Conv", "", {"0,3,5,5", "8,3,3,3"}, {"[0, 8, 3, 3]"}},
    {"AveragePool", "kernel_shape=2,2 strides=2,2", {"N,C,7,W"}, {"[N, C, 3, ?]"}},
    {"AveragePool", "kernel_shape=2,2 strides=2,2 ceil_mode=1", {"N,C,7,8"}, {"[N, C, 4, 4]"}},
    {"MaxPool", "kernel_shape=3 pads=1,1", {"N,C,L"}, {"[N, C, L]", "[N, C, L]"}},
    {"MaxPool", "kernel_shape=3", {"*"}, {"?", "?"}},
    {"GlobalAveragePool", "", {"N,C,H,7"}, {"[N, C, 1, 1]"}},
    {"GlobalMaxPool", "", {"*"}, {"?"}},
    {"BatchNormalization", "", {"N,C,H,W", "8", "?", "8", "8"}, {"[N, C, H, W]", "[8]", "[8]"}},
    {"BatchNormalization", "", {"N", "1", "1", "1", "1"}, {"[N]"}},
    {"LayerNormalization",
     "axis=-1",
     {"N,T,64", "64", "64"},
     {"[N, T, 64]", "[N, T, 1]", "[N, T, 1]"}},
    {"LayerNormalization", "axis=1", {"N,T,64", "T,64"}, {"[N, T, 64]", "[N, 1, 1]", "[N, 1, 1]"}},
    {"MatMul", "", {"N,1,T,64", "8,64,10"}, {"[N, 8, T, 10]"}},
    {"MatMul", "", {"64", "N,64,10"}, {"[N, 10]"}},
    {"MatMul", "", {"N,5,64", "64"}, {"[N, 5]"}},
    {"MatMul", "", {"?", "64"}, {"[]"}},
    {"MatMul", "", {"*", "64,3"}, {"?"}},
    {"Gemm", "transB=1", {"N,64", "10,64", "10"}, {"[N, 10]"}},
    {"Gemm", "transA=1", {"64,N", "*", ""}, {"[N, ?]"}},
    {"Resize", "", {"N,3,4,W", NULL, "*"}, {"[?, ?, ?, ?]"}},
    {"Resize", "axes=2,-1", {"N,3,4,W", NULL, NULL, "2"}, {"[N, 3, ?, ?]"}},
    {"Softmax", "", {"N,10"}, {"[N, 10]"}},
};

START_TEST(layer__gives_the_shape_that_is_known) {
  const shape_case *c = &known[_i];
  one_hook h;
  load(&h, c);
  ck_assert_msg(one_hook_run(&h) == BLOK_OK, "%s: %s", c->op, h.error.message);
  for (uint32_t i = 0; i < h.n_out; i++) {
    const char *got = blok_print_fact(&h.out[i]).text;
    ck_assert_msg(strcmp(got, c->want[i]) == 0, "%s(%s) case %d, output %u: %s instead of %s",
                  c->op, c->attrs, _i, i, got, c->want[i]);
  }
  one_hook_free(&h);
}
END_TEST

static const shape_case refused[] = {
    {"Conv",
     "group=1",
     {"1,3,9,9", "16,4,3,3"},
     {"input [1, 3, 9, 9] has 3 channels, weight [16, 4, 3, 3] with group 1 wants 4 x 1"}},
    {"Conv", "group=3", {"1,3,9,9", "16,1,3,3"}, {"has 16 filters, which 3 groups do not divide"}},
    {"Conv", "group=0", {"1,3,9,9", "16,3,3,3"}, {"group is 0"}},
    {"Conv", "group=-4", {"1,3,9,9", "16,3,3,3"}, {"group is -4"}},
    {"Conv", "group=9223372036854775807", {"1,3,9,9", "0,3,3,3"}, {"wants 3 x 92233"}},
    {"Conv", "", {"1,3,9,9", "16,3,3"}, {"the ranks differ"}},
    {"Conv", "", {"1,3", "16,3"}, {"at least one spatial axis"}},
    {"Conv", "", {"1,3,9,9", "16,3,3,3", "8"}, {"bias is [8]"}},
    {"Conv", "", {"1,3,9,9", "16,3,3,3", "16,1"}, {"bias is [16, 1]"}},
    {"Conv", "", {"1,3,9,9", "16,3,0,3"}, {"0"}},
    {"Conv", "kernel_shape=3,5", {"1,3,9,9", "16,3,3,3"}, {"kernel_shape is [3, 5]"}},
    {"Conv", "strides=0,1", {"1,3,9,9", "16,3,3,3"}, {"strides[0] is 0"}},
    {"Conv", "pads=-1,0,0,0", {"1,3,9,9", "16,3,3,3"}, {"pads[0] is -1"}},
    {"Conv", "pads=1,1", {"1,3,9,9", "16,3,3,3"}, {"pads has 2 values"}},
    {"Conv", "dilations=9223372036854775807,1", {"1,3,9,9", "16,3,3,3"}, {"too large"}},
    {"Conv", "dilations=5,1", {"1,3,9,9", "16,3,3,3"}, {"covers 11"}},
    {"AveragePool", "", {"1,3,9,9"}, {"kernel_shape is missing"}},
    {"AveragePool", "kernel_shape=0,1", {"1,3,9,9"}, {"kernel_shape[0] is 0"}},
    {"MaxPool", "kernel_shape=3", {"1,3"}, {"at least 3 axes"}},
    {"MaxPool", "kernel_shape=3 storage_order=2", {"1,3,4"}, {"storage_order is 2"}},
    {"GlobalMaxPool", "", {"1"}, {"at least 2 axes"}},
    {"BatchNormalization", "", {"N,4,H,W", "4", "4", "5", "4"}, {"mean has 5 values for 4"}},
    {"BatchNormalization", "", {"N,4", "4,1", "4", "4", "4"}, {"scale is [4, 1]"}},
    {"BatchNormalization", "", {"", "4", "4", "4", "4"}, {"input is a scalar"}},
    {"LayerNormalization", "axis=3", {"N,T,64", "64"}, {"axis 3"}},
    {"LayerNormalization", "", {"N,T,64", "32"}, {"scale [32] cannot be repeated to [N, T, 64]"}},
    {"LayerNormalization", "stash_type=7", {"N,T,64", "64"}, {"stash_type is 7"}},
    {"MatMul", "", {"2,3", "4,5"}, {"[2, 3] by [4, 5]: rows of 3 against columns of 4"}},
    {"MatMul", "", {"2,2,3", "3,3,5"}, {"cannot be repeated to one shape"}},
    {"MatMul", "", {"", "3"}, {"scalar"}},
    {"Gemm", "", {"2,3,4", "4,5"}, {"needs two axes"}},
    {"Gemm", "transA=1", {"2,3", "3,5"}, {"rows of 2 against columns of 3"}},
    {"Gemm", "", {"2,3", "3,5", "2"}, {"C [2] cannot be repeated to [2, 5]"}},
    {"Resize", "", {"1,2"}, {"neither scales nor sizes"}},
    {"Resize", "axes=0,0", {"1,2", NULL, "2"}, {"each once"}},
    {"Resize", "axes=2", {"1,2", NULL, "1"}, {"each once"}},
    {"Resize", "", {"1,2", NULL, "3"}, {"one value for each of 2 axes"}},
    {"Resize", "keep_aspect_ratio_policy=best", {"1,2", NULL, NULL, "2"}, {"keep_aspect_ratio"}},
};

START_TEST(layer__refuses_what_disagrees) {
  const shape_case *c = &refused[_i];
  one_hook h;
  load(&h, c);
  blok_status status = one_hook_run(&h);
  ck_assert_msg(strstr(h.error.message, c->want[0]) != NULL, "%s(%s) case %d: %s, not %s", c->op,
                c->attrs, _i, h.error.message, c->want[0]);
  ck_assert_int_eq(status, BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(h.error.message, "node 'n'"));
  one_hook_free(&h);
}
END_TEST

START_TEST(conv__refuses_element_types_that_differ) {
  one_hook h;
  one_hook_init(&h, "Conv", 2, 1);
  one_hook_in(&h, 0, BLOK_F32, "1,3,9,9");
  one_hook_in(&h, 1, BLOK_F16, "8,3,3,3");
  ck_assert_int_eq(one_hook_run(&h), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(h.error.message, "float32, input 1 of type float16"));
  one_hook_free(&h);
}
END_TEST

START_TEST(max_pool__counts_places_in_int64) {
  one_hook h;
  one_hook_init(&h, "MaxPool", 1, 2);
  set_attrs(&h, "kernel_shape=2");
  one_hook_in(&h, 0, BLOK_U8, "1,1,4");
  ck_assert_int_eq(one_hook_run(&h), BLOK_OK);
  ck_assert_int_eq(h.out[0].dtype, BLOK_U8);
  ck_assert_int_eq(h.out[1].dtype, BLOK_I64);
  one_hook_free(&h);
}
END_TEST

START_TEST(layer_norm__gives_statistics_the_stash_type) {
  one_hook h;
  one_hook_init(&h, "LayerNormalization", 2, 3);
  one_hook_in(&h, 0, BLOK_F16, "2,4");
  one_hook_in(&h, 1, BLOK_F16, "4");
  ck_assert_int_eq(one_hook_run(&h), BLOK_OK);
  ck_assert_int_eq(h.out[0].dtype, BLOK_F16);
  ck_assert_int_eq(h.out[1].dtype, BLOK_F32);
  ck_assert_int_eq(h.out[2].dtype, BLOK_F32);
  one_hook_free(&h);
}
END_TEST

START_TEST(resize__keeps_symbols_of_axes_that_keep_their_size) {
  float scales[] = {1, 1, 2, 2};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 1;
  tensor.dims[0] = 4;
  tensor.data = scales;
  tensor.bytes = sizeof scales;
  one_hook h;
  one_hook_init(&h, "Resize", 3, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,3,H,5");
  one_hook_in(&h, 2, BLOK_F32, "4");
  h.in[2].tensor = &tensor;
  ck_assert_int_eq(one_hook_run(&h), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&h.out[0]).text, "[N, 3, ?, 10]");
  scales[1] = NAN;
  ck_assert_int_eq(one_hook_run(&h), BLOK_E_SHAPE);
  one_hook_free(&h);
}
END_TEST

START_TEST(resize__takes_numbers_and_symbols_of_sizes) {
  one_hook h;
  one_hook_init(&h, "Resize", 4, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,3,H,5");
  one_hook_list(&h, 3, "N,3,?,9");
  ck_assert_int_eq(one_hook_run(&h), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&h.out[0]).text, "[N, 3, ?, 9]");
  one_hook_list(&h, 3, "N,-3,?,9");
  ck_assert_int_eq(one_hook_run(&h), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(h.error.message, "size -3 of axis 1 is negative"));
  one_hook_free(&h);
}
END_TEST

Suite *suite_layer_shapes(void) {
  Suite *suite = suite_create("layer_shapes");
  TCase *tests = tcase_create("layer_shapes");
  tcase_add_loop_test(tests, layer__gives_the_shape_that_is_known, 0,
                      (int)(sizeof known / sizeof *known));
  tcase_add_loop_test(tests, layer__refuses_what_disagrees, 0,
                      (int)(sizeof refused / sizeof *refused));
  tcase_add_test(tests, conv__refuses_element_types_that_differ);
  tcase_add_test(tests, max_pool__counts_places_in_int64);
  tcase_add_test(tests, layer_norm__gives_statistics_the_stash_type);
  tcase_add_test(tests, resize__keeps_symbols_of_axes_that_keep_their_size);
  tcase_add_test(tests, resize__takes_numbers_and_symbols_of_sizes);
  suite_add_tcase(suite, tests);
  return suite;
}
