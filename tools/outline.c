// Blocks as a tree, in stages, with repeats.
#include "tools/outline.h"

#include <stdlib.h>
#include <string.h>

#include "tools/shape.h"

#define LONGEST_PERIOD 6  // blocks that take turns: attention and the network behind it, ...

void blok_outline_fill(blok_outline *outline, const blok_model *model) {
  const size_t count = blok_model_block_count(model);
  *outline = (blok_outline){model, count, NULL, NULL, NULL, 0};
  outline->first = blok_cli_alloc(count, sizeof *outline->first);
  outline->next = blok_cli_alloc(count, sizeof *outline->next);
  outline->outer = blok_cli_alloc(count, sizeof *outline->outer);
  for (size_t i = 0; i < count; i++) outline->first[i] = outline->next[i] = -1;
  // From the last to the first, so that each list of siblings grows at its head.
  for (size_t i = count; i-- > 0;) {
    const int32_t parent = blok_model_block(model, i)->parent;
    if (parent < 0) continue;
    outline->next[i] = outline->first[parent];
    outline->first[parent] = (int32_t)i;
  }
  for (size_t i = 0; i < count; i++) {
    if (blok_model_block(model, i)->parent < 0) outline->outer[outline->outers++] = i;
  }
}

void blok_outline_clear(blok_outline *outline) {
  free(outline->first);
  free(outline->next);
  free(outline->outer);
  memset(outline, 0, sizeof *outline);
}

const blok_block *blok_outline_outer(const blok_outline *outline, size_t place) {
  return blok_model_block(outline->model, outline->outer[place]);
}

int32_t blok_outline_walk(const blok_outline *outline, size_t root, size_t block, size_t *depth) {
  if (outline->first[block] >= 0) {
    ++*depth;
    return outline->first[block];
  }
  while (block != root) {
    if (outline->next[block] >= 0) return outline->next[block];
    block = (size_t)blok_model_block(outline->model, block)->parent;
    --*depth;
  }
  return -1;
}

// ---- Stages -------------------------------------------------------------------------------------

// The axes of the block's output that are neither batch nor channels: *count of them. -1: unknown.
static const blok_axis *places_of(const blok_block *block, int32_t *count) {
  const int32_t rank = block->out_rank;
  const blok_axis *axes = block->out_axes;
  *count = rank < 0 ? -1 : rank <= 2 ? 0 : rank - 2;
  if (*count <= 0) return axes;
  if (block->kind == BLOK_RESIDUAL_OTHER) return axes + (block->residual->channels_last ? 1 : 2);
  const bool in_front = axes[1].value == block->out_channels;
  const bool behind = axes[rank - 1].value == block->out_channels;
  return axes + (in_front || (!behind && rank > 3) ? 2 : 1);
}

static bool same_axis(const blok_axis *a, const blok_axis *b) {
  if (a->value >= 0 || b->value >= 0) return a->value == b->value;
  if (a->symbol == NULL || b->symbol == NULL) return a->symbol == b->symbol;
  return strcmp(a->symbol, b->symbol) == 0;
}

// Number of places, -1 where it is unknown: a picture's height times width are a sequence's tokens.
static int64_t place_count(const blok_axis *axes, int32_t count) {
  int64_t places = count > 0 ? 1 : -1;
  for (int32_t i = 0; i < count && places >= 0; i++) {
    const int64_t size = axes[i].value;
    places = size <= 0 || places > INT64_MAX / size ? -1 : places * size;
  }
  return places;
}

static bool same_places(const blok_block *a, const blok_block *b) {
  int32_t a_count = 0;
  int32_t b_count = 0;
  const blok_axis *a_axes = places_of(a, &a_count);
  const blok_axis *b_axes = places_of(b, &b_count);
  if (a_count != b_count) {
    const int64_t places = place_count(a_axes, a_count);
    return places > 0 && places == place_count(b_axes, b_count);
  }
  int32_t i = 0;
  while (i < a_count && same_axis(a_axes + i, b_axes + i)) i++;
  return i >= a_count;
}

size_t blok_outline_stage_end(const blok_outline *outline, size_t place) {
  const blok_block *first = blok_outline_outer(outline, place);
  do {
    place++;
  } while (place < outline->outers && same_places(first, blok_outline_outer(outline, place)));
  return place;
}

blok_shown blok_outline_size(const blok_block *block) {
  int32_t count = 0;
  const blok_axis *axes = places_of(block, &count);
  if (count < 0) return blok_show("unknown size");
  return count == 0 ? blok_show("vectors") : blok_show_axes(axes, count);
}

// Length of the module path that both share, no longer than length; a whole name counts as one.
static size_t shared_path(const char *a, const char *b, size_t length) {
  size_t same = 0;
  while (same < length && a[same] == b[same] && b[same] != '\0') same++;
  const bool whole = same == length && (b[same] == '\0' || b[same] == '.' || b[same] == '/');
  if (whole) return same;
  while (same > 0 && a[same] != '.' && a[same] != '/') same--;
  return same;
}

blok_shown blok_outline_scope(const blok_outline *outline, size_t from, size_t end) {
  const char *first = blok_outline_outer(outline, from)->name;
  size_t length = first == NULL ? 0 : strlen(first);
  for (size_t i = from + 1; i < end && length > 0; i++) {
    const char *name = blok_outline_outer(outline, i)->name;
    length = name == NULL ? 0 : shared_path(first, name, length);
  }
  if (length == 0 || end - from < 2) return blok_show("");
  char *path = blok_cli_alloc(length + 1, 1);
  memcpy(path, first, length);
  const blok_shown shown = blok_show(path);
  free(path);
  return shown;
}

// ---- Repeats ------------------------------------------------------------------------------------

void blok_outline_fold(char *const *texts, size_t from, size_t end, size_t *period, size_t *times) {
  *period = *times = 1;
  size_t covered = 1;
  for (size_t turn = 1; turn <= LONGEST_PERIOD && from + 2 * turn <= end; turn++) {
    size_t same = 0;
    while (from + turn + same < end && strcmp(texts[from + same], texts[from + turn + same]) == 0) {
      same++;
    }
    const size_t runs = 1 + same / turn;
    if (runs < 2 || runs * turn <= covered) continue;
    *period = turn;
    *times = runs;
    covered = runs * turn;
  }
}
