// From file to source graph. The importer never changes meaning, order or version: what it reads
// can be written back node for node.
#ifndef BLOK_IMPORTER_IMPORTER_H
#define BLOK_IMPORTER_IMPORTER_H

#include <blok/model.h>

#include "base/storage.h"
#include "graph/graph.h"

typedef struct blok_import_options {
  const blok_allocator *allocator;
  blok_limits limits;             // resolved: no zeroes
  const char *folder;             // of the model, for external data; NULL: there is none
  const char *external_root;      // may be NULL
  const blok_external *external;  // by callback; may be NULL
  blok_warn_fn warn;  // called with each warning (IR newer than known, ...); may be NULL
  void *warn_context;
} blok_import_options;

// Reads the model whose bytes are source. Every value, node and attribute is copied out of the
// message into the module's arena; weights of 1 KiB or more stay in source or in their external
// files. On failure *out is NULL.
BLOK_MUST_CHECK blok_status blok_import(blok_storage *source, const blok_import_options *options,
                                        blok_module **out, blok_error *error);

// Reads one TensorProto (a .pb file) into a module that holds nothing but the literal.
BLOK_MUST_CHECK blok_status blok_import_tensor(blok_storage *source,
                                               const blok_import_options *options,
                                               blok_module **module, const blok_literal **out,
                                               blok_error *error);

#endif  // BLOK_IMPORTER_IMPORTER_H
