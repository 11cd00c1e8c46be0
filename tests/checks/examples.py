#!/usr/bin/env python3
"""examples.py BLOK LIBRARY CC [FLAGS]: every program of examples/ compiles as C11 against the built
shared library without a warning, runs, prints what it should, and writes models that the program
finds sound. (examples/classify.c, which the README quotes, has a check of its own: readme.py.)"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
blok = pathlib.Path(sys.argv[1]).resolve()
library = pathlib.Path(sys.argv[2]).resolve()
compiler = sys.argv[3]
flags = sys.argv[4:]
environment = {**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0:" +
               os.environ.get("ASAN_OPTIONS", "")}
faults = []


def compile_example(name, work):
    program = work / name
    built = subprocess.run(
        [compiler, "-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags,
         f"-I{ROOT}/include", EXAMPLES / f"{name}.c", "-o", program, library,
         f"-Wl,-rpath,{library.parent}"], capture_output=True, text=True)
    if built.returncode:
        faults.append(f"examples/{name}.c: {built.stderr}")
        return None
    return program


def run(program, *words, status=0):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True,
                          env=environment)
    if done.returncode != status:
        faults.append(f"{program.name} {' '.join(map(str, words))}: status {done.returncode}, "
                      f"{done.stderr.strip() or done.stdout.strip()[-300:]}")
        return None
    return done


def expect(what, text, *patterns):
    for pattern in patterns:
        if not re.search(pattern, text, re.M):
            faults.append(f"{what}: no line like {pattern!r} in:\n{text}")


def sound(path):
    """The model at path is whole, and its blocks pass their tests."""
    done = run(blok, "check", path, "-q")
    if done is not None:
        expect(f"blok check {path.name}", done.stdout, r"^ok: \d+ block")


def guide(program, work):
    done = run(program)
    if done is None:
        return
    # The guide's own lines.
    rows = [("ConvBNAct", "3, 32, 32", "16, 32, 32", "464"),
            ("BasicPostAct s1", "16, 32, 32", "16, 32, 32", "4,672"),
            ("BasicPostAct s2", "16, 32, 32", "32, 16, 16", "14,528"),
            ("BasicPreAct s1", "16, 32, 32", "16, 32, 32", "4,672"),
            ("BasicPreAct s2", "16, 32, 32", "32, 16, 16", "14,432"),
            ("TinyWideResNet", "3, 32, 32", "10", "1,467,610"),
            ("Bottleneck s1", "64, 32, 32", "256, 32, 32", "75,008"),
            ("Bottleneck s2", "64, 32, 32", "256, 16, 16", "75,008"),
            ("SEBlock", "64, 16, 16", "64, 16, 16", "580"),
            ("SEResBlock s1", "32, 32, 32", "32, 32, 32", "18,852"),
            ("SEResBlock s2", "32, 32, 32", "64, 16, 16", "58,308"),
            ("BaselineCNN", "3, 32, 32", "10", "104,042")]
    lines = done.stdout.splitlines()
    for name, given, made, parameters in rows:
        line = f"{name:>18}  in: (2, {given}) -> out: (2, {made}) | params: {parameters}"
        if line not in lines:
            faults.append(f"guide: no line {line!r} in:\n{done.stdout}")
    for check in ["shape", "downsample", "channel transition", "norm and activation order"]:
        if not any(f"'{check}'" in line for line in lines):
            faults.append(f"guide: no block was refused for '{check}':\n{done.stdout}")
    if "was built" in done.stdout:
        faults.append(f"guide: a block that does not fit was built:\n{done.stdout}")


def progressive(program, work):
    folder = work / "steps"
    folder.mkdir()
    done = run(program, folder)
    if done is None:
        return
    steps = [line.split() for line in done.stdout.splitlines()[1:]]
    names = ["plain", "residual", "wide", "bottleneck", "se", "drop_path", "group_norm", "fpn"]
    if [step[1] for step in steps] != names:
        faults.append(f"progressive: steps are {steps}")
        return
    parameters = {step[1]: int(step[2]) for step in steps}
    if parameters["plain"] != 104042:
        faults.append(f"progressive: the plain CNN has {parameters['plain']} parameters")
    if not parameters["bottleneck"] < parameters["wide"]:
        faults.append("progressive: bottlenecks are no smaller than wide blocks")
    if not parameters["se"] == parameters["drop_path"] == parameters["group_norm"]:
        faults.append("progressive: a drop path or another norm changes the number of parameters")
    for step in steps:
        wanted = ["1x10"] if step[1] != "fpn" else ["1x64x32x32", "1x64x16x16", "1x64x8x8"]
        if step[5:] != wanted:
            faults.append(f"progressive: {step[1]} makes {step[5:]}")
        if not (float(step[3]) > 0 and float(step[4]) > 0):
            faults.append(f"progressive: {step}")
        sound(folder / f"{step[0]}_{step[1]}.onnx")
    run(program, work / "nowhere", status=1)


def classifier(program, work):
    path = work / "classifier.onnx"
    done = run(program, path)
    if done is not None:
        expect("classifier", done.stdout, r"^stage3 +Nx128x8x8$", r"^head +Nx10$",
               r"says class \d of 10$", r"^[\d]+ parameters, [\d.]+ M multiply-adds")
        sound(path)


def detector(program, work):
    path = work / "detector.onnx"
    done = run(program, path)
    if done is not None:
        expect("detector", done.stdout, r"^stride  8  32x32 places", r"^stride 16  16x16 places",
               r"^stride 32   8x8  places")
        sound(path)


def encoder_decoder(program, work):
    path = work / "masks.onnx"
    done = run(program, path)
    if done is not None:
        ranges = re.findall(r"^class \d  64x64 scores from +(\S+) to +(\S+)$", done.stdout, re.M)
        if len(ranges) != 4 or any(float(low) >= float(high) for low, high in ranges):
            faults.append(f"encoder_decoder: scores are {ranges}")
        sound(path)


def edit_head(program, work):
    model = EXAMPLES / "digits/torchscript/model.onnx"
    path = work / "letters.onnx"
    before = model.read_bytes()
    done = run(program, model, path, 26)
    if done is not None:
        expect("edit_head", done.stdout, r"in \S+ 3x1x8x8, out 3x26$")
        sound(path)
    if model.read_bytes() != before:
        faults.append(f"edit_head: {model} was changed")
    run(program, work / "nowhere.onnx", path, 26, status=1)


PROGRAMS = {f.__name__: f
            for f in [guide, progressive, classifier, detector, encoder_decoder, edit_head]}
for source in sorted(EXAMPLES.glob("*.c")):
    if source.stem not in PROGRAMS and source.stem != "classify":
        faults.append(f"examples/{source.name}: has no check in tests/checks/examples.py")
with tempfile.TemporaryDirectory() as folder:
    work = pathlib.Path(folder)
    for name, check in PROGRAMS.items():
        program = compile_example(name, work)
        if program is not None:
            check(program, work)
            if name != "guide":
                run(program, status=2)  # without words it tells its usage
print("\n".join(faults) or f"{len(PROGRAMS)} examples compile, run and write sound models")
sys.exit(1 if faults else 0)
