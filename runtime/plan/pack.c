// The pack store: see pack.h. A hash table of chains under one lock.
#include "runtime/plan/pack.h"

#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/size.h"

struct blok_pack {
  blok_pack *next;  // of the same chain
  uint64_t hash;
  uint32_t references;  // under the store's lock
  // The key: what the constants are, whichever graph's values they were asked for by.
  const blok_isa *isa;
  const char *format;
  const blok_literal *literals[BLOK_PACK_VALUES];  // NULL where the key has none
  uint64_t numbers[BLOK_PACK_NUMBERS];
  size_t bytes;
  void *data;
};

struct blok_pack_store {
  blok_allocator allocator;
  blok_lock lock;
  uint32_t n, n_chains;  // n_chains: a power of two, or 0
  blok_pack **chains;
  size_t bytes;
};

blok_status blok_pack_store_new(const blok_allocator *allocator, blok_pack_store **out,
                                blok_error *error) {
  *out = NULL;
  blok_pack_store *store = blok_alloc_zero(allocator, sizeof *store);
  if (!store) return blok_fail_memory(error, sizeof *store);
  store->allocator = *allocator;
  if (!blok_lock_init(&store->lock)) {
    blok_free(allocator, store);
    return BLOK_FAIL(error, BLOK_E_MEMORY, "the system gives no lock");
  }
  *out = store;
  return BLOK_OK;
}

void blok_pack_store_free(blok_pack_store **pointer) {
  blok_pack_store *store = *pointer;
  if (!store) return;
  *pointer = NULL;
  blok_lock_free(&store->lock);
  blok_allocator allocator = store->allocator;
  blok_free(&allocator, store->chains);
  blok_free(&allocator, store);
}

// ---- Which entry --------------------------------------------------------------------------------

static uint64_t mix(uint64_t hash, uint64_t number) {
  return (hash ^ number) * 0x9e3779b97f4a7c15U ^ hash >> 29;
}

// The same for literals that are the same. Strings and literals without data have no storage.
static uint64_t hash_literal(uint64_t hash, const blok_literal *literal) {
  if (!literal) return mix(hash, 0);
  hash = mix(hash, (uintptr_t)literal->storage);
  hash = mix(hash, (uint64_t)literal->dtype << 8 | (uint64_t)literal->encoding);
  for (uint32_t d = 0; d < literal->rank; d++) hash = mix(hash, (uint64_t)literal->dims[d]);
  return hash;
}

// A storage is one range of bytes, so its address stands for place and offset.
static bool same_literal(const blok_literal *a, const blok_literal *b) {
  if (a == b) return true;
  return a && b && a->storage && a->storage == b->storage && a->dtype == b->dtype &&
         a->encoding == b->encoding && a->rank == b->rank &&
         (a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0);
}

static void set_key(blok_pack *pack, const blok_isa *isa, const blok_graph *graph,
                    const blok_pack_key *key, size_t bytes) {
  pack->isa = isa;
  pack->format = key->format;
  pack->bytes = bytes;
  uint64_t hash = blok_hash_bytes(key->format, strlen(key->format));
  hash = mix(mix(hash, (uintptr_t)isa), bytes);
  for (int i = 0; i < BLOK_PACK_VALUES; i++) {
    if (key->values[i].i) pack->literals[i] = blok_value_at(graph, key->values[i])->literal;
    hash = hash_literal(hash, pack->literals[i]);
  }
  for (int i = 0; i < BLOK_PACK_NUMBERS; i++) hash = mix(hash, pack->numbers[i] = key->numbers[i]);
  pack->hash = hash ^ hash >> 32;
}

static bool same_key(const blok_pack *a, const blok_pack *b) {
  if (a->hash != b->hash || a->isa != b->isa || a->bytes != b->bytes ||
      strcmp(a->format, b->format) != 0 || memcmp(a->numbers, b->numbers, sizeof a->numbers) != 0) {
    return false;
  }
  for (int i = 0; i < BLOK_PACK_VALUES; i++) {
    if (!same_literal(a->literals[i], b->literals[i])) return false;
  }
  return true;
}

static blok_pack **chain_of(const blok_pack_store *store, uint64_t hash) {
  return &store->chains[hash & (store->n_chains - 1)];
}

static blok_pack *find(const blok_pack_store *store, const blok_pack *key) {
  if (store->n_chains == 0) return NULL;
  for (blok_pack *pack = *chain_of(store, key->hash); pack; pack = pack->next) {
    if (same_key(pack, key)) return pack;
  }
  return NULL;
}

// Room for one entry more at a mean chain length of 1. false: no memory.
static bool make_room(blok_pack_store *store) {
  if (store->n < store->n_chains) return true;
  if (store->n_chains > UINT32_MAX / 2) return false;
  blok_pack_store larger = *store;
  larger.n_chains = store->n_chains ? 2 * store->n_chains : 64;
  larger.chains = blok_alloc_array(&store->allocator, larger.n_chains, sizeof *larger.chains);
  if (!larger.chains) return false;
  for (uint32_t i = 0; i < store->n_chains; i++) {
    for (blok_pack *pack = store->chains[i], *next; pack; pack = next) {
      next = pack->next;
      blok_pack **chain = chain_of(&larger, pack->hash);
      pack->next = *chain;
      *chain = pack;
    }
  }
  blok_free(&store->allocator, store->chains);
  store->chains = larger.chains;
  store->n_chains = larger.n_chains;
  return true;
}

// ---- Filling ------------------------------------------------------------------------------------

// The literal's elements where they lie, when they lie in memory as a native array does; else NULL.
static const void *elements_in_place(const blok_literal *literal, size_t bytes) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  const size_t size = blok_dtype_bits(literal->dtype) / 8;
  if (literal->encoding != BLOK_ENCODED_RAW || literal->dtype == BLOK_BOOL || size == 0 ||
      !literal->storage || blok_storage_size(literal->storage) != bytes) {
    return NULL;
  }
  const void *memory = blok_storage_memory(literal->storage);
  return memory && (uintptr_t)memory % size == 0 ? memory : NULL;
#else
  (void)literal;
  (void)bytes;
  return NULL;
#endif
}

// The literal as a tensor. *owned is what must be freed: NULL where the elements are used in place.
static blok_status read_literal(const blok_allocator *allocator, const blok_literal *literal,
                                blok_tensor *out, void **owned, blok_error *error) {
  size_t count, bytes;
  if (literal->rank > BLOK_MAX_RANK || !blok_literal_count(literal, &count) ||
      !blok_dense_bytes(literal->dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "rank or size is beyond the limit");
  }
  out->dtype = literal->dtype;
  out->rank = literal->rank;
  if (literal->rank) memcpy(out->dims, literal->dims, literal->rank * sizeof *out->dims);
  out->bytes = bytes;
  out->data = (void *)(uintptr_t)elements_in_place(literal, bytes);
  if (out->data) return BLOK_OK;
  *owned = blok_alloc_aligned(allocator, bytes);
  if (!*owned) return blok_fail_memory(error, bytes);
  out->data = *owned;
  return blok_literal_read(literal, allocator, out->data, bytes, error);
}

static blok_status fill_pack(blok_pack_store *store, blok_pack *pack, const blok_graph *graph,
                             const blok_pack_key *key, blok_pack_fn fill, void *context,
                             blok_error *error) {
  blok_status status = BLOK_OK;
  blok_tensor values[BLOK_PACK_VALUES];
  void *owned[BLOK_PACK_VALUES] = {NULL};
  for (int i = 0; i < BLOK_PACK_VALUES; i++) values[i] = (blok_tensor)BLOK_TENSOR_INIT;
  for (int i = 0; i < BLOK_PACK_VALUES; i++) {
    if (!key->values[i].i) continue;
    const blok_value *value = blok_value_at(graph, key->values[i]);
    status = pack->literals[i]
                 ? read_literal(&store->allocator, pack->literals[i], &values[i], &owned[i], error)
                 : BLOK_FAIL(error, BLOK_E_INTERNAL, "no constant to pack");
    if (status != BLOK_OK) {
      blok_error_prefix(error, "initializer '%s': ", blok_quote(value->name).text);
      goto done;
    }
  }
  pack->data = blok_alloc_aligned(&store->allocator, pack->bytes);
  if (!pack->data) {
    status = blok_fail_memory(error, pack->bytes);
    goto done;
  }
  memset(pack->data, 0, pack->bytes);
  status = fill(context, values, pack->data, error);
done:
  for (int i = 0; i < BLOK_PACK_VALUES; i++) blok_free_aligned(&store->allocator, owned[i]);
  return status;
}

static void drop(blok_pack_store *store, blok_pack *pack) {
  blok_free_aligned(&store->allocator, pack->data);
  blok_free(&store->allocator, pack);
}

// The lock is taken.
static blok_status make(blok_pack_store *store, const blok_pack *wanted, const blok_graph *graph,
                        const blok_pack_key *key, blok_pack_fn fill, void *context, blok_pack **out,
                        blok_error *error) {
  blok_pack *pack = blok_alloc(&store->allocator, sizeof *pack);
  if (!pack) return blok_fail_memory(error, sizeof *pack);
  *pack = *wanted;
  blok_status status = fill_pack(store, pack, graph, key, fill, context, error);
  if (status == BLOK_OK && !make_room(store)) status = blok_fail_memory(error, 0);
  if (status != BLOK_OK) {
    drop(store, pack);
    return status;
  }
  blok_pack **chain = chain_of(store, pack->hash);
  pack->next = *chain;
  *chain = pack;
  store->n++;
  store->bytes += pack->bytes;
  *out = pack;
  return BLOK_OK;
}

// ---- The store's face ---------------------------------------------------------------------------

blok_status blok_pack_get(blok_pack_store *store, const blok_isa *isa, const blok_graph *graph,
                          const blok_pack_key *key, size_t bytes, blok_pack_fn fill, void *context,
                          blok_pack **out, blok_error *error) {
  *out = NULL;
  blok_pack wanted = {.references = 0};
  set_key(&wanted, isa, graph, key, bytes);
  blok_status status = BLOK_OK;
  blok_lock_take(&store->lock);
  blok_pack *pack = find(store, &wanted);
  if (!pack) status = make(store, &wanted, graph, key, fill, context, &pack, error);
  if (pack) pack->references++;
  blok_lock_give(&store->lock);
  *out = pack;
  return status;
}

void blok_pack_release(blok_pack_store *store, blok_pack *pack) {
  if (!pack) return;
  blok_lock_take(&store->lock);
  if (--pack->references == 0) {
    blok_pack **link = chain_of(store, pack->hash);
    while (*link != pack) link = &(*link)->next;
    *link = pack->next;
    store->n--;
    store->bytes -= pack->bytes;
    drop(store, pack);
  }
  blok_lock_give(&store->lock);
}

const void *blok_pack_data(const blok_pack *pack) { return pack->data; }
size_t blok_pack_bytes(const blok_pack *pack) { return pack->bytes; }

size_t blok_pack_store_bytes(blok_pack_store *store) {
  blok_lock_take(&store->lock);
  size_t bytes = store->bytes;
  blok_lock_give(&store->lock);
  return bytes;
}
