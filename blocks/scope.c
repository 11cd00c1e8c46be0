// What a block goes by. TorchScript names nodes by module path, "/layer1/layer1.0/conv1/Conv"; the
// torch.export exporter names only weights so, "layer1.0.conv1.weight", and may note each node's
// module. All come out as the dotted path that a block's nodes or weights share: "layer1.0". A
// conv_norm_act takes its convolution's own path, which no other has. Where siblings share one path
// (a transformer's attention and its products), each goes by the path that most of its nodes or
// weights share: "blocks.0.attn".
#include <string.h>

#include "base/error.h"
#include "blocks/matcher.h"

// A path of components with a separator between them, inside some name.
typedef struct path {
  const char *text;
  size_t length;
  char separator;
  bool any;  // false: no name has been seen
} path;

// The module path of a node's name, which holds a '/'; false for other names. A ';' is
// TensorFlow's: the names of all that it fused.
static bool node_path(const char *name, path *out) {
  if (!name || strchr(name, ';')) return false;
  const char *last = strrchr(name, '/');
  if (!last) return false;
  while (*name == '/' && name < last) name++;
  *out = (path){name, (size_t)(last - name), '/', true};
  return true;
}

// The module path of a weight's name: what stands before its last '.'.
static bool weight_path(const char *name, path *out) {
  const char *last = strrchr(name, '.');
  if (!last || last == name || strstr(name, "::") || strpbrk(name, "/;")) return false;
  *out = (path){name, (size_t)(last - name), '.', true};
  return true;
}

// Shortens common to the components that it shares with other.
static void share(path *common, const path *other) {
  if (!common->any) {
    *common = *other;
    return;
  }
  size_t kept = 0, i = 0;
  for (; i < common->length && i < other->length; i++) {
    if (common->text[i] != other->text[i]) break;
    if (common->text[i] == common->separator) kept = i;
  }
  bool ends = (i == common->length || common->text[i] == common->separator) &&
              (i == other->length || other->text[i] == other->separator);
  common->length = ends ? i : kept;
}

// "layer1/layer1.0/conv1" -> "layer1.0.conv1": a component that the next one repeats is left out.
static const char *dotted(blok_arena *arena, const path *from) {
  char *out = blok_arena_alloc(arena, from->length + 1);
  size_t n = 0;
  if (!out) return NULL;
  const char *at = from->text, *end = from->text + from->length;
  while (at < end) {
    size_t left = (size_t)(end - at);
    const char *slash = memchr(at, from->separator, left);
    size_t length = slash ? (size_t)(slash - at) : left;
    const char *next = slash ? slash + 1 : end;
    bool repeated = from->separator == '/' && (size_t)(end - next) > length &&
                    memcmp(next, at, length) == 0 && next[length] == '.';
    if (!repeated && length) {
      if (n) out[n++] = '.';
      memcpy(out + n, at, length);
      n += length;
    }
    at = next;
  }
  out[n] = '\0';
  return out;
}

// What tells of a node's place: the module that was noted, its name, its weights' names.
typedef enum telling { BY_NOTE = 0, BY_NAME = 1, BY_WEIGHTS = 2, TELLINGS = 3 } telling;

// The path of a node by its note or name, or of its weight in slot i; false where it has none. A
// weight that several nodes read is nobody's.
static bool path_of(const blok_matcher *matcher, const blok_node *node, telling by, uint32_t i,
                    path *out) {
  if (by == BY_NOTE && node->scope) *out = (path){node->scope, strlen(node->scope), '.', true};
  if (by == BY_NOTE) return node->scope != NULL;
  if (by == BY_NAME) return node_path(node->name, out);
  blok_value_id input = node->inputs[i];
  if (!input.i) return false;
  const blok_value *value = blok_value_at(matcher->graph, input);
  return value->literal && blok_uses_count(&matcher->uses, input) == 1 &&
         weight_path(value->name, out);
}

static uint32_t paths_of(const blok_node *node, telling by) {
  return by == BY_WEIGHTS ? node->n_inputs : 1;
}

// What all nodes of the record share, by each telling; *first is the node that it may go by.
static void share_record(const blok_matcher *matcher, const blok_block_record *record,
                         path shared[TELLINGS], const blok_node **first) {
  path found;
  for (int by = 0; by < TELLINGS; by++) shared[by] = (path){"", 0, '.', false};
  *first = blok_node_at(matcher->graph, record->members[0]);
  for (uint32_t m = 0; m < record->n_members; m++) {
    const blok_node *node = blok_node_at(matcher->graph, record->members[m]);
    if (record->kind == BLOK_CONV_NORM_ACT) {
      if (node->op != BLOK_OP_Conv) continue;
      *first = node;
    }
    for (int by = 0; by < TELLINGS; by++) {
      for (uint32_t i = 0; i < paths_of(node, (telling)by); i++) {
        if (path_of(matcher, node, (telling)by, i, &found)) share(&shared[by], &found);
      }
    }
  }
}

// The first telling by which something is shared; weights only where nodes have no paths in their
// names. TELLINGS: none.
static telling choose(const path shared[TELLINGS]) {
  if (shared[BY_NOTE].length) return BY_NOTE;
  if (shared[BY_NAME].any) return shared[BY_NAME].length ? BY_NAME : TELLINGS;
  return shared[BY_WEIGHTS].length ? BY_WEIGHTS : TELLINGS;
}

const char *blok_scope_name(const blok_matcher *matcher, const blok_block_record *record) {
  blok_arena *arena = &matcher->overlay->arena;
  path shared[TELLINGS];
  const blok_node *first;
  share_record(matcher, record, shared, &first);
  telling by = choose(shared);
  if (by != TELLINGS) return dotted(arena, &shared[by]);
  const char *name = first->name && *first->name ? first->name : NULL;
  for (uint32_t i = 0; !name && i < first->n_outputs; i++) {
    if (first->outputs[i].i) name = blok_value_at(matcher->graph, first->outputs[i])->name;
  }
  if (!name || !*name || *name == ';') name = first->op_type;
  return blok_arena_textn(arena, name, strcspn(name, ";"));
}

// ---- Siblings of one name -----------------------------------------------------------------------

#define BRANCHES 16  // under a shared path; more are not told apart

// Paths one component longer than what is shared, and how many nodes or weights stand under each.
typedef struct branches {
  path shared;
  uint32_t n;
  path at[BRANCHES];
  uint32_t count[BRANCHES];
} branches;

static void count_branch(branches *under, const path *found) {
  size_t from = under->shared.length;
  if (from) from++;
  if (found->length <= from || memcmp(found->text, under->shared.text, under->shared.length) != 0) {
    return;
  }
  path longer = *found;
  const char *end = memchr(found->text + from, found->separator, found->length - from);
  if (end) longer.length = (size_t)(end - found->text);
  uint32_t i = 0;
  while (i < under->n && (under->at[i].length != longer.length ||
                          memcmp(under->at[i].text, longer.text, longer.length) != 0)) {
    i++;
  }
  if (i == BRANCHES) return;
  if (i == under->n) {
    under->at[i] = longer;
    under->count[i] = 0;
    under->n++;
  }
  under->count[i]++;
}

// The path that most of the record's nodes or weights share, one component longer than what all
// share; *out is NULL where there is none. False: no memory.
static bool name_by_most(const blok_matcher *matcher, const blok_block_record *record,
                         const char **out) {
  path shared[TELLINGS], found;
  const blok_node *first;
  branches under = {.n = 0};
  *out = NULL;
  share_record(matcher, record, shared, &first);
  telling by = choose(shared);
  if (by == TELLINGS) return true;
  under.shared = shared[by];
  for (uint32_t m = 0; m < record->n_members; m++) {
    const blok_node *node = blok_node_at(matcher->graph, record->members[m]);
    for (uint32_t i = 0; i < paths_of(node, by); i++) {
      if (path_of(matcher, node, by, i, &found)) count_branch(&under, &found);
    }
  }
  if (under.n == 0) return true;
  uint32_t most = 0;
  for (uint32_t i = 1; i < under.n; i++) {
    if (under.count[i] > under.count[most]) most = i;
  }
  *out = dotted(&matcher->overlay->arena, &under.at[most]);
  return *out != NULL;
}

// A sibling's name as a key of a table.
static const char *key_of(blok_matcher *matcher, const blok_block_record *block, const char *name) {
  return blok_arena_format(&matcher->scratch, "%d %s", (int)block->parent, name);
}

// Marks every block whose name a sibling has too. Convolutions keep their own.
static blok_status mark_twins(blok_matcher *matcher, blok_names *names, uint8_t *twin,
                              blok_error *error) {
  const blok_overlay *overlay = matcher->overlay;
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *block = &overlay->blocks[i];
    if (block->kind == BLOK_CONV_NORM_ACT) continue;
    uint32_t other;
    const char *key = key_of(matcher, block, block->name);
    if (key && blok_names_find(names, key, &other)) {
      twin[i] = twin[other] = 1;
    } else if (!key || !blok_names_put(names, key, i)) {
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}

// A twin takes its longer name where no sibling has that.
static blok_status rename_twins(blok_matcher *matcher, blok_names *names, const uint8_t *twin,
                                blok_error *error) {
  blok_overlay *overlay = matcher->overlay;
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    blok_block_record *block = &overlay->blocks[i];
    const char *longer, *key;
    uint32_t other;
    if (!twin[i]) continue;
    if (!name_by_most(matcher, block, &longer)) return blok_fail_memory(error, 0);
    if (!longer) continue;
    key = key_of(matcher, block, longer);
    if (key && blok_names_find(names, key, &other)) continue;
    if (!key || !blok_names_put(names, key, i)) return blok_fail_memory(error, 0);
    block->name = longer;
  }
  return BLOK_OK;
}

blok_status blok_scope_tell_apart(blok_matcher *matcher, blok_error *error) {
  uint8_t *twin = blok_arena_array(&matcher->scratch, matcher->overlay->n_blocks, 1);
  if (!twin) return blok_fail_memory(error, 0);
  blok_names names;
  blok_names_init(&names, &matcher->allocator);
  blok_status status = BLOK_OK;
  BLOK_TRY_TO(done, mark_twins(matcher, &names, twin, error));
  BLOK_TRY_TO(done, rename_twins(matcher, &names, twin, error));
done:
  blok_names_free(&names);
  return status;
}
