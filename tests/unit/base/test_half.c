// The 16-bit floating types.
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/half.h"

// The value of an f16 by its definition, NaN aside.
static double f16_value(uint16_t half) {
  int exponent = half >> 10 & 0x1f;
  int fraction = half & 0x3ff;
  double size = exponent == 0x1f ? (double)INFINITY
                : exponent == 0  ? ldexp(fraction, -24)
                                 : ldexp(1024 + fraction, exponent - 25);
  return half & 0x8000 ? -size : size;
}

static bool is_nan(uint16_t half) { return (half & 0x7fff) > 0x7c00; }

START_TEST(f16__every_value_widens_to_what_it_means_and_comes_back) {
  for (uint32_t i = 0; i < 65536; i++) {
    uint16_t half = (uint16_t)i;
    float wide = blok_f16_to_f32(half);
    bool right = is_nan(half)
                     ? isnan(wide)
                     : (double)wide == f16_value(half) && blok_f16_from_f64((double)wide) == half;
    if (!right) ck_abort_msg("0x%04x became %g", i, (double)wide);
    uint16_t back = blok_f16_from_f32(wide);
    if (back != half) ck_abort_msg("0x%04x came back as 0x%04x", i, back);
  }
}
END_TEST

START_TEST(f16__rounds_between_neighbours_to_the_nearest_and_ties_to_even) {
  for (uint32_t i = 0; i < 0x7bff; i++) {
    double low = f16_value((uint16_t)i);
    double high = f16_value((uint16_t)(i + 1));
    float middle = (float)((low + high) / 2);  // exact: an f32 has 13 more bits
    uint16_t even = (uint16_t)(i & 1 ? i + 1 : i);
    bool right = blok_f16_from_f32(middle) == even &&
                 blok_f16_from_f32(-middle) == (even | 0x8000u) &&
                 blok_f16_from_f32(nextafterf(middle, 0)) == i &&
                 blok_f16_from_f32(nextafterf(middle, INFINITY)) == i + 1;
    if (!right) ck_abort_msg("above 0x%04x", i);
  }
}
END_TEST

START_TEST(f16__overflows_to_infinity_at_65520) {
  ck_assert_uint_eq(blok_f16_from_f32(65504.0f), 0x7bff);
  ck_assert_uint_eq(blok_f16_from_f32(nextafterf(65520.0f, 0)), 0x7bff);
  ck_assert_uint_eq(blok_f16_from_f32(65520.0f), 0x7c00);
  ck_assert_uint_eq(blok_f16_from_f32(-1e30f), 0xfc00);
  ck_assert_uint_eq(blok_f16_from_f32(INFINITY), 0x7c00);
  ck_assert_uint_eq(blok_f16_from_f64(1e300), 0x7c00);
}
END_TEST

START_TEST(f16__a_nan_stays_a_nan_whatever_its_payload) {
  ck_assert(is_nan(blok_f16_from_f32(blok_f32_of_bits(0x7f800001u))));
  ck_assert(is_nan(blok_f16_from_f32(blok_f32_of_bits(0xffffffffu))));
  ck_assert(is_nan(blok_f16_from_f64((double)NAN)));
}
END_TEST

START_TEST(f16__rounds_a_double_once) {
  // Just above the tie between 1 and 1 + 2^-10; by way of an f32 it would fall on the tie.
  double above = 1 + ldexp(1, -11) + ldexp(1, -40);
  ck_assert_uint_eq(blok_f16_from_f64(above), 0x3c01);
  ck_assert_uint_eq(blok_f16_from_f64(-above), 0xbc01);
  // Just below the tie between 1 + 2^-10 and 1 + 2^-9.
  double below = 1 + 3 * ldexp(1, -11) - ldexp(1, -40);
  ck_assert_uint_eq(blok_f16_from_f64(below), 0x3c01);
  ck_assert_uint_eq(blok_f16_from_f64(ldexp(1, -25) * (1 + ldexp(1, -45))), 0x0001);
  ck_assert_uint_eq(blok_f16_from_f64(ldexp(1, -1000)), 0);
}
END_TEST

START_TEST(bf16__every_value_comes_back) {
  for (uint32_t i = 0; i < 65536; i++) {
    uint16_t brain = (uint16_t)i;
    float wide = blok_bf16_to_f32(brain);
    bool right = blok_f32_bits(wide) == i << 16 && blok_bf16_from_f32(wide) == brain;
    if (!right) ck_abort_msg("0x%04x", i);
  }
}
END_TEST

START_TEST(bf16__rounds_to_the_nearest_and_ties_to_even) {
  ck_assert_uint_eq(blok_bf16_from_f32(blok_f32_of_bits(0x3f808000u)), 0x3f80);
  ck_assert_uint_eq(blok_bf16_from_f32(blok_f32_of_bits(0x3f818000u)), 0x3f82);
  ck_assert_uint_eq(blok_bf16_from_f32(blok_f32_of_bits(0x3f808001u)), 0x3f81);
  ck_assert_uint_eq(blok_bf16_from_f32(blok_f32_of_bits(0x3f807fffu)), 0x3f80);
  ck_assert_uint_eq(blok_bf16_from_f32(blok_f32_of_bits(0x7f7fffffu)), 0x7f80);
  ck_assert(isnan(blok_bf16_to_f32(blok_bf16_from_f32(blok_f32_of_bits(0x7f800001u)))));
  ck_assert_uint_eq(blok_bf16_from_f64(1 + ldexp(1, -8) + ldexp(1, -40)), 0x3f81);
}
END_TEST

Suite *suite_half(void) {
  Suite *suite = suite_create("half");
  TCase *tests = tcase_create("half");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, f16__every_value_widens_to_what_it_means_and_comes_back);
  tcase_add_test(tests, f16__rounds_between_neighbours_to_the_nearest_and_ties_to_even);
  tcase_add_test(tests, f16__overflows_to_infinity_at_65520);
  tcase_add_test(tests, f16__a_nan_stays_a_nan_whatever_its_payload);
  tcase_add_test(tests, f16__rounds_a_double_once);
  tcase_add_test(tests, bf16__every_value_comes_back);
  tcase_add_test(tests, bf16__rounds_to_the_nearest_and_ties_to_even);
  suite_add_tcase(suite, tests);
  return suite;
}
