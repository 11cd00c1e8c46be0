// A network tried at another batch size: what an exporter baked in of the old one is found and put
// right, and the shapes are inferred throughout.
#ifndef BLOK_BLOCKS_EDIT_TRIAL_H
#define BLOK_BLOCKS_EDIT_TRIAL_H

#include "blocks/edit/edit.h"

// Inputs of the graph by place: whether the first axis is the batch.
typedef struct blok_trial {
  blok_editing *editing;
  const uint8_t *batched;
  int64_t old;  // the batch that the file has baked in
} blok_trial;

// Changes the targets of Reshapes and Expands until the network runs, as far as inference can tell,
// at two other batch sizes. The graph's inputs are declared as they are to be. BLOK_E_SHAPE with
// the name of the node that holds the old batch.
BLOK_MUST_CHECK blok_status blok_trial_run(blok_trial *trial);

#endif  // BLOK_BLOCKS_EDIT_TRIAL_H
