"""Counts a model's parameters from the file alone: the oracle for the program's figure.

Each float initializer counts once, each Identity of one once more (that is how an exporter shares
equal tensors). Not counted: BatchNormalization's mean and variance, 0-d constants, and what feeds a
shape, pad, scale or roi input.
"""

import math

import onnx

FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.DOUBLE,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
}

# Inputs that say how, not what: by operator, the input positions.
STEERING = {
    "Reshape": {1},
    "Expand": {1},
    "ConstantOfShape": {0},
    "Tile": {1},
    "Pad": {1, 2, 3},
    "Resize": {1, 2, 3},
    "Upsample": {1},
    "Slice": {1, 2, 3, 4},
    "Squeeze": {1},
    "Unsqueeze": {1},
    "Split": {1},
    "Clip": {1, 2},
    "Dropout": {1, 2},
}


def count(path):
    graph = onnx.load(path, load_external_data=False).graph
    uncounted = set()
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            uncounted.update(node.input[3:5])
        uncounted.update(
            name for i, name in enumerate(node.input) if i in STEERING.get(node.op_type, ())
        )
    sizes = {
        t.name: math.prod(t.dims)
        for t in graph.initializer
        if t.data_type in FLOATS and t.dims and t.name not in uncounted
    }
    shared = sum(
        sizes.get(node.input[0], 0)
        for node in graph.node
        if node.op_type == "Identity" and node.output[0] not in uncounted
    )
    return sum(sizes.values()) + shared
