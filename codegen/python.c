// A model as a PyTorch module: what is used of classes and functions, the class Net with its layers
// and forward, loading of the weights, and a run on noise.
#include "codegen/python.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *blok_py_keep(blok_python *self, const char *text) {
  self->failed = self->failed || !text;
  return text ? text : "";
}

const char *blok_py_list(blok_python *self, blok_page *list) {
  return blok_py_keep(self, blok_page_end(list, &self->arena));
}

const char *blok_py_hole(blok_python *self, const char *hint, const char *value) {
  return blok_py_keep(self, blok_hole(&self->arena, hint, value));
}

const char *blok_py_hole_int(blok_python *self, const char *hint, int64_t value) {
  return blok_py_hole(self, hint, blok_py(self, "%lld", (long long)value));
}

// ---- Stages -------------------------------------------------------------------------------------

// Items from first on whose modules are made by equal calls.
static uint32_t equal_run(const blok_outline *outline, uint32_t first, uint32_t end) {
  uint32_t n = 1;
  while (first + n < end && blok_item_same(&outline->items[first], &outline->items[first + n])) n++;
  return n;
}

static void write_stage(blok_python *self, const blok_stage *stage, blok_page *page) {
  const uint32_t end = stage->first + stage->count;
  const bool one = equal_run(self->outline, stage->first, end) == stage->count;
  blok_page_put(page, "        self.%s = nn.Sequential(", stage->path);
  for (uint32_t i = stage->first; i < end;) {
    const uint32_t n = equal_run(self->outline, i, end);
    const char *module = blok_python_module(self, i);
    const char *lead = one ? "" : "\n            ";
    if (n > 1) {
      blok_page_put(page, "%s*[%s for _ in range(%u)]", lead, module, n);
    } else {
      blok_page_put(page, "%s%s", lead, module);
    }
    i += n;
    blok_page_put(page, i < end ? "," : ")\n");
  }
}

// ---- Constants ----------------------------------------------------------------------------------

// A dtype of PyTorch for what numpy has; NULL where it has none.
static const char *type_of(blok_dtype dtype) {
  if (dtype == BLOK_U16 || dtype == BLOK_U32 || dtype == BLOK_U64) return NULL;
  return blok_dtype_name(dtype);
}

static blok_status write_constants(blok_python *self, blok_page *page, blok_error *error) {
  const blok_outline *outline = self->outline;
  for (uint32_t i = 0; i < outline->graph->n_values; i++) {
    const char *name = outline->constants[i];
    if (!name) continue;
    const blok_literal *literal = outline->graph->values[i].literal;
    const char *type = type_of(literal->dtype);
    if (!type) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "'%s' is of type %s, which PyTorch does not have",
                       blok_quote(outline->graph->values[i].name).text,
                       blok_dtype_name(literal->dtype));
    }
    const char *dims = blok_py_tuple(self, literal->dims, literal->rank, false);
    if (literal->dtype == BLOK_F32) {
      blok_page_put(page, "        self.%s = nn.Parameter(torch.empty(%s))\n", name, dims);
    } else {
      blok_page_put(page, "        self.register_buffer(\"%s\", torch.empty(%s, dtype=torch.%s))\n",
                    name, dims, type);
    }
  }
  return BLOK_OK;
}

// ---- Net ----------------------------------------------------------------------------------------

static blok_status write_init(blok_python *self, blok_page *page, blok_error *error) {
  const blok_outline *outline = self->outline;
  blok_page_put(page,
                "\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n");
  for (uint32_t i = 0; i < outline->n_items; i++) {
    const blok_item *item = &outline->items[i];
    if (item->stage >= 0) {
      const blok_stage *stage = &outline->stages[item->stage];
      if (stage->first == i) write_stage(self, stage, page);
    } else if (item->kind != BLOK_ITEM_NODE) {
      blok_page_put(page, "        self.%s = %s\n", item->path, blok_python_module(self, i));
    }
  }
  return write_constants(self, page, error);
}

static blok_status write_forward(blok_python *self, blok_page *page, blok_error *error) {
  const blok_outline *outline = self->outline;
  const blok_graph *graph = outline->graph;
  blok_page_put(page, "\n    def forward(self");
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const char *name = self->variables[graph->inputs[i].value.i];
    if (name) blok_page_put(page, ", %s", name);
  }
  blok_page_put(page, "):\n");
  for (uint32_t i = 0; i < outline->n_items; i++) {
    const blok_item *item = &outline->items[i];
    if (item->kind == BLOK_ITEM_NODE) {
      BLOK_TRY(blok_python_node(self, item->node, page, error));
      continue;
    }
    const blok_stage *stage = item->stage >= 0 ? &outline->stages[item->stage] : NULL;
    const blok_item *last = stage ? &outline->items[stage->first + stage->count - 1] : item;
    if (stage && stage->first != i) continue;
    blok_page_put(page, "        %s = self.%s(%s)\n", self->variables[last->out.i],
                  stage ? stage->path : item->path, self->variables[item->in.i]);
  }
  blok_page_put(page, "        return ");
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const char *name = self->variables[graph->outputs[i].value.i];
    if (!name) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "output '%s' is a constant of the model",
                       blok_quote(blok_value_at(graph, graph->outputs[i].value)->name).text);
    }
    blok_page_put(page, "%s%s", i ? ", " : "", name);
  }
  blok_page_put(page, "\n");
  return BLOK_OK;
}

// ---- Loading and running ------------------------------------------------------------------------

// An input of noise: an open first axis is 1, others are 224 in a picture and 16 elsewhere.
static const char *noise(blok_python *self, const blok_value_entry *input) {
  const blok_fact *fact = &self->outline->facts->of[input->value.i];
  int64_t dims[BLOK_MAX_RANK] = {0};
  const uint32_t rank = fact->rank < 0 ? 0 : (uint32_t)fact->rank;
  for (uint32_t i = 0; i < rank; i++) {
    dims[i] = fact->dims[i].value;
    if (dims[i] < 0) dims[i] = i == 0 ? 1 : rank == 4 ? 224 : 16;
  }
  const char *shape = blok_py_tuple(self, dims, rank, false);
  if (fact->dtype == BLOK_F32) return blok_py(self, "torch.randn(%s)", shape);
  const char *type = type_of(fact->dtype);
  return blok_py(self, "torch.zeros(%s, dtype=torch.%s)", shape, type ? type : "float32");
}

static void write_end(blok_python *self, blok_page *page) {
  const blok_graph *graph = self->outline->graph;
  blok_page_put(
      page,
      "\n\ndef load(path=pathlib.Path(__file__).with_suffix(\".npz\")):\n"
      "    net = Net()\n"
      "    with np.load(path) as arrays:\n"
      "        weights = {name: torch.from_numpy(arrays[name]) for name in arrays.files}\n"
      "    net.load_state_dict(weights)\n"
      "    return net.eval()\n");
  blok_page_put(page,
                "\n\nif __name__ == \"__main__\":\n    net = load()\n    with "
                "torch.no_grad():\n        y = net(");
  bool first = true;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    if (blok_value_at(graph, graph->inputs[i].value)->literal) continue;
    blok_page_put(page, "%s%s", first ? "" : ", ", noise(self, &graph->inputs[i]));
    first = false;
  }
  if (graph->n_outputs == 1) {
    blok_page_put(page, ")\n    print(tuple(y.shape))\n");
  } else {
    blok_page_put(page, ")\n    print(*(tuple(each.shape) for each in y), sep=\"\\n\")\n");
  }
}

static blok_status write_all(blok_python *self, blok_page *page, blok_error *error) {
  const char *name = blok_quoted_text(&self->arena, self->outline->name);
  blok_page body;
  blok_status status = BLOK_OK;
  if (!name) return blok_fail_memory(error, 0);
  blok_page_begin(&body, page->allocator);
  BLOK_TRY_TO(done, blok_python_blocks(self, error));
  BLOK_TRY_TO(done, write_init(self, &body, error));
  BLOK_TRY_TO(done, write_forward(self, &body, error));
  blok_page_put(page,
                "# The network %s, written by Blok.\nimport pathlib\n\nimport numpy as np\n"
                "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n",
                name);
  blok_python_helpers(self, page);
  BLOK_TRY_TO(done, blok_classes_write(&self->classes, page, error));
  blok_page_put(page, "%s", body.text ? body.text : "");
  write_end(self, page);
  blok_page_fold(page, BLOK_PAGE_WIDTH);
  if (self->failed || body.failed || page->failed) status = blok_fail_memory(error, 0);
done:
  blok_page_free(&body);
  return status;
}

blok_status blok_codegen_python(const blok_outline *outline, blok_page *page, blok_error *error) {
  blok_python self = {.outline = outline};
  blok_arena_init(&self.arena, &outline->allocator);
  blok_classes_begin(&self.classes, &self.arena, &outline->allocator);
  blok_status status = blok_outline_variables(outline, &self.arena, &self.variables, error);
  if (status == BLOK_OK) status = write_all(&self, page, error);
  blok_classes_free(&self.classes);
  blok_arena_free(&self.arena);
  return status;
}
