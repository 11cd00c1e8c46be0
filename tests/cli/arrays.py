"""Small files for the tests of the program, by the standard library alone.

  arrays.py model OUT OP DTYPE SHAPE...   a model of one node; each SHAPE is an input: 1x3xHxW
  arrays.py npy OUT DESCR SHAPE VALUES [fortran]
  arrays.py picture OUT KIND              a 4x2 picture: rgb, rgba, grey, grey16, palette, ppm, pgm, plain
  arrays.py check FILE EXPRESSION         reads a .npy; a: list of numbers, shape, descr
"""
import math
import struct
import sys
import zlib

DTYPES = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "string": 8,
          "bool": 9, "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "complex64": 14, "bfloat16": 16}
CODES = {"f4": "f", "f8": "d", "f2": "e", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H",
         "u4": "I", "u8": "Q", "b1": "?"}

# Rows of the picture, RGB.
PIXELS = [[(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)],
          [(0, 0, 0), (51, 102, 153), (10, 20, 30), (200, 100, 50)]]


def field(number, payload):
    """A field of a protobuf message: a number, text, or a message's bytes."""
    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    if isinstance(payload, str):
        payload = payload.encode()
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def value(name, dtype, shape):
    dims = b""
    for axis in [] if shape == "scalar" else shape.split("x"):
        dims += field(1, field(1, int(axis)) if axis.isdigit() else field(2, axis))
    return field(1, name) + field(2, field(1, field(1, DTYPES[dtype]) + field(2, dims)))


def write_model(out, op, dtype, *shapes):
    names = [f"x{i}" for i in range(len(shapes))]
    node = b"".join(field(1, name) for name in names) + field(2, "y") + field(3, "node") + field(4, op)
    graph = field(1, node) + field(2, "tiny")
    for name, shape in zip(names, shapes):
        graph += field(11, value(name, dtype, shape))
    graph += field(12, value("y", dtype, shapes[0]))
    model = field(1, 8) + field(2, "hand") + field(7, graph) + field(8, field(1, "") + field(2, 17))
    open(out, "wb").write(model)


def write_npy(out, descr, shape, values, order=""):
    dims = [] if shape == "scalar" else [int(axis) for axis in shape.split("x")]
    text = "{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }" % (
        descr, order == "fortran", "".join(f"{axis}, " for axis in dims))
    version = 2 if order == "v2" else 3 if order == "v3" else 1
    head = 10 if version == 1 else 12
    text += " " * (-(len(text) + head + 1) % 64) + "\n"
    numbers = [float(number) if descr[1] == "f" else int(number) for number in values.split(",")]
    mark = ">" if descr[0] == ">" else "<"
    data = struct.pack(f"{mark}{len(numbers)}{CODES[descr[1:]]}", *numbers)
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    open(out, "wb").write(b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + data)


def write_picture(out, kind):
    grey = [[pixel[0] for pixel in row] for row in PIXELS]
    if kind == "ppm":
        body = b"P6 # a comment\n4 2\n255\n" + bytes(sum((pixel for row in PIXELS for pixel in row), ()))
    elif kind == "pgm":
        body = b"P5\n4 2\n65535\n" + b"".join(struct.pack(">H", g * 257) for row in grey for g in row)
    elif kind == "plain":
        body = b"P3\n4 2 255\n" + b" ".join(b"%d %d %d" % pixel for row in PIXELS for pixel in row)
    else:
        def chunk(tag, data):
            return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
        depth, color = {"rgb": (8, 2), "rgba": (8, 6), "grey": (8, 0), "grey16": (16, 0), "palette": (8, 3)}[kind]
        rows, palette = b"", b""
        for y, row in enumerate(PIXELS):
            rows += b"\0"
            for x, pixel in enumerate(row):
                if kind == "grey16":
                    rows += struct.pack(">H", pixel[0] * 257)
                elif kind == "palette":
                    rows += bytes([4 * y + x])
                    palette += bytes(pixel)
                else:
                    rows += bytes(pixel if kind != "grey" else pixel[:1]) + (b"\x40" if kind == "rgba" else b"")
        body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 2, depth, color, 0, 0, 0))
        body += (chunk(b"PLTE", palette) if palette else b"") + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    open(out, "wb").write(body)


def check(path, expression):
    data = open(path, "rb").read()
    assert data[:8] == b"\x93NUMPY\x01\x00", "no .npy of version 1"
    length = struct.unpack("<H", data[8:10])[0]
    assert (10 + length) % 64 == 0, "header is not aligned"
    header = eval(data[10:10 + length])
    assert header["fortran_order"] is False
    a = [item[0] for item in struct.iter_unpack("<" + CODES[header["descr"][1:]], data[10 + length:])]
    assert len(a) == math.prod(header["shape"]), "elements do not fit the shape"
    # float32 as it is written in decimal
    near = lambda wanted, tolerance=1e-6: len(a) == len(wanted) and all(
        abs(x - y) <= tolerance for x, y in zip(a, wanted))
    names = {"a": a, "shape": header["shape"], "descr": header["descr"], "near": near, "P": PIXELS, "math": math}
    if not eval(expression, names):
        print(f"  shape {header['shape']}, descr {header['descr']}, values {a[:24]}")
        sys.exit(1)


{"model": write_model, "npy": write_npy, "picture": write_picture, "check": check}[sys.argv[1]](*sys.argv[2:])
