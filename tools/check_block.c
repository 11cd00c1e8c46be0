// `blok check`: one block, cut out of its model and tested on its own.
//
// shape: it runs on noise and makes the shape that was inferred, every value finite. downsample and
// channels: the sizes that follow from the descriptor, along F(x) and along the skip path, are
// those that came out. order: written anew from its descriptor, which says where norms and
// activations stand, it makes the same numbers and is found to be the same block.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/check.h"
#include "tools/compare.h"
#include "tools/element.h"
#include "tools/inspect.h"

// A block on its own, and what it makes of the noise.
typedef struct lone_block {
  blok_model *model;
  blok_session *session;
  blok_tensor output;
  bool from_anew;  // it was written from its descriptor before it was cut out
} lone_block;

static void free_block(lone_block *block) {
  blok_session_free(&block->session);
  blok_model_free(&block->model);
}

// ---- Cutting and running ------------------------------------------------------------------------

static blok_status cut(const blok_model *model, const blok_block *block, blok_model **out,
                       blok_error *error) {
  blok_builder *builder = NULL;
  blok_status status = blok_builder_from(model, NULL, &builder, error);
  if (status == BLOK_OK) {
    status = blok_edit_cut(builder, &block->entry, 1, &block->exit, 1, error);
  }
  if (status == BLOK_OK) status = blok_builder_finish(&builder, out, error);
  blok_builder_free(&builder);
  return status;
}

static blok_status open_session(const blok_cli *cli, const blok_model *model, blok_session **out,
                                blok_error *error) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.threads = cli->threads;
  options.isa = cli->isa;
  options.no_blocks = cli->no_blocks;
  options.reference = cli->reference;
  return blok_session_new(model, &options, out, error);
}

static blok_status run(const blok_cli *cli, lone_block *block, const blok_tensor *inputs,
                       size_t count, blok_error *error) {
  block->output = (blok_tensor)BLOK_TENSOR_INIT;
  const blok_status status = open_session(cli, block->model, &block->session, error);
  if (status != BLOK_OK) return status;
  return blok_session_run(block->session, inputs, count, &block->output, 1, error);
}

// Whether two tensors agree, one of them made by other nodes. Sums differ by the size of what was
// summed, so the tolerance is of the largest value.
static bool agree(const blok_tensor *got, const blok_tensor *want, blok_mismatch *difference) {
  blok_compare(got, want, 0, 1e-5 + 1e-3 * blok_largest(want), difference);
  return difference->bad == 0;
}

// Makes job->anew and compares its outputs with those of the model.
static blok_status write_anew(blok_check_job *job, blok_error *error) {
  if (job->anew != NULL) return BLOK_OK;
  blok_session *session = NULL;
  blok_status status = blok_model_rewrite(blok_check_model(job), &job->anew, error);
  if (status == BLOK_OK) status = open_session(job->cli, job->anew, &session, error);
  blok_tensor *outputs = blok_cli_alloc(job->output_count, sizeof *outputs);
  for (size_t i = 0; i < job->output_count; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  if (status == BLOK_OK) {
    status = blok_session_run(session, job->feed.tensors, job->feed.count, outputs,
                              job->output_count, error);
  }
  job->anew_same.state = BLOK_CHECK_OK;
  for (size_t i = 0; i < job->output_count && status == BLOK_OK; i++) {
    blok_mismatch difference = {0};
    if (agree(&outputs[i], &job->made[i], &difference)) continue;
    blok_check_set(&job->anew_same, BLOK_CHECK_FAILED,
                   "with every block written from its descriptor, %zu of %zu values of output '%s' "
                   "differ, by %.3g at most",
                   difference.bad, difference.count,
                   blok_show(blok_cli_output_name(job->model, i)).text, difference.max_abs);
  }
  free(outputs);
  blok_session_free(&session);
  if (status != BLOK_OK) blok_model_free(&job->anew);
  return status;
}

// Whether model holds a block that is the same as the one of row. A skip path that begins at a
// value which blocks outside read too looks another way where there is no outside.
static bool found_again(const blok_model *model, const blok_check_row *row) {
  if (row->facts->residual != NULL && row->facts->residual->skip_elsewhere) return true;
  const size_t count = blok_model_block_count(model);
  for (size_t i = 0; i < count; i++) {
    if (blok_block_same(blok_model_block(model, i), row->facts)) return true;
  }
  return false;
}

// Cuts the block out of the model, or out of the model written anew where that cannot be done or
// where, without what stands around it, the block is not seen in what was cut out.
static blok_status cut_out(blok_check_job *job, const blok_check_row *row, lone_block *out,
                           blok_error *error) {
  const blok_status status = cut(blok_check_model(job), row->facts, &out->model, error);
  if (status == BLOK_E_MEMORY || (status == BLOK_OK && found_again(out->model, row))) return status;
  blok_error other = BLOK_ERROR_INIT;
  blok_model *again = NULL;
  if (write_anew(job, &other) != BLOK_OK || cut(job->anew, row->facts, &again, &other) != BLOK_OK) {
    return status;  // with the reason of the first try
  }
  blok_model_free(&out->model);
  out->model = again;
  out->from_anew = true;
  return BLOK_OK;
}

// How many of the tensor's numbers are NaN or infinite.
static size_t count_odd(const blok_tensor *tensor) {
  const size_t count = blok_tensor_count(tensor) * blok_element_parts(tensor->dtype);
  size_t odd = 0;
  for (size_t i = 0; i < count; i++) odd += !isfinite(blok_element_get(tensor, i));
  return odd;
}

// ---- The four checks ----------------------------------------------------------------------------

static void check_shape(blok_check_row *row, const blok_tensor *output) {
  blok_check_mark *mark = &row->marks[BLOK_CHECK_SHAPE];
  const blok_check_shape made = blok_check_shape_of(output);
  const size_t odd = count_odd(output);
  if (!blok_check_fits(&made, &row->out)) {
    blok_check_set(mark, BLOK_CHECK_FAILED, "makes %s, inferred was %s",
                   blok_check_shape_text(&made).text, blok_check_shape_text(&row->out).text);
  } else if (odd > 0) {
    blok_check_set(mark, BLOK_CHECK_FAILED, "%zu of %zu values are not finite", odd,
                   blok_tensor_count(output));
  } else {
    mark->state = BLOK_CHECK_OK;
  }
  row->out = made;
}

// One axis behind a window of that size; -1 where it does not fit.
static int64_t slide(int64_t size, int32_t kernel, int32_t stride, int32_t dilation, int64_t pads,
                     bool ceil_mode) {
  const int64_t room = size + pads - (int64_t)dilation * (kernel - 1) - 1;
  if (size < 0 || room < 0 || stride <= 0) return -1;
  int64_t out = room / stride + 1;
  // The last window of a pool begins inside the picture or the pads before it.
  if (ceil_mode && room % stride != 0 && out * stride < size + pads / 2) out++;
  return out;
}

static void slide_conv(const blok_conv_desc *conv, int64_t size[2]) {
  for (int axis = 0; axis < 2; axis++) {
    size[axis] = slide(size[axis], conv->kernel[axis], conv->stride[axis], conv->dilation[axis],
                       (int64_t)conv->pads[axis] + conv->pads[axis + 2], false);
  }
}

// Height and width behind the skip path.
static void slide_skip(const blok_residual_desc *desc, int64_t size[2]) {
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    const blok_skip_step *step = &desc->skip_step[i];
    if (step->op == BLOK_SKIP_CONV) slide_conv(&step->conv, size);
    if (step->op == BLOK_SKIP_SLICE && (step->axis == 2 || step->axis == 3)) {
      size[step->axis - 2] = (step->end - step->begin + step->step - 1) / step->step;
    }
    if (step->op == BLOK_SKIP_PAD && (step->axis == 2 || step->axis == 3)) {
      size[step->axis - 2] += step->begin + step->end;
    }
    if (step->op != BLOK_SKIP_AVERAGE_POOL && step->op != BLOK_SKIP_MAX_POOL) continue;
    for (int axis = 0; axis < 2; axis++) {
      size[axis] = slide(size[axis], step->kernel[axis], step->stride[axis], 1,
                         (int64_t)step->pads[axis] + step->pads[axis + 2], step->ceil_mode);
    }
  }
}

// Height and width that path, "F(x)" or "skip(x)", leads to, beside those that came out.
static void check_size(blok_check_mark *mark, const char *path, const int64_t size[2],
                       const blok_check_row *row) {
  if (size[0] == row->out.dims[2] && size[1] == row->out.dims[3]) {
    if (mark->state == BLOK_CHECK_NONE) mark->state = BLOK_CHECK_OK;
    return;
  }
  blok_check_set(mark, BLOK_CHECK_FAILED, "%s of %s is %lldx%lld by its descriptor, came out %s",
                 path, blok_check_shape_text(&row->in).text, (long long)size[0], (long long)size[1],
                 blok_check_shape_text(&row->out).text);
}

static void check_downsample(blok_check_row *row) {
  const blok_block *block = row->facts;
  blok_check_mark *mark = &row->marks[BLOK_CHECK_DOWNSAMPLE];
  const blok_residual_desc *residual = block->residual;
  if (block->stride <= 1 || row->in.rank != 4 || row->out.rank != 4) return;
  if (residual != NULL && residual->channels_last) return;
  int64_t size[2] = {row->in.dims[2], row->in.dims[3]};
  if (block->conv != NULL) {
    slide_conv(block->conv, size);
    check_size(mark, "the convolution", size, row);
  }
  if (residual == NULL) return;
  for (int32_t i = 0; i < residual->convs; i++) slide_conv(&residual->conv[i], size);
  if (residual->convs > 0) check_size(mark, "F(x)", size, row);
  if (residual->skip == BLOK_SKIP_NONE || residual->skip_elsewhere) return;
  size[0] = row->in.dims[2];
  size[1] = row->in.dims[3];
  slide_skip(residual, size);
  check_size(mark, "skip(x)", size, row);
}

static void check_channels(blok_check_row *row) {
  const blok_block *block = row->facts;
  blok_check_mark *mark = &row->marks[BLOK_CHECK_CHANNELS];
  const blok_residual_desc *residual = block->residual;
  const bool last = residual != NULL && residual->channels_last;
  const int32_t in_axis = last ? row->in.rank - 1 : 1;
  const int32_t out_axis = last ? row->out.rank - 1 : 1;
  if (block->in_channels == block->out_channels || row->in.rank < 2 || row->out.rank < 2) return;
  if (row->in.dims[in_axis] != block->in_channels ||
      row->out.dims[out_axis] != block->out_channels) {
    blok_check_set(mark, BLOK_CHECK_FAILED, "%d > %d channels by its descriptor, came out %s > %s",
                   block->in_channels, block->out_channels, blok_check_shape_text(&row->in).text,
                   blok_check_shape_text(&row->out).text);
  } else if (blok_inspect_has_addition(block) && residual->skip == BLOK_SKIP_IDENTITY &&
             residual->skip_channels == 0) {
    blok_check_set(mark, BLOK_CHECK_FAILED, "%d > %d channels, and the skip path is the identity",
                   block->in_channels, block->out_channels);
  } else {
    mark->state = BLOK_CHECK_OK;
  }
}

static void check_order(const blok_check_job *job, blok_check_row *row, const lone_block *alone,
                        const blok_tensor *inputs, size_t count) {
  const blok_block *block = row->facts;
  blok_check_mark *mark = &row->marks[BLOK_CHECK_ORDER];
  if (block->kind == BLOK_GATE || block->kind == BLOK_RESIDUAL_OTHER) return;
  lone_block again = {0};
  blok_error error = BLOK_ERROR_INIT;
  blok_mismatch difference = {0};
  blok_status status = blok_model_rewrite(alone->model, &again.model, &error);
  if (status == BLOK_OK) status = run(job->cli, &again, inputs, count, &error);
  if (status != BLOK_OK) {
    blok_check_set(mark, BLOK_CHECK_FAILED, "written from its descriptor: %s", error.message);
  } else {
    mark->state = BLOK_CHECK_OK;
    if (!agree(&again.output, &alone->output, &difference)) {
      blok_check_set(mark, BLOK_CHECK_FAILED,
                     "written from its descriptor, %zu of %zu values differ, by %.3g at most",
                     difference.bad, difference.count, difference.max_abs);
    } else if (!found_again(again.model, row)) {
      blok_check_set(mark, BLOK_CHECK_FAILED,
                     "written from its descriptor, it is found to be another block");
    } else if (alone->from_anew) {
      *mark = job->anew_same;
    }
  }
  free_block(&again);
}

// ---- A block ------------------------------------------------------------------------------------

static void skip_all(blok_check_row *row, const char *why) {
  for (int i = 0; i < BLOK_CHECK_COUNT; i++) {
    blok_check_set(&row->marks[i], BLOK_CHECK_SKIPPED, "%s", why);
  }
}

void blok_check_block(blok_check_job *job, blok_check_row *row) {
  lone_block alone = {0};
  blok_error error = BLOK_ERROR_INIT;
  blok_feed feed = {0};
  blok_bindings *bindings = blok_cli_alloc(1, sizeof *bindings);
  blok_status status = cut_out(job, row, &alone, &error);
  if (status == BLOK_OK) {
    status = blok_feed_begin(&feed, job->cli, alone.model, bindings, NULL, &error);
  }
  feed.noise_said = true;
  const char **paths = blok_cli_alloc(feed.count, sizeof *paths);
  if (status == BLOK_OK) status = blok_feed_load(&feed, paths, &error);
  if (status != BLOK_OK) {
    skip_all(row, error.message);
  } else if (run(job->cli, &alone, feed.tensors, feed.count, &error) != BLOK_OK) {
    blok_check_set(&row->marks[BLOK_CHECK_SHAPE], BLOK_CHECK_FAILED, "%s", error.message);
  } else {
    row->in = blok_check_shape_of(&feed.tensors[0]);
    check_shape(row, &alone.output);
    check_downsample(row);
    check_channels(row);
    check_order(job, row, &alone, feed.tensors, feed.count);
  }
  free(paths);
  free(bindings);
  blok_feed_end(&feed);
  free_block(&alone);
}
