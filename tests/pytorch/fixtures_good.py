"""Small well-formed models, one for each thing that a file may hold and that reading, writing or
running could get wrong. models() gives (name, model, files beside it) for each.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper

import fixtures_blocks
import fixtures_exports
import fixtures_functions
import fixtures_opsets
from fixtures_parts import (
    BOOL,
    FLOAT,
    INT64,
    conv_norm_relu,
    conv_weights,
    info,
    model,
    node,
    tensor,
    values,
)


def _move_out(each, location, data, offset=None):
    """Makes `each` external, at `offset` of a file whose bytes are collected in `data`; without
    one, the whole file.
    """
    raw = each.raw_data
    each.ClearField("raw_data")
    each.data_location = TensorProto.EXTERNAL
    each.external_data.add(key="location", value=location)
    if offset is None:
        data[location] = raw
        return
    each.external_data.add(key="offset", value=str(offset))
    each.external_data.add(key="length", value=str(len(raw)))
    data[location] = data.get(location, b"").ljust(offset, b"\xee") + raw


def external_data():
    """Tensors in model.onnx.data at offsets that no float may have, one with a checksum; the others
    inline.
    """
    made, data = conv_norm_relu(), {}
    made.graph.name = "external_data"
    _move_out(made.graph.initializer[0], "model.onnx.data", data, 5)
    _move_out(made.graph.initializer[4], "model.onnx.data", data, 439)
    made.graph.initializer[4].external_data.add(key="checksum", value="0" * 40)
    return made, data


def external_whole_file():
    """A weight that is a whole file of its own in a folder below: neither offset nor length is
    given.
    """
    made, data = conv_norm_relu(), {}
    made.graph.name = "external_whole_file"
    _move_out(made.graph.initializer[0], "weights/conv.bin", data)
    return made, data


def external_attribute():
    """The tensor of a Constant node is external, and one inside a branch of an If."""
    then = helper.make_graph(
        [node("Mul", "x scale", "t")], "then", [], [info("t", [2, 3])], [tensor("scale", values(3))]
    )
    other = helper.make_graph([node("Identity", "x", "e")], "else", [], [info("e", [2, 3])])
    nodes = [
        node("Constant", "", "shift", value=tensor("v", values(2, 3, seed=4))),
        node("Add", "x shift", "a"),
        node("If", "cond", "b", then_branch=then, else_branch=other),
        node("Add", "a b", "y"),
    ]
    made = model(
        "external_attribute",
        nodes,
        [info("x", [2, 3]), info("cond", [], BOOL)],
        [info("y", [2, 3])],
    )
    data = {}
    _move_out(made.graph.node[0].attribute[0].t, "model.onnx.data", data, 0)
    branch = next(a.g for a in made.graph.node[2].attribute if a.name == "then_branch")
    _move_out(branch.initializer[0], "model.onnx.data", data, 24)
    return made, data


def if_captures():
    """If, whose branches take values and weights from outside; the else branch holds another If."""
    inner_then = helper.make_graph(
        [node("Add", "x shift", "it")], "inner_then", [], [info("it", [2, 3])]
    )
    inner_else = helper.make_graph(
        [node("Mul", "d shift", "ie")], "inner_else", [], [info("ie", [2, 3])]
    )
    then = helper.make_graph(
        [node("Mul", "d scale", "t")],
        "then",
        [],
        [info("t", [2, 3])],
        [tensor("scale", np.float32(3))],
    )
    other = helper.make_graph(
        [node("If", "which", "e", then_branch=inner_then, else_branch=inner_else)],
        "else",
        [],
        [info("e", [2, 3])],
    )
    nodes = [
        node("Add", "x x", "d"),
        node("ReduceMax", "x", "m", keepdims=0),
        node("Cast", "m", "which", to=BOOL),
        node("If", "cond", "b", then_branch=then, else_branch=other),
        node("Relu", "b", "y"),
    ]
    return model(
        "if_captures",
        nodes,
        [info("x", [2, 3]), info("cond", [], BOOL)],
        [info("y", [2, 3])],
        [tensor("shift", values(3, seed=3))],
    )


def late_shapes():
    """Gather and Add follow NonZero, whose size only the run knows."""
    nodes = [
        node("NonZero", "x", "at"),
        node("Transpose", "at", "rows", perm=[1, 0]),
        node("Gather", "rows zero", "first", axis=1),
        node("Gather", "table first", "picked", axis=0),
        node("Add", "picked bias", "y"),
    ]
    weights = [
        tensor("zero", np.array(0)),
        tensor("table", values(4, 3, seed=2)),
        tensor("bias", values(3, seed=3)),
    ]
    return model("late_shapes", nodes, [info("x", [4, 5])], [info("y", ["found", 3])], weights)


def local_functions():
    """A local function with an attribute of its own and one with a default, that calls another
    local function.
    """
    silu = helper.make_function(
        "local",
        "Silu",
        ["x"],
        ["y"],
        [node("Sigmoid", "x", "s"), node("Mul", "x s", "y")],
        [helper.make_opsetid("", 17)],
    )
    leak = helper.make_node("LeakyRelu", ["a"], ["b"], "leak")
    leak.attribute.append(
        onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    )
    conv = helper.make_node("Conv", ["x", "w"], ["a"], "conv")
    conv.attribute.append(
        onnx.AttributeProto(name="pads", ref_attr_name="pads", type=onnx.AttributeProto.INTS)
    )
    block = helper.make_function(
        "local",
        "Block",
        ["x", "w"],
        ["y"],
        [conv, leak, helper.make_node("Silu", ["b"], ["y"], "act", domain="local")],
        [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)],
        ["pads"],
        [helper.make_attribute("slope", 0.25)],
    )
    call = helper.make_node(
        "Block", ["x", "conv.weight"], ["y"], "block", domain="local", pads=[1, 1, 1, 1]
    )
    return model(
        "local_functions",
        [call],
        [info("x", [1, 3, 5, 5])],
        [info("y", [1, 4, 5, 5])],
        [conv_weights("conv", 3, 4, 3, 1)[0]],
        imports=[helper.make_opsetid("local", 1)],
        functions=[block, silu],
    )


def sparse_initializer():
    """One weight in coordinate form, one in linear form."""
    made = model(
        "sparse_initializer",
        [node("MatMul", "x a", "m"), node("Add", "m b", "y")],
        [info("x", [2, 4])],
        [info("y", [2, 3])],
    )
    coordinates = helper.make_sparse_tensor(
        tensor("a", np.array([1.5, -2, 3], np.float32)),
        tensor("a_at", np.array([[0, 1], [2, 0], [3, 2]])),
        [4, 3],
    )
    linear = helper.make_sparse_tensor(
        tensor("b", np.array([0.5, 4], np.float32)), tensor("b_at", np.array([1, 4])), [2, 3]
    )
    made.graph.sparse_initializer.extend([coordinates, linear])
    return made


def quantization_annotation():
    made = conv_norm_relu()
    made.graph.name = "quantization_annotation"
    made.graph.initializer.extend(
        [tensor("c_scale", np.float32(0.1)), tensor("c_zero", np.uint8(3))]
    )
    note = made.graph.quantization_annotation.add(tensor_name="c")
    note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="c_scale")
    note.quant_parameter_tensor_names.add(key="ZERO_POINT_TENSOR", value="c_zero")
    return made


def initializers_as_inputs():
    """IR 4 and newer may list some initializers as inputs: defaults that a caller may replace."""
    made = conv_norm_relu(9)
    made.graph.name = "initializers_as_inputs"
    for weight in list(made.graph.initializer)[:3]:
        made.graph.input.insert(0, info(weight.name, list(weight.dims)))
    return made


def unsorted_nodes():
    made = conv_norm_relu()
    made.graph.name = "unsorted_nodes"
    nodes = list(made.graph.node)[::-1]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def unnamed_nodes():
    made = conv_norm_relu()
    made.graph.name = "unnamed_nodes"
    for each in made.graph.node:
        each.ClearField("name")
    return made


def dynamic_dims():
    """A symbolic batch, symbolic sides, and a shape chain that keeps the batch in a Reshape."""
    nodes = [
        node("Conv", "x conv.weight conv.bias", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", "c", "p"),
        node("Shape", "p", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n first", "n1"),
        node("Concat", "n1 rest", "target", axis=0),
        node("Reshape", "p target", "y"),
    ]
    weights = [
        *conv_weights("conv", 3, 4, 3, 1),
        tensor("zero", np.array(0)),
        tensor("first", np.array([0])),
        tensor("rest", np.array([-1])),
    ]
    return model(
        "dynamic_dims", nodes, [info("x", ["N", 3, "H", "W"])], [info("y", ["N", 4])], weights
    )


def _typed(name, kind, dims, numbers):
    made = TensorProto(name=name, data_type=kind, dims=dims)
    field = {
        FLOAT: "float_data",
        TensorProto.DOUBLE: "double_data",
        INT64: "int64_data",
        TensorProto.UINT32: "uint64_data",
        TensorProto.UINT64: "uint64_data",
    }.get(kind, "int32_data")
    getattr(made, field).extend(numbers)
    return made


def typed_data():
    """Initializers in every typed field: float, int32 (also for f16, bf16, bool, 8 and 16 bit),
    int64, double, uint64.
    """
    half = np.array([0.5, -1.25, 65504], np.float16).view(np.uint16).tolist()
    weights = [
        _typed("f32", FLOAT, [3], [1.5, -0.0, 3e-39]),
        _typed("f16", TensorProto.FLOAT16, [3], half),
        _typed("bf16", TensorProto.BFLOAT16, [3], [0x3F80, 0xBF80, 0x4000]),
        _typed("flag", BOOL, [3], [1, 0, 1]),
        _typed("i8", TensorProto.INT8, [3], [-128, 0, 127]),
        _typed("u16", TensorProto.UINT16, [3], [0, 1, 65535]),
        _typed("i32", TensorProto.INT32, [3], [-(2**31), 0, 7]),
        _typed("i64", INT64, [3], [-(2**63), 0, 2**63 - 1]),
        _typed("f64", TensorProto.DOUBLE, [3], [1e300, -1, 0.1]),
        _typed("u32", TensorProto.UINT32, [3], [0, 1, 2**32 - 1]),
        _typed("u64", TensorProto.UINT64, [3], [0, 1, 2**64 - 1]),
    ]
    nodes = [
        node("Add", "x f32", "y_f32"),
        node("Cast", "f16", "y_f16", to=FLOAT),
        node("Where", "flag x f32", "y_flag"),
        node("Cast", "bf16", "y_bf16", to=FLOAT),
        node("Cast", "i8", "y_i8", to=FLOAT),
    ]
    nodes += [
        node("Identity", f"{kind}", f"y_{kind}")
        for kind in ("u16", "i32", "i64", "f64", "u32", "u64")
    ]
    kinds = {
        "y_u16": TensorProto.UINT16,
        "y_i32": TensorProto.INT32,
        "y_i64": INT64,
        "y_f64": TensorProto.DOUBLE,
        "y_u32": TensorProto.UINT32,
        "y_u64": TensorProto.UINT64,
    }
    outputs = [info(n.output[0], [3], kinds.get(n.output[0], FLOAT)) for n in nodes]
    return model("typed_data", nodes, [info("x", [3])], outputs, weights)


def constants_as_nodes():
    """Every form of a Constant node's value."""
    nodes = [
        node("Constant", "", "a", value=tensor("v", np.array([1, 2, 3], np.float32))),
        node("Constant", "", "b", value_float=0.5),
        node("Constant", "", "c", value_floats=[1.0, 0.0, -1.0]),
        node("Constant", "", "d", value_int=1),
        node("Constant", "", "e", value_ints=[3, 1]),
        node("Add", "x a", "s1"),
        node("Mul", "s1 b", "s2"),
        node("Sub", "s2 c", "s3"),
        node("Gather", "s3 d", "g", axis=1),
        node("Reshape", "s3 e", "y"),
    ]
    return model(
        "constants_as_nodes", nodes, [info("x", [1, 3])], [info("y", [3, 1]), info("g", [1])]
    )


def noise_in_block():
    """A residual block with nodes inside that compute nothing that is left: a Dropout, an addition of
    zeros, a Reshape to its own shape.
    """
    nodes = [
        node("Conv", "x a.weight a.bias", "c", pads=[1, 1, 1, 1]),
        node("Dropout", "c", "d"),
        node("Relu", "d", "r"),
        node("Conv", "r b.weight b.bias", "f", pads=[1, 1, 1, 1]),
        node("Shape", "f", "s"),
        node("Reshape", "f s", "g"),
        node("Add", "g zeros", "h"),
        node("Add", "h x", "t"),
        node("Relu", "t", "y"),
    ]
    weights = conv_weights("a", 4, 4, 3, 51) + conv_weights("b", 4, 4, 3, 52)
    weights.append(tensor("zeros", np.zeros((4, 1, 1), np.float32)))
    square = [1, 4, 5, 5]
    return model("noise_in_block", nodes, [info("x", square)], [info("y", square)], weights)


def _unknown_field(message, number, payload):
    tag = number << 3 | 2  # length-delimited; two bytes as a varint
    message.MergeFromString(bytes([tag & 0x7F | 0x80, tag >> 7, len(payload)]) + payload)


def annotated():
    """Metadata, doc strings, value_info, denotations, and fields that no reader knows, at every
    level.
    """
    made = conv_norm_relu(22)
    made.ir_version = 10
    made.graph.name = "annotated"
    made.doc_string = "A model\nwith two lines."
    made.domain, made.model_version = "org.example", 7
    made.graph.doc_string = "its graph"
    made.graph.node[0].doc_string = "its convolution"
    made.graph.value_info.append(info("c", [1, 4, 6, 6]))
    made.graph.input[0].doc_string = "a picture"
    made.graph.input[0].type.denotation = "IMAGE"
    made.graph.input[0].type.tensor_type.shape.dim[1].denotation = "DATA_CHANNEL"
    made.graph.initializer[0].doc_string = "its weight"
    for part in (
        made,
        made.graph,
        made.graph.node[0],
        made.graph.value_info[0],
        made.graph.initializer[0],
    ):
        part.metadata_props.add(key="where", value="everywhere \u2713")
        part.metadata_props.add(key="empty", value="")
        _unknown_field(part, 900, b"from a later day")
    _unknown_field(made.graph.node[0].attribute[0], 901, b"\x00\xff")
    return made


def unknown_operator():
    """An operator and a domain that nobody knows, with every type of attribute: kept, written back,
    refused by run.
    """
    graph = helper.make_graph([node("Relu", "x", "g")], "inside", [], [info("g", [2])])
    odd = helper.make_node(
        "Frobnicate",
        ["x", "", "w"],
        ["a", "", "b"],
        "odd",
        domain="org.example",
        f=1.5,
        i=-3,
        s="text",
        t=tensor("t", np.arange(3)),
        g=graph,
        floats=[1.0, 2.0],
        ints=[1, 2],
        strings=["a", "b"],
        tensors=[tensor("t1", np.float32(1))],
        graphs=[graph],
        tp=helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, [None])),
    )
    odd.overload = "fast"
    words = TensorProto(
        name="words", data_type=TensorProto.STRING, dims=[2], string_data=[b"caf\xc3\xa9", b""]
    )
    return model(
        "unknown_operator",
        [odd, node("Identity", "words", "names")],
        [info("x", [2])],
        [info("b", [2]), info("names", [2], TensorProto.STRING)],
        [tensor("w", values(2)), words],
        22,
        imports=[helper.make_opsetid("org.example", 3)],
    )


PLAIN = [
    conv_norm_relu,
    external_data,
    external_whole_file,
    external_attribute,
    if_captures,
    late_shapes,
    local_functions,
    sparse_initializer,
    quantization_annotation,
    initializers_as_inputs,
    unsorted_nodes,
    unnamed_nodes,
    dynamic_dims,
    typed_data,
    constants_as_nodes,
    noise_in_block,
    annotated,
    unknown_operator,
    fixtures_blocks.block_kinds,
]


def models():
    for make in PLAIN + fixtures_functions.MODELS + fixtures_opsets.MODELS:
        made = make()
        yield make.__name__, *(made if isinstance(made, tuple) else (made, {}))
    for name, made in fixtures_exports.models():
        yield name, made, {}
