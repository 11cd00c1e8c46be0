// `blok bench`: how long a model takes.
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/feed.h"
#include "tools/json.h"
#include "tools/open.h"
#include "tools/profile.h"

enum { OPTION_SECONDS = 300, OPTION_WARMUP, OPTION_RUNS, OPTION_PROFILE };

#define MOST_RUNS 1000000

static const blok_option bench_options[] = {
    {"seconds", "S", "how long to go on running (default 3)", OPTION_SECONDS},
    {"warmup", "N", "runs before the clock counts, beside the first (default 1)", OPTION_WARMUP},
    {"runs", "N", "this many runs, however long they take", OPTION_RUNS},
    {"profile", NULL, "then run as often again, each step timed", OPTION_PROFILE},
    {NULL, NULL, NULL, 0}};

typedef struct bench_job {
  blok_cli *cli;
  blok_bindings bindings;
  double seconds;
  uint64_t warmup;
  uint64_t wanted;  // runs; 0: until seconds are over
  blok_model *model;
  blok_session *session;
  blok_cli_progress progress;
  blok_feed feed;
  size_t output_count;
  blok_tensor *outputs;
  bool profiled;
  double open_ms, plan_ms, first_ms;
  blok_machine_info machine;
  blok_memory_info memory;
  double *times;  // in ms
  size_t runs;
  size_t capacity;
} bench_job;

static int run_once(bench_job *job, double *ms) {
  blok_error error = BLOK_ERROR_INIT;
  for (size_t i = 0; i < job->output_count; i++) job->outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  const double start = blok_cli_now();
  const blok_status status = blok_session_run(job->session, job->feed.tensors, job->feed.count,
                                              job->outputs, job->output_count, &error);
  *ms = (blok_cli_now() - start) * 1e3;
  return status == BLOK_OK ? 0 : blok_cli_run_failed(job->cli, &job->progress, &error);
}

static void keep_time(bench_job *job, double ms) {
  job->times = blok_cli_grow(job->times, job->runs, &job->capacity, sizeof *job->times);
  job->times[job->runs++] = ms;
}

static int compare_times(const void *left, const void *right) {
  const double a = *(const double *)left;
  const double b = *(const double *)right;
  return a < b ? -1 : a > b;
}

// The smallest time that at least part of all runs kept within; times are sorted.
static double quantile(const bench_job *job, double part) {
  size_t rank = (size_t)(part * (double)job->runs + 0.999999);  // rounded up
  if (rank < 1) rank = 1;
  return job->times[rank > job->runs ? job->runs - 1 : rank - 1];
}

static double median(const bench_job *job) {
  const size_t middle = job->runs / 2;
  if (job->runs % 2 == 1) return job->times[middle];
  return (job->times[middle - 1] + job->times[middle]) / 2;
}

static uint64_t peak_bytes(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static bool enough(const bench_job *job, size_t runs, double start) {
  if (runs >= MOST_RUNS) return true;
  return job->wanted > 0 ? runs >= job->wanted : blok_cli_now() - start >= job->seconds;
}

static int measure(bench_job *job) {
  double ms = 0;
  int status = run_once(job, &job->first_ms);
  for (uint64_t i = 0; i < job->warmup && status == 0; i++) status = run_once(job, &ms);
  const double start = blok_cli_now();
  while (status == 0) {
    status = run_once(job, &ms);
    if (status == 0) keep_time(job, ms);
    if (enough(job, job->runs, start)) break;
  }
  blok_cli_progress_end(&job->progress);
  if (status == 0) qsort(job->times, job->runs, sizeof *job->times, compare_times);
  return status;
}

// Runs as many times as were measured, or as long, with a clock at each step.
static int take_profile(bench_job *job, blok_profile *profile) {
  blok_error error = BLOK_ERROR_INIT;
  if (blok_session_profile(job->session, true, &error) != BLOK_OK) {
    return blok_cli_run_failed(job->cli, &job->progress, &error);
  }
  const double start = blok_cli_now();
  double ms = 0;
  size_t runs = 0;
  do {
    const int status = run_once(job, &ms);
    if (status != 0) return status;
  } while (!enough(job, ++runs, start));
  blok_cli_progress_end(&job->progress);
  if (blok_profile_read(profile, job->model, job->session, &error) != BLOK_OK) {
    return blok_cli_run_failed(job->cli, &job->progress, &error);
  }
  return 0;
}

static void print_json(const bench_job *job, const char *path, const blok_profile *profile) {
  blok_json json;
  blok_json_begin(&json, job->cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_text(&json, "model", path);
  blok_json_uint(&json, "threads", job->machine.threads);
  blok_json_text(&json, "isa", job->machine.isa);
  blok_json_number(&json, "load_ms", job->open_ms + job->plan_ms);
  blok_json_number(&json, "open_ms", job->open_ms);
  blok_json_number(&json, "plan_ms", job->plan_ms);
  blok_json_number(&json, "first_ms", job->first_ms);
  blok_json_uint(&json, "runs", job->runs);
  blok_json_number(&json, "min_ms", job->times[0]);
  blok_json_number(&json, "median_ms", median(job));
  blok_json_number(&json, "p99_ms", quantile(job, 0.99));
  blok_json_uint(&json, "arena_bytes", job->memory.arena_bytes);
  blok_json_uint(&json, "packed_bytes", job->memory.packed_bytes);
  blok_json_uint(&json, "peak_rss_bytes", peak_bytes());
  if (job->profiled) blok_profile_json(profile, &json);
  blok_json_close(&json);
}

static void print_text(const bench_job *job, const char *path, const blok_profile *profile) {
  FILE *out = job->cli->out;
  blok_show_to(out, path);
  fprintf(out, "\n  threads      %u (%s)\n", job->machine.threads, job->machine.isa);
  fprintf(out, "  load         %.3f ms: open %.3f, plan and pack %.3f\n",
          job->open_ms + job->plan_ms, job->open_ms, job->plan_ms);
  fprintf(out, "  first run    %.3f ms\n", job->first_ms);
  fprintf(out, "  %zu runs: min %.3f, median %.3f, p99 %.3f ms\n", job->runs, job->times[0],
          median(job), quantile(job, 0.99));
  fprintf(out, "  memory       arena %s", blok_group_bytes(job->memory.arena_bytes).text);
  fprintf(out, ", packed weights %s\n", blok_group_bytes(job->memory.packed_bytes).text);
  fprintf(out, "  peak memory  %s\n", blok_group_bytes(peak_bytes()).text);
  if (job->profiled) blok_profile_print(profile, job->cli);
}

// Inputs, and the model opened and planned for their shapes: all that comes before a first run.
static int load(bench_job *job, const char *path) {
  blok_error error = BLOK_ERROR_INIT;
  double start = blok_cli_now();
  int status = blok_cli_open(job->cli, path, true, &job->model);
  if (status != 0) return status;
  job->open_ms = (blok_cli_now() - start) * 1e3;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (blok_model_get_info(job->model, &info) == BLOK_OK) job->output_count = info.outputs;
  job->outputs = blok_cli_alloc(job->output_count, sizeof *job->outputs);
  start = blok_cli_now();
  status = blok_cli_session(job->cli, job->model, &job->progress, &job->session);
  if (status != 0) return status;
  job->plan_ms = (blok_cli_now() - start) * 1e3;
  blok_status fed = blok_feed_begin(&job->feed, job->cli, job->model, &job->bindings, NULL, &error);
  const char **paths = blok_cli_alloc(job->feed.count, sizeof *paths);
  if (fed == BLOK_OK) fed = blok_feed_load(&job->feed, paths, &error);
  free(paths);
  if (fed != BLOK_OK) return blok_cli_fail(job->cli, blok_cli_exit_reading(fed), &error);
  start = blok_cli_now();
  if (blok_session_reshape(job->session, job->feed.tensors, job->feed.count, &error) != BLOK_OK) {
    return blok_cli_run_failed(job->cli, &job->progress, &error);
  }
  job->plan_ms += (blok_cli_now() - start) * 1e3;
  return 0;
}

static int bench_model(bench_job *job, const char *path) {
  blok_error error = BLOK_ERROR_INIT;
  blok_profile profile = {0};
  int status = load(job, path);
  if (status == 0) status = measure(job);
  if (status == 0 && job->profiled) status = take_profile(job, &profile);
  if (status == 0 && (blok_session_machine(job->session, &job->machine, &error) != BLOK_OK ||
                      blok_session_memory(job->session, &job->memory, &error) != BLOK_OK)) {
    status = blok_cli_run_failed(job->cli, &job->progress, &error);
  }
  if (status == 0 && job->cli->json) {
    print_json(job, path, &profile);
  } else if (status == 0) {
    print_text(job, path, &profile);
  }
  blok_profile_free(&profile);
  return status;
}

static int bench_words(bench_job *job, const blok_command *command, int argc, char **argv) {
  blok_parser parser;
  blok_parser_begin(&parser, job->cli, command, &job->bindings, argc, argv);
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) {
    if (id == OPTION_PROFILE) {
      job->profiled = true;
      continue;
    }
    const char *name = id == OPTION_SECONDS ? "seconds" : id == OPTION_WARMUP ? "warmup" : "runs";
    const bool good = id == OPTION_SECONDS
                          ? blok_parse_real(parser.value, &job->seconds, NULL) && job->seconds > 0
                          : blok_parse_count(parser.value, id == OPTION_RUNS, MOST_RUNS,
                                             id == OPTION_RUNS ? &job->wanted : &job->warmup);
    if (!good) {
      return blok_cli_usage(job->cli, "--%s: '%s' is no number in range", name,
                            blok_show(parser.value).text);
    }
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count != 1) {
    return blok_cli_usage(job->cli, count == 0 ? "a model is needed" : "one model at a time");
  }
  return bench_model(job, words[0]);
}

static int bench_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  bench_job *job = blok_cli_alloc(1, sizeof *job);
  job->cli = cli;
  job->seconds = 3;
  job->warmup = 1;
  job->machine = (blok_machine_info)BLOK_MACHINE_INFO_INIT;
  job->memory = (blok_memory_info)BLOK_MEMORY_INFO_INIT;
  const int status = bench_words(job, command, argc, argv);
  blok_feed_end(&job->feed);
  blok_session_free(&job->session);
  blok_model_free(&job->model);
  free(job->outputs);
  free(job->times);
  free(job);
  return status;
}

const blok_command blok_command_bench = {
    .name = "bench",
    .synopsis = "MODEL [--seconds S] [--warmup N] [--runs N] [--profile] [--json]",
    .summary = "measure loading, the first run and the following runs",
    .about =
        "Inputs are noise, the same every time. An open axis gets its size from --dim or --shape; "
        "an\n"
        "open first axis is 1.\n"
        "\n"
        "--profile adds where the time goes, by block (those that lie in no other) and by step:\n"
        "milliseconds of the quickest run, GFLOP/s (a multiply-add counts two, those on padding\n"
        "too) with its share of what this machine's registers can do on as many threads, measured\n"
        "at the end, and GB/s of the bytes that a step must move. Other times are without it.\n",
    .examples =
        "  blok bench resnet18.onnx\n"
        "  blok bench resnet18.onnx --runs 100 --json\n"
        "  blok bench resnet18.onnx --profile -t 1\n"
        "  blok bench detector.onnx --dim height=480 --dim width=640 --seconds 10\n",
    .options = bench_options,
    .shapes = true,
    .sessions = true,
    .run = bench_run};
