// `blok inspect --tree`: model, stages, blocks, and a picture of each block.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/draw.h"
#include "tools/draw_words.h"
#include "tools/inspect.h"
#include "tools/outline.h"
#include "tools/terminal.h"
#include "tools/text.h"

typedef struct blok_tree {
  blok_cli *cli;
  const blok_outline *outline;
  char *const *pictures;  // of the outermost blocks
  bool utf8;
  blok_shown scope;  // that all names share: not worth saying
} blok_tree;

static const char *twig(const blok_tree *tree, bool last) {
  if (tree->utf8) return last ? "└─ " : "├─ ";
  return last ? "`- " : "|- ";
}

static const char *trunk(const blok_tree *tree, bool last) {
  if (last) return "   ";
  return tree->utf8 ? "│  " : "|  ";
}

static void print_bold(blok_cli *cli, const char *text) {
  fputs(cli->color ? "\033[1m" : "", cli->out);
  blok_show_to(cli->out, text);
  fputs(cli->color ? "\033[0m" : "", cli->out);
}

// The end of a block's line: its parameters and MACs, of one of `times` blocks.
static void print_numbers(const blok_tree *tree, const blok_block *block, size_t times) {
  FILE *out = tree->cli->out;
  fprintf(out, "   %s parameters", blok_group_digits(block->parameters).text);
  if (block->macs >= 0) {
    fprintf(out, ", %s MACs", blok_inspect_amount((uint64_t)block->macs).text);
  }
  fputs(times > 1 ? " each\n" : "\n", out);
}

// One block, or `times` alike that stand `period` apart.
static void print_block(const blok_tree *tree, size_t place, size_t period, size_t times,
                        const char *stem, bool last) {
  FILE *out = tree->cli->out;
  const blok_block *block = blok_outline_outer(tree->outline, place);
  const blok_block *end = blok_outline_outer(tree->outline, place + (times - 1) * period);
  fprintf(out, "%s%s", stem, twig(tree, last));
  print_bold(tree->cli, blok_block_kind_name(block->kind));
  fputs("  ", out);
  blok_show_to(out, block->name);
  if (times > 1) {
    fputs(" .. ", out);
    blok_show_to(out, end->name);
    fprintf(out, "  x %zu%s", times, period > 1 ? ", in turn" : "");
  }
  // The text begins with the block's numbers, which make blocks of other sizes other pictures.
  const char *next = tree->pictures[place];
  if (block->conv != NULL) {
    char *words = blok_draw_conv(block->conv, tree->utf8);
    fprintf(out, "   %s", words);
    free(words);
  }
  if (block->residual != NULL && block->residual->order != BLOK_ORDER_NONE) {
    fprintf(out, "   %s-activation", blok_order_name(block->residual->order));
  }
  print_numbers(tree, block, times);
  next = strchr(next, '\n');
  for (next = next == NULL ? "" : next + 1; *next != '\0';) {
    const size_t length = strcspn(next, "\n");
    fprintf(out, "%s%s   %.*s\n", stem, trunk(tree, last), (int)length, next);
    next += length + (next[length] == '\n');
  }
}

static void print_stage(const blok_tree *tree, size_t from, size_t end, bool last) {
  FILE *out = tree->cli->out;
  const blok_shown size = blok_outline_size(blok_outline_outer(tree->outline, from));
  const blok_shown scope = blok_outline_scope(tree->outline, from, end);
  fprintf(out, "%s\n%s", tree->utf8 ? "│" : "|", twig(tree, last));
  print_bold(tree->cli, size.text);
  if (scope.text[0] != '\0' && strcmp(scope.text, tree->scope.text) != 0) {
    fprintf(out, "  %s", scope.text);
  }
  fprintf(out, ", %zu block%s\n", end - from, end - from == 1 ? "" : "s");
  for (size_t at = from; at < end;) {
    size_t period = 0;
    size_t times = 0;
    blok_outline_fold(tree->pictures, at, end, &period, &times);
    for (size_t turn = 0; turn < period; turn++) {
      const bool final = at + period * times == end && turn + 1 == period;
      print_block(tree, at + turn, period, times, trunk(tree, last), final);
    }
    at += period * times;
  }
}

// A line of what the block is, then its picture.
static char *picture_of(const blok_outline *outline, size_t place, bool utf8) {
  const blok_block *block = blok_outline_outer(outline, place);
  char *picture = blok_draw_block(outline, outline->outer[place], utf8);
  char *conv = block->conv == NULL ? NULL : blok_draw_conv(block->conv, utf8);
  char *text = blok_textf("%d %" PRIu64 " %" PRId64 " %s\n%s", (int)block->kind, block->parameters,
                          block->macs, conv == NULL ? "" : conv, picture);
  free(picture);
  free(conv);
  return text;
}

void blok_inspect_tree(blok_cli *cli, const blok_model *model, const char *path) {
  blok_outline outline;
  blok_outline_fill(&outline, model);
  blok_inspect_heading(cli, "tree");
  if (outline.outers == 0) {
    fputs("  no blocks\n", cli->out);
    blok_outline_clear(&outline);
    return;
  }
  const bool utf8 = blok_terminal_utf8();
  char **pictures = blok_cli_alloc(outline.outers, sizeof *pictures);
  for (size_t i = 0; i < outline.outers; i++) pictures[i] = picture_of(&outline, i, utf8);
  const blok_tree tree = {cli, &outline, pictures, utf8,
                          blok_outline_scope(&outline, 0, outline.outers)};
  print_bold(cli, blok_cli_basename(path));
  fputc('\n', cli->out);
  for (size_t at = 0; at < outline.outers;) {
    const size_t end = blok_outline_stage_end(&outline, at);
    print_stage(&tree, at, end, end == outline.outers);
    at = end;
  }
  for (size_t i = 0; i < outline.outers; i++) free(pictures[i]);
  free(pictures);
  blok_outline_clear(&outline);
}
