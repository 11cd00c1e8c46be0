#!/usr/bin/env python3
"""readme.py LIBRARY CC [FLAGS]: the README's C program is examples/classify.c, compiles as C11 and as
C++11 against the built shared library, and tells the class of a stored input; and every file that the
README and the other documents name is there."""
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
library = pathlib.Path(sys.argv[1]).resolve()
compiler = sys.argv[2]
flags = sys.argv[3:]
faults = []

readme = (ROOT / "README.md").read_text()
example = (ROOT / "examples/classify.c").read_text()
programs = re.findall(r"^```c\n(.*?)^```$", readme, re.M | re.S)
if example not in programs:
    faults.append("README.md: no C program is examples/classify.c word for word")

for document in ["README.md", "CONTRIBUTING.md", "docs/architecture.md"]:
    folder = (ROOT / document).parent
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / document).read_text()):
        if not (folder / target).exists():
            faults.append(f"{document}: there is no {target}")


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def floats(path):
    """The raw_data or float_data of a TensorProto file, as numbers."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 2:
            size, at = varint(data, at)
            if key >> 3 in (4, 9):
                return struct.unpack(f"<{size // 4}f", data[at:at + size])
            at += size
        else:
            _, at = varint(data, at)
    raise ValueError(f"{path}: no elements")


digits = ROOT / "examples/digits/torchscript"
stored = digits / "test_data_set_0"
labels = (ROOT / "examples/digits/labels.txt").read_text().split()
scores = floats(stored / "output_0.pb")[:len(labels)]
answer = f"class {scores.index(max(scores))}\n"


def try_as(what, command):
    with tempfile.TemporaryDirectory() as work:
        program = pathlib.Path(work) / "classify"
        source = pathlib.Path(work) / ("classify.c" if what == "C11" else "classify.cpp")
        source.write_text(example)
        built = subprocess.run(
            [*command, "-Wall", "-Wextra", "-pedantic", "-Werror", *flags, f"-I{ROOT}/include", source,
             "-o", program, library, f"-Wl,-rpath,{library.parent}"], capture_output=True, text=True)
        if built.returncode:
            faults.append(f"examples/classify.c as {what}: {built.stderr}")
            return
        environment = {**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0:" +
                       os.environ.get("ASAN_OPTIONS", "")}
        run = subprocess.run([program, digits / "model.onnx", stored / "input_0.pb"],
                             capture_output=True, text=True, env=environment)
        if run.returncode or run.stdout != answer:
            faults.append(f"classify as {what}: status {run.returncode}, printed {run.stdout!r} "
                          f"{run.stderr!r}, wanted {answer!r}")
        missing = subprocess.run([program, "/nonexistent.onnx", "x"], capture_output=True, text=True,
                                 env=environment)
        if missing.returncode != 1 or "/nonexistent.onnx" not in missing.stderr:
            faults.append(f"classify as {what} of a missing file: status {missing.returncode}, "
                          f"{missing.stderr!r}")


try_as("C11", [compiler, "-std=c11"])
cxx = next((name for name in (os.environ.get("CXX"), "g++", "c++", "clang++")
            if name and shutil.which(name)), None)
if cxx:
    try_as("C++11", [cxx, "-std=c++11"])
else:
    print("skipped: the README's program as C++11, because there is no C++ compiler")
print("\n".join(faults) or "the README's program compiles and runs")
sys.exit(1 if faults else 0)
