// `blok convert --block NAME:WORD=VALUE,...`: a block's descriptor with other numbers in it. What
// must follow follows: the pads of a kernel, the inner convolutions of a width, the skip path of a
// stride.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/convert.h"
#include "tools/text.h"

// ---- Words --------------------------------------------------------------------------------------

#define KIND(kind) (1u << (unsigned)(kind))
#define CONV       KIND(BLOK_CONV_NORM_ACT)
#define PLAIN      (KIND(BLOK_RESIDUAL) | KIND(BLOK_BOTTLENECK))
#define RESIDUAL   (PLAIN | KIND(BLOK_INVERTED_BOTTLENECK))
#define EXCITE     (KIND(BLOK_SQUEEZE_EXCITE) | RESIDUAL)

// In the order in which they are carried out.
typedef enum word_id {
  WORD_OUT,
  WORD_MID,
  WORD_KERNEL,
  WORD_DILATION,
  WORD_GROUPS,
  WORD_STRIDE,
  WORD_NORM_GROUPS,
  WORD_SE_HIDDEN,
  NUMBERS,  // those above are whole numbers from 1 on
  WORD_ORDER = NUMBERS,
  WORD_ACT,
  WORD_FINAL,
  WORD_SE_ACT,
  WORD_SE_GATE,
  WORD_NORM,
  WORD_EPSILON,
  WORD_DROP_PATH,
  WORDS
} word_id;

static const struct word {
  const char *name;
  unsigned kinds;     // of block that have it
  const char *wants;  // what it takes, for messages
} all_words[WORDS] = {
    [WORD_OUT] = {"out", CONV | RESIDUAL, "a number of channels"},
    [WORD_MID] = {"mid", RESIDUAL, "a number of channels"},
    [WORD_KERNEL] = {"kernel", CONV | RESIDUAL, "a whole number from 1 on"},
    [WORD_DILATION] = {"dilation", CONV | RESIDUAL, "a whole number from 1 on"},
    [WORD_GROUPS] = {"groups", CONV | RESIDUAL, "a whole number from 1 on"},
    [WORD_STRIDE] = {"stride", CONV | RESIDUAL, "a whole number from 1 on"},
    [WORD_NORM_GROUPS] = {"norm-groups", CONV | RESIDUAL, "a whole number from 1 on"},
    [WORD_SE_HIDDEN] = {"se-hidden", EXCITE, "a number of channels"},
    [WORD_ORDER] = {"order", PLAIN, "post or pre"},
    [WORD_ACT] = {"act", CONV | RESIDUAL, "an activation or none"},
    [WORD_FINAL] = {"final", RESIDUAL | KIND(BLOK_RESIDUAL_OTHER), "an activation or none"},
    [WORD_SE_ACT] = {"se-act", EXCITE, "an activation or none"},
    [WORD_SE_GATE] = {"se-gate", EXCITE, "sigmoid or hard_sigmoid"},
    [WORD_NORM] = {"norm", CONV | RESIDUAL, "batch, group, layer or none"},
    [WORD_EPSILON] = {"epsilon", CONV | RESIDUAL, "a number above 0"},
    [WORD_DROP_PATH] = {"drop-path", RESIDUAL | KIND(BLOK_RESIDUAL_OTHER),
                        "a rate from 0 to below 1"},
};

struct blok_convert_block {
  char *name;
  bool given[WORDS];
  int32_t numbers[NUMBERS];
  blok_order order;
  blok_norm norm;
  blok_convert_act acts[WORDS];  // of the words that name one
  double epsilon, drop_path;
};

static bool parse_real(const char *text, double least, double below, double *out) {
  return blok_parse_real(text, out, NULL) && *out >= least && *out < below;
}

// text is cut. False where it is no value of the word.
static bool parse_value(blok_convert_block *block, word_id id, char *text) {
  uint64_t number = 0;
  blok_error ignored = BLOK_ERROR_INIT;
  if (id < NUMBERS) {
    if (!blok_parse_count(text, 1, INT32_MAX, &number)) return false;
    block->numbers[id] = (int32_t)number;
    return true;
  }
  if (id == WORD_ORDER) return blok_parse_order(text, &block->order);
  if (id == WORD_NORM) return blok_parse_norm(text, &block->norm);
  if (id == WORD_EPSILON) {
    return parse_real(text, 0, HUGE_VAL, &block->epsilon) && block->epsilon > 0;
  }
  if (id == WORD_DROP_PATH) return parse_real(text, 0, 1, &block->drop_path);
  if (strcmp(text, "none") == 0 && id != WORD_SE_GATE) {
    block->acts[id] = (blok_convert_act){BLOK_ACT_NONE, 0, 0};
    return true;
  }
  if (blok_convert_read_act(text, "block", &block->acts[id], &ignored) != BLOK_OK) return false;
  const blok_activation act = block->acts[id].activation;
  return id != WORD_SE_GATE || act == BLOK_ACT_SIGMOID || act == BLOK_ACT_HARD_SIGMOID;
}

// The words of a kind, between commas.
static const char *list_words(unsigned kind, char *out, size_t size) {
  size_t used = 0;
  out[0] = '\0';
  for (int i = 0; i < WORDS; i++) {
    if ((all_words[i].kinds & kind) == 0) continue;
    const int n =
        snprintf(out + used, size - used, "%s%s", used != 0 ? ", " : "", all_words[i].name);
    if (n > 0 && (size_t)n < size - used) used += (size_t)n;
  }
  return out;
}

// "WORD=VALUE", which is cut.
static int read_word(blok_cli *cli, blok_convert_block *block, char *word) {
  char *equals = strchr(word, '=');
  char list[200];
  int id = 0;
  if (equals != NULL) *equals = '\0';
  while (id < WORDS && strcmp(all_words[id].name, word) != 0) id++;
  if (equals == NULL || id == WORDS) {
    return blok_cli_usage(cli, "--block %s: '%s' is none of %s, each with '=' and a value",
                          blok_show(block->name).text, blok_show(word).text,
                          list_words(~0u, list, sizeof list));
  }
  if (block->given[id]) {
    return blok_cli_usage(cli, "--block %s: %s is given twice", blok_show(block->name).text, word);
  }
  block->given[id] = true;
  const blok_shown value = blok_show(equals + 1);
  if (parse_value(block, (word_id)id, equals + 1)) return 0;
  return blok_cli_usage(cli, "--block %s: %s takes %s, not '%s'", blok_show(block->name).text, word,
                        all_words[id].wants, value.text);
}

int blok_convert_take_block(blok_cli *cli, const char *text, blok_convert_edits *edits) {
  const char *equals = strchr(text, '=');
  const char *colon = NULL;
  // A name may hold colons: the words begin behind the last one before the first '='.
  for (const char *c = text; equals != NULL && c < equals; c++) {
    if (*c == ':') colon = c;
  }
  if (colon == NULL || colon == text) {
    return blok_cli_usage(cli, "--block takes NAME:WORD=VALUE,..., not '%s'", blok_show(text).text);
  }
  edits->blocks =
      blok_cli_grow(edits->blocks, edits->n_blocks, &edits->cap_blocks, sizeof *edits->blocks);
  blok_convert_block *block = &edits->blocks[edits->n_blocks++];
  *block = (blok_convert_block){.name = blok_textf("%.*s", (int)(colon - text), text)};
  for (size_t i = 0; i + 1 < edits->n_blocks; i++) {
    if (strcmp(edits->blocks[i].name, block->name) != 0) continue;
    return blok_cli_usage(cli, "--block %s is given twice: put its words into one",
                          blok_show(block->name).text);
  }
  char *words = blok_textf("%s", colon + 1);
  int status = 0;
  for (char *next = words; next != NULL && status == 0;) {
    char *comma = strchr(next, ',');
    if (comma != NULL) *comma++ = '\0';
    status = read_word(cli, block, next);
    next = comma;
  }
  free(words);
  return status;
}

void blok_convert_free_blocks(blok_convert_edits *edits) {
  for (size_t i = 0; i < edits->n_blocks; i++) free(edits->blocks[i].name);
  free(edits->blocks);
  edits->blocks = NULL;
  edits->n_blocks = edits->cap_blocks = 0;
}

// ---- Convolutions -------------------------------------------------------------------------------

// A kernel keeps its place in the middle: the pads follow.
static void change_window(const blok_convert_block *block, blok_conv_desc *conv) {
  for (int axis = 0; axis < 2; axis++) {
    if (block->given[WORD_KERNEL]) conv->kernel[axis] = block->numbers[WORD_KERNEL];
    if (block->given[WORD_DILATION]) conv->dilation[axis] = block->numbers[WORD_DILATION];
    if (!block->given[WORD_KERNEL] && !block->given[WORD_DILATION]) continue;
    const int64_t pad = (int64_t)conv->dilation[axis] * (conv->kernel[axis] / 2);
    conv->pads[axis] = conv->pads[axis + 2] = pad < INT32_MAX ? (int32_t)pad : INT32_MAX;
  }
  if (block->given[WORD_GROUPS]) conv->groups = block->numbers[WORD_GROUPS];
}

static void set_stride(int32_t stride[2], int32_t to) { stride[0] = stride[1] = to; }

static void set_act(const blok_convert_act *act, blok_activation *activation, double *alpha,
                    double *beta) {
  *activation = act->activation;
  *alpha = act->alpha;
  *beta = act->beta;
}

static void change_norm(const blok_convert_block *block, blok_conv_desc *conv) {
  if (block->given[WORD_NORM]) {
    conv->norm = block->norm;
    if (conv->norm == BLOK_NORM_NONE) {
      conv->bias = true;
      conv->epsilon = 0;
    } else if (conv->epsilon == 0) {
      conv->epsilon = 1e-5;
    }
    conv->norm_groups = conv->norm == BLOK_NORM_GROUP ? 32 : 0;
  }
  if (block->given[WORD_NORM_GROUPS] && conv->norm == BLOK_NORM_GROUP) {
    conv->norm_groups = block->numbers[WORD_NORM_GROUPS];
  }
  if (block->given[WORD_EPSILON] && conv->norm != BLOK_NORM_NONE) conv->epsilon = block->epsilon;
}

static void change_conv(const blok_convert_block *block, blok_conv_desc *conv) {
  if (block->given[WORD_OUT]) conv->out_channels = block->numbers[WORD_OUT];
  change_window(block, conv);
  if (block->given[WORD_STRIDE]) set_stride(conv->stride, block->numbers[WORD_STRIDE]);
  if (block->given[WORD_ACT]) {
    set_act(&block->acts[WORD_ACT], &conv->activation, &conv->alpha, &conv->beta);
  }
  change_norm(block, conv);
}

static void change_se(const blok_convert_block *block, blok_se_desc *se) {
  if (block->given[WORD_SE_HIDDEN]) se->hidden = block->numbers[WORD_SE_HIDDEN];
  if (block->given[WORD_SE_ACT]) {
    set_act(&block->acts[WORD_SE_ACT], &se->activation, &se->alpha, &se->beta);
  }
  if (block->given[WORD_SE_GATE]) {
    set_act(&block->acts[WORD_SE_GATE], &se->gate, &se->gate_alpha, &se->gate_beta);
  }
}

// ---- Blocks with an addition --------------------------------------------------------------------

// Whether convolution i of F(x) is a kxk one.
static bool is_window(const blok_residual_desc *desc, int32_t i) {
  if (desc->convs == 3) return i == 1;
  const bool first = desc->conv[0].kernel[0] * desc->conv[0].kernel[1] > 1;
  const bool second = desc->conv[1].kernel[0] * desc->conv[1].kernel[1] > 1;
  return i == 0 ? first || !second : second;
}

// The convolution that has the block's stride, or would have it.
static blok_conv_desc *strided(blok_residual_desc *desc) {
  for (int32_t i = 0; i < desc->convs; i++) {
    if (desc->conv[i].stride[0] > 1 || desc->conv[i].stride[1] > 1) return &desc->conv[i];
  }
  for (int32_t i = 0; i < desc->convs; i++) {
    if (is_window(desc, i)) return &desc->conv[i];
  }
  return &desc->conv[0];
}

// A depthwise convolution stays one at another width.
static void set_width(blok_conv_desc *conv, int32_t in, int32_t out) {
  const bool depthwise = conv->groups > 1 && conv->groups == conv->in_channels;
  if (depthwise && in == out) conv->groups = in;
  conv->in_channels = in;
  conv->out_channels = out;
}

static void change_widths(const blok_convert_block *block, blok_residual_desc *desc) {
  const int32_t last = desc->convs - 1;
  const int32_t out =
      block->given[WORD_OUT] ? block->numbers[WORD_OUT] : desc->conv[last].out_channels;
  for (int32_t i = 0; i <= last; i++) {
    const bool inner = block->given[WORD_MID];
    const int32_t mid = block->numbers[WORD_MID];
    blok_conv_desc *conv = &desc->conv[i];
    set_width(conv, inner && i > 0 ? mid : conv->in_channels,
              i == last ? out
              : inner   ? mid
                        : conv->out_channels);
  }
  if (desc->has_se) desc->se.channels = desc->conv[desc->se_conv].out_channels;
}

// An identity becomes a projection where stride or channels ask for one: a 1x1 convolution with
// the norm of F(x)'s last one, in pre order without.
static void make_projection(blok_residual_desc *desc, int32_t in, int32_t out) {
  const blok_conv_desc *last = &desc->conv[desc->convs - 1];
  blok_skip_step *step = &desc->skip_step[0];
  desc->skip = BLOK_SKIP_PROJECTION;
  desc->skip_steps = 1;
  *step = (blok_skip_step)BLOK_SKIP_STEP_INIT;
  step->conv.in_channels = in;
  step->conv.out_channels = out;
  step->conv.bias = last->bias;
  memcpy(step->conv.stride, strided(desc)->stride, sizeof step->conv.stride);
  if (desc->order == BLOK_ORDER_PRE) return;
  step->conv.norm = last->norm;
  step->conv.epsilon = last->epsilon;
  step->conv.norm_groups = last->norm_groups;
}

// A pool whose windows lie side by side keeps them so.
static void set_pool_stride(blok_skip_step *step, const int32_t stride[2]) {
  const bool tiles = memcmp(step->kernel, step->stride, sizeof step->kernel) == 0;
  memcpy(step->stride, stride, sizeof step->stride);
  if (tiles) memcpy(step->kernel, stride, sizeof step->kernel);
}

// The steps of a projection in the block's stride and channels.
static blok_status follow_projection(const char *name, blok_residual_desc *desc, int32_t out,
                                     blok_error *error) {
  blok_skip_step *conv = NULL, *pool = NULL;
  const int32_t *stride = strided(desc)->stride;
  const int32_t once[2] = {1, 1};
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    blok_skip_step *step = &desc->skip_step[i];
    if (step->op == BLOK_SKIP_CONV) conv = step;
    if (step->op == BLOK_SKIP_AVERAGE_POOL || step->op == BLOK_SKIP_MAX_POOL) pool = step;
  }
  if (conv == NULL) {
    return blok_cli_error(error, BLOK_E_UNSUPPORTED,
                          "--block %s: its skip path has no convolution that could follow another "
                          "stride or number of channels",
                          blok_show(name).text);
  }
  conv->conv.out_channels = out;
  if (pool != NULL) set_pool_stride(pool, stride);
  memcpy(conv->conv.stride, pool != NULL ? once : stride, sizeof conv->conv.stride);
  return BLOK_OK;
}

static blok_status follow_skip(const char *name, blok_block_kind kind, blok_residual_desc *desc,
                               blok_error *error) {
  const int32_t in = desc->conv[0].in_channels, out = desc->conv[desc->convs - 1].out_channels;
  const int32_t *stride = strided(desc)->stride;
  if (desc->skip == BLOK_SKIP_PROJECTION) return follow_projection(name, desc, out, error);
  if (desc->skip == BLOK_SKIP_NONE || (in == out && stride[0] == 1 && stride[1] == 1)) {
    return BLOK_OK;
  }
  if (kind == BLOK_INVERTED_BOTTLENECK) {
    desc->skip = BLOK_SKIP_NONE;
  } else {
    make_projection(desc, in, out);
  }
  return BLOK_OK;
}

// Norms and activations behind the convolutions, or before them.
static void change_order(const blok_convert_block *block, blok_residual_desc *desc) {
  const blok_conv_desc *first = &desc->conv[0];
  const blok_convert_act act = {first->activation, first->alpha, first->beta};
  const blok_convert_act none = {BLOK_ACT_NONE, 0, 0};
  const bool pre = block->order == BLOK_ORDER_PRE;
  blok_conv_desc *last = &desc->conv[desc->convs - 1];
  if (desc->order == block->order) return;
  desc->order = block->order;
  set_act(pre ? &act : &none, &last->activation, &last->alpha, &last->beta);
  set_act(pre ? &none : &act, &desc->after_add, &desc->after_alpha, &desc->after_beta);
  desc->projection_after_preact = desc->se_before_act = false;
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    blok_conv_desc *conv = &desc->skip_step[i].conv;
    if (desc->skip_step[i].op != BLOK_SKIP_CONV) continue;
    conv->norm = pre ? BLOK_NORM_NONE : last->norm;
    conv->epsilon = pre ? 0 : last->epsilon;
    conv->norm_groups = pre ? 0 : last->norm_groups;
  }
}

static void change_acts(const blok_convert_block *block, blok_residual_desc *desc) {
  const blok_convert_act *act = &block->acts[WORD_ACT];
  for (int32_t i = 0; block->given[WORD_ACT] && i < desc->convs; i++) {
    blok_conv_desc *conv = &desc->conv[i];
    if (conv->activation == BLOK_ACT_NONE) continue;
    set_act(act, &conv->activation, &conv->alpha, &conv->beta);
  }
  if (block->given[WORD_ACT] && desc->after_add != BLOK_ACT_NONE) {
    set_act(act, &desc->after_add, &desc->after_alpha, &desc->after_beta);
  }
  if (block->given[WORD_FINAL]) {
    set_act(&block->acts[WORD_FINAL], &desc->after_add, &desc->after_alpha, &desc->after_beta);
  }
}

static void change_norms(const blok_convert_block *block, blok_residual_desc *desc) {
  for (int32_t i = 0; i < desc->convs; i++) change_norm(block, &desc->conv[i]);
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    const blok_skip_step *step = &desc->skip_step[i];
    if (step->op != BLOK_SKIP_CONV || desc->order == BLOK_ORDER_PRE) continue;
    change_norm(block, &desc->skip_step[i].conv);
  }
}

static blok_status change_residual(const blok_convert_block *block, blok_block_kind kind,
                                   blok_residual_desc *desc, blok_error *error) {
  const bool excites =
      block->given[WORD_SE_HIDDEN] || block->given[WORD_SE_ACT] || block->given[WORD_SE_GATE];
  if (excites && !desc->has_se) {
    return blok_cli_error(error, BLOK_E_ARGUMENT,
                          "--block %s: it has no squeeze-excite; --se=%s puts one in",
                          blok_show(block->name).text, blok_show(block->name).text);
  }
  if (block->given[WORD_ORDER]) change_order(block, desc);
  if (kind != BLOK_RESIDUAL_OTHER) {
    change_widths(block, desc);
    for (int32_t i = 0; i < desc->convs; i++) {
      if (is_window(desc, i)) change_window(block, &desc->conv[i]);
    }
    if (block->given[WORD_STRIDE]) set_stride(strided(desc)->stride, block->numbers[WORD_STRIDE]);
    change_norms(block, desc);
    if (block->given[WORD_STRIDE] || block->given[WORD_OUT]) {
      const blok_status status = follow_skip(block->name, kind, desc, error);
      if (status != BLOK_OK) return status;
    }
  }
  change_acts(block, desc);
  change_se(block, &desc->se);
  if (block->given[WORD_DROP_PATH]) desc->drop_path = block->drop_path;
  return BLOK_OK;
}

// ---- The edit -----------------------------------------------------------------------------------

// The block that goes by name in the model, "name#2" the second of them; NULL: none does.
static const blok_block *find_block(const blok_model *model, const char *name) {
  const char *mark = strrchr(name, '#');
  uint64_t which = 1;
  size_t length = strlen(name);
  for (int round = 0; round < 2; round++) {
    uint64_t seen = 0;
    for (size_t i = 0; i < blok_model_block_count(model); i++) {
      const blok_block *block = blok_model_block(model, i);
      if (strncmp(block->name, name, length) != 0 || block->name[length] != '\0') continue;
      if (++seen == which) return block;
    }
    if (mark == NULL || !blok_parse_count(mark + 1, 1, UINT64_MAX, &which)) return NULL;
    length = (size_t)(mark - name);
  }
  return NULL;
}

static blok_status check_words(const blok_convert_block *block, blok_block_kind kind,
                               blok_error *error) {
  char list[200];
  for (int i = 0; i < WORDS; i++) {
    if (!block->given[i] || (all_words[i].kinds & KIND(kind)) != 0) continue;
    const char *words = list_words(KIND(kind), list, sizeof list);
    return blok_cli_error(error, BLOK_E_ARGUMENT,
                          "--block %s: %s says nothing of a %s, which has %s",
                          blok_show(block->name).text, all_words[i].name,
                          blok_block_kind_name(kind), *words != '\0' ? words : "no words");
  }
  return BLOK_OK;
}

static blok_status edit_block(const blok_convert_block *words, const blok_model *model,
                              blok_builder *builder, size_t *redrawn, blok_error *error) {
  const blok_block *block = find_block(model, words->name);
  blok_residual_desc residual = BLOK_RESIDUAL_DESC_INIT;
  // The call knows the names that come near.
  if (block == NULL) return blok_edit_residual(builder, words->name, &residual, redrawn, error);
  blok_status status = check_words(words, block->kind, error);
  if (status != BLOK_OK) return status;
  if (block->conv != NULL) {
    blok_conv_desc conv = *block->conv;
    change_conv(words, &conv);
    return blok_edit_conv(builder, words->name, &conv, redrawn, error);
  }
  if (block->se != NULL) {
    blok_se_desc se = *block->se;
    change_se(words, &se);
    return blok_edit_se(builder, words->name, &se, redrawn, error);
  }
  residual = *block->residual;
  status = change_residual(words, block->kind, &residual, error);
  if (status != BLOK_OK) return status;
  return blok_edit_residual(builder, words->name, &residual, redrawn, error);
}

blok_status blok_convert_blocks(blok_convert_edits *edits, const blok_model *model,
                                blok_builder *builder, blok_error *error) {
  for (size_t i = 0; i < edits->n_blocks; i++) {
    size_t redrawn = 0;
    const blok_status status = edit_block(&edits->blocks[i], model, builder, &redrawn, error);
    if (status != BLOK_OK) return status;
    blok_convert_note(edits, "block %s written anew, %zu weights drawn",
                      blok_show(edits->blocks[i].name).text, redrawn);
  }
  return BLOK_OK;
}
