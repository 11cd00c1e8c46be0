"""Are two ONNX files the same model? An independent comparison of the whole protobuf messages.

External data is first resolved into raw_data on both sides; then every field of every message must
be equal, in order, by presence and by bits: nodes, attributes, initializer bytes and how they are
encoded, inputs, outputs, value_info, metadata, doc strings, opsets, functions, sparse initializers,
quantization annotations, training info, unknown fields.

    python same_model.py A.onnx B.onnx
"""

import pathlib
import struct
import sys

import numpy as np
import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet
from onnx import TensorProto

_TYPED = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")

# What an element of int32_data is cut to; the other typed fields hold elements of their own width.
_NARROW = {
    TensorProto.INT32: "<i4",
    TensorProto.INT16: "<i2",
    TensorProto.UINT16: "<u2",
    TensorProto.INT8: "<i1",
    TensorProto.UINT8: "<u1",
    TensorProto.BOOL: "<u1",
    TensorProto.FLOAT16: "<u2",
    TensorProto.BFLOAT16: "<u2",
}
_WIDE = {
    TensorProto.FLOAT: ("float_data", "<f4"),
    TensorProto.COMPLEX64: ("float_data", "<f4"),
    TensorProto.DOUBLE: ("double_data", "<f8"),
    TensorProto.COMPLEX128: ("double_data", "<f8"),
    TensorProto.INT64: ("int64_data", "<i8"),
    TensorProto.UINT64: ("uint64_data", "<u8"),
    TensorProto.UINT32: ("uint64_data", "<u4"),
}


def tensors(message):
    """Every TensorProto inside a message, at any depth."""
    if isinstance(message, TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for item in value if field.is_repeated else (value,):
                yield from tensors(item)


def _resolve(tensor, folder):
    where = {entry.key: entry.value for entry in tensor.external_data}
    with open(folder / where["location"], "rb") as data:
        data.seek(int(where.get("offset", 0)))
        tensor.raw_data = data.read(int(where["length"])) if "length" in where else data.read()
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")


def _typed_to_raw(tensor):
    """Typed values as the bytes that raw_data would hold; types packed below a byte stay as they
    are.
    """
    values = next((name for name in _TYPED if len(getattr(tensor, name))), None)
    if values is None or tensor.HasField("raw_data"):
        return
    if values == "int32_data":
        kind = _NARROW.get(
            tensor.data_type, "<u1"
        )  # the 8-bit floats and the packed 4- and 2-bit types: bytes
        raw = np.array(tensor.int32_data, dtype=np.int64).astype(kind).tobytes()
    else:
        named, kind = _WIDE[tensor.data_type]
        if named != values:
            return
        raw = np.array(getattr(tensor, values)).astype(kind).tobytes()
    tensor.ClearField(values)
    tensor.raw_data = raw


def _load(path):
    """The model with external data resolved, its tensors in order, and for each whether it was
    external.
    """
    path = pathlib.Path(path)
    model = onnx.load(path, load_external_data=False)
    found = list(tensors(model))
    external = [tensor.data_location == TensorProto.EXTERNAL for tensor in found]
    for tensor, out in zip(found, external):
        if out:
            _resolve(tensor, path.parent)
    return model, found, external


def _shown(value):
    text = repr(value) if not isinstance(value, bytes) else f"{len(value)} bytes"
    return text if len(text) < 80 else text[:77] + "..."


def _scalar_difference(field, a, b, path):
    if field.type == FieldDescriptor.TYPE_FLOAT:
        same = struct.pack("<f", a) == struct.pack("<f", b)
    elif field.type == FieldDescriptor.TYPE_DOUBLE:
        same = struct.pack("<d", a) == struct.pack("<d", b)
    else:
        same = a == b
    if same:
        return None
    if isinstance(a, bytes) and len(a) == len(b):
        at = next(i for i, (p, q) in enumerate(zip(a, b)) if p != q)
        return f"{path}: byte {at} of {len(a)} is {a[at]:#04x} in one, {b[at]:#04x} in the other"
    return f"{path}: {_shown(a)} in one, {_shown(b)} in the other"


def _unknown(message):
    return [
        (
            f.field_number,
            f.wire_type,
            f.data if not isinstance(f.data, UnknownFieldSet) else str(f.data),
        )
        for f in UnknownFieldSet(message)
    ]


def difference(a, b, path="model"):
    """The first difference between two messages in words, or None."""
    for field in a.DESCRIPTOR.fields:
        here = f"{path}.{field.name}"
        one, two = getattr(a, field.name), getattr(b, field.name)
        is_message = field.type == FieldDescriptor.TYPE_MESSAGE
        if field.is_repeated:
            if len(one) != len(two):
                return f"{here}: {len(one)} entries in one, {len(two)} in the other"
            pairs = [(x, y, f"{here}[{i}{_named(x)}]") for i, (x, y) in enumerate(zip(one, two))]
        else:
            if field.has_presence and a.HasField(field.name) != b.HasField(field.name):
                has = "the first" if a.HasField(field.name) else "the second"
                return f"{here}: only {has} has it"
            if is_message and not a.HasField(field.name):
                continue
            pairs = [(one, two, here)]
        for x, y, where in pairs:
            found = (
                difference(x, y, where) if is_message else _scalar_difference(field, x, y, where)
            )
            if found:
                return found
    if _unknown(a) != _unknown(b):
        one, two = _shown(_unknown(a)), _shown(_unknown(b))
        return f"{path}: unknown fields {one} in one, {two} in the other"
    return None


def _named(message):
    name = getattr(message, "name", "")
    return f" '{name}'" if isinstance(name, str) and name else ""


def compare(a, b, encodings=True):
    """None when the files hold the same model, else the first difference in words.

    With encodings=False typed data counts as the raw data of the same bytes, for what went through
    an external file. Where a tensor is external on either side, or encodings do not count,
    data_location may be there or not.
    """
    one, tensors_one, external_one = _load(a)
    two, tensors_two, external_two = _load(b)
    for x, y, out_x, out_y in zip(tensors_one, tensors_two, external_one, external_two):
        for tensor in (x, y):
            if out_x or out_y or not encodings:
                tensor.ClearField("data_location")
            if not encodings:
                _typed_to_raw(tensor)
    if one.SerializeToString(deterministic=True) == two.SerializeToString(deterministic=True):
        return None
    return difference(one, two) or "the messages differ in the order of their unknown fields"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: same_model.py A.onnx B.onnx")
    found = compare(sys.argv[1], sys.argv[2])
    print(found or "the same model")
    sys.exit(1 if found else 0)
