// `blok verify --blocks`: a model against itself, its blocks written anew from their descriptors.
//
// Outputs are compared on noise or stored inputs. Blocks are paired: one that was written by itself
// has kept the name of its exit; the parts of a block, whose order no descriptor tells, are paired
// with those of its partner by what they are.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/element.h"
#include "tools/inspect.h"
#include "tools/open.h"
#include "tools/verify.h"

#define NONE SIZE_MAX

// A block that is not found again as it was.
typedef struct difference {
  const blok_block *block;
  const char *what;
} difference;

// A block of the model written anew, to be found by its exit.
typedef struct exit_entry {
  const char *exit;
  blok_block_kind kind;
  size_t index;
} exit_entry;

typedef struct comparison {
  const blok_model *model, *again;
  size_t count, again_count;
  size_t *partner;     // by block of model: that of again, NONE where there is none
  bool *taken;         // by block of again
  exit_entry *exits;   // of again, sorted
  size_t n_different;  // blocks of model that differ
  size_t n_differences;
  difference *differences;
} comparison;

// ---- Pairing ------------------------------------------------------------------------------------

static int by_exit(const void *left, const void *right) {
  const exit_entry *a = left;
  const exit_entry *b = right;
  const int order = strcmp(a->exit, b->exit);
  return order != 0 ? order : (a->kind > b->kind) - (a->kind < b->kind);
}

static void differ(comparison *self, const blok_block *block, const char *what) {
  self->differences[self->n_differences++] = (difference){block, what};
}

// True for a block that is written whole, its parts with it.
static bool whole(const blok_block *block) {
  return block->kind != BLOK_RESIDUAL_OTHER && block->kind != BLOK_GATE;
}

static size_t find_by_exit(const comparison *self, const blok_block *block) {
  const exit_entry wanted = {block->exit, block->kind, 0};
  if (self->again_count == 0) return NONE;
  const exit_entry *found =
      bsearch(&wanted, self->exits, self->again_count, sizeof *self->exits, by_exit);
  return found == NULL || self->taken[found->index] ? NONE : found->index;
}

// Among the children of parent: the first that is the same, else the first of its kind.
static size_t find_part(const comparison *self, const blok_block *block, size_t parent) {
  size_t of_kind = NONE;
  if (parent == NONE) return NONE;
  for (size_t i = parent + 1; i < self->again_count; i++) {
    const blok_block *other = blok_model_block(self->again, i);
    if (other->parent < (int32_t)parent) break;  // behind the last one inside
    if (other->parent != (int32_t)parent || self->taken[i]) continue;
    if (blok_block_same(block, other)) return i;
    if (of_kind == NONE && other->kind == block->kind) of_kind = i;
  }
  return of_kind;
}

static bool same_parent(const comparison *self, const blok_block *block, const blok_block *other) {
  if (block->parent < 0 || other->parent < 0) return block->parent == other->parent;
  return self->partner[block->parent] == (size_t)other->parent;
}

static void pair(comparison *self, size_t index, size_t partner) {
  self->partner[index] = partner;
  if (partner != NONE) self->taken[partner] = true;
}

// A parent comes before its children, and has its partner when they are paired.
static void pair_blocks(comparison *self) {
  for (size_t i = 0; i < self->count; i++) {
    const blok_block *block = blok_model_block(self->model, i);
    const bool part =
        block->parent >= 0 && whole(blok_model_block(self->model, (size_t)block->parent));
    pair(self, i, part ? NONE : find_by_exit(self, block));
  }
  for (size_t i = 0; i < self->count; i++) {
    const blok_block *block = blok_model_block(self->model, i);
    if (self->partner[i] != NONE || block->parent < 0) continue;
    pair(self, i, find_part(self, block, self->partner[block->parent]));
  }
}

// What tells block from its partner, NULL where nothing does. *last is the partner of the block
// before it among those that kept their exits, which keep their order too.
static const char *compare_pair(const comparison *self, size_t index, size_t *last) {
  const blok_block *block = blok_model_block(self->model, index);
  if (self->partner[index] == NONE) return "is not matched again";
  const blok_block *other = blok_model_block(self->again, self->partner[index]);
  if (!blok_block_same(block, other)) return "is matched again with another descriptor";
  if (!same_parent(self, block, other)) return "is matched again inside another block";
  if (strcmp(block->exit, other->exit) != 0) return NULL;
  const bool before = self->partner[index] < *last;
  *last = self->partner[index];
  return before ? "is matched again in another place" : NULL;
}

static void compare_blocks(comparison *self) {
  size_t last = 0;
  pair_blocks(self);
  for (size_t i = 0; i < self->count; i++) {
    const char *what = compare_pair(self, i, &last);
    if (what != NULL) differ(self, blok_model_block(self->model, i), what);
  }
  self->n_different = self->n_differences;
  for (size_t i = 0; i < self->again_count; i++) {
    if (!self->taken[i]) {
      differ(self, blok_model_block(self->again, i), "is matched only in what was written anew");
    }
  }
}

static void begin_comparison(comparison *self, const blok_verify_job *job) {
  self->model = job->model;
  self->again = job->again;
  self->count = blok_model_block_count(job->model);
  self->again_count = blok_model_block_count(job->again);
  self->partner = blok_cli_alloc(self->count, sizeof *self->partner);
  self->taken = blok_cli_alloc(self->again_count, sizeof *self->taken);
  self->exits = blok_cli_alloc(self->again_count, sizeof *self->exits);
  self->differences = blok_cli_alloc(self->count + self->again_count, sizeof *self->differences);
  for (size_t i = 0; i < self->again_count; i++) {
    const blok_block *block = blok_model_block(job->again, i);
    self->exits[i] = (exit_entry){block->exit, block->kind, i};
  }
  if (self->again_count > 1) {
    qsort(self->exits, self->again_count, sizeof *self->exits, by_exit);
  }
}

static void end_comparison(comparison *self) {
  free(self->partner);
  free(self->taken);
  free(self->exits);
  free(self->differences);
}

// ---- Running both -------------------------------------------------------------------------------

// A block's other spelling rounds elsewhere, and a deep network makes much of that where its sums
// cancel. So the relative tolerance is of the output's largest value, not of each.
static int run_both(blok_verify_job *job, const char *folder, const blok_tensor *inputs) {
  blok_tensor *again = blok_cli_alloc(job->output_count, sizeof *again);
  int status = blok_verify_session(job, job->session, inputs, job->outputs);
  if (status == 0) status = blok_verify_session(job, job->again_session, inputs, again);
  for (size_t i = 0; i < job->output_count && status == 0; i++) {
    blok_verdict *next = &job->verdicts[job->verdict_count++];
    next->folder = folder;
    next->output = i;
    const double atol = job->atol + job->rtol * blok_largest(&job->outputs[i]);
    blok_compare(&again[i], &job->outputs[i], 0, atol, &next->difference);
  }
  free(again);
  return status;
}

static int run_all(blok_verify_job *job) {
  if (job->folder_count == 0) return blok_verify_noise(job, run_both);
  for (size_t i = 0; i < job->folder_count; i++) {
    int status = blok_verify_inputs(job, job->folders[i]);
    if (status == 0) status = run_both(job, job->folders[i], job->input_tensors);
    if (status != 0) return status;
  }
  return 0;
}

// The session of the model itself says why it cannot run; that of the other can then.
static int open_both(blok_verify_job *job, const char *path) {
  blok_error error = BLOK_ERROR_INIT;
  int status = blok_cli_open(job->cli, path, true, &job->model);
  if (status == 0) status = blok_cli_session(job->cli, job->model, &job->progress, &job->session);
  if (status != 0) return status;
  const blok_status written = blok_model_rewrite(job->model, &job->again, &error);
  if (written != BLOK_OK) return blok_cli_fail(job->cli, blok_cli_exit_working(written), &error);
  return blok_cli_session(job->cli, job->again, &job->progress, &job->again_session);
}

// ---- The answer ---------------------------------------------------------------------------------

static void print_json(const blok_verify_job *job, const comparison *blocks, bool good) {
  blok_json json;
  blok_json_begin(&json, job->cli->out);
  blok_json_open(&json, NULL, '{');
  blok_verify_json(job, &json, "blocks");
  blok_json_open(&json, "blocks", '{');
  blok_json_uint(&json, "count", blocks->count);
  blok_json_uint(&json, "same", blocks->count - blocks->n_different);
  blok_json_open(&json, "differences", '[');
  for (size_t i = 0; i < blocks->n_differences; i++) {
    const difference *row = &blocks->differences[i];
    blok_json_open(&json, NULL, '{');
    blok_json_text(&json, "kind", blok_block_kind_name(row->block->kind));
    blok_json_text(&json, "name", row->block->name);
    blok_json_text(&json, "what", row->what);
    blok_json_close(&json);
  }
  blok_json_close(&json);
  blok_json_close(&json);
  blok_json_bool(&json, "ok", good);
  blok_json_close(&json);
}

// "16 bottleneck, 53 conv_norm_act": every block, those inside others too.
static void print_kinds(FILE *out, const blok_model *model) {
  const size_t blocks = blok_model_block_count(model);
  const char *before = "";
  for (const blok_block_kind *kind = blok_inspect_kinds; *kind != 0; kind++) {
    size_t count = 0;
    for (size_t i = 0; i < blocks; i++) count += blok_model_block(model, i)->kind == *kind;
    if (count == 0) continue;
    fprintf(out, "%s%zu %s", before, count, blok_block_kind_name(*kind));
    before = ", ";
  }
  if (*before == '\0') fputs("no block", out);
}

static void print_text(const blok_verify_job *job, const comparison *blocks, bool good) {
  FILE *out = job->cli->out;
  blok_verify_table(job);
  for (size_t i = 0; i < blocks->n_differences; i++) {
    const difference *row = &blocks->differences[i];
    fprintf(out, "%s '%s' %s\n", blok_block_kind_name(row->block->kind),
            blok_show(row->block->name).text, row->what);
  }
  fputs(good ? "ok: " : "differs: ", out);
  print_kinds(out, job->model);
  fprintf(out, "%s: outputs %s rtol %g, atol %g",
          blocks->count == 0   ? " to write anew"
          : blocks->count == 1 ? " written anew from its descriptor"
                               : " written anew from their descriptors",
          blok_verify_good(job) ? "agree within" : "differ by more than", job->rtol, job->atol);
  if (blocks->count + blocks->n_differences == 0) {
    fputc('\n', out);
  } else if (blocks->n_differences == 0) {
    fputs(", matched again\n", out);
  } else {
    fprintf(out, ", %zu of %zu matched again\n", blocks->count - blocks->n_different,
            blocks->count);
  }
}

int blok_verify_blocks(blok_verify_job *job, const char *path) {
  int status = open_both(job, path);
  if (status != 0) return status;
  blok_verify_prepare(job, job->folder_count > 0 ? job->folder_count : 1);
  status = run_all(job);
  if (status != 0) return status;
  comparison blocks = {0};
  begin_comparison(&blocks, job);
  compare_blocks(&blocks);
  const bool good = blok_verify_good(job) && blocks.n_differences == 0;
  if (job->cli->json) {
    print_json(job, &blocks, good);
  } else {
    print_text(job, &blocks, good);
  }
  end_comparison(&blocks);
  return good ? BLOK_EXIT_DONE : BLOK_EXIT_DIFFERS;
}
