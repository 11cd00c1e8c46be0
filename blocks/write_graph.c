// A whole graph with its blocks written anew.
//
// Every node has a home: no block, a block that is written whole, or one that keeps a region
// (residual_other, gate). A block inside a region is written by itself; every other child is
// written with its parent. So one sweep over the order does it: nodes at home nowhere and those of
// a region stay, the others go, and the new ones come where the first node of their block stood, so
// that blocks keep their order. Of a residual_other the skip path comes there, and the rest at the
// end, behind F. What is written reads nothing but what stands before that place.
#include <string.h>

#include "base/error.h"
#include "blocks/drop_path.h"
#include "blocks/write.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// The IR version of the newest operator set; a newer one that the model had stays.
#define NEWEST_IR 14

typedef struct rewriter {
  const blok_graph *from;  // the graph that was matched
  const blok_facts *facts;
  const blok_overlay *overlay;
  blok_arena scratch;
  blok_module *module;    // the clone
  blok_value_id *values;  // by value of from: the clone's
  int32_t *region;        // by node of from: the innermost block whose region holds it, -1: none
  int32_t *written;       // by node of from: the block that is written in its place, -1: none
  int32_t *skipped;       // by node of from: the block whose skip path is, -1: none
  uint32_t *place;        // by node of from: its place in the order
  int32_t *home;          // by block: the one that writes or keeps its nodes
  const char **scope;     // by block: what its new names begin with
  blok_value_id *skip;    // by block: its skip path where that has been written, none otherwise
  blok_names taken;
  blok_writer writer;
  blok_error *error;
} rewriter;

static bool keeps_region(const blok_block_record *record) {
  return record->kind == BLOK_RESIDUAL_OTHER || record->kind == BLOK_GATE;
}

// ---- Homes --------------------------------------------------------------------------------------

// "layer1.0.attn" inside "layer1.0" goes by "layer1.0/attn", so that names nest as blocks do.
static const char *scope_of(rewriter *self, uint32_t index) {
  const blok_block_record *record = &self->overlay->blocks[index];
  if (record->parent < 0) return record->name;
  const blok_block_record *parent = &self->overlay->blocks[record->parent];
  const size_t length = strlen(parent->name);
  if (strncmp(record->name, parent->name, length) != 0) return record->name;
  if (record->name[length] == '\0') return self->scope[record->parent];
  if (record->name[length] != '.') return record->name;
  return blok_arena_format(&self->module->arena, "%s/%s", self->scope[record->parent],
                           record->name + length + 1);
}

// Marks where the block is written.
static void find_place(rewriter *self, uint32_t index) {
  const blok_block_record *record = &self->overlay->blocks[index];
  const blok_node_id first = record->members[0], last = record->members[record->n_members - 1];
  if (record->kind == BLOK_GATE) return;
  if (record->kind == BLOK_RESIDUAL_OTHER) {
    uint32_t own = 0;
    while (self->region[record->members[own].i] == (int32_t)index) own++;
    if (record->residual->skip_steps) self->skipped[record->members[own].i] = (int32_t)index;
    self->written[last.i] = (int32_t)index;
    return;
  }
  // A skip path that begins elsewhere may begin behind the first node of F.
  const blok_node_id begin = blok_value_producer(self->from, record->skip_entry);
  const bool late = record->skip_entry.i && begin.i && self->place[begin.i] > self->place[first.i];
  self->written[late ? last.i : first.i] = (int32_t)index;
}

// A parent comes before its children, so that what it marked is theirs to overwrite.
static blok_status find_homes(rewriter *self) {
  for (uint32_t i = 0; i < self->overlay->n_blocks; i++) {
    const blok_block_record *record = &self->overlay->blocks[i];
    const int32_t parent = record->parent;
    const bool alone = parent < 0 || self->region[record->members[0].i] == parent;
    self->home[i] = alone ? (int32_t)i : self->home[parent];
    self->scope[i] = scope_of(self, i);
    if (!self->scope[i]) return blok_fail_memory(self->error, 0);
    for (uint32_t n = 0; n < record->n_region; n++) {
      self->region[record->region[n].i] = (int32_t)i;
    }
    if (alone) find_place(self, i);
  }
  return BLOK_OK;
}

// The block whose region keeps the node, or that writes it anew (*kept false); -1: no block.
static int32_t home_of(const rewriter *self, blok_node_id old, bool *kept) {
  const int32_t innermost = self->overlay->innermost[old.i];
  const int32_t home = innermost < 0 ? -1 : self->home[innermost];
  *kept = home < 0 || (keeps_region(&self->overlay->blocks[home]) && self->region[old.i] == home);
  return home;
}

// ---- Setting up ---------------------------------------------------------------------------------

static blok_status prepare(rewriter *self, const blok_module *module) {
  const uint32_t n_nodes = self->from->n_nodes, n_blocks = self->overlay->n_blocks;
  BLOK_TRY(blok_module_clone(module, true, false, &self->module, self->error));
  self->values = blok_arena_array(&self->scratch, self->from->n_values, sizeof *self->values);
  self->region = blok_arena_array(&self->scratch, n_nodes, sizeof *self->region);
  self->written = blok_arena_array(&self->scratch, n_nodes, sizeof *self->written);
  self->skipped = blok_arena_array(&self->scratch, n_nodes, sizeof *self->skipped);
  self->place = blok_arena_array(&self->scratch, n_nodes, sizeof *self->place);
  self->home = blok_arena_array(&self->scratch, n_blocks, sizeof *self->home);
  self->scope = blok_arena_array(&self->scratch, n_blocks, sizeof *self->scope);
  self->skip = blok_arena_array(&self->scratch, n_blocks, sizeof *self->skip);
  if (!self->values || !self->region || !self->written || !self->skipped || !self->place ||
      !self->home || !self->scope || !self->skip) {
    return blok_fail_memory(self->error, 0);
  }
  for (uint32_t i = 0; i < n_nodes; i++) {
    self->region[i] = self->written[i] = self->skipped[i] = -1;
  }
  for (uint32_t i = 0; i < self->from->n_order; i++) self->place[self->from->order[i].i] = i;
  return find_homes(self);
}

// The clone's values have other handles and the same names.
static blok_status pair_values(rewriter *self) {
  const blok_graph *graph = self->module->graph;
  blok_names names;
  blok_status status = BLOK_OK;
  blok_names_init(&names, &self->module->allocator);
  for (uint32_t v = 1; v < graph->n_values && status == BLOK_OK; v++) {
    if (!blok_names_put(&names, graph->values[v].name, v)) {
      status = blok_fail_memory(self->error, 0);
    }
  }
  for (uint32_t v = 1; v < self->from->n_values && status == BLOK_OK; v++) {
    const blok_value *value = &self->from->values[v];
    if (!value->dead) (void)blok_names_find(&names, value->name, &self->values[v].i);
  }
  blok_names_free(&names);
  return status;
}

// The node of from that a node of the clone was.
static blok_node_id old_node(const blok_graph *graph, blok_node_id id) {
  return blok_node_at(graph, id)->sources[0];
}

// ---- Names --------------------------------------------------------------------------------------

// What stands behind the path that dotted is in a node's name: "attn/MatMul" of
// "/layer1/layer1.0/attn/MatMul" for "layer1.0"; NULL where the name has no such path.
static const char *inside(const char *name, const char *dotted) {
  if (!name || strchr(name, ';')) return NULL;
  while (*name == '/') name++;
  for (const char *slash; (slash = strchr(name, '/')); name = slash + 1) {
    const size_t length = (size_t)(slash - name);
    const char *next = slash + 1;
    if (length == 0 || (strncmp(next, name, length) == 0 && next[length] == '.')) continue;
    if (strncmp(dotted, name, length) != 0) return NULL;
    dotted += length;
    if (*dotted == '\0') return next;
    if (*dotted++ != '.') return NULL;
  }
  return NULL;
}

// The same for the module that a node was noted in: "attn" of "layer1.0.attn", "" of "layer1.0".
static const char *noted_inside(const char *scope, const char *dotted) {
  const size_t length = strlen(dotted);
  if (!scope || strncmp(scope, dotted, length) != 0) return NULL;
  if (scope[length] == '\0') return "";
  return scope[length] == '.' ? scope + length + 1 : NULL;
}

// A node that a region keeps goes by the block's name, as the new ones do. *stem is NULL where the
// name that it has stays: it tells no path, or the path of something else.
static blok_status name_kept(const rewriter *self, const blok_node *node, int32_t home,
                             const char **stem) {
  *stem = NULL;
  if (home < 0) return BLOK_OK;
  blok_arena *arena = &self->module->arena;
  const char *block = self->overlay->blocks[home].name, *scope = self->scope[home];
  const char *rest = noted_inside(node->scope, block);
  if (rest) {
    const char *leaf = node->name && *node->name ? node->name : node->op_type;
    const char *slash = strrchr(leaf, '/');
    *stem = blok_arena_format(arena, "%s%s%s/%s", scope, *rest ? "/" : "", rest,
                              slash && slash[1] ? slash + 1 : leaf);
  } else if ((rest = inside(node->name, block))) {
    *stem = blok_arena_format(arena, "%s/%s", scope, rest);
  } else {
    return BLOK_OK;
  }
  return *stem ? BLOK_OK : blok_fail_memory(self->error, 0);
}

static blok_status take(rewriter *self, const char *name) {
  if (!name || blok_names_put(&self->taken, name, 0)) return BLOK_OK;
  return blok_fail_memory(self->error, 0);
}

static blok_status take_value(rewriter *self, const blok_graph *graph, blok_value_id value) {
  return value.i ? take(self, blok_value_at(graph, value)->name) : BLOK_OK;
}

// Those of a subgraph too: what stands inside must not go by a name of what stands outside.
static blok_status take_inner(blok_graph *graph, void *context, blok_error *error) {
  rewriter *self = context;
  (void)error;
  if (!graph->outer) return BLOK_OK;
  for (uint32_t v = 1; v < graph->n_values; v++) {
    BLOK_TRY(take_value(self, graph, (blok_value_id){v}));
  }
  return BLOK_OK;
}

// Values of nodes that go are none: so what is written twice has the same names twice.
static blok_status take_names(rewriter *self) {
  const blok_graph *graph = self->module->graph;
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    const blok_node *node = &graph->nodes[i];
    bool kept;
    const int32_t home = home_of(self, old_node(graph, (blok_node_id){i}), &kept);
    if (!kept) continue;
    const char *stem = NULL;
    BLOK_TRY(name_kept(self, node, home, &stem));
    if (!stem) BLOK_TRY(take(self, node->name));
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      BLOK_TRY(take_value(self, graph, node->outputs[o]));
    }
  }
  for (uint32_t v = 1; v < graph->n_values; v++) {
    const blok_value *value = &graph->values[v];
    if (!value->producer.i || value->is_output) BLOK_TRY(take(self, value->name));
  }
  for (uint32_t i = 0; i < self->overlay->n_blocks; i++) {
    if (self->home[i] != (int32_t)i) continue;
    BLOK_TRY(take_value(self, self->from, self->overlay->blocks[i].exit));
  }
  return blok_each_graph(self->module->graph, take_inner, self, self->error);
}

// ---- The sweep ----------------------------------------------------------------------------------

static const blok_block_record *begin_block(rewriter *self, int32_t index) {
  const blok_block_record *record = &self->overlay->blocks[index];
  const blok_dtype dtype = self->facts->of[record->exit.i].dtype;
  self->writer.scope = self->scope[index];
  self->writer.dtype = dtype ? dtype : BLOK_F32;
  self->writer.skip = self->skip[index];
  return record;
}

static blok_status write_at(rewriter *self, blok_node_id place) {
  int32_t index = self->skipped[place.i];
  if (index >= 0) {
    const blok_block_record *record = begin_block(self, index);
    BLOK_TRY(blok_write_skip(&self->writer, record, BLOK_NO_VALUE, &self->skip[index]));
  }
  index = self->written[place.i];
  return index < 0 ? BLOK_OK : blok_write_block(&self->writer, begin_block(self, index));
}

static blok_status keep(rewriter *self, blok_node_id id, int32_t home) {
  blok_graph *graph = self->module->graph;
  blok_node *node = blok_node_at(graph, id);
  const char *stem = NULL;
  BLOK_TRY(name_kept(self, node, home, &stem));
  if (stem) BLOK_TRY(blok_write_name(&self->writer, stem, &node->name));
  return blok_rewrite_keep(graph, id, self->error);
}

static blok_status rewrite(rewriter *self) {
  blok_graph *graph = self->module->graph;
  self->writer = (blok_writer){
      .graph = graph, .values = self->values, .taken = &self->taken, .error = self->error};
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    const blok_node_id from = old_node(graph, old.items[i]);
    bool kept;
    const int32_t home = home_of(self, from, &kept);
    if (kept) {
      BLOK_TRY(keep(self, old.items[i], home));
    } else {
      blok_graph_remove_node(graph, old.items[i]);
    }
    BLOK_TRY(write_at(self, from));
  }
  return BLOK_OK;
}

static blok_status work(rewriter *self, const blok_module *module) {
  static const blok_pass_options options = {.limits = BLOK_LIMITS_INIT};
  BLOK_TRY(prepare(self, module));
  BLOK_TRY(pair_values(self));
  BLOK_TRY(take_names(self));
  BLOK_TRY(rewrite(self));
  BLOK_TRY(blok_pass_sweep(self->module, &options, self->error));
  BLOK_TRY(blok_graph_renumber(self->module->graph, self->error));
  self->module->has_ir_version = true;
  if (self->module->ir_version < NEWEST_IR) self->module->ir_version = NEWEST_IR;
  BLOK_TRY(blok_drop_path_keep(self->overlay, self->module, self->error));
  return blok_graph_verify(self->module->graph, true, self->error);
}

blok_status blok_blocks_write(const blok_module *module, const blok_facts *facts,
                              const blok_overlay *overlay, blok_module **out, blok_error *error) {
  rewriter self = {.from = module->graph, .facts = facts, .overlay = overlay, .error = error};
  *out = NULL;
  blok_arena_init(&self.scratch, &module->allocator);
  blok_names_init(&self.taken, &module->allocator);
  const blok_status status = work(&self, module);
  blok_names_free(&self.taken);
  blok_arena_free(&self.scratch);
  if (status != BLOK_OK) blok_module_free(&self.module);
  *out = self.module;
  return status;
}
