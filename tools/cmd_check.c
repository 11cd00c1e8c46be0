// `blok check`: the guide's quick tests of a model, or of a net that the library builds by name.
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/check.h"
#include "tools/element.h"

enum { OPTION_NET = 300 };

// The guide's tests run on two pictures.
#define BATCH 2

static const blok_option check_options[] = {
    {"net", "NAME", "a network of `blok build --list`, built afresh, instead of a file",
     OPTION_NET},
    {NULL, NULL, NULL, 0}};

// ---- The model ----------------------------------------------------------------------------------

static int build_net(blok_check_job *job, const blok_net *net) {
  blok_builder *builder = NULL;
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  options.name = net->name;
  blok_status status = blok_builder_new(&options, &builder, &error);
  if (status == BLOK_OK) status = blok_build_net(builder, net->name, NULL, &error);
  if (status == BLOK_OK) status = blok_builder_finish(&builder, &job->model, &error);
  blok_builder_free(&builder);
  if (status == BLOK_OK) return 0;
  return blok_cli_fail(job->cli, blok_cli_exit_working(status), &error);
}

// The model's file name without its folder and ending; it lives until the job ends.
static const char *stem(char *path) {
  char *name = path + (blok_cli_basename(path) - path);
  char *dot = strrchr(name, '.');
  if (strcmp(name, "-") == 0) return "standard input";
  if (dot != NULL && dot != name) *dot = '\0';
  return name;
}

// A word is a file where one of that name is, else the name of a net.
static int take_model(blok_check_job *job, const char *word, bool is_net, char *copy) {
  struct stat facts;
  const bool file = !is_net && (strcmp(word, "-") == 0 || stat(word, &facts) == 0);
  const blok_net *net = file ? NULL : blok_net_find(word);
  if (net != NULL) {
    job->name = net->name;
    return build_net(job, net);
  }
  if (is_net) {
    return blok_cli_usage(job->cli, "there is no network '%s'; `blok build --list` lists them",
                          blok_show(word).text);
  }
  const size_t length = strlen(word);
  if (!file && strchr(word, '/') == NULL && strchr(word, '.') == NULL) {
    blok_error error = BLOK_ERROR_INIT;
    (void)blok_cli_error(
        &error, BLOK_E_NOT_FOUND,
        "%s: there is no such file, and no network of that name; `blok build --list` "
        "lists them",
        blok_show(word).text);
    return blok_cli_fail(job->cli, BLOK_EXIT_INPUT, &error);
  }
  job->path = word;
  memcpy(copy, word, length + 1);
  job->name = stem(copy);
  return blok_cli_open(job->cli, word, true, &job->model);
}

// ---- Shapes -------------------------------------------------------------------------------------

static bool is_bound(const blok_bindings *bindings, const char *input, const char *symbol) {
  for (size_t i = 0; i < bindings->dim_count; i++) {
    if (strcmp(bindings->dims[i].symbol, symbol) == 0) return true;
  }
  for (size_t i = 0; i < bindings->shape_count; i++) {
    if (strcmp(bindings->shapes[i].name, input) == 0) return true;
  }
  return false;
}

// A first axis with a name that the command line leaves open is the batch.
static void bind_batch(blok_check_job *job) {
  blok_value_info input = BLOK_VALUE_INFO_INIT;
  for (size_t i = 0; blok_model_input(job->model, i, &input) == BLOK_OK; i++) {
    blok_bindings *bindings = &job->bindings;
    if (input.rank < 1 || input.axes[0].value >= 0 || input.axes[0].symbol == NULL) continue;
    if (is_bound(bindings, input.name, input.axes[0].symbol)) continue;
    if (bindings->dim_count == BLOK_MAX_BINDINGS) return;
    bindings->dims[bindings->dim_count++] = (blok_dim_binding){input.axes[0].symbol, BATCH, false};
  }
}

// Makes job->shaped, the model with its inputs' shapes as numbers, where some are open. A model
// that cannot be given them keeps its open axes; its blocks say what they need then.
static void fix_shapes(blok_check_job *job) {
  blok_builder *builder = NULL;
  blok_error error = BLOK_ERROR_INIT;
  bool open = false;
  for (size_t i = 0; i < job->feed.count; i++) {
    const blok_value_info *input = &job->feed.inputs[i];
    open = open || input->rank < 0;
    for (int32_t axis = 0; axis < input->rank; axis++) open = open || input->axes[axis].value < 0;
  }
  if (!open) return;
  blok_status status = blok_builder_from(job->model, NULL, &builder, &error);
  for (size_t i = 0; i < job->feed.count && status == BLOK_OK; i++) {
    const blok_tensor *tensor = &job->feed.tensors[i];
    blok_axis axes[BLOK_MAX_RANK] = {{0, NULL}};
    for (uint32_t axis = 0; axis < tensor->rank; axis++) axes[axis].value = tensor->dims[axis];
    status = blok_edit_input(builder, job->feed.inputs[i].name, tensor->rank, axes, &error);
  }
  if (status == BLOK_OK) status = blok_builder_finish(&builder, &job->shaped, &error);
  if (status != BLOK_OK) {
    blok_cli_note(job->cli, "note: the blocks are tested with open shapes: %s", error.message);
  }
  blok_builder_free(&builder);
}

// ---- The tests ----------------------------------------------------------------------------------

static size_t count_finite(const blok_tensor *tensor, size_t *count) {
  *count = blok_tensor_count(tensor) * blok_element_parts(tensor->dtype);
  size_t finite = 0;
  for (size_t i = 0; i < *count; i++) finite += isfinite(blok_element_get(tensor, i)) != 0;
  return finite;
}

// Looks at what the whole model made of the noise.
static void judge_forward(blok_check_job *job) {
  job->forward.state = BLOK_CHECK_OK;
  size_t all = 0;
  for (size_t i = 0; i < job->output_count; i++) {
    blok_value_info declared = BLOK_VALUE_INFO_INIT;
    const blok_check_shape made = blok_check_shape_of(&job->made[i]);
    size_t count = 0;
    const size_t finite = count_finite(&job->made[i], &count);
    job->outputs[i] = made;
    all += count;
    if (finite < count) {
      blok_check_set(&job->forward, BLOK_CHECK_FAILED,
                     "output '%s': %zu of %zu values are not finite",
                     blok_show(blok_cli_output_name(job->model, i)).text, count - finite, count);
    }
    if (blok_model_output(blok_check_model(job), i, &declared) != BLOK_OK) continue;
    const blok_check_shape inferred = blok_check_shape_of_axes(declared.axes, declared.rank);
    if (!blok_check_fits(&made, &inferred)) {
      blok_check_set(&job->forward, BLOK_CHECK_FAILED,
                     "output '%s' is %s, not of the shape that was inferred",
                     blok_show(declared.name).text, blok_check_shape_text(&made).text);
    }
  }
  if (job->forward.state == BLOK_CHECK_OK) {
    blok_check_set(
        &job->forward, BLOK_CHECK_OK,
        "forward on noise: %zu value%s, every one finite, of the shape that was inferred", all,
        all == 1 ? "" : "s");
  }
}

static int run_forward(blok_check_job *job) {
  blok_error error = BLOK_ERROR_INIT;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  const int status = blok_cli_session(job->cli, job->model, &job->progress, &job->session);
  if (status != 0) return status;
  if (blok_model_get_info(job->model, &info) == BLOK_OK) job->output_count = info.outputs;
  job->made = blok_cli_alloc(job->output_count, sizeof *job->made);
  job->outputs = blok_cli_alloc(job->output_count, sizeof *job->outputs);
  for (size_t i = 0; i < job->output_count; i++) job->made[i] = (blok_tensor)BLOK_TENSOR_INIT;
  if (blok_session_run(job->session, job->feed.tensors, job->feed.count, job->made,
                       job->output_count, &error) != BLOK_OK) {
    return blok_cli_run_failed(job->cli, &job->progress, &error);
  }
  blok_cli_progress_end(&job->progress);
  fix_shapes(job);
  judge_forward(job);
  return 0;
}

// What the blocks of stride 2 and more say together.
static void judge_downsample(blok_check_job *job) {
  size_t strided = 0;
  size_t failed = 0;
  size_t skipped = 0;
  for (size_t i = 0; i < job->row_count; i++) {
    const blok_check_row *row = &job->rows[i];
    if (row->facts->stride <= 1) continue;
    const blok_check_state shape = row->marks[BLOK_CHECK_SHAPE].state;
    const blok_check_state size = row->marks[BLOK_CHECK_DOWNSAMPLE].state;
    strided++;
    failed += shape == BLOK_CHECK_FAILED || size == BLOK_CHECK_FAILED;
    skipped += shape == BLOK_CHECK_SKIPPED;
  }
  if (strided == 0) {
    blok_check_set(&job->downsample, BLOK_CHECK_NONE, "no block has a stride above 1");
  } else if (failed > 0) {
    blok_check_set(&job->downsample, BLOK_CHECK_FAILED, "%zu of %zu blocks with a stride above 1",
                   failed, strided);
  } else {
    blok_check_set(&job->downsample, skipped == strided ? BLOK_CHECK_SKIPPED : BLOK_CHECK_OK,
                   "%zu block%s with a stride above 1, forward on %s own", strided - skipped,
                   strided - skipped == 1 ? "" : "s", strided - skipped == 1 ? "its" : "their");
  }
}

static int check_model(blok_check_job *job) {
  blok_error error = BLOK_ERROR_INIT;
  bind_batch(job);
  blok_status fed = blok_feed_begin(&job->feed, job->cli, job->model, &job->bindings, NULL, &error);
  const char **paths = blok_cli_alloc(job->feed.count, sizeof *paths);
  job->feed.noise_said = true;  // the answer says it
  if (fed == BLOK_OK) fed = blok_feed_load(&job->feed, paths, &error);
  free(paths);
  if (fed != BLOK_OK) return blok_cli_fail(job->cli, blok_cli_exit_reading(fed), &error);
  const int status = run_forward(job);
  if (status != 0) return status;
  blok_check_rows(job);
  for (size_t i = 0; i < job->row_count; i++) blok_check_block(job, &job->rows[i]);
  judge_downsample(job);
  blok_check_set(&job->gradient, BLOK_CHECK_LATER, "Blok does not train");
  if (job->cli->json) {
    blok_check_json(job);
  } else {
    blok_check_print(job);
  }
  return blok_check_good(job) ? BLOK_EXIT_DONE : BLOK_EXIT_DIFFERS;
}

// ---- The command --------------------------------------------------------------------------------

static int check_words(blok_check_job *job, const blok_command *command, int argc, char **argv) {
  blok_parser parser;
  const char *net = NULL;
  blok_parser_begin(&parser, job->cli, command, &job->bindings, argc, argv);
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) net = parser.value;
  if (id == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count + (net != NULL) != 1) {
    return blok_cli_usage(job->cli, count == 0 ? "a model is needed, or the name of a network"
                                               : "one model or network at a time");
  }
  const char *word = net != NULL ? net : words[0];
  char *copy = blok_cli_alloc(strlen(word) + 1, 1);
  int status = take_model(job, word, net != NULL, copy);
  if (status == 0) status = check_model(job);
  free(copy);
  return status;
}

static int check_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  blok_check_job *job = blok_cli_alloc(1, sizeof *job);
  job->cli = cli;
  const int status = check_words(job, command, argc, argv);
  blok_session_free(&job->session);
  blok_feed_end(&job->feed);
  blok_model_free(&job->anew);
  blok_model_free(&job->shaped);
  blok_model_free(&job->model);
  free(job->made);
  free(job->outputs);
  free(job->rows);
  free(job);
  return status;
}

const blok_command blok_command_check = {
    .name = "check",
    .synopsis = "MODEL|NETWORK [--net NAME] [--json]",
    .summary = "the quick tests of a residual network: each block forward, on its own",
    .about =
        "MODEL is a file, NETWORK a name of `blok build --list`. The model runs on noise, then "
        "each\n"
        "block on its own, cut out at its entry and exit; equal blocks are tested once. Four\n"
        "checks, \"-\" where a block has nothing to check:\n"
        "  shape       it runs, its output is finite and has the shape that was inferred\n"
        "  downsample  with a stride, F(x) and skip(x) come to the height and width of the output\n"
        "  channels    where their number changes, the skip path changes it too\n"
        "  order       written anew from its descriptor, which says where norms and activations\n"
        "              stand, the block makes the same numbers\n"
        "For blocks with an addition the three questions: what skip(x) is, in what order F(x)\n"
        "runs, what stands behind the addition. An open first axis is 2. The exit status is 1 "
        "when\n"
        "a test fails.\n",
    .examples =
        "  blok check resnet18.onnx\n"
        "  blok check wide-resnet\n"
        "  blok check detector.onnx --dim height=480 --dim width=640\n"
        "  blok check resnet18.onnx --json\n",
    .options = check_options,
    .shapes = true,
    .sessions = true,
    .run = check_run};
