// Which axis of a value holds its channels, told by the nodes that read it.
#ifndef BLOK_BLOCKS_CHANNELS_H
#define BLOK_BLOCKS_CHANNELS_H

#include "blocks/matcher.h"

// True where it is the last axis and not axis 1. What reads x before the node `end` says it: a
// convolution, a batch norm or a pool has the channels in axis 1, a layer norm over the last axis
// and a product by constant weights there; transposes and elementwise steps in front of them are
// looked through, a few in all. Where nothing says it, the channels of up to three axes are the
// last, of four and more axis 1. False for one axis or an unknown rank.
bool blok_channels_last(const blok_matcher *matcher, blok_value_id x, blok_node_id end);

#endif  // BLOK_BLOCKS_CHANNELS_H
