// The table of layout.h for one instruction set.
#include "runtime/kernels/layout_channels.h"
#include "runtime/kernels/layout_copy.h"
#include "runtime/kernels/layout_reorder.h"
#include "runtime/kernels/layout_resize.h"

extern const blok_layout_kernels ISA_NAME(blok_layout_kernels);

const blok_layout_kernels ISA_NAME(blok_layout_kernels) = {
    .blocked_from_first = ISA_NAME(blocked_from_first),
    .first_from_blocked = ISA_NAME(first_from_blocked),
    .blocked_from_last = ISA_NAME(blocked_from_last),
    .last_from_blocked = ISA_NAME(last_from_blocked),
    .channels = ISA_NAME(move_channels),
    .copy = ISA_NAME(copy),
    .scale_channels = ISA_NAME(scale_channels),
    .scale_planes = ISA_NAME(scale_planes)};
