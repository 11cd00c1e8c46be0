// Packing weights: from any strides into [panel][chunk][tap][input channel][output channel].
//
// Load time is mostly this, so two sources have loops of their own: rows of an output channel whose
// inputs and taps follow one another (a convolution's weights, the second operand of a product
// transposed), four by four through registers; and matrices whose output channels do, copied.
#include <string.h>

#include "runtime/kernels/conv_inside.h"

typedef float four __attribute__((vector_size(16)));

static four load_four(const float *p) {
  four x;
  memcpy(&x, p, sizeof x);
  return x;
}
static void store_four(float *p, four x) { memcpy(p, &x, sizeof x); }

// The part of a panel that is filled at a time: one chunk.
typedef struct part {
  const blok_conv_filter *filter;
  const blok_conv_source *source;
  uint32_t channel, width;   // outputs
  uint32_t in, in_channels;  // inputs
  float *to;                 // [tap][in_channels][width]
} part;

static const float *weight_at(const part *p, uint32_t o, uint32_t c) {
  const blok_conv_filter *f = p->filter;
  const uint32_t group = o / (f->out_channels / f->groups);
  const uint32_t inner = c - group * (f->in_channels / f->groups);
  const blok_conv_source *s = p->source;
  return s->data + o * s->out + inner * s->in + group * s->group;
}

// True when the output channel's group has the input channel.
static bool joined(const part *p, uint32_t o, uint32_t c) {
  const blok_conv_filter *f = p->filter;
  return o < f->out_channels && c < f->in_channels &&
         o / (f->out_channels / f->groups) == c / (f->in_channels / f->groups);
}

// Output channels [first, last) of the part, whatever the strides; zeros where nothing is joined.
static void fill_any(const part *p, uint32_t first, uint32_t last) {
  const blok_conv_filter *f = p->filter;
  const blok_conv_source *s = p->source;
  for (uint32_t i = first; i < last; i++) {
    const uint32_t o = p->channel + i;
    const float by = s->scale && o < f->out_channels ? s->scale[o] : 1.0f;
    for (uint32_t c = 0; c < p->in_channels; c++) {
      const bool any = joined(p, o, p->in + c);
      const float *from = any ? weight_at(p, o, p->in + c) : NULL;
      float *to = p->to + (size_t)c * p->width + i;
      const size_t step = (size_t)p->in_channels * p->width;
      for (uint32_t y = 0; y < f->kernel_h; y++) {
        for (uint32_t x = 0; x < f->kernel_w; x++, to += step) {
          *to = any ? from[y * s->tap_h + x * s->tap_w] * by : 0;
        }
      }
    }
  }
}

// Four output channels from i on, whose weights of all inputs and taps of the part follow one
// another.
static void fill_rows(const part *p, uint32_t i) {
  const blok_conv_source *s = p->source;
  const uint32_t taps = p->filter->kernel_h * p->filter->kernel_w, o = p->channel + i;
  const float *rows[4];
  four by = {1, 1, 1, 1};
  for (uint32_t k = 0; k < 4; k++) rows[k] = weight_at(p, o + k, p->in);
  if (s->scale) by = load_four(s->scale + o);
  const size_t width = p->width, count = (size_t)p->in_channels * taps;
  // Of one input to the next tap, and from its last tap to the next input's first.
  const size_t tap_step = p->in_channels * width, back = tap_step * taps - width;
  float *to = p->to + i;
  uint32_t tap = 0;
  size_t n = 0;
#define PUT(x)              \
  do {                      \
    store_four(to, (x)*by); \
    to += tap_step;         \
    if (++tap == taps) {    \
      tap = 0;              \
      to -= back;           \
    }                       \
  } while (0)
  for (; n + 4 <= count; n += 4) {
    const four a = load_four(rows[0] + n), b = load_four(rows[1] + n);
    const four c = load_four(rows[2] + n), d = load_four(rows[3] + n);
    const four ac = __builtin_shufflevector(a, c, 0, 4, 1, 5);
    const four bd = __builtin_shufflevector(b, d, 0, 4, 1, 5);
    const four ca = __builtin_shufflevector(a, c, 2, 6, 3, 7);
    const four db = __builtin_shufflevector(b, d, 2, 6, 3, 7);
    PUT(__builtin_shufflevector(ac, bd, 0, 4, 1, 5));
    PUT(__builtin_shufflevector(ac, bd, 2, 6, 3, 7));
    PUT(__builtin_shufflevector(ca, db, 0, 4, 1, 5));
    PUT(__builtin_shufflevector(ca, db, 2, 6, 3, 7));
  }
  for (; n < count; n++) {
    const four x = {rows[0][n], rows[1][n], rows[2][n], rows[3][n]};
    PUT(x);
  }
#undef PUT
}

// The part of a matrix where output channels follow one another.
static void fill_columns(const part *p) {
  const blok_conv_source *s = p->source;
  const uint32_t left = p->filter->out_channels - p->channel;
  const uint32_t whole = (left < p->width ? left : p->width) / 4 * 4;
  for (uint32_t c = 0; c < p->in_channels; c++) {
    const float *from = weight_at(p, p->channel, p->in + c);
    float *to = p->to + (size_t)c * p->width;
    for (uint32_t i = 0; i < whole; i += 4) {
      four x = load_four(from + i);
      if (s->scale) x *= load_four(s->scale + p->channel + i);
      store_four(to + i, x);
    }
  }
  fill_any(p, whole, p->width);
}

static void fill(const part *p) {
  const blok_conv_filter *f = p->filter;
  const blok_conv_source *s = p->source;
  const ptrdiff_t taps = (ptrdiff_t)f->kernel_h * f->kernel_w;
  const bool rows = s->in == taps && s->tap_w == 1 && s->tap_h == (ptrdiff_t)f->kernel_w;
  const uint32_t last_in = p->in + p->in_channels - 1;
  for (uint32_t i = 0; i < p->width; i += 4) {
    const uint32_t o = p->channel + i;
    const bool whole = rows && o + 3 < f->out_channels && joined(p, o, p->in) &&
                       joined(p, o + 3, last_in) && joined(p, o, last_in);
    if (whole) {
      fill_rows(p, i);
    } else {
      fill_any(p, i, i + 4);
    }
  }
}

// A matrix whose rows are input channels: a few rows at a time over all panels, so that each page
// of the matrix is visited once.
static void pack_columns(const blok_conv_filter *filter, const blok_conv_source *source,
                         uint32_t first, uint32_t last, float *packed) {
  enum { ROWS = 16 };
  for (uint32_t c = 0; c < filter->cover; c += ROWS) {
    const uint32_t end = filter->cover - c < ROWS ? filter->cover : c + ROWS;
    for (uint32_t i = first; i < last; i++) {
      blok_conv_panel panel;
      blok_conv_panel_of(filter, i, &panel);
      part p = {.filter = filter,
                .source = source,
                .channel = panel.first_block * filter->lanes,
                .width = panel.blocks * filter->lanes,
                .in = c,
                .in_channels = end - c};
      p.to = packed + blok_conv_panel_at(filter, &panel) + (size_t)c * p.width;
      fill_columns(&p);
    }
  }
}

void blok_conv_pack(const blok_conv_filter *filter, const blok_conv_source *source, uint32_t first,
                    uint32_t last, float *packed) {
  const uint32_t taps = filter->kernel_h * filter->kernel_w;
  if (filter->floats == 0) return;
  // With one tap chunks change nothing: the inputs follow one another over all of them.
  if (taps == 1 && filter->groups == 1 && source->out == 1) {
    pack_columns(filter, source, first, last, packed);
    return;
  }
  for (uint32_t i = first; i < last; i++) {
    blok_conv_panel panel;
    blok_conv_panel_of(filter, i, &panel);
    const uint32_t step = filter->chunk * filter->lanes, in = panel.in_block * filter->lanes;
    part p = {.filter = filter,
              .source = source,
              .channel = panel.first_block * filter->lanes,
              .width = panel.blocks * filter->lanes};
    for (uint32_t c = 0; c < filter->cover; c += step) {
      p.in = in + c;
      p.in_channels = filter->cover - c < step ? filter->cover - c : step;
      p.to = packed + blok_conv_panel_at(filter, &panel) + (size_t)c * taps * p.width;
      fill(&p);
    }
  }
}
