// Whether two blocks are the same but for their names and places: their descriptors, field by
// field.
#include <blok/model.h>
#include <math.h>
#include <stddef.h>

// Equal, or the same number once an f32 has held it.
static bool same_number(double a, double b) {
  return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 0x1p-23 * fmax(fabs(a), fabs(b));
}

static bool same_ints(const int32_t *a, const int32_t *b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

static bool same_conv(const blok_conv_desc *a, const blok_conv_desc *b) {
  return a->in_channels == b->in_channels && a->out_channels == b->out_channels &&
         same_ints(a->kernel, b->kernel, 2) && same_ints(a->stride, b->stride, 2) &&
         same_ints(a->pads, b->pads, 4) && same_ints(a->dilation, b->dilation, 2) &&
         a->groups == b->groups && a->bias == b->bias && a->norm == b->norm &&
         a->norm_groups == b->norm_groups && same_number(a->epsilon, b->epsilon) &&
         a->activation == b->activation && same_number(a->alpha, b->alpha) &&
         same_number(a->beta, b->beta);
}

static bool same_se(const blok_se_desc *a, const blok_se_desc *b) {
  return a->channels == b->channels && a->hidden == b->hidden && a->activation == b->activation &&
         same_number(a->alpha, b->alpha) && same_number(a->beta, b->beta) && a->gate == b->gate &&
         same_number(a->gate_alpha, b->gate_alpha) && same_number(a->gate_beta, b->gate_beta) &&
         a->product[0] == b->product[0] && a->product[1] == b->product[1] &&
         a->bias[0] == b->bias[0] && a->bias[1] == b->bias[1] && a->norm == b->norm &&
         same_number(a->epsilon, b->epsilon);
}

static bool same_step(const blok_skip_step *a, const blok_skip_step *b) {
  return a->op == b->op && same_conv(&a->conv, &b->conv) && same_ints(a->kernel, b->kernel, 2) &&
         same_ints(a->stride, b->stride, 2) && same_ints(a->pads, b->pads, 4) &&
         a->ceil_mode == b->ceil_mode && a->count_include_pad == b->count_include_pad &&
         a->axis == b->axis && a->begin == b->begin && a->end == b->end && a->step == b->step &&
         a->scale == b->scale && a->divides == b->divides;
}

static bool same_skip(const blok_residual_desc *a, const blok_residual_desc *b) {
  if (a->skip != b->skip || a->skip_steps != b->skip_steps ||
      a->skip_elsewhere != b->skip_elsewhere ||
      a->projection_after_preact != b->projection_after_preact ||
      a->skip_channels != b->skip_channels || a->channels_last != b->channels_last) {
    return false;
  }
  for (int32_t i = 0; i < a->skip_steps && i < BLOK_SKIP_STEPS; i++) {
    if (!same_step(&a->skip_step[i], &b->skip_step[i])) return false;
  }
  return true;
}

static bool same_residual(const blok_residual_desc *a, const blok_residual_desc *b) {
  if (a->convs != b->convs || a->order != b->order) return false;
  for (int32_t i = 0; i < a->convs && i < 3; i++) {
    if (!same_conv(&a->conv[i], &b->conv[i])) return false;
  }
  if (a->has_se != b->has_se) return false;
  if (a->has_se && (!same_se(&a->se, &b->se) || a->se_conv != b->se_conv ||
                    a->se_before_act != b->se_before_act)) {
    return false;
  }
  return same_skip(a, b) && a->scale == b->scale && same_number(a->scale_number, b->scale_number) &&
         a->after_add == b->after_add && same_number(a->after_alpha, b->after_alpha) &&
         same_number(a->after_beta, b->after_beta) && same_number(a->drop_path, b->drop_path);
}

static bool same_gate(const blok_gate_desc *a, const blok_gate_desc *b) {
  return a->form == b->form && a->channels == b->channels && a->spatial == b->spatial &&
         a->adds == b->adds && a->activation == b->activation;
}

bool blok_block_same(const blok_block *a, const blok_block *b) {
  if (!a || !b) return a == b;
  if (a->kind != b->kind || !a->conv != !b->conv || !a->residual != !b->residual ||
      !a->se != !b->se || !a->gate != !b->gate) {
    return false;
  }
  return (!a->conv || same_conv(a->conv, b->conv)) && (!a->se || same_se(a->se, b->se)) &&
         (!a->residual || same_residual(a->residual, b->residual)) &&
         (!a->gate || same_gate(a->gate, b->gate));
}
