// Names and widths of element types: declared in include/blok/types.h.
#include <blok/types.h>

// Numbered as ONNX's TensorProto.DataType.
static const struct {
  const char *name;
  uint32_t bits;
} dtypes[] = {
    [BLOK_UNDEFINED] = {"undefined", 0},
    [BLOK_F32] = {"float32", 32},
    [BLOK_U8] = {"uint8", 8},
    [BLOK_I8] = {"int8", 8},
    [BLOK_U16] = {"uint16", 16},
    [BLOK_I16] = {"int16", 16},
    [BLOK_I32] = {"int32", 32},
    [BLOK_I64] = {"int64", 64},
    [BLOK_STRING] = {"string", 0},
    [BLOK_BOOL] = {"bool", 8},
    [BLOK_F16] = {"float16", 16},
    [BLOK_F64] = {"float64", 64},
    [BLOK_U32] = {"uint32", 32},
    [BLOK_U64] = {"uint64", 64},
    [BLOK_C64] = {"complex64", 64},
    [BLOK_C128] = {"complex128", 128},
    [BLOK_BF16] = {"bfloat16", 16},
    [BLOK_F8E4M3FN] = {"float8e4m3fn", 8},
    [BLOK_F8E4M3FNUZ] = {"float8e4m3fnuz", 8},
    [BLOK_F8E5M2] = {"float8e5m2", 8},
    [BLOK_F8E5M2FNUZ] = {"float8e5m2fnuz", 8},
    [BLOK_U4] = {"uint4", 4},
    [BLOK_I4] = {"int4", 4},
    [BLOK_F4E2M1] = {"float4e2m1", 4},
    [BLOK_F8E8M0] = {"float8e8m0", 8},
    [BLOK_U2] = {"uint2", 2},
    [BLOK_I2] = {"int2", 2},
    [BLOK_F6E2M3] = {"float6e2m3", 6},
    [BLOK_F6E3M2] = {"float6e3m2", 6},
};

enum { DTYPE_COUNT = sizeof dtypes / sizeof *dtypes };

const char *blok_dtype_name(blok_dtype dtype) {
  return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].name : "undefined";
}

uint32_t blok_dtype_bits(blok_dtype dtype) {
  return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].bits : 0;
}
