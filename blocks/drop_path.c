// The rate of stochastic depth as metadata of the model. See drop_path.h.
#include "blocks/drop_path.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "passes/passes.h"

// ---- Numbers ------------------------------------------------------------------------------------
// By hand, since the C library's own follow the host program's locale.

#define DECIMALS 15
#define SCALE    1e15

typedef struct rate_text {
  char text[DECIMALS + 3];
} rate_text;

// "0.1"; the rate is from 0 to below 1.
static rate_text print_rate(double rate) {
  rate_text out = {"0."};
  uint64_t digits = (uint64_t)(rate * SCALE + 0.5);
  if (digits >= (uint64_t)SCALE) digits = (uint64_t)SCALE - 1;
  for (int i = DECIMALS; i-- > 0; digits /= 10) out.text[2 + i] = (char)('0' + digits % 10);
  size_t end = 2 + DECIMALS;
  while (end > 3 && out.text[end - 1] == '0') end--;
  out.text[end] = '\0';
  return out;
}

// False for anything but digits with at most one point, and for what is not below 1.
static bool read_rate(const char *text, size_t size, double *out) {
  double value = 0, place = 1;
  bool point = false, any = false;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (text[i] < '0' || text[i] > '9') return false;
    any = true;
    // More decimals say nothing that a number could hold.
    if (place > SCALE * 100) continue;
    value = value * 10 + (text[i] - '0');
    if (point) place *= 10;
    if (!point && value > 0) return false;
  }
  *out = value / place;
  return any && *out < 1;
}

// ---- The text -----------------------------------------------------------------------------------

static const blok_property *find_property(const blok_module *module) {
  const blok_notes *notes = module->notes;
  for (uint32_t i = 0; notes && i < notes->n_metadata; i++) {
    const char *key = notes->metadata[i].key;
    if (key && strcmp(key, BLOK_DROP_PATH_KEY) == 0) return &notes->metadata[i];
  }
  return NULL;
}

// A line: what stands before its last '=', and the rate behind it.
typedef struct line {
  const char *text;
  size_t size, name_size;
  double rate;
} line;

// Takes the next line off *rest; false at the end. name_size is size where the line says no rate.
static bool next_line(const char **rest, line *out) {
  if (!**rest) return false;
  const size_t size = strcspn(*rest, "\n");
  *out = (line){.text = *rest, .size = size, .name_size = size};
  *rest += size + ((*rest)[size] == '\n');
  for (size_t at = size; at-- > 0;) {
    if (out->text[at] != '=') continue;
    if (read_rate(out->text + at + 1, size - at - 1, &out->rate)) out->name_size = at;
    break;
  }
  return true;
}

static bool is_of(const line *self, const char *block) {
  const size_t size = strlen(block);
  return self->name_size < self->size && self->name_size == size &&
         memcmp(self->text, block, size) == 0;
}

typedef struct text {
  char *bytes;  // room for all that is put
  size_t used;
} text;

static void put(text *self, const char *bytes, size_t size) {
  memcpy(self->bytes + self->used, bytes, size);
  self->used += size;
}

static void put_line(text *self, const char *block, double rate) {
  const rate_text number = print_rate(rate);
  if (self->used) put(self, "\n", 1);
  put(self, block, strlen(block));
  put(self, "=", 1);
  put(self, number.text, strlen(number.text));
}

// Room for a line, and for the end of the text.
static size_t line_room(const char *block) { return strlen(block) + sizeof(rate_text) + 3; }

// The text with this block's line changed, added or, for a rate of 0, left out. NULL: no memory.
static const char *change_text(blok_arena *arena, const char *from, const char *block,
                               double rate) {
  text out = {blok_arena_array(arena, strlen(from) + line_room(block), 1), 0};
  bool there = false;
  line at;
  if (!out.bytes) return NULL;
  while (next_line(&from, &at)) {
    const bool its = is_of(&at, block);
    if (its && rate > 0 && !there) put_line(&out, block, rate);
    there = there || its;
    if (its) continue;
    if (out.used) put(&out, "\n", 1);
    put(&out, at.text, at.size);
  }
  if (!there && rate > 0) put_line(&out, block, rate);
  out.bytes[out.used] = '\0';
  return out.bytes;
}

// ---- Noting -------------------------------------------------------------------------------------

// The module's metadata with value under the key; without the key where value is empty.
static blok_status set_text(blok_module *module, const char *value, blok_error *error) {
  static const blok_notes none = {0};
  const blok_notes *before = module->notes ? module->notes : &none;
  const blok_property *old = find_property(module);
  blok_notes *notes = blok_arena_copy(&module->arena, before, sizeof *before);
  blok_property *list =
      blok_arena_array(&module->arena, (size_t)before->n_metadata + 1, sizeof *list);
  if (!notes || !list) return blok_fail_memory(error, sizeof *notes);
  notes->n_metadata = 0;
  for (uint32_t i = 0; i < before->n_metadata; i++) {
    const bool its = &before->metadata[i] == old;
    if (its && !*value) continue;
    list[notes->n_metadata] = before->metadata[i];
    if (its) list[notes->n_metadata].value = value;
    notes->n_metadata++;
  }
  if (!old && *value) {
    list[notes->n_metadata++] = (blok_property){.key = BLOK_DROP_PATH_KEY, .value = value};
  }
  notes->metadata = list;
  module->notes = notes;
  return BLOK_OK;
}

blok_status blok_drop_path_note(blok_module *module, const char *block, double rate,
                                blok_error *error) {
  if (!(rate >= 0 && rate < 1)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "block '%s': drop_path is %g, a rate is from 0 to below 1",
                     blok_quote(block).text, rate);
  }
  if (strchr(block, '\n')) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "block '%s': a name with a drop_path is of one line",
                     blok_quote(block).text);
  }
  const blok_property *old = find_property(module);
  if (!old && rate == 0) return BLOK_OK;
  const char *before = old && old->value ? old->value : "";
  const char *after = change_text(&module->arena, before, block, rate);
  return after ? set_text(module, after, error) : blok_fail_memory(error, 0);
}

static bool has_rate(const blok_block_record *record) {
  return record->residual && record->residual->drop_path > 0 && !strchr(record->name, '\n');
}

blok_status blok_drop_path_keep(const blok_overlay *overlay, blok_module *module,
                                blok_error *error) {
  text out = {NULL, 0};
  size_t room = 0;
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    if (has_rate(&overlay->blocks[i])) room += line_room(overlay->blocks[i].name);
  }
  if (room == 0) return BLOK_OK;
  out.bytes = blok_arena_array(&module->arena, room, 1);
  if (!out.bytes) return blok_fail_memory(error, room);
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *record = &overlay->blocks[i];
    if (has_rate(record)) put_line(&out, record->name, record->residual->drop_path);
  }
  out.bytes[out.used] = '\0';
  return set_text(module, out.bytes, error);
}

// ---- Reading ------------------------------------------------------------------------------------

static blok_status fill(const blok_names *names, const double *rates, blok_overlay *overlay,
                        blok_error *error) {
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    blok_block_record *record = &overlay->blocks[i];
    uint32_t at = 0;
    if (!record->residual || !blok_names_find(names, record->name, &at)) continue;
    blok_residual_desc *desc =
        blok_arena_copy(&overlay->arena, record->residual, sizeof *record->residual);
    if (!desc) return blok_fail_memory(error, sizeof *desc);
    desc->drop_path = rates[at];
    record->residual = desc;
  }
  return BLOK_OK;
}

blok_status blok_drop_path_read(const blok_module *module, blok_overlay *overlay,
                                blok_error *error) {
  const blok_property *property = find_property(module);
  blok_status status = BLOK_OK;
  blok_arena scratch;
  blok_names names;
  double *rates = NULL;
  uint32_t n = 0, capacity = 0;
  line at;
  if (!property || !property->value || overlay->n_blocks == 0) return BLOK_OK;
  blok_arena_init(&scratch, &overlay->allocator);
  blok_names_init(&names, &overlay->allocator);
  for (const char *rest = property->value; next_line(&rest, &at);) {
    if (at.name_size == at.size) continue;
    const char *name = blok_arena_textn(&scratch, at.text, at.name_size);
    if (!name || !blok_arena_grow(&scratch, &rates, &capacity, n, sizeof *rates) ||
        !blok_names_put(&names, name, n)) {
      status = blok_fail_memory(error, 0);
      goto done;
    }
    rates[n++] = at.rate;
  }
  status = fill(&names, rates, overlay, error);
done:
  blok_names_free(&names);
  blok_arena_free(&scratch);
  return status;
}
