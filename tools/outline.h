// The blocks of a model as a tree, cut into stages, with repeats found: what the table and the
// drawing of `blok inspect` share.
//
// A stage is a run of outermost blocks, in execution order, whose outputs have the same height and
// width, or as many tokens. Everything here takes time in proportion to the number of blocks.
#ifndef BLOK_TOOLS_OUTLINE_H
#define BLOK_TOOLS_OUTLINE_H

#include <blok/blok.h>

#include "tools/cli.h"

typedef struct blok_outline {
  const blok_model *model;
  size_t count;    // all blocks
  int32_t *first;  // first child of a block, -1: none
  int32_t *next;   // the sibling behind it, -1: none
  size_t *outer;   // the outermost blocks
  size_t outers;
} blok_outline;

// Memory is had or the program ends (blok_cli_alloc). Free it with blok_outline_clear.
void blok_outline_fill(blok_outline *outline, const blok_model *model);
void blok_outline_clear(blok_outline *outline);

// The outermost block at place (counted in outer), never NULL.
const blok_block *blok_outline_outer(const blok_outline *outline, size_t place);

// The block behind block in a walk over all that lies in root, which begins with root's first
// child; -1 at the end. *depth is kept: children of root have depth 1 (start with block = root and
// *depth = 0).
int32_t blok_outline_walk(const blok_outline *outline, size_t root, size_t block, size_t *depth);

// The first place behind the stage that begins at place.
size_t blok_outline_stage_end(const blok_outline *outline, size_t place);

// "56x56": height and width of the block's output, or what it has beside batch and channels.
blok_shown blok_outline_size(const blok_block *block);

// The module path that the names of the outermost blocks of [from, end) share, "" if none.
blok_shown blok_outline_scope(const blok_outline *outline, size_t from, size_t end);

// How often the texts from on repeat, before end: *times runs of *period texts each, equal one by
// one; 1 and 1 where nothing repeats.
void blok_outline_fold(char *const *texts, size_t from, size_t end, size_t *period, size_t *times);

#endif  // BLOK_TOOLS_OUTLINE_H
