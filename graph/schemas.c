// Lookups in the operator tables.
#include "graph/schemas.h"

#include <string.h>

#include "graph/ops.h"
#include "graph/schemas_table.h"

const char *blok_schema_text(blok_schema_text_id text) { return blok_schema_texts[text]; }

// Order of a row against the version searched for: first domain, then name, then version.
static int compare(const blok_schema *row, const char *domain, const char *op_type, int64_t opset) {
  int order = strcmp(blok_schema_text(row->domain), domain);
  if (order == 0) order = strcmp(blok_schema_text(row->name), op_type);
  if (order != 0) return order;
  return (row->since_version > opset) - (row->since_version < opset);
}

const blok_schema *blok_schema_find(const char *domain, const char *op_type, int64_t opset) {
  if (op_type == NULL) return NULL;
  domain = blok_domain(domain);
  // Rows before low are not above what is searched, rows from high on are.
  size_t low = 0;
  size_t high = blok_schemas_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(&blok_schemas[middle], domain, op_type, opset) <= 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return NULL;
  const blok_schema *row = &blok_schemas[low - 1];
  bool same = strcmp(blok_schema_text(row->domain), domain) == 0 &&
              strcmp(blok_schema_text(row->name), op_type) == 0;
  return same ? row : NULL;
}

int64_t blok_schema_latest_opset(const char *domain) {
  domain = blok_domain(domain);
  for (size_t i = 0; i < blok_schema_domains_count; i++) {
    const blok_schema_domain *row = &blok_schema_domains[i];
    if (strcmp(blok_schema_text(row->name), domain) == 0) return row->latest_opset;
  }
  return 0;
}

const blok_schema *blok_schema_at(size_t index) {
  return index < blok_schemas_count ? &blok_schemas[index] : NULL;
}

const blok_schema_attr *blok_schema_attr_find(const blok_schema *schema, const char *name) {
  for (size_t i = 0; i < schema->attr_count; i++) {
    const blok_schema_attr *attr = &blok_schema_attrs[schema->first_attr + i];
    if (strcmp(blok_schema_text(attr->name), name) == 0) return attr;
  }
  return NULL;
}

const blok_schema_attr *blok_schema_attr_at(const blok_schema *schema, size_t index) {
  return index < schema->attr_count ? &blok_schema_attrs[schema->first_attr + index] : NULL;
}

const blok_schema_formal *blok_schema_input(const blok_schema *schema, size_t index) {
  return index < schema->input_count ? &blok_schema_formals[schema->first_input + index] : NULL;
}

const blok_schema_formal *blok_schema_output(const blok_schema *schema, size_t index) {
  return index < schema->output_count ? &blok_schema_formals[schema->first_output + index] : NULL;
}

const blok_schema_rule *blok_schema_rule_at(const blok_schema *schema, size_t index) {
  return index < schema->rule_count ? &blok_schema_rules[schema->first_rule + index] : NULL;
}

const blok_schema_formal *blok_schema_input_of_slot(const blok_schema *schema, size_t slot) {
  const size_t count = schema->input_count;
  const blok_schema_formal *formals = &blok_schema_formals[schema->first_input];
  if (slot < count) return &formals[slot];
  if (count == 0 || formals[count - 1].option != BLOK_FORMAL_VARIADIC) return NULL;
  return &formals[count - 1];
}
