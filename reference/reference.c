// The dispatcher of the reference interpreter: one function an operator, from ops.def.
#include "reference/reference.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "graph/schemas.h"

typedef blok_status (*reference_fn)(blok_ref_call *call, blok_error *error);

static const reference_fn reference_table[BLOK_OP_COUNT] = {
#define OP(id, domain, name, infer, reference) [BLOK_OP_##id] = blok_ref_##reference,
#include "graph/ops.def"
#undef OP
};

blok_status blok_ref_CONTROL(blok_ref_call *call, blok_error *error) {
  return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                       "control flow is run by a session, not by the reference");
}

bool blok_reference_has(blok_op op) {
  return op > BLOK_OP_UNKNOWN && op < BLOK_OP_COUNT && reference_table[op] != NULL &&
         reference_table[op] != blok_ref_CONTROL;
}

// Every operand that the operator cannot do without is there, so that no function need ask.
static blok_status check_operands(const blok_ref_call *call, blok_error *error) {
  const char *domain = blok_node_domain(call->node);
  const blok_schema *schema =
      blok_schema_find(domain, call->node->op_type, blok_schema_latest_opset(domain));
  if (!schema) return BLOK_OK;
  if (call->n_in < schema->min_inputs) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "%u inputs where it needs %u", call->n_in,
                         schema->min_inputs);
  }
  if (call->n_out < schema->min_outputs) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "%u outputs where it makes %u", call->n_out,
                         schema->min_outputs);
  }
  for (uint32_t i = 0; i < schema->input_count; i++) {
    const blok_schema_formal *formal = blok_schema_input(schema, i);
    if (formal->option == BLOK_FORMAL_SINGLE && !blok_ref_in(call, i)) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s is missing",
                           blok_schema_text(formal->name));
    }
  }
  for (uint32_t i = 0; i < schema->output_count; i++) {
    const blok_schema_formal *formal = blok_schema_output(schema, i);
    if (formal->option == BLOK_FORMAL_SINGLE && (i >= call->n_out || !call->out[i])) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "output %s is missing",
                           blok_schema_text(formal->name));
    }
  }
  return BLOK_OK;
}

blok_status blok_reference_run(blok_ref_call *call, blok_error *error) {
  blok_op op = call->node->op;
  if (op <= BLOK_OP_UNKNOWN || op >= BLOK_OP_COUNT || !reference_table[op]) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "this build has no such operator");
  }
  BLOK_TRY(check_operands(call, error));
  return reference_table[op](call, error);
}

blok_status blok_ref_fail(const blok_ref_call *call, blok_error *error, blok_status status,
                          const char *format, ...) {
  char text[BLOK_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return BLOK_FAIL(error, status, "%s node '%s': %s", blok_quote(call->node->op_type).text,
                   blok_node_label(call->graph, call->node).text, text);
}

blok_status blok_ref_unsupported_type(const blok_ref_call *call, blok_error *error,
                                      blok_dtype dtype) {
  return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                       "elements of type %s are not supported here", blok_dtype_name(dtype));
}

blok_status blok_ref_axis(const blok_ref_call *call, const blok_tensor *in, uint32_t *out,
                          blok_error *error) {
  int64_t asked = blok_node_int(call->node, "axis", 0);
  if (blok_axis_normal(asked, in->rank, out)) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %lld is out of range for input %s",
                       (long long)asked, blok_print_dims(in->dims, in->rank).text);
}

blok_status blok_ref_scratch(const blok_ref_call *call, size_t count, size_t size, void *out,
                             blok_error *error) {
  void **block = out;
  *block = blok_alloc_array(call->allocator, count, size);
  if (!*block) {
    size_t bytes;
    return blok_fail_memory(error, blok_mul_size(count, size, &bytes) ? bytes : SIZE_MAX);
  }
  return BLOK_OK;
}
