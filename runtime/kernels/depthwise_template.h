// Depthwise and narrow groups over vector words: see depthwise.h.
//
// Everything grows out of one function, `outputs`, which computes N neighbouring pixels of a row in
// registers and is compiled with its parameters constant: kernel width, stride, how a lane finds
// its input, and whether the pixels may need columns outside the picture. The including file sets
// WIDE, the pixels of a full group: their sums and a row of taps should fill the registers.
#include <math.h>

#include "runtime/kernels/depthwise.h"

enum {
  L = VF_LANES,
  NARROW = WIDE / 2 + 1,  // pixels of the last group of a row, where so few remain
  TAPS = 7,               // most taps of a row that stay in registers
  TILE = 1024             // floats that the epilogue takes at once: 4 KB
};

// How the lanes of an output find their input: the same lane; one of four, by a permutation that is
// a constant (groups of four) or a variable; any one; one for all of them.
enum { OWN, FOUR, WITHIN_4, ANY_LANE, SAME };

// What a cell's pixels share.
typedef struct work {
  const blok_depthwise_args *args;
  const float *in;       // plane of the input block; SAME: of the image's first
  const float *weights;  // of the block of outputs
  float *out;            // its plane
  size_t input;          // SAME: the group's first input channel
  vp lanes;              // WITHIN_4, ANY_LANE: of the group's first input
  // An epilogue of no more than bias and bounds is done in registers.
  vf bias, low, high;
  bool bounds;
} work;

// What a row of outputs shares: the rows of taps that fall into the picture.
typedef struct row {
  const float *in;       // first column of the input row of the first of them
  const float *weights;  // of the first
  float *out;
  size_t step;  // floats from one input row to the next
  uint32_t count;
  uint32_t inputs;  // of a group
  int64_t width;    // columns of the input
  int64_t reach;    // columns from the first that WIDE pixels need to the last
  const work *work;
  // Any taps:
  int64_t stride, dilation;
  uint32_t taps;
} row;

// Where input k of the group is, in a row that begins at in.
BLOK_INLINE const float *input_of(const row *r, const float *in, uint32_t k, const int kind) {
  if (kind != SAME) return in;
  const size_t channel = r->work->input + k;
  return in + channel / L * r->work->args->in.plane_stride + channel % L;
}

// k: of kind FOUR, a constant.
BLOK_INLINE vf load_input(const float *p, vp lanes, const int k, const int kind) {
  if (kind == SAME) return vf_broadcast(p);
  if (kind == FOUR) {
    switch (k) {
      case 0:
        return vf_load_swizzle4(p, 0);
      case 1:
        return vf_load_swizzle4(p, 1);
      case 2:
        return vf_load_swizzle4(p, 2);
      default:
        return vf_load_swizzle4(p, 3);
    }
  }
  const vf x = vf_load(p);
  if (kind == WITHIN_4) return vf_permute4(x, lanes);
  return kind == ANY_LANE ? vf_permute(x, lanes) : x;
}

BLOK_INLINE vp lanes_of(const row *r, uint32_t k, const int kind) {
  const vp lanes = r->work->lanes;
  return kind == WITHIN_4 || kind == ANY_LANE ? vp_plus(lanes, (int32_t)k) : lanes;
}

BLOK_INLINE void store_pixels(const row *r, float *out, vf *sum, uint32_t n, const int N,
                              const bool all) {
  if (r->work->bounds) {
    const vf low = r->work->low, high = r->work->high;
    VF_UNROLL
    for (int i = 0; i < N; i++) sum[i] = vf_min(high, vf_max(low, sum[i]));
  }
  VF_UNROLL
  for (int i = 0; i < N; i++) {
    if (all || (uint32_t)i < n) vf_store(out + i * L, sum[i]);
  }
}

// Adds the taps of one input of the group in one row.
BLOK_INLINE void add_taps(vf *sum, const float *in, const float *weights, int64_t column,
                          int64_t width, vp lanes, const int k, const int K, const int S,
                          const int N, const bool inside, const int kind) {
  vf tap[TAPS];
  VF_UNROLL
  for (int t = 0; t < K; t++) tap[t] = vf_load(weights + t * L);
  VF_UNROLL
  for (int j = 0; j < (N - 1) * S + K; j++) {
    if (!inside && (uint64_t)(column + j) >= (uint64_t)width) continue;
    const vf value = load_input(in + j * L, lanes, k, kind);
    VF_UNROLL
    for (int i = 0; i < N; i++) {
      const int t = j - i * S;
      if (t >= 0 && t < K) sum[i] = vf_fma(value, tap[t], sum[i]);
    }
  }
}

// The sums of n <= N pixels, with taps K wide, stride S and no dilation; the first pixel has its
// first tap on column. inside: no tap of N pixels falls outside the columns.
BLOK_INLINE void outputs(const row *r, int64_t column, float *out, uint32_t n, const int K,
                         const int S, const int N, const bool inside, const int kind) {
  const uint32_t inputs = kind == OWN ? 1 : r->inputs;
  const float *weights = r->weights;
  const float *in_row = r->in + column * L;
  const vp none = r->work->lanes;
  vf sum[WIDE];
  VF_UNROLL
  for (int i = 0; i < N; i++) sum[i] = r->work->bias;
  for (uint32_t y = 0; y < r->count; y++, in_row += r->step) {
    if (kind == FOUR) {
      add_taps(sum, in_row, weights, column, r->width, none, 0, K, S, N, inside, kind);
      add_taps(sum, in_row, weights + K * L, column, r->width, none, 1, K, S, N, inside, kind);
      add_taps(sum, in_row, weights + 2 * K * L, column, r->width, none, 2, K, S, N, inside, kind);
      add_taps(sum, in_row, weights + 3 * K * L, column, r->width, none, 3, K, S, N, inside, kind);
      weights += 4 * K * L;
      continue;
    }
    for (uint32_t k = 0; k < inputs; k++, weights += K * L) {
      add_taps(sum, input_of(r, in_row, k, kind), weights, column, r->width, lanes_of(r, k, kind),
               0, K, S, N, inside, kind);
    }
  }
  store_pixels(r, out, sum, n, N, inside);
}

// The same for any taps, stride and dilation, and N = WIDE.
BLOK_INLINE void outputs_of_any(const row *r, int64_t column, float *out, uint32_t n,
                                const bool inside, const int kind) {
  const uint32_t inputs = kind == OWN ? 1 : r->inputs;
  const float *weights = r->weights;
  const float *in_row = r->in;
  const int64_t stride = r->stride;
  vf sum[WIDE];
  VF_UNROLL
  for (int i = 0; i < WIDE; i++) sum[i] = r->work->bias;
  for (uint32_t y = 0; y < r->count; y++, in_row += r->step) {
    for (uint32_t k = 0; k < inputs; k++) {
      const float *in = input_of(r, in_row, k, kind);
      const vp lanes = lanes_of(r, k, kind);
      for (uint32_t t = 0; t < r->taps; t++, weights += L) {
        const vf tap = vf_load(weights);
        const int64_t at = column + t * r->dilation;
        VF_UNROLL
        for (int i = 0; i < WIDE; i++) {
          const int64_t c = at + i * stride;
          if (!inside && (uint64_t)c >= (uint64_t)r->width) continue;
          sum[i] = vf_fma(load_input(in + c * L, lanes, 0, kind), tap, sum[i]);
        }
      }
    }
  }
  store_pixels(r, out, sum, n, WIDE, inside);
}

// The pixels of a row. K is 0 for any taps, stride and dilation.
BLOK_INLINE void outputs_row(const row *r, uint32_t width, int64_t pad, const int K, const int S,
                             const int kind) {
  const int64_t stride = K ? S : r->stride;
  uint32_t x = 0;
  while (x < width) {
    int64_t column = x * stride - pad;
    if (column >= 0 && x + WIDE <= width && column + r->reach < r->width) {
      float *out = r->out + (size_t)x * L;
      do {
        if (K) {
          outputs(r, column, out, WIDE, K, S, WIDE, true, kind);
        } else {
          outputs_of_any(r, column, out, WIDE, true, kind);
        }
        out += WIDE * L;
        column += WIDE * stride;
        x += WIDE;
      } while (x + WIDE <= width && column + r->reach < r->width);
      continue;
    }
    if (K && width - x <= NARROW) {
      outputs(r, column, r->out + (size_t)x * L, width - x, K, S, NARROW, false, kind);
      break;
    }
    if (width - x < WIDE && width >= WIDE) x = width - WIDE;  // some of them once more
    const uint32_t n = width - x < WIDE ? width - x : WIDE;
    column = x * stride - pad;
    if (K) {
      outputs(r, column, r->out + (size_t)x * L, n, K, S, WIDE, false, kind);
    } else {
      outputs_of_any(r, column, r->out + (size_t)x * L, n, false, kind);
    }
    x += n;
  }
}

// Rows y..end of outputs.
BLOK_INLINE void outputs_rows(const work *w, uint32_t y, uint32_t end, const int K, const int S,
                              const int kind) {
  const blok_plane_window *window = &w->args->window;
  const size_t in_row = (size_t)window->in_w * L, out_row = (size_t)window->out_w * L;
  const size_t weights_row = (size_t)w->args->group_in * window->kernel_w * L;
  const int64_t stride = K ? S : (int64_t)window->stride_w;
  const int64_t across = K ? K - 1 : ((int64_t)window->kernel_w - 1) * window->dilation_w;
  for (; y < end; y++) {
    const int64_t top = (int64_t)y * window->stride_h - window->pad_top;
    uint32_t first, last;
    blok_taps_inside(top, window->in_h, window->kernel_h, window->dilation_h, &first, &last);
    const row r = {.in = w->in + (top + (int64_t)first * window->dilation_h) * (int64_t)in_row,
                   .weights = w->weights + first * weights_row,
                   .out = w->out + y * out_row,
                   .step = window->dilation_h * in_row,
                   .count = last - first,
                   .inputs = w->args->group_in,
                   .width = window->in_w,
                   .reach = (WIDE - 1) * stride + across,
                   .work = w,
                   .stride = stride,
                   .dilation = window->dilation_w,
                   .taps = window->kernel_w};
    outputs_row(&r, window->out_w, window->pad_left, K, S, kind);
  }
}

typedef void (*rows_function)(const work *w, uint32_t y, uint32_t end);

#define ROWS(name, K, S, kind) \
  static void name(const work *w, uint32_t y, uint32_t end) { outputs_rows(w, y, end, K, S, kind); }
ROWS(own_3_1, 3, 1, OWN)
ROWS(own_3_2, 3, 2, OWN)
ROWS(own_5_1, 5, 1, OWN)
ROWS(own_5_2, 5, 2, OWN)
ROWS(own_7_1, 7, 1, OWN)
ROWS(own_any, 0, 0, OWN)
ROWS(four_3_1, 3, 1, FOUR)
ROWS(four_3_2, 3, 2, FOUR)
ROWS(within_4_any, 0, 0, WITHIN_4)
ROWS(any_lane_any, 0, 0, ANY_LANE)
ROWS(same_3_1, 3, 1, SAME)
ROWS(same_3_2, 3, 2, SAME)
ROWS(same_any, 0, 0, SAME)
#undef ROWS

static const struct {
  int kind;
  uint32_t width, stride;  // 0, 0: any
  rows_function function;
} rows[] = {{OWN, 3, 1, own_3_1},           {OWN, 3, 2, own_3_2},   {OWN, 5, 1, own_5_1},
            {OWN, 5, 2, own_5_2},           {OWN, 7, 1, own_7_1},   {OWN, 0, 0, own_any},
            {FOUR, 3, 1, four_3_1},         {FOUR, 3, 2, four_3_2}, {WITHIN_4, 0, 0, within_4_any},
            {ANY_LANE, 0, 0, any_lane_any}, {SAME, 3, 1, same_3_1}, {SAME, 3, 2, same_3_2},
            {SAME, 0, 0, same_any}};

static rows_function choose(const blok_plane_window *window, int kind) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].kind != kind) continue;
    if (rows[i].width == 0 || (rows[i].width == window->kernel_w && window->dilation_w == 1 &&
                               rows[i].stride == window->stride_w)) {
      return rows[i].function;
    }
  }
  return within_4_any;  // FOUR
}

static int kind_of(const blok_depthwise_args *args) {
  if (args->group_out % L == 0) return SAME;
  if (args->group_in == 1 && args->group_out == 1) return OWN;
  if (args->group_in != args->group_out) return ANY_LANE;
  if (args->group_out == 4) return FOUR;
  return args->group_out == 2 ? WITHIN_4 : ANY_LANE;
}

static void find_inputs(work *w, uint32_t image, uint32_t block, int kind) {
  const blok_depthwise_args *args = w->args;
  w->in = args->in.data + image * args->in.batch_stride;
  // The group of the block's first lane begins at a lane's whole number of groups: see
  // blok_depthwise_fits.
  const size_t input = (size_t)block * L / args->group_out * args->group_in;
  int32_t lanes[L];
  for (uint32_t i = 0; i < L; i++) {
    lanes[i] = (int32_t)(input % L + i / args->group_out * args->group_in);
  }
  w->lanes = vp_load(lanes);
  w->input = input;
  if (kind != SAME) w->in += input / L * args->in.plane_stride;
}

// The epilogue on the rows that begin at y of one plane.
static void finish_rows(const work *w, const blok_epilogue *epilogue, float *sums, uint32_t image,
                        uint32_t block, uint32_t y, uint32_t rows_done) {
  const blok_depthwise_args *args = w->args;
  const size_t offset = (size_t)y * args->window.out_w * L;
  blok_tile tile = {.out = w->out + offset,
                    .row_stride = L,
                    .rows = rows_done * args->window.out_w,
                    .blocks = 1,
                    .channel = block * L,
                    .channels = args->channels,
                    .sums = sums};
  if (args->residual.data) {
    tile.residual = args->residual.data + image * args->residual.batch_stride +
                    block * args->residual.plane_stride + offset;
    tile.residual_row_stride = L;
  }
  ISA_NAME(blok_epilogue)(epilogue, &tile);
}

// True when the epilogue of a whole block can be done in registers, which is then asked for.
static bool finish_in_registers(work *w, uint32_t block) {
  const blok_depthwise_args *args = w->args;
  const blok_epilogue *e = args->epilogue;
  const bool whole = (block + 1) * L <= args->channels;
  if (!whole || args->residual.data || args->sums || e->mul || e->scale ||
      e->after.kind != BLOK_FN_NONE) {
    return false;
  }
  switch ((int)e->act.kind) {
    case BLOK_FN_NONE:
      break;
    case BLOK_FN_RELU:
      w->low = vf_zero();
      break;
    case BLOK_FN_CLIP:
      w->low = vf_set(e->act.a);
      w->high = vf_set(e->act.b);
      break;
    default:
      return false;
  }
  w->bounds = e->act.kind != BLOK_FN_NONE;
  if (e->bias) w->bias = vf_load(e->bias + (size_t)block * L);
  return true;
}

static void run_cell(const blok_depthwise_args *args, rows_function function, int kind,
                     uint32_t image, uint32_t block, uint32_t strip) {
  const blok_plane_window *window = &args->window;
  work w = {.args = args,
            .weights = args->weights +
                       (size_t)block * args->group_in * window->kernel_h * window->kernel_w * L,
            .out = args->out.data + image * args->out.batch_stride + block * args->out.plane_stride,
            .bias = vf_zero(),
            .low = vf_set(-INFINITY),
            .high = vf_set(INFINITY)};
  find_inputs(&w, image, block, kind);
  blok_epilogue epilogue = {0};
  if (args->epilogue) epilogue = *args->epilogue;
  if (epilogue.scale) epilogue.scale += image * args->scale_stride;
  const bool plain = !args->epilogue && !args->sums && !args->residual.data;
  const bool finished = plain || (args->epilogue && finish_in_registers(&w, block));
  float *sums = NULL;
  if (args->sums) {
    sums = args->sums + strip * args->sums_slot_stride + image * args->sums_batch_stride;
    vf_store(sums + (size_t)block * L, vf_zero());
  }
  uint32_t y, end;
  blok_strip_rows(window->out_h, args->strips, strip, &y, &end);
  const uint32_t fit = TILE / (window->out_w * L);
  const uint32_t tile_rows = fit > 0 ? fit : 1;
  while (y < end) {
    const uint32_t count = end - y < tile_rows ? end - y : tile_rows;
    function(&w, y, y + count);
    if (!finished) {
      finish_rows(&w, &epilogue, sums, image, block, y, count);
    }
    y += count;
  }
}

static void run(const blok_depthwise_args *args, uint32_t first, uint32_t end) {
  const uint32_t blocks = (args->channels + L - 1) / L;
  const int kind = kind_of(args);
  const rows_function function = choose(&args->window, kind);
  for (uint32_t cell = first; cell < end; cell++) {
    const uint32_t plane = cell / args->strips;
    run_cell(args, function, kind, plane / blocks, plane % blocks, cell % args->strips);
  }
}

const blok_depthwise_kernels ISA_NAME(blok_depthwise_kernels) = {.run = run};
