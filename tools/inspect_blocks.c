// The table of `blok inspect`: outermost blocks by stage, repeats folded into one row.
//
// A row is made of the block's cells; equal rows that follow one another, names left aside, become
// one. Where the table is wider than the terminal it is made again with less in it, step by step:
// first goes what other columns say too.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/inspect.h"
#include "tools/outline.h"
#include "tools/shape.h"
#include "tools/table.h"
#include "tools/terminal.h"
#include "tools/text.h"

enum {
  COLUMN_INDEX,
  COLUMN_BLOCK,
  COLUMN_NAME,
  COLUMN_TIMES,
  COLUMN_SKIP,
  COLUMN_ORDER,
  COLUMN_ADDITION,
  COLUMN_CHANNELS,
  COLUMN_STRIDE,
  COLUMN_GROUPS,
  COLUMN_SE,
  COLUMN_ACTIVATION,
  COLUMN_PARAMETERS,
  COLUMN_MACS,
  COLUMN_OUT,
  COLUMNS
};

static const char *const heads[COLUMNS] = {
    "#",      "block",  "name", "",           "skip path",  "order", "addition", "channels",
    "stride", "groups", "SE",   "activation", "parameters", "MACs",  "out"};

// The same where numbers and words are short.
static const char *const short_heads[COLUMNS] = {
    "#",      "block",  "name", "",           "skip",   "order", "then", "channels",
    "stride", "groups", "SE",   "activation", "params", "MACs",  "out"};

#define MOST_INDENTS 16

#define ALIGN "rlllllllrrllrrl"

// How much is left out for a narrow terminal: each step keeps the ones before it.
enum {
  NARROW_NOT,
  NARROW_OUT,         // no output shape: the stage's title and the channels say it
  NARROW_NUMBERS,     // 1.09 G
  NARROW_WORDS,       // "conv 1x1 /2" for "projection (conv 1x1 /2)", "relu" for "then relu", ...
  NARROW_KINDS,       // "inverted" for "inverted_bottleneck", ...
  NARROW_GATE,        // of squeeze-and-excitation only the hidden width
  NARROW_ACTIVATION,  // no activation
  NARROW_GROUPS,      // no groups
  NARROW_NAMES,       // names of 20 characters
  NARROW_SKIP,        // skip paths of 16
  NARROW_LAST = NARROW_SKIP
};

typedef struct blok_cell {
  char text[288];
} blok_cell;

// ---- The cells of a block -----------------------------------------------------------------------

static blok_cell number_cell(bool present, int64_t number) {
  blok_cell cell = {""};
  if (present) (void)snprintf(cell.text, sizeof cell.text, "%" PRId64, number);
  return cell;
}

static blok_cell text_cell(const char *text) {
  blok_cell cell;
  (void)snprintf(cell.text, sizeof cell.text, "%s", blok_show(text).text);
  return cell;
}

static const char *short_kind(blok_block_kind kind) {
  switch (kind) {
    case BLOK_CONV_NORM_ACT:
      return "conv";
    case BLOK_SQUEEZE_EXCITE:
      return "SE";
    case BLOK_INVERTED_BOTTLENECK:
      return "inverted";
    case BLOK_RESIDUAL_OTHER:
      return "other";
    case BLOK_RESIDUAL:
    case BLOK_BOTTLENECK:
    case BLOK_GATE:
      break;
  }
  return blok_block_kind_name(kind);
}

static blok_cell amount_cell(uint64_t amount, int narrow) {
  return text_cell(narrow >= NARROW_NUMBERS ? blok_inspect_amount(amount).text
                                            : blok_group_digits(amount).text);
}

// Text cut to most characters: its beginning and its end.
static blok_shown cut_text(const char *text, size_t most) {
  blok_shown shown = blok_show(text);
  const size_t width = blok_table_width(shown.text);
  if (width <= most || most < 8) return shown;
  const size_t behind = (most - 2) / 2;
  size_t at = 0;
  size_t out = 0;
  for (size_t i = 0; shown.text[i] != '\0'; i++) {
    at += ((unsigned char)shown.text[i] & 0xc0) != 0x80;
    if (at == most - 2 - behind + 1 && ((unsigned char)shown.text[i] & 0xc0) != 0x80) {
      shown.text[out++] = '.';
      shown.text[out++] = '.';
    }
    if (at <= most - 2 - behind || at > width - behind) shown.text[out++] = shown.text[i];
  }
  shown.text[out] = '\0';
  return shown;
}

// What the skip path is added to, where that is not all of F(x).
static blok_cell with_channels(blok_cell cell, const blok_block *block, int narrow) {
  const int32_t channels = block->residual->skip_channels;
  if (channels <= 0) return cell;
  const size_t used = strlen(cell.text);
  (void)snprintf(cell.text + used, sizeof cell.text - used,
                 narrow >= NARROW_WORDS ? " (%d of %d)" : " (first %d of %d channels)", channels,
                 block->out_channels);
  return cell;
}

static blok_cell skip_cell(const blok_block *block, int narrow) {
  blok_cell cell = text_cell("");
  if (!blok_inspect_has_addition(block)) return cell;
  if (block->residual->skip != BLOK_SKIP_PROJECTION || block->skip_of == NULL) {
    return with_channels(text_cell(blok_skip_name(block->residual->skip)), block, narrow);
  }
  const blok_shown of = cut_text(block->skip_of, narrow >= NARROW_SKIP ? 16 : sizeof(blok_shown));
  (void)snprintf(cell.text, sizeof cell.text, narrow >= NARROW_WORDS ? "%s" : "projection (%s)",
                 of.text);
  return with_channels(cell, block, narrow);
}

static blok_cell addition_cell(const blok_block *block, int narrow) {
  blok_cell cell = text_cell("");
  if (!blok_inspect_has_addition(block)) return cell;
  const blok_activation after = block->residual->after_add;
  (void)snprintf(cell.text, sizeof cell.text, "%s%s", narrow >= NARROW_WORDS ? "" : "then ",
                 after == BLOK_ACT_NONE ? "nothing" : blok_activation_name(after));
  return cell;
}

static blok_cell order_cell(const blok_block *block) {
  const blok_residual_desc *desc = block->residual;
  const bool told = blok_inspect_has_addition(block) && desc->order != BLOK_ORDER_NONE;
  return text_cell(told ? blok_order_name(desc->order) : "");
}

static blok_cell channels_cell(const blok_block *block, int narrow) {
  blok_cell cell = text_cell("");
  const char *to = narrow >= NARROW_WORDS ? ">" : " > ";
  const bool scales = block->kind == BLOK_SQUEEZE_EXCITE || block->kind == BLOK_GATE;
  if (block->in_channels <= 0 || block->out_channels <= 0) {
    return number_cell(block->out_channels > 0, block->out_channels);
  }
  if (scales) return number_cell(true, block->in_channels);
  if (block->mid_channels > 0) {
    (void)snprintf(cell.text, sizeof cell.text, "%d%s%d%s%d", block->in_channels, to,
                   block->mid_channels, to, block->out_channels);
  } else {
    (void)snprintf(cell.text, sizeof cell.text, "%d%s%d", block->in_channels, to,
                   block->out_channels);
  }
  return cell;
}

static blok_cell se_cell(const blok_block *block, int narrow) {
  blok_cell cell = text_cell("");
  const blok_se_desc *se = blok_inspect_se(block);
  if (se != NULL && narrow >= NARROW_GATE) return number_cell(true, se->hidden);
  if (se != NULL) {
    (void)snprintf(cell.text, sizeof cell.text, "%d, %s", se->hidden,
                   blok_activation_name(se->gate));
  } else if (block->gate != NULL) {
    return text_cell(blok_gate_form_name(block->gate->form));
  }
  return cell;
}

static blok_cell activation_cell(const blok_block *block) {
  const char *name = blok_inspect_activation(block);
  return text_cell(strcmp(name, "none") == 0 ? "" : name);
}

// A cell that is neither the block's place nor its name. Numbers are those of `times` such blocks.
static blok_cell block_cell(const blok_block *block, int column, uint64_t times, int narrow) {
  const bool scales = block->kind == BLOK_SQUEEZE_EXCITE || block->kind == BLOK_GATE;
  switch (column) {
    case COLUMN_BLOCK:
      return text_cell(narrow >= NARROW_KINDS ? short_kind(block->kind)
                                              : blok_block_kind_name(block->kind));
    case COLUMN_SKIP:
      return skip_cell(block, narrow);
    case COLUMN_ORDER:
      return order_cell(block);
    case COLUMN_ADDITION:
      return addition_cell(block, narrow);
    case COLUMN_CHANNELS:
      return channels_cell(block, narrow);
    case COLUMN_STRIDE:
      return number_cell(!scales && block->stride > 0, block->stride);
    case COLUMN_GROUPS:
      return number_cell(narrow < NARROW_GROUPS && block->groups > 1, block->groups);
    case COLUMN_SE:
      return se_cell(block, narrow);
    case COLUMN_ACTIVATION:
      return narrow >= NARROW_ACTIVATION ? text_cell("") : activation_cell(block);
    case COLUMN_PARAMETERS:
      return amount_cell(blok_inspect_times(block->parameters, times), narrow);
    case COLUMN_MACS:
      return block->macs < 0
                 ? text_cell("?")
                 : amount_cell(blok_inspect_times((uint64_t)block->macs, times), narrow);
    case COLUMN_OUT:
      if (narrow >= NARROW_OUT) break;
      return text_cell(blok_show_axes(block->out_axes, block->out_rank).text);
    default:
      break;
  }
  return text_cell("");
}

// All cells of a block but its name as one text: blocks of equal texts are rows that can be folded.
static char *row_text(const blok_block *block) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = blok_text_begin(&text, &size);
  for (int column = COLUMN_BLOCK; column < COLUMNS; column++) {
    fprintf(stream, "%s\x1f", block_cell(block, column, 1, NARROW_NOT).text);
  }
  return blok_text_end(stream, &text);
}

// ---- Rows ---------------------------------------------------------------------------------------

static void name_cell(blok_table *table, const blok_block *first, const blok_block *last,
                      int narrow) {
  const size_t most = narrow >= NARROW_NAMES ? 20 : sizeof(blok_shown);
  if (first == last) {
    blok_table_cell(table, "%s", cut_text(first->name, most).text);
  } else {
    blok_table_cell(table, "%s .. %s", cut_text(first->name, most / 2).text,
                    cut_text(last->name, most / 2).text);
  }
}

// "x 5"; blocks that take turns are joined by a bracket.
static void times_cell(blok_table *table, size_t times, size_t turn, size_t period, bool utf8) {
  const char *bracket = "";
  if (times < 2) {
    blok_table_cell(table, "%s", "");
    return;
  }
  if (period > 1 && turn == 0) bracket = utf8 ? " \xe2\x94\x90" : " .";
  if (period > 1 && turn > 0) bracket = utf8 ? " \xe2\x94\x82" : " |";
  if (period > 1 && turn + 1 == period) bracket = utf8 ? " \xe2\x94\x98" : " '";
  blok_table_cell(table, "x %zu%s", times, bracket);
}

// The stage's size, the module that it is, how many blocks, and their sums.
static void stage_row(blok_table *table, const blok_outline *outline, size_t from, size_t end,
                      const char *model_scope, int narrow) {
  const blok_shown size = blok_outline_size(blok_outline_outer(outline, from));
  const blok_shown scope = blok_outline_scope(outline, from, end);
  const bool named = scope.text[0] != '\0' && strcmp(scope.text, model_scope) != 0;
  const bool many = end - from > 1;
  uint64_t parameters = 0;
  uint64_t macs = 0;
  bool known = true;
  for (size_t i = from; i < end; i++) {
    const blok_block *block = blok_outline_outer(outline, i);
    parameters = blok_inspect_plus(parameters, block->parameters);
    known = known && block->macs >= 0;
    if (known) macs = blok_inspect_plus(macs, (uint64_t)block->macs);
  }
  blok_table_title(table);
  for (int column = 0; column < COLUMNS; column++) {
    // Never in the place of a block's number: that column is empty here, and stays out.
    if (column == COLUMN_INDEX) {
      blok_table_cell(table, many ? "%s%s%s, %zu blocks" : "%s%s%s", size.text, named ? "  " : "",
                      named ? scope.text : "", end - from);
    } else if (column == COLUMN_PARAMETERS && many) {
      blok_table_cell(table, "%s", amount_cell(parameters, narrow).text);
    } else if (column == COLUMN_MACS && many) {
      blok_table_cell(table, "%s", known ? amount_cell(macs, narrow).text : "?");
    } else {
      blok_table_cell(table, "%s", "");
    }
  }
}

static void stage_rows(blok_table *table, const blok_outline *outline, char *const *texts,
                       size_t from, size_t end, int narrow) {
  const bool utf8 = blok_terminal_utf8();
  for (size_t at = from; at < end;) {
    size_t period = 0;
    size_t times = 0;
    blok_outline_fold(texts, at, end, &period, &times);
    for (size_t turn = 0; turn < period; turn++) {
      const blok_block *first = blok_outline_outer(outline, at + turn);
      const blok_block *last = blok_outline_outer(outline, at + turn + (times - 1) * period);
      for (int column = 0; column < COLUMNS; column++) {
        if (column == COLUMN_NAME) {
          name_cell(table, first, last, narrow);
        } else if (column == COLUMN_TIMES) {
          times_cell(table, times, turn, period, utf8);
        } else {
          blok_table_cell(table, "%s", block_cell(first, column, times, narrow).text);
        }
      }
    }
    at += period * times;
  }
}

static void make_table(blok_table *table, const blok_outline *outline, char *const *texts,
                       int narrow) {
  const blok_shown scope = blok_outline_scope(outline, 0, outline->outers);
  blok_table_begin(table, ALIGN, narrow >= NARROW_WORDS ? short_heads : heads);
  for (size_t at = 0; at < outline->outers;) {
    const size_t end = blok_outline_stage_end(outline, at);
    stage_row(table, outline, at, end, scope.text, narrow);
    stage_rows(table, outline, texts, at, end, narrow);
    at = end;
  }
}

void blok_inspect_blocks(blok_cli *cli, const blok_model *model) {
  blok_outline outline;
  blok_table table;
  blok_outline_fill(&outline, model);
  if (outline.outers > 0) {
    const size_t columns = blok_terminal_columns();
    char **texts = blok_cli_alloc(outline.outers, sizeof *texts);
    for (size_t i = 0; i < outline.outers; i++) {
      texts[i] = row_text(blok_outline_outer(&outline, i));
    }
    blok_inspect_heading(cli, "blocks, by stage");
    int narrow = NARROW_NOT;
    make_table(&table, &outline, texts, narrow);
    while (columns > 0 && blok_table_total(&table) + 4 > columns && narrow < NARROW_LAST) {
      blok_table_drop(&table);
      make_table(&table, &outline, texts, ++narrow);
    }
    blok_table_end(&table, cli, 4);
    for (size_t i = 0; i < outline.outers; i++) free(texts[i]);
    free(texts);
    fputs("  \"x N\": N equal blocks in a row; the row's parameters and MACs are theirs together\n",
          cli->out);
    if (narrow > NARROW_NOT) {
      fputs("  shortened to fit the terminal; `blok inspect MODEL | less -S` shows all\n",
            cli->out);
    }
  }
  blok_outline_clear(&outline);
}

void blok_inspect_every_block(blok_cli *cli, const blok_model *model) {
  const size_t count = blok_model_block_count(model);
  blok_table table;
  if (count == 0) return;
  int *depth = blok_cli_alloc(count, sizeof *depth);
  blok_inspect_heading(cli, "every block");
  blok_table_begin(&table, ALIGN, heads);
  for (size_t i = 0; i < count; i++) {
    const blok_block *block = blok_model_block(model, i);
    if (block->parent >= 0) depth[i] = depth[block->parent] + 1;
    const int indent = 2 * (depth[i] < MOST_INDENTS ? depth[i] : MOST_INDENTS);
    for (int column = 0; column < COLUMNS; column++) {
      if (column == COLUMN_INDEX) {
        blok_table_cell(&table, "%zu", i);
      } else if (column == COLUMN_NAME) {
        name_cell(&table, block, block, NARROW_NOT);
      } else {
        const blok_cell cell = block_cell(block, column, 1, NARROW_NOT);
        blok_table_cell(&table, "%*s%s", column == COLUMN_BLOCK ? indent : 0, "", cell.text);
      }
    }
  }
  blok_table_end(&table, cli, 2);
  free(depth);
}
