// Reading the words of `blok build`.
#include <stddef.h>
#include <string.h>

#include "tools/build.h"

enum {
  OPTION_LIST = 300,
  OPTION_IN,
  OPTION_OUT_CHANNELS,
  OPTION_KERNEL,
  OPTION_STRIDE,
  OPTION_SIZE,
  OPTION_BATCH,
  OPTION_CLASSES,
  OPTION_BASE,
  OPTION_DEPTH,
  OPTION_WIDEN,
  OPTION_BLOCKS,
  OPTION_ORDER,
  OPTION_ACT,
  OPTION_NORM,
  OPTION_NORM_GROUPS,
  OPTION_SE,
  OPTION_REDUCTION,
  OPTION_MIN_HIDDEN,
  OPTION_DROP_PATH,
  OPTION_SEED,
  OPTION_WEIGHTS,
  OPTION_OPSET,
  OPTION_FUNCTIONS,
  OPTION_EXTERNAL
};

const blok_option blok_build_flags[] = {
    {"list", NULL, "the networks, what they are and which options they take", OPTION_LIST},
    {"output", "OUT.onnx", "where the model goes; - is standard output", 'o'},
    {"in", "N", "channels of the input", OPTION_IN},
    {"channels", "N", "the same", OPTION_IN},
    {"out", "N", "channels that a single block makes", OPTION_OUT_CHANNELS},
    {"kernel", "N", "height and width of a convolution's kernel", OPTION_KERNEL},
    {"stride", "N", "of a single block", OPTION_STRIDE},
    {"size", "HxW", "height and width of the input", OPTION_SIZE},
    {"batch", "N|dynamic", "pictures at once (default: dynamic, any number)", OPTION_BATCH},
    {"classes", "N", "what the head tells apart", OPTION_CLASSES},
    {"base", "N", "channels of the first stage, before --widen", OPTION_BASE},
    {"depth", "N", "layers with weights; (depth - 4) must divide by 6", OPTION_DEPTH},
    {"widen", "K", "all stages K times as wide", OPTION_WIDEN},
    {"width", "K", "the same", OPTION_WIDEN},
    {"blocks", "3,4,6,3", "blocks of each stage, one to four stages", OPTION_BLOCKS},
    {"order", "post|pre", "norm and activation behind each convolution, or before", OPTION_ORDER},
    {"act", "NAME", "activation: relu, silu, ...", OPTION_ACT},
    {"norm", "NAME", "batch, group, layer or none", OPTION_NORM},
    {"norm-groups", "N", "groups of a group norm (default: 8)", OPTION_NORM_GROUPS},
    {"se", NULL, "a squeeze-excite in every block", OPTION_SE},
    {"reduction", "R", "squeeze-excite: channels through R are its hidden ones", OPTION_REDUCTION},
    {"min-hidden", "N", "squeeze-excite: at least so many", OPTION_MIN_HIDDEN},
    {"drop-path", "P", "rate of the last block, kept as metadata", OPTION_DROP_PATH},
    {"seed", "N", "of the weights that are drawn (default: 0)", OPTION_SEED},
    {"weights", "FILE.npz", "weights by name, as numpy.savez writes them", OPTION_WEIGHTS},
    {"opset", "N", "operator set, 7 or newer (default: 18)", OPTION_OPSET},
    {"functions", NULL, "each block as a call of a model-local function", OPTION_FUNCTIONS},
    {"external", "[=NAME]", "weights in one file beside OUT: OUT.data, or NAME", OPTION_EXTERNAL},
    {NULL, NULL, NULL, 0}};

// ---- Values of options --------------------------------------------------------------------------

// Options that are a number of the network's, and where it goes.
static const struct number_option {
  int id;
  const char *name;
  size_t at;
} number_options[] = {{OPTION_IN, "in", offsetof(blok_net_options, in_channels)},
                      {OPTION_OUT_CHANNELS, "out", offsetof(blok_net_options, out_channels)},
                      {OPTION_KERNEL, "kernel", offsetof(blok_net_options, kernel)},
                      {OPTION_STRIDE, "stride", offsetof(blok_net_options, stride)},
                      {OPTION_CLASSES, "classes", offsetof(blok_net_options, classes)},
                      {OPTION_BASE, "base", offsetof(blok_net_options, base)},
                      {OPTION_DEPTH, "depth", offsetof(blok_net_options, depth)},
                      {OPTION_WIDEN, "widen", offsetof(blok_net_options, widen)},
                      {OPTION_NORM_GROUPS, "norm-groups", offsetof(blok_net_options, norm_groups)},
                      {OPTION_REDUCTION, "reduction", offsetof(blok_net_options, se_reduction)},
                      {OPTION_MIN_HIDDEN, "min-hidden", offsetof(blok_net_options, se_min_hidden)}};

static bool parse_number(const char *text, int32_t *out) {
  uint64_t number = 0;
  if (!blok_parse_count(text, 1, INT32_MAX, &number)) return false;
  *out = (int32_t)number;
  return true;
}

// Numbers with separator between, count of them at most; *used says how many there were.
static bool parse_numbers(const char *text, char separator, size_t count, int32_t *out,
                          size_t *used) {
  const char stops[2] = {separator, '\0'};
  for (*used = 0; *used < count;) {
    char number[16];
    const size_t length = strcspn(text, stops);
    if (length >= sizeof number) return false;
    memcpy(number, text, length);
    number[length] = '\0';
    if (!parse_number(number, &out[(*used)++])) return false;
    if (text[length] == '\0') return true;
    text += length + 1;
  }
  return false;
}

static bool parse_size(const char *text, blok_net_options *options) {
  int32_t sizes[2] = {0, 0};
  size_t used = 0;
  if (!parse_numbers(text, 'x', 2, sizes, &used)) return false;
  options->height = sizes[0];
  options->width = sizes[used - 1];
  return true;
}

// An option whose value is a word or a list; wants: what it takes, for the message.
static bool parse_word(int id, const char *text, blok_build_words *words, const char **wants) {
  blok_net_options *options = &words->options;
  uint64_t number = 0;
  double real = 0;
  size_t used = 0;
  switch (id) {
    case OPTION_SIZE:
      *wants = "--size takes HxW";
      return parse_size(text, options);
    case OPTION_BATCH:
      *wants = "--batch takes a number or dynamic";
      options->batch = -1;
      return strcmp(text, "dynamic") == 0 || parse_number(text, &options->batch);
    case OPTION_BLOCKS:
      *wants = "--blocks takes one to four numbers, 3,4,6,3";
      memset(options->blocks, 0, sizeof options->blocks);
      return parse_numbers(text, ',', 4, options->blocks, &used);
    case OPTION_ORDER:
      *wants = "--order takes post or pre";
      return blok_parse_order(text, &options->order);
    case OPTION_ACT:
      *wants = "--act takes an activation as inspect names it (relu, silu, hard_swish, gelu, ...)";
      return blok_parse_activation(text, &options->activation);
    case OPTION_NORM:
      *wants = "--norm takes batch, group, layer or none";
      return blok_parse_norm(text, &options->norm);
    case OPTION_DROP_PATH:
      *wants = "--drop-path takes a rate from 0 to below 1";
      if (!blok_parse_real(text, &real, NULL) || real < 0 || real >= 1) return false;
      options->drop_path = real;
      return true;
    case OPTION_SEED:
      *wants = "--seed takes a whole number";
      return blok_parse_count(text, 0, UINT64_MAX, &words->seed);
    default:
      *wants = "--opset takes the number of an operator set";
      if (!blok_parse_count(text, 1, INT32_MAX, &number)) return false;
      words->opset = (int64_t)number;
      return true;
  }
}

static int take_value(blok_cli *cli, int id, const char *text, blok_build_words *words) {
  const blok_shown shown = blok_show(text);
  for (size_t i = 0; i < sizeof number_options / sizeof number_options[0]; i++) {
    if (number_options[i].id != id) continue;
    if (parse_number(text, (int32_t *)(void *)((char *)&words->options + number_options[i].at))) {
      return 0;
    }
    return blok_cli_usage(cli, "--%s takes a number of 1 or more, not '%s'", number_options[i].name,
                          shown.text);
  }
  const char *wants = NULL;
  if (parse_word(id, text, words, &wants)) return 0;
  return blok_cli_usage(cli, "%s, not '%s'", wants, shown.text);
}

static int take_option(blok_cli *cli, int id, const char *text, blok_build_words *words) {
  switch (id) {
    case OPTION_LIST:
      words->list = true;
      return 0;
    case 'o':
      words->out = text;
      return 0;
    case OPTION_SE:
      words->options.se = true;
      return 0;
    case OPTION_WEIGHTS:
      words->weights = text;
      return 0;
    case OPTION_FUNCTIONS:
      words->functions = true;
      return 0;
    case OPTION_EXTERNAL:
      words->external = true;
      words->external_name = text;
      return 0;
    default:
      return take_value(cli, id, text, words);
  }
}

// ---- The words ----------------------------------------------------------------------------------

// The name that the word is part of, or NULL: for a guess.
static const char *like(const char *word) {
  const blok_net *net = NULL;
  for (size_t i = 0; (net = blok_net_at(i)) != NULL; i++) {
    if (word[0] != '\0' && strstr(net->name, word) != NULL) return net->name;
  }
  return NULL;
}

static int take_net(blok_cli *cli, const blok_parser *parser, blok_build_words *words) {
  int count = 0;
  char **given = blok_parser_words(parser, &count);
  if (words->list) return count == 0 ? 0 : blok_cli_usage(cli, "--list comes without a network");
  if (count != 1) {
    return blok_cli_usage(cli, "%s; `blok build --list` names them",
                          count == 0 ? "a network is needed" : "one network at a time");
  }
  words->net = blok_net_find(given[0]);
  if (words->net == NULL) {
    const char *guess = like(given[0]);
    return blok_cli_usage(cli, "there is no network '%s'%s%s; `blok build --list` names them",
                          blok_show(given[0]).text, guess == NULL ? "" : ", did you mean ",
                          guess == NULL ? "" : guess);
  }
  return 0;
}

static int check_output(blok_cli *cli, const blok_build_words *words) {
  if (words->list) return 0;
  const char *out = words->out;
  const char *name = words->external_name;
  if (out == NULL) {
    return blok_cli_usage(cli, "where to? add -o %s.onnx, or -o - for standard output",
                          words->net->name);
  }
  if (strcmp(out, "-") == 0 && (words->external || words->functions || cli->json)) {
    return blok_cli_usage(cli, "--external, --functions and --json need a file: -o %s.onnx",
                          words->net->name);
  }
  if (strcmp(out, "-") != 0 && !blok_cli_ends_with(out, ".onnx")) {
    return blok_cli_usage(cli, "'%s': the name of the model ends in .onnx", blok_show(out).text);
  }
  if (name != NULL && (name[0] == '\0' || strchr(name, '/') != NULL)) {
    return blok_cli_usage(cli, "--external takes a file name without a folder, not '%s'",
                          blok_show(name).text);
  }
  return 0;
}

bool blok_build_read(blok_parser *parser, blok_build_words *words) {
  *words = (blok_build_words){.options = BLOK_NET_OPTIONS_INIT};
  int id;
  int status = 0;
  while (status == 0 && (id = blok_parser_next(parser)) != BLOK_OPTION_END) {
    if (id == BLOK_OPTION_STOP) return false;
    status = take_option(parser->cli, id, parser->value, words);
  }
  if (status == 0) status = take_net(parser->cli, parser, words);
  if (status == 0) status = check_output(parser->cli, words);
  parser->status = status;
  return status == 0;
}
