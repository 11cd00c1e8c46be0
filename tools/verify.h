// What the files of `blok verify` share: the work at hand, and how its verdicts are printed.
#ifndef BLOK_TOOLS_VERIFY_H
#define BLOK_TOOLS_VERIFY_H

#include "tools/compare.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/source.h"
#include "tools/table.h"

// One output of one set of inputs.
typedef struct blok_verdict {
  const char *folder;  // that holds the inputs; NULL: noise
  size_t output;
  blok_mismatch difference;
} blok_verdict;

typedef struct blok_verify_job {
  blok_cli *cli;
  double rtol, atol;
  blok_bindings bindings;
  char **folders;
  size_t folder_count;
  blok_model *model;
  blok_session *session;
  blok_model *again;            // --blocks: model, its blocks written anew
  blok_session *again_session;  // what session is compared with: of again, or the reference
  blok_cli_progress progress;
  size_t input_count, output_count;
  blok_array *inputs;
  blok_tensor *input_tensors;
  blok_tensor *outputs;
  blok_verdict *verdicts;
  size_t verdict_count;
} blok_verify_job;

// Counts inputs and outputs of the model, and makes the arrays for as many sets of inputs.
void blok_verify_prepare(blok_verify_job *job, size_t sets);

// Reads input_N of a folder into job->input_tensors. What these two give is an exit status: an
// error has been printed unless it is 0.
int blok_verify_inputs(blok_verify_job *job, const char *folder);
// Runs a session of the model; outputs belong to the session.
int blok_verify_session(blok_verify_job *job, blok_session *session, const blok_tensor *inputs,
                        blok_tensor *outputs);

// Calls run with noise for the model's inputs, folder NULL. Gives its exit status, or that of a
// printed error.
typedef int (*blok_verify_run)(blok_verify_job *job, const char *folder, const blok_tensor *inputs);
int blok_verify_noise(blok_verify_job *job, blok_verify_run run);

bool blok_verify_good(const blok_verify_job *job);
void blok_verify_table(const blok_verify_job *job);
// Into an open object: schema to outputs.
void blok_verify_json(const blok_verify_job *job, blok_json *json, const char *against);

// `blok verify MODEL --blocks`. (verify_blocks.c)
int blok_verify_blocks(blok_verify_job *job, const char *path);

#endif  // BLOK_TOOLS_VERIFY_H
