// Maximum and average over windows, over vector words: see pool.h.
//
// Pixels of a row are computed WIDE at a time, each in a register; the taps of the window run
// outside. Taps outside the picture are left out.
enum {
  L = VF_LANES,
  WIDE = 8,
  TILE = 1024  // floats that the epilogue takes at once: 4 KB
};

enum { MAX, AVERAGE };

// Taps in the picture along one axis, and of an average whose padding counts those in the padded
// one, from tap 0 on at start.
typedef struct taps {
  uint32_t first, end;
  uint32_t counted;
} taps;

BLOK_INLINE taps find_taps(int64_t start, uint32_t size, int32_t pad_end, uint32_t kernel,
                           uint32_t dilation, bool include_pad) {
  taps t;
  blok_taps_inside(start, size, kernel, dilation, &t.first, &t.end);
  t.counted = t.end - t.first;
  if (include_pad) {
    const int64_t room = (int64_t)size + pad_end - start;
    const int64_t most = room > 0 ? (room + dilation - 1) / dilation : 0;
    t.counted = most < kernel ? (uint32_t)most : kernel;
  }
  return t;
}

// A maximum that is NaN once it has met one.
BLOK_INLINE vf larger(vf so_far, vf x) {
  return vf_select(vf_nan(so_far), so_far, vf_max(so_far, x));
}

BLOK_INLINE vf meet(vf so_far, vf x, const int what) {
  return what == MAX ? larger(so_far, x) : vf_add(so_far, x);
}

// WIDE pixels all of whose taps are in the picture's columns. in: at tap 0 of the first one.
BLOK_INLINE void inner_pixels(const blok_plane_window *window, const float *in, uint32_t rows,
                              float *out, float count, const int what) {
  const size_t across = window->stride_w * (size_t)L, step = window->dilation_w * (size_t)L;
  const size_t down = (size_t)window->dilation_h * window->in_w * L;
  vf so_far[WIDE];
  VF_UNROLL
  for (int i = 0; i < WIDE; i++) so_far[i] = what == MAX ? vf_set(-INFINITY) : vf_zero();
  for (uint32_t y = 0; y < rows; y++, in += down) {
    const float *tap = in;
    for (uint32_t x = 0; x < window->kernel_w; x++, tap += step) {
      VF_UNROLL
      for (int i = 0; i < WIDE; i++) so_far[i] = meet(so_far[i], vf_load(tap + i * across), what);
    }
  }
  const vf divisor = vf_set(count);
  VF_UNROLL
  for (int i = 0; i < WIDE; i++) {
    vf_store(out + i * L, what == MAX ? so_far[i] : vf_div(so_far[i], divisor));
  }
}

// One pixel whose window begins at column.
BLOK_INLINE void edge_pixel(const blok_pool_args *args, const float *in, int64_t column,
                            uint32_t rows, uint32_t counted, float *out, const int what) {
  const blok_plane_window *window = &args->window;
  const taps t = find_taps(column, window->in_w, window->pad_right, window->kernel_w,
                           window->dilation_w, args->include_pad);
  const size_t down = (size_t)window->dilation_h * window->in_w * L;
  vf so_far = what == MAX ? vf_set(-INFINITY) : vf_zero();
  for (uint32_t y = 0; y < rows; y++, in += down) {
    for (uint32_t x = t.first; x < t.end; x++) {
      const int64_t at = column + (int64_t)x * window->dilation_w;
      so_far = meet(so_far, vf_load(in + at * L), what);
    }
  }
  if (what == AVERAGE) so_far = vf_div(so_far, vf_set((float)((uint64_t)counted * t.counted)));
  vf_store(out, so_far);
}

BLOK_INLINE void pool_row(const blok_pool_args *args, const float *plane, float *out, uint32_t y,
                          const int what) {
  const blok_plane_window *window = &args->window;
  const int64_t top = (int64_t)y * window->stride_h - window->pad_top;
  const taps t = find_taps(top, window->in_h, window->pad_bottom, window->kernel_h,
                           window->dilation_h, args->include_pad);
  const float *in = plane + (top + (int64_t)t.first * window->dilation_h) * window->in_w * L;
  const uint32_t rows = t.end - t.first, width = window->out_w;
  const float count = (float)((uint64_t)t.counted * window->kernel_w);
  const int64_t reach =
      (WIDE - 1) * (int64_t)window->stride_w + ((int64_t)window->kernel_w - 1) * window->dilation_w;
  uint32_t x = 0;
  while (x < width) {
    const int64_t column = (int64_t)x * window->stride_w - window->pad_left;
    if (column >= 0 && x + WIDE <= width && column + reach < (int64_t)window->in_w) {
      inner_pixels(window, in + column * L, rows, out + (size_t)x * L, count, what);
      x += WIDE;
    } else {
      edge_pixel(args, in, column, rows, t.counted, out + (size_t)x * L, what);
      x++;
    }
  }
}

static void finish_rows(const blok_pool_args *args, float *out, float *sums, uint32_t image,
                        uint32_t block, uint32_t y, uint32_t rows) {
  static const blok_epilogue nothing;
  const size_t offset = (size_t)y * args->window.out_w * L;
  blok_tile tile = {.out = out + offset,
                    .row_stride = L,
                    .rows = rows * args->window.out_w,
                    .blocks = 1,
                    .channel = block * L,
                    .channels = args->channels,
                    .sums = sums};
  if (args->residual.data) {
    tile.residual = args->residual.data + image * args->residual.batch_stride +
                    block * args->residual.plane_stride + offset;
    tile.residual_row_stride = L;
  }
  ISA_NAME(blok_epilogue)(args->epilogue ? args->epilogue : &nothing, &tile);
}

BLOK_INLINE void pool_cell(const blok_pool_args *args, uint32_t image, uint32_t block,
                           uint32_t strip, const int what) {
  const blok_plane_window *window = &args->window;
  const float *in = args->in.data + image * args->in.batch_stride + block * args->in.plane_stride;
  float *out = args->out.data + image * args->out.batch_stride + block * args->out.plane_stride;
  float *sums = NULL;
  if (args->sums) {
    sums = args->sums + strip * args->sums_slot_stride + image * args->sums_batch_stride;
    vf_store(sums + (size_t)block * L, vf_zero());
  }
  // Windows without elements leave something else than 0 in padding lanes.
  const bool finish =
      args->epilogue || sums || args->residual.data || (block + 1) * L > args->channels;
  uint32_t y, end;
  blok_strip_rows(window->out_h, args->strips, strip, &y, &end);
  const uint32_t fit = TILE / (window->out_w * L);
  const uint32_t tile_rows = fit > 0 ? fit : 1;
  while (y < end) {
    const uint32_t rows = end - y < tile_rows ? end - y : tile_rows;
    for (uint32_t i = 0; i < rows; i++) {
      pool_row(args, in, out + (size_t)(y + i) * window->out_w * L, y + i, what);
    }
    if (finish) finish_rows(args, out, sums, image, block, y, rows);
    y += rows;
  }
}

BLOK_INLINE void pool_cells(const blok_pool_args *args, uint32_t first, uint32_t end,
                            const int what) {
  const uint32_t blocks = (args->channels + L - 1) / L;
  for (uint32_t cell = first; cell < end; cell++) {
    const uint32_t plane = cell / args->strips;
    pool_cell(args, plane / blocks, plane % blocks, cell % args->strips, what);
  }
}

static void max(const blok_pool_args *args, uint32_t first, uint32_t end) {
  pool_cells(args, first, end, MAX);
}

static void average(const blok_pool_args *args, uint32_t first, uint32_t end) {
  pool_cells(args, first, end, AVERAGE);
}
