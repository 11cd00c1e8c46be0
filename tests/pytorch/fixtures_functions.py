"""Blocks as model-local functions, as the TorchScript exporter writes modules when it is told to
(export_modules_as_functions): a function a module, nested, its weights passed as inputs. And the
same network without functions.
"""

from onnx import helper

from fixtures_parts import info, model, node, tensor, values

_CHANNELS, _HIDDEN = 8, 4
_BLOCKS, _GATES = "torchvision.models.resnet", "torchvision.ops.misc"
_OPSET = 17

# Weights of a block: name and shape.
_GATE = [
    ("fc1.weight", (_HIDDEN, _CHANNELS, 1, 1)),
    ("fc1.bias", (_HIDDEN,)),
    ("fc2.weight", (_CHANNELS, _HIDDEN, 1, 1)),
    ("fc2.bias", (_CHANNELS,)),
]
_BLOCK = [
    ("conv1.weight", (_CHANNELS, _CHANNELS, 3, 3)),
    ("conv1.bias", (_CHANNELS,)),
    ("conv2.weight", (_CHANNELS, _CHANNELS, 3, 3)),
    ("conv2.bias", (_CHANNELS,)),
    *[(f"se.{name}", shape) for name, shape in _GATE],
]


def _names(rows, before=""):
    return " ".join(before + name for name, _ in rows)


def _gate_nodes(x, y, scope="", weights=""):
    """Squeeze and excite from value x to value y; inner values and node names get scope, names of
    weights get weights before them.
    """
    fc1, fc2 = (f"{weights}{fc}.weight {weights}{fc}.bias" for fc in ("fc1", "fc2"))
    return [
        node("GlobalAveragePool", x, f"{scope}p", f"{scope}avgpool/GlobalAveragePool"),
        node("Conv", f"{scope}p {fc1}", f"{scope}h", f"{scope}fc1/Conv"),
        node("Relu", f"{scope}h", f"{scope}r", f"{scope}activation/Relu"),
        node("Conv", f"{scope}r {fc2}", f"{scope}g", f"{scope}fc2/Conv"),
        node("Sigmoid", f"{scope}g", f"{scope}s", f"{scope}scale_activation/Sigmoid"),
        node("Mul", f"{scope}s {x}", y, f"{scope}Mul"),
    ]


def _block_nodes(x, y, gate, scope="", weights=""):
    """The block around `gate`, nodes from value n2 to value e."""
    conv1, conv2 = (f"{weights}{c}.weight {weights}{c}.bias" for c in ("conv1", "conv2"))
    pads = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    return [
        node("Conv", f"{x} {conv1}", f"{scope}n1", f"{scope}conv1/Conv", **pads),
        node("Relu", f"{scope}n1", f"{scope}r1", f"{scope}relu/Relu"),
        node("Conv", f"{scope}r1 {conv2}", f"{scope}n2", f"{scope}conv2/Conv", **pads),
        *gate,
        node("Add", f"{scope}e {x}", f"{scope}a", f"{scope}Add"),
        node("Relu", f"{scope}a", y, f"{scope}relu_1/Relu"),
    ]


def _model(name, nodes, **more):
    shape = ["N", _CHANNELS, 6, 6]
    weights = [
        tensor(f"layer1.{i}.{name}", values(*shape, seed=10 * i + k) * 0.3)
        for i in range(2)
        for k, (name, shape) in enumerate(_BLOCK)
    ]
    return model(name, nodes, [info("x", shape)], [info("y", shape)], weights, _OPSET, **more)


def function_blocks():
    """Two calls of a residual block, in which a squeeze-excite is a call too."""
    imports = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_GATES, 1)]
    gate = helper.make_function(
        _GATES,
        "SqueezeExcitation.1",
        ["x", *_names(_GATE).split()],
        ["y"],
        _gate_nodes("x", "y"),
        imports[:1],
    )
    call = node("SqueezeExcitation.1", f"n2 {_names(_GATE, 'se.')}", "e", "se", domain=_GATES)
    block = helper.make_function(
        _BLOCKS,
        "BasicBlock.1",
        ["x", *_names(_BLOCK).split()],
        ["y"],
        _block_nodes("x", "y", [call]),
        imports,
    )
    calls = [
        node(
            "BasicBlock.1",
            f"{x} {_names(_BLOCK, f'layer1.{i}.')}",
            y,
            f"BasicBlock_{i}",
            domain=_BLOCKS,
        )
        for i, (x, y) in enumerate((("x", "m"), ("m", "y")))
    ]
    return _model(
        "function_blocks",
        calls,
        imports=[helper.make_opsetid(d, 1) for d in (_BLOCKS, _GATES)],
        functions=[block, gate],
    )


def function_blocks_plain():
    """The same without functions."""
    nodes = []
    for i, (x, y) in enumerate((("x", "m"), ("m", "y"))):
        scope, weights = f"/layer1/layer1.{i}/", f"layer1.{i}."
        gate = _gate_nodes(f"{scope}n2", f"{scope}e", f"{scope}se/", f"{weights}se.")
        nodes += _block_nodes(x, y, gate, scope, weights)
    return _model("function_blocks_plain", nodes)


MODELS = [function_blocks, function_blocks_plain]
