#!/usr/bin/env python3
"""Makes schemas_table.c, the facts about every ONNX operator, from the onnx package.

    gen_schemas.py           write schemas_table.c
    gen_schemas.py --check   compare it with what is committed: 0 equal, 1 different,
                             77 when the onnx package is missing or of another version

Rows are pooled: strings, attributes, formals and type rules that several operators have in common
are written once, and refer to each other by index.
"""

import sys
from pathlib import Path

ONNX_VERSION = "1.23.2"
OUTPUT = Path(__file__).resolve().parent / "schemas_table.c"
SKIPPED = 77
UNBOUNDED = 0xFFFF

# TensorProto.DataType by the names that type strings use.
ELEMENTS = {
    name: number for number, name in enumerate(
        "undefined float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 "
        "uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 "
        "float8e5m2fnuz uint4 int4 float4e2m1 float8e8m0 uint2 int2 float6e2m3 float6e3m2".split())
}
OPTIONS = {"Single": "SINGLE", "Optional": "OPTIONAL", "Variadic": "VARIADIC"}


class Pool:
    """Lists of rows laid end to end; an equal list is laid once."""

    def __init__(self):
        self.rows = []
        self.places = {}

    def place(self, rows):
        rows = tuple(rows)
        if rows not in self.places:
            self.places[rows] = len(self.rows) if rows else 0
            self.rows.extend(rows)
        return self.places[rows]


class Tables:
    def __init__(self):
        self.texts = {}
        self.attributes, self.formals, self.rules = Pool(), Pool(), Pool()
        self.schemas, self.domains = [], []

    def text(self, string):
        return self.texts.setdefault(string, len(self.texts))

    def attribute(self, attribute):
        default = default_text(attribute)
        return (self.text(attribute.name), attribute_type(attribute), int(attribute.required),
                int(default is not None), self.text(default or ""))

    def rule(self, name, type_strings):
        masks = {"": 0, "seq": 0, "optional": 0, "optional(seq": 0}
        other = 0
        for string in type_strings:
            outer, _, element = string.rstrip(")").rpartition("tensor(")
            outer = outer.rstrip("(")
            if outer in masks and element in ELEMENTS:
                masks[outer] |= 1 << ELEMENTS[element]
            else:
                other = 1
        return (self.text(name), other, *masks.values())

    def add(self, schema):
        constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
        variables = []
        for formal in [*schema.inputs, *schema.outputs]:
            if formal.type_str not in variables:
                variables.append(formal.type_str)
        rules = [self.rule(v, constraints.get(v, [v])) for v in variables]
        inputs, outputs = ([(self.text(f.name), OPTIONS[f.option.name],
                             int(not f.is_homogeneous),
                             variables.index(f.type_str)) for f in formals]
                           for formals in (schema.inputs, schema.outputs))
        attributes = [self.attribute(schema.attributes[name]) for name in sorted(schema.attributes)]
        self.schemas.append((
            f"{schema.domain or 'ai.onnx'} {schema.name} {schema.since_version}",
            (self.text(schema.domain), self.text(schema.name), schema.since_version,
             int(schema.deprecated), len(attributes), len(inputs), len(outputs), len(rules),
             min(schema.min_input, UNBOUNDED), min(schema.max_input, UNBOUNDED),
             min(schema.min_output, UNBOUNDED), min(schema.max_output, UNBOUNDED),
             self.attributes.place(attributes), self.formals.place(inputs),
             self.formals.place(outputs), self.rules.place(rules))))


def attribute_type(attribute):
    import onnx
    return onnx.AttributeProto.AttributeType.Value(attribute.type.name)


def default_text(attribute):
    """As schemas.h says; None where the operator has no default, or one that is no number or text.
    """
    import onnx

    value = attribute.default_value
    kind = onnx.AttributeProto
    if value.type == kind.INT:
        return str(value.i)
    if value.type == kind.FLOAT:
        return f"{value.f:.9g}"
    if value.type == kind.STRING:
        return value.s.decode()
    if value.type == kind.INTS:
        return ",".join(str(i) for i in value.ints)
    if value.type not in (kind.UNDEFINED, kind.STRINGS):
        raise SystemExit(f"a default of attribute {attribute.name} is of a type unheard of")
    return None


def collect():
    import onnx.defs

    for name, number in ELEMENTS.items():
        if onnx.TensorProto.DataType.Value(name.upper()) != number:
            raise SystemExit(f"element type {name} is not number {number}")
    if len(ELEMENTS) != len(onnx.TensorProto.DataType.keys()):
        raise SystemExit("the onnx package knows element types that this script does not")
    tables = Tables()
    tables.text("")
    schemas = sorted(onnx.defs.get_all_schemas_with_history(),
                     key=lambda s: (s.domain, s.name, s.since_version))
    for schema in schemas:
        tables.add(schema)
    for domain in sorted({s.domain for s in schemas}):
        newest = max(s.since_version for s in schemas if s.domain == domain)
        tables.domains.append((tables.text(domain), newest))
    return tables


def c_text(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_row(row):
    return "{" + ", ".join(str(v) for v in row) + "}"


def c_array(kind, name, items, size=""):
    """An array with as many items on a line as 100 columns take."""
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) + 2 > 100:
            lines.append(line)
            line = " "
        line += f" {item},"
    lines.append(line)
    return f"const {kind} {name}[]{size} = {{\n" + "\n".join(lines) + "\n};\n"


def render(tables):
    for rows in (tables.texts, tables.attributes.rows, tables.formals.rows, tables.rules.rows):
        if len(rows) > 0xFFFF:
            raise SystemExit("a pool has outgrown its 16-bit index")
    if max(len(text) for text in tables.texts) >= 40:
        raise SystemExit("a text has outgrown BLOK_SCHEMA_TEXT_SIZE")
    rules = [(t, o, *(f"0x{m:08x}u" for m in masks)) for t, o, *masks in tables.rules.rows]
    formals = [(t, f"BLOK_FORMAL_{option}", h, r) for t, option, h, r in tables.formals.rows]
    width = max(len(c_row(row)) for _, row in tables.schemas) + 1
    parts = [
        f"// Generated by gen_schemas.py from the Python package onnx {ONNX_VERSION}. Do not edit.\n"
        "//\n"
        "// The facts about every ONNX operator at every version; schemas.h says what the columns\n"
        "// mean, schemas.c looks them up. Rows refer to each other by index.\n"
        "// clang-format off\n"
        '#include "graph/schemas_table.h"\n',
        c_array("char", "blok_schema_texts", map(c_text, tables.texts), "[BLOK_SCHEMA_TEXT_SIZE]"),
        c_array("blok_schema_attr", "blok_schema_attrs", map(c_row, tables.attributes.rows)),
        c_array("blok_schema_rule", "blok_schema_rules", map(c_row, rules)),
        c_array("blok_schema_formal", "blok_schema_formals", map(c_row, formals)),
        "const blok_schema blok_schemas[] = {\n" + "".join(
            f"  {c_row(row) + ',':{width}} // {comment}\n"
            for comment, row in tables.schemas) + "};\n",
        f"const size_t blok_schemas_count = {len(tables.schemas)};\n",
        c_array("blok_schema_domain", "blok_schema_domains", map(c_row, tables.domains)),
        f"const size_t blok_schema_domains_count = {len(tables.domains)};\n",
    ]
    return "\n".join(parts)


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    try:
        import onnx
    except ImportError as error:
        print(f"the onnx package is missing: {error}")
        return SKIPPED
    if onnx.__version__ != ONNX_VERSION:
        print(f"onnx {onnx.__version__} is installed, the table is made from {ONNX_VERSION}")
        return SKIPPED
    text = render(collect())
    if not sys.argv[1:]:
        OUTPUT.write_text(text)
        return 0
    if OUTPUT.read_text() != text:
        print(f"{OUTPUT.name} is not what gen_schemas.py makes of onnx {ONNX_VERSION}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
