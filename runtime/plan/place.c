// Placing values by lifetime: see place.h.
#include "runtime/plan/place.h"

#include "base/size.h"

// So many values at once share the block's gaps; what lives beside more of them gets a place of its
// own behind the shared part, which keeps the time linear in the number of values.
enum { PLACE_ALIGNMENT = 64, MAX_LIVE = 1024 };

// Values alive at the current step, in order of offset.
typedef struct live_list {
  blok_placement **items;
  size_t count;
} live_list;

static void drop_ended(live_list *live, uint32_t step) {
  size_t kept = 0;
  for (size_t i = 0; i < live->count; i++) {
    if (live->items[i]->last >= step) live->items[kept++] = live->items[i];
  }
  live->count = kept;
}

// The lowest gap between live values that holds bytes; *at is where the new one belongs in the
// list.
static size_t lowest_gap(const live_list *live, size_t bytes, size_t *at) {
  size_t end = 0;
  for (size_t i = 0; i < live->count; i++) {
    const blok_placement *item = live->items[i];
    if (item->offset - end >= bytes) {
      *at = i;
      return end;
    }
    end = item->offset + item->bytes;
  }
  *at = live->count;
  return end;
}

// A value among the live ones, at the lowest offset that is free.
static void share(live_list *live, blok_placement *item) {
  size_t at;
  item->offset = lowest_gap(live, item->bytes, &at);
  for (size_t k = live->count; k > at; k--) live->items[k] = live->items[k - 1];
  live->items[at] = item;
  live->count++;
}

static bool round_up(blok_placement *item) {
  size_t rounded;
  if (!blok_add_size(item->bytes, PLACE_ALIGNMENT - 1, &rounded)) return false;
  item->bytes = rounded & ~(size_t)(PLACE_ALIGNMENT - 1);
  if (item->bytes == 0) item->bytes = PLACE_ALIGNMENT;
  return true;
}

bool blok_place(blok_placement *items, size_t count, const blok_allocator *allocator,
                size_t *total) {
  *total = 0;
  live_list live = {blok_alloc_array(allocator, MAX_LIVE, sizeof *live.items), 0};
  bool *own = blok_alloc_array(allocator, count, sizeof *own);
  bool fits = live.items && own;
  size_t shared = 0, alone = 0;
  for (size_t i = 0; i < count && fits; i++) {
    fits = round_up(&items[i]);
    if (!fits) break;
    drop_ended(&live, items[i].first);
    own[i] = live.count == MAX_LIVE;
    size_t *end = own[i] ? &alone : &shared;
    if (own[i]) {
      items[i].offset = alone;
    } else {
      share(&live, &items[i]);
    }
    size_t behind;
    fits = blok_add_size(items[i].offset, items[i].bytes, &behind);
    if (fits && behind > *end) *end = behind;
  }
  fits = fits && blok_add_size(shared, alone, total);
  for (size_t i = 0; i < count && fits; i++) {
    if (own[i]) items[i].offset += shared;
  }
  blok_free(allocator, own);
  blok_free(allocator, live.items);
  return fits;
}
