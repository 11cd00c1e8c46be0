// A plain node as a line of forward: its inputs as expressions, its operator's call, its outputs.
#include <string.h>

#include "base/error.h"
#include "codegen/python.h"

// ---- Inputs -------------------------------------------------------------------------------------

const blok_fact *blok_py_fact(const blok_py_call *call, uint32_t slot) {
  return &call->python->outline->facts->of[blok_node_input(call->node, slot).i];
}

int32_t blok_py_rank(const blok_py_call *call, uint32_t slot) {
  return blok_py_fact(call, slot)->rank;
}

bool blok_py_is_float(const blok_py_call *call, uint32_t slot) {
  const blok_dtype dtype = blok_py_fact(call, slot)->dtype;
  return dtype == BLOK_F32 || dtype == BLOK_F64 || dtype == BLOK_F16 || dtype == BLOK_BF16;
}

const char *blok_py_refuse(blok_py_call *call, const char *why) {
  call->why = why;
  return NULL;
}

static bool is_float(blok_dtype dtype) { return dtype == BLOK_F32 || dtype == BLOK_F64; }

// Element index of a short constant.
static const char *element(blok_python *self, const blok_inline *value, uint32_t index) {
  if (value->dtype == BLOK_BOOL) return value->ints[index] ? "True" : "False";
  if (!is_float(value->dtype)) return blok_py(self, "%lld", (long long)value->ints[index]);
  const blok_number number = blok_print_number(value->floats[index]);
  if (strchr("in-", number.text[0]) == NULL || (number.text[0] == '-' && number.text[1] != 'i')) {
    return blok_py(self, "%s", number.text);
  }
  return blok_py(self, "float(\"%s\")", number.text);
}

// "torch.tensor([1, 512])", with its type where Python's is another.
static const char *tensor(blok_python *self, const blok_inline *value) {
  blok_page items;
  const char *type = value->dtype == BLOK_I32                    ? ", dtype=torch.int32"
                     : value->dtype == BLOK_F64                  ? ", dtype=torch.float64"
                     : value->n == 0 && value->dtype == BLOK_I64 ? ", dtype=torch.int64"
                                                                 : "";
  if (value->rank == 0) return blok_py(self, "torch.tensor(%s%s)", element(self, value, 0), type);
  blok_page_begin(&items, &self->outline->allocator);
  for (uint32_t i = 0; i < value->n; i++) blok_page_item(&items, element(self, value, i));
  const char *list = blok_py(self, "torch.tensor([%s]%s)", blok_py_list(self, &items), type);
  if (value->rank == 1) return list;
  return blok_py(self, "%s.reshape(%s)", list,
                 blok_py_tuple(self, value->dims, value->rank, false));
}

const char *blok_py_tensor(const blok_py_call *call, uint32_t slot) {
  blok_python *self = call->python;
  const blok_value_id value = blok_node_input(call->node, slot);
  blok_inline text;
  if (!value.i) return NULL;
  if (self->variables[value.i]) return self->variables[value.i];
  if (self->outline->constants[value.i]) {
    return blok_py(self, "self.%s", self->outline->constants[value.i]);
  }
  return blok_outline_inline(self->outline, value, &text) ? tensor(self, &text) : NULL;
}

const char *blok_py_in(const blok_py_call *call, uint32_t slot) {
  const blok_value_id value = blok_node_input(call->node, slot);
  blok_inline text;
  if (!value.i || !blok_outline_inline(call->python->outline, value, &text) || text.n != 1) {
    return blok_py_tensor(call, slot);
  }
  const char *number = element(call->python, &text, 0);
  return *number == '-' ? blok_py(call->python, "(%s)", number) : number;
}

const char *blok_py_operand(const blok_py_call *call, uint32_t slot) {
  const blok_value_id value = blok_node_input(call->node, slot);
  blok_inline text;
  if (!value.i || !blok_outline_inline(call->python->outline, value, &text) || text.n != 1) {
    return blok_py_tensor(call, slot);
  }
  for (uint32_t i = 0; i < call->node->n_inputs && text.rank > 0; i++) {
    if (i != slot && blok_py_rank(call, i) >= (int32_t)text.rank) text.rank = 0;
  }
  return text.rank == 0 ? blok_py_in(call, slot) : blok_py_tensor(call, slot);
}

bool blok_py_ints(const blok_py_call *call, uint32_t slot, const char *attribute, uint32_t *n,
                  int64_t values[BLOK_INLINE_ELEMENTS]) {
  const blok_value_id value = blok_node_input(call->node, slot);
  blok_inline text;
  *n = 0;
  if (value.i) {
    if (!blok_outline_inline(call->python->outline, value, &text) || is_float(text.dtype)) {
      return false;
    }
    *n = text.n;
    memcpy(values, text.ints, text.n * sizeof *values);
    return true;
  }
  const int64_t *given = attribute ? blok_node_ints(call->node, attribute, n) : NULL;
  if (*n > BLOK_INLINE_ELEMENTS) return false;
  if (given && *n) memcpy(values, given, *n * sizeof *values);
  return true;
}

const char *blok_py_float(const blok_py_call *call, const char *attribute, float fallback) {
  const double number = (double)blok_node_float(call->node, attribute, fallback);
  return blok_py(call->python, "%s", blok_print_number(number).text);
}

bool blok_py_axis(const blok_py_call *call, int64_t fallback, int64_t *axis) {
  const int32_t rank = blok_py_rank(call, 0);
  *axis = blok_node_int(call->node, "axis", fallback);
  if (*axis < 0 && rank >= 0) *axis += rank;
  return *axis >= 0 && (rank < 0 || *axis <= rank);
}

const char *blok_py_tuple(blok_python *self, const int64_t *values, uint32_t n, bool same) {
  blok_page items;
  bool equal = n > 0;
  for (uint32_t i = 0; i < n; i++) equal = equal && values[i] == values[0];
  if (same && equal) return blok_py(self, "%lld", (long long)values[0]);
  blok_page_begin(&items, &self->outline->allocator);
  for (uint32_t i = 0; i < n; i++) {
    blok_page_item(&items, blok_py(self, "%lld", (long long)values[i]));
  }
  return blok_py(self, n == 1 ? "(%s,)" : "(%s)", blok_py_list(self, &items));
}

// ---- The line -----------------------------------------------------------------------------------

static blok_py_fn find(const char *op_type) {
  blok_py_fn found = blok_py_find_elementwise(op_type);
  if (!found) found = blok_py_find_layers(op_type);
  return found ? found : blok_py_find_movement(op_type);
}

blok_status blok_python_node(blok_python *self, blok_node_id id, blok_page *page,
                             blok_error *error) {
  const blok_graph *graph = self->outline->graph;
  const blok_node *node = blok_node_at(graph, id);
  blok_py_call call = {.python = self, .node = node, .id = id};
  const blok_py_fn write = *blok_node_domain(node) ? NULL : find(node->op_type);
  const char *text = write ? write(&call) : NULL;
  if (self->failed) return blok_fail_memory(error, 0);
  if (!text) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "%s node '%s' has no call in PyTorch%s%s; write C, or take the node out first",
                     blok_quote(node->op_type).text, blok_node_label(graph, node).text,
                     call.why ? ": " : "", call.why ? call.why : "");
  }
  blok_page names;
  blok_page_begin(&names, &self->outline->allocator);
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    blok_page_item(&names, node->outputs[i].i ? self->variables[node->outputs[i].i] : "_");
  }
  const char *out = blok_py_list(self, &names);
  const bool part = strcmp(node->op_type, "Split") == 0 && node->n_outputs == 1;
  if (strcmp(out, text) != 0)
    blok_page_put(page, "        %s%s = %s\n", out, part ? "," : "", text);
  return BLOK_OK;
}

// ---- Functions of fixed text --------------------------------------------------------------------

static const char *const helpers[BLOK_PY_HELPERS] = {
    [BLOK_PY_PADDED_CONV] =
        "class PaddedConv2d(nn.Conv2d):\n"
        "    def __init__(self, *args, pads, **options):\n"
        "        super().__init__(*args, **options)\n"
        "        self.pads = pads  # left, right, top, bottom\n\n"
        "    def forward(self, x):\n"
        "        return super().forward(F.pad(x, self.pads))\n",
    [BLOK_PY_LAYER_NORM] =
        "class LayerNorm2d(nn.LayerNorm):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)\n",
    [BLOK_PY_HARD_SIGMOID] =
        "class HardSigmoid(nn.Module):\n"
        "    def __init__(self, alpha, beta):\n"
        "        super().__init__()\n"
        "        self.alpha, self.beta = alpha, beta\n\n"
        "    def forward(self, x):\n"
        "        return torch.clamp(self.alpha * x + self.beta, 0, 1)\n",
    [BLOK_PY_PAD] =
        "class Pad(nn.Module):\n"
        "    def __init__(self, axis, before, behind):\n"
        "        super().__init__()\n"
        "        self.axis, self.pads = axis, (before, behind)\n\n"
        "    def forward(self, x):\n"
        "        return F.pad(x, (0, 0) * (x.dim() - 1 - self.axis) + self.pads)\n",
    [BLOK_PY_SLICE] =
        "class Slice(nn.Module):\n"
        "    def __init__(self, axis, begin, end, step):\n"
        "        super().__init__()\n"
        "        self.at = (slice(None),) * axis + (slice(begin, end, step),)\n\n"
        "    def forward(self, x):\n"
        "        return x[self.at]\n",
    [BLOK_PY_SCALE] =
        "class Scale(nn.Module):\n"
        "    def __init__(self, shape, divides=False):\n"
        "        super().__init__()\n"
        "        self.weight = nn.Parameter(torch.ones(shape))\n"
        "        self.divides = divides\n\n"
        "    def forward(self, x):\n"
        "        return x / self.weight if self.divides else x * self.weight\n",
    [BLOK_PY_RESHAPE] =
        "def reshape(x, shape, keep_zeros=False):\n"
        "    sizes = shape.tolist()\n"
        "    if not keep_zeros:\n"
        "        sizes = [x.shape[i] if n == 0 else n for i, n in enumerate(sizes)]\n"
        "    return x.reshape(sizes)\n",
    [BLOK_PY_SAME_PAD] =
        "def same_pad(x, kernel, stride, dilation, lower, value):\n"
        "    pads = []\n"
        "    for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation):\n"
        "        whole = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)\n"
        "        half = whole - whole // 2 if lower else whole // 2\n"
        "        pads = [half, whole - half] + pads\n"
        "    return F.pad(x, pads, value=value)\n",
    [BLOK_PY_GATHER] =
        "def gather(x, index, axis):\n"
        "    index = torch.where(index < 0, index + x.shape[axis], index)\n"
        "    shape = x.shape[:axis] + index.shape + x.shape[axis + 1:]\n"
        "    return x.index_select(axis, index.flatten()).reshape(shape)\n",
    [BLOK_PY_AVERAGE_POOL] =
        "def mean_of_windows(pool, pad, x, *window, **options):\n"
        "    counted = pool(pad(torch.ones_like(x)), *window, **options)\n"
        "    return pool(pad(x), *window, **options) / counted\n",
};

void blok_python_helpers(const blok_python *self, blok_page *page) {
  for (uint32_t i = 0; i < BLOK_PY_HELPERS; i++) {
    if (self->uses[i]) blok_page_put(page, "\n\n%s", helpers[i]);
  }
}
