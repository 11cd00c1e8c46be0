"""Small files that are wrong in one way each, and what the program has to say to each.

cases() gives Case objects. `inspect`, `run` and `convert` are exit statuses: 3 refuses with one
line that names what is wrong, 0 goes on (with a warning on stderr).
"""

import dataclasses

import numpy as np
from onnx import TensorProto, helper

from fixtures_parts import FLOAT, conv_norm_relu, info, model, node, tensor, values


@dataclasses.dataclass
class Case:
    name: str
    wrong: str
    data: bytes
    inspect: int = 3
    run: int = 3
    convert: int = 3
    files: dict = dataclasses.field(default_factory=dict)


def _saved(made):
    return made.SerializeToString()


def _field(number, payload):
    """A length-delimited protobuf field, by hand: for what the protobuf library would not write."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def _no_model():
    good = _saved(conv_norm_relu())
    yield Case("empty", "the file is empty", b"")
    yield Case("truncated", "cut off in the middle of a weight", good[: len(good) * 6 // 10])
    yield Case("truncated_tail", "the last byte is missing", good[:-1])
    yield Case("random_bytes", "4 KiB of noise", np.random.RandomState(0).bytes(4096))
    yield Case(
        "text", "a text file, no protobuf message", b"This is no model but a line of text.\n" * 8
    )
    yield Case("picture", "a PNG file", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64))
    yield Case("no_graph", "a model without a graph", _field(2, b"nobody"))
    yield Case(
        "wire_length",
        "a field claims more bytes than the file has",
        good + _varint(7 << 3 | 2) + _varint(1 << 40),
    )
    yield Case("wire_varint", "a varint of eleven bytes", good + b"\x08" + b"\xff" * 10 + b"\x01")
    yield Case(
        "wire_group",
        "a wire type that protobuf does not have",
        good + _varint(900 << 3 | 7) + b"\0",
    )
    yield Case("wire_field_zero", "a field with number 0", good + b"\x02\x01\x00")


def _external(location=None, offset=None, length=None):
    made = conv_norm_relu()
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            weight.external_data.add(key=key, value=str(value))
    return _saved(made)


def _external_data():
    weights = {"w.bin": bytes(432)}
    yield Case(
        "external_missing",
        "the external data file does not exist",
        _external("nowhere.bin", 0, 432),
    )
    yield Case(
        "external_parent",
        "external data outside the model's folder, by ..",
        _external("../README.md", 0, 432),
    )
    yield Case(
        "external_parent_deep",
        "the same, after a folder that exists",
        _external("sub/../../README.md", 0, 432),
        files={"sub/w.bin": bytes(432)},
    )
    yield Case(
        "external_absolute", "external data at an absolute path", _external("/etc/passwd", 0, 432)
    )
    yield Case("external_no_location", "external data without a location", _external(None, 0, 432))
    yield Case(
        "external_empty_location", "external data with an empty location", _external("", 0, 432)
    )
    yield Case(
        "external_folder",
        "the location is a folder",
        _external("sub", 0, 432),
        files={"sub/w.bin": bytes(432)},
    )
    yield Case(
        "external_past_end",
        "external data that ends past the end of its file",
        _external("w.bin", 16, 432),
        files=weights,
    )
    yield Case(
        "external_offset_past_end",
        "an offset past the end, no length",
        _external("w.bin", 500),
        files=weights,
    )
    yield Case(
        "external_offset_overflow",
        "offset + length overflow 64 bits",
        _external("w.bin", 2**63 - 1, 2**63 - 1),
        files=weights,
    )
    yield Case(
        "external_offset_negative", "a negative offset", _external("w.bin", -4, 432), files=weights
    )
    yield Case(
        "external_offset_text",
        "an offset that is no number",
        _external("w.bin", "here", 432),
        files=weights,
    )
    yield Case(
        "external_wrong_length",
        "a length that is not that of the tensor",
        _external("w.bin", 0, 400),
        files=weights,
    )


def _with_weight(**fields):
    """conv_norm_relu with its convolution's weight replaced."""
    made = conv_norm_relu()
    made.graph.initializer[0].CopyFrom(TensorProto(name="conv.weight", **fields))
    return _saved(made)


def _tensors():
    shape, numbers = [4, 3, 3, 3], [0.5] * 108
    raw = np.array(numbers, "<f4").tobytes()
    yield Case(
        "raw_short",
        "raw data shorter than the shape",
        _with_weight(data_type=FLOAT, dims=shape, raw_data=raw[:-4]),
    )
    yield Case(
        "raw_long",
        "raw data longer than the shape",
        _with_weight(data_type=FLOAT, dims=shape, raw_data=raw + raw),
    )
    yield Case(
        "raw_odd",
        "raw data that ends inside an element",
        _with_weight(data_type=FLOAT, dims=shape, raw_data=raw[:-1]),
    )
    yield Case(
        "raw_and_typed",
        "raw data and typed data in one tensor",
        _with_weight(data_type=FLOAT, dims=shape, raw_data=raw, float_data=numbers),
    )
    yield Case(
        "typed_short",
        "fewer typed values than the shape",
        _with_weight(data_type=FLOAT, dims=shape, float_data=numbers[:-1]),
    )
    yield Case(
        "typed_wrong_field",
        "floats in int64_data",
        _with_weight(data_type=FLOAT, dims=shape, int64_data=[1] * 108),
    )
    yield Case("no_data", "a weight without any data", _with_weight(data_type=FLOAT, dims=shape))
    yield Case(
        "dims_overflow",
        "dims whose product overflows",
        _with_weight(data_type=FLOAT, dims=[2**33, 2**33, 3, 3], raw_data=raw),
    )
    yield Case(
        "dims_overflow_bytes",
        "dims whose size in bytes overflows",
        _with_weight(data_type=FLOAT, dims=[2**31, 2**30, 1, 1], raw_data=raw),
    )
    yield Case(
        "dims_zero_overflow",
        "a 0 among dims whose product overflows without it",
        _with_weight(data_type=FLOAT, dims=[2**62, 2**62, 0, 3], raw_data=b""),
        inspect=3,
    )
    yield Case(
        "dims_negative",
        "a negative dim",
        _with_weight(data_type=FLOAT, dims=[-4, 3, 3, 3], raw_data=raw),
    )
    yield Case(
        "type_unknown",
        "an element type that ONNX does not have",
        _with_weight(data_type=99, dims=shape, raw_data=raw),
    )
    yield Case(
        "type_undefined",
        "an element type of 0",
        _with_weight(data_type=0, dims=shape, raw_data=raw),
    )
    made = conv_norm_relu()
    made.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            tensor("s", np.float32([1, 2])), tensor("at", np.array([3, 99])), [4, 3]
        )
    )
    yield Case("sparse_index", "a sparse initializer with an index outside its shape", _saved(made))


def _edited(change):
    made = conv_norm_relu()
    change(made.graph, made)
    return _saved(made)


def _graphs():
    def cycle(graph, _):
        graph.node[0].input[0] = "y"

    def self_cycle(graph, _):
        graph.node[1].input[0] = "n"

    def dangling(graph, _):
        graph.node[2].input[0] = "nobody"

    def dangling_output(graph, _):
        graph.output[0].name = "nobody"

    def duplicate_value(graph, _):
        graph.node[1].output[0] = "c"

    def duplicate_initializer(graph, _):
        graph.initializer.add().CopyFrom(graph.initializer[0])

    def duplicate_input(graph, _):
        graph.input.add().CopyFrom(graph.input[0])

    def input_redefined(graph, _):
        graph.node[0].output[0] = "x"

    yield Case("cycle", "three nodes feed each other in a ring", _edited(cycle))
    yield Case("cycle_of_one", "a node reads its own output", _edited(self_cycle))
    yield Case("dangling_input", "a node reads a value that nothing makes", _edited(dangling))
    yield Case("dangling_output", "a graph output that nothing makes", _edited(dangling_output))
    yield Case(
        "duplicate_value", "two nodes make a value of the same name", _edited(duplicate_value)
    )
    yield Case(
        "duplicate_initializer", "two initializers of the same name", _edited(duplicate_initializer)
    )
    yield Case("duplicate_input", "two inputs of the same name", _edited(duplicate_input))
    yield Case(
        "input_redefined", "a node makes a value with an input's name", _edited(input_redefined)
    )


def _nested(depth):
    """A graph whose If holds a graph whose If holds ..., `depth` deep, written by hand: 12 bytes a
    level or so.
    """
    graph = b""
    for _ in range(depth):
        attribute = _field(6, graph)
        graph = _field(1, _field(5, attribute))
    return (
        _varint(1 << 3) + _varint(8) + _field(7, graph) + _field(8, _varint(2 << 3) + _varint(17))
    )


def _depth():
    yield Case("nested_3000", "3000 graphs inside each other", _nested(3000))

    def function(name, calls):
        body = [helper.make_node(calls, ["x"], ["y"], domain="local")]
        return helper.make_function(
            "local", name, ["x"], ["y"], body, [helper.make_opsetid("local", 1)]
        )

    def calling(first, functions):
        call = helper.make_node(first, ["x"], ["y"], "call", domain="local")
        return _saved(
            model(
                "recursive",
                [call],
                [info("x", [2])],
                [info("y", [2])],
                imports=[helper.make_opsetid("local", 1)],
                functions=functions,
            )
        )

    yield Case(
        "function_recursive",
        "a local function that calls itself",
        calling("F", [function("F", "F")]),
    )
    yield Case(
        "function_ring",
        "two local functions that call each other",
        calling("F", [function("F", "G"), function("G", "F")]),
    )
    yield Case(
        "function_twice",
        "two local functions of the same name",
        calling("F", [function("F", "G"), function("F", "H")]),
    )


def _versions():
    def opset(number):
        def change(_, made):
            made.opset_import[0].version = number

        return change

    def ir(number):
        def change(_, made):
            made.ir_version = number

        return change

    def no_opset(_, made):
        del made.opset_import[:]

    def operator(graph, _):
        graph.node[2].op_type = "Rleu"

    def domain(graph, made):
        graph.node[2].domain = "org.example"
        made.opset_import.append(helper.make_opsetid("org.example", 1))

    def undeclared(graph, _):
        graph.node[2].domain = "org.example"

    def newer_operator(graph, _):
        graph.node[2].op_type = "Swish"

    yield Case(
        "unknown_operator",
        "an operator that ONNX does not have",
        _edited(operator),
        inspect=0,
        convert=0,
    )
    yield Case(
        "unknown_domain",
        "an operator of a domain that nobody knows",
        _edited(domain),
        inspect=0,
        convert=0,
    )
    yield Case(
        "undeclared_domain",
        "a domain that the model does not import",
        _edited(undeclared),
        inspect=0,
        convert=0,
    )
    yield Case(
        "operator_too_new",
        "Swish, of opset 24, in a model of opset 17",
        _edited(newer_operator),
        inspect=0,
        convert=0,
    )
    yield Case(
        "opset_newer", "opset 99, newer than any known", _edited(opset(99)), inspect=0, convert=0
    )
    yield Case("opset_zero", "opset 0", _edited(opset(0)))
    yield Case("no_opset", "IR 8 without any opset import", _edited(no_opset))
    yield Case(
        "ir_newer",
        "IR 99: newer than known, but all else is",
        _edited(ir(99)),
        inspect=0,
        run=0,
        convert=0,
    )


def _shapes():
    def declared(graph, _):
        graph.output[0].type.tensor_type.shape.dim[1].dim_value = 5

    def channels(graph, _):
        graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2

    def attribute(graph, _):
        graph.node[0].attribute[0].CopyFrom(helper.make_attribute("kernel_shape", "three"))

    def stride(graph, _):
        graph.node[0].attribute.append(helper.make_attribute("strides", [0, 0]))

    def pads(graph, _):
        del graph.node[0].attribute[:]
        graph.node[0].attribute.append(helper.make_attribute("pads", [2**62, 0, 2**62, 0]))

    def missing(graph, _):
        del graph.node[1].input[3:]

    add = model(
        "add",
        [node("Add", "x w", "y")],
        [info("x", [2, 3])],
        [info("y", [2, 3])],
        [tensor("w", values(4, 5))],
    )
    yield Case("shapes_disagree", "Add of [2,3] and [4,5]", _saved(add), inspect=0, convert=0)
    yield Case(
        "shape_declared",
        "an output declared with other channels than it gets",
        _edited(declared),
        inspect=0,
        convert=0,
    )
    yield Case(
        "channels_disagree",
        "a convolution of 3 channels on an input of 2",
        _edited(channels),
        inspect=0,
        convert=0,
    )
    yield Case(
        "attribute_type", "kernel_shape is a string", _edited(attribute), inspect=0, convert=0
    )
    yield Case("stride_zero", "a convolution with stride 0", _edited(stride), inspect=0, convert=0)
    yield Case(
        "pads_overflow", "pads that overflow the output's size", _edited(pads), inspect=0, convert=0
    )
    yield Case(
        "inputs_missing",
        "BatchNormalization with three inputs of five",
        _edited(missing),
        inspect=0,
        convert=0,
    )


def cases():
    for group in (_no_model, _external_data, _tensors, _graphs, _depth, _versions, _shapes):
        yield from group()


def readme():
    lines = [
        "# Files that are wrong in one way each",
        "",
        "Written by tests/pytorch/fixtures.py. The numbers are exit statuses: 3 refuses the file",
        "with one line that names what is wrong, 0 goes on with a warning. `run` is meant with no",
        "input given. Links out of the model's folder are made by the test when it runs.",
        "",
        "| folder | inspect | run | convert | what is wrong |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {c.name} | {c.inspect} | {c.run} | {c.convert} | {c.wrong} |" for c in cases()]
    return "\n".join(lines) + "\n"
