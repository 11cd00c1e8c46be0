// Cast: see layout.h. Elements go in rows of a few hundred through doubles, which hold every float
// type and every integer of up to 32 bits exactly, or through int64_t where both ends are whole;
// the common pairs with f32 go straight.
#include <string.h>

#include "base/half.h"
#include "runtime/kernels/layout.h"

enum { ROW = 256 };

// The integer types: CASE(dtype, C type, lowest, highest).
#define INTEGERS(CASE)                          \
  CASE(BLOK_U8, uint8_t, 0, UINT8_MAX)          \
  CASE(BLOK_I8, int8_t, INT8_MIN, INT8_MAX)     \
  CASE(BLOK_U16, uint16_t, 0, UINT16_MAX)       \
  CASE(BLOK_I16, int16_t, INT16_MIN, INT16_MAX) \
  CASE(BLOK_U32, uint32_t, 0, UINT32_MAX)       \
  CASE(BLOK_I32, int32_t, INT32_MIN, INT32_MAX) \
  CASE(BLOK_U64, uint64_t, 0, UINT64_MAX)       \
  CASE(BLOK_I64, int64_t, INT64_MIN, INT64_MAX)

static bool is_float(blok_dtype dtype) {
  return dtype == BLOK_F16 || dtype == BLOK_BF16 || dtype == BLOK_F32 || dtype == BLOK_F64;
}

static bool is_whole(blok_dtype dtype) {
  switch ((int)dtype) {
#define CASE(id, ...) case id:
    INTEGERS(CASE)
#undef CASE
    case BLOK_BOOL:
      return true;
    default:
      return false;
  }
}

bool blok_cast_has(blok_dtype from, blok_dtype to) {
  return (is_float(from) || is_whole(from)) && (is_float(to) || is_whole(to));
}

static size_t size_of(blok_dtype dtype) { return blok_dtype_bits(dtype) / 8; }

// Towards zero; what no 64-bit integer holds goes to the nearer end of the type, and what is no
// number to 0.
static int64_t integer_of(double value, int64_t lowest, uint64_t highest) {
  if (value != value) return 0;
  if (value >= -0x1p63 && value < 0x1p63) return (int64_t)value;
  if (value < 0) return lowest;
  return value < 0x1p64 && highest == UINT64_MAX ? (int64_t)(uint64_t)value : (int64_t)highest;
}

// ---- By doubles ---------------------------------------------------------------------------------

static void load_doubles(blok_dtype dtype, const void *data, size_t n, double *out) {
  const uint8_t *bytes = data;
  const uint16_t *halves = data;
  switch ((int)dtype) {
#define CASE(id, type, ...)                                                  \
  case id:                                                                   \
    for (size_t i = 0; i < n; i++) out[i] = (double)((const type *)data)[i]; \
    break;
    INTEGERS(CASE)
    CASE(BLOK_F32, float, )
    CASE(BLOK_F64, double, )
#undef CASE
    case BLOK_BOOL:
      for (size_t i = 0; i < n; i++) out[i] = bytes[i] != 0;
      break;
    case BLOK_F16:
      for (size_t i = 0; i < n; i++) out[i] = (double)blok_f16_to_f32(halves[i]);
      break;
    default:
      for (size_t i = 0; i < n; i++) out[i] = (double)blok_bf16_to_f32(halves[i]);
      break;
  }
}

static void store_doubles(blok_dtype dtype, const double *in, size_t n, void *data) {
  uint8_t *bytes = data;
  uint16_t *halves = data;
  switch ((int)dtype) {
#define CASE(id, type, lowest, highest)                                                          \
  case id:                                                                                       \
    for (size_t i = 0; i < n; i++) ((type *)data)[i] = (type)integer_of(in[i], lowest, highest); \
    break;
    INTEGERS(CASE)
#undef CASE
    case BLOK_F32:
      for (size_t i = 0; i < n; i++) ((float *)data)[i] = (float)in[i];
      break;
    case BLOK_F64:
      memcpy(data, in, n * sizeof *in);
      break;
    case BLOK_BOOL:
      for (size_t i = 0; i < n; i++) bytes[i] = in[i] < 0 || in[i] > 0 || in[i] != in[i];
      break;
    case BLOK_F16:
      for (size_t i = 0; i < n; i++) halves[i] = blok_f16_from_f64(in[i]);
      break;
    default:
      for (size_t i = 0; i < n; i++) halves[i] = blok_bf16_from_f64(in[i]);
      break;
  }
}

// ---- By integers --------------------------------------------------------------------------------

static void load_integers(blok_dtype dtype, const void *data, size_t n, int64_t *out) {
  switch ((int)dtype) {
#define CASE(id, type, ...)                                                   \
  case id:                                                                    \
    for (size_t i = 0; i < n; i++) out[i] = (int64_t)((const type *)data)[i]; \
    break;
    INTEGERS(CASE)
#undef CASE
    default:
      for (size_t i = 0; i < n; i++) out[i] = ((const uint8_t *)data)[i] != 0;
      break;
  }
}

static void store_integers(blok_dtype dtype, const int64_t *in, size_t n, void *data) {
  switch ((int)dtype) {
#define CASE(id, type, ...)                                                   \
  case id:                                                                    \
    for (size_t i = 0; i < n; i++) ((type *)data)[i] = (type)(uint64_t)in[i]; \
    break;
    INTEGERS(CASE)
#undef CASE
    default:
      for (size_t i = 0; i < n; i++) ((uint8_t *)data)[i] = in[i] != 0;
      break;
  }
}

// ---- Straight -----------------------------------------------------------------------------------

// False when the pair is none of these.
static bool cast_straight(blok_dtype from, blok_dtype to, const void *in, void *out, size_t n) {
  const uint16_t *in_halves = in;
  uint16_t *out_halves = out;
  const float *in_floats = in;
  float *out_floats = out;
  if (to == BLOK_F32) {
    switch ((int)from) {
      case BLOK_I64:  // one rounding; a double between would make two
        for (size_t i = 0; i < n; i++) out_floats[i] = (float)((const int64_t *)in)[i];
        return true;
      case BLOK_U64:
        for (size_t i = 0; i < n; i++) out_floats[i] = (float)((const uint64_t *)in)[i];
        return true;
      case BLOK_U8:
        for (size_t i = 0; i < n; i++) out_floats[i] = ((const uint8_t *)in)[i];
        return true;
      case BLOK_F16:
        for (size_t i = 0; i < n; i++) out_floats[i] = blok_f16_to_f32(in_halves[i]);
        return true;
      case BLOK_BF16:
        for (size_t i = 0; i < n; i++) out_floats[i] = blok_bf16_to_f32(in_halves[i]);
        return true;
      default:
        return false;
    }
  }
  if (from == BLOK_F32 && to == BLOK_F16) {
    for (size_t i = 0; i < n; i++) out_halves[i] = blok_f16_from_f32(in_floats[i]);
    return true;
  }
  if (from == BLOK_F32 && to == BLOK_BF16) {
    for (size_t i = 0; i < n; i++) out_halves[i] = blok_bf16_from_f32(in_floats[i]);
    return true;
  }
  return false;
}

// ---- Cells --------------------------------------------------------------------------------------

size_t blok_cast_cells(const blok_cast *job) {
  return (job->count + BLOK_CAST_ELEMENTS - 1) / BLOK_CAST_ELEMENTS;
}

static void cast_row(const blok_cast *job, const char *from, char *to, size_t n) {
  if (job->from_dtype == job->to_dtype) {
    memcpy(to, from, n * size_of(job->to_dtype));
  } else if (cast_straight(job->from_dtype, job->to_dtype, from, to, n)) {
    return;
  } else if (is_whole(job->from_dtype) && is_whole(job->to_dtype)) {
    int64_t row[ROW];
    load_integers(job->from_dtype, from, n, row);
    store_integers(job->to_dtype, row, n, to);
  } else {
    double row[ROW];
    load_doubles(job->from_dtype, from, n, row);
    store_doubles(job->to_dtype, row, n, to);
  }
}

void blok_cast_run(const blok_cast *job, size_t first, size_t last) {
  const size_t end =
      last * BLOK_CAST_ELEMENTS < job->count ? last * BLOK_CAST_ELEMENTS : job->count;
  for (size_t at = first * BLOK_CAST_ELEMENTS; at < end; at += ROW) {
    const char *from = (const char *)job->from + at * size_of(job->from_dtype);
    char *to = (char *)job->to + at * size_of(job->to_dtype);
    cast_row(job, from, to, end - at < ROW ? end - at : ROW);
  }
}
