// A session: one place where a model runs.
//
// A session does one run at a time; make one per thread. Making it plans the model and reads its
// weights, which are kept for its life. reshape takes the memory for all values whose size follows
// from the inputs' shapes; a run on those shapes takes more only for values whose size the data
// decide, and for scratch while an operator computes.
#ifndef BLOK_SESSION_H
#define BLOK_SESSION_H

#include <blok/model.h>
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
} blok_session_options;

#define BLOK_SESSION_OPTIONS_INIT \
  { sizeof(blok_session_options), NULL, NULL, false, NULL, NULL }

// Makes a session. The model may be freed before the session is. Fails with the model's own reason
// when it is not runnable (blok_model_runnable).
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
