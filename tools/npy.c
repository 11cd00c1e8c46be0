// numpy's .npy files: a magic number, a header that is a Python dictionary, the elements.
#define _POSIX_C_SOURCE 200809L
#include "tools/npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/element.h"

// numpy's letter and size for each type that it has.
static const struct {
  const char *code;
  blok_dtype dtype;
} npy_types[] = {{"f4", BLOK_F32}, {"f8", BLOK_F64},  {"f2", BLOK_F16}, {"i1", BLOK_I8},
                 {"i2", BLOK_I16}, {"i4", BLOK_I32},  {"i8", BLOK_I64}, {"u1", BLOK_U8},
                 {"u2", BLOK_U16}, {"u4", BLOK_U32},  {"u8", BLOK_U64}, {"b1", BLOK_BOOL},
                 {"c8", BLOK_C64}, {"c16", BLOK_C128}};

#define NPY_TYPE_COUNT (sizeof npy_types / sizeof npy_types[0])

static bool machine_is_little(void) {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 1;
}

// ---- Reading ------------------------------------------------------------------------------------

// What the header says.
typedef struct npy_header {
  char descr[16];
  bool fortran;
  bool has_descr, has_order, has_shape;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
} npy_header;

typedef struct cursor {
  const char *next;
  const char *end;
} cursor;

static void skip_space(cursor *at) {
  while (at->next < at->end && (*at->next == ' ' || *at->next == '\n' || *at->next == '\t')) {
    at->next++;
  }
}

static bool take(cursor *at, char wanted) {
  skip_space(at);
  if (at->next == at->end || *at->next != wanted) return false;
  at->next++;
  return true;
}

// A quoted text of less than size bytes.
static bool take_text(cursor *at, char *out, size_t size) {
  skip_space(at);
  if (at->next == at->end || (*at->next != '\'' && *at->next != '"')) return false;
  const char quote = *at->next++;
  const char *close = memchr(at->next, quote, (size_t)(at->end - at->next));
  if (close == NULL || (size_t)(close - at->next) >= size) return false;
  memcpy(out, at->next, (size_t)(close - at->next));
  out[close - at->next] = '\0';
  at->next = close + 1;
  return true;
}

static bool take_word(cursor *at, const char *word) {
  skip_space(at);
  const size_t length = strlen(word);
  if ((size_t)(at->end - at->next) < length || memcmp(at->next, word, length) != 0) return false;
  at->next += length;
  return true;
}

static bool take_shape(cursor *at, npy_header *header) {
  if (!take(at, '(')) return false;
  while (!take(at, ')')) {
    skip_space(at);
    if (header->rank == BLOK_MAX_RANK || at->next == at->end) return false;
    int64_t value = 0;
    const char *first = at->next;
    while (at->next < at->end && *at->next >= '0' && *at->next <= '9') {
      if (value > (INT64_MAX - 9) / 10) return false;
      value = value * 10 + (*at->next++ - '0');
    }
    if (at->next == first) return false;
    header->dims[header->rank++] = value;
    if (!take(at, ',')) {
      if (!take(at, ')')) return false;
      break;
    }
  }
  header->has_shape = true;
  return true;
}

static bool parse_header(cursor at, npy_header *header) {
  if (!take(&at, '{')) return false;
  while (!take(&at, '}')) {
    char key[32];
    if (!take_text(&at, key, sizeof key) || !take(&at, ':')) return false;
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
      header->has_descr = true;
      if (!take_text(&at, header->descr, sizeof header->descr)) return false;
    } else if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
      header->has_order = true;
      header->fortran = take_word(&at, "True");
      if (!header->fortran && !take_word(&at, "False")) return false;
    } else if (strcmp(key, "shape") != 0 || header->has_shape || !take_shape(&at, header)) {
      return false;
    }
    if (!take(&at, ',')) {
      if (!take(&at, '}')) return false;
      break;
    }
  }
  return header->has_descr && header->has_order && header->has_shape;
}

// Reverses each unit of size bytes.
static void swap_bytes(uint8_t *bytes, size_t count, size_t unit) {
  for (size_t i = 0; i < count; i++, bytes += unit) {
    for (size_t low = 0, high = unit - 1; low < high; low++, high--) {
      const uint8_t kept = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = kept;
    }
  }
}

// Copies elements that lie with the first axis fastest into row-major order.
static void copy_fortran(const blok_tensor *tensor, const uint8_t *from, size_t count,
                         size_t element) {
  int64_t index[BLOK_MAX_RANK] = {0};
  uint8_t *to = tensor->data;
  for (size_t i = 0; i < count; i++) {
    size_t offset = 0;
    for (uint32_t axis = tensor->rank; axis-- > 0;) {
      offset = offset * (size_t)tensor->dims[axis] + (size_t)index[axis];
    }
    memcpy(to + i * element, from + offset * element, element);
    for (uint32_t axis = tensor->rank; axis-- > 0;) {
      if (++index[axis] < tensor->dims[axis]) break;
      index[axis] = 0;
    }
  }
}

// The elements behind the header, of a type and size that were checked.
static blok_status take_elements(const blok_source *source, const npy_header *header,
                                 const uint8_t *from, size_t count, blok_tensor *out,
                                 blok_error *error) {
  const size_t element = blok_dtype_bits(out->dtype) / 8;
  const size_t parts = blok_element_parts(out->dtype);
  out->bytes = count * element;
  out->data = malloc(out->bytes + 1);
  if (out->data == NULL) {
    return blok_cli_error(error, BLOK_E_MEMORY, "%s: no memory for its %zu bytes",
                          blok_show(source->path).text, out->bytes);
  }
  if (header->fortran && out->rank > 1) {
    copy_fortran(out, from, count, element);
  } else {
    memcpy(out->data, from, out->bytes);
  }
  const bool little = header->descr[0] != '>';
  if (element > 1 && little != machine_is_little()) {
    swap_bytes(out->data, count * parts, element / parts);
  }
  if (out->dtype == BLOK_BOOL) {
    uint8_t *bytes = out->data;
    for (size_t i = 0; i < count; i++) bytes[i] = bytes[i] != 0;
  }
  return BLOK_OK;
}

blok_status blok_npy_parse(const blok_source *source, blok_tensor *out, blok_error *error) {
  const blok_shown name = blok_show(source->path);
  const uint8_t *bytes = source->bytes;
  const size_t size = source->size;
  npy_header header = {0};
  *out = (blok_tensor)BLOK_TENSOR_INIT;
  if (size < 10 || bytes[6] < 1 || bytes[6] > 3) {
    return blok_cli_error(error, BLOK_E_MALFORMED, "%s: no .npy file of version 1 to 3", name.text);
  }
  const size_t start = bytes[6] == 1 ? 10 : 12;
  size_t length = bytes[8] | (size_t)bytes[9] << 8;
  if (bytes[6] > 1 && size >= 12) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (size < start || length > size - start) {
    return blok_cli_error(error, BLOK_E_MALFORMED,
                          "%s: the file ends inside its header (%zu bytes)", name.text, size);
  }
  const char *text = (const char *)bytes + start;
  if (!parse_header((cursor){text, text + length}, &header)) {
    return blok_cli_error(error, BLOK_E_MALFORMED,
                          "%s: its header is no description of an array of at most %d axes",
                          name.text, BLOK_MAX_RANK);
  }
  const char *code = strchr("<>=|", header.descr[0]) == NULL ? header.descr : header.descr + 1;
  for (size_t i = 0; i < NPY_TYPE_COUNT && header.descr[0] != '\0'; i++) {
    if (strcmp(code, npy_types[i].code) == 0) out->dtype = npy_types[i].dtype;
  }
  if (out->dtype == BLOK_UNDEFINED) {
    return blok_cli_error(error, BLOK_E_UNSUPPORTED,
                          "%s: numpy type '%s'; numbers and bool can be read", name.text,
                          blok_show(header.descr).text);
  }
  if (header.descr[0] == '=' || header.descr[0] == '|') {
    header.descr[0] = machine_is_little() ? '<' : '>';
  }
  out->rank = header.rank;
  memcpy(out->dims, header.dims, sizeof header.dims);
  const size_t count = blok_tensor_count(out);
  const size_t need = count == SIZE_MAX ? SIZE_MAX : blok_element_bytes(out->dtype, count);
  const size_t have = size - start - length;
  if (need != have) {
    return blok_cli_error(error, BLOK_E_MALFORMED,
                          "%s: its shape needs %zu bytes of elements, the file holds %zu",
                          name.text, need, have);
  }
  return take_elements(source, &header, bytes + start + length, count, out, error);
}

// ---- Writing ------------------------------------------------------------------------------------

// The type that dtype is written as.
static blok_dtype written_type(blok_dtype dtype) {
  switch (dtype) {
    case BLOK_BF16:
    case BLOK_F8E4M3FN:
    case BLOK_F8E4M3FNUZ:
    case BLOK_F8E5M2:
    case BLOK_F8E5M2FNUZ:
    case BLOK_F8E8M0:
    case BLOK_F4E2M1:
    case BLOK_F6E2M3:
    case BLOK_F6E3M2:
      return BLOK_F32;
    case BLOK_I4:
    case BLOK_I2:
      return BLOK_I8;
    case BLOK_U4:
    case BLOK_U2:
      return BLOK_U8;
    case BLOK_UNDEFINED:
    case BLOK_F32:
    case BLOK_U8:
    case BLOK_I8:
    case BLOK_U16:
    case BLOK_I16:
    case BLOK_I32:
    case BLOK_I64:
    case BLOK_STRING:
    case BLOK_BOOL:
    case BLOK_F16:
    case BLOK_F64:
    case BLOK_U32:
    case BLOK_U64:
    case BLOK_C64:
    case BLOK_C128:
      break;
  }
  return dtype;
}

// Magic number and header of 64, 128, ... bytes; returns its length.
static size_t write_header(const blok_tensor *tensor, const char *code, char *out, size_t size) {
  const char order = code[1] == '1' && code[2] == '\0' ? '|' : machine_is_little() ? '<' : '>';
  size_t used = 10;
  used += (size_t)snprintf(out + used, size - used,
                           "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, code);
  for (uint32_t i = 0; i < tensor->rank; i++) {
    used += (size_t)snprintf(out + used, size - used, "%s%" PRId64 "%s", i > 0 ? ", " : "",
                             tensor->dims[i], tensor->rank == 1 ? "," : "");
  }
  used += (size_t)snprintf(out + used, size - used, "), }");
  const size_t whole = (used + 1 + 63) / 64 * 64;
  memset(out + used, ' ', whole - used);
  out[whole - 1] = '\n';
  memcpy(out, "\x93NUMPY\x01\x00", 8);
  out[8] = (char)((whole - 10) & 0xff);
  out[9] = (char)((whole - 10) >> 8);
  return whole;
}

blok_status blok_npy_format(const blok_tensor *tensor, uint8_t **bytes, size_t *size,
                            blok_error *error) {
  char header[1024];
  blok_tensor written = *tensor;
  written.dtype = written_type(tensor->dtype);
  const char *code = NULL;
  for (size_t i = 0; i < NPY_TYPE_COUNT; i++) {
    if (npy_types[i].dtype == written.dtype) code = npy_types[i].code;
  }
  if (code == NULL) {
    return blok_cli_error(error, BLOK_E_UNSUPPORTED, "a .npy file cannot hold elements of type %s",
                          blok_dtype_name(tensor->dtype));
  }
  const size_t start = write_header(tensor, code, header, sizeof header);
  const size_t count = blok_tensor_count(tensor);
  const size_t payload = count == SIZE_MAX ? SIZE_MAX : blok_element_bytes(written.dtype, count);
  *bytes = payload > SIZE_MAX / 2 ? NULL : malloc(start + payload);
  if (*bytes == NULL) {
    return blok_cli_error(error, BLOK_E_MEMORY, "no memory for an array of %zu bytes", payload);
  }
  memcpy(*bytes, header, start);
  *size = start + payload;
  if (written.dtype == tensor->dtype) {
    if (payload > 0) memcpy(*bytes + start, tensor->data, payload);
    return BLOK_OK;
  }
  written.data = *bytes + start;
  for (size_t i = 0; i < count; i++) {
    (void)blok_element_set(&written, i, blok_element_get(tensor, i));
  }
  return BLOK_OK;
}

static blok_status write_failed(const char *path, blok_error *error) {
  return blok_cli_error(error, BLOK_E_IO, "%s: cannot be written: %s", blok_show(path).text,
                        strerror(errno));
}

static bool write_whole(int file, const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0) {
    const ssize_t done = write(file, next, size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    next += done;
    size -= (size_t)done;
  }
  return true;
}

blok_status blok_file_replace(const char *path, const void *bytes, size_t size, blok_error *error) {
  struct stat facts;
  const bool special = stat(path, &facts) == 0 && !S_ISREG(facts.st_mode);
  const size_t length = strlen(path);
  char *beside = blok_cli_alloc(length + 8, 1);
  memcpy(beside, path, length);
  memcpy(beside + length, ".XXXXXX", 8);
  blok_status status = BLOK_OK;
  const int file = special ? open(path, O_WRONLY | O_CLOEXEC) : mkstemp(beside);
  if (file < 0) {
    status = write_failed(path, error);
    free(beside);
    return status;
  }
  bool good = write_whole(file, bytes, size);
  if (!special) {
    const mode_t mask = umask(0);
    (void)umask(mask);
    good = good && fchmod(file, 0666 & ~mask) == 0;
  }
  if (!good) status = write_failed(path, error);
  if (close(file) != 0 && status == BLOK_OK) status = write_failed(path, error);
  if (!special && status == BLOK_OK && rename(beside, path) != 0) {
    status = write_failed(path, error);
  }
  if (!special && status != BLOK_OK) (void)unlink(beside);
  free(beside);
  return status;
}
