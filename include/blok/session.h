// A session: one place where a model runs.
//
// A session does one run at a time; make one per thread. reshape plans the model for the inputs'
// shapes, packs the weights that the plan wants, and takes the memory for all values whose size
// follows from these shapes; a run on those shapes takes more only for values whose size the data
// decide, and for scratch of operators that have no kernel. Packed weights belong to the model: its
// sessions share them, for whatever shapes, and they stay with it between sessions.
//
// blok/plan.h tells what a session has become: its memory, its steps, the time of each.
#ifndef BLOK_SESSION_H
#define BLOK_SESSION_H

#include <blok/model.h>
#include <blok/pool.h>
#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct blok_session blok_session;

typedef struct blok_session_options {
  uint32_t struct_size;
  const blok_allocator *allocator;  // NULL: the model's
  const blok_limits *limits;        // NULL: the model's
  bool fixed_shapes;  // run refuses shapes other than those of the last reshape; default: it
                      // reshapes
  blok_progress_fn progress;  // called before each step; NULL: none
  void *progress_context;
  // Who computes. A program with several models gives all sessions one pool. Without one, sessions
  // of a model share threads that belong to the model, one for each processor that this process may
  // use: while one of them runs on these, a session that runs at the same moment computes on its
  // caller's thread alone, so that a server with more sessions than processors is no slower for it.
  blok_pool *pool;   // kept by the session; NULL: the model's, or the session's own by threads
  uint32_t threads;  // with a pool: at most so many of its threads. Without: 1 makes no threads,
                     // more are the session's own. 0: all of them
  const char *isa;   // instruction set: "scalar", "avx2", "avx512". NULL: what the environment
                     // variable BLOK_ISA says, or else the best that this CPU has
  bool no_blocks;    // each node for itself: nothing is done together with what it follows
  bool reference;    // each node by the reference interpreter: slow, one thread, sums in double
} blok_session_options;

#define BLOK_SESSION_OPTIONS_INIT \
  { sizeof(blok_session_options), NULL, NULL, false, NULL, NULL, NULL, 0, NULL, false, false }

// Makes a session; the options are read during the call. The model may be freed before the session
// is. Fails with the model's own reason when it is not runnable (blok_model_runnable).
// BLOK_E_ARGUMENT: an instruction set that this build or this CPU does not have, or more threads
// than BLOK_POOL_MOST_THREADS.
BLOK_API BLOK_MUST_CHECK blok_status blok_session_new(const blok_model *model,
                                                      const blok_session_options *options,
                                                      blok_session **out, blok_error *error);

// Frees the session and sets *session to NULL; NULL is allowed.
BLOK_API void blok_session_free(blok_session **session);

// Fixes the inputs' shapes (dtype, rank and dims of each tensor; data is not read) and sizes every
// value. count must be the model's number of inputs, in its order.
BLOK_API BLOK_MUST_CHECK blok_status blok_session_reshape(blok_session *session,
                                                          const blok_tensor *inputs, size_t count,
                                                          blok_error *error);

// Shape and type of an output after reshape; data and bytes are left alone. dims of -1 stand for
// sizes that only a run knows; BLOK_E_SHAPE when not even the rank is known. Not while it runs.
BLOK_API BLOK_MUST_CHECK blok_status blok_session_output_shape(const blok_session *session,
                                                               size_t index, blok_tensor *out,
                                                               blok_error *error);

// Runs the model. inputs are in the model's order and are only read. Each outputs[i] either has
// data and bytes of the caller's, which are filled (BLOK_E_BUFFER if too small: bytes is then what
// is needed, of every such output; else bytes stays the capacity), or data NULL: then data points
// into the session, or to an input that the model hands through, until the next run, reshape or
// end. Such a tensor may be handed to the session's next run as it is, which points it anew.
// dtype, rank and dims of each output are set. output_count may be less than the model has.
BLOK_API BLOK_MUST_CHECK blok_status blok_session_run(blok_session *session,
                                                      const blok_tensor *inputs, size_t input_count,
                                                      blok_tensor *outputs, size_t output_count,
                                                      blok_error *error);

// Reads one TensorProto from a .pb file into memory of the allocator (NULL: malloc), the characters
// of strings included. Free it with blok_tensor_free and the same allocator. name, when not NULL,
// receives the tensor's name, cut to name_size bytes.
BLOK_API BLOK_MUST_CHECK blok_status blok_tensor_read_pb(const char *path,
                                                         const blok_allocator *allocator,
                                                         char *name, size_t name_size,
                                                         blok_tensor *out, blok_error *error);

// Frees what blok_tensor_read_pb made and sets data to NULL; NULL is allowed.
BLOK_API void blok_tensor_free(const blok_allocator *allocator, blok_tensor *tensor);

// Elements of a tensor: the product of dims, 1 for a scalar; SIZE_MAX when it overflows or the rank
// is above BLOK_MAX_RANK; 0 for NULL.
BLOK_API size_t blok_tensor_count(const blok_tensor *tensor);

// A string element, in tensors of BLOK_STRING: data is an array of these.
typedef struct blok_text {
  const char *bytes;  // not terminated
  size_t size;
} blok_text;

#ifdef __cplusplus
}
#endif
#endif  // BLOK_SESSION_H
