// quiet_run MODEL: runs a model on zeros, its shapes known, and fails when a run allocates. Before
// and after the runs that count, "begin" and "end" go to standard error by one write each, so that
// who traces the program sees which system calls a run makes. An open axis is 1, from the third on
// it is 8.
#define _GNU_SOURCE
#include <blok/blok.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// ---- malloc, counted ----------------------------------------------------------------------------

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *block, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *block);

static atomic_int counting, calls;

static void count(void) {
  if (atomic_load(&counting)) atomic_fetch_add(&calls, 1);
}

void *malloc(size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void *calloc(size_t number, size_t bytes) {
  count();
  return __libc_calloc(number, bytes);
}
void *realloc(void *block, size_t bytes) {
  count();
  return __libc_realloc(block, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **out, size_t alignment, size_t bytes) {
  count();
  *out = __libc_memalign(alignment, bytes);
  return *out ? 0 : 12;
}
void free(void *block) {
  if (block) count();
  __libc_free(block);
}

// ---- The runs -----------------------------------------------------------------------------------

enum { MOST = 8, RUNS = 20 };

static void say(const char *words) {
  if (write(STDERR_FILENO, words, strlen(words)) < 0) exit(3);
}

static void fail(const blok_error *error) {
  fprintf(stderr, "quiet_run: %s\n", error->message);
  exit(2);
}

static blok_tensor zeros(const blok_value_info *info) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = info->dtype;
  tensor.rank = (uint32_t)info->rank;
  size_t bytes = blok_dtype_bits(info->dtype) / 8;
  for (uint32_t i = 0; i < tensor.rank; i++) {
    const int64_t size = info->axes[i].value;
    tensor.dims[i] = size >= 0 ? size : i < 2 ? 1 : 8;
    bytes *= (size_t)tensor.dims[i];
  }
  tensor.data = calloc(bytes + 1, 1);
  tensor.bytes = bytes;
  return tensor;
}

int main(int argc, char **argv) {
  blok_model *model = NULL;
  blok_session *session = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_tensor inputs[MOST], outputs[MOST];
  if (argc != 2) return 2;
  options.threads = 2;
  if (blok_model_open(argv[1], NULL, &model, &error) != BLOK_OK) fail(&error);
  if (blok_session_new(model, &options, &session, &error) != BLOK_OK) fail(&error);
  if (blok_model_get_info(model, &info) != BLOK_OK || info.inputs > MOST || info.outputs > MOST) {
    return 2;
  }
  for (size_t i = 0; i < info.inputs; i++) {
    blok_value_info input = BLOK_VALUE_INFO_INIT;
    if (blok_model_input(model, i, &input) != BLOK_OK || input.rank < 0) return 2;
    inputs[i] = zeros(&input);
  }
  for (size_t i = 0; i < info.outputs; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  if (blok_session_reshape(session, inputs, info.inputs, &error) != BLOK_OK) fail(&error);
  // The pool's threads have begun by then.
  const struct timespec moment = {0, 100000000};
  nanosleep(&moment, NULL);
  say("begin\n");
  atomic_store(&counting, 1);
  for (int run = 0; run < RUNS; run++) {
    if (blok_session_run(session, inputs, info.inputs, outputs, info.outputs, &error) != BLOK_OK) {
      fail(&error);
    }
  }
  atomic_store(&counting, 0);
  say("end\n");
  const int counted = atomic_load(&calls);
  printf("%d calls of malloc and free in %d runs\n", counted, RUNS);
  for (size_t i = 0; i < info.inputs; i++) free(inputs[i].data);
  blok_session_free(&session);
  blok_model_free(&model);
  return counted == 0 ? 0 : 1;
}
