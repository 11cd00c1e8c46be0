#!/usr/bin/env python3
"""Generated files are what their generators write today; proto/onnx.proto is the official schema."""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
faults = 0
done = 0


def skip(what, why):
    print(f"skipped: {what}, because {why}")


def run(what, *command):
    global faults, done
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode == 77:
        return skip(what, (result.stdout + result.stderr).strip() or "a tool is missing")
    done += 1
    if result.returncode == 0:
        print(f"{what}: current")
    else:
        faults += 1
        print(f"{what}: not current\n{result.stdout}{result.stderr}")


def python_with_onnx():
    if importlib.util.find_spec("onnx"):
        return sys.executable
    named = os.environ.get("BLOK_PYTHON")
    venv = ROOT / "build/venv/bin/python"
    for python in (named, str(venv) if venv.exists() else None):
        if python and subprocess.run([python, "-c", "import onnx"], capture_output=True).returncode == 0:
            return python
    return None


def check_proto():
    global faults, done
    compiler = shutil.which("protoc-c")
    if not compiler:
        return skip("proto/onnx.pb-c.[ch] against protoc-c", "protobuf-c-compiler is not installed")
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
    version = re.search(r"protobuf-c (\d+)\.(\d+)\.(\d+)", version)
    header = (ROOT / "proto/onnx.pb-c.h").read_text()
    number = re.search(r"(\d+) < PROTOBUF_C_MIN_COMPILER_VERSION", header)
    if version and number:
        mine = int(version[1]) * 1000000 + int(version[2]) * 1000 + int(version[3])
        if mine != int(number[1]):
            return skip("proto/onnx.pb-c.[ch] against protoc-c",
                        f"protoc-c is {mine} and the files were made by {number[1]}")
    done += 1
    before = faults
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([compiler, "--proto_path=proto", f"--c_out={folder}", "proto/onnx.proto"],
                       cwd=ROOT, check=True)
        for name in ("onnx.pb-c.c", "onnx.pb-c.h"):
            if (pathlib.Path(folder) / name).read_bytes() != (ROOT / "proto" / name).read_bytes():
                faults += 1
                print(f"proto/{name}: not current: "
                      "proto/check_onnx_proto.py --generate")
    if faults == before:
        print("proto/onnx.pb-c.[ch]: current")


python = python_with_onnx()
if python:
    run("graph/schemas_table.[ch]", python, "graph/gen_schemas.py", "--check")
    run("proto/onnx.proto", python, "proto/check_onnx_proto.py")
else:
    skip("graph/schemas_table.[ch] and proto/onnx.proto against the onnx package",
         "Python has no package onnx")
check_proto()
sys.exit(1 if faults else 0 if done else 77)
