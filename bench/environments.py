"""What the programs need before they can be timed: their packages and the models as they read them.

Everything is made once. A package that cannot be installed or a model that cannot be converted
leaves out the one program that needs it.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import nets
from turns import Left

ROOT = pathlib.Path(__file__).resolve().parents[1]
NUMPY = "numpy==2.4.6"

# By program: the environment's name, and what pip is told, one call a list. MNN has one of its own:
# it asks for an older protobuf than the others. OpenVINO comes without its telemetry, which forks.
PACKAGES = {
    "onnxruntime": ("peers", [[NUMPY, "onnxruntime==1.32.0"]]),
    "openvino": ("peers", [[NUMPY], ["--no-deps", "openvino==2026.4.1"]]),
    "ncnn": ("peers", [[NUMPY], ["--no-deps", "ncnn==1.0.20261020", "pnnx==20261020"]]),
    "mnn": ("mnn", [[NUMPY, "MNN==3.6.1"]]),
    "blok": ("peers", [[NUMPY]]),
}
PEERS = [name for name in PACKAGES if name != "blok"]


def _run(command, log, where=None):
    with open(log, "ab") as file:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=where,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
        )
    return done.returncode == 0


def exporter():
    """The interpreter with PyTorch that `make matrix` uses too; made when it is not there."""
    made = ROOT / "build" / "venv"
    script = ROOT / "tests" / "pytorch" / "venv.sh"
    made.parent.mkdir(exist_ok=True)
    if subprocess.run(["sh", str(script), str(made)]).returncode != 0:
        raise Left("no virtual environment with PyTorch: the models cannot be exported")
    return made / "bin" / "python"


def python(work, program):
    """The interpreter of a program's environment, its packages installed."""
    environment, installs = PACKAGES[program]
    made = work / f"venv-{environment}"
    mark = made / f"made-with-{program}"
    wanted = "\n".join(" ".join(install) for install in installs) + "\n"
    interpreter = made / "bin" / "python"
    if mark.exists() and mark.read_text() == wanted:
        return interpreter
    log = work / f"venv-{environment}.log"
    if not interpreter.exists():
        print(f"making {made}", flush=True)
        if not _run([sys.executable, "-m", "venv", made], log):
            shutil.rmtree(made, ignore_errors=True)
            raise Left(
                f"no virtual environment (on Debian: apt-get install python3-venv), see {log}"
            )
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for install in installs:
        print(f"installing {' '.join(install)}", flush=True)
        if not _run(pip + install, log):
            raise Left(f"pip could not install {' '.join(install)}, see {log}")
    mark.write_text(wanted)
    return interpreter


def exports(work, wanted, given):
    """Makes the exports that are missing of (net, batch) pairs; `given` is an interpreter with
    PyTorch or None.
    """
    models = work / "models"
    missing = [f"{name}:{batch}" for name, batch in wanted if not nets.whole(models, name, batch)]
    if missing:
        interpreter = given or exporter()
        command = [str(interpreter), str(ROOT / "bench" / "nets.py"), str(models), *missing]
        if subprocess.run(command).returncode != 0:
            raise Left("not every model could be exported")


def _to_ncnn(interpreter, folder, name, batch, scratch, log):
    if batch != 1:
        raise Left("it takes batch 1 only")
    program = next(interpreter.parents[1].glob("lib/python*/site-packages/pnnx/pnnx"), None)
    if program is None:
        raise Left("its package holds no program pnnx")
    shape = f"inputshape=[1,3,{nets.sides(name)},{nets.sides(name)}]f32"
    (scratch / "model.onnx").symlink_to((folder / "model.onnx").resolve())
    _run([program, "model.onnx", shape, "fp16=0"], log, scratch)
    return ["model.ncnn.param", "model.ncnn.bin"]


def _to_mnn(interpreter, folder, name, batch, scratch, log):
    command = [interpreter.parent / "mnnconvert", "-f", "ONNX", "--bizCode", "blok"]
    command += ["--modelFile", (folder / "model.onnx").resolve(), "--MNNModel", "model.mnn"]
    _run(command, log, scratch)
    return ["model.mnn"]


CONVERSIONS = {"ncnn": _to_ncnn, "mnn": _to_mnn}


def convert(program, interpreter, folder, name, batch, log):
    """Writes the model in the program's own format into a folder beside it, once."""
    into = folder / program
    if program not in CONVERSIONS or into.exists():
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        scratch = pathlib.Path(scratch)
        files = CONVERSIONS[program](interpreter, folder, name, batch, scratch, log)
        if not all((scratch / file).exists() for file in files):
            raise Left(f"its converter failed, see {log}")
        kept = scratch / "kept"
        kept.mkdir()
        for file in files:
            (scratch / file).rename(kept / file)
        kept.rename(into)


def interpreters(work, programs):
    """By program: its interpreter, or the Left that says why there is none."""
    found = {}
    for program in programs:
        try:
            found[program] = python(work, program)
        except Left as reason:
            found[program] = reason
    return found


def command(work, program, interpreter, net, threads, library):
    """What starts the program's child with a (net, batch), its form of the model made; a Left when
    that cannot be.
    """
    if isinstance(interpreter, Left):
        return interpreter
    folder = nets.folder(work / "models", *net)
    try:
        convert(program, interpreter, folder, *net, work / "programs.log")
    except Left as reason:
        return reason
    return [interpreter, ROOT / "bench" / "child.py", program, folder, threads, library]
