// Pictures of blocks.
#include "tools/draw.h"

#include <stdlib.h>
#include <string.h>

#include "tools/draw_canvas.h"
#include "tools/draw_nodes.h"
#include "tools/draw_words.h"
#include "tools/inspect.h"
#include "tools/shape.h"
#include "tools/table.h"
#include "tools/text.h"

#define MOST_CHILDREN 24  // lines for what lies in a block whose F(x) is kept as nodes
#define MOST_INDENTS  6
#define LINE_WIDTH    56  // of a list of operators
#define FEW_NODES     3   // are listed without their number

static void end_line(blok_canvas *canvas, const blok_block *block) {
  blok_canvas_line(canvas, BLOK_MARK_TEXT,
                   blok_textf("y  %s", blok_show_axes(block->out_axes, block->out_rank).text));
}

static void begin_line(blok_canvas *canvas, const blok_block *block) {
  blok_canvas_line(
      canvas, BLOK_MARK_TEXT,
      block->in_channels > 0 ? blok_textf("x  %d channels", block->in_channels) : blok_textf("x"));
}

// "batch norm -> relu", either left out where there is none. Takes both texts.
static char *chain(char *norm, char *activation, bool utf8) {
  const bool both = norm[0] != '\0' && activation[0] != '\0';
  char *text = blok_textf("%s%s%s%s%s", norm, both ? " " : "", both ? blok_draw_arrow(utf8) : "",
                          both ? " " : "", activation);
  free(norm);
  free(activation);
  return text;
}

// ---- Squeeze and excitation ---------------------------------------------------------------------

static void product_line(blok_canvas *canvas, const blok_se_desc *se, bool first) {
  const int which = first ? 0 : 1;
  char *behind =
      first ? chain(blok_draw_norm(se->norm, 0),
                    blok_draw_activation(se->activation, se->alpha, se->beta), canvas->utf8)
            : blok_draw_activation(se->gate, se->gate_alpha, se->gate_beta);
  const char *arrow = behind[0] == '\0' ? "" : blok_draw_arrow(canvas->utf8);
  blok_canvas_line(canvas, BLOK_MARK_LOOP_UNIT,
                   blok_textf("%s%s  %d > %d%s%s%s%s",
                              se->product[which] == BLOK_PRODUCT_CONV ? "conv 1x1" : "linear",
                              se->bias[which] ? " + bias" : "", first ? se->channels : se->hidden,
                              first ? se->hidden : se->channels, arrow[0] == '\0' ? "" : " ", arrow,
                              arrow[0] == '\0' ? "" : " ", behind));
  free(behind);
}

static void se_lines(blok_canvas *canvas, const blok_se_desc *se) {
  blok_canvas_line(canvas, BLOK_MARK_LOOP, blok_textf("squeeze_excite"));
  blok_canvas_line(canvas, BLOK_MARK_LOOP_UNIT, blok_textf("mean of each channel"));
  product_line(canvas, se, true);
  product_line(canvas, se, false);
  blok_canvas_line(canvas, BLOK_MARK_SCALE, NULL);
}

// ---- F(x) of convolutions -----------------------------------------------------------------------

// One convolution; activation false: without it. In pre order what comes first may stand on a line
// of its own, before the paths part.
static void conv_line(blok_canvas *canvas, const blok_conv_desc *conv, bool pre, bool activation,
                      bool alone) {
  const char *arrow = blok_draw_arrow(canvas->utf8);
  const blok_activation shown = activation ? conv->activation : BLOK_ACT_NONE;
  char *beside = chain(blok_draw_norm(conv->norm, conv->norm_groups),
                       blok_draw_activation(shown, conv->alpha, conv->beta), canvas->utf8);
  blok_line *line = blok_canvas_line(canvas, BLOK_MARK_UNIT, NULL);
  line->parts[1] = blok_draw_operator(conv);
  line->parts[2] = blok_textf("%d > %d", conv->in_channels, conv->out_channels);
  if (beside[0] != '\0' && pre && !alone) line->parts[0] = blok_textf("%s %s", beside, arrow);
  if (beside[0] != '\0' && !pre) line->text = blok_textf("%s %s", arrow, beside);
  free(beside);
}

// The convolutions of F(x), with what stands among them.
static void path_lines(blok_canvas *canvas, const blok_residual_desc *desc, bool first_apart) {
  const bool pre = desc->order == BLOK_ORDER_PRE;
  for (int32_t i = 0; i < desc->convs && i < 3; i++) {
    const bool se_here = desc->has_se && desc->se_conv == i;
    const bool late = se_here && desc->se_before_act && !pre;
    const blok_conv_desc *conv = &desc->conv[i];
    conv_line(canvas, conv, pre, !late, pre && first_apart && i == 0);
    if (se_here) se_lines(canvas, &desc->se);
    if (late && conv->activation != BLOK_ACT_NONE) {
      blok_canvas_line(canvas, BLOK_MARK_UNIT,
                       blok_draw_activation(conv->activation, conv->alpha, conv->beta));
    }
  }
  if (desc->scale == BLOK_SCALE_NUMBER) {
    blok_canvas_line(canvas, BLOK_MARK_UNIT, blok_textf("times %.6g", desc->scale_number));
  } else if (desc->scale == BLOK_SCALE_CHANNELS) {
    blok_canvas_line(canvas, BLOK_MARK_UNIT, blok_textf("times one number a channel"));
  }
}

// ---- F(x) of nodes ------------------------------------------------------------------------------

// Appends item to the text, or begins another line where the text is full.
static void operator_item(blok_canvas *canvas, blok_mark *mark, blok_mark more, char **text,
                          char *item) {
  const bool first = (*text)[0] == '\0';
  if (!first && blok_table_width(*text) + 1 + blok_table_width(item) > LINE_WIDTH) {
    blok_canvas_line(canvas, *mark, *text);
    *mark = more;
    *text = blok_textf("  %s", item);
  } else {
    char *longer = blok_textf("%s%s%s", *text, first ? "" : " ", item);
    free(*text);
    *text = longer;
  }
  free(item);
}

// A list of operators, several to a line.
static void operator_lines(blok_canvas *canvas, blok_mark mark, blok_mark more,
                           const blok_operators *list) {
  char *text =
      list->nodes > FEW_NODES ? blok_textf("%zu nodes:", list->nodes) : blok_textf("%s", "");
  for (size_t i = 0; i < list->kinds; i++) {
    const char *comma = i + 1 < list->kinds || list->others > 0 ? "," : "";
    const blok_shown name = blok_show(list->names[i]);
    operator_item(canvas, &mark, more, &text,
                  list->counts[i] > 1 ? blok_textf("%s x %zu%s", name.text, list->counts[i], comma)
                                      : blok_textf("%s%s", name.text, comma));
  }
  if (list->others > 0) {
    operator_item(canvas, &mark, more, &text, blok_textf("and %zu of other kinds", list->others));
  }
  blok_canvas_line(canvas, mark, text);
}

// What the walk over a block's nodes has come to.
typedef struct blok_nodes_walk {
  blok_canvas *canvas;
  const blok_outline *outline;
  blok_mark mark;
  blok_mark more;
  blok_operators run;  // of its own nodes since the last block inside it
  size_t blocks;       // drawn or left out for their number
} blok_nodes_walk;

static void end_run(blok_nodes_walk *walk) {
  if (walk->run.nodes > 0) operator_lines(walk->canvas, walk->mark, walk->more, &walk->run);
  memset(&walk->run, 0, sizeof walk->run);
}

static void inner_line(blok_nodes_walk *walk, size_t child, size_t depth) {
  if (++walk->blocks > MOST_CHILDREN) return;
  const size_t indents = depth < MOST_INDENTS ? depth : MOST_INDENTS;
  char *words = blok_draw_words(blok_model_block(walk->outline->model, child), walk->canvas->utf8);
  blok_canvas_line(walk->canvas, walk->mark, blok_textf("%*s%s", (int)(2 * indents), "", words));
  free(words);
}

// A block inside, and those inside it.
static void inner_lines(blok_nodes_walk *walk, size_t child) {
  size_t depth = 0;
  int32_t next = (int32_t)child;
  end_run(walk);
  inner_line(walk, child, 0);
  while ((next = blok_outline_walk(walk->outline, child, (size_t)next, &depth)) >= 0) {
    inner_line(walk, (size_t)next, depth);
  }
}

// The block right inside block index that holds the node of block owner; -1: none.
static int32_t child_of(const blok_outline *outline, size_t index, int32_t owner) {
  while (owner >= 0) {
    const int32_t parent = blok_model_block(outline->model, (size_t)owner)->parent;
    if (parent == (int32_t)index) break;
    owner = parent;
  }
  return owner;
}

// F(x), or a gate, that is kept as nodes: its own nodes and the blocks inside it, in their order.
static void node_lines(blok_canvas *canvas, const blok_outline *outline, size_t index,
                       blok_mark mark, blok_mark more) {
  const blok_model *model = outline->model;
  const blok_block *block = blok_model_block(model, index);
  blok_nodes_walk walk = {canvas, outline, mark, more, {0, 0, {NULL}, {0}, 0}, 0};
  blok_frame frame;
  blok_draw_frame(outline, index, &frame);
  for (size_t i = 0; i < block->nodes; i++) {
    blok_node_info info = BLOK_NODE_INFO_INIT;
    const size_t node = blok_model_block_node(model, index, i);
    if (blok_model_node(model, node, &info) != BLOK_OK) continue;
    if (info.block == (int32_t)index) {
      if (!blok_draw_framed(&frame, i, info.op_type)) blok_draw_count(&walk.run, info.op_type);
      continue;
    }
    const int32_t child = child_of(outline, index, info.block);
    if (child < 0 || blok_model_block_node(model, (size_t)child, 0) != node) continue;
    if (!blok_draw_on_skip(&frame, (size_t)child)) inner_lines(&walk, (size_t)child);
  }
  end_run(&walk);
  if (walk.blocks > MOST_CHILDREN) {
    blok_canvas_line(canvas, more, blok_textf("and %zu blocks more", walk.blocks - MOST_CHILDREN));
  }
}

// ---- Whole blocks -------------------------------------------------------------------------------

// Puts the skip path's steps beside the lines from `from` on, and says what it is.
static void skip_lines(blok_canvas *canvas, const blok_residual_desc *desc, size_t from) {
  char part[64] = "";
  if (desc->skip_channels > 0) {
    (void)snprintf(part, sizeof part, " (first %d channels)", desc->skip_channels);
  }
  size_t steps =
      desc->skip == BLOK_SKIP_PROJECTION && desc->skip_steps > 0 ? (size_t)desc->skip_steps : 0;
  if (steps > BLOK_SKIP_STEPS) steps = BLOK_SKIP_STEPS;
  while (canvas->count < from + steps || canvas->count == from) {
    blok_canvas_line(canvas, BLOK_MARK_PIPE, NULL);
  }
  const size_t lines = canvas->count - from;
  const size_t top = from + (lines - steps) / 2;
  for (size_t i = 0; i < steps; i++) {
    canvas->lines[top + i].skip = blok_draw_step(&desc->skip_step[i], canvas->utf8);
  }
  // The label stands beside a line without a step, if there is one.
  if (steps == 0) {
    canvas->lines[from + (lines - 1) / 2].label =
        blok_textf("%s%s", blok_skip_name(desc->skip), part);
  } else if (steps < lines) {
    canvas->lines[top > from ? top - 1 : top + steps].label = blok_textf("projection%s", part);
  }
}

static void residual_lines(blok_canvas *canvas, const blok_outline *outline, size_t index) {
  const blok_block *block = blok_model_block(outline->model, index);
  const blok_residual_desc *desc = block->residual;
  const bool added = desc->skip != BLOK_SKIP_NONE;
  const bool apart = desc->projection_after_preact && desc->convs > 0;
  begin_line(canvas, block);
  if (apart) {
    const blok_conv_desc *conv = &desc->conv[0];
    blok_canvas_line(
        canvas, BLOK_MARK_UNIT,
        chain(blok_draw_norm(conv->norm, conv->norm_groups),
              blok_draw_activation(conv->activation, conv->alpha, conv->beta), canvas->utf8));
  }
  if (added && desc->skip_elsewhere) {
    blok_canvas_line(canvas, BLOK_MARK_APART, NULL)->label =
        blok_textf("made of x, and read by others too");
  } else if (added) {
    blok_canvas_line(canvas, BLOK_MARK_FORK, NULL);
  }
  const size_t from = canvas->count;
  if (desc->convs > 0) {
    path_lines(canvas, desc, apart);
  } else {
    node_lines(canvas, outline, index, BLOK_MARK_UNIT, BLOK_MARK_PIPE);
  }
  if (added) {
    skip_lines(canvas, desc, from);
    blok_canvas_line(canvas, BLOK_MARK_ADD, NULL);
    char *after = blok_draw_activation(desc->after_add, desc->after_alpha, desc->after_beta);
    if (after[0] == '\0') {
      free(after);
    } else {
      blok_canvas_line(canvas, BLOK_MARK_UNIT, after);
    }
  }
  end_line(canvas, block);
}

static void gate_lines(blok_canvas *canvas, const blok_outline *outline, size_t index) {
  const blok_block *block = blok_model_block(outline->model, index);
  const blok_gate_desc *gate = block->gate;
  begin_line(canvas, block);
  blok_canvas_line(canvas, BLOK_MARK_LOOP, blok_textf("gate: %s", blok_gate_form_name(gate->form)));
  node_lines(canvas, outline, index, BLOK_MARK_LOOP_UNIT, BLOK_MARK_LOOP_PIPE);
  blok_canvas_line(canvas, gate->adds ? BLOK_MARK_LOOP_ADD : BLOK_MARK_SCALE,
                   blok_textf("one number a %s", gate->spatial ? "place" : "channel"));
  end_line(canvas, block);
}

char *blok_draw_block(const blok_outline *outline, size_t index, bool utf8) {
  const blok_block *block = blok_model_block(outline->model, index);
  blok_canvas canvas = {NULL, 0, 0, utf8};
  if (block->residual != NULL) {
    residual_lines(&canvas, outline, index);
  } else if (block->se != NULL) {
    begin_line(&canvas, block);
    se_lines(&canvas, block->se);
    end_line(&canvas, block);
  } else if (block->gate != NULL) {
    gate_lines(&canvas, outline, index);
  }
  return blok_canvas_end(&canvas);
}
