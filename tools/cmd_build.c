// `blok build`: a network by name, from the table of include/blok/nets.h, written as ONNX.
#include <stdlib.h>
#include <string.h>

#include "tools/build.h"
#include "tools/json.h"
#include "tools/open.h"
#include "tools/shape.h"
#include "tools/table.h"
#include "tools/text.h"

// ---- Building and writing -----------------------------------------------------------------------

// What options of the network say wrongly is a usage error.
static int failed(blok_cli *cli, blok_status status, const blok_error *error) {
  if (status == BLOK_E_ARGUMENT || status == BLOK_E_SHAPE) {
    return blok_cli_usage(cli, "%s", error->message);
  }
  return blok_cli_fail(cli, blok_cli_exit_working(status), error);
}

static int build(blok_cli *cli, const blok_build_words *words, blok_model **out) {
  blok_error error = BLOK_ERROR_INIT;
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_builder *builder = NULL;
  options.name = words->net->name;
  options.opset = words->opset;
  options.seed = words->seed;
  blok_status status = blok_builder_new(&options, &builder, &error);
  if (status == BLOK_OK) {
    status = blok_build_net(builder, words->net->name, &words->options, &error);
  }
  int exit = status == BLOK_OK ? BLOK_EXIT_DONE : failed(cli, status, &error);
  if (status == BLOK_OK && words->weights != NULL) {
    status = blok_build_weights_npz(builder, words->weights, false, &error);
    if (status != BLOK_OK) exit = blok_cli_fail(cli, blok_cli_exit_reading(status), &error);
  }
  if (status == BLOK_OK) {
    status = blok_builder_finish(&builder, out, &error);
    exit = status == BLOK_OK ? BLOK_EXIT_DONE
                             : blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  }
  blok_builder_free(&builder);
  return exit;
}

static blok_status save(blok_cli *cli, const blok_model *model, const blok_build_words *words,
                        blok_save_report *report, blok_error *error) {
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = words->external ? BLOK_WEIGHTS_EXTERNAL : BLOK_WEIGHTS_AS_READ;
  options.external_name = words->external_name;
  options.functions = words->functions;
  options.report = report;
  return blok_cli_save(cli, model, words->out, &options, error);
}

// ---- What is said of it -------------------------------------------------------------------------

// "(N, 3, 32, 32)", one for each input or output, as Python prints shapes.
static char *show_shapes(const blok_model *model,
                         blok_status (*at)(const blok_model *, size_t, blok_value_info *)) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = blok_text_begin(&text, &size);
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  for (size_t i = 0; at(model, i, &info) == BLOK_OK; i++) {
    fputs(i == 0 ? "(" : ", (", out);
    for (int32_t k = 0; k < info.rank; k++) {
      fprintf(out, "%s%s", k == 0 ? "" : ", ", blok_show_axes(&info.axes[k], 1).text);
    }
    fputc(')', out);
  }
  return blok_text_end(out, &text);
}

static void show_line(blok_cli *cli, const blok_model *model, const blok_build_words *words,
                      const blok_model_info *info) {
  char *in = show_shapes(model, blok_model_input);
  char *out = show_shapes(model, blok_model_output);
  fprintf(cli->out, "%18s  in: %s -> out: %s | params: %s", words->net->name, in, out,
          blok_group_digits(info->parameters).text);
  if (info->macs >= 0) {
    fprintf(cli->out, " | MACs: %s", blok_group_digits((uint64_t)info->macs).text);
  }
  fputc('\n', cli->out);
  free(in);
  free(out);
}

static void json_values(blok_json *json, const char *key, const blok_model *model,
                        blok_status (*at)(const blok_model *, size_t, blok_value_info *)) {
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  blok_json_open(json, key, '[');
  for (size_t i = 0; at(model, i, &info) == BLOK_OK; i++) {
    blok_json_open(json, NULL, '{');
    blok_json_text(json, "name", info.name);
    blok_json_axes(json, "shape", info.axes, info.rank);
    blok_json_close(json);
  }
  blok_json_close(json);
}

static void show_json(blok_cli *cli, const blok_model *model, const blok_build_words *words,
                      const blok_model_info *info, const blok_save_report *report) {
  blok_json json;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_text(&json, "net", words->net->name);
  blok_json_text(&json, "file", words->out);
  json_values(&json, "inputs", model, blok_model_input);
  json_values(&json, "outputs", model, blok_model_output);
  blok_json_uint(&json, "parameters", info->parameters);
  if (info->macs >= 0) {
    blok_json_int(&json, "macs", info->macs);
  } else {
    blok_json_null(&json, "macs");
  }
  blok_json_int(&json, "opset", report->opset);
  blok_json_int(&json, "ir_version", report->ir_version);
  blok_json_uint(&json, "functions", report->functions);
  blok_json_uint(&json, "bytes", report->model_bytes);
  blok_json_text(&json, "external", report->external_name);
  blok_json_uint(&json, "external_bytes", report->external_bytes);
  blok_json_close(&json);
}

static int tell(blok_cli *cli, const blok_model *model, const blok_build_words *words,
                const blok_save_report *report) {
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  if (strcmp(words->out, "-") == 0) return BLOK_EXIT_DONE;
  if (blok_model_get_info(model, &info) != BLOK_OK) return BLOK_EXIT_MACHINE;
  if (cli->json) {
    show_json(cli, model, words, &info, report);
  } else {
    show_line(cli, model, words, &info);
  }
  const double mega = 1e6;
  if (report->external_name[0] != '\0') {
    blok_cli_note(cli, "wrote %s, %.2f MB, with its weights in the external file %s, %.2f MB",
                  blok_show(words->out).text, (double)report->model_bytes / mega,
                  blok_show(report->external_name).text, (double)report->external_bytes / mega);
  } else {
    blok_cli_note(cli, "wrote %s, %.2f MB", blok_show(words->out).text,
                  (double)report->model_bytes / mega);
  }
  return BLOK_EXIT_DONE;
}

static int build_and_write(blok_cli *cli, const blok_build_words *words) {
  blok_model *model = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  int exit = build(cli, words, &model);
  if (exit != BLOK_EXIT_DONE) return exit;
  const blok_status status = save(cli, model, words, &report, &error);
  if (status == BLOK_OK) {
    exit = tell(cli, model, words, &report);
  } else if (status != BLOK_E_IO || cli->write_errno == 0) {
    // What went wrong with standard output is told at the end.
    exit = blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  }
  blok_model_free(&model);
  return exit;
}

// ---- The list -----------------------------------------------------------------------------------

static int list_json(blok_cli *cli) {
  blok_json json;
  const blok_net *net = NULL;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_open(&json, "networks", '[');
  for (size_t i = 0; (net = blok_net_at(i)) != NULL; i++) {
    blok_json_open(&json, NULL, '{');
    blok_json_text(&json, "name", net->name);
    blok_json_uint(&json, "parameters", net->parameters);
    blok_json_text(&json, "summary", net->summary);
    blok_json_text(&json, "options", net->options);
    blok_json_close(&json);
  }
  blok_json_close(&json);
  blok_json_close(&json);
  return BLOK_EXIT_DONE;
}

// A network's options, in lines of at most 100 columns.
static void list_options(blok_cli *cli, const blok_net *net) {
  enum { BEGIN = 20, WIDTH = 100 };
  int column = fprintf(cli->out, "  %-16s ", net->name);
  for (const char *word = net->options; *word;) {
    const int length = (int)strcspn(word, " ");
    if (column + 1 + length > WIDTH) column = fprintf(cli->out, "\n%*s", BEGIN - 1, "") - 1;
    column += fprintf(cli->out, " %.*s", length, word);
    word += length;
    word += strspn(word, " ");
  }
  fputc('\n', cli->out);
}

static int list(blok_cli *cli) {
  static const char *const heads[] = {"network", "parameters", "what it is"};
  if (cli->json) return list_json(cli);
  blok_table table;
  const blok_net *net = NULL;
  blok_table_begin(&table, "lrl", heads);
  for (size_t i = 0; (net = blok_net_at(i)) != NULL; i++) {
    blok_table_cell(&table, "%s", net->name);
    blok_table_cell(&table, "%s", blok_group_digits(net->parameters).text);
    blok_table_cell(&table, "%s", net->summary);
  }
  blok_table_end(&table, cli, 0);
  fputs("\noptions (--in, --size, ...)\n", cli->out);
  for (size_t i = 0; (net = blok_net_at(i)) != NULL; i++) list_options(cli, net);
  return BLOK_EXIT_DONE;
}

static int build_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  blok_build_words words;
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, NULL, argc, argv);
  if (!blok_build_read(&parser, &words)) return parser.status;
  return words.list ? list(cli) : build_and_write(cli, &words);
}

const blok_command blok_command_build = {
    .name = "build",
    .synopsis = "NETWORK -o OUT.onnx [options of the network] | --list",
    .summary = "build a network by name and write it as ONNX",
    .about =
        "The networks of the residual-block guide, and some that put its blocks to work, from the\n"
        "single block to detectors. --list names them with the options that each takes; another\n"
        "option is an error that says so. Weights are drawn as PyTorch draws them for a fresh\n"
        "module, from --seed and their names, or read by name from --weights, so that they move\n"
        "both ways between PyTorch's state_dict and the model.\n"
        "\n"
        "Prints name, shapes in and out, trainable numbers and multiply-adds of one picture.\n",
    .examples =
        "  blok build --list\n"
        "  blok build wide-resnet --depth 28 --widen 2 --classes 10 -o wrn.onnx\n"
        "  blok build residual-cnn --order pre --blocks 2,2,2 --norm group -o small.onnx\n"
        "  blok build resnet18 --weights resnet18.npz --opset 17 -o resnet18.onnx\n",
    .options = blok_build_flags,
    .shapes = false,
    .sessions = false,
    .run = build_run};
