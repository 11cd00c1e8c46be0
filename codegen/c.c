// A model as a C program: the builder's calls that make it, and a main that loads the weights and
// writes ONNX.
#include "codegen/c.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *blok_c_keep(blok_c *self, const char *text) {
  self->failed = self->failed || !text;
  return text ? text : "";
}

const char *blok_c_quoted(blok_c *self, const char *name) {
  return blok_c_keep(self, blok_quoted_text(&self->arena, name));
}

const char *blok_c_number(blok_c *self, double number) {
  if (!isfinite(number)) self->needs[BLOK_C_MATH] = true;
  if (isnan(number)) return "NAN";
  if (isinf(number)) return number > 0 ? "INFINITY" : "-INFINITY";
  return blok_c_text(self, "%s", blok_print_number(number).text);
}

const char *blok_c_begin(blok_c *self, blok_value_id in, blok_value_id out) {
  const char *from = self->variables[in.i], *to = self->variables[out.i];
  if (strcmp(from, to) != 0) blok_page_put(self->page, "  %s = %s;\n", to, from);
  return to;
}

// ---- Items --------------------------------------------------------------------------------------

// Blocks of one descriptor in a row, of a stage, as a loop.
static void write_run(blok_c *self, uint32_t index, uint32_t count) {
  const blok_outline *outline = self->outline;
  const blok_item *item = &outline->items[index], *last = item + count - 1;
  const char *x = blok_c_begin(self, item->in, last->out);
  const char *name = count > 1 ? "name" : blok_c_quoted(self, item->path);
  const char *call = blok_c_block(self, item, name, x);
  if (count == 1) {
    blok_page_put(self->page, "  TRY(%s);\n", call);
    return;
  }
  const blok_stage *stage = &outline->stages[item->stage];
  const uint32_t first = index - stage->first;
  self->needs[BLOK_C_NAME] = true;
  blok_page_put(self->page, "  for (int i = %u; i < %u; i++) {\n", first, first + count);
  blok_page_put(self->page, "    snprintf(name, sizeof name, \"%s.%%d\", i);\n", stage->path);
  blok_page_put(self->page, "    TRY(%s);\n  }\n", call);
}

static uint32_t run_length(const blok_outline *outline, uint32_t first) {
  uint32_t n = 1;
  const blok_item *item = &outline->items[first];
  if (item->stage < 0) return 1;
  while (first + n < outline->n_items && outline->items[first + n].stage == item->stage &&
         blok_item_same(item, &outline->items[first + n])) {
    n++;
  }
  return n;
}

static blok_status write_item(blok_c *self, uint32_t *index, blok_error *error) {
  const blok_item *item = &self->outline->items[*index];
  uint32_t n = 1;
  const char *x = NULL;
  switch (item->kind) {
    case BLOK_ITEM_CONV:
    case BLOK_ITEM_RESIDUAL:
    case BLOK_ITEM_SE:
      n = run_length(self->outline, *index);
      write_run(self, *index, n);
      break;
    case BLOK_ITEM_LINEAR:
      x = blok_c_begin(self, item->in, item->out);
      blok_page_put(self->page,
                    "  TRY(blok_build_linear(builder, \"%s\", %lld, %s, &%s, error));\n",
                    item->path, (long long)item->features[1], item->bias ? "true" : "false", x);
      break;
    case BLOK_ITEM_NORM:
      x = blok_c_begin(self, item->in, item->out);
      blok_page_put(self->page,
                    "  TRY(blok_build_norm(builder, \"%s\", BLOK_NORM_BATCH, 0, %s, &%s, "
                    "error));\n",
                    item->path, blok_c_number(self, item->epsilon), x);
      break;
    case BLOK_ITEM_LAYER_NORM:
    case BLOK_ITEM_NODE:
      BLOK_TRY(blok_c_node(self, item, error));
      break;
  }
  *index += n;
  return BLOK_OK;
}

// ---- Inputs and outputs -------------------------------------------------------------------------

static blok_status write_inputs(blok_c *self, blok_error *error) {
  const blok_graph *graph = self->outline->graph;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value *value = blok_value_at(graph, graph->inputs[i].value);
    const blok_fact *fact = &self->outline->facts->of[graph->inputs[i].value.i];
    const char *dims = "";
    if (value->literal) continue;
    const char *dtype = blok_c_dtype(fact->dtype);
    if (fact->rank < 0 || !dtype) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                       "input '%s': its type or number of axes is not known; fix its shape first",
                       blok_quote(value->name).text);
    }
    for (int32_t k = 0; k < fact->rank; k++) {
      dims = blok_c_text(self, "%s%s%lld", dims, k ? ", " : "", (long long)fact->dims[k].value);
    }
    const char *shape = fact->rank
                            ? blok_c_text(self, "%d, (const int64_t[]){%s}", (int)fact->rank, dims)
                            : "0, NULL";
    blok_page_put(self->page, "  TRY(blok_build_input(builder, %s, %s, %s, &%s, error));\n",
                  blok_c_quoted(self, value->name), dtype, shape,
                  self->variables[graph->inputs[i].value.i]);
  }
  return BLOK_OK;
}

static blok_status write_outputs(blok_c *self, blok_error *error) {
  const blok_graph *graph = self->outline->graph;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const blok_value_id value = graph->outputs[i].value;
    const char *name = blok_value_at(graph, value)->name;
    if (!self->variables[value.i]) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "output '%s' is a constant of the model",
                       blok_quote(name).text);
    }
    blok_page_put(self->page, "  TRY(blok_build_output(builder, %s, %s, error));\n",
                  blok_c_quoted(self, name), self->variables[value.i]);
  }
  return BLOK_OK;
}

static blok_status write_body(blok_c *self, blok_error *error) {
  const blok_outline *outline = self->outline;
  BLOK_TRY(write_inputs(self, error));
  blok_page_put(self->page, "\n");
  for (uint32_t i = 0; i < outline->n_items;) BLOK_TRY(write_item(self, &i, error));
  blok_page_put(self->page, "\n");
  return write_outputs(self, error);
}

// ---- The program --------------------------------------------------------------------------------

static const char attribute_macros[][220] = {
    [BLOK_C_INT] = "#define INT(n, v) {.name = n, .type = \"int\", .i = v}\n",
    [BLOK_C_FLOAT] = "#define FLOAT(n, v) {.name = n, .type = \"float\", .f = v}\n",
    [BLOK_C_TEXT] = "#define TEXT(n, v) {.name = n, .type = \"string\", .text = v}\n",
    [BLOK_C_INTS] =
        "#define INTS(n, ...) \\\n"
        "  {.name = n, .type = \"ints\", .ints = (const int64_t[]){__VA_ARGS__}, \\\n"
        "   .count = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)}\n",
    [BLOK_C_FLOATS] =
        "#define FLOATS(n, ...) \\\n"
        "  {.name = n, .type = \"floats\", .floats = (const float[]){__VA_ARGS__}, \\\n"
        "   .count = sizeof((const float[]){__VA_ARGS__}) / sizeof(float)}\n",
};

static const char call_function[] =
    "// An operator of ONNX.\n"
    "static blok_status call(blok_builder *builder, const char *op_type, const char *name,\n"
    "                        size_t n_inputs, const blok_value_id *inputs, size_t n_attributes,\n"
    "                        const blok_build_attribute *attributes, size_t n_outputs,\n"
    "                        blok_value_id *outputs, blok_error *error) {\n"
    "  blok_operator op = BLOK_OPERATOR_INIT;\n"
    "  op.op_type = op_type;\n"
    "  op.inputs = inputs;\n"
    "  op.input_count = n_inputs;\n"
    "  op.attributes = attributes;\n"
    "  op.attribute_count = n_attributes;\n"
    "  return blok_build_operator(builder, name, &op, outputs, n_outputs, error);\n"
    "}\n\n";

static const char constant_function[] =
    "// A constant; where elements is NULL the weights' file has them.\n"
    "static blok_status constant(blok_builder *builder, const char *name, blok_dtype dtype,\n"
    "                            uint32_t rank, const int64_t *dims, const void *elements,\n"
    "                            blok_value_id *out, blok_error *error) {\n"
    "  blok_tensor tensor = BLOK_TENSOR_INIT;\n"
    "  void *zeros = NULL;\n"
    "  tensor.dtype = dtype;\n"
    "  tensor.rank = rank;\n"
    "  tensor.bytes = blok_dtype_bits(dtype) / 8;\n"
    "  for (uint32_t i = 0; i < rank; i++) {\n"
    "    tensor.dims[i] = dims[i];\n"
    "    tensor.bytes *= (size_t)dims[i];\n"
    "  }\n"
    "  memcpy(&tensor.data, &elements, sizeof elements);\n"
    "  if (!elements) tensor.data = zeros = calloc(tensor.bytes + 1, 1);\n"
    "  const blok_status status = blok_build_constant(builder, name, &tensor, out, error);\n"
    "  free(zeros);\n"
    "  return status;\n"
    "}\n\n";

static void write_head(blok_c *self, const char *weights_name, blok_page *page) {
  const bool constant = self->needs[BLOK_C_CONSTANT];
  blok_page_put(page,
                "// The network %s, written by Blok. Compile it with -lblok, and run it with the\n"
                "// weights, %s, and the name of the ONNX file that it is to write.\n",
                blok_c_quoted(self, self->outline->name), blok_c_quoted(self, weights_name));
  blok_page_put(page, "#include <blok/blok.h>\n%s#include <stdio.h>\n%s\n",
                self->needs[BLOK_C_MATH] ? "#include <math.h>\n" : "",
                constant ? "#include <stdlib.h>\n#include <string.h>\n" : "");
  blok_page_put(page,
                "#define TRY(call)                     \\\n"
                "  do {                                \\\n"
                "    status = (call);                  \\\n"
                "    if (status != BLOK_OK) goto done; \\\n"
                "  } while (0)\n");
  for (int i = BLOK_C_INT; i <= BLOK_C_FLOATS; i++) {
    if (self->needs[i]) blok_page_put(page, "%s", attribute_macros[i]);
  }
  blok_page_put(page, "\n%s%s", self->needs[BLOK_C_CALL] ? call_function : "",
                constant ? constant_function : "");
}

// The variables in use, each once, in the order in which they are first given a value.
static blok_status write_variables(blok_c *self, blok_page *page, blok_error *error) {
  const blok_graph *graph = self->outline->graph;
  blok_names seen;
  uint32_t other, results = 0;
  bool good = true;
  blok_names_init(&seen, &self->outline->allocator);
  const char *lead = "  blok_value_id ";
  for (uint32_t i = 1; i < graph->n_values && good; i++) {
    if (!self->variables[i] || blok_names_find(&seen, self->variables[i], &other)) continue;
    good = blok_names_put(&seen, self->variables[i], 0);
    blok_page_put(page, "%s%s", lead, self->variables[i]);
    lead = ", ";
  }
  for (uint32_t i = 0; i < self->constants; i++) {
    blok_page_put(page, "%sc%u", lead, i);
    lead = ", ";
  }
  for (uint32_t i = 0; i < self->outline->n_items; i++) {
    if (self->outline->items[i].kind != BLOK_ITEM_NODE) continue;
    const uint32_t n = blok_node_at(graph, self->outline->items[i].node)->n_outputs;
    if (n > 1 && n > results) results = n;
  }
  if (results) blok_page_put(page, "%sresults[%u]", lead, results);
  blok_page_put(page, ";\n");
  blok_names_free(&seen);
  return good ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status write_program(blok_c *self, const blok_page *body, const char *weights_name,
                                 blok_page *page, blok_error *error) {
  static const char *const declared[] = {
      [BLOK_C_BLOCK] = "  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;\n",
      [BLOK_C_CONV] = "  blok_conv_desc conv = BLOK_CONV_DESC_INIT;\n",
      [BLOK_C_RESIDUAL] = "  blok_residual_desc residual = BLOK_RESIDUAL_DESC_INIT;\n",
      [BLOK_C_SE] = "  blok_se_desc se = BLOK_SE_DESC_INIT;\n",
      [BLOK_C_NAME] = "  char name[80];\n"};
  write_head(self, weights_name, page);
  blok_page_put(
      page,
      "static blok_status build(const char *weights, blok_model **out, blok_error *error) "
      "{\n"
      "  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;\n"
      "  blok_builder *builder = NULL;\n");
  for (int i = BLOK_C_BLOCK; i <= BLOK_C_NAME; i++) {
    if (self->needs[i]) blok_page_put(page, "%s", declared[i]);
  }
  BLOK_TRY(write_variables(self, page, error));
  blok_page_put(page,
                "  blok_status status = BLOK_OK;\n"
                "  options.naming = BLOK_NAMING_TORCHVISION;\n");
  if (self->outline->opset > 18) {
    blok_page_put(page, "  options.opset = %lld;\n", (long long)self->outline->opset);
  }
  blok_page_put(page,
                "  TRY(blok_builder_new(&options, &builder, error));\n%s\n"
                "  TRY(blok_build_weights_npz(builder, weights, false, error));\n"
                "  TRY(blok_builder_finish(&builder, out, error));\n"
                "done:\n  blok_builder_free(&builder);\n  return status;\n}\n\n",
                body->text ? body->text : "");
  blok_page_put(page,
                "int main(int argc, char **argv) {\n"
                "  blok_error error = BLOK_ERROR_INIT;\n"
                "  blok_model *model = NULL;\n"
                "  if (argc != 3) {\n"
                "    fprintf(stderr, \"usage: %%s WEIGHTS.npz OUT.onnx\\n\", argv[0]);\n"
                "    return 2;\n"
                "  }\n"
                "  blok_status status = build(argv[1], &model, &error);\n"
                "  if (status == BLOK_OK) status = blok_model_save(model, argv[2], NULL, &error);\n"
                "  if (status != BLOK_OK) fprintf(stderr, \"%%s\\n\", error.message);\n"
                "  blok_model_free(&model);\n"
                "  return status != BLOK_OK;\n"
                "}\n");
  return BLOK_OK;
}

static blok_status write_all(blok_c *self, const char *weights_name, blok_page *page,
                             blok_error *error) {
  blok_page body;
  blok_status status = BLOK_OK;
  self->made = blok_arena_array(&self->arena, self->outline->graph->n_values, sizeof *self->made);
  if (!self->made) return blok_fail_memory(error, 0);
  blok_page_begin(&body, page->allocator);
  self->page = &body;
  BLOK_TRY_TO(done, write_body(self, error));
  BLOK_TRY_TO(done, write_program(self, &body, weights_name, page, error));
  blok_page_fold(page, BLOK_PAGE_WIDTH);
  if (self->failed || body.failed || page->failed) status = blok_fail_memory(error, 0);
done:
  blok_page_free(&body);
  return status;
}

blok_status blok_codegen_c(const blok_outline *outline, const char *weights_name, blok_page *page,
                           blok_error *error) {
  blok_c self = {.outline = outline,
                 .block = BLOK_BLOCK_OPTIONS_INIT,
                 .conv = BLOK_CONV_DESC_INIT,
                 .residual = BLOK_RESIDUAL_DESC_INIT,
                 .se = BLOK_SE_DESC_INIT};
  blok_arena_init(&self.arena, &outline->allocator);
  blok_status status = blok_outline_variables(outline, &self.arena, &self.variables, error);
  if (status == BLOK_OK) status = write_all(&self, weights_name, page, error);
  blok_arena_free(&self.arena);
  return status;
}
