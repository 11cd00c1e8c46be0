// `blok check`: the guide's quick tests of a model and of each of its blocks.
//
// A block is tested on its own: cut out of the model at its entry and exit, run on noise, and run
// once more when its nodes are written anew from its descriptor. Where the file has no name for its
// entry or exit (inside a local function, or where the exporter spelled it another way) it is cut
// out of the model written anew, whose outputs are compared with the model's own. Blocks that are
// equal (descriptor, shapes, numbers of parameters and nodes) are one row and are tested once.
#ifndef BLOK_TOOLS_CHECK_H
#define BLOK_TOOLS_CHECK_H

#include "tools/feed.h"
#include "tools/json.h"
#include "tools/open.h"

// What came of a test.
typedef enum blok_check_state {
  BLOK_CHECK_NONE = 0,     // there is nothing to test
  BLOK_CHECK_OK = 1,       //
  BLOK_CHECK_FAILED = 2,   // why says what is wrong
  BLOK_CHECK_SKIPPED = 3,  // the block could not be tested; why says the reason
  BLOK_CHECK_LATER = 4     // Blok cannot do that yet
} blok_check_state;

typedef struct blok_check_mark {
  blok_check_state state;
  char why[400];  // one line, fit to be printed; "" where state says all
} blok_check_mark;

// The guide's checklist.
enum {
  BLOK_CHECK_SHAPE,       // F(x) and skip(x) meet, the output has the shape that was inferred
  BLOK_CHECK_DOWNSAMPLE,  // the skip path follows the stride
  BLOK_CHECK_CHANNELS,    // and the change of channels
  BLOK_CHECK_ORDER,       // norms and activations stand where the descriptor says
  BLOK_CHECK_COUNT
};

// A shape as numbers; rank -1: unknown, dims of -1: open.
typedef struct blok_check_shape {
  int32_t rank;
  int64_t dims[BLOK_MAX_RANK];
} blok_check_shape;

// Equal blocks.
typedef struct blok_check_row {
  size_t block;  // index of the first
  size_t times;  // how many there are
  const blok_block *facts;
  blok_check_shape in, out;
  blok_check_mark marks[BLOK_CHECK_COUNT];
} blok_check_row;

typedef struct blok_check_job {
  blok_cli *cli;
  blok_bindings bindings;
  const char *name;  // of the model or net, in tables
  const char *path;  // NULL: a net that was built
  blok_model *model;
  blok_model *shaped;  // model with the inputs' shapes fixed, or NULL: model has them fixed already
  blok_model *anew;    // with every block written anew: made when a block needs it
  blok_check_mark anew_same;  // whether its outputs are the model's
  blok_feed feed;
  blok_cli_progress progress;
  blok_session *session;  // of model; keeps the outputs' numbers
  size_t output_count;
  blok_tensor *made;
  blok_check_shape *outputs;
  blok_check_mark forward, downsample, gradient;
  size_t row_count;
  blok_check_row *rows;
} blok_check_job;

// The model whose blocks the rows are of.
const blok_model *blok_check_model(const blok_check_job *job);

blok_check_shape blok_check_shape_of(const blok_tensor *tensor);
blok_check_shape blok_check_shape_of_axes(const blok_axis *axes, int32_t rank);
bool blok_check_same_shape(const blok_check_shape *a, const blok_check_shape *b);

// Whether made is what inferred says, as far as that is known.
bool blok_check_fits(const blok_check_shape *made, const blok_check_shape *inferred);

// "(2, 16, 32, 32)" as Python has it; "?" for what is open.
blok_shown blok_check_shape_text(const blok_check_shape *shape);

// Sets the state, and why as printf makes it.
void blok_check_set(blok_check_mark *mark, blok_check_state state, const char *format, ...)
    BLOK_PRINTF(3, 4);

// The outermost blocks as rows, equal ones together.
void blok_check_rows(blok_check_job *job);

// Tests the block of row on its own and fills its marks.
void blok_check_block(blok_check_job *job, blok_check_row *row);

// Whether no test failed.
bool blok_check_good(const blok_check_job *job);

// The words of states and of the checklist: "ok", "not yet"; "channel transition".
const char *blok_check_state_name(blok_check_state state);
const char *blok_check_name(int check);

void blok_check_print(const blok_check_job *job);
void blok_check_json(const blok_check_job *job);

#endif  // BLOK_TOOLS_CHECK_H
