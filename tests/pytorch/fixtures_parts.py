"""The bricks of the fixtures: seeded values, short forms of onnx.helper, and one small network.

Values come from NumPy's legacy generator, whose numbers are the same on every machine.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL

_IR = {6: 3, 7: 3, 9: 4, 11: 6, 13: 7, 15: 8, 17: 8, 18: 8, 20: 9, 22: 10}


def values(*shape, seed=1):
    return np.random.RandomState(seed).standard_normal(shape).astype(np.float32)


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def info(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def node(op, inputs, outputs, name=None, **attributes):
    return helper.make_node(
        op, inputs.split(), outputs.split(), name or outputs.split()[0] + "_node", **attributes
    )


def model(name, nodes, inputs, outputs, initializers=(), opset=17, **more):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    imports = [helper.make_opsetid("", opset), *more.pop("imports", ())]
    return helper.make_model(
        graph,
        opset_imports=imports,
        ir_version=more.pop("ir_version", _IR[opset]),
        producer_name="fixtures",
        **more,
    )


def conv_weights(prefix, cin, cout, k, seed):
    return [
        tensor(f"{prefix}.weight", values(cout, cin, k, k, seed=seed) * 0.3),
        tensor(f"{prefix}.bias", values(cout, seed=seed + 100)),
    ]


def norm_weights(prefix, c, seed):
    return [
        tensor(f"{prefix}.weight", np.abs(values(c, seed=seed)) + 0.5),
        tensor(f"{prefix}.bias", values(c, seed=seed + 1)),
        tensor(f"{prefix}.mean", values(c, seed=seed + 2)),
        tensor(f"{prefix}.var", np.abs(values(c, seed=seed + 3)) + 0.5),
    ]


NORM = "norm.weight norm.bias norm.mean norm.var"


def conv_norm_relu(opset=17):
    nodes = [
        node("Conv", "x conv.weight", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("BatchNormalization", f"c {NORM}", "n", epsilon=1e-3),
        node("Relu", "n", "y"),
    ]
    weights = [conv_weights("conv", 3, 4, 3, 1)[0], *norm_weights("norm", 4, 5)]
    return model(
        "conv_norm_relu",
        nodes,
        [info("x", [1, 3, 6, 6])],
        [info("y", [1, 4, 6, 6])],
        weights,
        opset,
    )
