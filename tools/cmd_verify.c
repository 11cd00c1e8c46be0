// `blok verify`: a model against stored inputs and outputs, or against itself written anew.
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/feed.h"
#include "tools/open.h"
#include "tools/shape.h"
#include "tools/source.h"
#include "tools/verify.h"

enum { OPTION_DATA = 300, OPTION_RTOL, OPTION_ATOL, OPTION_BLOCKS };

static const blok_option verify_options[] = {
    {"data", "DIR", "holds input_N and output_N, .pb or .npy; may be repeated", OPTION_DATA},
    {"rtol", "R", "relative tolerance (default 1e-3)", OPTION_RTOL},
    {"atol", "A", "absolute tolerance (default 1e-5)", OPTION_ATOL},
    {"blocks", NULL, "against the model with its blocks written anew from their descriptors",
     OPTION_BLOCKS},
    {NULL, NULL, NULL, 0}};

#define SET_NAME "test_data_set_"

static char *copy_text(const char *text, size_t length) {
  char *copy = blok_cli_alloc(length + 1, 1);
  memcpy(copy, text, length);
  return copy;
}

static void add_folder(blok_verify_job *job, char *folder) {
  char **larger = blok_cli_alloc(job->folder_count + 1, sizeof *larger);
  if (job->folder_count > 0) memcpy(larger, job->folders, job->folder_count * sizeof *larger);
  larger[job->folder_count++] = folder;
  free(job->folders);
  job->folders = larger;
}

// By length, then by letters: so set 10 comes behind set 9.
static int compare_names(const void *left, const void *right) {
  const char *a = *(const char *const *)left;
  const char *b = *(const char *const *)right;
  const size_t a_length = strlen(a);
  const size_t b_length = strlen(b);
  if (a_length != b_length) return a_length < b_length ? -1 : 1;
  return strcmp(a, b);
}

// The folders test_data_set_* beside the model.
static void find_folders(blok_verify_job *job, const char *path) {
  const size_t length = (size_t)(blok_cli_basename(path) - path);
  char *parent = length == 0 ? copy_text("./", 2) : copy_text(path, length);
  DIR *listing = strcmp(path, "-") == 0 ? NULL : opendir(parent);
  const struct dirent *entry;
  while (listing != NULL && (entry = readdir(listing)) != NULL) {
    if (strncmp(entry->d_name, SET_NAME, strlen(SET_NAME)) != 0) continue;
    const size_t size = length + strlen(entry->d_name) + 1;
    char *folder = blok_cli_alloc(size, 1);
    (void)snprintf(folder, size, "%.*s%s", (int)length, path, entry->d_name);
    add_folder(job, folder);
  }
  if (listing != NULL) closedir(listing);
  if (job->folder_count > 1) {
    qsort(job->folders, job->folder_count, sizeof *job->folders, compare_names);
  }
  free(parent);
}

// Reads input_N or output_N of a folder: the .pb, or the .npy.
static blok_status read_stored(const char *folder, const char *side, size_t index, blok_array *out,
                               blok_error *error) {
  const size_t size = strlen(folder) + 48;
  char *path = blok_cli_alloc(size, 1);
  struct stat facts;
  memset(out, 0, sizeof *out);
  (void)snprintf(path, size, "%s/%s_%zu.pb", folder, side, index);
  if (stat(path, &facts) != 0) {
    (void)snprintf(path, size, "%s/%s_%zu.npy", folder, side, index);
  }
  blok_status status;
  if (stat(path, &facts) != 0 && errno == ENOENT) {
    status = blok_cli_error(error, BLOK_E_NOT_FOUND, "%s: holds no %s_%zu.pb and no %s_%zu.npy",
                            blok_show(folder).text, side, index, side, index);
  } else {
    blok_source source;
    status = blok_source_read(path, &source, error);
    if (status == BLOK_OK && source.kind != BLOK_SOURCE_PB && source.kind != BLOK_SOURCE_NPY) {
      status =
          blok_cli_error(error, BLOK_E_MALFORMED, "%s: is no .npy array", blok_show(path).text);
    }
    if (status == BLOK_OK) status = blok_array_read(&source, out, error);
    blok_source_free(&source);
  }
  free(path);
  return status;
}

static void free_inputs(blok_verify_job *job) {
  for (size_t i = 0; i < job->input_count; i++) blok_array_free(&job->inputs[i]);
}

int blok_verify_inputs(blok_verify_job *job, const char *folder) {
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = BLOK_OK;
  free_inputs(job);
  for (size_t i = 0; i < job->input_count && status == BLOK_OK; i++) {
    status = read_stored(folder, "input", i, &job->inputs[i], &error);
    job->input_tensors[i] = job->inputs[i].tensor;
  }
  return status == BLOK_OK ? 0 : blok_cli_fail(job->cli, blok_cli_exit_reading(status), &error);
}

int blok_verify_session(blok_verify_job *job, blok_session *session, const blok_tensor *inputs,
                        blok_tensor *outputs) {
  blok_error error = BLOK_ERROR_INIT;
  for (size_t i = 0; i < job->output_count; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  const blok_status status =
      blok_session_run(session, inputs, job->input_count, outputs, job->output_count, &error);
  blok_cli_progress_end(&job->progress);
  return status == BLOK_OK ? 0 : blok_cli_run_failed(job->cli, &job->progress, &error);
}

static int check_folder(blok_verify_job *job, const char *folder) {
  int failed = blok_verify_inputs(job, folder);
  if (failed == 0)
    failed = blok_verify_session(job, job->session, job->input_tensors, job->outputs);
  if (failed != 0) return failed;
  for (size_t i = 0; i < job->output_count; i++) {
    blok_error error = BLOK_ERROR_INIT;
    blok_array want;
    const blok_status status = read_stored(folder, "output", i, &want, &error);
    if (status != BLOK_OK) {
      blok_array_free(&want);
      return blok_cli_fail(job->cli, blok_cli_exit_reading(status), &error);
    }
    blok_verdict *next = &job->verdicts[job->verdict_count++];
    next->folder = folder;
    next->output = i;
    blok_compare(&job->outputs[i], &want.tensor, job->rtol, job->atol, &next->difference);
    blok_array_free(&want);
  }
  return 0;
}

void blok_verify_json(const blok_verify_job *job, blok_json *json, const char *against) {
  blok_json_int(json, "schema", 1);
  blok_json_text(json, "against", against);
  blok_json_number(json, "rtol", job->rtol);
  blok_json_number(json, "atol", job->atol);
  blok_json_open(json, "outputs", '[');
  for (size_t i = 0; i < job->verdict_count; i++) {
    const blok_verdict *row = &job->verdicts[i];
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", blok_cli_output_name(job->model, row->output));
    blok_json_text(json, "data", row->folder);
    blok_json_number(json, "max_abs", row->difference.max_abs);
    blok_json_number(json, "max_rel", row->difference.max_rel);
    blok_json_uint(json, "bad", row->difference.bad);
    blok_json_uint(json, "count", row->difference.count);
    blok_json_text(json, "why", row->difference.why[0] == '\0' ? NULL : row->difference.why);
    blok_json_close(json);
  }
  blok_json_close(json);
}

int blok_verify_noise(blok_verify_job *job, blok_verify_run run) {
  blok_feed feed;
  blok_error error = BLOK_ERROR_INIT;
  blok_status fed = blok_feed_begin(&feed, job->cli, job->model, &job->bindings, NULL, &error);
  const char **paths = blok_cli_alloc(feed.count, sizeof *paths);
  feed.noise_said = true;  // the answer says it
  if (fed == BLOK_OK) fed = blok_feed_load(&feed, paths, &error);
  free(paths);
  const int status = fed == BLOK_OK ? run(job, NULL, feed.tensors)
                                    : blok_cli_fail(job->cli, blok_cli_exit_reading(fed), &error);
  blok_feed_end(&feed);
  return status;
}

// Without stored outputs: what the session makes against what the reference interpreter makes. Sums
// in float differ from sums in double by the size of what was summed, not of what cancellation
// left, so the absolute tolerance grows with the output's largest number.
static int check_reference(blok_verify_job *job, const char *folder, const blok_tensor *inputs) {
  blok_tensor *want = blok_cli_alloc(job->output_count, sizeof *want);
  int status = blok_verify_session(job, job->session, inputs, job->outputs);
  if (status == 0) status = blok_verify_session(job, job->again_session, inputs, want);
  for (size_t i = 0; i < job->output_count && status == 0; i++) {
    blok_verdict *next = &job->verdicts[job->verdict_count++];
    next->folder = folder;
    next->output = i;
    const double atol = job->atol * fmax(1, blok_largest(&want[i]));
    blok_compare(&job->outputs[i], &want[i], job->rtol, atol, &next->difference);
  }
  free(want);
  return status;
}

static void print_json(const blok_verify_job *job, bool good) {
  blok_json json;
  blok_json_begin(&json, job->cli->out);
  blok_json_open(&json, NULL, '{');
  blok_verify_json(job, &json, job->folder_count > 0 ? "data" : "reference");
  blok_json_bool(&json, "ok", good);
  blok_json_close(&json);
}

void blok_verify_table(const blok_verify_job *job) {
  static const char *const heads[] = {"data", "output", "max abs", "max rel", "bad", "of", ""};
  blok_table table;
  blok_table_begin(&table, "llrrrrl", heads);
  for (size_t i = 0; i < job->verdict_count; i++) {
    const blok_verdict *row = &job->verdicts[i];
    blok_table_cell(&table, "%s", row->folder == NULL ? "noise" : row->folder);
    blok_table_cell(&table, "%s", blok_cli_output_name(job->model, row->output));
    blok_table_cell(&table, "%.3g", row->difference.max_abs);
    blok_table_cell(&table, "%.3g", row->difference.max_rel);
    blok_table_cell(&table, "%zu", row->difference.bad);
    blok_table_cell(&table, "%zu", row->difference.count);
    blok_table_cell(&table, "%s%s%s", row->difference.bad == 0 ? "ok" : "differs",
                    row->difference.why[0] == '\0' ? "" : ": ", row->difference.why);
  }
  blok_table_end(&table, job->cli, 0);
}

static void print_text(const blok_verify_job *job, bool good) {
  blok_verify_table(job);
  fprintf(job->cli->out, "%s: %zu output%s%s, rtol %g, atol %g\n", good ? "ok" : "values differ",
          job->verdict_count, job->verdict_count == 1 ? "" : "s",
          job->folder_count > 0 ? "" : " against the reference interpreter", job->rtol, job->atol);
}

bool blok_verify_good(const blok_verify_job *job) {
  for (size_t i = 0; i < job->verdict_count; i++) {
    if (job->verdicts[i].difference.bad > 0) return false;
  }
  return true;
}

void blok_verify_prepare(blok_verify_job *job, size_t sets) {
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (blok_model_get_info(job->model, &info) == BLOK_OK) {
    job->input_count = info.inputs;
    job->output_count = info.outputs;
  }
  job->inputs = blok_cli_alloc(job->input_count, sizeof *job->inputs);
  job->input_tensors = blok_cli_alloc(job->input_count, sizeof *job->input_tensors);
  job->outputs = blok_cli_alloc(job->output_count, sizeof *job->outputs);
  job->verdicts = blok_cli_alloc(sets * job->output_count, sizeof *job->verdicts);
}

static int check_folders(blok_verify_job *job) {
  int status = 0;
  for (size_t i = 0; i < job->folder_count && status == 0; i++) {
    status = check_folder(job, job->folders[i]);
  }
  return status;
}

static int verify_model(blok_verify_job *job, const char *path) {
  if (job->folder_count == 0) find_folders(job, path);
  const bool stored = job->folder_count > 0;
  if (stored && (job->bindings.dim_count > 0 || job->bindings.shape_count > 0)) {
    return blok_cli_usage(job->cli,
                          "--dim and --shape are for noise, with --blocks or without stored data: "
                          "%s holds the inputs",
                          blok_show(job->folders[0]).text);
  }
  if (!stored && job->cli->reference) {
    return blok_cli_usage(job->cli,
                          "without stored data --reference has nothing to be compared with");
  }
  int status = blok_cli_open(job->cli, path, true, &job->model);
  if (status == 0) status = blok_cli_session(job->cli, job->model, &job->progress, &job->session);
  if (status == 0 && !stored) {
    status = blok_cli_reference(job->cli, job->model, &job->progress, &job->again_session);
  }
  if (status != 0) return status;
  blok_verify_prepare(job, stored ? job->folder_count : 1);
  status = stored ? check_folders(job) : blok_verify_noise(job, check_reference);
  if (status != 0) return status;
  const bool good = blok_verify_good(job);
  if (job->cli->json) {
    print_json(job, good);
  } else {
    print_text(job, good);
  }
  return good ? BLOK_EXIT_DONE : BLOK_EXIT_DIFFERS;
}

static int verify_words(blok_verify_job *job, const blok_command *command, int argc, char **argv) {
  blok_parser parser;
  blok_parser_begin(&parser, job->cli, command, &job->bindings, argc, argv);
  bool blocks = false;
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) {
    double *tolerance = id == OPTION_RTOL ? &job->rtol : &job->atol;
    if (id == OPTION_BLOCKS) {
      blocks = true;
    } else if (id == OPTION_DATA) {
      add_folder(job, copy_text(parser.value, strlen(parser.value)));
    } else if (!blok_parse_real(parser.value, tolerance, NULL) || *tolerance < 0) {
      return blok_cli_usage(job->cli, "--%s takes a number from 0, not '%s'",
                            id == OPTION_RTOL ? "rtol" : "atol", blok_show(parser.value).text);
    }
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count != 1) {
    return blok_cli_usage(job->cli, count == 0 ? "a model is needed" : "one model at a time");
  }
  if (blocks) return blok_verify_blocks(job, words[0]);
  return verify_model(job, words[0]);
}

static int verify_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  blok_verify_job job = {.cli = cli, .rtol = 1e-3, .atol = 1e-5};
  const int status = verify_words(&job, command, argc, argv);
  if (job.inputs != NULL) free_inputs(&job);
  for (size_t i = 0; i < job.folder_count; i++) free(job.folders[i]);
  free(job.folders);
  free(job.inputs);
  free(job.input_tensors);
  free(job.outputs);
  free(job.verdicts);
  blok_session_free(&job.session);
  blok_session_free(&job.again_session);
  blok_model_free(&job.again);
  blok_model_free(&job.model);
  return status;
}

const blok_command blok_command_verify = {
    .name = "verify",
    .synopsis = "MODEL [--data DIR]... [--blocks] [--rtol R] [--atol A] [--json]",
    .summary = "compare a model's outputs with stored ones, or with the reference interpreter's",
    .about =
        "DIR holds input_0, input_1, ... and output_0, ..., each a .pb (TensorProto) or a .npy,\n"
        "in the order of the model's inputs and outputs. Without --data the folders\n"
        "test_data_set_* beside the model are taken; where there are none, the inputs are noise,\n"
        "and what the reference interpreter makes of them stands for what is stored. A number is\n"
        "good when |got - stored| <= A + R * |stored|; beside the reference interpreter A counts "
        "as\n"
        "many times as the output's largest number says, if that is above 1. NaN agrees with NaN;\n"
        "type and shape must agree. The exit status is 1 when something differs.\n"
        "\n"
        "With --blocks the nodes of every block are deleted and written anew from the block's\n"
        "descriptor and weights alone; both models run on the inputs of DIR, or on noise, and\n"
        "must agree within A + R * the output's largest number, and each block must be found\n"
        "again, the same, in its place.\n",
    .examples =
        "  blok verify resnet18/model.onnx\n"
        "  blok verify mine.onnx --isa scalar -t 3   against the reference, if nothing is stored\n"
        "  blok verify mine.onnx --data case_a --data case_b --rtol 1e-4\n"
        "  blok verify mine.onnx --blocks --dim height=224 --dim width=224\n",
    .options = verify_options,
    .shapes = true,
    .sessions = true,
    .run = verify_run};
