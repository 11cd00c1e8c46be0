// The edits of `blok convert`: read from the command line, then made one after another in a fixed
// order, each with a line that tells what changed.
#ifndef BLOK_TOOLS_CONVERT_H
#define BLOK_TOOLS_CONVERT_H

#include "tools/json.h"
#include "tools/options.h"

// Ids of the edits' options.
enum {
  BLOK_CONVERT_INPUT = 340,
  BLOK_CONVERT_BATCH,
  BLOK_CONVERT_FROM,
  BLOK_CONVERT_TO,
  BLOK_CONVERT_BLOCK,
  BLOK_CONVERT_ACT,
  BLOK_CONVERT_SE,
  BLOK_CONVERT_CLASSES,
  BLOK_CONVERT_RENAME,
  BLOK_CONVERT_WEIGHTS,
  BLOK_CONVERT_FOLD,
  BLOK_CONVERT_REWRITE,
  BLOK_CONVERT_SEED
};

// Rows for the table of options.
// clang-format off
#define BLOK_CONVERT_EDITS \
  {"input", "NAME=Nx3x224x224", \
   "an input's shape: numbers, symbols, ? for an open axis", BLOK_CONVERT_INPUT}, \
  {"batch", "N", "the first axis of every input: a number, or dynamic", BLOK_CONVERT_BATCH}, \
  {"from", "A,B", "cut: these values become the inputs", BLOK_CONVERT_FROM}, \
  {"to", "C,D", "cut: these values become the outputs", BLOK_CONVERT_TO}, \
  {"block", "NAME:WORD=VALUE,...", \
   "one block with another width, kernel, norm, ...", BLOK_CONVERT_BLOCK}, \
  {"act", "OLD=NEW[@BLOCK]", \
   "another activation, everywhere or in one block", BLOK_CONVERT_ACT}, \
  {"se", "[=BLOCK]", \
   "a squeeze-excite in each residual block that has none, or in BLOCK", BLOK_CONVERT_SE}, \
  {"classes", "N", "a fresh last layer of N classes", BLOK_CONVERT_CLASSES}, \
  {"rename", "OLD=NEW", "another name for a value, weight or node", BLOK_CONVERT_RENAME}, \
  {"weights", "FILE.npz", "these in the place of the weights of their names", \
   BLOK_CONVERT_WEIGHTS}, \
  {"fold-norms", NULL, "batch norms go into the layers before them", BLOK_CONVERT_FOLD}, \
  {"rewrite", NULL, "every block written anew from its descriptor", BLOK_CONVERT_REWRITE}, \
  {"seed", "N", "of weights that are drawn; 0 unless given", BLOK_CONVERT_SEED}
// clang-format on

// Of one kind at most.
#define BLOK_CONVERT_MOST 64

typedef struct blok_word_list {
  size_t count;
  char *words[BLOK_CONVERT_MOST];
} blok_word_list;

// An activation as the command line has it.
typedef struct blok_convert_act {
  blok_activation activation;
  double alpha, beta;
} blok_convert_act;

// What --block says of one block (convert_block.c).
typedef struct blok_convert_block blok_convert_block;

typedef struct blok_convert_edits {
  blok_word_list inputs, from, to, acts, excites, renames;
  const char *batch, *classes, *weights;  // NULL: not given
  bool excite;                            // --se without a block
  bool fold, rewrite;
  uint64_t seed;
  bool any;
  size_t n_blocks, cap_blocks;
  blok_convert_block *blocks;
  // What changed, a line each.
  size_t n_told, cap_told;
  char **told;
} blok_convert_edits;

// Takes an option of the list above. 0, or the exit status of a usage error.
int blok_convert_take(blok_cli *cli, int id, const char *value, blok_convert_edits *edits);

// "leaky_relu:0.1"; word is cut. option: for messages.
blok_status blok_convert_read_act(char *word, const char *option, blok_convert_act *out,
                                  blok_error *error);

// --block: read; done, with what the model's blocks are before any edit; freed.
int blok_convert_take_block(blok_cli *cli, const char *text, blok_convert_edits *edits);
blok_status blok_convert_blocks(blok_convert_edits *edits, const blok_model *model,
                                blok_builder *builder, blok_error *error);
void blok_convert_free_blocks(blok_convert_edits *edits);

// Makes the edits: *model is freed and the new one stands in its place. BLOK_EXIT_DONE, or the exit
// status of the error that was printed.
int blok_convert_edit(blok_cli *cli, blok_convert_edits *edits, blok_model **model);

// Remembers a line of what changed.
void blok_convert_note(blok_convert_edits *edits, const char *format, ...) BLOK_PRINTF(2, 3);

// What changed: lines on standard error, and a list in the answer.
void blok_convert_tell(const blok_cli *cli, const blok_convert_edits *edits);
void blok_convert_json(blok_json *json, const blok_convert_edits *edits);

// Frees what the edits hold.
void blok_convert_end(blok_convert_edits *edits);

#endif  // BLOK_TOOLS_CONVERT_H
