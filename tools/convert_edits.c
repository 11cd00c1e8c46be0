// The edits of `blok convert`, from words to calls.
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/convert.h"

// ---- The command line ---------------------------------------------------------------------------

static char *copy_of(const char *text, size_t length) {
  char *copy = blok_cli_alloc(length + 1, 1);
  memcpy(copy, text, length);
  return copy;
}

static int add_word(blok_cli *cli, blok_word_list *list, const char *word, size_t length,
                    const char *option) {
  if (list->count == BLOK_CONVERT_MOST) {
    return blok_cli_usage(cli, "--%s is given more than %d times", option, BLOK_CONVERT_MOST);
  }
  list->words[list->count++] = copy_of(word, length);
  return 0;
}

// "A,B,C"
static int add_names(blok_cli *cli, blok_word_list *list, const char *text, const char *option) {
  for (const char *next = text; next != NULL;) {
    const char *comma = strchr(next, ',');
    const size_t length = comma != NULL ? (size_t)(comma - next) : strlen(next);
    if (length == 0) return blok_cli_usage(cli, "--%s: a name is empty", option);
    const int status = add_word(cli, list, next, length, option);
    if (status != 0) return status;
    next = comma == NULL ? NULL : comma + 1;
  }
  return 0;
}

// "OLD=NEW"
static int add_pair(blok_cli *cli, blok_word_list *list, const char *text, const char *option,
                    const char *form) {
  const char *equals = strchr(text, '=');
  if (equals == NULL || equals == text || equals[1] == '\0') {
    return blok_cli_usage(cli, "--%s takes %s, not '%s'", option, form, blok_show(text).text);
  }
  return add_word(cli, list, text, strlen(text), option);
}

static int take_batch(blok_cli *cli, const char *text, const char **out) {
  uint64_t size = 0;
  if (strcmp(text, "dynamic") != 0 && !blok_parse_count(text, 1, INT32_MAX, &size)) {
    return blok_cli_usage(cli, "--batch takes a number from 1 on, or dynamic, not '%s'",
                          blok_show(text).text);
  }
  *out = text;
  return 0;
}

static int take_classes(blok_cli *cli, const char *text, const char **out) {
  uint64_t classes = 0;
  if (!blok_parse_count(text, 1, INT32_MAX, &classes)) {
    return blok_cli_usage(cli, "--classes takes a number from 1 on, not '%s'",
                          blok_show(text).text);
  }
  *out = text;
  return 0;
}

int blok_convert_take(blok_cli *cli, int id, const char *value, blok_convert_edits *edits) {
  edits->any = edits->any || id != BLOK_CONVERT_SEED;
  switch (id) {
    case BLOK_CONVERT_INPUT:
      return add_pair(cli, &edits->inputs, value, "input", "NAME=Nx3x224x224");
    case BLOK_CONVERT_BATCH:
      return take_batch(cli, value, &edits->batch);
    case BLOK_CONVERT_FROM:
      return add_names(cli, &edits->from, value, "from");
    case BLOK_CONVERT_TO:
      return add_names(cli, &edits->to, value, "to");
    case BLOK_CONVERT_ACT:
      return add_pair(cli, &edits->acts, value, "act", "OLD=NEW[@BLOCK]");
    case BLOK_CONVERT_BLOCK:
      return blok_convert_take_block(cli, value, edits);
    case BLOK_CONVERT_SE:
      if (value != NULL) return add_word(cli, &edits->excites, value, strlen(value), "se");
      edits->excite = true;
      return 0;
    case BLOK_CONVERT_CLASSES:
      return take_classes(cli, value, &edits->classes);
    case BLOK_CONVERT_RENAME:
      return add_pair(cli, &edits->renames, value, "rename", "OLD=NEW");
    case BLOK_CONVERT_WEIGHTS:
      edits->weights = value;
      return 0;
    case BLOK_CONVERT_FOLD:
      edits->fold = true;
      return 0;
    case BLOK_CONVERT_REWRITE:
      edits->rewrite = true;
      return 0;
    default:
      if (blok_parse_count(value, 0, UINT64_MAX, &edits->seed)) return 0;
      return blok_cli_usage(cli, "--seed takes a whole number, not '%s'", blok_show(value).text);
  }
}

// ---- Telling ------------------------------------------------------------------------------------

void blok_convert_note(blok_convert_edits *edits, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  edits->told = blok_cli_grow(edits->told, edits->n_told, &edits->cap_told, sizeof *edits->told);
  edits->told[edits->n_told++] = copy_of(line, strlen(line));
}

void blok_convert_tell(const blok_cli *cli, const blok_convert_edits *edits) {
  for (size_t i = 0; i < edits->n_told; i++) blok_cli_note(cli, "%s", edits->told[i]);
}

void blok_convert_json(blok_json *json, const blok_convert_edits *edits) {
  blok_json_open(json, "edits", '[');
  for (size_t i = 0; i < edits->n_told; i++) blok_json_text(json, NULL, edits->told[i]);
  blok_json_close(json);
}

static void free_words(blok_word_list *list) {
  while (list->count != 0) free(list->words[--list->count]);
}

void blok_convert_end(blok_convert_edits *edits) {
  blok_word_list *const lists[] = {&edits->inputs, &edits->from,    &edits->to,
                                   &edits->acts,   &edits->excites, &edits->renames};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) free_words(lists[i]);
  for (size_t i = 0; i < edits->n_told; i++) free(edits->told[i]);
  free(edits->told);
  edits->told = NULL;
  edits->n_told = edits->cap_told = 0;
  blok_convert_free_blocks(edits);
}

// ---- Inputs and cuts ----------------------------------------------------------------------------

// "Nx3x224x224", or with commas where a symbol holds an x. False where it is no shape.
static bool parse_axes(char *text, blok_axis *axes, uint32_t *rank) {
  const char mark = strchr(text, ',') != NULL ? ',' : 'x';
  *rank = 0;
  for (char *next = text; next != NULL;) {
    char *end = strchr(next, mark);
    uint64_t number = 0;
    if (end != NULL) *end = '\0';
    if (*next == '\0' || *rank == BLOK_MAX_RANK) return false;
    blok_axis *axis = &axes[(*rank)++];
    if (blok_parse_count(next, 0, INT64_MAX, &number)) {
      *axis = (blok_axis){(int64_t)number, NULL};
    } else if (strchr("0123456789-+.", *next) != NULL) {
      return false;
    } else {
      *axis = (blok_axis){-1, strcmp(next, "?") == 0 ? NULL : next};
    }
    next = end == NULL ? NULL : end + 1;
  }
  return true;
}

// The word is cut.
static blok_status edit_input(blok_convert_edits *edits, blok_builder *builder, char *word,
                              blok_error *error) {
  blok_axis axes[BLOK_MAX_RANK];
  uint32_t rank = 0;
  char *equals = strrchr(word, '=');
  *equals = '\0';
  const blok_shown shape = blok_show(equals + 1);
  if (!parse_axes(equals + 1, axes, &rank)) {
    return blok_cli_error(error, BLOK_E_ARGUMENT, "--input %s: '%s' is no shape: Nx3x224x224",
                          blok_show(word).text, shape.text);
  }
  const blok_status status = blok_edit_input(builder, word, rank, axes, error);
  if (status == BLOK_OK)
    blok_convert_note(edits, "input %s is %s", blok_show(word).text, shape.text);
  return status;
}

static blok_status edit_batch(blok_convert_edits *edits, blok_builder *builder, blok_error *error) {
  uint64_t size = 0;
  const bool fixed = blok_parse_count(edits->batch, 1, INT32_MAX, &size);
  const blok_status status = blok_edit_batch(builder, fixed ? (int64_t)size : 0, NULL, error);
  if (status != BLOK_OK) return status;
  if (fixed) {
    blok_convert_note(edits, "the batch is %" PRIu64, size);
  } else {
    blok_convert_note(edits, "the batch is open: N");
  }
  return BLOK_OK;
}

static blok_status edit_cut(blok_convert_edits *edits, blok_builder *builder, blok_error *error) {
  const blok_word_list *from = &edits->from, *to = &edits->to;
  const char *starts[BLOK_CONVERT_MOST], *ends[BLOK_CONVERT_MOST];
  for (size_t i = 0; i < from->count; i++) starts[i] = from->words[i];
  for (size_t i = 0; i < to->count; i++) ends[i] = to->words[i];
  const blok_status status = blok_edit_cut(builder, starts, from->count, ends, to->count, error);
  if (status != BLOK_OK) return status;
  if (from->count != 0) {
    blok_convert_note(edits, "cut behind %s%s", blok_show(starts[0]).text,
                      from->count > 1 ? ", ..." : "");
  }
  if (to->count != 0) {
    blok_convert_note(edits, "cut after %s%s", blok_show(ends[0]).text,
                      to->count > 1 ? ", ..." : "");
  }
  return BLOK_OK;
}

// ---- Blocks -------------------------------------------------------------------------------------

static void set_defaults(blok_convert_act *act) {
  const blok_activation to = act->activation;
  act->alpha = to == BLOK_ACT_LEAKY_RELU     ? 0.01
               : to == BLOK_ACT_ELU          ? 1
               : to == BLOK_ACT_HARD_SIGMOID ? 1.0 / 6
                                             : 0;
  act->beta = to == BLOK_ACT_HARD_SIGMOID ? 0.5 : to == BLOK_ACT_CLIP ? 6 : 0;
}

// How many numbers may follow the activation's name.
static int most_numbers(blok_activation activation) {
  if (activation == BLOK_ACT_CLIP || activation == BLOK_ACT_HARD_SIGMOID) return 2;
  return activation == BLOK_ACT_LEAKY_RELU || activation == BLOK_ACT_ELU;
}

blok_status blok_convert_read_act(char *word, const char *option, blok_convert_act *out,
                                  blok_error *error) {
  char *numbers = strchr(word, ':');
  if (numbers != NULL) *numbers++ = '\0';
  if (!blok_parse_activation(word, &out->activation)) {
    return blok_cli_error(error, BLOK_E_ARGUMENT,
                          "--%s: '%s' is no activation: relu, relu6, leaky_relu, silu, "
                          "hard_swish, sigmoid, hard_sigmoid, tanh, gelu, gelu_tanh, mish, elu, "
                          "prelu, clip",
                          option, blok_show(word).text);
  }
  set_defaults(out);
  if (numbers == NULL) return BLOK_OK;
  char *second = strchr(numbers, ':');
  const int most = most_numbers(out->activation);
  if (most < 1 + (second != NULL)) {
    return blok_cli_error(error, BLOK_E_ARGUMENT, "--%s: %s takes %s, not '%s'", option, word,
                          most == 0 ? "no number" : "one number", blok_show(numbers).text);
  }
  if (second != NULL) *second++ = '\0';
  if (blok_parse_real(numbers, &out->alpha, NULL) &&
      (second == NULL || blok_parse_real(second, &out->beta, NULL))) {
    return BLOK_OK;
  }
  return blok_cli_error(error, BLOK_E_ARGUMENT, "--%s: '%s' is no number", option,
                        blok_show(second == NULL ? numbers : second).text);
}

typedef struct act_words {
  blok_convert_act from, to;
  const char *block;  // NULL: everywhere
} act_words;

// "relu=leaky_relu:0.1@layer1.0"; the word is cut.
static blok_status parse_act(char *word, act_words *out, blok_error *error) {
  char *to = strchr(word, '=');
  *to++ = '\0';
  char *at = strchr(to, '@');
  out->block = NULL;
  if (at != NULL) {
    *at++ = '\0';
    out->block = at;
  }
  blok_status status = blok_convert_read_act(word, "act", &out->from, error);
  if (status == BLOK_OK) status = blok_convert_read_act(to, "act", &out->to, error);
  if (status != BLOK_OK || at == NULL || *at != '\0') return status;
  return blok_cli_error(error, BLOK_E_ARGUMENT,
                        "--act: a block is to be named behind '@', one that `blok inspect` names");
}

static blok_status edit_act(blok_convert_edits *edits, blok_builder *builder, char *word,
                            blok_error *error) {
  act_words act;
  size_t changed = 0;
  blok_status status = parse_act(word, &act, error);
  if (status != BLOK_OK) return status;
  status = blok_edit_activation(builder, act.block, act.from.activation, act.to.activation,
                                act.to.alpha, act.to.beta, &changed, error);
  if (status != BLOK_OK) return status;
  blok_convert_note(edits, "%zu %s became %s", changed, blok_activation_name(act.from.activation),
                    blok_activation_name(act.to.activation));
  return BLOK_OK;
}

static blok_status edit_se(blok_convert_edits *edits, blok_builder *builder, const char *block,
                           blok_error *error) {
  size_t changed = 0;
  const blok_status status = blok_edit_squeeze_excite(builder, block, NULL, &changed, error);
  if (status == BLOK_OK) blok_convert_note(edits, "%zu blocks got a squeeze-excite", changed);
  return status;
}

// ---- Weights and names --------------------------------------------------------------------------

static blok_status edit_classes(blok_convert_edits *edits, blok_builder *builder,
                                blok_error *error) {
  uint64_t classes = 0;
  (void)blok_parse_count(edits->classes, 1, INT32_MAX, &classes);
  const blok_status status = blok_edit_head(builder, (int32_t)classes, error);
  if (status == BLOK_OK) blok_convert_note(edits, "a fresh head of %" PRIu64 " classes", classes);
  return status;
}

static blok_status edit_rename(blok_convert_edits *edits, blok_builder *builder, char *word,
                               blok_error *error) {
  char *equals = strchr(word, '=');
  *equals = '\0';
  const blok_status status = blok_edit_rename(builder, word, equals + 1, error);
  if (status == BLOK_OK) {
    blok_convert_note(edits, "%s is called %s", blok_show(word).text, blok_show(equals + 1).text);
  }
  return status;
}

static blok_status edit_weights(blok_convert_edits *edits, blok_builder *builder,
                                blok_error *error) {
  const blok_status status = blok_build_weights_npz(builder, edits->weights, true, error);
  if (status == BLOK_OK) blok_convert_note(edits, "weights of %s", blok_show(edits->weights).text);
  return status;
}

static blok_status edit_fold(blok_convert_edits *edits, blok_builder *builder, blok_error *error) {
  size_t folded = 0;
  const blok_status status = blok_edit_fold_norms(builder, &folded, error);
  if (status == BLOK_OK) blok_convert_note(edits, "%zu norms folded", folded);
  return status;
}

static blok_status rewrite(blok_convert_edits *edits, blok_builder *builder, blok_error *error) {
  const blok_status status = blok_edit_rewrite(builder, error);
  if (status == BLOK_OK) blok_convert_note(edits, "every block written anew");
  return status;
}

// ---- All of them --------------------------------------------------------------------------------

#define TRY(call)                         \
  do {                                    \
    const blok_status status = (call);    \
    if (status != BLOK_OK) return status; \
  } while (0)

// The order that `blok help convert` states.
static blok_status edit_all(blok_convert_edits *edits, const blok_model *model,
                            blok_builder *builder, blok_error *error) {
  for (size_t i = 0; i < edits->inputs.count; i++) {
    TRY(edit_input(edits, builder, edits->inputs.words[i], error));
  }
  if (edits->batch != NULL) TRY(edit_batch(edits, builder, error));
  if (edits->from.count + edits->to.count != 0) TRY(edit_cut(edits, builder, error));
  TRY(blok_convert_blocks(edits, model, builder, error));
  for (size_t i = 0; i < edits->acts.count; i++) {
    TRY(edit_act(edits, builder, edits->acts.words[i], error));
  }
  for (size_t i = 0; i < edits->excites.count; i++) {
    TRY(edit_se(edits, builder, edits->excites.words[i], error));
  }
  if (edits->excite) TRY(edit_se(edits, builder, NULL, error));
  if (edits->classes != NULL) TRY(edit_classes(edits, builder, error));
  for (size_t i = 0; i < edits->renames.count; i++) {
    TRY(edit_rename(edits, builder, edits->renames.words[i], error));
  }
  if (edits->weights != NULL) TRY(edit_weights(edits, builder, error));
  if (edits->fold) TRY(edit_fold(edits, builder, error));
  return edits->rewrite ? rewrite(edits, builder, error) : BLOK_OK;
}

int blok_convert_edit(blok_cli *cli, blok_convert_edits *edits, blok_model **model) {
  blok_error error = BLOK_ERROR_INIT;
  blok_builder *builder = NULL;
  blok_model *edited = NULL;
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  if (!edits->any) return BLOK_EXIT_DONE;
  options.seed = edits->seed;
  blok_status status = blok_builder_from(*model, &options, &builder, &error);
  if (status == BLOK_OK) status = edit_all(edits, *model, builder, &error);
  if (status == BLOK_OK) status = blok_builder_finish(&builder, &edited, &error);
  blok_builder_free(&builder);
  if (status != BLOK_OK) return blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  blok_model_free(model);
  *model = edited;
  return BLOK_EXIT_DONE;
}
