// Near misses: places that looked like a block, and the one condition that failed.
//
// The same condition tends to fail in every block of a network, so what is said twice is said once,
// with how often and where first. Places are ordered as the nodes are in the file.
#include <stdlib.h>
#include <string.h>

#include "tools/inspect.h"

typedef struct blok_place {
  const char *name;
  size_t index;
} blok_place;

typedef struct blok_miss {
  blok_miss_info info;
  size_t place;  // index of its node; the number of nodes where the name is unknown
} blok_miss;

// Misses of one kind, by one condition.
typedef struct blok_miss_group {
  const blok_miss *first;  // by place; the others stand behind it
  size_t count;
} blok_miss_group;

#define MOST_FOUND 3  // different things found that a group names

static int by_name(const void *left, const void *right) {
  const blok_place *a = left;
  const blok_place *b = right;
  const int order = strcmp(a->name, b->name);
  return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static int compare_texts(const blok_miss_info *a, const blok_miss_info *b) {
  int order = strcmp(a->kind, b->kind);
  if (order == 0) order = strcmp(a->condition, b->condition);
  return order == 0 ? strcmp(a->want, b->want) : order;
}

static int by_place(const void *left, const void *right) {
  const blok_miss *a = left;
  const blok_miss *b = right;
  const int order = (a->place > b->place) - (a->place < b->place);
  if (order != 0) return order;
  const int names = strcmp(a->info.node, b->info.node);
  return names != 0 ? names : compare_texts(&a->info, &b->info);
}

static int by_first_place(const void *left, const void *right) {
  return by_place(((const blok_miss_group *)left)->first, ((const blok_miss_group *)right)->first);
}

static int by_text(const void *left, const void *right) {
  const int order =
      compare_texts(&((const blok_miss *)left)->info, &((const blok_miss *)right)->info);
  return order == 0 ? by_place(left, right) : order;
}

// The nodes by name, freed by the caller.
static blok_place *list_places(const blok_model *model, size_t nodes) {
  blok_place *places = blok_cli_alloc(nodes, sizeof *places);
  for (size_t i = 0; i < nodes; i++) {
    places[i] = (blok_place){blok_inspect_node_name(model, i), i};
  }
  qsort(places, nodes, sizeof *places, by_name);
  return places;
}

// Index of the first node of that name, nodes if there is none.
static size_t find_place(const blok_place *places, size_t nodes, const char *name) {
  size_t low = 0;
  size_t high = nodes;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp(places[middle].name, name) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < nodes && strcmp(places[low].name, name) == 0 ? places[low].index : nodes;
}

static const char *text_of(const char *text) { return text == NULL ? "" : text; }

// All misses with their places; *count of them.
static blok_miss *list_misses(const blok_model *model, size_t *count) {
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  const size_t nodes = blok_model_get_info(model, &info) == BLOK_OK ? info.nodes : 0;
  const size_t most = blok_model_miss_count(model);
  blok_miss *misses = blok_cli_alloc(most, sizeof *misses);
  blok_place *places = list_places(model, nodes);
  *count = 0;
  for (size_t i = 0; i < most; i++) {
    blok_miss_info miss = BLOK_MISS_INFO_INIT;
    if (blok_model_miss(model, i, &miss) != BLOK_OK) continue;
    miss.kind = text_of(miss.kind);
    miss.node = text_of(miss.node);
    miss.condition = text_of(miss.condition);
    miss.got = text_of(miss.got);
    miss.want = text_of(miss.want);
    misses[(*count)++] = (blok_miss){miss, find_place(places, nodes, miss.node)};
  }
  free(places);
  return misses;
}

// The groups of misses that by_text has sorted; *groups has room for count of them.
static size_t list_groups(const blok_miss *misses, size_t count, blok_miss_group *groups) {
  size_t made = 0;
  for (size_t i = 0; i < count; i++) {
    if (made > 0 && compare_texts(&groups[made - 1].first->info, &misses[i].info) == 0) {
      groups[made - 1].count++;
    } else {
      groups[made++] = (blok_miss_group){&misses[i], 1};
    }
  }
  return made;
}

// What stands at the places, each thing once.
static void print_found(FILE *out, const blok_miss_group *group) {
  const char *found[MOST_FOUND];
  size_t counts[MOST_FOUND];
  size_t kinds = 0;
  size_t others = 0;
  for (size_t i = 0; i < group->count; i++) {
    const char *got = group->first[i].info.got;
    size_t k = 0;
    while (k < kinds && strcmp(found[k], got) != 0) k++;
    if (k == MOST_FOUND) {
      others++;
    } else if (k < kinds) {
      counts[k]++;
    } else {
      found[kinds] = got;
      counts[kinds++] = 1;
    }
  }
  for (size_t k = 0; k < kinds; k++) {
    fputs(k == 0 ? "      found   " : "              ", out);
    blok_show_to(out, found[k]);
    if (kinds > 1 && counts[k] > 1) fprintf(out, "  x %zu", counts[k]);
    fputc('\n', out);
  }
  if (others > 0) fprintf(out, "              and %zu more\n", others);
}

static void print_group(blok_cli *cli, const blok_miss_group *group) {
  FILE *out = cli->out;
  const blok_miss_info *info = &group->first->info;
  const bool vowel = info->kind[0] != '\0' && strchr("aeiou", info->kind[0]) != NULL;
  fputs(vowel ? "  nearly an " : "  nearly a ", out);
  blok_show_to(out, info->kind);
  if (group->count > 1) fprintf(out, ", x %zu, first", group->count);
  fputs(cli->color ? " at \033[1m" : " at ", out);
  blok_show_to(out, info->node[0] == '\0' ? "an unnamed node" : info->node);
  fputs(cli->color ? "\033[0m\n    " : "\n    ", out);
  blok_show_to(out, info->condition);
  fputc('\n', out);
  print_found(out, group);
  fputs("      wanted  ", out);
  blok_show_to(out, info->want);
  fputc('\n', out);
}

void blok_inspect_misses(blok_cli *cli, const blok_model *model) {
  size_t count = 0;
  blok_miss *misses = list_misses(model, &count);
  blok_miss_group *groups = blok_cli_alloc(count, sizeof *groups);
  blok_inspect_heading(cli, "near misses");
  if (count == 0) {
    fputs("  none: nothing else in this model looks like a block that Blok knows\n", cli->out);
  }
  qsort(misses, count, sizeof *misses, by_text);
  count = list_groups(misses, count, groups);
  qsort(groups, count, sizeof *groups, by_first_place);
  for (size_t i = 0; i < count; i++) print_group(cli, &groups[i]);
  free(groups);
  free(misses);
}
