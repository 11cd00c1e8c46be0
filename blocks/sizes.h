// Whether F(x) and skip(x) have one height and width where the sizes of x are open.
//
// The rule, for every kind with an addition. Sizes that differ when the model runs make the Add
// fail, unless one of them is 1, which it repeats in silence. Two ways from x that round sizes
// differently always meet such a size: at 3 rows, half of them rounded down is 1 and rounded up 2.
// So an addition is a block only where both ways give the same size whatever comes in: inference
// says so, or the windows, pads and slices on both ways do. Steps whose geometry is not constant
// (reshapes, slices and joins along the axis, side inputs) may stand in the F(x) of a
// residual_other and say nothing against it: what is left to agree then are the strides, and that
// neither size is known to be 1.
#ifndef BLOK_BLOCKS_SIZES_H
#define BLOK_BLOCKS_SIZES_H

#include "blocks/region.h"

// A size n became floor((n + add) / stride). Steps one behind the other are of this form again.
typedef struct blok_size {
  int64_t add, stride;
  bool loose;   // add is not known
  bool broken;  // of no such form, or out of range
} blok_size;

#define BLOK_SIZE_INIT \
  { 0, 1, false, false }

// One step more; axis 0 is the height, 1 the width.
void blok_size_conv(const blok_conv_desc *conv, int axis, blok_size *size);
void blok_size_step(const blok_skip_step *step, int axis, blok_size *size);
// From the region's entry to its end. The region must have been found, and by this matcher's last
// search.
void blok_size_region(blok_matcher *matcher, const blok_region *region, int axis, blok_size *size);

// The rule, for one axis: its sizes as inference knows them, and how they come from that of x.
bool blok_sizes_agree(blok_dim f, blok_dim skip, const blok_size *of_f, const blok_size *of_skip);

#endif  // BLOK_BLOCKS_SIZES_H
