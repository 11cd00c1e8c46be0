// Blok: an ONNX converter and runtime in C. This header brings in the whole public interface.
//
//   blok_model *model = NULL;
//   blok_session *session = NULL;
//   blok_error error = BLOK_ERROR_INIT;
//   if (blok_model_open("resnet18.onnx", NULL, &model, &error) != BLOK_OK) puts(error.message);
//   if (blok_session_new(model, NULL, &session, &error) != BLOK_OK) puts(error.message);
//   ... blok_session_run(session, inputs, 1, outputs, 1, &error) ...
//   blok_session_free(&session);
//   blok_model_free(&model);
#ifndef BLOK_BLOK_H
#define BLOK_BLOK_H

#include <blok/arrays.h>
#include <blok/blocks.h>
#include <blok/build.h>
#include <blok/diff.h>
#include <blok/edit.h>
#include <blok/model.h>
#include <blok/nets.h>
#include <blok/plan.h>
#include <blok/pool.h>
#include <blok/session.h>
#include <blok/source.h>
#include <blok/status.h>
#include <blok/types.h>
#include <blok/version.h>

#endif  // BLOK_BLOK_H
