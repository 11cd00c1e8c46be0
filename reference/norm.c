// BatchNormalization (at inference), LayerNormalization and RMSNormalization.
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"

static bool wants(const blok_ref_call *call, uint32_t slot) {
  return slot < call->n_out && call->out[slot];
}

// ---- BatchNormalization -------------------------------------------------------------------------

typedef struct batch_job {
  size_t images, channels, plane;
  double *cells;  // one plane
} batch_job;

// Mean and population variance of channel c over all images and places, in two passes.
static void channel_moments(const blok_tensor *x, const batch_job *job, size_t c, double *mean,
                            double *variance) {
  double count = (double)job->images * (double)job->plane;
  double sum = 0;
  for (size_t n = 0; n < job->images; n++) {
    blok_ref_load_many(x, (n * job->channels + c) * job->plane, job->plane, job->cells);
    for (size_t i = 0; i < job->plane; i++) sum += job->cells[i];
  }
  *mean = sum / count;
  double squares = 0;
  for (size_t n = 0; n < job->images; n++) {
    blok_ref_load_many(x, (n * job->channels + c) * job->plane, job->plane, job->cells);
    for (size_t i = 0; i < job->plane; i++) {
      double d = job->cells[i] - *mean;
      squares += d * d;
    }
  }
  *variance = squares / count;
}

static void store_running(const blok_ref_call *call, uint32_t slot, size_t c, double old,
                          double current, double momentum) {
  if (wants(call, slot)) {
    blok_ref_store(call->out[slot], c, old * momentum + current * (1 - momentum));
  }
}

static blok_status plan_batch(const blok_ref_call *call, batch_job *job, blok_error *error) {
  const blok_tensor *x = call->in[0];
  bool agree = x->rank > 0;
  if (agree) {
    job->images = (size_t)x->dims[0];
    job->channels = x->rank > 1 ? (size_t)x->dims[1] : 1;
    agree = x->rank < 3 || blok_dims_count(x->dims + 2, x->rank - 2, &job->plane);
    if (x->rank < 3) job->plane = 1;
  }
  for (uint32_t slot = 1; agree && slot <= 4; slot++) {
    agree = blok_ref_count(call->in[slot]) == job->channels;
  }
  for (uint32_t slot = 1; agree && slot < call->n_out; slot++) {
    agree = !call->out[slot] || blok_ref_count(call->out[slot]) == job->channels;
  }
  if (!agree) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "input %s and its scale, bias, mean and variance disagree",
                         blok_print_dims(x->dims, x->rank).text);
  }
  if (job->plane == 0) job->images = 0;  // nothing to visit, however many there are
  return blok_ref_scratch(call, job->plane, sizeof(double), &job->cells, error);
}

blok_status blok_ref_BatchNorm(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  blok_dtype dtype = x->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  batch_job job = {0};
  BLOK_TRY(plan_batch(call, &job, error));
  bool training = blok_node_int(call->node, "training_mode", 0) != 0;
  double epsilon = (double)blok_node_float(call->node, "epsilon", 1e-5f);
  // Without training the running statistics stay as they are.
  double momentum = training ? (double)blok_node_float(call->node, "momentum", 0.9f) : 1;
  for (size_t c = 0; c < job.channels; c++) {
    double old_mean = blok_ref_load(call->in[3], c);
    double old_variance = blok_ref_load(call->in[4], c);
    double mean = old_mean, variance = old_variance;
    if (training) channel_moments(x, &job, c, &mean, &variance);
    store_running(call, 1, c, old_mean, mean, momentum);
    store_running(call, 2, c, old_variance, variance, momentum);
    double scale = blok_ref_load(call->in[1], c);
    double bias = blok_ref_load(call->in[2], c);
    double deviation = sqrt(variance + epsilon);
    for (size_t n = 0; n < job.images; n++) {
      size_t first = (n * job.channels + c) * job.plane;
      blok_ref_load_many(x, first, job.plane, job.cells);
      for (size_t i = 0; i < job.plane; i++) {
        job.cells[i] = (job.cells[i] - mean) / deviation * scale + bias;
      }
      blok_ref_store_many(call->out[0], first, job.plane, job.cells);
    }
  }
  blok_free(call->allocator, job.cells);
  return BLOK_OK;
}

// ---- LayerNormalization, RMSNormalization -------------------------------------------------------

// A factor or summand of every element, repeated to x's shape.
typedef struct operand {
  const blok_tensor *in;  // NULL: value for all
  double value;
  int64_t strides[BLOK_MAX_RANK];
  bool varies;  // from row to row
  double *row;  // its values for one row of x
} operand;

static blok_status make_operand(const blok_ref_call *call, uint32_t slot, uint32_t axis,
                                size_t length, double value, operand *out, blok_error *error) {
  out->in = blok_ref_in(call, slot);
  out->value = value;
  if (out->in) {
    blok_ref_broadcast_strides(out->in, call->in[0], out->strides);
    for (uint32_t i = 0; i < axis; i++) out->varies = out->varies || out->strides[i] != 0;
  }
  return blok_ref_scratch(call, length, sizeof(double), &out->row, error);
}

static void load_row(const blok_tensor *x, operand *from, size_t row, size_t length) {
  if (row > 0 && !from->varies) return;
  for (size_t i = 0; i < length; i++) {
    if (!from->in) {
      from->row[i] = from->value;
      continue;
    }
    size_t at = 0, rest = row * length + i;
    for (uint32_t axis = x->rank; axis-- > 0;) {
      size_t dim = (size_t)x->dims[axis];
      at += rest % dim * (size_t)from->strides[axis];
      rest /= dim;
    }
    from->row[i] = blok_ref_load(from->in, at);
  }
}

// Not centred, the mean counts as 0.
static void moments(const double *cells, size_t count, bool centred, double *mean,
                    double *variance) {
  double sum = 0, squares = 0;
  for (size_t i = 0; centred && i < count; i++) sum += cells[i];
  *mean = sum / (double)count;
  for (size_t i = 0; i < count; i++) {
    double d = cells[i] - *mean;
    squares += d * d;
  }
  *variance = squares / (double)count;
}

static blok_status check_layer(const blok_ref_call *call, uint32_t *axis, blok_error *error) {
  const blok_tensor *x = call->in[0];
  int64_t attr = blok_node_int(call->node, "axis", -1);
  if (!blok_axis_normal(attr, x->rank, axis)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %lld is not one of input %s",
                         (long long)attr, blok_print_dims(x->dims, x->rank).text);
  }
  for (uint32_t slot = 1; slot <= 2; slot++) {
    const blok_tensor *in = blok_ref_in(call, slot);
    bool agree = !in || in->rank <= x->rank;
    for (uint32_t i = 0; agree && in && i < in->rank; i++) {
      agree = in->dims[i] == 1 || in->dims[i] == x->dims[x->rank - in->rank + i];
    }
    if (!agree) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s %s cannot be repeated to input %s",
                           slot == 1 ? "scale" : "bias", blok_print_dims(in->dims, in->rank).text,
                           blok_print_dims(x->dims, x->rank).text);
    }
  }
  return BLOK_OK;
}

blok_status blok_ref_LayerNorm(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  blok_dtype dtype = x->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  uint32_t axis;
  BLOK_TRY(check_layer(call, &axis, error));
  size_t rows, length;
  if (!blok_dims_count(x->dims, axis, &rows) ||
      !blok_dims_count(x->dims + axis, x->rank - axis, &length)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  // Rows of no elements need a visit only where their mean is wanted.
  if (length == 0 && !wants(call, 1) && !wants(call, 2)) return BLOK_OK;
  double epsilon = (double)blok_node_float(call->node, "epsilon", 1e-5f);
  bool centred = call->node->op == BLOK_OP_LayerNormalization;
  operand scale = {0}, bias = {0};
  double *cells = NULL;
  blok_status status;
  BLOK_TRY_TO(done, make_operand(call, 1, axis, length, 1, &scale, error));
  BLOK_TRY_TO(done, make_operand(call, 2, axis, length, 0, &bias, error));
  BLOK_TRY_TO(done, blok_ref_scratch(call, length, sizeof(double), &cells, error));
  for (size_t row = 0; row < rows; row++) {
    double mean, variance;
    blok_ref_load_many(x, row * length, length, cells);
    load_row(x, &scale, row, length);
    load_row(x, &bias, row, length);
    moments(cells, length, centred, &mean, &variance);
    double inverse = 1 / sqrt(variance + epsilon);
    if (wants(call, 1)) blok_ref_store(call->out[1], row, mean);
    if (wants(call, 2)) blok_ref_store(call->out[2], row, inverse);
    for (size_t i = 0; i < length; i++) {
      cells[i] = (cells[i] - mean) * inverse * scale.row[i] + bias.row[i];
    }
    blok_ref_store_many(call->out[0], row * length, length, cells);
  }
done:
  blok_free(call->allocator, cells);
  blok_free(call->allocator, scale.row);
  blok_free(call->allocator, bias.row);
  return status;
}
