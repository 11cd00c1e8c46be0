"""One small network per older opset, each with the forms that its operators had then."""

import numpy as np

from fixtures_parts import NORM, conv_weights, info, model, node, norm_weights, tensor, values


def _head(nodes, weights, opset, reshape):
    nodes += [
        node("GlobalAveragePool", "r", "p"),
        reshape,
        node("Gemm", "f fc.weight fc.bias", "y", transB=1),
    ]
    weights += [tensor("fc.weight", values(5, 4, seed=31)), tensor("fc.bias", values(5, seed=32))]
    return model(
        f"opset_{opset}", nodes, [info("x", [1, 3, 6, 6])], [info("y", [1, 5])], weights, opset
    )


def opset_6():
    """Add and Mul with broadcast and axis, is_test, Gemm with broadcast; IR 3, so initializers are
    inputs too.
    """
    nodes = [
        node("Conv", "x conv.weight", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("BatchNormalization", f"c {NORM}", "n", is_test=1, epsilon=1e-5),
        node("Add", "n shift", "a", broadcast=1, axis=1),
        node("Relu", "a", "r"),
        node("GlobalAveragePool", "r", "p"),
        node("Flatten", "p", "f"),
        node("Gemm", "f fc.weight fc.bias", "y", transB=1, broadcast=1),
    ]
    weights = [
        conv_weights("conv", 3, 4, 3, 1)[0],
        *norm_weights("norm", 4, 5),
        tensor("shift", values(4, seed=30)),
        tensor("fc.weight", values(5, 4, seed=31)),
        tensor("fc.bias", values(5, seed=32)),
    ]
    inputs = [info("x", [1, 3, 6, 6]), *(info(w.name, list(w.dims)) for w in weights)]
    return model("opset_6", nodes, inputs, [info("y", [1, 5])], weights, 6)


def opset_6_twin():
    """The same function in opset 7, which the runtimes know."""
    made = opset_6()
    made.opset_import[0].version = 7
    for each in made.graph.node:
        kept = [a for a in each.attribute if a.name not in ("broadcast", "axis", "is_test")]
        del each.attribute[:]
        each.attribute.extend(kept)
    for dims in (w.dims for w in made.graph.initializer if w.name == "shift"):
        dims.extend([1, 1])
    next(i for i in made.graph.input if i.name == "shift").CopyFrom(info("shift", [4, 1, 1]))
    return made


def opset_7():
    nodes = [
        node("Conv", "x conv.weight conv.bias", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("BatchNormalization", f"c {NORM}", "n"),
        node("Relu", "n", "d"),
        node("Dropout", "d", "r", ratio=0.3),
    ]
    weights = [*conv_weights("conv", 3, 4, 3, 1), *norm_weights("norm", 4, 5)]
    made = _head(nodes, weights, 7, node("Flatten", "p", "f", axis=1))
    for w in weights:  # IR 3: every initializer is an input
        made.graph.input.append(info(w.name, list(w.dims)))
    return made


def opset_9():
    nodes = [
        node(
            "Conv",
            "x conv.weight conv.bias",
            "c",
            kernel_shape=[3, 3],
            pads=[1, 1, 1, 1],
            strides=[2, 2],
        ),
        node("Clip", "c", "k", min=0.0, max=6.0),
        node("Upsample", "k scales", "u", mode="nearest"),
        node("Pad", "u", "q", pads=[0, 0, 1, 1, 0, 0, 1, 1], value=0.5),
        node("ReduceSum", "q", "s", axes=[2, 3], keepdims=0),
        node("Unsqueeze", "s", "t", axes=[2]),
        node("Squeeze", "t", "f", axes=[2]),
        node("Slice", "f", "y", axes=[1], starts=[1], ends=[4]),
    ]
    weights = [
        *conv_weights("conv", 3, 4, 3, 1),
        tensor("scales", np.array([1, 1, 2, 2], np.float32)),
    ]
    return model("opset_9", nodes, [info("x", [1, 3, 6, 6])], [info("y", [1, 3])], weights, 9)


def opset_11():
    nodes = [
        node("Pad", "x pads fill", "q"),
        node("Conv", "q conv.weight conv.bias", "c", kernel_shape=[3, 3]),
        node("Clip", "c low high", "r"),
        node("MaxPool", "r", "m", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node(
            "Resize",
            "m roi scales",
            "z",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        node("ReduceMean", "z", "s", axes=[-2, -1], keepdims=0),
        node("Softmax", "s", "y", axis=1),
    ]
    weights = [
        *conv_weights("conv", 3, 4, 3, 1),
        tensor("pads", np.array([0, 0, 1, 1, 0, 0, 1, 1])),
        tensor("fill", np.float32(0.25)),
        tensor("low", np.float32(0)),
        tensor("high", np.float32(6)),
        tensor("roi", np.zeros(0, np.float32)),
        tensor("scales", np.array([1, 1, 2, 2], np.float32)),
    ]
    return model("opset_11", nodes, [info("x", [1, 3, 7, 7])], [info("y", [1, 4])], weights, 11)


def opset_13():
    nodes = [
        node("Conv", "x conv.weight conv.bias", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("HardSigmoid", "c", "g", alpha=1 / 6),
        node("Mul", "c g", "h"),
        node("ReduceSum", "h axes", "s", keepdims=0),
        node("Unsqueeze", "s two", "t"),
        node("Squeeze", "t two", "f"),
        node("Split", "f sizes", "a b", axis=1),
        node("Concat", "b a", "d", axis=1),
        node("Softmax", "d", "y", axis=-1),
    ]
    weights = [
        *conv_weights("conv", 3, 4, 3, 1),
        tensor("axes", np.array([2, 3])),
        tensor("two", np.array([2])),
        tensor("sizes", np.array([1, 3])),
    ]
    return model("opset_13", nodes, [info("x", [1, 3, 6, 6])], [info("y", [1, 4])], weights, 13)


# Where the runtimes do not know the model itself: one that they know, for its outputs.
TWINS = {"opset_6": opset_6_twin}


MODELS = [opset_6, opset_7, opset_9, opset_11, opset_13]
