// Weights of a builder from an .npz file. See blok/build.h.
#include <blok/build.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "blocks/build/build.h"
#include "importer/npz.h"

// PyTorch counts batches beside each batch norm; at inference nothing reads them.
static bool is_counter(const char *name) {
  static const char ending[] = "num_batches_tracked";
  const size_t length = strlen(name), size = sizeof ending - 1;
  return length >= size && strcmp(name + length - size, ending) == 0;
}

// The names that the file has; every weight must be among them unless partial allows it.
static blok_status check_complete(const blok_builder *builder, const blok_npz *npz, bool partial,
                                  blok_error *error) {
  blok_status status = BLOK_OK;
  blok_names names;
  blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
  uint32_t missing = 0, other;
  const char *first = NULL;
  blok_names_init(&names, &npz->arena.allocator);
  for (uint32_t i = 0; i < npz->n && status == BLOK_OK; i++) {
    if (!blok_names_put(&names, npz->arrays[i].name, i)) status = blok_fail_memory(error, 0);
  }
  for (size_t i = 0; status == BLOK_OK && blok_build_weight_info(builder, i, &info) == BLOK_OK;
       i++) {
    if (blok_names_find(&names, info.name, &other)) continue;
    if (missing++ == 0) first = info.name;
  }
  if (status == BLOK_OK && missing && !partial) {
    status = BLOK_FAIL(error, BLOK_E_NOT_FOUND,
                       "%s: holds nothing for the weight '%s'%s; allow partial to keep what it has",
                       blok_quote(npz->path).text, blok_quote(first).text,
                       missing > 1 ? " and others" : "");
  }
  blok_names_free(&names);
  return status;
}

static blok_status set_all(blok_builder *builder, const blok_npz *npz, blok_error *error) {
  const blok_allocator *allocator = &npz->arena.allocator;
  for (uint32_t i = 0; i < npz->n; i++) {
    blok_tensor tensor = BLOK_TENSOR_INIT;
    if (is_counter(npz->arrays[i].name)) continue;
    BLOK_TRY(blok_npz_read(npz, i, &tensor, error));
    const blok_status status = blok_build_weight(builder, npz->arrays[i].name, &tensor, error);
    blok_free(allocator, tensor.data);
    if (status != BLOK_OK) {
      blok_error_prefix(error, "%s: ", blok_quote(npz->path).text);
      return status;
    }
  }
  return BLOK_OK;
}

blok_status blok_build_weights_npz(blok_builder *builder, const char *path, bool partial,
                                   blok_error *error) {
  blok_npz npz;
  blok_module *kept = NULL;
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_weights_npz", error));
  if (!path) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_weights_npz: path is NULL");
  blok_status status = blok_npz_open(path, &builder->allocator, &npz, fault);
  if (status == BLOK_OK) status = check_complete(builder, &npz, partial, fault);
  if (status == BLOK_OK) status = blok_builder_try_begin(builder, &kept, fault);
  if (status == BLOK_OK) {
    status = blok_builder_try_end(builder, &kept, set_all(builder, &npz, fault), fault);
  }
  blok_npz_close(&npz);
  return status;
}
