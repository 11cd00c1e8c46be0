// `blok inspect`: what a model is made of.
#include "tools/html.h"
#include "tools/inspect.h"
#include "tools/open.h"
#include "tools/options.h"

enum { OPTION_EXPLAIN = 300, OPTION_NODES, OPTION_WEIGHTS, OPTION_HTML };

static const blok_option inspect_options[] = {
    {"explain", NULL, "places that nearly were a block, and what was missing", OPTION_EXPLAIN},
    {"nodes", NULL, "every node, and the convolutions inside blocks", OPTION_NODES},
    {"weights", NULL, "every weight", OPTION_WEIGHTS},
    {"html", "FILE", "write a page that shows the graph by its blocks, needs no network",
     OPTION_HTML},
    {NULL, NULL, NULL, 0}};

size_t blok_inspect_count(const blok_model *model, blok_block_kind kind) {
  const size_t blocks = blok_model_block_count(model);
  size_t count = 0;
  for (size_t i = 0; i < blocks; i++) {
    const blok_block *block = blok_model_block(model, i);
    count += block->kind == kind && (kind != BLOK_CONV_NORM_ACT || block->parent < 0);
  }
  return count;
}

bool blok_inspect_has_addition(const blok_block *block) {
  return block->residual != NULL && block->residual->skip != BLOK_SKIP_NONE;
}

const char *blok_inspect_activation(const blok_block *block) {
  blok_activation activation = BLOK_ACT_NONE;
  if (block->conv) activation = block->conv->activation;
  if (block->residual) activation = block->residual->conv[0].activation;
  if (block->se) activation = block->se->activation;
  if (block->gate) activation = block->gate->activation;
  return blok_activation_name(activation);
}

const blok_se_desc *blok_inspect_se(const blok_block *block) {
  if (block->se) return block->se;
  return block->residual && block->residual->has_se ? &block->residual->se : NULL;
}

const char *blok_inspect_node_name(const blok_model *model, size_t index) {
  blok_node_info info = BLOK_NODE_INFO_INIT;
  return blok_model_node(model, index, &info) == BLOK_OK && info.name != NULL ? info.name : "";
}

static int inspect_run(blok_cli *cli, const blok_command *command, int argc, char **argv) {
  blok_inspect_options options = {false, false, false};
  blok_parser parser;
  blok_parser_begin(&parser, cli, command, NULL, argc, argv);
  const char *html = NULL;
  int id;
  while ((id = blok_parser_next(&parser)) >= 0) {
    options.explain = options.explain || id == OPTION_EXPLAIN;
    options.nodes = options.nodes || id == OPTION_NODES;
    options.weights = options.weights || id == OPTION_WEIGHTS;
    if (id == OPTION_HTML) html = parser.value;
  }
  if (id == BLOK_OPTION_STOP) return parser.status;
  int count = 0;
  char **words = blok_parser_words(&parser, &count);
  if (count != 1)
    return blok_cli_usage(cli, count == 0 ? "a model is needed" : "one model at a time");
  blok_model *model = NULL;
  const int status = blok_cli_open(cli, words[0], false, &model);
  if (status != BLOK_EXIT_DONE) return status;
  if (html) {
    return blok_html_write(cli, html, words[0], model);
  }
  if (cli->json) {
    blok_inspect_json(cli, model, &options);
  } else {
    blok_inspect_text(cli, words[0], model, &options);
  }
  blok_model_free(&model);
  return BLOK_EXIT_DONE;
}

const blok_command blok_command_inspect = {
    .name = "inspect",
    .synopsis = "MODEL [--explain] [--nodes] [--weights] [--html FILE] [--json]",
    .summary = "show inputs, outputs, blocks, loose operators, parameters and multiply-adds",
    .about =
        "For each block with an addition the table answers: what the skip path is (identity, or a\n"
        "projection and of what), in which order F(x) runs (post: convolution, norm, activation;\n"
        "pre: norm, activation, convolution), and what follows the addition.\n"
        "\n"
        "A model that cannot be run is shown all the same, with the reason. MODEL may be \"-\".\n",
    .examples =
        "  blok inspect resnet18.onnx\n"
        "  blok inspect mine.onnx --explain\n"
        "  blok inspect mine.onnx --json | jq .counts\n",
    .options = inspect_options,
    .shapes = false,
    .run = inspect_run};
