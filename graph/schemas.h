// What ONNX says about its operators: a row for each (domain, operator, since_version), with
// attributes, arity and type rules. Constant data, made by gen_schemas.py; every pointer
// returned here lives for ever and every function may be called from any thread.
//
// An operator's version is the highest since_version that is not above the opset which the model
// imports for the domain. "" and "ai.onnx" are the same domain. Strings are given as indices into
// one pool, so that the tables need no relocation: blok_schema_text() turns an index into text.
#ifndef BLOK_GRAPH_SCHEMAS_H
#define BLOK_GRAPH_SCHEMAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint16_t blok_schema_text_id;

// An attribute. Its default is kept as text, for those who compare: "1", "0.00999999978", "NOTSET",
// "1,1". Inference and reference know those of the operators they have.
typedef struct blok_schema_attr {
  blok_schema_text_id name;
  uint8_t type;  // numbered as AttributeProto.AttributeType: 1 FLOAT, 2 INT, 3 STRING, ...
  bool required;
  bool has_fallback;
  blok_schema_text_id fallback;  // "" when there is none
} blok_schema_attr;

typedef enum blok_formal_option {
  BLOK_FORMAL_SINGLE = 0,    // must be there
  BLOK_FORMAL_OPTIONAL = 1,  // may be left out or named ""
  BLOK_FORMAL_VARIADIC = 2   // the last formal; stands for any number of values
} blok_formal_option;

// A formal input or output. Formals of one schema with the same rule have the same type, except
// that the values of a heterogeneous variadic may differ from each other.
typedef struct blok_schema_formal {
  blok_schema_text_id name;
  uint8_t option;  // blok_formal_option
  bool heterogeneous;
  uint8_t rule;  // blok_schema_rule_at(schema, rule)
} blok_schema_formal;

// What a type variable (or a fixed type) allows. Bit d of a mask stands for the element type that
// TensorProto.DataType numbers d.
typedef struct blok_schema_rule {
  blok_schema_text_id name;    // "T", or the fixed type itself: "tensor(int64)"
  bool other;                  // allows types that the masks cannot say: maps, sequences of maps
  uint32_t tensor;             // tensor(d)
  uint32_t sequence;           // seq(tensor(d))
  uint32_t optional;           // optional(tensor(d))
  uint32_t optional_sequence;  // optional(seq(tensor(d)))
} blok_schema_rule;

#define BLOK_SCHEMA_UNBOUNDED UINT16_MAX

typedef struct blok_schema {
  blok_schema_text_id domain;  // "" for ai.onnx
  blok_schema_text_id name;
  uint16_t since_version;
  bool deprecated;  // from since_version on the operator is not to be used any more
  uint8_t attr_count;
  uint8_t input_count;  // formals: a variadic one counts once
  uint8_t output_count;
  uint8_t rule_count;
  uint16_t min_inputs;
  uint16_t max_inputs;  // BLOK_SCHEMA_UNBOUNDED when the last input is variadic
  uint16_t min_outputs;
  uint16_t max_outputs;
  uint16_t first_attr;  // where the rows begin: use the accessors below
  uint16_t first_input;
  uint16_t first_output;
  uint16_t first_rule;
} blok_schema;

// The version of op_type in force at opset, NULL when there is none (yet).
const blok_schema *blok_schema_find(const char *domain, const char *op_type, int64_t opset);

// The newest opset that the tables know of domain: 28 for ai.onnx. 0 for an unknown domain.
int64_t blok_schema_latest_opset(const char *domain);

// All rows, sorted by domain, name and version; NULL past the last.
const blok_schema *blok_schema_at(size_t index);

// The string that an index stands for. Never NULL.
const char *blok_schema_text(blok_schema_text_id text);

// NULL when the schema has no such attribute.
const blok_schema_attr *blok_schema_attr_find(const blok_schema *schema, const char *name);

// Each returns NULL when index is not below the schema's count. Attributes are sorted by name.
const blok_schema_attr *blok_schema_attr_at(const blok_schema *schema, size_t index);
const blok_schema_formal *blok_schema_input(const blok_schema *schema, size_t index);
const blok_schema_formal *blok_schema_output(const blok_schema *schema, size_t index);
const blok_schema_rule *blok_schema_rule_at(const blok_schema *schema, size_t index);

// The formal that the node's input at slot belongs to: the variadic one for every slot from its own
// on. NULL when the operator takes no such slot.
const blok_schema_formal *blok_schema_input_of_slot(const blok_schema *schema, size_t slot);

#endif  // BLOK_GRAPH_SCHEMAS_H
