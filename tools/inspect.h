// What `blok inspect` tells about a model: as text and as JSON.
#ifndef BLOK_TOOLS_INSPECT_H
#define BLOK_TOOLS_INSPECT_H

#include "tools/cli.h"
#include "tools/json.h"

typedef struct blok_inspect_options {
  bool explain;  // near misses
  bool nodes;    // every node, and convolutions inside other blocks
  bool weights;  // every weight
} blok_inspect_options;

// How many blocks of each kind there are, as the answer counts them: convolutions only outside
// other blocks, the rest at any depth. kind is a blok_block_kind.
size_t blok_inspect_count(const blok_model *model, blok_block_kind kind);

// Whether the block has an addition: then order and after_add say something.
bool blok_inspect_has_addition(const blok_block *block);

// The activation inside the block, "none" if it has none.
const char *blok_inspect_activation(const blok_block *block);

// The squeeze and excitation that the block is or holds; NULL: none.
const blok_se_desc *blok_inspect_se(const blok_block *block);

// Name of node index; "" when there is none.
const char *blok_inspect_node_name(const blok_model *model, size_t index);

// "unknown": the operators that cannot be run, as a list in the object that is open.
void blok_inspect_unknown(blok_json *json, const blok_model *model);

// Prints into cli->out.
void blok_inspect_text(blok_cli *cli, const char *path, const blok_model *model,
                       const blok_inspect_options *options);
void blok_inspect_json(blok_cli *cli, const blok_model *model, const blok_inspect_options *options);

#endif  // BLOK_TOOLS_INSPECT_H
