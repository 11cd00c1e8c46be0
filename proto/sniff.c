// Telling what a file is that is no ONNX message, by its first bytes. See sniff.h.
#include "proto/sniff.h"

#include <string.h>

#include "base/error.h"

enum { HEAD_BYTES = 512 };

typedef struct signature {
  size_t offset;
  const char *bytes;
  size_t size;
  const char *what;
} signature;

#define EXPORT "; export the network with torch.onnx.export first"

static const signature signatures[] = {
    {0, "PK\3\4", 4, "a zip archive, as PyTorch's .pt and .pth files are" EXPORT},
    {0, "\x80\2", 2, "a Python pickle, as PyTorch's older .pth files are" EXPORT},
    {0, "\x1f\x8b", 2, "a gzip file; unpack it first"},
    {0,
     "\xfd"
     "7zXZ",
     5, "an xz file; unpack it first"},
    {0, "\x28\xb5\x2f\xfd", 4, "a zstd file; unpack it first"},
    {0, "BZh", 3, "a bzip2 file; unpack it first"},
    {0, "\x89PNG\r\n", 6, "a PNG picture"},
    {0, "\xff\xd8\xff", 3, "a JPEG picture"},
    {0, "GIF8", 4, "a GIF picture"},
    {0, "RIFF", 4, "a WebP picture or a sound"},
    {0, "\x93NUMPY", 6, "a NumPy array (.npy)"},
    {0, "\x89HDF\r\n", 6, "an HDF5 file, as Keras's .h5 files are"},
    {0, "GGUF", 4, "a GGUF file"},
    {0,
     "\x7f"
     "ELF",
     4, "a program (ELF)"},
    {0, "%PDF-", 5, "a PDF document"},
    {4, "TFL3", 4, "a TensorFlow Lite model"},
    {4, "ORTM", 4, "an ONNX Runtime .ort file; take the .onnx that it was made from"},
    {257, "ustar", 5, "a tar archive; unpack it first"},
    {0, "version https://git-lfs", 23, "a Git LFS pointer, not the file itself; run git lfs pull"},
};

static bool is_text(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    bool printable = c >= 0x20 && c < 0x7f;
    if (!printable && c != '\t' && c != '\n' && c != '\r') return false;
  }
  return true;
}

static bool begins_markup(const char *bytes, size_t size) {
  size_t i = 0;
  while (i < size && (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r')) i++;
  return i < size && bytes[i] == '<';
}

blok_status blok_proto_sniff(const blok_storage *storage, const char *kind, blok_error *error) {
  char head[HEAD_BYTES];
  uint64_t size = blok_storage_size(storage);
  size_t have = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
  BLOK_TRY(blok_storage_read(storage, 0, head, have, error));
  for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
    const signature *s = &signatures[i];
    if (s->offset + s->size > have || memcmp(head + s->offset, s->bytes, s->size) != 0) continue;
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "not %s: it is %s", kind, s->what);
  }
  if (!is_text(head, have)) return BLOK_OK;
  const char *what = "text";
  if (begins_markup(head, have)) what = "a web page or XML, perhaps an error page of a download";
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "not %s: it is %s", kind, what);
}
