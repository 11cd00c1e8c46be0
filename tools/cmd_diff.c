// `blok diff`: two models compared by structure.
#include "tools/json.h"
#include "tools/open.h"
#include "tools/options.h"

enum { OPTION_TOLERANCE = 300, OPTION_WORKING, OPTION_MOST };

static const blok_option diff_options[] = {
    {"tolerance", "T", "numbers of weights within T of each other are equal: 0", OPTION_TOLERANCE},
    {"working", NULL,
     "compare what is computed: functions inlined, operators at their newest\n"
     "                              version, constants folded",
     OPTION_WORKING},
    {"most", "N", "differences that are listed: 20", OPTION_MOST},
    {NULL, NULL, NULL, 0}};

typedef struct diff_words {
  const char *a;
  const char *b;
  blok_diff_options options;
} diff_words;

static const char *kind_name(blok_difference_kind kind) {
  switch (kind) {
    case BLOK_DIFF_INPUTS:
      return "inputs";
    case BLOK_DIFF_OUTPUTS:
      return "outputs";
    case BLOK_DIFF_NODE:
      return "node";
    case BLOK_DIFF_ATTRIBUTE:
      return "attribute";
    case BLOK_DIFF_WIRING:
      return "wiring";
    case BLOK_DIFF_WEIGHT:
      return "weight";
    case BLOK_DIFF_OPSET:
      return "opset";
  }
  return "other";
}

static void print_json(blok_cli *cli, const blok_diff *diff) {
  blok_json json;
  blok_difference shown = BLOK_DIFFERENCE_INIT;
  blok_json_begin(&json, cli->out);
  blok_json_open(&json, NULL, '{');
  blok_json_int(&json, "schema", 1);
  blok_json_bool(&json, "equal", blok_diff_count(diff) == 0);
  blok_json_open(&json, "differences", '[');
  for (size_t i = 0; blok_diff_at(diff, i, &shown) == BLOK_OK; i++) {
    blok_json_open(&json, NULL, '{');
    blok_json_text(&json, "kind", kind_name(shown.kind));
    blok_json_text(&json, "text", shown.text);
    blok_json_text(&json, "node_a", shown.node_a);
    blok_json_text(&json, "node_b", shown.node_b);
    blok_json_number(&json, "max_abs", shown.max_abs);
    blok_json_close(&json);
  }
  blok_json_close(&json);
  blok_json_uint(&json, "count", blok_diff_count(diff));
  blok_json_close(&json);
}

static void print_text(blok_cli *cli, const blok_diff *diff) {
  blok_difference shown = BLOK_DIFFERENCE_INIT;
  const size_t count = blok_diff_count(diff);
  size_t listed = 0;
  if (count == 0) {
    fputs("equal\n", cli->out);
    return;
  }
  for (; blok_diff_at(diff, listed, &shown) == BLOK_OK; listed++) {
    fprintf(cli->out, "%s\n", shown.text);
  }
  if (listed < count) fprintf(cli->out, "and %zu more\n", count - listed);
  fprintf(cli->out, "%zu difference%s\n", count, count == 1 ? "" : "s");
}

static int compare(blok_cli *cli, const diff_words *words, const blok_model *a,
                   const blok_model *b) {
  blok_diff *diff = NULL;
  blok_error error = BLOK_ERROR_INIT;
  const blok_status status = blok_model_diff(a, b, &words->options, &diff, &error);
  if (status != BLOK_OK) return blok_cli_fail(cli, blok_cli_exit_reading(status), &error);
  if (cli->json) {
    print_json(cli, diff);
  } else {
    print_text(cli, diff);
  }
  const bool equal = blok_diff_count(diff) == 0;
  blok_diff_free(&diff);
  return equal ? BLOK_EXIT_DONE : BLOK_EXIT_DIFFERS;
}

static int open_both(blok_cli *cli, const diff_words *words) {
  blok_model *a = NULL, *b = NULL;
  int status = blok_cli_open(cli, words->a, true, &a);
  if (status == BLOK_EXIT_DONE) status = blok_cli_open(cli, words->b, true, &b);
  if (status == BLOK_EXIT_DONE) status = compare(cli, words, a, b);
  blok_model_free(&a);
  blok_model_free(&b);
  return status;
}

static int diff_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  diff_words words = {NULL, NULL, BLOK_DIFF_OPTIONS_INIT};
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, NULL, argc, argv);
  int id, count = 0;
  while ((id = blok_parser_next(&parser)) >= 0) {
    uint64_t most = 0;
    if (id == OPTION_WORKING) words.options.working = true;
    if (id == OPTION_TOLERANCE && (!blok_parse_real(parser.value, &words.options.tolerance, NULL) ||
                                   words.options.tolerance < 0)) {
      return blok_cli_usage(cli, "--tolerance takes a number of 0 or more, not '%s'",
                            blok_show(parser.value).text);
    }
    if (id == OPTION_MOST) {
      if (!blok_parse_count(parser.value, 0, 1000000, &most)) {
        return blok_cli_usage(cli, "--most takes a whole number up to 1000000, not '%s'",
                              blok_show(parser.value).text);
      }
      words.options.most = (size_t)most;
    }
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  char **places = blok_parser_words(&parser, &count);
  if (count != 2) return blok_cli_usage(cli, "two models are needed: A and B");
  words.a = places[0];
  words.b = places[1];
  return open_both(cli, &words);
}

const blok_command blok_command_diff = {
    .name = "diff",
    .synopsis = "A B [--tolerance T] [--working] [--most N]",
    .summary = "compare two models by structure: equal, or the first differences in words",
    .about =
        "Pairs the nodes of both models from the outputs upwards and compares operators,\n"
        "attributes, wiring, weights, the types of inputs and outputs, and operator sets. Names,\n"
        "the order of nodes, where weights are stored and how they are encoded play no part, nor\n"
        "the order of the inputs of an addition or product. A default that is written out equals\n"
        "one that is left out. Any well-formed file can be compared, runnable or not; --working\n"
        "needs models that can be run. A or B may be \"-\".\n"
        "\n"
        "Exit status 0 says equal, 1 that there are differences.\n",
    .examples =
        "  blok diff model.onnx simplified.onnx\n"
        "  blok diff before.onnx after.onnx --tolerance 1e-6\n"
        "  blok diff torchscript.onnx dynamo.onnx --working --json\n",
    .options = diff_options,
    .shapes = false,
    .sessions = false,
    .run = diff_run};
