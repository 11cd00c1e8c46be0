// Copying what graphs hold into another module's arena: shared by the files of the clone.
#ifndef BLOK_GRAPH_COPY_H
#define BLOK_GRAPH_COPY_H

#include "graph/graph.h"

typedef struct blok_copier {
  blok_module *to;
  bool notes;    // what only a source graph keeps comes along
  bool sources;  // nodes of the main graph name themselves as their sources
  blok_error *error;
  bool exact;  // handles stay what they are, dead entries included
} blok_copier;

// Each gives BLOK_E_MEMORY or the copy; absent stays absent.
BLOK_MUST_CHECK blok_status blok_copy_text(const blok_copier *c, const char *text,
                                           const char **out);
BLOK_MUST_CHECK blok_status blok_copy_texts(const blok_copier *c, const char *const *texts,
                                            uint32_t n, const char ***out);
BLOK_MUST_CHECK blok_status blok_copy_bytes(const blok_copier *c, blok_bytes bytes,
                                            blok_bytes *out);
BLOK_MUST_CHECK blok_status blok_copy_many_bytes(const blok_copier *c, const blok_bytes *bytes,
                                                 uint32_t n, const blok_bytes **out);
BLOK_MUST_CHECK blok_status blok_copy_properties(const blok_copier *c,
                                                 const blok_property *properties, uint32_t n,
                                                 blok_property **out);
// NULL when notes stay behind. unknown fields likewise.
BLOK_MUST_CHECK blok_status blok_copy_notes(const blok_copier *c, const blok_notes *notes,
                                            const blok_notes **out);
BLOK_MUST_CHECK blok_status blok_copy_unknown(const blok_copier *c, blok_bytes unknown,
                                              blok_bytes *out);
BLOK_MUST_CHECK blok_status blok_copy_type(const blok_copier *c, const blok_type *type,
                                           blok_type **out);
// A literal over the same storage, which the new module keeps a reference to.
BLOK_MUST_CHECK blok_status blok_copy_literal(const blok_copier *c, const blok_literal *literal,
                                              blok_literal **out);
BLOK_MUST_CHECK blok_status blok_copy_sparse(const blok_copier *c, const blok_sparse *sparse,
                                             uint32_t n, blok_sparse **out);

// n attributes. outer is the copied graph that they are in and map its values, old handle to new;
// both NULL for the defaults of functions.
BLOK_MUST_CHECK blok_status blok_copy_attrs(const blok_copier *c, const blok_attr *attrs,
                                            uint32_t n, blok_graph *outer, const blok_value_id *map,
                                            blok_attr **out);

// A graph with all that is in it. *map receives the values' new handles by old ones, to be freed
// with the new module's allocator; NULL: not wanted.
BLOK_MUST_CHECK blok_status blok_copy_graph(const blok_copier *c, const blok_graph *graph,
                                            blok_graph *outer, bool main, blok_graph **out,
                                            blok_value_id **map);

#endif  // BLOK_GRAPH_COPY_H
