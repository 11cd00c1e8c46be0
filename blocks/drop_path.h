// Stochastic depth in a file. ONNX has no word for what only training does, so the rate at which a
// block's F(x) is dropped is kept beside the graph: metadata of the model under one key, a line a
// block, "stage1.0=0.1", in the order in which they were noted. A working graph keeps it too.
#ifndef BLOK_BLOCKS_DROP_PATH_H
#define BLOK_BLOCKS_DROP_PATH_H

#include "blocks/blocks.h"

// Notes the rate of the block that goes by this name, in place of one noted before; a rate of 0
// takes it away. BLOK_E_ARGUMENT for a rate that is not from 0 to below 1, or a name of several
// lines. What is written has 15 decimals. On failure the module is as it was.
BLOK_MUST_CHECK blok_status blok_drop_path_note(blok_module *module, const char *block, double rate,
                                                blok_error *error);

// The rate of every block with an addition that module's metadata names goes into its descriptor.
// Lines that say no rate are passed over; of two for one name the last one counts.
BLOK_MUST_CHECK blok_status blok_drop_path_read(const blok_module *module, blok_overlay *overlay,
                                                blok_error *error);

// Notes the rates of an overlay's blocks in module, in place of what it has noted.
BLOK_MUST_CHECK blok_status blok_drop_path_keep(const blok_overlay *overlay, blok_module *module,
                                                blok_error *error);

#endif  // BLOK_BLOCKS_DROP_PATH_H
