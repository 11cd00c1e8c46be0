// `blok inspect --html`: one page that shows the graph by its blocks and needs nothing else.
//
// The page is tools/html/page.html with page.css, the model as JSON and the scripts put in where it
// has marks; the program carries these files. model.js reads the model and says in words what a
// block is, graph.js draws levels of blocks and nodes, details.js shows what is chosen, the search,
// and what stands above and below the graph.
#ifndef BLOK_TOOLS_HTML_H
#define BLOK_TOOLS_HTML_H

#include "tools/cli.h"
#include "tools/json.h"

// Writes the page of model to path whole or not at all ("-": standard output). Weights are read one
// by one for their statistics. Gives the exit status; model_path is for the title and messages.
int blok_html_write(blok_cli *cli, const char *path, const char *model_path,
                    const blok_model *model);

// The model as the page reads it. context of progress may be NULL.
blok_status blok_html_model(FILE *out, const char *model_path, const blok_model *model,
                            blok_progress_fn progress, void *context, blok_error *error);

// ---- Statistics of a tensor (html_stats.c) ------------------------------------------------------

#define BLOK_HTML_BARS 24

typedef struct blok_html_stats {
  size_t count, zeros, nan, inf;  // elements; of complex numbers each part counts
  double min, max, mean, std;     // of those that are finite; 0 when there are none
  uint32_t bars[BLOK_HTML_BARS];  // how many lie in each of as many equal steps from min to max
} blok_html_stats;

void blok_html_measure(const blok_tensor *tensor, blok_html_stats *out);

#endif  // BLOK_TOOLS_HTML_H
