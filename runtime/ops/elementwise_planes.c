// Elementwise steps on blocked planes. A cell is a strip of one block's pixels.
#include "base/error.h"
#include "runtime/ops/elementwise.h"

enum { STRIP_FLOATS = 4096, OPERANDS = 6 };

typedef struct planes_step {
  blok_planes_map map;
  const blok_elementwise_kernels *kernels;
  uint32_t lanes, channels, blocks, pixels, strip, strips;
} planes_step;

// ---- The step -----------------------------------------------------------------------------------

// The part of the planes that a cell is.
typedef struct part {
  const planes_step *step;
  const blok_step_call *call;
  uint32_t image, block, pixel, rows, live;
} part;

static float *place_of(const part *of, const blok_plane_operand *operand) {
  return blok_step_floats(of->call, operand->buffer) + of->image * operand->batch +
         of->block * operand->plane + of->pixel * operand->row;
}

static const float *operand_at(const part *of, const blok_plane_operand *operand) {
  if (operand->buffer) return place_of(of, operand);
  return operand->constant ? operand->constant + of->block * operand->plane : NULL;
}

static void run_rows(const part *of) {
  const blok_planes_map *map = &of->step->map;
  const blok_rows_job job = {.in = operand_at(of, &map->in),
                             .out = place_of(of, &map->out),
                             .residual = operand_at(of, &map->beside),
                             .in_stride = map->in.row,
                             .out_stride = map->out.row,
                             .residual_stride = map->beside.row,
                             .rows = of->rows,
                             .live = of->live,
                             .act = map->act,
                             .after = map->after,
                             .mul = operand_at(of, &map->mul),
                             .bias = operand_at(of, &map->bias),
                             .scale = operand_at(of, &map->scale),
                             .slope = operand_at(of, &map->slope)};
  of->step->kernels->rows(&job);
}

static void run_binary(const part *of) {
  const blok_planes_map *map = &of->step->map;
  float *out = place_of(of, &map->out);
  const blok_binary_job job = {.kind = map->kind,
                               .a = operand_at(of, &map->in),
                               .b = operand_at(of, &map->beside),
                               .out = out,
                               .a_stride = map->in.row,
                               .b_stride = map->beside.row,
                               .out_stride = map->out.row,
                               .b_single = map->beside.single,
                               .rows = of->rows,
                               .live = of->live};
  of->step->kernels->binary(&job);
  if (map->act.kind == BLOK_FN_NONE) return;
  const blok_rows_job then = {.in = out,
                              .out = out,
                              .in_stride = map->out.row,
                              .out_stride = map->out.row,
                              .rows = of->rows,
                              .live = of->live,
                              .act = map->act,
                              .slope = operand_at(of, &map->slope)};
  of->step->kernels->rows(&then);
}

static void run_planes(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const planes_step *step = call->args;
  (void)worker;
  for (uint32_t cell = first; cell < last; cell++) {
    const uint32_t plane = cell / step->strips;
    part of = {.step = step,
               .call = call,
               .image = plane / step->blocks,
               .block = plane % step->blocks,
               .pixel = cell % step->strips * step->strip};
    const uint32_t pixels = step->pixels - of.pixel;
    const uint32_t channels = step->channels - of.block * step->lanes;
    of.rows = pixels < step->strip ? pixels : step->strip;
    of.live = channels < step->lanes ? channels : step->lanes;
    if (step->map.binary) {
      run_binary(&of);
    } else {
      run_rows(&of);
    }
  }
}

// ---- Operands -----------------------------------------------------------------------------------

blok_plane_operand blok_plane_operand_of(const blok_lowering *lowering, blok_buffer_id buffer,
                                         const blok_planes *out) {
  const blok_planes *planes = &blok_lower_buffer(lowering, buffer)->planes;
  const bool one_pixel = planes->h == 1 && planes->w == 1, single = planes->c == 1 && out->c > 1;
  return (blok_plane_operand){
      .buffer = buffer,
      .batch = planes->n == 1 ? 0 : planes->batch_stride,
      .plane = single ? 0 : planes->plane_stride,
      .row = one_pixel && (out->h > 1 || out->w > 1) ? 0 : blok_lower_isa(lowering)->lanes,
      .single = single};
}

blok_plane_operand blok_plane_operand_scale(const blok_lowering *lowering, blok_buffer_id buffer,
                                            const blok_planes *out) {
  const uint32_t lanes = blok_lower_isa(lowering)->lanes;
  if (!buffer) return (blok_plane_operand){0};
  return (blok_plane_operand){
      .buffer = buffer, .batch = (size_t)out->blocks * lanes, .plane = lanes};
}

blok_plane_operand blok_plane_operand_channels(const blok_lowering *lowering,
                                               const float *by_channel) {
  return (blok_plane_operand){.constant = by_channel, .plane = blok_lower_isa(lowering)->lanes};
}

bool blok_lower_go_blocked(const blok_lowering *lowering, blok_value_id value,
                           const blok_tensor *shape, blok_value_id out) {
  return blok_lower_is_blocked(lowering, value) ||
         (blok_lower_prefers_blocked(lowering, out) && shape->rank >= 3 &&
          shape->dims[1] >= (int64_t)blok_lower_isa(lowering)->lanes);
}

// ---- Making the step ----------------------------------------------------------------------------

// Another operand in the same memory may lie elsewhere in it.
static bool alone(const blok_lowering *lowering, const blok_planes_map *map) {
  const blok_plane_operand *others[] = {&map->beside, &map->mul, &map->bias, &map->scale};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    const blok_buffer_id id = others[i]->buffer;
    if (id && id != map->in.buffer &&
        blok_lower_root(lowering, id) == blok_lower_root(lowering, map->in.buffer)) {
      return false;
    }
  }
  return true;
}

blok_status blok_lower_planes_map(blok_lowering *lowering, const char *kernel, blok_value_id value,
                                  blok_planes_map *map, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  blok_buffer_id out;
  if (map->in.buffer && alone(lowering, map)) {
    BLOK_TRY(blok_lower_output_over(lowering, value, map->in.buffer, BLOK_BLOCKED, &out, error));
  } else {
    BLOK_TRY(blok_lower_output(lowering, value, BLOK_BLOCKED, &out, error));
  }
  const blok_planes planes = blok_lower_buffer(lowering, out)->planes;
  map->out = blok_plane_operand_of(lowering, out, &planes);
  planes_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (planes_step){.map = *map,
                        .kernels = isa->elementwise,
                        .lanes = isa->lanes,
                        .channels = planes.c,
                        .blocks = planes.blocks,
                        .pixels = planes.h * planes.w,
                        .strip = STRIP_FLOATS / isa->lanes};
  step->strips = (step->pixels + step->strip - 1) / step->strip;
  const uint64_t cells = (uint64_t)planes.n * planes.blocks * step->strips;
  const blok_plane_operand *operands[OPERANDS] = {&map->in,   &map->beside, &map->mul,
                                                  &map->bias, &map->scale,  &map->slope};
  blok_buffer_id reads[OPERANDS];
  uint32_t n_reads = 0;
  uint64_t arrays = 1;
  for (int i = 0; i < OPERANDS; i++) {
    if (!operands[i]->buffer) continue;
    reads[n_reads++] = operands[i]->buffer;
    if (operands[i]->row) arrays++;
  }
  const blok_step made = {.kernel = kernel,
                          .run = run_planes,
                          .args = step,
                          .cells = cells,
                          .bytes = arrays * planes.n * planes.c * step->pixels * sizeof(float),
                          .n_reads = n_reads,
                          .reads = reads,
                          .n_writes = 1,
                          .writes = &out};
  return blok_lower_step(lowering, &made, error);
}
