// What the answers of `blok inspect` share: facts of blocks, and small pieces of text.
#include "tools/inspect.h"

const blok_block_kind blok_inspect_kinds[] = {
    BLOK_RESIDUAL,       BLOK_BOTTLENECK, BLOK_INVERTED_BOTTLENECK, BLOK_RESIDUAL_OTHER,
    BLOK_SQUEEZE_EXCITE, BLOK_GATE,       BLOK_CONV_NORM_ACT,       (blok_block_kind)0};

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
  if (block->residual && block->residual->convs > 0) {
    activation = block->residual->conv[0].activation;
  }
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

void blok_inspect_heading(blok_cli *cli, const char *text) {
  fprintf(cli->out, cli->color ? "\n\033[1m%s\033[0m\n" : "\n%s\n", text);
}

blok_grouped blok_inspect_amount(uint64_t amount) {
  static const char letters[] = {'k', 'M', 'G', 'T', 'P', 'E'};
  blok_grouped text;
  if (amount < 1000) {
    (void)snprintf(text.text, sizeof text.text, "%d", (int)amount);
    return text;
  }
  double value = (double)amount / 1000;
  size_t letter = 0;
  // What would be printed as 1000 is one of the next letter.
  for (; value >= 999.5; letter++) value /= 1000;
  const int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  (void)snprintf(text.text, sizeof text.text, "%.*f %c", digits, value, letters[letter]);
  return text;
}

uint64_t blok_inspect_plus(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t blok_inspect_times(uint64_t a, uint64_t b) {
  return b > 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}
