// Where -o puts the outputs of a run.
//
//   -o FILE.npy   the only output of the only run
//   -o -          the same on standard output
//   -o DIR        DIR/output_N.npy; with several pictures DIR/STEM/output_N.npy, where STEM is the
//                 picture's name without its ending, with "-2", "-3" ... behind it when it came
//                 before
#ifndef BLOK_TOOLS_PLACE_H
#define BLOK_TOOLS_PLACE_H

#include "tools/cli.h"

typedef struct blok_place {
  const char *path;  // as given; NULL: nothing is written
  bool is_file;
  bool is_stdout;
  bool made;     // the folder did not stand before
  char **stems;  // of the pictures, owned; NULL: one run
} blok_place;

// Finds out which of the three forms path has. Nothing is made yet.
void blok_place_begin(blok_place *place, const char *path);

// Makes the folder (its parent must stand) or checks that it can be written to, and names the runs
// of several pictures. BLOK_E_IO.
BLOK_MUST_CHECK blok_status blok_place_make(blok_place *place, const char *const *pictures,
                                            size_t count, blok_error *error);

// Writes output index of run. *file: the path written, to be freed with free(); NULL for standard
// output and when nothing is written.
BLOK_MUST_CHECK blok_status blok_place_put(const blok_place *place, blok_cli *cli, size_t run,
                                           size_t index, const blok_tensor *tensor, char **file,
                                           blok_error *error);

// failed: folders that blok_place_make made and that are still empty are removed.
void blok_place_end(blok_place *place, size_t count, bool failed);

#endif  // BLOK_TOOLS_PLACE_H
