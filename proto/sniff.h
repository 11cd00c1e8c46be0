// Telling what a file is that is no ONNX message. Private to proto/.
#ifndef BLOK_PROTO_SNIFF_H
#define BLOK_PROTO_SNIFF_H

#include "base/storage.h"

// For a storage that could not be read as a message: fails with BLOK_E_MALFORMED and a helpful line
// when it begins like another kind of file, else BLOK_OK. kind ("an ONNX model") is what was
// expected. Not for asking first: a message with strange names can begin like anything.
BLOK_MUST_CHECK blok_status blok_proto_sniff(const blok_storage *storage, const char *kind,
                                             blok_error *error);

#endif  // BLOK_PROTO_SNIFF_H
