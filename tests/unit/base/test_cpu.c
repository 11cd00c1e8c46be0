// What the processor offers.
#include <check.h>
#include <string.h>

#include "base/cpu.h"

START_TEST(cpu__wider_vectors_imply_the_narrower_ones) {
  uint32_t features = blok_cpu_features();
  ck_assert_uint_eq(features, blok_cpu_features());
  if (features & (BLOK_CPU_AVX512_VNNI | BLOK_CPU_AVX512_BF16))
    ck_assert(features & BLOK_CPU_AVX512);
  if (features & BLOK_CPU_AVX512) ck_assert(features & BLOK_CPU_AVX2);
  if (features & BLOK_CPU_AVX2) ck_assert(features & BLOK_CPU_SSE2);
}
END_TEST

START_TEST(cpu__the_text_names_the_features) {
  uint32_t features = blok_cpu_features();
  const char *text = blok_cpu_isa_text();
  ck_assert_int_eq(strstr(text, "avx2") != NULL, (features & BLOK_CPU_AVX2) != 0);
  ck_assert_int_eq(strstr(text, "avx512") != NULL, (features & BLOK_CPU_AVX512) != 0);
  ck_assert_int_eq(strstr(text, "vnni") != NULL, (features & BLOK_CPU_AVX512_VNNI) != 0);
  ck_assert_int_eq(strstr(text, "neon") != NULL, (features & BLOK_CPU_NEON) != 0);
  ck_assert_uint_gt(strlen(text), 0);
}
END_TEST

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
START_TEST(cpu__agrees_with_the_compiler) {
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  ck_assert_int_eq((blok_cpu_features() & BLOK_CPU_AVX2) != 0, avx2);
  int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  ck_assert_int_eq((blok_cpu_features() & BLOK_CPU_AVX512) != 0, avx512);
}
END_TEST
#endif

Suite *suite_cpu(void) {
  Suite *suite = suite_create("cpu");
  TCase *tests = tcase_create("cpu");
  tcase_add_test(tests, cpu__wider_vectors_imply_the_narrower_ones);
  tcase_add_test(tests, cpu__the_text_names_the_features);
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  tcase_add_test(tests, cpu__agrees_with_the_compiler);
#endif
  suite_add_tcase(suite, tests);
  return suite;
}
