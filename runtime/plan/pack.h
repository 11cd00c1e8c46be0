// The pack store: packed weights of one model, shared by its plans, batch sizes and sessions. An
// entry is made when a shaped plan first asks for it and goes with the last shaped plan that uses
// it. Thread-safe; entries are immutable once they are handed out.
#ifndef BLOK_RUNTIME_PLAN_PACK_H
#define BLOK_RUNTIME_PLAN_PACK_H

#include "graph/graph.h"
#include "runtime/ops/lowering.h"

typedef struct blok_pack_store blok_pack_store;
typedef struct blok_pack blok_pack;  // one entry

// *out is NULL on failure.
BLOK_MUST_CHECK blok_status blok_pack_store_new(const blok_allocator *allocator,
                                                blok_pack_store **out, blok_error *error);
// Every entry must have been released.
void blok_pack_store_free(blok_pack_store **store);

// The entry of key under the instruction set: a reference to it, made by fill where it is not there
// yet. key's values are of graph, which tells equal handles of different graphs apart; constants
// with the same storage and dims are the same. A call that makes an entry keeps others that want
// the store waiting; a failed fill leaves nothing behind. Reads the constants one after another
// into memory that is given back at once.
BLOK_MUST_CHECK blok_status blok_pack_get(blok_pack_store *store, const blok_isa *isa,
                                          const blok_graph *graph, const blok_pack_key *key,
                                          size_t bytes, blok_pack_fn fill, void *context,
                                          blok_pack **out, blok_error *error);
void blok_pack_release(blok_pack_store *store, blok_pack *pack);  // NULL is allowed
const void *blok_pack_data(const blok_pack *pack);                // aligned to 64
size_t blok_pack_bytes(const blok_pack *pack);

// Bytes of all entries now.
size_t blok_pack_store_bytes(blok_pack_store *store);

#endif  // BLOK_RUNTIME_PLAN_PACK_H
