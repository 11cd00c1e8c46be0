#!/usr/bin/env python3
"""Checks the project's ONNX schema and the C code generated from it.

    check_onnx_proto.py             compare onnx.proto with the onnx package, and
                                    onnx.pb-c.[ch] with onnx.proto
    check_onnx_proto.py --generate  write onnx.pb-c.[ch] anew

The comparison takes every message, enum, field, oneof and reserved range of the package's
onnx-ml.proto and onnx-data.proto; both sides must have the same ones. Needs protoc-c, and for the
first part the Python packages onnx and protobuf. Exits with 1 when something differs, 77 when a
tool is missing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
GENERATED = ("onnx.pb-c.c", "onnx.pb-c.h")
ONNX_VERSION = "1.23.2"
MISSING_TOOL = 77


def protoc(*options):
    subprocess.run(["protoc-c", *options, "onnx.proto"], cwd=HERE, check=True)


def local_name(type_name):
    """A field's type without its package: both packages name the same types."""
    return type_name.removeprefix(".blok").removeprefix(".onnx.")


def facts_of_enum(enum, path, out):
    out[path] = "enum"
    for value in enum.value:
        out[f"{path}.{value.name}"] = f"value {value.number}"


def facts_of_message(message, path, out):
    out[path] = "message"
    for enum in message.enum_type:
        facts_of_enum(enum, f"{path}.{enum.name}", out)
    for nested in message.nested_type:
        facts_of_message(nested, f"{path}.{nested.name}", out)
    for field in message.field:
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else "-"
        out[f"{path}.{field.name}"] = (
            f"field {field.number} label {field.label} type {field.type} "
            f"{local_name(field.type_name)} oneof {oneof} packed {field.options.packed} "
            f"default {field.default_value!r}")
    for span in message.reserved_range:
        for number in range(span.start, span.end):
            out[f"{path}.#{number}"] = "reserved"
    for name in message.reserved_name:
        out[f"{path}.#{name}"] = "reserved"


def facts_of_files(files):
    out = {}
    for file in files:
        for enum in file.enum_type:
            facts_of_enum(enum, enum.name, out)
        for message in file.message_type:
            facts_of_message(message, message.name, out)
    return out


def schema_differences():
    from google.protobuf import descriptor_pb2
    from onnx import onnx_data_pb2, onnx_ml_pb2

    official = []
    for module in (onnx_ml_pb2, onnx_data_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        official.append(file)
    with tempfile.TemporaryDirectory() as folder:
        protoc(f"--descriptor_set_out={folder}/own")
        own = descriptor_pb2.FileDescriptorSet.FromString(Path(folder, "own").read_bytes()).file

    theirs, ours = facts_of_files(official), facts_of_files(own)
    found = []
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            found.append(f"{name}: the package has {theirs.get(name)}, "
                         f"onnx.proto has {ours.get(name)}")
    print(f"onnx.proto: {len(theirs)} facts of the onnx package compared, {len(found)} differ")
    return found


def generated_differences():
    with tempfile.TemporaryDirectory() as folder:
        protoc(f"--c_out={folder}")
        return [f"{name} is not what protoc-c makes of onnx.proto: use --generate"
                for name in GENERATED
                if Path(folder, name).read_bytes() != (HERE / name).read_bytes()]


def main():
    if not shutil.which("protoc-c"):
        print("protoc-c is not installed (Debian: protobuf-c-compiler)")
        return MISSING_TOOL
    if sys.argv[1:] == ["--generate"]:
        protoc("--c_out=.")
        return 0
    if sys.argv[1:]:
        print(__doc__)
        return 2
    differences = generated_differences()
    skipped = False
    try:
        import onnx
        if onnx.__version__ != ONNX_VERSION:
            print(f"note: onnx {onnx.__version__} is installed, onnx.proto is {ONNX_VERSION}'s")
        differences += schema_differences()
    except ImportError as error:
        print(f"schema not compared: {error}")
        skipped = True
    for line in differences:
        print(line)
    return 1 if differences else MISSING_TOOL if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
