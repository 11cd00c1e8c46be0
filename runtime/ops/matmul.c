// Gemm and MatMul. In f32 by the dense kernel of convolutions over plain rows: constant weights are
// packed once, a second operand that only the run knows is packed by a step of its own. In f64 by
// OpenBLAS, where the build has it.
#include "base/error.h"
#include "base/size.h"
#include "runtime/kernels/openblas.h"
#include "runtime/ops/conv.h"

// out[image][m][n] = a[image][m][k] * b[image][k][n], all dense.
typedef struct product {
  blok_value_id a, b, bias;
  blok_dtype dtype;
  uint32_t images, m, k, n;
  bool transposed;  // b is [n][k]
  bool one_a;       // the same for all images
  bool columns;     // n is the last axis of the result
} product;

static bool narrow(int64_t x) { return x > 0 && x <= INT32_MAX / 4; }

static bool take_sizes(product *p, size_t images, size_t m, int64_t k, int64_t n) {
  if (images == 0 || images > INT32_MAX / 4 || m > INT32_MAX / 4 || !narrow((int64_t)m) ||
      !narrow(k) || !narrow(n)) {
    return false;
  }
  p->images = (uint32_t)images;
  p->m = (uint32_t)m;
  p->k = (uint32_t)k;
  p->n = (uint32_t)n;
  return true;
}

// ---- Nodes as products --------------------------------------------------------------------------

// True for one number, or n of them on the last axis.
static bool is_row(const blok_tensor *c, uint32_t n) {
  size_t count;
  if (!blok_dims_count(c->dims, c->rank, &count)) return false;
  return count == 1 || (count == n && c->dims[c->rank - 1] == n);
}

static bool gemm_of(blok_lowering *lowering, const blok_node *node, product *p) {
  blok_tensor a, b, c;
  *p = (product){.a = blok_node_input(node, 0),
                 .b = blok_node_input(node, 1),
                 .bias = blok_node_input(node, 2),
                 .columns = true};
  if (!blok_lower_shape(lowering, p->a, &a) || !blok_lower_shape(lowering, p->b, &b)) return false;
  if (a.rank != 2 || b.rank != 2 || blok_node_int(node, "transA", 0) != 0) return false;
  if (blok_node_float(node, "alpha", 1) != 1.0f) return false;
  p->dtype = a.dtype;
  p->transposed = blok_node_int(node, "transB", 0) != 0;
  if (!take_sizes(p, 1, (size_t)a.dims[0], a.dims[1], b.dims[p->transposed ? 0 : 1])) return false;
  if (!p->bias.i) return true;
  return blok_node_float(node, "beta", 1) == 1.0f && blok_lower_is_constant(lowering, p->bias) &&
         blok_lower_shape(lowering, p->bias, &c) && is_row(&c, p->n);
}

// The axes before the last two of the longer operand, which the other one has as well or as ones.
static bool same_batch(const blok_tensor *a, const blok_tensor *b) {
  const uint32_t batch_a = a->rank - 2, batch_b = b->rank - 2;
  const uint32_t most = batch_a > batch_b ? batch_a : batch_b;
  for (uint32_t i = 1; i <= most; i++) {
    const int64_t x = i <= batch_a ? a->dims[batch_a - i] : 1;
    const int64_t y = i <= batch_b ? b->dims[batch_b - i] : 1;
    if (x != y) return false;
  }
  return true;
}

static bool matmul_of(blok_lowering *lowering, const blok_node *node, product *p) {
  blok_tensor a, b;
  size_t images_a = 1, images_b = 1, rows;
  *p = (product){.a = blok_node_input(node, 0), .b = blok_node_input(node, 1)};
  if (!blok_lower_shape(lowering, p->a, &a) || !blok_lower_shape(lowering, p->b, &b)) return false;
  if (a.rank == 0 || b.rank == 0) return false;
  p->dtype = a.dtype;
  p->columns = b.rank > 1;
  const int64_t k = a.dims[a.rank - 1];
  const int64_t m = a.rank > 1 ? a.dims[a.rank - 2] : 1, n = b.rank > 1 ? b.dims[b.rank - 1] : 1;
  if (a.rank > 2 && !blok_dims_count(a.dims, a.rank - 2, &images_a)) return false;
  if (b.rank > 2 && !blok_dims_count(b.dims, b.rank - 2, &images_b)) return false;
  if (!narrow(m) || images_a == 0 || images_b == 0) return false;
  if (images_b == 1) {  // the images are more rows
    if (!blok_mul_size(images_a, (size_t)m, &rows)) return false;
    return take_sizes(p, 1, rows, k, n);
  }
  p->one_a = images_a == 1;
  if (!p->one_a && (images_a != images_b || !same_batch(&a, &b))) return false;
  return take_sizes(p, images_b, (size_t)m, k, n);
}

// ---- f32 ----------------------------------------------------------------------------------------

// Packs the second operand of each image: a cell is a panel.
typedef struct pack_args {
  const blok_conv_filter *filter;
  blok_conv_source source;
  size_t image;  // elements
  blok_buffer_id from, to;
} pack_args;

static void run_pack(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const pack_args *args = call->args;
  const uint32_t panels = blok_conv_panels(args->filter);
  (void)worker;
  while (first < last) {
    const uint32_t image = first / panels, panel = first % panels;
    const uint32_t count = last - first < panels - panel ? last - first : panels - panel;
    blok_conv_source source = args->source;
    source.data = blok_step_floats(call, args->from) + image * args->image;
    blok_conv_pack(args->filter, &source, panel, panel + count,
                   blok_step_floats(call, args->to) + image * args->filter->floats);
    first += count;
  }
}

static blok_conv_source source_of(const product *p) {
  return (blok_conv_source){
      .out = p->transposed ? p->k : 1, .in = p->transposed ? 1 : p->n, .tap_h = 1, .tap_w = 1};
}

static blok_status pack_in_run(blok_lowering *lowering, const product *p, blok_conv_args *args,
                               blok_error *error) {
  size_t bytes;
  pack_args *pack = blok_lower_alloc(lowering, 1, sizeof *pack);
  if (!pack) return blok_fail_memory(error, sizeof *pack);
  if (!blok_mul_size(args->filter.floats * sizeof(float), p->images, &bytes)) {
    return blok_fail_memory(error, 0);
  }
  *pack =
      (pack_args){.filter = &args->filter, .source = source_of(p), .image = (size_t)p->k * p->n};
  BLOK_TRY(blok_lower_plain(lowering, p->b, &pack->from, error));
  BLOK_TRY(blok_lower_scratch(lowering, bytes, &pack->to, error));
  args->packed = pack->to;
  args->conv.packed_step = p->images > 1 ? args->filter.floats : 0;
  const blok_step step = {.kernel = "pack",
                          .run = run_pack,
                          .args = pack,
                          .cells = blok_conv_panels(&args->filter) * p->images,
                          .bytes = 2 * (uint64_t)bytes,
                          .n_reads = 1,
                          .n_writes = 1,
                          .reads = &pack->from,
                          .writes = &pack->to};
  return blok_lower_step(lowering, &step, error);
}

static bool fit(blok_lowering *lowering, const product *p, blok_conv_args *args) {
  const blok_conv_kernels *kernels = blok_lower_isa(lowering)->conv;
  args->filter = (blok_conv_filter){
      .in_channels = p->k, .out_channels = p->n, .groups = 1, .kernel_h = 1, .kernel_w = 1};
  args->shape = (blok_conv_shape){.images = p->images,
                                  .in_h = 1,
                                  .in_w = p->m,
                                  .out_h = 1,
                                  .out_w = p->m,
                                  .stride_h = 1,
                                  .stride_w = 1,
                                  .dilation_h = 1,
                                  .dilation_w = 1,
                                  .out_step_w = 1,
                                  .out_step_h = p->m,
                                  .matrix_out = true};
  return blok_conv_filter_init(kernels, &args->filter) &&
         blok_conv_panels(&args->filter) <= INT32_MAX / p->images &&
         blok_conv_grid(&args->filter, kernels, &args->shape);
}

static blok_status bind(blok_lowering *lowering, const blok_region *region, const product *p,
                        blok_conv_args *args, blok_error *error) {
  const size_t lanes = blok_lower_isa(lowering)->lanes;
  blok_conv *conv = &args->conv;
  BLOK_TRY(blok_lower_plain(lowering, p->a, &args->in, error));
  conv->in_steps = (blok_conv_steps){p->one_a ? 0 : (size_t)p->m * p->k, lanes, p->k};
  if (blok_lower_is_constant(lowering, p->b) && p->images == 1) {
    const blok_conv_source source = source_of(p);
    BLOK_TRY(blok_lower_conv_pack(lowering, p->b, 0, &args->filter, &source, &conv->packed, error));
  } else {
    BLOK_TRY(pack_in_run(lowering, p, args, error));
  }
  conv->out_steps = (blok_conv_steps){(size_t)p->m * p->n, lanes, p->n};
  if (region->residual.i) {
    BLOK_TRY(blok_lower_plain(lowering, region->residual, &args->residual, error));
    conv->residual_steps = conv->out_steps;
  }
  return blok_lower_output(lowering, region->out, BLOK_PLAIN, &args->out, error);
}

static blok_status lower_narrow(blok_lowering *lowering, const blok_region *region,
                                const product *p, bool *done, blok_error *error) {
  bool fits;
  if (!p->columns && !blok_region_plain(region)) return BLOK_OK;
  blok_conv_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  if (!fit(lowering, p, args)) return BLOK_OK;
  BLOK_TRY(
      blok_lower_epilogue(lowering, region, p->bias, p->n, false, &args->epilogue, &fits, error));
  if (!fits) return BLOK_OK;
  BLOK_TRY(bind(lowering, region, p, args, error));
  BLOK_TRY(blok_lower_conv_step(lowering, p->m == 1 ? "vector by matrix" : "matrix product", args,
                                error));
  *done = true;
  return BLOK_OK;
}

// ---- f64 ----------------------------------------------------------------------------------------

typedef struct wide_args {
  product product;
  blok_buffer_id a, b, bias, out;
  size_t bias_step;  // 0: one number for all
} wide_args;

static double *doubles(const blok_step_call *call, blok_buffer_id id) {
  return (double *)(void *)call->data[id];
}

static void run_wide(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const wide_args *args = call->args;
  const product *p = &args->product;
  const size_t outs = (size_t)p->m * p->n;
  (void)worker;
  for (uint32_t i = first; i < last; i++) {
    double *out = doubles(call, args->out) + i * outs;
    if (args->bias) {
      const double *bias = doubles(call, args->bias);
      for (size_t j = 0; j < outs; j++) out[j] = bias[j % p->n * args->bias_step];
    }
    const blok_openblas_job job = {
        .wide = true,
        .transposed_b = p->transposed,
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .alpha = 1,
        .beta = args->bias ? 1 : 0,
        .a = doubles(call, args->a) + (p->one_a ? 0 : i * (size_t)p->m * p->k),
        .b = doubles(call, args->b) + i * (size_t)p->k * p->n,
        .c = out};
    (void)blok_openblas_multiply(&job);  // the step is made only where there is one
  }
}

static blok_status lower_wide(blok_lowering *lowering, const blok_region *region, const product *p,
                              bool *done, blok_error *error) {
  blok_tensor bias;
  size_t count = 0;
  if (!blok_openblas() || !blok_region_plain(region)) return BLOK_OK;
  wide_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  args->product = *p;
  BLOK_TRY(blok_lower_plain(lowering, p->a, &args->a, error));
  BLOK_TRY(blok_lower_plain(lowering, p->b, &args->b, error));
  if (p->bias.i) {
    BLOK_TRY(blok_lower_plain(lowering, p->bias, &args->bias, error));
    if (!blok_lower_shape(lowering, p->bias, &bias) ||
        !blok_dims_count(bias.dims, bias.rank, &count)) {
      return BLOK_FAIL(error, BLOK_E_INTERNAL, "a bias without a shape");
    }
    args->bias_step = count > 1;
  }
  BLOK_TRY(blok_lower_output(lowering, region->out, BLOK_PLAIN, &args->out, error));
  const uint64_t outs = (uint64_t)p->m * p->n;
  const uint64_t operands = (uint64_t)p->k * p->m + (uint64_t)p->k * p->n + outs;
  const blok_buffer_id reads[] = {args->a, args->b, args->bias};
  const blok_step step = {.kernel = "openblas",
                          .run = run_wide,
                          .args = args,
                          .cells = p->images,
                          .macs = outs * p->k * p->images,
                          .bytes = operands * p->images * sizeof(double),
                          .n_reads = args->bias ? 3 : 2,
                          .n_writes = 1,
                          .reads = reads,
                          .writes = &args->out};
  BLOK_TRY(blok_lower_step(lowering, &step, error));
  *done = true;
  return BLOK_OK;
}

// ---- The functions ------------------------------------------------------------------------------

static blok_status lower(blok_lowering *lowering, const blok_region *region, const product *p,
                         bool *done, blok_error *error) {
  if (p->dtype == BLOK_F32) return lower_narrow(lowering, region, p, done, error);
  if (p->dtype == BLOK_F64) return lower_wide(lowering, region, p, done, error);
  return BLOK_OK;
}

blok_status blok_lower_gemm(blok_lowering *lowering, const blok_region *region, bool *done,
                            blok_error *error) {
  product p;
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  return gemm_of(lowering, node, &p) ? lower(lowering, region, &p, done, error) : BLOK_OK;
}

blok_status blok_lower_matmul(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  product p;
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  return matmul_of(lowering, node, &p) ? lower(lowering, region, &p, done, error) : BLOK_OK;
}
