// Networks written anew from their blocks: matched, written, matched again, and both run.
#ifndef BLOK_TESTS_UNIT_BLOCKS_AGAIN_H
#define BLOK_TESTS_UNIT_BLOCKS_AGAIN_H

#include "nets/net.h"

// Gives every float32 weight of one axis or more seeded noise; what is called NAME.var is positive.
void again_noise(blok_module *module);

// The first output on seeded noise, by the reference; *count floats, freed with free. Inputs have
// fixed shapes.
float *again_run(const net_found *found, size_t *count);

// Writes found anew and matches that. Asserts that there are the same blocks with the same parents,
// that both graphs give the same numbers, and that no node of a block that is written whole is
// left.
net_found again_written(const net_found *found);

// Matches module, which it takes over, gives it noise, and checks it as above; a block of kind must
// stand at the top. Returns what was written.
net_found again_check(blok_module *module, blok_block_kind kind);

// True when two records have the same descriptor.
bool again_same(const blok_block_record *a, const blok_block_record *b);

#endif  // BLOK_TESTS_UNIT_BLOCKS_AGAIN_H
