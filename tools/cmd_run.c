// `blok run`: a model on arrays, pictures or noise.
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/answer.h"
#include "tools/feed.h"
#include "tools/open.h"
#include "tools/place.h"
#include "tools/table.h"

enum {
  OPTION_TOP = 300,
  OPTION_LABELS,
  OPTION_SCALE,
  OPTION_MEAN,
  OPTION_STD,
  OPTION_BGR,
  OPTION_RESIZE
};

static const blok_option run_options[] = {
    {"input", "[NAME=]FILE", "an input: .npy, .pb, .png, .jpg, .ppm; may be repeated", 'i'},
    {"output", "DIR|FILE.npy", "write the outputs: DIR/output_N.npy, or the only one to FILE.npy",
     'o'},
    {"top", "K", "how many of the best classes to show (default 5; several pictures: 1)",
     OPTION_TOP},
    {"labels", "FILE", "a line of text for each class", OPTION_LABELS},
    {"scale", "S", "what samples of 0 to 255 are multiplied by (default 1/255)", OPTION_SCALE},
    {"mean", "M|M,M,M", "subtracted after scaling, in the order of the input's channels",
     OPTION_MEAN},
    {"std", "S|S,S,S", "divided by after that", OPTION_STD},
    {"bgr", NULL, "blue first", OPTION_BGR},
    {"resize", "HOW", "stretch (default), crop or fit, where a picture has another size",
     OPTION_RESIZE},
    {NULL, NULL, NULL, 0}};

// Everything of one call of the command.
typedef struct run_job {
  blok_cli *cli;
  blok_bindings bindings;
  blok_picture_options pictures;
  const char **given;  // values of -i, in order
  size_t given_count;
  const char *labels_path;
  size_t top;  // 0: not given
  blok_place place;
  blok_labels labels;
  blok_model *model;
  blok_session *session;
  blok_cli_progress progress;
  blok_feed feed;
  size_t runs;
  const char **paths;           // feed.count for each run
  const char **pictures_named;  // the file of each run, when there are several
  int file_width;               // columns of the lines for several pictures
  int label_width;
  size_t output_count;
  blok_tensor *outputs;
  blok_json json;
} run_job;

// ---- The command line ---------------------------------------------------------------------------

// "0.5" or "0.5,0.4,0.3"
static bool parse_three(const char *text, float *out, int *count) {
  char copy[128];
  if (strlen(text) >= sizeof copy) return false;
  memcpy(copy, text, strlen(text) + 1);
  *count = 0;
  for (char *next = copy; next != NULL && *count < 3;) {
    char *comma = strchr(next, ',');
    double value = 0;
    if (comma != NULL) *comma = '\0';
    if (!blok_parse_real(next, &value, NULL)) return false;
    out[(*count)++] = (float)value;
    next = comma == NULL ? NULL : comma + 1;
    if (next != NULL && *count == 3) return false;
  }
  return *count != 2;
}

static bool parse_resize(const char *text, blok_resize *out) {
  static const char *const names[] = {"stretch", "crop", "fit"};
  for (int i = 0; i < 3; i++) {
    if (strcmp(text, names[i]) == 0) {
      *out = (blok_resize)i;
      return true;
    }
  }
  return false;
}

static bool parse_std(const char *text, blok_picture_options *pictures) {
  if (!parse_three(text, pictures->std, &pictures->stds)) return false;
  for (int i = 0; i < pictures->stds; i++) {
    if (!(pictures->std[i] > 0)) return false;
  }
  return true;
}

// Takes one option; a usage error's exit status, or 0.
static int take_option(run_job *job, int id, const char *value) {
  blok_picture_options *pictures = &job->pictures;
  const char *shown = value == NULL ? "" : value;
  uint64_t count = 0;
  switch (id) {
    case 'i':
      job->given[job->given_count++] = value;
      return 0;
    case 'o':
      blok_place_begin(&job->place, value);
      return 0;
    case OPTION_TOP:
      if (!blok_parse_count(value, 1, 1000000, &count)) {
        return blok_cli_usage(job->cli, "--top takes a number from 1, not '%s'",
                              blok_show(shown).text);
      }
      job->top = (size_t)count;
      return 0;
    case OPTION_LABELS:
      job->labels_path = value;
      return 0;
    case OPTION_SCALE:
      pictures->scale_given = true;
      if (blok_parse_real(value, &pictures->scale, &pictures->scale_below)) return 0;
      return blok_cli_usage(job->cli, "--scale takes a number or 1/255, not '%s'",
                            blok_show(shown).text);
    case OPTION_MEAN:
      if (parse_three(value, pictures->mean, &pictures->means)) return 0;
      return blok_cli_usage(job->cli, "--mean takes one number or three, not '%s'",
                            blok_show(shown).text);
    case OPTION_STD:
      if (parse_std(value, pictures)) return 0;
      return blok_cli_usage(job->cli, "--std takes one number above 0 or three, not '%s'",
                            blok_show(shown).text);
    case OPTION_BGR:
      pictures->bgr = true;
      return 0;
    default:
      if (parse_resize(value, &pictures->resize)) return 0;
      return blok_cli_usage(job->cli, "--resize takes stretch, crop or fit, not '%s'",
                            blok_show(shown).text);
  }
}

// ---- Which file goes to which input -------------------------------------------------------------

// The input that text names before an "=", and the file behind it; the whole text when it names
// none.
static const char *split_name(const blok_feed *feed, const char *text, size_t *input) {
  *input = SIZE_MAX;
  for (const char *equals = strchr(text, '='); equals != NULL; equals = strchr(equals + 1, '=')) {
    const size_t length = (size_t)(equals - text);
    for (size_t i = 0; i < feed->count; i++) {
      const char *name = feed->inputs[i].name;
      if (strlen(name) == length && memcmp(name, text, length) == 0) {
        *input = i;
        return equals + 1;
      }
    }
  }
  return text;
}

// Says of NAME=FILE that NAME is no input, where the whole is no file either.
static blok_status check_name(const blok_feed *feed, const char *text, blok_error *error) {
  if (strchr(text, '=') == NULL || access(text, F_OK) == 0 || feed->count == 0) return BLOK_OK;
  return blok_cli_error(error, BLOK_E_NOT_FOUND,
                        "-i %s: no such file, and no input of that name; the model's %s '%s'%s",
                        blok_show(text).text, feed->count == 1 ? "input is" : "inputs are",
                        blok_show(feed->inputs[0].name).text, feed->count > 1 ? ", ..." : "");
}

static blok_status plan_several(run_job *job, blok_error *error) {
  if (job->feed.count == 0 && job->given_count > 0) {
    return blok_cli_error(error, BLOK_E_NOT_FOUND, "-i %s: the model has no inputs",
                          blok_show(job->given[0]).text);
  }
  job->runs = job->feed.count == 1 && job->given_count > 1 ? job->given_count : 1;
  job->paths = blok_cli_alloc(job->runs * job->feed.count, sizeof *job->paths);
  job->pictures_named = blok_cli_alloc(job->runs, sizeof *job->pictures_named);
  return BLOK_OK;
}

static blok_status plan_inputs(run_job *job, blok_error *error) {
  blok_feed *feed = &job->feed;
  const blok_status status = plan_several(job, error);
  if (status != BLOK_OK) return status;
  for (size_t i = 0; i < job->given_count; i++) {
    size_t input = SIZE_MAX;
    const char *file = split_name(feed, job->given[i], &input);
    const blok_status known = input == SIZE_MAX ? check_name(feed, job->given[i], error) : BLOK_OK;
    if (known != BLOK_OK) return known;
    if (feed->count == 1) {
      job->paths[i] = file;
      job->pictures_named[i] = file;
      continue;
    }
    for (size_t next = 0; input == SIZE_MAX && next < feed->count; next++) {
      if (job->paths[next] == NULL) input = next;
    }
    if (input == SIZE_MAX || job->paths[input] != NULL) {
      return blok_cli_error(error, BLOK_E_NOT_FOUND,
                            input == SIZE_MAX ? "-i %s: the model has only %zu inputs"
                                              : "-i %s: that input was given before (of %zu)",
                            blok_show(job->given[i]).text, feed->count);
    }
    job->paths[input] = file;
  }
  for (size_t i = 0; job->given_count > 0 && i < feed->count; i++) {
    if (job->paths[i] == NULL) {
      return blok_cli_error(error, BLOK_E_NOT_FOUND,
                            "input '%s' was not given; -i takes %zu files for this model",
                            blok_show(feed->inputs[i].name).text, feed->count);
    }
  }
  return BLOK_OK;
}

// ---- Running ------------------------------------------------------------------------------------

static int widest(const char *const *texts, size_t count, int most) {
  int found = 1;
  for (size_t i = 0; i < count; i++) {
    const int width = (int)blok_table_width(blok_show(texts[i]).text);
    if (width > found) found = width;
  }
  return found > most ? most : found;
}

static void print_padded(FILE *out, const char *text, int width) {
  const blok_shown shown = blok_show(text);
  const int missing = width - (int)blok_table_width(shown.text);
  fprintf(out, "%s%*s", shown.text, missing > 0 ? missing : 0, "");
}

// One line for one picture of several.
static void print_line(const run_job *job, size_t run) {
  FILE *out = job->cli->out;
  print_padded(out, job->pictures_named[run], job->file_width);
  const blok_tensor *tensor = &job->outputs[0];
  if (job->output_count == 0) {
    fputc('\n', out);
    return;
  }
  if (!blok_answer_is_classes(tensor)) {
    fputs("  ", out);
    blok_answer_summary(out, tensor);
    fputc('\n', out);
    return;
  }
  blok_class_score *scores = NULL;
  const size_t count = blok_answer_best(tensor, job->top == 0 ? 1 : job->top, &scores);
  for (size_t i = 0; i < count; i++) {
    char number[24];
    fputs("  ", out);
    print_padded(out, blok_answer_label(&job->labels, scores[i].index, number), job->label_width);
    fprintf(out, "  %9.6g", scores[i].score);
  }
  fputc('\n', out);
  free(scores);
}

static void print_answer(run_job *job, size_t run, char *const *files) {
  const size_t top = job->top == 0 ? 5 : job->top;
  if (job->place.is_stdout) return;
  if (job->cli->json) {
    if (job->runs > 1) {
      blok_json_open(&job->json, NULL, '{');
      blok_json_text(&job->json, "input", job->pictures_named[run]);
    }
    blok_json_open(&job->json, "outputs", '[');
    for (size_t i = 0; i < job->output_count; i++) {
      blok_answer_json(&job->json, blok_cli_output_name(job->model, i), &job->outputs[i], top,
                       &job->labels, files[i]);
    }
    blok_json_close(&job->json);
    if (job->runs > 1) blok_json_close(&job->json);
    return;
  }
  if (job->runs > 1) {
    print_line(job, run);
    return;
  }
  for (size_t i = 0; i < job->output_count; i++) {
    blok_answer_print(job->cli, blok_cli_output_name(job->model, i), &job->outputs[i], top,
                      &job->labels);
    if (files[i] != NULL) blok_cli_note(job->cli, "wrote %s", blok_show(files[i]).text);
  }
}

// Writes the outputs of one run and prints the answer.
static int keep_outputs(run_job *job, size_t run) {
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = BLOK_OK;
  char **files = blok_cli_alloc(job->output_count, sizeof *files);
  for (size_t i = 0; i < job->output_count && status == BLOK_OK; i++) {
    status = blok_place_put(&job->place, job->cli, run, i, &job->outputs[i], &files[i], &error);
  }
  if (status == BLOK_OK) print_answer(job, run, files);
  for (size_t i = 0; i < job->output_count; i++) free(files[i]);
  free(files);
  return status == BLOK_OK ? 0 : blok_cli_fail(job->cli, blok_cli_exit_working(status), &error);
}

static int run_once(run_job *job, size_t run) {
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_feed_load(&job->feed, job->paths + run * job->feed.count, &error);
  if (status != BLOK_OK) return blok_cli_fail(job->cli, blok_cli_exit_reading(status), &error);
  for (size_t i = 0; i < job->output_count; i++) job->outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  status = blok_session_run(job->session, job->feed.tensors, job->feed.count, job->outputs,
                            job->output_count, &error);
  if (status != BLOK_OK) return blok_cli_run_failed(job->cli, &job->progress, &error);
  blok_cli_progress_end(&job->progress);
  return keep_outputs(job, run);
}

static int run_all(run_job *job) {
  if (job->cli->json && !job->place.is_stdout) {
    blok_json_begin(&job->json, job->cli->out);
    blok_json_open(&job->json, NULL, '{');
    blok_json_int(&job->json, "schema", 1);
    if (job->runs > 1) blok_json_open(&job->json, "runs", '[');
  }
  if (job->runs > 1) {
    job->file_width = widest(job->pictures_named, job->runs, 240);
    job->label_width = widest(job->labels.lines, job->labels.count, 40);
  }
  for (size_t run = 0; run < job->runs; run++) {
    const int status = run_once(job, run);
    if (status != 0) return status;
    if (!job->cli->json && !blok_cli_flush(job->cli)) return BLOK_EXIT_DONE;
  }
  if (job->cli->json && !job->place.is_stdout) {
    if (job->runs > 1) blok_json_close(&job->json);
    blok_json_close(&job->json);
  }
  return BLOK_EXIT_DONE;
}

// Opens everything that the runs need.
static int prepare(run_job *job, const char *path) {
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = BLOK_OK;
  if (job->labels_path != NULL) {
    status = blok_labels_read(job->labels_path, &job->labels, &error);
    if (status != BLOK_OK) return blok_cli_fail(job->cli, blok_cli_exit_reading(status), &error);
  }
  int exit_status = blok_cli_open(job->cli, path, true, &job->model);
  if (exit_status != 0) return exit_status;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (blok_model_get_info(job->model, &info) == BLOK_OK) job->output_count = info.outputs;
  job->outputs = blok_cli_alloc(job->output_count, sizeof *job->outputs);
  if (job->output_count != 1 && (job->place.is_file || job->place.is_stdout)) {
    return blok_cli_usage(job->cli, "the model has %zu outputs: -o takes a folder for them",
                          job->output_count);
  }
  exit_status = blok_cli_session(job->cli, job->model, &job->progress, &job->session);
  if (exit_status != 0) return exit_status;
  status =
      blok_feed_begin(&job->feed, job->cli, job->model, &job->bindings, &job->pictures, &error);
  if (status == BLOK_OK) status = plan_inputs(job, &error);
  if (status != BLOK_OK) return blok_cli_fail(job->cli, blok_cli_exit_reading(status), &error);
  if (job->runs > 1 && (job->place.is_file || job->place.is_stdout)) {
    return blok_cli_usage(job->cli, "%zu pictures: -o takes a folder for their outputs", job->runs);
  }
  status = blok_place_make(&job->place, job->pictures_named, job->runs, &error);
  return status == BLOK_OK ? 0 : blok_cli_fail(job->cli, blok_cli_exit_working(status), &error);
}

static void end_job(run_job *job, bool failed) {
  blok_place_end(&job->place, job->runs, failed);
  blok_feed_end(&job->feed);
  blok_session_free(&job->session);
  blok_model_free(&job->model);
  blok_labels_free(&job->labels);
  free(job->given);
  free(job->paths);
  free(job->pictures_named);
  free(job->outputs);
}

static int run_words(run_job *job, const blok_command *command, int argc, char **argv) {
  blok_parser parser;
  blok_parser_begin(&parser, job->cli, command, &job->bindings, argc, argv);
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) {
    const int status = take_option(job, id, parser.value);
    if (status != 0) return status;
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count != 1) {
    return blok_cli_usage(job->cli, count == 0 ? "a model is needed"
                                               : "one model at a time; inputs "
                                                 "go behind -i");
  }
  size_t from_input = strcmp(words[0], "-") == 0;
  for (size_t i = 0; i < job->given_count; i++) from_input += strcmp(job->given[i], "-") == 0;
  if (from_input > 1)
    return blok_cli_usage(job->cli, "only one thing can come from standard input");
  const int status = prepare(job, words[0]);
  return status != 0 ? status : run_all(job);
}

static int run_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  run_job *job = blok_cli_alloc(1, sizeof *job);
  job->cli = cli;
  job->pictures = (blok_picture_options)BLOK_PICTURE_OPTIONS_INIT;
  job->given = blok_cli_alloc((size_t)argc, sizeof *job->given);
  const int status = run_words(job, command, argc, argv);
  end_job(job, status != BLOK_EXIT_DONE);
  free(job);
  return status;
}

const blok_command blok_command_run = {
    .name = "run",
    .synopsis =
        "MODEL [-i [NAME=]FILE]... [-o DIR|FILE.npy] [--top K] [--labels FILE]\n"
        "                [--scale S] [--mean M] [--std S] [--bgr] [--resize HOW] [--json]",
    .summary = "run a model on arrays, pictures or noise",
    .about =
        "Inputs bind by position, or by NAME=. A model of one input takes several files and is "
        "run\n"
        "once for each: a line each. Without -i the inputs are noise, the same every time.\n"
        "\n"
        "A picture is RGB, scaled to 0..1. Where its size is not the input's it is stretched; a "
        "grey\n"
        "one is repeated for three channels, a coloured one made grey for one; transparency is\n"
        "dropped. It goes channels last where only the input's last axis is 1 or 3, else channels\n"
        "first. What was done is printed on standard error. An input of uint8 gets 0 to 255.\n"
        "\n"
        "An open axis gets its size from --shape, --dim or the file; an open first axis is 1.\n"
        "\n"
        "-o DIR writes DIR/output_N.npy, for several pictures DIR/PICTURE/output_N.npy. MODEL, a "
        "FILE\n"
        "or -o may be \"-\": standard input, standard output.\n",
    .examples =
        "  blok run resnet18.onnx -i cat.png --labels imagenet.txt\n"
        "  blok run resnet18.onnx -i cat.png --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225\n"
        "  blok run resnet18.onnx -i a.png -i b.png -i c.png --json\n"
        "  blok run unet.onnx -i x.npy -o y.npy\n"
        "  blok run siamese.onnx -i left=l.npy -i right=r.npy -o out/\n"
        "  blok run detector.onnx --dim height=480 --dim width=640\n",
    .options = run_options,
    .shapes = true,
    .sessions = true,
    .run = run_run};
