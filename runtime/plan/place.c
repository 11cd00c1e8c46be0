// Placing values by lifetime: see place.h.
//
// The largest first, each at the lowest offset that is free while it lives: so large values lie on
// one another, and small ones fill what is left (greedy by size: Pisarchyk and Lee, Efficient
// Memory Management for Deep Neural Net Inference, 2020, section 5). That looks at every pair;
// more values than MOST_PAIRED are placed in the order of time, which looks at those alive only.
#include "runtime/plan/place.h"

#include <stdlib.h>

#include "base/size.h"

// So many values at once share the block's gaps; what lives beside more of them gets a place of its
// own behind the shared part, which keeps the time linear in the number of values.
enum { PLACE_ALIGNMENT = 64, MAX_LIVE = 1024, MOST_PAIRED = 4096 };

// ---- In the order of time -----------------------------------------------------------------------

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

static bool place_by_time(blok_placement *items, size_t count, const blok_allocator *allocator,
                          size_t *total) {
  live_list live = {blok_alloc_array(allocator, MAX_LIVE, sizeof *live.items), 0};
  bool *own = blok_alloc_array(allocator, count, sizeof *own);
  bool fits = live.items && own;
  size_t shared = 0, alone = 0;
  for (size_t i = 0; i < count && fits; i++) {
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

// ---- The largest first --------------------------------------------------------------------------

static int by_size(const void *left, const void *right) {
  const blok_placement *a = *(blok_placement *const *)left, *b = *(blok_placement *const *)right;
  if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
  return a < b ? -1 : a > b;
}

static bool meet(const blok_placement *a, const blok_placement *b) {
  return a->first <= b->last && b->first <= a->last;
}

// Among those placed, which are in order of offset.
static void place_one(blok_placement **placed, size_t count, blok_placement *item) {
  size_t end = 0, at = 0;
  for (; at < count; at++) {
    const blok_placement *other = placed[at];
    if (!meet(item, other)) continue;
    if (other->offset >= end && other->offset - end >= item->bytes) break;
    if (other->offset + other->bytes > end) end = other->offset + other->bytes;
  }
  item->offset = end;
  size_t k = count;
  for (; k > 0 && placed[k - 1]->offset > end; k--) placed[k] = placed[k - 1];
  placed[k] = item;
}

static bool place_by_size(blok_placement *items, size_t count, const blok_allocator *allocator,
                          size_t *total) {
  blok_placement **order = blok_alloc_array(allocator, count, sizeof *order);
  blok_placement **placed = blok_alloc_array(allocator, count, sizeof *placed);
  bool fits = order && placed;
  for (size_t i = 0; i < count && fits; i++) order[i] = &items[i];
  if (fits) qsort(order, count, sizeof *order, by_size);
  for (size_t i = 0; i < count && fits; i++) {
    place_one(placed, i, order[i]);
    size_t behind;
    fits = blok_add_size(order[i]->offset, order[i]->bytes, &behind);
    if (fits && behind > *total) *total = behind;
  }
  blok_free(allocator, placed);
  blok_free(allocator, order);
  return fits;
}

bool blok_place(blok_placement *items, size_t count, const blok_allocator *allocator,
                size_t *total) {
  *total = 0;
  for (size_t i = 0; i < count; i++) {
    if (!round_up(&items[i])) return false;
  }
  return count <= MOST_PAIRED ? place_by_size(items, count, allocator, total)
                              : place_by_time(items, count, allocator, total);
}
