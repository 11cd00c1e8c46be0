// `blok inspect`: what a model is made of.
#include <stdlib.h>

#include "tools/html.h"
#include "tools/inspect.h"
#include "tools/open.h"
#include "tools/options.h"

enum {
  OPTION_EXPLAIN = 300,
  OPTION_NODES,
  OPTION_WEIGHTS,
  OPTION_TREE,
  OPTION_HTML,
  OPTION_PLAN,
  OPTION_MEMORY
};

static const blok_option inspect_options[] = {
    {"tree", NULL, "draw the blocks, each with its two paths, instead of the table", OPTION_TREE},
    {"explain", NULL, "places that nearly were a block, and what was missing", OPTION_EXPLAIN},
    {"nodes", NULL, "every node, and every block, those inside others too", OPTION_NODES},
    {"weights", NULL, "every weight", OPTION_WEIGHTS},
    {"html", "FILE", "write a page that shows the graph by its blocks, needs no network",
     OPTION_HTML},
    {"plan", NULL, "only the steps of a run: kernels, layouts, shapes, multiply-adds", OPTION_PLAN},
    {"memory", NULL, "only the memory of a run: values, scratch, packed weights", OPTION_MEMORY},
    {NULL, NULL, NULL, 0}};

static int show(blok_cli *cli, const char *path, const char *html, blok_bindings *bindings,
                const blok_inspect_options *options) {
  blok_model *model = NULL;
  int status = blok_cli_open(cli, path, false, &model);
  if (status != BLOK_EXIT_DONE) return status;
  if (options->plan || options->memory) {
    status = blok_inspect_plan(cli, path, model, bindings, options);
  } else if (html != NULL) {
    status = blok_html_write(cli, html, path, model);
  } else if (cli->json) {
    blok_inspect_json(cli, model, options);
  } else {
    blok_inspect_text(cli, path, model, options);
  }
  blok_model_free(&model);
  return status;
}

static int inspect_words(blok_cli *cli, const blok_command *command, blok_bindings *bindings,
                         int argc, char **argv) {
  blok_inspect_options options = {.plan = false};
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, bindings, argc, argv);
  const char *html = NULL;
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) {
    options.explain = options.explain || id == OPTION_EXPLAIN;
    options.nodes = options.nodes || id == OPTION_NODES;
    options.weights = options.weights || id == OPTION_WEIGHTS;
    options.tree = options.tree || id == OPTION_TREE;
    options.plan = options.plan || id == OPTION_PLAN;
    options.memory = options.memory || id == OPTION_MEMORY;
    if (id == OPTION_HTML) html = parser.value;
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count != 1)
    return blok_cli_usage(cli, count == 0 ? "a model is needed" : "one model at a time");
  const bool planned = options.plan || options.memory;
  if (parser.computes && !planned) {
    return blok_cli_usage(cli, "shapes, threads and instruction sets are for --plan and --memory");
  }
  if (planned && (html || options.tree || options.explain || options.nodes || options.weights)) {
    return blok_cli_usage(cli, "--plan and --memory come without the lists of the model itself");
  }
  return show(cli, words[0], html, bindings, &options);
}

static int inspect_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  blok_bindings *bindings = blok_cli_alloc(1, sizeof *bindings);
  const int status = inspect_words(cli, command, bindings, argc, argv);
  free(bindings);
  return status;
}

const blok_command blok_command_inspect = {
    .name = "inspect",
    .synopsis =
        "MODEL [--tree] [--explain] [--nodes] [--weights] [--html FILE] [--plan] [--memory] "
        "[--json]",
    .summary = "show inputs, outputs, blocks, loose operators, parameters and multiply-adds",
    .about =
        "The table has a row for each block that lies in no other, in execution order. A stage\n"
        "is a run of blocks whose outputs have the same height and width, or as many tokens.\n"
        "Equal blocks in a row are one row, \"layer3.1 .. layer3.5  x 5\", whose parameters and\n"
        "MACs (multiply-adds) are theirs together; rows joined by a bracket take turns. Columns\n"
        "that say nothing in this model are left out.\n"
        "\n"
        "For a block with an addition, F(x) + skip(x), three columns answer:\n"
        "  skip path   identity, or projection and of what\n"
        "  order       of F(x). post: convolution, norm, activation; pre: norm, activation,\n"
        "              convolution\n"
        "  addition    what follows it\n"
        "channels are those going in > inside > going out; SE is the hidden width of\n"
        "squeeze-and-excitation and its gate, or the form of another gate.\n"
        "\n"
        "--explain, --nodes and --weights add lists. --json has everything of each block, whether\n"
        "or not --tree or --explain is given. A model that cannot be run is shown without blocks,\n"
        "with the reason. MODEL may be \"-\", standard input.\n"
        "\n"
        "--plan and --memory show instead what a run becomes on this machine, for the shapes that\n"
        "--dim and --shape give: each step with the block that it belongs to, its kernel, the\n"
        "layout and shape of what it makes, the bytes that it moves at least, its multiply-adds\n"
        "(those on padding included), and the cells that threads share. A value stands in the\n"
        "arena for just the steps that need it; largest live is what no arena could go below.\n",
    .examples =
        "  blok inspect resnet18.onnx               what it is made of\n"
        "  blok inspect resnet18.onnx --tree        a picture of each block\n"
        "  blok inspect mine.onnx --explain         why a block was not found\n"
        "  blok inspect mine.onnx --json | jq .counts\n"
        "  blok inspect resnet18.onnx --plan --memory -t 1\n",
    .options = inspect_options,
    .shapes = true,
    .sessions = true,
    .run = inspect_run};
