"""Source out: `blok convert model.onnx model.py` and `model.c` give what the model gives.

The module runs in PyTorch, the program is compiled against libblok and writes ONNX that
onnxruntime runs; both must agree with the stored outputs within 1e-5 of the largest value, or four
times what PyTorch's own float32 differs from float64. Both languages load one .npz.
"""

import importlib.util
import os
import shutil
import subprocess
import sys

import numpy as np

import common

SHORT = ("resnet18", "mobilenet_v3_large", "wide_28_2")  # at most 300 lines in either language
SAMPLE = {
    "resnet18.dynamo_n",
    "resnet18.torchscript_n",
    "resnet50.torchscript",
    "mobilenet_v3_large.dynamo",
    "mobilenet_v3_large.torchscript",
    "wide_28_2.dynamo_n",
    "wide_28_2.kept",
    "efficientnet_b0.dynamo",
    "regnet_y_400mf.dynamo",
    "shufflenet_v2_x1_0.torchscript",
    "densenet121.torchscript",
    "convnext_tiny.dynamo",
    "squeezenet1_1.dynamo",
}
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror"]


def _library(options):
    """The folder of libblok: where the program was built."""
    folder = options.blok.parent
    return folder if (folder / "libblok.so").exists() else None


def _difference(got, want):
    if got.shape != want.shape:
        return float("inf")
    return float(np.abs(got.astype(np.float64) - want).max() / max(np.abs(want).max(), 1e-30))


def _stored(model):
    """Inputs, the result of float64, and how much a result may differ from it."""
    inputs = [np.load(path) for path in sorted(model.glob("input_*.npy"))]
    want = np.load(model / "expected_f64.npy")
    own = _difference(np.load(model / "torch_f32.npy"), want)
    return inputs, want, max(1e-5, 4 * own)


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run_python(path, inputs):
    import torch

    net = _module(path).load()
    with torch.no_grad():
        result = net(*(torch.from_numpy(each) for each in inputs))
    return (result[0] if isinstance(result, tuple) else result).numpy()


def _compile(options, path, program):
    folder = _library(options)
    command = [os.environ.get("CC", "cc"), *FLAGS, "-I", common.ROOT / "include", "-o", program]
    command += [path, "-L", folder, f"-Wl,-rpath,{folder}", "-lblok"]
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True)
    return done.stderr.strip().splitlines()[:1] if done.returncode else []


def _run_c(options, path, weights, inputs):
    """The outputs of the ONNX file that the compiled program writes, or why there are none."""
    import onnx
    import onnxruntime

    program, written = path.with_suffix(".exe"), path.with_suffix(".onnx")
    wrong = _compile(options, path, program)
    if wrong:
        return None, f"does not compile: {wrong[0]}"
    done = common.run(program, weights, written)
    if done.status != 0:
        return None, done.why()
    onnx.checker.check_model(str(written), full_check=True)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(written), settings, providers=["CPUExecutionProvider"]
    )
    feed = {each.name: value for each, value in zip(session.get_inputs(), inputs)}
    result = session.run(None, feed)[0]
    program.unlink()
    written.unlink()
    return result, ""


def _lines(path):
    return len(path.read_text().splitlines())


def _check_model(options, report, name, model, folder):
    """Both languages of one export."""
    inputs, want, allowed = _stored(model)
    texts = {"py": folder / f"{name}.py", "c": folder / f"{name}.c"}
    for language, path in texts.items():
        done = common.run(options.blok, "convert", model / "model.onnx", path)
        label = f"source {name} {language}"
        if done.status != 0:
            report.fail(label, done.why())
            continue
        weights = path.with_suffix(".npz")
        try:
            if language == "py":
                got, why = _run_python(path, inputs), ""
            else:
                got, why = _run_c(options, path, weights, inputs)
        except Exception as error:
            got, why = None, f"{type(error).__name__}: {str(error).splitlines()[0]}"
        if got is None:
            report.fail(label, why)
            continue
        off, lines = _difference(got, want), _lines(path)
        short = name.split(".")[0] not in SHORT or lines <= 300
        report.check(
            off <= allowed and short, label, f"{off:.1e} of {allowed:.1e} off, {lines} lines"
        )


def _check_one_archive(options, report, model, folder):
    """numpy reads the archive, and both languages write the same one, byte for byte."""
    archives = []
    for language in ("py", "c"):
        path = folder / f"same.{language}"
        done = common.run(options.blok, "convert", model / "model.onnx", path)
        if done.status != 0:
            report.fail("source one archive", done.why())
            return
        archives.append(path.with_suffix(".npz").read_bytes())
    with np.load(folder / "same.npz") as arrays:
        good = bool(arrays.files) and all(arrays[name].size for name in arrays.files)
        whole = arrays.zip.testzip() is None
    report.check(
        good and whole and archives[0] == archives[1],
        "source one archive",
        f"{len(archives[0])} bytes for both languages",
    )


def _check_numpy_archive(options, report, model, folder):
    """What numpy.savez writes loads into a built network; what it compresses is refused."""
    path = folder / "numpy.c"
    program, written = path.with_suffix(".exe"), path.with_suffix(".onnx")
    done = common.run(options.blok, "convert", model / "model.onnx", path)
    wrong = done.why() if done.status != 0 else "".join(_compile(options, path, program))
    if wrong:
        report.fail("source numpy's archive", wrong)
        return
    with np.load(path.with_suffix(".npz")) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    np.savez(folder / "saved.npz", **held)
    np.savez_compressed(folder / "small.npz", **held)
    np.savez(folder / "double.npz", **{k: v.astype(np.float64) for k, v in held.items()})
    plain = common.run(program, folder / "saved.npz", written)
    report.check(plain.status == 0, "source numpy.savez", plain.err.strip() or "loaded")
    for name, word in (("small.npz", "numpy.savez"), ("double.npz", "float64")):
        refused = common.run(program, folder / name, written)
        report.check(
            refused.status == 1 and word in refused.err, f"source {name}", refused.err.strip()
        )


def _check_unicode(options, report, folder):
    """Names outside ASCII, of inputs, outputs and the file itself, come through whole."""
    import onnx
    import onnxruntime
    import torch
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Add", ["giri\u015f", "g\u0131r"], ["\u00e7\u0131kt\u0131"])]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])
        for name in (*nodes[0].input, *nodes[0].output)
    ]
    graph = helper.make_graph(nodes, "a\u011f", values[:2], values[2:])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), folder / "tr.onnx")
    stem = folder / "\u00e7\u0131kt\u0131"
    for ending in (".py", ".c"):
        done = common.run(options.blok, "convert", folder / "tr.onnx", stem.with_suffix(ending))
        if done.status != 0:
            report.fail(f"source unicode {ending}", done.why())
            return
    got = _module(stem.with_suffix(".py")).load()(torch.ones(1, 4), torch.ones(1, 4))
    report.check(bool((got == 2).all()), "source unicode .py", str(got.tolist()))
    program, written = stem.with_suffix(".exe"), stem.with_suffix(".onnx")
    wrong = "".join(_compile(options, stem.with_suffix(".c"), program))
    if not wrong:
        done = common.run(program, stem.with_suffix(".npz"), written)
        wrong = "" if done.status == 0 else done.why()
    if wrong:
        report.fail("source unicode .c", wrong)
        return
    session = onnxruntime.InferenceSession(str(written), providers=["CPUExecutionProvider"])
    names = [each.name for each in (*session.get_inputs(), *session.get_outputs())]
    report.check(names == [each.name for each in values], "source unicode .c", " ".join(names))


def check(options, report):
    if _library(options) is None:
        report.skip("source", f"no libblok.so beside {options.blok}: build it")
        return
    exports = options.work / "exports"
    folder = options.work / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = sorted(path.parent for path in exports.glob("*/model.onnx"))
    if not found:
        report.skip("source", f"{exports} has no exports: make them with the check models")
        return
    sys.dont_write_bytecode = True
    for model in found:
        small = (model / "model.onnx").stat().st_size < 1 << 20 and "densenet" not in model.name
        if options.all or model.name in SAMPLE or (small and "_s" in model.name):
            _check_model(options, report, model.name, model, folder)
    digits = common.ROOT / "examples" / "digits" / "torchscript" / "model.onnx"
    for language in ("py", "c"):
        path = folder / f"digits.{language}"
        done = common.run(options.blok, "convert", digits, path)
        detail = done.why() if done.status != 0 else f"{_lines(path)} lines"
        report.check(done.status == 0 and _lines(path) <= 300, f"source digits {language}", detail)
    smallest = min(found, key=lambda path: (path / "model.onnx").stat().st_size)
    _check_one_archive(options, report, smallest, folder)
    _check_numpy_archive(options, report, smallest, folder)
    _check_unicode(options, report, folder)
    shutil.rmtree(folder)
