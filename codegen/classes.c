// What blocks have in common, as Python classes. See classes.h.
#include "codegen/classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

// A hole is OPEN hint MIDDLE value CLOSE.
#define OPEN   '\x01'
#define MIDDLE '\x02'
#define CLOSE  '\x03'

typedef struct parameter {
  const char *name;
  const char *hint;      // of its first hole
  bool constant;         // the same in all blocks
  const char *standard;  // its default; NULL: none
  bool absent;           // the blocks that leave an optional part out do not have it
  const char **values;   // by use; NULL where absent
} parameter;

// A hole of the class's text: a parameter, or the text that all blocks have there.
typedef struct column {
  const char *hint;
  const char **values;  // by use
  const char *text;     // that stands there
  int32_t parameter;    // -1: none
} column;

struct blok_class {
  const char *name;
  const char *key;
  const char *part_key[BLOK_SECTIONS];  // NULL: no block has had the part yet
  uint32_t n, capacity;
  blok_instance **uses;
  uint32_t n_columns, cap_columns;
  column *columns;
  uint32_t n_parameters, cap_parameters;
  parameter *parameters;
  const char *condition[BLOK_SECTIONS];  // of a part that only some have
  const char *adds;                      // of the addition: a condition, "True", "False"
};

void blok_classes_begin(blok_classes *classes, blok_arena *arena, const blok_allocator *allocator) {
  *classes = (blok_classes){.arena = arena};
  blok_names_init(&classes->taken, allocator);
}

void blok_classes_free(blok_classes *classes) { blok_names_free(&classes->taken); }

const char *blok_hole(blok_arena *arena, const char *hint, const char *value) {
  return blok_arena_format(arena, "%c%s%c%s%c", OPEN, hint, MIDDLE, value, CLOSE);
}

const char *blok_hole_int(blok_arena *arena, const char *hint, int64_t value) {
  return blok_arena_format(arena, "%c%s%c%lld%c", OPEN, hint, MIDDLE, (long long)value, CLOSE);
}

// ---- Which class a block is of ------------------------------------------------------------------

// text without the values of its holes; NULL: no memory.
static const char *key_of(blok_arena *arena, const char *text) {
  char *key = blok_arena_text(arena, text);
  if (!key) return NULL;
  char *to = key;
  for (const char *from = key; *from; from++) {
    if (*from == MIDDLE) {
      from = strchr(from, CLOSE);
    }
    *to++ = *from;
  }
  *to = '\0';
  return key;
}

static bool part_fits(const blok_class *class, const char *const keys[BLOK_SECTIONS]) {
  for (int i = 0; i < BLOK_SECTIONS; i++) {
    if (keys[i] && class->part_key[i] && strcmp(keys[i], class->part_key[i]) != 0) return false;
  }
  return true;
}

static blok_status new_class(blok_classes *classes, const blok_instance *use, const char *key,
                             blok_error *error) {
  uint32_t number = 0;
  if (!blok_arena_grow(classes->arena, &classes->items, &classes->capacity, classes->n,
                       sizeof *classes->items)) {
    return blok_fail_memory(error, 0);
  }
  (void)blok_names_find(&classes->taken, use->stem, &number);
  blok_class *class = &classes->items[classes->n];
  *class = (blok_class){.key = key};
  class->name =
      number == 0 ? use->stem : blok_arena_format(classes->arena, "%s%u", use->stem, number + 1);
  if (!class->name || !blok_names_put(&classes->taken, use->stem, number + 1)) {
    return blok_fail_memory(error, 0);
  }
  classes->n++;
  return BLOK_OK;
}

blok_status blok_classes_put(blok_classes *classes, blok_instance *use, blok_error *error) {
  blok_arena *arena = classes->arena;
  const char *whole = blok_arena_format(arena, "%s|%s|%s|%s|%s", use->stem, use->kind, use->head,
                                        use->tail, use->forward[0] ? use->forward[4] : "");
  const char *key = whole ? key_of(arena, whole) : NULL;
  const char *parts[BLOK_SECTIONS] = {NULL, NULL};
  if (!key) return blok_fail_memory(error, 0);
  for (int i = 0; i < BLOK_SECTIONS; i++) {
    if (!use->part[i]) continue;
    const char *part = blok_arena_format(arena, "%s|%s", use->part[i], use->forward[4U | 1U << i]);
    parts[i] = part ? key_of(arena, part) : NULL;
    if (!parts[i]) return blok_fail_memory(error, 0);
  }
  uint32_t index = 0;
  while (index < classes->n && (strcmp(classes->items[index].key, key) != 0 ||
                                !part_fits(&classes->items[index], parts))) {
    index++;
  }
  if (index == classes->n) BLOK_TRY(new_class(classes, use, key, error));
  blok_class *class = &classes->items[index];
  if (!blok_arena_grow(arena, &class->uses, &class->capacity, class->n, sizeof *class->uses)) {
    return blok_fail_memory(error, 0);
  }
  for (int i = 0; i < BLOK_SECTIONS; i++) {
    if (parts[i]) class->part_key[i] = parts[i];
  }
  use->class_index = index;
  class->uses[class->n++] = use;
  return BLOK_OK;
}

// ---- Columns ------------------------------------------------------------------------------------

// Puts the values of text's holes, which is use's, into the columns from first on; the first text
// of a class makes them.
static blok_status take_holes(blok_class *class, blok_arena *arena, const char *text, uint32_t use,
                              uint32_t first, blok_error *error) {
  uint32_t at = first;
  for (const char *open = strchr(text, OPEN); open; open = strchr(open + 1, OPEN)) {
    const char *middle = strchr(open, MIDDLE), *close = strchr(open, CLOSE);
    if (at == class->n_columns) {
      if (!blok_arena_grow(arena, &class->columns, &class->cap_columns, at,
                           sizeof *class->columns)) {
        return blok_fail_memory(error, 0);
      }
      column *made = &class->columns[class->n_columns++];
      *made = (column){.parameter = -1};
      made->hint = blok_arena_textn(arena, open + 1, (size_t)(middle - open - 1));
      made->values = blok_arena_array(arena, class->n, sizeof *made->values);
      if (!made->hint || !made->values) return blok_fail_memory(error, 0);
    }
    const char *value = blok_arena_textn(arena, middle + 1, (size_t)(close - middle - 1));
    if (!value) return blok_fail_memory(error, 0);
    class->columns[at++].values[use] = value;
  }
  return BLOK_OK;
}

// Columns of one text of all uses, in the order head, parts, tail.
static blok_status take_text(blok_class *class, blok_arena *arena, int which, blok_error *error) {
  const uint32_t first = class->n_columns;
  for (uint32_t i = 0; i < class->n; i++) {
    const blok_instance *use = class->uses[i];
    const char *text = which == 0               ? use->head
                       : which <= BLOK_SECTIONS ? use->part[which - 1]
                                                : use->tail;
    if (text) BLOK_TRY(take_holes(class, arena, text, i, first, error));
  }
  return BLOK_OK;
}

// ---- Parameters ---------------------------------------------------------------------------------

// In the order in which they stand in a call; those that are always parameters come first, without
// a default and by their place.
static const char *const order[] = {"channels", "cin", "mid", "cout", "hidden", "se"};
enum { ORDER = sizeof order / sizeof *order, BY_PLACE = 5 };

static uint32_t rank_of(const char *name) {
  for (uint32_t i = 0; i < ORDER; i++) {
    if (strcmp(name, order[i]) == 0) return i;
  }
  return ORDER;
}

static bool is_constant(const column *col, uint32_t n) {
  const char *seen = NULL;
  for (uint32_t i = 0; i < n; i++) {
    if (!col->values[i]) continue;
    if (seen && strcmp(seen, col->values[i]) != 0) return false;
    seen = col->values[i];
  }
  return true;
}

// Some blocks do not have the column.
static bool is_absent(const column *col, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (!col->values[i]) return true;
  }
  return false;
}

static bool agree(const char *const *a, const char *const *b, uint32_t n) {
  bool both = false;
  for (uint32_t i = 0; i < n; i++) {
    if (!a[i] || !b[i]) continue;
    if (strcmp(a[i], b[i]) != 0) return false;
    both = true;
  }
  return both;
}

// Hints of numbers of channels, which may well be one number.
static bool is_width(const char *hint) { return rank_of(hint) < 4 || strcmp(hint, "groups") == 0; }

// Makes col a parameter that there is, one whose values agree; false: there is none.
static bool share_parameter(blok_class *class, column *col, bool constant) {
  for (uint32_t i = 0; i < class->n_parameters; i++) {
    parameter *other = &class->parameters[i];
    const bool same_hint = strcmp(other->hint, col->hint) == 0;
    if (!same_hint && ((constant && other->constant) || class->n == 1 || !is_width(col->hint) ||
                       !is_width(other->hint))) {
      continue;
    }
    if (!agree(other->values, col->values, class->n)) continue;
    col->parameter = (int32_t)i;
    for (uint32_t k = 0; k < class->n; k++) {
      if (!other->values[k]) other->values[k] = col->values[k];
    }
    const bool ends = (strcmp(other->name, "cin") == 0 && strcmp(col->hint, "cout") == 0) ||
                      strcmp(other->name, "channels") == 0;
    if (ends) {
      other->name = "channels";
    } else if (strcmp(other->name, "mid") == 0 && strcmp(col->hint, "cout") == 0) {
      other->name = "cout";
    }
    return true;
  }
  return false;
}

static blok_status new_parameter(blok_class *class, blok_arena *arena, column *col, bool constant,
                                 blok_error *error) {
  if (!blok_arena_grow(arena, &class->parameters, &class->cap_parameters, class->n_parameters,
                       sizeof *class->parameters)) {
    return blok_fail_memory(error, 0);
  }
  parameter *made = &class->parameters[class->n_parameters];
  *made = (parameter){.name = col->hint, .hint = col->hint, .constant = constant};
  made->values = blok_arena_copy(arena, col->values, class->n * sizeof *made->values);
  if (!made->values) return blok_fail_memory(error, 0);
  col->parameter = (int32_t) class->n_parameters++;
  return BLOK_OK;
}

// "kernel // 2" for a padding that is half of a kernel that is a parameter; NULL: it is not.
static const char *half_kernel(const blok_class *class, blok_arena *arena, const column *col) {
  if (strcmp(col->hint, "padding") != 0) return NULL;
  for (uint32_t i = 0; i < class->n_columns; i++) {
    const column *kernel = &class->columns[i];
    bool half = kernel->parameter >= 0 && strcmp(kernel->hint, "kernel") == 0;
    for (uint32_t k = 0; half && k < class->n; k++) {
      if (!col->values[k]) continue;
      half = kernel->values[k] && !strchr(kernel->values[k], '(') && !strchr(col->values[k], '(') &&
             atoi(kernel->values[k]) / 2 == atoi(col->values[k]);
    }
    if (half) return blok_arena_format(arena, "%c%d // 2", OPEN, (int)i);
  }
  return NULL;
}

static blok_status make_parameters(blok_class *class, blok_arena *arena, blok_error *error) {
  for (int pass = 0; pass < 2; pass++) {
    for (uint32_t i = 0; i < class->n_columns; i++) {
      column *col = &class->columns[i];
      const bool constant = is_constant(col, class->n);
      const bool padding = strcmp(col->hint, "padding") == 0;
      if (padding != (pass == 1)) continue;
      for (uint32_t k = 0; constant && k < class->n && !col->text; k++) col->text = col->values[k];
      if ((!constant || is_absent(col, class->n)) && share_parameter(class, col, constant))
        continue;
      if (constant && rank_of(col->hint) >= BY_PLACE) continue;
      col->text = half_kernel(class, arena, col);
      if (col->text || (constant && share_parameter(class, col, constant))) continue;
      BLOK_TRY(new_parameter(class, arena, col, constant, error));
    }
  }
  return BLOK_OK;
}

// Names that two parameters have get numbers.
static blok_status name_parameters(blok_class *class, blok_arena *arena, blok_error *error) {
  for (uint32_t i = 0; i < class->n_parameters; i++) {
    const char *stem = class->parameters[i].name;
    uint32_t number = 1;
    for (uint32_t k = 0; k < i; k++) {
      if (strcmp(class->parameters[k].name, class->parameters[i].name) != 0) continue;
      class->parameters[i].name = blok_arena_format(arena, "%s%u", stem, ++number);
      if (!class->parameters[i].name) return blok_fail_memory(error, 0);
      k = UINT32_MAX;
    }
  }
  return BLOK_OK;
}

// The value that most blocks have is the default, but for those that go by their place.
static void choose_default(const blok_class *class, parameter *one) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < class->n; i++) {
    if (!one->values[i]) {
      one->values[i] = "0";
      one->absent = true;
    }
  }
  if (rank_of(one->name) < BY_PLACE && !one->absent) return;
  for (uint32_t i = 0; i < class->n; i++) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < class->n; k++) count += strcmp(one->values[i], one->values[k]) == 0;
    if (count > most) {
      most = count;
      one->standard = one->values[i];
    }
  }
  if (one->absent) one->standard = "0";
}

// ---- Conditions ---------------------------------------------------------------------------------

static const parameter *find_named(const blok_class *class, const char *name) {
  for (uint32_t i = 0; i < class->n_parameters; i++) {
    if (strcmp(class->parameters[i].name, name) == 0) return &class->parameters[i];
  }
  return NULL;
}

static bool has(const blok_instance *use, int section) {
  return section < BLOK_SECTIONS ? use->part[section] != NULL : use->adds;
}

// Whether "stride is 1 and cin equals cout" is true just where the section has that answer. Where
// one of them is no parameter, it is the same everywhere and says nothing.
static bool keeps_shape(const blok_class *class, int section, bool answer) {
  const parameter *stride = find_named(class, "stride");
  const parameter *cin = find_named(class, "cin"), *cout = find_named(class, "cout");
  if (!cin || !cout) return false;
  for (uint32_t i = 0; i < class->n; i++) {
    const bool same = strcmp(cin->values[i], cout->values[i]) == 0 &&
                      (!stride || strcmp(stride->values[i], "1") == 0);
    if (same != (has(class->uses[i], section) == answer)) return false;
  }
  return true;
}

// What decides whether a block has the section; a flag of its own where no parameter tells.
static blok_status condition_of(blok_class *class, blok_arena *arena, int section, const char **out,
                                blok_error *error) {
  static const char *const flags[] = {"project", "se", "adds"};
  uint32_t count = 0;
  for (uint32_t i = 0; i < class->n; i++) count += has(class->uses[i], section);
  *out = count == 0 ? "False" : "True";
  if (count == 0 || count == class->n) return BLOK_OK;
  const bool stride = find_named(class, "stride") != NULL;
  if (section != BLOK_SECTION_SE && keeps_shape(class, section, section > BLOK_SECTION_SE)) {
    *out = section == BLOK_SECTION_SKIP ? stride ? "stride != 1 or cin != cout" : "cin != cout"
           : stride                     ? "stride == 1 and cin == cout"
                                        : "cin == cout";
    return BLOK_OK;
  }
  const parameter *own = find_named(class, flags[section]);
  *out = flags[section];
  if (own && own->absent) return BLOK_OK;
  if (!blok_arena_grow(arena, &class->parameters, &class->cap_parameters, class->n_parameters,
                       sizeof *class->parameters)) {
    return blok_fail_memory(error, 0);
  }
  parameter *flag = &class->parameters[class->n_parameters++];
  *flag = (parameter){.name = flags[section], .standard = "False"};
  flag->values = blok_arena_array(arena, class->n, sizeof *flag->values);
  if (!flag->values) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < class->n; i++) {
    flag->values[i] = has(class->uses[i], section) ? "True" : "False";
  }
  return BLOK_OK;
}

blok_status blok_classes_close(blok_classes *classes, uint32_t first, blok_error *error) {
  blok_arena *arena = classes->arena;
  for (uint32_t c = first; c < classes->n; c++) {
    blok_class *class = &classes->items[c];
    for (int which = 0; which <= BLOK_SECTIONS + 1; which++) {
      BLOK_TRY(take_text(class, arena, which, error));
    }
    BLOK_TRY(make_parameters(class, arena, error));
    BLOK_TRY(name_parameters(class, arena, error));
    for (uint32_t i = 0; i < class->n_parameters; i++) {
      choose_default(class, &class->parameters[i]);
    }
    for (int i = 0; i < BLOK_SECTIONS; i++) {
      BLOK_TRY(condition_of(class, arena, i, &class->condition[i], error));
    }
    BLOK_TRY(condition_of(class, arena, BLOK_SECTIONS, &class->adds, error));
    for (uint32_t i = 0; i < class->n; i++) {
      blok_instance *use = class->uses[i];
      use->values = blok_arena_array(arena, class->n_parameters + 1, sizeof *use->values);
      if (!use->values) return blok_fail_memory(error, 0);
      for (uint32_t k = 0; k < class->n_parameters; k++) {
        use->values[k] = class->parameters[k].values[i];
      }
    }
  }
  return BLOK_OK;
}

// ---- Text ---------------------------------------------------------------------------------------

// Takes away arguments that say what is so anyway: ", stride=1".
static void drop_defaults(char *text) {
  static const char *const needless[] = {", stride=1", ", padding=0", ", dilation=1", ", groups=1"};
  for (size_t i = 0; i < sizeof needless / sizeof *needless; i++) {
    const size_t length = strlen(needless[i]);
    for (char *at = strstr(text, needless[i]); at; at = strstr(at, needless[i])) {
      if (at[length] == ',' || at[length] == ')') {
        memmove(at, at + length, strlen(at + length) + 1);
      } else {
        at += length;
      }
    }
  }
}

// Calls visit for each parameter in the order of a call.
static void in_order(const blok_class *class, void (*visit)(void *context, uint32_t index),
                     void *context) {
  for (uint32_t place = 0; place <= ORDER; place++) {
    for (int with = 0; with < 2; with++) {
      for (uint32_t i = 0; i < class->n_parameters; i++) {
        const parameter *one = &class->parameters[i];
        const uint32_t rank = one->standard ? ORDER : rank_of(one->name);
        if (rank == place && (one->standard != NULL) == (with == 1)) visit(context, i);
      }
    }
  }
}

typedef struct call {
  const blok_class *class;
  const blok_instance *use;
  blok_arena *arena;
  bool holes;
  const char *text;  // NULL: no memory
} call;

// What a squeeze-excite's numbers mean to the block around it.
static const char *inner_hint(const char *name) {
  if (strcmp(name, "channels") == 0) return "mid";
  return strcmp(name, "hidden") == 0 ? "se" : name;
}

static void put_argument(void *context, uint32_t index) {
  call *self = context;
  const parameter *one = &self->class->parameters[index];
  const char *value = self->use->values[index];
  if (!self->text) return;
  if (!self->holes && one->standard && strcmp(one->standard, value) == 0) return;
  if (self->holes) value = blok_hole(self->arena, inner_hint(one->name), value);
  if (!value) {
    self->text = NULL;
    return;
  }
  self->text = blok_arena_format(self->arena, "%s%s%s%s%s", self->text, *self->text ? ", " : "",
                                 one->standard ? one->name : "", one->standard ? "=" : "", value);
}

const char *blok_classes_call(const blok_classes *classes, const blok_instance *use, bool holes) {
  const blok_class *class = &classes->items[use->class_index];
  call self = {class, use, classes->arena, holes, ""};
  in_order(class, put_argument, &self);
  return self.text ? blok_arena_format(classes->arena, "%s(%s)", class->name, self.text) : NULL;
}

const char *blok_classes_fill(blok_arena *arena, const char *text) {
  char *out = blok_arena_text(arena, text), *to = out;
  for (const char *from = out; from && *from; from++) {
    if (*from == OPEN) from = strchr(from, MIDDLE);
    if (*from != MIDDLE && *from != CLOSE) *to++ = *from;
  }
  if (!out) return NULL;
  *to = '\0';
  drop_defaults(out);
  return out;
}

typedef struct signature {
  const blok_class *class;
  blok_page *page;
} signature;

static void put_parameter(void *context, uint32_t index) {
  const signature *self = context;
  const parameter *one = &self->class->parameters[index];
  blok_page_put(self->page, one->standard ? ", %s=%s" : ", %s", one->name, one->standard);
}

// text with its holes filled, whose first column is *at.
static blok_status fill(const blok_classes *classes, const blok_class *class, const char *text,
                        uint32_t *at, char **out, blok_error *error) {
  blok_page page;
  blok_page_begin(&page, &classes->arena->allocator);
  for (const char *from = text; *from; from++) {
    if (*from != OPEN) {
      blok_page_put(&page, "%c", *from);
      continue;
    }
    const column *col = &class->columns[(*at)++];
    const char *filled = col->text;
    if (col->parameter >= 0) {
      filled = class->parameters[col->parameter].name;
    } else if (filled && *filled == OPEN) {
      const column *kernel = &class->columns[atoi(filled + 1)];
      filled =
          blok_arena_format(classes->arena, "%s // 2", class->parameters[kernel->parameter].name);
    }
    blok_page_put(&page, "%s", filled ? filled : "");
    from = strchr(from, CLOSE);
  }
  *out = page.failed ? NULL : blok_arena_text(classes->arena, page.text ? page.text : "");
  blok_page_free(&page);
  if (!*out) return blok_fail_memory(error, 0);
  drop_defaults(*out);
  return BLOK_OK;
}

// The first block that has the text, so that all its holes are there.
static const char *text_of(const blok_class *class, int section) {
  for (uint32_t i = 0; i < class->n; i++) {
    if (class->uses[i]->part[section]) return class->uses[i]->part[section];
  }
  return NULL;
}

// A statement's text four columns further in.
static void put_inner(blok_page *page, const char *text) {
  for (const char *c = text; *c; c++) blok_page_put(page, *c == '\n' ? "%c    " : "%c", *c);
}

static blok_status write_class(const blok_classes *classes, const blok_class *class,
                               blok_page *page, blok_error *error) {
  static const char *const names[] = {"downsample", "se"};
  const blok_instance *use = class->uses[0];
  const bool sequential = !use->forward[0];
  char *text = NULL;
  uint32_t at = 0;
  signature self = {class, page};
  blok_page_put(page, "\n\nclass %s(nn.%s):\n    def __init__(self", class->name,
                sequential ? "Sequential" : "Module");
  in_order(class, put_parameter, &self);
  blok_page_put(page, "):\n");
  if (!sequential) blok_page_put(page, "        super().__init__()\n");
  BLOK_TRY(fill(classes, class, use->head, &at, &text, error));
  blok_page_put(page, "%s", text);
  unsigned int form = 0;
  for (int i = 0; i < BLOK_SECTIONS; i++) {
    const char *part = text_of(class, i);
    if (!part) continue;
    form |= 1U << i;
    BLOK_TRY(fill(classes, class, part, &at, &text, error));
    if (strcmp(class->condition[i], "True") == 0) {
      blok_page_put(page, "        self.%s = %s\n", names[i], text);
    } else {
      blok_page_put(page, "        self.%s = nn.Identity()\n        if %s:\n", names[i],
                    class->condition[i]);
      blok_page_put(page, "            self.%s = ", names[i]);
      put_inner(page, text);
      blok_page_put(page, "\n");
    }
  }
  BLOK_TRY(fill(classes, class, use->tail, &at, &text, error));
  blok_page_put(page, "%s", text);
  if (sequential) return BLOK_OK;
  const bool sometimes = strcmp(class->adds, "True") != 0 && strcmp(class->adds, "False") != 0;
  if (sometimes) {
    blok_page_put(page, "        self.adds = %s\n", class->adds);
    form |= 4;
  }
  const blok_instance *full = use;
  for (uint32_t i = 0; i < class->n; i++) {
    if (has(class->uses[i], BLOK_SECTION_SE)) full = class->uses[i];
  }
  blok_page_put(page, "\n    def forward(self, x):\n%s", full->forward[form]);
  return BLOK_OK;
}

blok_status blok_classes_write(const blok_classes *classes, blok_page *page, blok_error *error) {
  for (uint32_t i = 0; i < classes->n; i++) {
    BLOK_TRY(write_class(classes, &classes->items[i], page, error));
  }
  return BLOK_OK;
}
