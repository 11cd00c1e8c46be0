// `blok convert`: a model written anew.
#include <inttypes.h>
#include <string.h>

#include "tools/convert.h"
#include "tools/open.h"

enum { OPTION_EXTERNAL = 300, OPTION_INLINE, OPTION_OPSET, OPTION_FUNCTIONS };

static const blok_option convert_options[] = {
    {"external", "[=NAME]", "weights in one file beside OUT: OUT.data, or NAME", OPTION_EXTERNAL},
    {"inline", NULL, "all weights inside OUT", OPTION_INLINE},
    {"opset", "N", "written in operator set N, 7 or newer", OPTION_OPSET},
    {"functions", NULL, "each block as a call of a model-local function", OPTION_FUNCTIONS},
    BLOK_CONVERT_EDITS,
    {NULL, NULL, NULL, 0}};

typedef struct convert_words {
  const char *in;
  const char *out;
  bool external;
  bool inside;
  const char *name;        // of the external file; NULL: chosen
  int64_t opset;           // 0: the model's own
  blok_language language;  // of the text that is written instead of a model; 0: none
  bool functions;
  blok_convert_edits edits;
} convert_words;

// BLOK_SOURCE_C or _PYTHON by OUT's ending, 0 for a model, -1 for another ending.
static int language_of(const char *out) {
  if (strcmp(out, "-") == 0 || blok_cli_ends_with(out, ".onnx")) return 0;
  if (blok_cli_ends_with(out, ".c")) return BLOK_SOURCE_C;
  return blok_cli_ends_with(out, ".py") ? BLOK_SOURCE_PYTHON : -1;
}

// Takes IN and OUT from the words, and the name behind --external where it stands as a third.
static int take_words(blok_cli *cli, const blok_parser *parser, const char *behind_external,
                      convert_words *out) {
  const char *places[2] = {NULL, NULL};
  int count = 0;
  int used = 0;
  char **words = blok_parser_words(parser, &count);
  for (int i = 0; i < count; i++) {
    if (count == 3 && words[i] == behind_external && out->name == NULL) {
      out->name = words[i];
    } else if (used < 2) {
      places[used++] = words[i];
    } else {
      used++;
    }
  }
  if (used != 2) return blok_cli_usage(cli, "two words are needed: IN and OUT");
  out->in = places[0];
  out->out = places[1];
  if (out->external && out->inside) {
    return blok_cli_usage(cli, "--external and --inline exclude each other");
  }
  if (out->name != NULL && (out->name[0] == '\0' || strchr(out->name, '/') != NULL)) {
    return blok_cli_usage(cli, "--external takes a file name without a folder, not '%s'",
                          blok_show(out->name).text);
  }
  if (strcmp(out->out, "-") == 0 && out->external) {
    return blok_cli_usage(cli, "standard output has no file beside it: --external needs a name");
  }
  if (strcmp(out->out, "-") == 0 && (out->opset != 0 || out->functions)) {
    return blok_cli_usage(cli, "--opset and --functions write to a file, not to standard output");
  }
  const int language = language_of(out->out);
  if (language < 0) {
    return blok_cli_usage(cli, "'%s' ends in none of .onnx, .c and .py", blok_show(out->out).text);
  }
  out->language = (blok_language)language;
  if (language != 0 && (out->external || out->inside || out->functions || out->opset != 0)) {
    return blok_cli_usage(cli, "--external, --inline, --opset and --functions are for .onnx");
  }
  return 0;
}

static blok_status save(blok_cli *cli, const blok_model *model, const convert_words *words,
                        blok_save_report *report, blok_error *error) {
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = words->external ? BLOK_WEIGHTS_EXTERNAL
                    : words->inside ? BLOK_WEIGHTS_INLINE
                                    : BLOK_WEIGHTS_AS_READ;
  options.external_name = words->name;
  options.report = report;
  options.opset = words->opset;
  options.functions = words->functions;
  return blok_cli_save(cli, model, words->out, &options, error);
}

// What stands on the disk now. Standard output names nothing.
static void tell(blok_cli *cli, const convert_words *words, const blok_save_report *report) {
  if (strcmp(words->out, "-") == 0) return;
  const double mega = 1e6;
  if (report->external_name[0] == '\0') {
    blok_cli_note(cli, "wrote %s, %.2f MB", blok_show(words->out).text,
                  (double)report->model_bytes / mega);
    return;
  }
  blok_cli_note(cli, "wrote %s, %.2f MB, with its weights in the external file %s, %.2f MB%s",
                blok_show(words->out).text, (double)report->model_bytes / mega,
                blok_show(report->external_name).text, (double)report->external_bytes / mega,
                report->forced_external ? ": above 2 GB they have no room inside" : "");
}

static void tell_form(blok_cli *cli, const convert_words *words, const blok_save_report *report) {
  if (words->opset != 0) {
    blok_cli_note(cli, "operator set %" PRId64 ", IR version %" PRId64, report->opset,
                  report->ir_version);
  }
  if (!words->functions) return;
  blok_cli_note(cli, "%zu functions; %zu blocks stay nodes", report->functions,
                report->functions_kept);
}

static void print_answer(blok_cli *cli, const convert_words *words,
                         const blok_save_report *report) {
  blok_json json;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_text(&json, "file", words->out);
  blok_json_int(&json, "bytes", (long long)report->model_bytes);
  blok_json_text(&json, "external", report->external_name);
  blok_json_int(&json, "external_bytes", (long long)report->external_bytes);
  blok_json_bool(&json, "forced_external", report->forced_external);
  blok_json_int(&json, "opset", (long long)report->opset);
  blok_json_int(&json, "ir_version", (long long)report->ir_version);
  blok_json_int(&json, "functions", (long long)report->functions);
  blok_convert_json(&json, &words->edits);
  blok_json_close(&json);
}

// The source text that makes the model.
static blok_status save_source(blok_cli *cli, const blok_model *model, const convert_words *words,
                               blok_error *error) {
  blok_source_report report = BLOK_SOURCE_REPORT_INIT;
  const blok_status status =
      blok_model_save_source(model, words->out, words->language, &report, error);
  if (status != BLOK_OK) return status;
  blok_cli_note(
      cli, "wrote %s, %" PRIu32 " lines: %" PRIu32 " blocks, %" PRIu32 " operators; weights in %s",
      blok_show(words->out).text, report.lines, report.blocks, report.operators,
      blok_show(report.weights_name).text);
  blok_convert_tell(cli, &words->edits);
  if (!cli->json) return BLOK_OK;
  blok_json json;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_text(&json, "file", words->out);
  blok_json_int(&json, "lines", report.lines);
  blok_json_int(&json, "blocks", report.blocks);
  blok_json_int(&json, "operators", report.operators);
  blok_json_text(&json, "weights", report.weights_name);
  blok_convert_json(&json, &words->edits);
  blok_json_close(&json);
  return BLOK_OK;
}

static blok_status save_model(blok_cli *cli, const blok_model *model, const convert_words *words,
                              blok_error *error) {
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  const blok_status status = save(cli, model, words, &report, error);
  if (status != BLOK_OK) return status;
  tell(cli, words, &report);
  tell_form(cli, words, &report);
  blok_convert_tell(cli, &words->edits);
  if (cli->json && strcmp(words->out, "-") != 0) print_answer(cli, words, &report);
  return BLOK_OK;
}

static int convert(blok_cli *cli, convert_words *words) {
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  const int opened = blok_cli_open(cli, words->in, true, &model);
  if (opened != 0) return opened;
  if (words->language == 0 && blok_model_runnable(model, &error) != BLOK_OK) {
    blok_cli_note(cli, "warning: the model cannot be run, it is written all the same: %s",
                  error.message);
  }
  error = (blok_error)BLOK_ERROR_INIT;
  const int edited = blok_convert_edit(cli, &words->edits, &model);
  if (edited != BLOK_EXIT_DONE) {
    blok_model_free(&model);
    return edited;
  }
  const blok_status status = words->language != 0 ? save_source(cli, model, words, &error)
                                                  : save_model(cli, model, words, &error);
  blok_model_free(&model);
  // What went wrong with standard output is told at the end.
  if (status == BLOK_E_IO && cli->write_errno != 0) return BLOK_EXIT_DONE;
  if (status != BLOK_OK) return blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  return BLOK_EXIT_DONE;
}

static int parse_opset(blok_cli *cli, const char *text, int64_t *out) {
  uint64_t opset = 0;
  if (!blok_parse_count(text, 1, INT32_MAX, &opset)) {
    return blok_cli_usage(cli, "--opset takes the number of an operator set, not '%s'",
                          blok_show(text).text);
  }
  *out = (int64_t)opset;
  return 0;
}

// Reads the command line, and does what it says.
static int take_options(blok_cli *cli, blok_parser *parser, convert_words *words) {
  const char *behind_external = NULL;
  int id;
  while ((id = blok_parser_next(parser)) >= 0) {
    if (id == OPTION_INLINE) {
      words->inside = true;
    } else if (id == OPTION_FUNCTIONS) {
      words->functions = true;
    } else if (id == OPTION_OPSET) {
      if (parse_opset(cli, parser->value, &words->opset) != 0) return BLOK_EXIT_USAGE;
    } else if (id >= BLOK_CONVERT_INPUT) {
      if (blok_convert_take(cli, id, parser->value, &words->edits) != 0) return BLOK_EXIT_USAGE;
    } else {
      words->external = true;
      words->name = parser->value;
      behind_external = blok_parser_ahead(parser);
    }
  }
  if (id == BLOK_OPTION_STOP) return parser->status;
  const int status = take_words(cli, parser, behind_external, words);
  return status != 0 ? status : convert(cli, words);
}

static int convert_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  convert_words words = {0};
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, NULL, argc, argv);
  const int status = take_options(cli, &parser, &words);
  blok_convert_end(&words.edits);
  return status;
}

const blok_command blok_command_convert = {
    .name = "convert",
    .synopsis = "IN OUT.onnx|OUT.c|OUT.py [--opset N] [--functions] [--external [NAME]] [EDITS]",
    .summary = "write a model anew: edited, in another operator set, or as source text",
    .about =
        "An unedited model is written back as it was read: nodes, attributes, weight bytes and\n"
        "metadata. Without --external and --inline, weights stay where they were; external ones "
        "go\n"
        "to one new file. A model above 2 GB is written with external weights unasked.\n"
        "\n"
        "OUT.c are the calls that build the model, OUT.py is a PyTorch module; the weights lie\n"
        "beside either, in OUT.npz.\n"
        "\n"
        "Edits are made in this order, whatever the order of the options: --input, --batch, "
        "--from\n"
        "and --to, --block, --act, --se, --classes, --rename, --weights, --fold-norms, --rewrite. "
        "So names "
        "are\n"
        "those that IN has, and in FILE.npz the new ones. What no edit concerns stays node for "
        "node.\n"
        "--input, --from, --to, --block, --act, --se and --rename may be given several times.\n"
        "\n"
        "  --input     numbers, symbols, ? for an open axis: x=Nx3x224x224, or with commas:\n"
        "              x=batch,3,height,width\n"
        "  --block     NAME is one that `blok inspect` names. A convolution has the words out,\n"
        "              kernel, dilation, groups, stride, norm, norm-groups, epsilon and act; a\n"
        "              residual block has these and mid (its inner channels), order, final "
        "(behind\n"
        "              the addition), drop-path and se-hidden, se-act, se-gate of its "
        "squeeze-excite.\n"
        "              Pads follow a kernel, the skip path a stride. Weights that keep their "
        "shape\n"
        "              stay, the others are drawn.\n"
        "  --act       relu, relu6, leaky_relu[:SLOPE], silu, hard_swish, sigmoid, tanh, gelu,\n"
        "              gelu_tanh, mish, elu[:ALPHA], prelu, hard_sigmoid[:ALPHA[:BETA]],\n"
        "              clip[:LOW[:HIGH]]; the block is one that `blok inspect` names. The\n"
        "              activations and gates of squeeze-excites change as others do.\n"
        "\n"
        "OUT is written beside its place and renamed when whole; it may be IN. IN and OUT may be "
        "\"-\".\n",
    .examples =
        "  blok convert big.onnx small.onnx --external\n"
        "  blok convert dynamo.onnx one_file.onnx --inline\n"
        "  blok convert in.onnx old.onnx --opset 11\n"
        "  blok convert in.onnx fast.onnx --fold-norms --batch dynamic\n"
        "  blok convert resnet18.onnx flowers.onnx --classes 102 --seed 1\n"
        "  blok convert resnet18.onnx features.onnx --to /layer4/layer4.1/relu_1/Relu_output_0\n"
        "  blok convert in.onnx out.onnx --act relu=leaky_relu:0.1 --act relu=silu@layer1.0\n"
        "  blok convert in.onnx out.onnx --block layer1.0:mid=48,kernel=5\n"
        "  blok convert resnet18.onnx resnet18.py\n",
    .options = convert_options,
    .shapes = false,
    .sessions = false,
    .run = convert_run};
