// Channels of blocked values gathered into another: see layout.h.
//
// The lanes of a destination block come from a few blocks of the sources. Each of these is one
// part: a permutation of its lanes and a mask of the destination's; an output vector is the parts'
// vectors permuted and laid over one another. A block that is another, lane by lane, is copied.
#ifndef BLOK_KERNELS_LAYOUT_CHANNELS_H
#define BLOK_KERNELS_LAYOUT_CHANNELS_H

#include <string.h>

#include "runtime/kernels/layout_reorder.h"

typedef struct lane_part {
  const float *from;  // the source's block of image 0
  size_t batch;
  int32_t order[VF_LANES];
  float mask[VF_LANES];  // 1: this lane comes from here
} lane_part;

typedef struct block_parts {
  uint32_t n;
  bool whole;  // one part whose lanes stay in order, and none is 0 that is not so there
  lane_part parts[VF_LANES];
} block_parts;

static lane_part *part_of(block_parts *self, const blok_lane_source *source, const float *from) {
  for (uint32_t i = self->n; i-- > 0;) {
    if (self->parts[i].from == from) return &self->parts[i];
  }
  lane_part *part = &self->parts[self->n++];
  memset(part, 0, sizeof *part);
  part->from = from;
  part->batch = source->batch;
  return part;
}

static void find_parts(const blok_channel_move *job, size_t block, block_parts *self) {
  const uint32_t used = lanes_used(job->channels, block);
  self->n = 0;
  bool in_order = used == VF_LANES;
  for (uint32_t lane = 0; lane < used; lane++) {
    const blok_lane *given = &job->lanes[block * VF_LANES + lane];
    if (given->source == BLOK_LANE_ZERO) {
      in_order = false;
      continue;
    }
    const blok_lane_source *source = &job->sources[given->source];
    const float *from = source->data + given->channel / VF_LANES * source->plane;
    lane_part *part = part_of(self, source, from);
    part->order[lane] = (int32_t)(given->channel % VF_LANES);
    part->mask[lane] = 1;
    in_order = in_order && given->channel % VF_LANES == lane;
  }
  self->whole = in_order && self->n == 1;
}

typedef struct loaded_part {
  const float *from;
  vp order;
  vm mask;
} loaded_part;

BLOK_INLINE loaded_part load_part(const lane_part *part, size_t offset) {
  const loaded_part loaded = {part->from + offset, vp_load(part->order),
                              vf_eq(vf_load(part->mask), vf_set(1))};
  return loaded;
}

BLOK_INLINE vf lay_over(const loaded_part *part, size_t at, vf under) {
  return vf_select(part->mask, vf_permute(vf_load(part->from + at), part->order), under);
}

// Lays the parts over one another, pixel by pixel.
static void lay_parts(const block_parts *self, const size_t *offsets, float *to, size_t pixels) {
  const size_t end = pixels * VF_LANES;
  if (self->n == 0) {
    for (size_t at = 0; at < end; at += VF_LANES) vf_store(to + at, vf_zero());
    return;
  }
  const loaded_part first = load_part(&self->parts[0], offsets[0]);
  if (self->n == 1) {
    for (size_t at = 0; at < end; at += VF_LANES)
      vf_store(to + at, lay_over(&first, at, vf_zero()));
    return;
  }
  const loaded_part second = load_part(&self->parts[1], offsets[1]);
  if (self->n == 2) {
    for (size_t at = 0; at < end; at += VF_LANES) {
      vf_store(to + at, lay_over(&second, at, lay_over(&first, at, vf_zero())));
    }
    return;
  }
  loaded_part more[VF_LANES];
  for (uint32_t i = 2; i < self->n; i++) more[i] = load_part(&self->parts[i], offsets[i]);
  for (size_t at = 0; at < end; at += VF_LANES) {
    vf sum = lay_over(&second, at, lay_over(&first, at, vf_zero()));
    for (uint32_t i = 2; i < self->n; i++) sum = lay_over(&more[i], at, sum);
    vf_store(to + at, sum);
  }
}

static void ISA_NAME(move_channels)(const blok_channel_move *job, size_t first, size_t last) {
  const size_t chunks = (job->pixels + BLOK_CHANNEL_PIXELS - 1) / BLOK_CHANNEL_PIXELS;
  const size_t blocks = ((size_t)job->channels + VF_LANES - 1) / VF_LANES;
  block_parts parts;
  size_t known = SIZE_MAX;
  // The images of a block follow one another, so that its parts are found once.
  for (size_t index = first; index < last; index++) {
    const size_t begin = index % chunks * BLOK_CHANNEL_PIXELS;
    const size_t image = index / chunks % job->images, block = index / chunks / job->images;
    if (block >= blocks) return;
    if (block != known) find_parts(job, block, &parts);
    known = block;
    size_t offsets[VF_LANES];
    for (uint32_t i = 0; i < parts.n; i++) {
      offsets[i] = image * parts.parts[i].batch + begin * VF_LANES;
    }
    const size_t left = job->pixels - begin;
    const size_t pixels = left < BLOK_CHANNEL_PIXELS ? left : BLOK_CHANNEL_PIXELS;
    float *to = job->to + image * job->batch + block * job->plane + begin * VF_LANES;
    if (parts.whole) {
      const float *from = parts.parts[0].from + offsets[0];
      if (from != to) memcpy(to, from, pixels * VF_LANES * sizeof *to);
    } else {
      lay_parts(&parts, offsets, to, pixels);
    }
  }
}

#endif  // BLOK_KERNELS_LAYOUT_CHANNELS_H
