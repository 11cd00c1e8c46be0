"""A small network of every kind of block, in three stages, for the tests of `blok inspect`."""

import numpy as np

from fixtures_parts import info, model, node, norm_weights, tensor, values


class _Net:
    """Nodes and weights, named as the TorchScript exporter names them."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def op(self, kind, inputs, name, **attributes):
        path = "/" + name.replace(".", "/")
        self.nodes.append(node(kind, inputs, name + "_out", path, **attributes))
        return name + "_out"

    def conv(self, x, name, cin, cout, k=1, stride=1, groups=1):
        numbers = values(cout, cin // groups, k, k, seed=len(self.nodes) + 1)
        self.weights.append(tensor(f"{name}.weight", numbers * 0.3))
        return self.op(
            "Conv",
            f"{x} {name}.weight",
            name,
            kernel_shape=[k, k],
            group=groups,
            strides=[stride, stride],
            pads=[k // 2] * 4,
        )

    def norm(self, x, name, c):
        self.weights += norm_weights(name, c, len(self.nodes) + 1)
        parts = " ".join(f"{name}.{part}" for part in ("weight", "bias", "mean", "var"))
        return self.op("BatchNormalization", f"{x} {parts}", name)

    def residual(self, x, name, c):
        y = self.op("Relu", self.conv(x, f"{name}.conv1", c, c, 3), f"{name}.relu1")
        y = self.conv(y, f"{name}.conv2", c, c, 3)
        return self.op("Relu", self.op("Add", f"{y} {x}", f"{name}.add"), f"{name}.relu2")

    def inverted(self, x, name, c, wide, hidden):
        y = self.op("HardSwish", self.conv(x, f"{name}.expand", c, wide), f"{name}.act1")
        y = self.conv(y, f"{name}.depthwise", wide, wide, 3, 1, wide)
        y = self.op("HardSwish", y, f"{name}.act2")
        g = self.op("GlobalAveragePool", y, f"{name}.se.pool")
        g = self.op("Relu", self.conv(g, f"{name}.se.fc1", wide, hidden), f"{name}.se.relu")
        g = self.conv(g, f"{name}.se.fc2", hidden, wide)
        g = self.op("HardSigmoid", g, f"{name}.se.gate", alpha=1 / 6)
        y = self.op("Mul", f"{g} {y}", f"{name}.se.mul")
        return self.op("Add", f"{x} {self.conv(y, f'{name}.project', wide, c)}", f"{name}.add")

    def preact(self, x, name, cin, cout):
        a = self.op("Relu", self.norm(x, f"{name}.norm1", cin), f"{name}.relu1")
        y = self.conv(a, f"{name}.conv1", cin, cout, 3, 2)
        y = self.op("Relu", self.norm(y, f"{name}.norm2", cout), f"{name}.relu2")
        y = self.conv(y, f"{name}.conv2", cout, cout, 3)
        skip = self.conv(a, f"{name}.shortcut", cin, cout, 1, 2)
        return self.op("Add", f"{y} {skip}", f"{name}.add")

    def bottleneck(self, x, name, c, inner):
        y = self.op("Relu", self.conv(x, f"{name}.conv1", c, inner), f"{name}.relu1")
        y = self.op("Relu", self.conv(y, f"{name}.conv2", inner, inner, 3, 2, 2), f"{name}.relu2")
        y = self.conv(y, f"{name}.conv3", inner, c)
        skip = self.op("AveragePool", x, f"{name}.pool", kernel_shape=[2, 2], strides=[2, 2])
        y = self.op("Add", f"{y} {self.conv(skip, f'{name}.shortcut', c, c)}", f"{name}.add")
        return self.op("Relu", y, f"{name}.relu3")

    def attention(self, x, name, c, size):
        self.weights += [
            tensor(f"{name}.rows", np.array([1, c, size * size], np.int64)),
            tensor(f"{name}.places", np.array([1, c, size, size], np.int64)),
        ]
        v = self.op("Reshape", f"{x} {name}.rows", f"{name}.flat")
        k = self.op("Transpose", v, f"{name}.turn", perm=[0, 2, 1])
        a = self.op("Softmax", self.op("MatMul", f"{k} {v}", f"{name}.scores"), f"{name}.softmax")
        y = self.op("MatMul", f"{v} {a}", f"{name}.mix")
        y = self.op("Reshape", f"{y} {name}.places", f"{name}.back")
        return self.op("Add", f"{x} {y}", f"{name}.add")

    def gate(self, x, name, c):
        g = self.conv(self.op("GlobalAveragePool", x, f"{name}.pool"), f"{name}.fc", c, c)
        return self.op("Mul", f"{x} {self.op('HardSigmoid', g, f'{name}.sigmoid')}", f"{name}.mul")


def block_kinds():
    """conv_norm_act, residual three times alike, inverted_bottleneck with squeeze_excite, residual
    in pre order whose projection stands behind the first activation, bottleneck whose skip is
    pooled, residual_other, gate.
    """
    net = _Net()
    x = net.op("Relu", net.conv("x", "stem.conv", 3, 4, 3), "stem.relu")
    for i in range(3):
        x = net.residual(x, f"layer1.{i}", 4)
    x = net.inverted(x, "layer1.3", 4, 8, 2)
    x = net.preact(x, "layer2.0", 4, 8)
    x = net.bottleneck(x, "layer3.0", 8, 4)
    x = net.attention(x, "layer3.1", 8, 2)
    x = net.gate(x, "layer3.2", 8)
    net.nodes[-1].output[0] = "y"
    ends = [info("x", [1, 3, 8, 8])], [info("y", [1, 8, 2, 2])]
    return model("block_kinds", net.nodes, *ends, net.weights)
