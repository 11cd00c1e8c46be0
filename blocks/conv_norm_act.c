// conv_norm_act: every convolution that no other block describes, with the norm and activation
// behind it. Inside a block that is kept as nodes (residual_other, gate) it is a child.
#include "base/error.h"
#include "blocks/matcher.h"

// unit where the block at home holds it too, or none where home is -1; NULL otherwise.
static const blok_unit *at_home(const blok_matcher *matcher, const blok_unit *unit, int32_t home) {
  int32_t its;
  return unit && blok_unit_home(matcher, unit, &its) && its == home ? unit : NULL;
}

static blok_status match_at(blok_matcher *matcher, const blok_unit *conv, int32_t home,
                            blok_error *error) {
  const blok_unit *norm =
      at_home(matcher, blok_unit_reading(matcher, conv->out, BLOK_UNIT_NORM), home);
  blok_value_id end = norm ? norm->out : conv->out;
  const blok_unit *act = at_home(matcher, blok_unit_reading(matcher, end, BLOK_UNIT_ACT), home);
  return blok_record_conv(matcher, home, conv, norm, act, false, error);
}

blok_status blok_match_conv_norm_act(blok_matcher *matcher, blok_error *error) {
  for (uint32_t i = 1; i < matcher->n_units; i++) {
    const blok_unit *unit = blok_unit_at(matcher, i);
    int32_t home;
    if (unit->kind != BLOK_UNIT_CONV || !blok_unit_home(matcher, unit, &home)) continue;
    BLOK_TRY(match_at(matcher, unit, home, error));
  }
  return BLOK_OK;
}
