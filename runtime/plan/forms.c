// The forms in which values stand: buffers, views, reorders on demand. See runtime/ops/lowering.h.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "runtime/plan/lowering.h"

const blok_buffer *blok_lower_buffer(const blok_lowering *lowering, blok_buffer_id id) {
  return blok_buffer_at(lowering, id);
}

blok_buffer_id blok_lower_root(const blok_lowering *lowering, blok_buffer_id id) {
  const blok_buffer *buffer = blok_buffer_at(lowering, id);
  return buffer->kind == BLOK_BUFFER_VIEW ? buffer->root : id;
}

// ---- Buffers ------------------------------------------------------------------------------------

static bool make_room(blok_lowering *lowering) {
  blok_shaped *shaped = lowering->shaped;
  return blok_arena_grow(&shaped->arena, &shaped->buffers, &lowering->cap_buffers,
                         shaped->n_buffers, sizeof *shaped->buffers) &&
         blok_arena_grow(&shaped->arena, &lowering->needed_until, &lowering->cap_needed,
                         shaped->n_buffers, sizeof *lowering->needed_until);
}

blok_status blok_buffer_add(blok_lowering *lowering, const blok_buffer *like, blok_buffer_id *out,
                            blok_error *error) {
  *out = 0;
  if (!make_room(lowering)) return blok_fail_memory(error, 0);
  const blok_buffer_id id = lowering->shaped->n_buffers++;
  blok_buffer *buffer = blok_buffer_at(lowering, id);
  *buffer = *like;
  buffer->first = UINT32_MAX;
  buffer->last = 0;
  lowering->needed_until[id] = 0;
  *out = id;
  return BLOK_OK;
}

// The value is read from the buffer: it must stand until the value's last reader.
static void needed(blok_lowering *lowering, blok_buffer_id id, blok_value_id value) {
  uint32_t *until = &lowering->needed_until[blok_lower_root(lowering, id)];
  const uint32_t last = lowering->plan->last_use[value.i];
  if (last > *until) *until = last;
}

bool blok_planes_of(const blok_lowering *lowering, const blok_tensor *shape, blok_planes *out) {
  if (shape->dtype != BLOK_F32 || (shape->rank != 3 && shape->rank != 4)) return false;
  for (uint32_t d = 0; d < shape->rank; d++) {
    if (shape->dims[d] <= 0 || shape->dims[d] > INT32_MAX) return false;
  }
  const uint32_t lanes = lowering->isa->lanes;
  const bool flat = shape->rank == 3;
  *out = (blok_planes){.n = (uint32_t)shape->dims[0],
                       .c = (uint32_t)shape->dims[1],
                       .h = flat ? 1 : (uint32_t)shape->dims[2],
                       .w = (uint32_t)shape->dims[flat ? 2 : 3]};
  out->blocks = (out->c + lanes - 1) / lanes;
  const uint64_t pixels = (uint64_t)out->h * out->w;
  size_t bytes;
  if (pixels >= INT32_MAX / lanes) return false;
  out->plane_stride = (size_t)(pixels + 1) * lanes;
  if (!blok_mul_size(out->plane_stride, out->blocks, &out->batch_stride) ||
      out->batch_stride > INT32_MAX || !blok_mul_size(out->batch_stride, out->n, &bytes)) {
    return false;
  }
  return blok_mul_size(bytes, sizeof(float), &bytes);
}

static size_t planes_bytes(const blok_planes *planes) {
  return planes->n * planes->batch_stride * sizeof(float);
}

blok_status blok_lower_scratch(blok_lowering *lowering, size_t bytes, blok_buffer_id *out,
                               blok_error *error) {
  const blok_buffer like = {.kind = BLOK_BUFFER_ARENA, .bytes = bytes, .shape = BLOK_TENSOR_INIT};
  return blok_buffer_add(lowering, &like, out, error);
}

void blok_lower_needs_zero_pixel(blok_lowering *lowering, blok_buffer_id id) {
  blok_buffer_at(lowering, id)->zero_pixel = true;
  blok_buffer_at(lowering, blok_lower_root(lowering, id))->zero_pixel = true;
}

// ---- Views --------------------------------------------------------------------------------------

static blok_status add_view(blok_lowering *lowering, blok_buffer *view, blok_buffer_id of,
                            size_t offset, blok_buffer_id *out, blok_error *error) {
  const blok_buffer *parent = blok_buffer_at(lowering, of);
  const bool inner = parent->kind == BLOK_BUFFER_VIEW;
  view->kind = BLOK_BUFFER_VIEW;
  view->root = inner ? parent->root : of;
  view->offset = offset + (inner ? parent->offset : 0);
  BLOK_TRY(blok_buffer_add(lowering, view, out, error));
  needed(lowering, *out, view->value);
  return BLOK_OK;
}

blok_status blok_lower_view(blok_lowering *lowering, blok_value_id value, blok_buffer_id of,
                            size_t offset, blok_error *error) {
  blok_buffer view = {.layout = BLOK_PLAIN, .value = value};
  if (!blok_lower_shape(lowering, value, &view.shape)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "a view of a value without a shape");
  }
  view.bytes = view.shape.bytes;
  blok_buffer_id id;
  BLOK_TRY(add_view(lowering, &view, of, offset, &id, error));
  lowering->forms[value.i].plain = id;
  return BLOK_OK;
}

blok_status blok_lower_view_blocked(blok_lowering *lowering, blok_value_id value, blok_buffer_id of,
                                    uint32_t channel, blok_error *error) {
  blok_buffer view = {.layout = BLOK_BLOCKED, .value = value};
  if (!blok_lower_shape(lowering, value, &view.shape) ||
      !blok_planes_of(lowering, &view.shape, &view.planes)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "a blocked view of a value without planes");
  }
  const blok_planes whole = blok_buffer_at(lowering, of)->planes;
  view.planes.batch_stride = whole.batch_stride;
  view.bytes =
      ((view.planes.n - 1) * whole.batch_stride + view.planes.blocks * view.planes.plane_stride) *
      sizeof(float);
  blok_buffer_id id;
  BLOK_TRY(add_view(lowering, &view, of,
                    channel / lowering->isa->lanes * whole.plane_stride * sizeof(float), &id,
                    error));
  lowering->forms[value.i].blocked = id;
  return BLOK_OK;
}

// ---- Outputs ------------------------------------------------------------------------------------

static blok_status plain_output(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                                blok_error *error) {
  blok_buffer like = {.kind = BLOK_BUFFER_ARENA, .layout = BLOK_PLAIN, .value = value};
  if (!blok_lower_shape(lowering, value, &like.shape)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "an output without a shape: '%s'",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text);
  }
  like.bytes = like.shape.bytes;
  BLOK_TRY(blok_buffer_add(lowering, &like, out, error));
  needed(lowering, *out, value);
  lowering->forms[value.i].plain = *out;
  return BLOK_OK;
}

// Memory for a value that stands in nobody else's.
static blok_status own_blocked(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                               blok_error *error) {
  blok_buffer like = {.kind = BLOK_BUFFER_ARENA, .layout = BLOK_BLOCKED, .value = value};
  if (!blok_lower_shape(lowering, value, &like.shape) ||
      !blok_planes_of(lowering, &like.shape, &like.planes)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "value '%s' has no blocked form",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text);
  }
  like.bytes = planes_bytes(&like.planes);
  BLOK_TRY(blok_buffer_add(lowering, &like, out, error));
  needed(lowering, *out, value);
  return BLOK_OK;
}

// The place of a blocked value: its own memory, or a view of what collects it, which in turn may be
// collected. Homes nest as Concats do; a chain of them is walked from the outermost in.
static blok_status prepare(blok_lowering *lowering, blok_value_id value, blok_error *error) {
  blok_forms *forms = lowering->forms;
  while (!forms[value.i].prepared) {
    blok_value_id at = value;
    while (forms[at.i].home.i && !forms[forms[at.i].home.i].prepared) at = forms[at.i].home;
    blok_forms *one = &forms[at.i];
    if (one->home.i) {
      BLOK_TRY(blok_lower_view_blocked(lowering, at, forms[one->home.i].prepared, one->home_channel,
                                       error));
      one->prepared = one->blocked;
      one->blocked = 0;
    } else {
      BLOK_TRY(own_blocked(lowering, at, &one->prepared, error));
    }
  }
  return BLOK_OK;
}

static blok_status blocked_output(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                                  blok_error *error) {
  BLOK_TRY(prepare(lowering, value, error));
  *out = lowering->forms[value.i].blocked = lowering->forms[value.i].prepared;
  return BLOK_OK;
}

blok_status blok_lower_output(blok_lowering *lowering, blok_value_id value, blok_layout layout,
                              blok_buffer_id *out, blok_error *error) {
  const blok_forms *forms = &lowering->forms[value.i];
  *out = layout == BLOK_BLOCKED ? forms->blocked : forms->plain;
  if (*out) return BLOK_OK;
  return layout == BLOK_BLOCKED ? blocked_output(lowering, value, out, error)
                                : plain_output(lowering, value, out, error);
}

blok_status blok_lower_any_output(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                                  blok_error *error) {
  blok_buffer late = {.kind = BLOK_BUFFER_LATE, .layout = BLOK_PLAIN, .value = value};
  if (blok_lower_shape(lowering, value, &late.shape)) {
    return blok_lower_output(lowering, value, BLOK_PLAIN, out, error);
  }
  const blok_fact *fact = blok_lower_fact(lowering, value);
  if (blok_fact_shaped(fact)) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "value '%s' of %s %s is larger than memory can be",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text,
                     blok_dtype_name(fact->dtype), blok_print_fact(fact).text);
  }
  const bool open = fact->rank < 0 || fact->rank > BLOK_MAX_RANK;
  late.shape.dtype = fact->dtype;
  late.shape.rank = open ? BLOK_RANK_OPEN : (uint32_t)fact->rank;
  for (uint32_t d = 0; !open && d < late.shape.rank; d++) {
    late.shape.dims[d] = blok_dim_known(fact->dims[d]) ? fact->dims[d].value : -1;
  }
  BLOK_TRY(blok_buffer_add(lowering, &late, out, error));
  needed(lowering, *out, value);
  lowering->forms[value.i].plain = *out;
  return BLOK_OK;
}

// True when `of` covers all of the arena buffer that it lies in, and nobody reads that one later.
static bool is_free(const blok_lowering *lowering, blok_buffer_id of, blok_layout layout) {
  const blok_buffer_id root = blok_lower_root(lowering, of);
  const blok_buffer *buffer = blok_buffer_at(lowering, of), *whole = blok_buffer_at(lowering, root);
  return whole->kind == BLOK_BUFFER_ARENA && buffer->layout == layout && whole->layout == layout &&
         buffer->offset == 0 && buffer->bytes == whole->bytes && !lowering->in_pieces &&
         lowering->needed_until[root] <= lowering->region;
}

bool blok_lower_in_place(blok_lowering *lowering, blok_value_id value, blok_buffer_id of,
                         blok_layout layout, blok_buffer_id *out) {
  blok_forms *forms = &lowering->forms[value.i];
  blok_buffer view = *blok_buffer_at(lowering, of);
  const blok_tensor old = view.shape;
  if (forms->home.i || !is_free(lowering, of, layout) ||
      !blok_lower_shape(lowering, value, &view.shape) || view.shape.dtype != old.dtype ||
      view.shape.bytes != old.bytes) {
    return false;
  }
  if (layout == BLOK_BLOCKED &&
      (view.shape.rank != old.rank ||
       memcmp(view.shape.dims, old.dims, old.rank * sizeof *old.dims) != 0)) {
    return false;
  }
  view.value = value;
  if (add_view(lowering, &view, of, 0, out, NULL) != BLOK_OK) return false;
  *(layout == BLOK_BLOCKED ? &forms->blocked : &forms->plain) = *out;
  return true;
}

blok_status blok_lower_output_over(blok_lowering *lowering, blok_value_id value, blok_buffer_id of,
                                   blok_layout layout, blok_buffer_id *out, blok_error *error) {
  if (blok_lower_in_place(lowering, value, of, layout, out)) return BLOK_OK;
  return blok_lower_output(lowering, value, layout, out, error);
}

// ---- Inputs -------------------------------------------------------------------------------------

static blok_status copy_plain(void *context, const blok_tensor *values, void *out,
                              blok_error *error) {
  (void)context;
  (void)error;
  if (values[0].bytes) memcpy(out, values[0].data, values[0].bytes);
  return BLOK_OK;
}

static blok_status constant_plain(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                                  blok_error *error) {
  blok_buffer like = {.kind = BLOK_BUFFER_CONSTANT, .layout = BLOK_PLAIN, .value = value};
  const blok_literal *literal = blok_value_at(lowering->graph, value)->literal;
  size_t count;
  like.shape = (blok_tensor)BLOK_TENSOR_INIT;
  if (literal->rank > BLOK_MAX_RANK || !blok_literal_count(literal, &count) ||
      !blok_dense_bytes(literal->dtype, count, &like.bytes)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "initializer '%s': rank or size is beyond the limit",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text);
  }
  like.shape.dtype = literal->dtype;
  like.shape.rank = literal->rank;
  like.shape.bytes = like.bytes;
  if (literal->rank) memcpy(like.shape.dims, literal->dims, literal->rank * sizeof *literal->dims);
  const blok_pack_key key = {.format = "plain", .values = {value}};
  BLOK_TRY(blok_lower_pack(lowering, &key, like.bytes, copy_plain, NULL, &like.constant, error));
  BLOK_TRY(blok_buffer_add(lowering, &like, out, error));
  lowering->forms[value.i].plain = *out;
  return BLOK_OK;
}

blok_status blok_lower_plain(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                             blok_error *error) {
  const blok_forms *forms = &lowering->forms[value.i];
  *out = forms->plain;
  if (*out) return BLOK_OK;
  if (blok_lower_is_constant(lowering, value)) {
    return constant_plain(lowering, value, out, error);
  }
  if (!forms->blocked && !forms->scaled_of.i) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "value '%s' is read before it is made",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text);
  }
  blok_buffer_id from;
  BLOK_TRY(blok_lower_blocked(lowering, value, &from, error));
  BLOK_TRY(plain_output(lowering, value, out, error));
  return blok_lower_reorder(lowering, from, *out, error);
}

bool blok_lower_is_blocked(const blok_lowering *lowering, blok_value_id value) {
  const blok_forms *forms = &lowering->forms[value.i];
  return forms->blocked || forms->scaled_of.i;
}

blok_status blok_lower_blocked(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                               blok_error *error) {
  blok_forms *forms = &lowering->forms[value.i];
  *out = forms->blocked;
  if (*out) return BLOK_OK;
  blok_buffer_id from;
  if (forms->scaled_of.i) {
    BLOK_TRY(blok_lower_blocked(lowering, forms->scaled_of, &from, error));
    BLOK_TRY(blocked_output(lowering, value, out, error));
    return blok_lower_channel_scale(lowering, from, forms->scale, *out, error);
  }
  BLOK_TRY(blok_lower_plain(lowering, value, &from, error));
  BLOK_TRY(blocked_output(lowering, value, out, error));
  return blok_lower_reorder(lowering, from, *out, error);
}

blok_status blok_lower_scaled(blok_lowering *lowering, blok_value_id value, blok_buffer_id *out,
                              blok_buffer_id *scale, blok_error *error) {
  const blok_forms *forms = &lowering->forms[value.i];
  *scale = 0;
  if (forms->blocked || !forms->scaled_of.i) {
    return blok_lower_blocked(lowering, value, out, error);
  }
  *scale = forms->scale;
  return blok_lower_blocked(lowering, forms->scaled_of, out, error);
}

// ---- What stands beside values ------------------------------------------------------------------

blok_status blok_lower_give_scaled(blok_lowering *lowering, blok_value_id value, blok_value_id of,
                                   blok_buffer_id scale, blok_error *error) {
  blok_buffer_id base;
  BLOK_TRY(blok_lower_blocked(lowering, of, &base, error));
  needed(lowering, base, value);
  lowering->forms[value.i].scaled_of = of;
  lowering->forms[value.i].scale = scale;
  return BLOK_OK;
}

void blok_lower_give_sums(blok_lowering *lowering, blok_value_id value, blok_buffer_id sums,
                          uint32_t slots) {
  lowering->forms[value.i].sums = sums;
  lowering->forms[value.i].slots = slots;
}

blok_status blok_lower_make_sums(blok_lowering *lowering, blok_value_id value, uint32_t slots,
                                 blok_buffer_id *sums, blok_error *error) {
  blok_tensor shape;
  blok_planes planes;
  size_t bytes;
  if (!blok_lower_shape(lowering, value, &shape) || !blok_planes_of(lowering, &shape, &planes) ||
      !blok_mul_size((size_t)planes.n * slots, planes.blocks * lowering->isa->lanes, &bytes) ||
      !blok_mul_size(bytes, sizeof(float), &bytes)) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "the channel sums of '%s' are larger than memory",
                     blok_quote(blok_value_at(lowering->graph, value)->name).text);
  }
  BLOK_TRY(blok_lower_scratch(lowering, bytes, sums, error));
  blok_lower_give_sums(lowering, value, *sums, slots);
  return BLOK_OK;
}

bool blok_lower_sums(const blok_lowering *lowering, blok_value_id value, blok_buffer_id *sums,
                     uint32_t *slots) {
  *sums = lowering->forms[value.i].sums;
  *slots = lowering->forms[value.i].slots;
  return *sums != 0;
}
