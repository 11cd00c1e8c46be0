// Models made by hand, written in another operator set: what the tests of that share.
#ifndef BLOK_TESTS_PASSES_DOWNGRADED_H
#define BLOK_TESTS_PASSES_DOWNGRADED_H

#include "net.h"

// self->work becomes the source in operator set opset, which must succeed, and must hold these
// operators: net_ops, net_maker and net_ints_of then tell of it.
void convert_to(net *self, int64_t opset, const char *ops);

// Converting must fail so, with a message that holds text.
void convert_refused(net *self, int64_t opset, blok_status status, const char *text);

// What convert_to made, run on x, must give y of these dims.
void converted_gives(const net *self, const blok_tensor *x, const char *dims, const float *want);

// A model of operator set `opset` with the input x of these dims, and its output y declared last.
void begin(net *self, int64_t opset, const char *dims);

// The one node of the model in the newest set, from x to y: converted it must hold ops, and give
// want (of dims) for x.
void expect_spelled(net *self, int64_t opset, const char *ops, const blok_tensor *x,
                    const char *dims, const float *want);

#endif  // BLOK_TESTS_PASSES_DOWNGRADED_H
