// `blok bench --profile`: where the time of a run goes.
#ifndef BLOK_TOOLS_PROFILE_H
#define BLOK_TOOLS_PROFILE_H

#include "tools/steps.h"

typedef struct blok_profile {
  const blok_session *session;
  blok_steps steps;
  uint64_t runs;       // that were timed
  double peak;         // GFLOP/s of the machine on the session's threads; 0: unknown
  uint64_t sum;        // nanoseconds of all steps, the quickest of each
  size_t group_count;  // blocks that lie in no other, in order, and what lies in no block
  struct blok_profile_group *groups;
} blok_profile;

// Reads what the session's clocks say since blok_session_profile, and measures the machine. Free
// with blok_profile_free whatever the status.
BLOK_MUST_CHECK blok_status blok_profile_read(blok_profile *profile, const blok_model *model,
                                              const blok_session *session, blok_error *error);
void blok_profile_free(blok_profile *profile);

void blok_profile_print(const blok_profile *profile, blok_cli *cli);
// "profile": an object in the one that is open.
void blok_profile_json(const blok_profile *profile, blok_json *json);

#endif  // BLOK_TOOLS_PROFILE_H
