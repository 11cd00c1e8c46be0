// conv_norm_act: every convolution that no other block holds, with the norm and activation behind
// it.
#include "base/error.h"
#include "blocks/matcher.h"

static blok_status match_at(blok_matcher *matcher, uint32_t index, blok_error *error) {
  const blok_unit *conv = blok_unit_at(matcher, index);
  const blok_unit *norm = blok_unit_reading(matcher, conv->out, BLOK_UNIT_NORM);
  if (norm && !blok_unit_free(matcher, norm)) norm = NULL;
  blok_value_id end = norm ? norm->out : conv->out;
  const blok_unit *act = blok_unit_reading(matcher, end, BLOK_UNIT_ACT);
  if (act && !blok_unit_free(matcher, act)) act = NULL;
  return blok_record_conv(matcher, -1, conv, norm, act, false, error);
}

blok_status blok_match_conv_norm_act(blok_matcher *matcher, blok_error *error) {
  for (uint32_t i = 1; i < matcher->n_units; i++) {
    const blok_unit *unit = blok_unit_at(matcher, i);
    if (unit->kind != BLOK_UNIT_CONV || !blok_unit_free(matcher, unit)) continue;
    BLOK_TRY(match_at(matcher, i, error));
  }
  return BLOK_OK;
}
