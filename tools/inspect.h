// What `blok inspect` tells about a model: as text, as a drawing and as JSON.
#ifndef BLOK_TOOLS_INSPECT_H
#define BLOK_TOOLS_INSPECT_H

#include "tools/cli.h"
#include "tools/json.h"
#include "tools/options.h"

typedef struct blok_inspect_options {
  bool explain;  // near misses
  bool nodes;    // every node, and blocks inside other blocks
  bool weights;  // every weight
  bool tree;     // a drawing of the blocks instead of their table
  bool plan;     // the steps of a run, instead of all that
  bool memory;   // what a run takes, instead of all that
} blok_inspect_options;

// The kinds of block in the order in which counts name them; the last is 0.
extern const blok_block_kind blok_inspect_kinds[];

// How many blocks of each kind there are, as the answer counts them: convolutions only outside
// other blocks, the rest at any depth.
size_t blok_inspect_count(const blok_model *model, blok_block_kind kind);

// Whether the block has an addition: then skip and after_add say something.
bool blok_inspect_has_addition(const blok_block *block);

// The activation inside the block, "none" if it has none.
const char *blok_inspect_activation(const blok_block *block);

// The squeeze and excitation that the block is or holds; NULL: none.
const blok_se_desc *blok_inspect_se(const blok_block *block);

// Name of node index; "" when there is none.
const char *blok_inspect_node_name(const blok_model *model, size_t index);

// ---- Parts of the text --------------------------------------------------------------------------

void blok_inspect_heading(blok_cli *cli, const char *text);

// "1.09 G": a number for people in a few characters.
blok_grouped blok_inspect_amount(uint64_t amount);

// Sum and product of numbers, the largest one where they would be larger still.
uint64_t blok_inspect_plus(uint64_t a, uint64_t b);
uint64_t blok_inspect_times(uint64_t a, uint64_t b);

// The outermost blocks in a table by stage, repeats folded; and every block, none folded.
void blok_inspect_blocks(blok_cli *cli, const blok_model *model);
void blok_inspect_every_block(blok_cli *cli, const blok_model *model);

// The stages and blocks drawn as a tree, with a picture of each.
void blok_inspect_tree(blok_cli *cli, const blok_model *model, const char *path);

// Near misses, equal ones together, by place.
void blok_inspect_misses(blok_cli *cli, const blok_model *model);

// ---- The whole answer ---------------------------------------------------------------------------

// Lists in the object that is open. "unknown": the operators that cannot be run.
void blok_inspect_unknown(blok_json *json, const blok_model *model);

// Near misses under key.
void blok_inspect_json_misses(blok_json *json, const char *key, const blok_model *model);

// Inputs or outputs of the model under key, their types under type_key.
typedef blok_status (*blok_inspect_value_fn)(const blok_model *model, size_t index,
                                             blok_value_info *info);
void blok_inspect_json_values(blok_json *json, const char *key, const char *type_key,
                              const blok_model *model, size_t count, blok_inspect_value_fn get);

// Names of a node's inputs or outputs under key, "" for a slot that is left out.
typedef const char *(*blok_inspect_slot_fn)(const blok_model *model, size_t node, size_t slot);
void blok_inspect_json_slots(blok_json *json, const char *key, const blok_model *model, size_t node,
                             size_t count, blok_inspect_slot_fn get);

// "blocks": a list of all that is known of each, in the object that is open.
void blok_inspect_json_blocks(blok_json *json, const blok_model *model);

// "macs": a number, null where it is unknown.
void blok_inspect_json_macs(blok_json *json, int64_t macs);

// Prints into cli->out.
void blok_inspect_text(blok_cli *cli, const char *path, const blok_model *model,
                       const blok_inspect_options *options);
void blok_inspect_json(blok_cli *cli, const blok_model *model, const blok_inspect_options *options);

// The steps and the memory of a session, its inputs' open axes bound. Gives an exit status: an
// error has been printed unless it is 0.
int blok_inspect_plan(blok_cli *cli, const char *path, const blok_model *model,
                      blok_bindings *bindings, const blok_inspect_options *options);

#endif  // BLOK_TOOLS_INSPECT_H
