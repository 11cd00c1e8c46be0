// The generated tables behind schemas.h; only schemas.c and schemas_table.c include this.
#ifndef BLOK_GRAPH_SCHEMAS_TABLE_H
#define BLOK_GRAPH_SCHEMAS_TABLE_H

#include "graph/schemas.h"

#define BLOK_SCHEMA_TEXT_SIZE 40

typedef struct blok_schema_domain {
  blok_schema_text_id name;
  uint16_t latest_opset;
} blok_schema_domain;

extern const char blok_schema_texts[][BLOK_SCHEMA_TEXT_SIZE];
extern const blok_schema_attr blok_schema_attrs[];
extern const blok_schema_rule blok_schema_rules[];
extern const blok_schema_formal blok_schema_formals[];

extern const blok_schema blok_schemas[];  // sorted by domain, name, since_version
extern const size_t blok_schemas_count;

extern const blok_schema_domain blok_schema_domains[];
extern const size_t blok_schema_domains_count;

#endif  // BLOK_GRAPH_SCHEMAS_TABLE_H
