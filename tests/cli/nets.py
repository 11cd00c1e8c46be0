"""Writes a model of N equal residual blocks, with nothing but the standard library:

    nets.py tower N FILE     the blocks one behind another
    nets.py misses N FILE    the same, an inner value of each an output of the graph
"""

import struct
import sys


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, data):
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def value(name, dims):
    shape = b"".join(field(1, field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def ints(name, numbers):
    return field(5, field(1, name) + b"".join(field(8, n) for n in numbers) + field(20, 7))


def node(op, inputs, output, name, attributes=b""):
    taken = b"".join(field(1, i) for i in inputs)
    return field(1, taken + field(2, output) + field(3, name) + field(4, op) + attributes)


def main(what, count, path):
    dims = [1, 2, 4, 4]
    data = field(9, struct.pack("<36f", *[0.1] * 36))
    weight = b"".join(field(1, d) for d in (2, 2, 3, 3)) + field(2, 1) + field(8, "w") + data
    nodes, outputs, x, pads = [], [], "x", ints("pads", [1] * 4)
    for i in range(count):
        p = f"b{i}"
        nodes.append(node("Conv", [x, "w"], p + "a", p + ".conv1", pads))
        nodes.append(node("Relu", [p + "a"], p + "r", p + ".relu"))
        nodes.append(node("Conv", [p + "r", "w"], p + "c", p + ".conv2", pads))
        nodes.append(node("Add", [p + "c", x], p + "y", p + ".add"))
        if what == "misses":
            outputs.append(p + "r")
        x = p + "y"
    graph = b"".join(nodes) + field(2, what) + field(5, weight) + field(11, value("x", dims))
    graph += b"".join(field(12, value(o, dims)) for o in [*outputs, x])
    with open(path, "wb") as file:
        file.write(field(1, 8) + field(7, graph) + field(8, field(2, 17)))


main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
