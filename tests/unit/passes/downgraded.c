// See downgraded.h.
#include "downgraded.h"

#include <check.h>
#include <string.h>

#include "passes/downgrade.h"

void convert_to(net *self, int64_t opset, const char *ops) {
  blok_error error = BLOK_ERROR_INIT;
  blok_module_free(&self->work);
  blok_status status = blok_convert_opset(self->module, opset, NULL, &self->work, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  status = blok_graph_verify(self->work->graph, true, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_int_eq(blok_module_opset(self->work, ""), opset);
  ck_assert_str_eq(net_ops(self), ops);
}

void convert_refused(net *self, int64_t opset, blok_status status, const char *text) {
  blok_error error = BLOK_ERROR_INIT;
  blok_module_free(&self->work);
  ck_assert_int_eq(blok_convert_opset(self->module, opset, NULL, &self->work, &error), status);
  ck_assert_ptr_null(self->work);
  ck_assert_msg(strstr(error.message, text) != NULL, "'%s' is not in: %s", text, error.message);
}

void converted_gives(const net *self, const blok_tensor *x, const char *dims, const float *want) {
  net run = {.module = self->work, .graph = self->work->graph};
  net_work(&run);
  net_check(&run, x, 1, "y", dims, want);
  blok_module_free(&run.work);
}

void begin(net *self, int64_t opset, const char *dims) {
  net_make(self, opset);
  net_input(self, "x", BLOK_F32, dims);
}

void expect_spelled(net *self, int64_t opset, const char *ops, const blok_tensor *x,
                    const char *dims, const float *want) {
  net_output(self, "y");
  convert_to(self, opset, ops);
  converted_gives(self, x, dims, want);
  net_free(self);
}
