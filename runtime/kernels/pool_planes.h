// Sums and maxima over planes, small products and channel scales, over vector words: see pool.h.

// ---- Planes -------------------------------------------------------------------------------------

// Four chains, joined in one order.
BLOK_INLINE vf plane_part(const float *in, size_t pixels, const int what) {
  vf a = what == MAX ? vf_set(-INFINITY) : vf_zero(), b = a, c = a, d = a;
  size_t p = 0;
  for (; p + 4 <= pixels; p += 4, in += 4 * L) {
    a = meet(a, vf_load(in), what);
    b = meet(b, vf_load(in + L), what);
    c = meet(c, vf_load(in + 2 * L), what);
    d = meet(d, vf_load(in + 3 * L), what);
  }
  for (; p < pixels; p++, in += L) a = meet(a, vf_load(in), what);
  return meet(meet(a, b, what), meet(c, d, what), what);
}

BLOK_INLINE void plane_cells(const blok_planes_args *args, uint32_t first, uint32_t end,
                             const int what) {
  for (uint32_t cell = first; cell < end; cell++) {
    const uint32_t slot = cell % args->slots, plane = cell / args->slots;
    const uint32_t image = plane / args->blocks, block = plane % args->blocks;
    uint32_t from, to;
    blok_strip_rows(args->pixels, args->slots, slot, &from, &to);
    const float *in = args->in.data + image * args->in.batch_stride +
                      block * args->in.plane_stride + (size_t)from * L;
    float *out = args->out + (((size_t)image * args->slots + slot) * args->blocks + block) * L;
    vf_store(out, plane_part(in, to - from, what));
  }
}

static void sum_planes(const blok_planes_args *args, uint32_t first, uint32_t end) {
  plane_cells(args, first, end, AVERAGE);
}

static void max_planes(const blok_planes_args *args, uint32_t first, uint32_t end) {
  plane_cells(args, first, end, MAX);
}

// ---- Slots to results ---------------------------------------------------------------------------

// in: a vector of the first slot; stride: to the next slot's.
BLOK_INLINE vf join(const float *in, uint32_t slots, size_t stride, const int what) {
  vf x = vf_load(in);
  for (uint32_t slot = 1; slot < slots; slot++) x = meet(x, vf_load(in + slot * stride), what);
  return x;
}

BLOK_INLINE void join_cells(const blok_join_args *args, uint32_t first, uint32_t end,
                            const int what) {
  const uint32_t blocks = (args->channels + L - 1) / L;
  const size_t width = (size_t)blocks * L;
  const vf divisor = vf_set(args->divisor);
  for (uint32_t image = first; image < end; image++) {
    const float *in = args->in + (size_t)image * args->slots * width;
    float *out = args->out + image * args->batch_stride;
    for (uint32_t block = 0; block < blocks; block++, in += L, out += args->block_stride) {
      const uint32_t left = args->channels - block * L;
      const vf x = vf_div(join(in, args->slots, width, what), divisor);
      if (left >= L) {
        vf_store(out, x);
      } else {
        if (!args->row) vf_store(out, vf_zero());
        vf_store_n(out, x, left);
      }
    }
  }
}

static void join_sums(const blok_join_args *args, uint32_t first, uint32_t end) {
  join_cells(args, first, end, AVERAGE);
}

static void join_maxima(const blok_join_args *args, uint32_t first, uint32_t end) {
  join_cells(args, first, end, MAX);
}

// ---- Products -----------------------------------------------------------------------------------

// A panel of V vectors: even and odd inputs in chains of their own.
BLOK_INLINE void panel(const float *weights, const float *in, uint32_t inputs, float *out,
                       const int V) {
  vf even[BLOK_EXCITE_PANEL], odd[BLOK_EXCITE_PANEL];
  VF_UNROLL
  for (int v = 0; v < V; v++) even[v] = odd[v] = vf_zero();
  uint32_t k = 0;
  for (; k + 2 <= inputs; k += 2, weights += 2 * V * L) {
    const vf x = vf_broadcast(in + k), y = vf_broadcast(in + k + 1);
    VF_UNROLL
    for (int v = 0; v < V; v++) {
      even[v] = vf_fma(x, vf_load(weights + v * L), even[v]);
      odd[v] = vf_fma(y, vf_load(weights + (V + v) * L), odd[v]);
    }
  }
  if (k < inputs) {
    const vf x = vf_broadcast(in + k);
    VF_UNROLL
    for (int v = 0; v < V; v++) even[v] = vf_fma(x, vf_load(weights + v * L), even[v]);
  }
  VF_UNROLL
  for (int v = 0; v < V; v++) vf_store(out + v * L, vf_add(even[v], odd[v]));
}

// The vector that an image's cells multiply, in scratch or where it is.
static const float *excite_vector(const blok_excite_args *args, uint32_t image, float *scratch) {
  const size_t width = ((size_t)args->inputs + L - 1) / L * L;
  const float *in = args->in + (size_t)image * args->slots * width;
  if (args->slots == 1 && args->divisor == 1) return in;
  const vf divisor = vf_set(args->divisor);
  for (size_t c = 0; c < width; c += L) {
    vf_store(scratch + c, vf_div(join(in + c, args->slots, width, AVERAGE), divisor));
  }
  return scratch;
}

static void excite(const blok_excite_args *args, uint32_t first, uint32_t end, float *scratch) {
  static const blok_epilogue nothing;
  const uint32_t most = blok_excite_panels_per_cell(args->inputs, L) * BLOK_EXCITE_PANEL;
  const uint32_t blocks = (args->outputs + L - 1) / L;
  uint32_t at = UINT32_MAX;  // the image whose vector is in
  const float *in = NULL;
  for (uint32_t cell = first; cell < end; cell++) {
    const uint32_t image = cell % args->images, from = cell / args->images * most;
    const uint32_t stop = blocks - from < most ? blocks : from + most;
    if (image != at) in = excite_vector(args, image, scratch);
    at = image;
    float *out = args->out + (size_t)image * blocks * L;
    for (uint32_t block = from; block < stop; block += BLOK_EXCITE_PANEL) {
      const float *weights = args->weights + (size_t)block * L * args->inputs;
      float *to = out + (size_t)block * L;
      switch (stop - block) {
        case 1:
          panel(weights, in, args->inputs, to, 1);
          break;
        case 2:
          panel(weights, in, args->inputs, to, 2);
          break;
        case 3:
          panel(weights, in, args->inputs, to, 3);
          break;
        default:
          panel(weights, in, args->inputs, to, BLOK_EXCITE_PANEL);
          break;
      }
    }
    const blok_tile tile = {.out = out + (size_t)from * L,
                            .block_stride = L,
                            .rows = 1,
                            .blocks = stop - from,
                            .channel = from * L,
                            .channels = args->outputs};
    ISA_NAME(blok_epilogue)(args->epilogue ? args->epilogue : &nothing, &tile);
  }
}

// ---- Channel scale ------------------------------------------------------------------------------

static void scale(const blok_scale_args *args, uint32_t first, uint32_t end) {
  for (uint32_t cell = first; cell < end; cell++) {
    const uint32_t strip = cell % args->strips, plane = cell / args->strips;
    const uint32_t image = plane / args->blocks, block = plane % args->blocks;
    uint32_t from, to;
    blok_strip_rows(args->pixels, args->strips, strip, &from, &to);
    const float *in = args->in.data + image * args->in.batch_stride + block * args->in.plane_stride;
    float *out = args->out.data + image * args->out.batch_stride + block * args->out.plane_stride;
    const vf factor = vf_load(args->scale + image * args->scale_stride + (size_t)block * L);
    for (size_t p = from; p < to; p++) vf_store(out + p * L, vf_mul(vf_load(in + p * L), factor));
  }
}
