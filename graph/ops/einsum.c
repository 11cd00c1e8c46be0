// Einsum: its equation, and the shape of its result.
#include "graph/ops/einsum.h"

#include <string.h>

#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// ---- The equation -------------------------------------------------------------------------------

enum { LETTERS = 52 };

typedef struct reader {
  const char *at, *end;
  blok_einsum *out;
  int label_of[LETTERS];   // -1: not met
  uint32_t seen[LETTERS];  // how often, on the left
  uint32_t spread;         // axes that an ellipsis stands for at most
  uint8_t spread_labels[BLOK_MAX_RANK];
} reader;

static int letter_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static void skip_spaces(reader *r) {
  while (r->at < r->end && *r->at == ' ') r->at++;
}

static bool take(reader *r, const char *word) {
  size_t length = strlen(word);
  skip_spaces(r);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return false;
  r->at += length;
  return true;
}

// One term: its letters in order, and where the ellipsis stands.
typedef struct term {
  uint32_t n;
  int letters[BLOK_MAX_RANK];
  bool has_ellipsis;
  uint32_t before;  // letters before the ellipsis
} term;

static const char *read_term(reader *r, term *out) {
  memset(out, 0, sizeof *out);
  for (;;) {
    if (take(r, "...")) {
      if (out->has_ellipsis) return "has two ellipses in one term";
      out->has_ellipsis = true;
      out->before = out->n;
      continue;
    }
    int letter = r->at < r->end ? letter_of(*r->at) : -1;
    if (letter < 0) return NULL;
    if (out->n == BLOK_MAX_RANK) return "has a term of too many letters";
    out->letters[out->n++] = letter;
    r->at++;
  }
}

static const char *add_label(reader *r, uint8_t *out) {
  if (r->out->n_labels == BLOK_EINSUM_LABELS) return "has too many labels";
  *out = (uint8_t)r->out->n_labels++;
  return NULL;
}

// The labels of a term's axes, `width` of which an ellipsis stands for.
static void place_labels(const reader *r, const term *from, uint32_t width, uint8_t *axes) {
  uint32_t n = 0;
  for (uint32_t i = 0; i <= from->n; i++) {
    if (from->has_ellipsis && i == from->before) {
      for (uint32_t k = 0; k < width; k++) axes[n++] = r->spread_labels[r->spread - width + k];
    }
    if (i < from->n) axes[n++] = (uint8_t)r->label_of[from->letters[i]];
  }
}

static const char *read_operands(reader *r, const uint32_t *ranks, term *terms) {
  blok_einsum *out = r->out;
  for (uint32_t k = 0; k < out->n_operands; k++) {
    const char *wrong = read_term(r, &terms[k]);
    if (wrong) return wrong;
    bool last = k + 1 == out->n_operands;
    if (!last && !take(r, ",")) return "has fewer terms than there are inputs";
    if (terms[k].n > ranks[k] || (!terms[k].has_ellipsis && terms[k].n != ranks[k])) {
      return "has a term that does not fit its input's rank";
    }
    uint32_t width = ranks[k] - terms[k].n;
    if (width > r->spread) r->spread = width;
    for (uint32_t i = 0; i < terms[k].n; i++) {
      int letter = terms[k].letters[i];
      uint8_t label;
      r->seen[letter]++;
      if (r->label_of[letter] >= 0) continue;
      if ((wrong = add_label(r, &label)) != NULL) return wrong;
      r->label_of[letter] = label;
    }
  }
  for (uint32_t i = 0; i < r->spread; i++) {
    const char *wrong = add_label(r, &r->spread_labels[i]);
    if (wrong) return wrong;
  }
  for (uint32_t k = 0; k < out->n_operands; k++) {
    out->rank[k] = ranks[k];
    place_labels(r, &terms[k], ranks[k] - terms[k].n, out->axes[k]);
  }
  return NULL;
}

// Without an arrow: the ellipsis, then the letters that stand once, in the alphabet's order.
static void imply_result(const reader *r, term *out) {
  memset(out, 0, sizeof *out);
  out->has_ellipsis = r->spread > 0;
  for (int letter = 0; letter < LETTERS; letter++) {
    if (r->seen[letter] == 1 && out->n < BLOK_MAX_RANK) out->letters[out->n++] = letter;
  }
}

static const char *read_result(reader *r) {
  term result;
  if (take(r, "->")) {
    const char *wrong = read_term(r, &result);
    if (wrong) return wrong;
  } else {
    imply_result(r, &result);
  }
  skip_spaces(r);
  if (r->at != r->end) return "has something that is no letter, comma, ellipsis or arrow";
  for (uint32_t i = 0; i < result.n; i++) {
    if (r->label_of[result.letters[i]] < 0) return "has a letter that no input has";
    for (uint32_t k = 0; k < i; k++) {
      if (result.letters[k] == result.letters[i]) return "has a letter twice in its result";
    }
  }
  uint32_t width = result.has_ellipsis ? r->spread : 0;
  if (result.n + width > BLOK_MAX_RANK) return "has a result of too many axes";
  r->out->out_rank = result.n + width;
  place_labels(r, &result, width, r->out->out_axes);
  return NULL;
}

const char *blok_einsum_read(const blok_node *node, uint32_t n, const uint32_t *ranks,
                             blok_einsum *out) {
  const blok_attr *equation = blok_node_attr(node, "equation");
  term terms[BLOK_EINSUM_OPERANDS];
  reader r;
  memset(&r, 0, sizeof r);
  memset(out, 0, sizeof *out);
  for (int i = 0; i < LETTERS; i++) r.label_of[i] = -1;
  if (!equation || equation->type != BLOK_ATTR_STRING || !equation->n) return "is missing";
  if (n < 1 || n > BLOK_EINSUM_OPERANDS) return "is for more than 4 inputs, or none";
  r.at = (const char *)equation->as.s.data;
  r.end = r.at + equation->as.s.size;
  r.out = out;
  out->n_operands = n;
  const char *wrong = read_operands(&r, ranks, terms);
  return wrong ? wrong : read_result(&r);
}

// ---- The shape ----------------------------------------------------------------------------------

// The size of a label so far, and of one more axis.
static bool join(blok_dim *size, blok_dim axis) {
  if (axis.value == 1) return true;
  if (size->value == 1) {
    *size = axis;
    return true;
  }
  if (!blok_dim_known(axis)) return true;
  if (blok_dim_known(*size) && size->value != axis.value) return false;
  *size = axis;
  return true;
}

blok_status blok_infer_Einsum(blok_infer *infer, blok_error *error) {
  uint32_t ranks[BLOK_EINSUM_OPERANDS];
  blok_einsum of;
  blok_dtype dtype = BLOK_UNDEFINED;
  bool ranked = infer->n_in <= BLOK_EINSUM_OPERANDS;
  for (uint32_t i = 0; i < infer->n_in; i++) {
    const blok_fact *fact = blok_infer_in(infer, i);
    if (fact && dtype == BLOK_UNDEFINED) dtype = fact->dtype;
    if (!blok_fact_ranked(fact)) ranked = false;
    if (ranked) ranks[i] = (uint32_t)fact->rank;
  }
  blok_infer_set_dtype(infer, 0, dtype);
  if (!ranked && infer->n_in <= BLOK_EINSUM_OPERANDS) return BLOK_OK;
  const char *wrong = blok_einsum_read(infer->node, infer->n_in, ranks, &of);
  if (wrong) return blok_infer_fail(infer, error, "its equation %s", wrong);
  blok_dim sizes[BLOK_EINSUM_LABELS];
  bool met[BLOK_EINSUM_LABELS] = {false};
  for (uint32_t k = 0; k < of.n_operands; k++) {
    for (uint32_t i = 0; i < of.rank[k]; i++) {
      uint8_t label = of.axes[k][i];
      blok_dim axis = infer->in[k]->dims[i];
      if (!met[label]) sizes[label] = axis;
      bool fits = !met[label] || join(&sizes[label], axis);
      met[label] = true;
      if (fits) continue;
      return blok_infer_fail(infer, error,
                             "input %u is %s, another one has %lld on an axis of "
                             "the same label",
                             k, blok_print_fact(infer->in[k]).text, (long long)sizes[label].value);
    }
  }
  blok_dim dims[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < of.out_rank; i++) dims[i] = sizes[of.out_axes[i]];
  return blok_infer_set(infer, 0, dtype, of.out_rank, dims, error);
}
