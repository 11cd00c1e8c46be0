// The words of `blok build`: which network, with which options, and where it goes.
#ifndef BLOK_TOOLS_BUILD_H
#define BLOK_TOOLS_BUILD_H

#include "tools/options.h"

typedef struct blok_build_words {
  const blok_net *net;
  blok_net_options options;
  bool list;
  const char *out;
  const char *weights;  // NULL: drawn
  uint64_t seed;
  int64_t opset;  // 0: the builder's own
  bool functions;
  bool external;
  const char *external_name;  // NULL: chosen
} blok_build_words;

extern const blok_option blok_build_flags[];

// Reads the command line into words, which are made empty first. False when the command is over:
// parser->status is what it ends with.
bool blok_build_read(blok_parser *parser, blok_build_words *words);

#endif  // BLOK_TOOLS_BUILD_H
