// From graph to file: ONNX as the graph says it, weights streamed from their storages.
#ifndef BLOK_EXPORTER_EXPORTER_H
#define BLOK_EXPORTER_EXPORTER_H

#include <blok/model.h>

#include "graph/graph.h"

// Writes module to path (a temporary file, then a rename) with its external file beside it, as
// options say; see blok_model_save for the names. The module's own files may be the ones replaced.
// Equal modules and names give equal bytes: the message is built from the graph alone.
BLOK_MUST_CHECK blok_status blok_export_file(const blok_module *module, const char *path,
                                             const blok_save_options *options, blok_error *error);

// Writes module to a writer, all weights inline. BLOK_E_LIMIT above 2 GB.
BLOK_MUST_CHECK blok_status blok_export_writer(const blok_module *module, blok_write_fn write,
                                               void *context, blok_error *error);

#endif  // BLOK_EXPORTER_EXPORTER_H
