// `blok convert`: a model written anew.
#include <string.h>

#include "tools/json.h"
#include "tools/open.h"
#include "tools/options.h"

enum { OPTION_EXTERNAL = 300, OPTION_INLINE };

static const blok_option convert_options[] = {
    {"external", "[=NAME]", "weights in one file beside OUT: OUT.data, or NAME", OPTION_EXTERNAL},
    {"inline", NULL, "all weights inside OUT", OPTION_INLINE},
    {NULL, NULL, NULL, 0}};

typedef struct convert_words {
  const char *in;
  const char *out;
  bool external;
  bool inside;
  const char *name;  // of the external file; NULL: chosen
} convert_words;

static bool ends_with(const char *text, const char *ending) {
  const size_t length = strlen(text);
  const size_t ending_length = strlen(ending);
  return length > ending_length && strcmp(text + length - ending_length, ending) == 0;
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
  if (used != 2) return blok_cli_usage(cli, "two words are needed: IN and OUT.onnx");
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
  if (strcmp(out->out, "-") != 0 && !ends_with(out->out, ".onnx")) {
    return blok_cli_usage(cli, "'%s': this version writes .onnx only", blok_show(out->out).text);
  }
  return 0;
}

static int write_bytes(void *context, const void *bytes, size_t size) {
  return blok_cli_write(context, bytes, size) ? 0 : 1;
}

static blok_status save(blok_cli *cli, const blok_model *model, const convert_words *words,
                        blok_save_report *report, blok_error *error) {
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  blok_cli_progress progress;
  if (strcmp(words->out, "-") == 0) return blok_model_write(model, write_bytes, cli, error);
  blok_cli_progress_begin(&progress, cli);
  options.weights = words->external ? BLOK_WEIGHTS_EXTERNAL
                    : words->inside ? BLOK_WEIGHTS_INLINE
                                    : BLOK_WEIGHTS_AS_READ;
  options.external_name = words->name;
  options.progress = blok_cli_progress_step;
  options.progress_context = &progress;
  options.report = report;
  const blok_status status = blok_model_save(model, words->out, &options, error);
  blok_cli_progress_end(&progress);
  return status;
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

static int convert(blok_cli *cli, const convert_words *words) {
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  const int opened = blok_cli_open(cli, words->in, true, &model);
  if (opened != 0) return opened;
  if (blok_model_runnable(model, &error) != BLOK_OK) {
    blok_cli_note(cli, "warning: the model cannot be run, it is written all the same: %s",
                  error.message);
  }
  error = (blok_error)BLOK_ERROR_INIT;
  const blok_status status = save(cli, model, words, &report, &error);
  blok_model_free(&model);
  // What went wrong with standard output is told at the end.
  if (status == BLOK_E_IO && cli->write_errno != 0) return BLOK_EXIT_DONE;
  if (status != BLOK_OK) return blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  tell(cli, words, &report);
  if (cli->json && strcmp(words->out, "-") != 0) {
    blok_json json;
    blok_json_begin(&json, cli->out);
    blok_json_open(&json, NULL, '{');
    blok_json_int(&json, "schema", 1);
    blok_json_text(&json, "file", words->out);
    blok_json_int(&json, "bytes", (long long)report.model_bytes);
    blok_json_text(&json, "external", report.external_name);
    blok_json_int(&json, "external_bytes", (long long)report.external_bytes);
    blok_json_bool(&json, "forced_external", report.forced_external);
    blok_json_close(&json);
  }
  return BLOK_EXIT_DONE;
}

static int convert_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  convert_words words = {NULL, NULL, false, false, NULL};
  const char *behind_external = NULL;
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, NULL, argc, argv);
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) {
    if (id == OPTION_INLINE) {
      words.inside = true;
      continue;
    }
    words.external = true;
    words.name = parser.value;
    behind_external = blok_parser_ahead(&parser);
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  const int status = take_words(cli, &parser, behind_external, &words);
  return status != 0 ? status : convert(cli, &words);
}

const blok_command blok_command_convert = {
    .name = "convert",
    .synopsis = "IN OUT.onnx [--external [NAME]] [--inline]",
    .summary = "write a model anew: weights inside it, or in one file beside it",
    .about =
        "An unedited model is written back as it was read: nodes, attributes, weight bytes and\n"
        "metadata. Without --external and --inline, weights stay where they were; external ones "
        "go\n"
        "to one new file. A model above 2 GB is written with external weights unasked.\n"
        "\n"
        "OUT is written beside its place and renamed when whole; it may be IN. IN and OUT may be "
        "\"-\".\n",
    .examples =
        "  blok convert big.onnx small.onnx --external\n"
        "  blok convert dynamo.onnx one_file.onnx --inline\n"
        "  blok convert in.onnx out.onnx --external weights.bin\n",
    .options = convert_options,
    .shapes = false,
    .sessions = false,
    .run = convert_run};
