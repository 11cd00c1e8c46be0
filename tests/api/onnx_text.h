// Small ONNX files from lines of text, for tests that need models which no exporter writes.
#ifndef BLOK_TESTS_API_ONNX_TEXT_H
#define BLOK_TESTS_API_ONNX_TEXT_H

#include <blok/blok.h>

// Lines up to a NULL:
//
//   opset 17              of the default domain (17 unless it is said); IR version 8
//   input x 1 3 8 N       float32; a word that is no number is a symbol, ? an open axis; none: rank
//   0 output y 1 8          axes may be left out: no shape is declared weight w 2 2 : 1 2 3 4
//   float32 in raw_data; nan is a number typed w 2 2 : 1 2 3 4      the same in float_data ints w :
//   1 2               int64 of one axis Conv name: x w - = y strides=2,2 alpha=0.5 mode=linear - is
//   an input that is left out; name
//                                                              may be missing; tensor=1,2 is a
//                                                              float tensor called value; 0, is a
//                                                              list of one
//   function f: a b = c        begins a function of domain "local": its nodes follow,
//   end                        up to this
//   f! name: x y = z           a call of it
//
// Asserts that it opens.
blok_model *blok_test_onnx(const char *const *lines);

// A chain of n nodes of op_type from input x to output y, as a model. reversed: the last node comes
// first.
blok_model *blok_test_onnx_chain(const char *op_type, size_t n, bool reversed);

#endif  // BLOK_TESTS_API_ONNX_TEXT_H
