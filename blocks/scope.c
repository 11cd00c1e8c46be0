// What a block goes by. TorchScript names nodes by module path, "/layer1/layer1.0/conv1/Conv"; the
// torch.export exporter names only weights so, "layer1.0.conv1.weight". Both come out as the dotted
// path that a block's nodes or weights share: "layer1.0". A conv_norm_act takes its convolution's
// own path, which no other has.
#include <string.h>

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

static void share_node(const blok_matcher *matcher, const blok_node *node, path *nodes,
                       path *weights) {
  path found;
  if (node_path(node->name, &found)) share(nodes, &found);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i) continue;
    const blok_value *value = blok_value_at(matcher->graph, node->inputs[i]);
    if (value->literal && weight_path(value->name, &found)) share(weights, &found);
  }
}

const char *blok_scope_name(const blok_matcher *matcher, const blok_block_record *record) {
  blok_arena *arena = &matcher->overlay->arena;
  path nodes = {"", 0, '/', false}, weights = {"", 0, '.', false};
  const blok_node *first = blok_node_at(matcher->graph, record->members[0]);
  for (uint32_t i = 0; i < record->n_members; i++) {
    const blok_node *node = blok_node_at(matcher->graph, record->members[i]);
    if (record->kind == BLOK_CONV_NORM_ACT) {
      if (node->op != BLOK_OP_Conv) continue;
      first = node;
    }
    share_node(matcher, node, &nodes, &weights);
  }
  if (nodes.any && nodes.length) return dotted(arena, &nodes);
  if (!nodes.any && weights.any && weights.length) return dotted(arena, &weights);
  const char *name = first->name && *first->name ? first->name : NULL;
  for (uint32_t i = 0; !name && i < first->n_outputs; i++) {
    if (first->outputs[i].i) name = blok_value_at(matcher->graph, first->outputs[i])->name;
  }
  if (!name || !*name || *name == ';') name = first->op_type;
  return blok_arena_textn(arena, name, strcspn(name, ";"));
}
