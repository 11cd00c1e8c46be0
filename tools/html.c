// The page: its parts put together and written.
#define _POSIX_C_SOURCE 200809L
#include "tools/html.h"

#include <stdlib.h>
#include <string.h>

#include "tools/npy.h"
#include "tools/progress.h"

// Made at build time from tools/html/ (cmake/embed.cmake); each ends in a zero byte.
extern const char blok_html_page_html[], blok_html_page_css[];
extern const char blok_html_model_js[], blok_html_graph_js[], blok_html_details_js[];

// Writes text up to mark, and gives what stands behind it.
static const char *put_until(FILE *out, const char *text, const char *mark) {
  const char *end = strstr(text, mark);
  if (end == NULL) return text;
  fwrite(text, 1, (size_t)(end - text), out);
  return end + strlen(mark);
}

// Text between tags.
static void put_text(FILE *out, const char *text) {
  for (; *text != '\0'; text++) {
    switch (*text) {
      case '<':
        fputs("&lt;", out);
        break;
      case '>':
        fputs("&gt;", out);
        break;
      case '&':
        fputs("&amp;", out);
        break;
      default:
        fputc(*text, out);
    }
  }
}

static blok_status put_page(FILE *out, const char *model_path, const blok_model *model,
                            blok_progress_fn progress, void *context, blok_error *error) {
  const char *rest = put_until(out, blok_html_page_html, "<!-- title -->");
  put_text(out, blok_show(blok_cli_basename(model_path)).text);
  rest = put_until(out, rest, "/* style */");
  fputs(blok_html_page_css, out);
  rest = put_until(out, rest, "<!-- model -->");
  const blok_status status = blok_html_model(out, model_path, model, progress, context, error);
  if (status != BLOK_OK) return status;
  rest = put_until(out, rest, "/* script */");
  fputs(blok_html_model_js, out);
  fputs(blok_html_graph_js, out);
  fputs(blok_html_details_js, out);
  fputs(rest, out);
  return BLOK_OK;
}

int blok_html_write(blok_cli *cli, const char *path, const char *model_path,
                    const blok_model *model) {
  blok_error error = BLOK_ERROR_INIT;
  blok_cli_progress progress;
  char *page = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&page, &size);
  if (out == NULL) {
    (void)blok_cli_error(&error, BLOK_E_MEMORY, "no memory for the page");
    return blok_cli_fail(cli, BLOK_EXIT_MACHINE, &error);
  }
  blok_cli_progress_begin(&progress, cli);
  blok_status status = put_page(out, model_path, model, blok_cli_progress_step, &progress, &error);
  blok_cli_progress_end(&progress);
  const bool whole = ferror(out) == 0;
  int exit = BLOK_EXIT_DONE;
  if (fclose(out) != 0 || !whole) {
    if (status == BLOK_OK) status = blok_cli_error(&error, BLOK_E_MEMORY, "no memory for the page");
  }
  if (status != BLOK_OK) {
    exit = blok_cli_fail(cli, blok_cli_exit_working(status), &error);
  } else if (strcmp(path, "-") == 0) {
    (void)blok_cli_write(cli, page, size);
  } else {
    status = blok_file_replace(path, page, size, &error);
    if (status == BLOK_OK) {
      blok_cli_note(cli, "%s: %s, shows everything without a network", blok_show(path).text,
                    blok_group_bytes(size).text);
    } else {
      exit = blok_cli_fail(cli, BLOK_EXIT_MACHINE, &error);
    }
  }
  free(page);
  return exit;
}
