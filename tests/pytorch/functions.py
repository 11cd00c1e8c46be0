"""Blocks as model-local functions: exports through `blok convert --functions` and back.

For each export: the file passes onnx.checker's full check, every block is a call (but for those that
are said to stay nodes), functions say what they are, onnxruntime gives the original's outputs, Blok
finds the same blocks again, computes the same bits, and finds the working graphs equal.
"""

import os
import shutil

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnx
import onnxruntime

import checks
import common

DOMAIN = "blok.blocks"

# The guide's modules and networks, and torchvision's, but for those that take long for what they
# add; --all takes every export that is there.
LEFT_OUT = ("densenet121", "convnext_tiny", "resnet50", "resnet18_fresh")


def _exports(options):
    for folder in sorted((options.work / "exports").glob("*.*")):
        net = folder.name.split(".")[0]
        if options.all or net not in LEFT_OUT:
            if (folder / "model.onnx").exists():
                yield folder


def _session(path):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])


def _feeds(session, folder):
    (wanted,) = session.get_inputs()
    return {wanted.name: np.load(folder / "input_0.npy")}


def _checked(model, path):
    """What is wrong with the file itself, or None."""
    onnx.checker.check_model(str(path), full_check=True)
    names = {f.name for f in model.functions if f.domain == DOMAIN}
    calls = [n for n in model.graph.node if n.domain == DOMAIN]
    if not names or not calls:
        return "there is no function"
    inner = [n for f in model.functions for n in f.node if n.domain == DOMAIN]
    if {n.op_type for n in calls + inner} != names:
        return "a function is never called, or a call has none"
    if model.ir_version < 8:
        return f"IR version {model.ir_version}"
    for function in model.functions:
        kind = function.name.rstrip("_0123456789")
        if not function.doc_string.startswith(kind):
            return f"function {function.name} says: {function.doc_string!r}"
        used = {n.domain for n in function.node}
        if used != {o.domain for o in function.opset_import}:
            return f"function {function.name} imports other domains than it uses"
    bodies = [
        (f.name.rstrip("_0123456789"), [n.SerializeToString() for n in f.node])
        for f in model.functions
    ]
    if any(bodies.count(body) > 1 for body in bodies):
        return "two functions have the same body"
    return None


def _said(blocks):
    """What must come back of each block: all but its name, its nodes, and the names of values that
    lie inside functions.
    """
    inner = ("name", "nodes", "entry", "exit")
    return [{key: value for key, value in block.items() if key not in inner} for block in blocks]


def _ends(blocks):
    """Those of the outermost blocks stay as they were."""
    return [(block["entry"], block["exit"]) for block in blocks if block["parent"] is None]


def _inspect(options, path):
    said, why = checks.inspect(options.blok, path)
    if said is None:
        raise RuntimeError(why)
    return said


def _same_blocks(options, source, written):
    before, after = _inspect(options, source), _inspect(options, written)
    if _said(before["blocks"]) != _said(after["blocks"]):
        return "other blocks"
    if _ends(before["blocks"]) != _ends(after["blocks"]):
        return "blocks begin or end elsewhere"
    for key in ("parameters", "macs", "counts"):
        if before[key] != after[key]:
            return f"{key}: {before[key]} before, {after[key]} after"
    return None


def _outputs(options, path, folder, into):
    into.mkdir()
    done = common.run(
        options.blok, "run", path, "-i", folder / "input_0.npy", "-o", into, "-t", 1, "-q"
    )
    if done.status != 0:
        raise RuntimeError(done.why())
    return [np.load(file) for file in sorted(into.glob("*.npy"))]


def _same_bits(options, folder, written, scratch):
    before = _outputs(options, folder / "model.onnx", folder, scratch / "before")
    after = _outputs(options, written, folder, scratch / "after")
    if any(a.tobytes() != b.tobytes() for a, b in zip(before, after, strict=True)):
        return "blok run gives other bits"
    return None


def _same_in_onnxruntime(folder, written):
    original = _session(folder / "model.onnx")
    feeds = _feeds(original, folder)
    wanted = original.run(None, feeds)
    got = _session(written).run(None, feeds)
    for a, b in zip(wanted, got, strict=True):
        if a.shape != b.shape or np.abs(a - b).max() > 1e-5 * max(np.abs(a).max(), 1e-9):
            return f"onnxruntime differs by {np.abs(a - b).max():.3g}"
    return None


def _fault(options, folder, scratch):
    source, written, again = folder / "model.onnx", scratch / "model.onnx", scratch / "again.onnx"
    done = common.run(options.blok, "convert", source, written, "--functions")
    if done.status != 0:
        return f"convert: {done.why()}"
    model = onnx.load(written, load_external_data=False)
    found = _checked(model, written) or _same_blocks(options, source, written)
    found = found or _same_in_onnxruntime(folder, written)
    found = found or _same_bits(options, folder, written, scratch)
    if found:
        return found
    done = common.run(options.blok, "diff", source, written, "--working")
    if done.status != 0:
        return f"diff --working: {done.out.strip()[:300] or done.why()}"
    # A second time there is nothing left to do.
    done = common.run(options.blok, "convert", written, again, "--functions")
    if done.status != 0:
        return f"convert again: {done.why()}"
    done = common.run(options.blok, "diff", written, again)
    if done.status != 0 or done.out.strip() != "equal":
        return f"a second conversion changes it: {done.out.strip()[:200]}"
    return None


def check(options, report):
    scratch = options.work / "functions"
    folders = list(_exports(options))
    if not folders:
        report.fail("functions", "there are no exports: run the check `models` first")
    for folder in folders:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            found = _fault(options, folder, scratch)
        except Exception as error:  # onnx and onnxruntime raise several unrelated types
            found = f"{type(error).__name__}: {str(error)[:300]}"
        report.check(found is None, f"functions {folder.name}", found or "")
    shutil.rmtree(scratch, ignore_errors=True)
