// The line of explanation that a function carries: what all of its blocks have in common.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "blocks/functions_parts.h"

enum { PARTS = 12, PART_BYTES = 48 };

typedef struct words {
  uint32_t n;
  char part[PARTS][PART_BYTES];
} words;

__attribute__((format(printf, 2, 3))) static void say(words *out, const char *format, ...) {
  va_list arguments;
  if (out->n == PARTS) return;
  va_start(arguments, format);
  (void)vsnprintf(out->part[out->n++], PART_BYTES, format, arguments);
  va_end(arguments);
}

static int32_t larger(const int32_t pair[2]) { return pair[0] > pair[1] ? pair[0] : pair[1]; }

// "3x3 /2"; a part that a block has not got is empty, so that parts stay in their places.
static void say_kernel(words *out, const blok_conv_desc *conv, int32_t stride) {
  if (stride > 1) {
    say(out, "%dx%d /%d", (int)conv->kernel[0], (int)conv->kernel[1], (int)stride);
  } else {
    say(out, "%dx%d", (int)conv->kernel[0], (int)conv->kernel[1]);
  }
}

static void say_groups(words *out, const blok_conv_desc *conv) {
  if (conv->groups > 1 && conv->groups == conv->in_channels) {
    say(out, "depthwise");
  } else if (conv->groups > 1) {
    say(out, "%d groups", (int)conv->groups);
  } else {
    say(out, "%s", "");
  }
}

static void say_conv(words *out, const blok_conv_desc *conv) {
  say_kernel(out, conv, larger(conv->stride));
  say(out, "%d > %d", (int)conv->in_channels, (int)conv->out_channels);
  say_groups(out, conv);
  say(out, "%s", conv->norm ? blok_norm_name(conv->norm) : "");
  say(out, "%s", conv->activation ? blok_activation_name(conv->activation) : "");
}

static void say_se(words *out, const blok_se_desc *se) {
  say(out, "%d > %d > %d", (int)se->channels, (int)se->hidden, (int)se->channels);
  say(out, "%s", blok_activation_name(se->activation));
  say(out, "%s", blok_activation_name(se->gate));
}

static void say_convs(words *out, const blok_residual_desc *residual) {
  const blok_conv_desc *conv = residual->conv;
  int32_t stride = 1, last = residual->convs - 1;
  for (int32_t c = 0; c <= last; c++) stride *= larger(conv[c].stride);
  const blok_conv_desc *middle = &conv[residual->convs == 3 ? 1 : 0];
  say_kernel(out, middle, stride);
  if (conv[0].out_channels == conv[last].out_channels) {
    say(out, "%d > %d", (int)conv[0].in_channels, (int)conv[last].out_channels);
  } else {
    say(out, "%d > %d > %d", (int)conv[0].in_channels, (int)conv[0].out_channels,
        (int)conv[last].out_channels);
  }
  say_groups(out, middle);
}

static void say_residual(words *out, const blok_residual_desc *residual) {
  if (residual->order) {
    say(out, "%s-activation", blok_order_name(residual->order));
  } else {
    say(out, "%s", "");
  }
  if (residual->convs) say_convs(out, residual);
  say(out, "%s", residual->has_se ? "squeeze-excite" : "");
  say(out, "%s", residual->skip ? blok_skip_name(residual->skip) : "no skip");
  if (residual->after_add) {
    say(out, "%s after the addition", blok_activation_name(residual->after_add));
  } else {
    say(out, "%s", "");
  }
}

static void describe(words *out, const blok_block_record *record) {
  out->n = 0;
  say(out, "%s", blok_block_kind_name(record->kind));
  if (record->conv) say_conv(out, record->conv);
  if (record->se) say_se(out, record->se);
  if (record->residual) say_residual(out, record->residual);
  if (record->gate) {
    say(out, "%s", blok_gate_form_name(record->gate->form));
    say(out, "%d channels", (int)record->gate->channels);
  }
}

blok_status blok_calls_doc(blok_calls *self, blok_call_form *form) {
  words common, other;
  char line[PARTS * (PART_BYTES + 2)];
  size_t length = 0;
  describe(&common, &self->overlay->blocks[form->first]);
  for (int32_t b = form->first; b >= 0; b = self->blocks[b].next) {
    describe(&other, &self->overlay->blocks[b]);
    for (uint32_t p = 0; p < common.n; p++) {
      if (p >= other.n || strcmp(common.part[p], other.part[p]) != 0) common.part[p][0] = '\0';
    }
  }
  for (uint32_t p = 0; p < common.n; p++) {
    const size_t size = strlen(common.part[p]);
    if (size == 0) continue;
    if (length) length += (size_t)snprintf(line + length, sizeof line - length, ", ");
    memcpy(line + length, common.part[p], size + 1);
    length += size;
  }
  form->doc = blok_arena_textn(&self->module->arena, line, length);
  return form->doc ? BLOK_OK : blok_fail_memory(self->error, length);
}
