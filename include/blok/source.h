// A model as the source text that makes it: builder calls in C, or a PyTorch module.
#ifndef BLOK_SOURCE_H
#define BLOK_SOURCE_H

#include <blok/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum blok_language { BLOK_SOURCE_C = 1, BLOK_SOURCE_PYTHON = 2 } blok_language;

// What was written.
typedef struct blok_source_report {
  uint32_t struct_size;
  uint32_t lines;
  uint32_t blocks;         // written as blocks
  uint32_t operators;      // written as plain operator calls
  char weights_name[256];  // the .npz beside it
} blok_source_report;

#define BLOK_SOURCE_REPORT_INIT \
  { sizeof(blok_source_report), 0, 0, 0, "" }

// Writes the text to path and the weights, as an .npz that numpy reads, beside it: "net.py" and
// "net.npz". Both are written under temporary names and renamed when whole; what stood there before
// stays until then. Stages are loops, blocks are classes (Python) or one call each (C), loose nodes
// plain calls. BLOK_E_UNSUPPORTED: an operator that the language has no call for, with the node's
// name; nothing is written then. A model that is not runnable: the status and the reason are
// blok_model_runnable's. report may be NULL. Thread-safe as reading is.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_save_source(const blok_model *model,
                                                            const char *path,
                                                            blok_language language,
                                                            blok_source_report *report,
                                                            blok_error *error);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_SOURCE_H
