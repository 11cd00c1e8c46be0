"""The guide's modules in every combination of exporter, opset, batch and BatchNorm, through Blok.

    python matrix.py --blok build/blok --work build/matrix [--sample] [--jobs N] [NET...]

Every combination is checked for the right block with the right answers, for nothing loose inside,
for PyTorch's result (the accuracy rule), and that each block can be written from its descriptor
alone. What is expected stands below and comes from the guide's modules, not from what Blok prints.

A line for each failure; the last line counts combinations. Stopped and started again, it goes on
where it was: exports stay in the work folder, results as long as the program and these checks are
the same bytes. --sample takes each module once an exporter and a fixed tenth of the rest.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import sys

import numpy as np

import checks
import common
import exports
import models

# What each exporter writes. BatchNorm is folded by default, from TorchScript's opset 9 on.
TORCHSCRIPT_OPSETS = (7, 9, 11, 13, 17, 20)
EXPORT_OPSETS = (18, 20, 23, 28)  # the last is the newest that torch 2.13 writes


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to export: its name, what models.write is told, and whether BatchNorm is folded."""

    name: str
    exporter: str
    opset: int
    dynamic: bool
    bn: str


def _ways():
    for dynamic in (False, True):
        batch = "dynamic" if dynamic else "static"
        for opset in TORCHSCRIPT_OPSETS:
            for bn in ("folded", "preserve", "nofold") if opset > 7 else ("preserve", "nofold"):
                yield Way(f"ts{opset}.{batch}.{bn}", "torchscript", opset, dynamic, bn)
        for opset in EXPORT_OPSETS:
            for bn in ("folded", "unoptimised"):
                yield Way(f"te{opset}.{batch}.{bn}", "torch.export", opset, dynamic, bn)


def _options(way):
    """What the exporter is told to keep BatchNorm as it is, in three ways."""
    import torch

    return {
        "folded": {},
        "preserve": {"training": torch.onnx.TrainingMode.PRESERVE},
        "nofold": {"do_constant_folding": False},
        "unoptimised": {"optimize": False},
    }[way.bn]


@dataclasses.dataclass(frozen=True)
class Case:
    """A module, its input, and what must be found: the outermost blocks in order, how many
    conv_norm_act and squeeze_excite lie inside each, and what may stand loose (operator: most).
    """

    name: str
    make: object
    shape: tuple
    blocks: tuple
    inner: tuple
    loose: tuple = ()
    fresh: bool = False


def _residual(order, stride, skip, channels, act="relu", se=False):
    after = "none" if order == "pre" else act
    return models.Block("residual", skip, order, after, stride, channels, act, se)


def _bottleneck(stride, skip, channels):
    return models.Block("bottleneck", skip, "post", "relu", stride, channels, "relu")


def _conv(cin, cout, act):
    return models.Block("conv_norm_act", channels=(cin, None, cout), activation=act)


def _single(name, make, shape, block):
    projection = block.skip == "projection"
    convs = {"residual": 2, "bottleneck": 3}.get(block.kind, 0)
    inner = (convs + projection, int(block.se and convs > 0))
    return Case(name, make, shape, (block,), inner)


def _wide_blocks():
    """TinyWideResNet(depth=16, k=2): a plain stem, then two pre-activation blocks a stage."""
    found = [models.Block("conv_norm_act", channels=(3, None, 16), activation="none")]
    for cin, cout, stride in ((16, 32, 1), (32, 64, 2), (64, 128, 2)):
        found.append(_residual("pre", stride, "projection", (cin, cout, cout)))
        found.append(_residual("pre", 1, "identity", (cout, cout, cout)))
    return tuple(found)


# What follows the last block of a classifier: pooling, flattening, the head.
_HEAD = (
    ("GlobalAveragePool", 1),
    ("ReduceMean", 1),
    ("Flatten", 1),
    ("Reshape", 1),
    ("Squeeze", 1),
    ("Gemm", 1),
    ("MatMul", 1),
)


def cases():
    import guide

    post, pre, neck = guide.BasicBlock_PostAct, guide.BasicBlock_PreAct, guide.Bottleneck_PostAct
    three, sixteen = (2, 3, 16, 16), (2, 16, 16, 16)
    same, wider = (16, 16, 16), (16, 32, 32)
    return [
        _single("conv_relu", lambda: guide.ConvBNAct(3, 16), three, _conv(3, 16, "relu")),
        _single(
            "conv_silu",
            lambda: guide.ConvBNAct(3, 16, act="silu"),
            three,
            _conv(3, 16, "silu"),
        ),
        _single(
            "post_s1", lambda: post(16, 16), sixteen, _residual("post", 1, "identity", same)
        ),
        _single(
            "post_s2", lambda: post(16, 32, 2), sixteen, _residual("post", 2, "projection", wider)
        ),
        _single(
            "post_wider", lambda: post(16, 32), sixteen, _residual("post", 1, "projection", wider)
        ),
        _single("pre_s1", lambda: pre(16, 16), sixteen, _residual("pre", 1, "identity", same)),
        _single(
            "pre_s2", lambda: pre(16, 32, 2), sixteen, _residual("pre", 2, "projection", wider)
        ),
        _single(
            "pre_wider", lambda: pre(16, 32), sixteen, _residual("pre", 1, "projection", wider)
        ),
        _single(
            "bottleneck_s1",
            lambda: neck(64, 64, 1),
            (2, 64, 16, 16),
            _bottleneck(1, "projection", (64, 64, 256)),
        ),
        _single(
            "bottleneck_s2",
            lambda: neck(64, 64, 2),
            (2, 64, 16, 16),
            _bottleneck(2, "projection", (64, 64, 256)),
        ),
        _single(
            "bottleneck_same",
            lambda: neck(64, 16, 1),
            (2, 64, 16, 16),
            _bottleneck(1, "identity", (64, 16, 64)),
        ),
        _single(
            "se",
            lambda: guide.SEBlock(64),
            (2, 64, 16, 16),
            models.Block("squeeze_excite", channels=(64, 4, 64), activation="silu", se=True),
        ),
        _single(
            "seres_s1",
            lambda: guide.SEResBlock(32, 32),
            (2, 32, 16, 16),
            _residual("post", 1, "identity", (32, 32, 32), "silu", True),
        ),
        _single(
            "seres_s2",
            lambda: guide.SEResBlock(32, 64, 2),
            (2, 32, 16, 16),
            _residual("post", 2, "projection", (32, 64, 64), "silu", True),
        ),
        _single(
            "seres_wider",
            lambda: guide.SEResBlock(32, 64),
            (2, 32, 16, 16),
            _residual("post", 1, "projection", (32, 64, 64), "silu", True),
        ),
        Case(
            "baseline",
            guide.BaselineCNN,
            three,
            (_conv(3, 32, "relu"), _conv(32, 32, "relu"), _conv(32, 64, "relu"))
            + (_conv(64, 128, "relu"),),
            (0, 0),
            (("MaxPool", 2), *_HEAD),
        ),
        Case(
            "wide_16_2",
            lambda: guide.TinyWideResNet(depth=16, k=2),
            three,
            _wide_blocks(),
            (2 * 6 + 3, 0),
            (("BatchNormalization", 1), ("Relu", 1), *_HEAD),
        ),
    ]


def combinations():
    return [(case, way) for case in cases() for way in _ways()]


def _number(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def sample(every):
    """Each module once an exporter, and a tenth of the rest: chosen by a hash of the name."""
    first = {}
    for case, way in every:
        key = (case.name, way.exporter)
        number = _number(f"{case.name}.{way.name}")
        first[key] = min(first.get(key, number), number)
    chosen = set(first.values())
    return [
        (case, way)
        for case, way in every
        if (n := _number(f"{case.name}.{way.name}")) in chosen or n % 10 == 0
    ]


def _references(work, case):
    """The module and its input. Weights, inputs and PyTorch's answers are kept, so that exports
    made later are of the same module.
    """
    import torch

    into = work / "modules" / case.name
    if not (into / "done").exists():
        into.mkdir(parents=True, exist_ok=True)
        model, x = models.prepared(case)
        torch.save(model.state_dict(), into / "state.pt")
        for batch, given in (("static", x), ("dynamic", torch.randn(3, *case.shape[1:]))):
            f32, f64 = models.answers(case, model, given)
            np.save(into / f"{batch}_input.npy", given.numpy())
            np.save(into / f"{batch}_f32.npy", f32)
            np.save(into / f"{batch}_f64.npy", f64)
        (into / "done").touch()
    model = case.make().eval()
    model.load_state_dict(torch.load(into / "state.pt"))
    return model, torch.from_numpy(np.load(into / "static_input.npy"))


def _folder(work, case, way):
    return work / "exports" / case.name / way.name


_made = {}  # of a worker: the module it made last


def _export(work, case_name, way_name):
    """Makes one export; why it could not, or None."""
    case = next(c for c in cases() if c.name == case_name)
    way = next(w for w in _ways() if w.name == way_name)
    into = _folder(work, case, way)
    partial = into.with_name(into.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        if case_name not in _made:
            _made.clear()
            _made[case_name] = _references(work, case)
        model, x = _made[case_name]
        dynamo = way.exporter == "torch.export"
        path = partial / "model.onnx"
        models.write(model, x, path, dynamo, way.opset, way.dynamic, **_options(way))
        _check_export(path, way)
    except Exception as error:  # an exporter raises whatever its depths raise
        return f"not exported: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    partial.rename(into)
    return None


def _check_export(path, way):
    """An export must be what its name says, or it proves nothing."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    opset = next(i.version for i in model.opset_import if i.domain in ("", "ai.onnx"))
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    if opset != way.opset:
        raise RuntimeError(f"opset {opset} was written, {way.opset} asked for")
    if batch.HasField("dim_param") != way.dynamic:
        raise RuntimeError(f"the batch is {batch.dim_param or batch.dim_value}")


# ---- the checks ----


# The guide's SE: 16 times fewer channels, at least 4.
_SE = {"hidden": 4, "activation": "silu", "gate": "sigmoid"}


def _answers(block, found, which):
    """How one outermost block differs from what it must say, in words."""
    want = {
        "kind": block.kind,
        "skip": block.skip or "none",
        "order": block.order,
        "after_add": block.after_add,
    }
    if block.kind != "squeeze_excite":
        want["stride"] = block.stride
    if block.activation:
        want["activation"] = block.activation
    for key, value in zip(("in_channels", "mid_channels", "out_channels"), block.channels):
        if value is not None:
            want[key] = value
    faults = [
        f"{which}{key} is {found.get(key, 'absent')!r}, expected {value!r}"
        for key, value in want.items()
        if found.get(key, "absent") != value
    ]
    se = found.get("se")
    if not block.se and se is not None:
        faults.append(f"{which}se is {se}, expected none")
    if block.se and (se is None or any(se.get(key) != value for key, value in _SE.items())):
        faults.append(f"{which}se is {se}, expected {_SE}")
    return faults


def _block_faults(case, found):
    """What `inspect --json` says wrong of a module, in words."""
    blocks = found.get("blocks", [])
    outer = [b for b in blocks if b.get("parent") is None]
    inner = collections.Counter(b["kind"] for b in blocks if b.get("parent") is not None)
    kinds, wanted = [b["kind"] for b in outer], [b.kind for b in case.blocks]
    if kinds != wanted:
        return [f"outermost blocks are {kinds}, expected {wanted}"]
    faults = []
    for i, (block, one) in enumerate(zip(case.blocks, outer)):
        faults += _answers(block, one, f"block {i}: " if len(outer) > 1 else "")
    want = {"conv_norm_act": case.inner[0], "squeeze_excite": case.inner[1]}
    if any(inner.get(k, 0) != n for k, n in want.items()) or set(inner) - set(want):
        faults.append(f"inner blocks are {dict(inner)}, expected {want}")
    may = dict(case.loose)
    loose = [e for e in found.get("loose", []) if e["count"] > may.get(e["op"], 0)]
    if loose:
        faults.append("loose: " + ", ".join(f"{e['op']} {e['count']}" for e in loose))
    if found.get("unknown"):
        faults.append("unknown: " + ", ".join(f"{e['op']} {e['count']}" for e in found["unknown"]))
    return faults


def _result_faults(blok, work, case, way, path):
    """The accuracy rule: against float64, at most 3 times PyTorch's own f32 error, or 1e-5 of the
    largest value.
    """
    batch = "dynamic" if way.dynamic else "static"
    given = work / "modules" / case.name
    out = path.parent / "output.npy"
    done = common.run(blok, "run", path, "-i", given / f"{batch}_input.npy", "-o", out)
    if done.status != 0:
        return [f"run: {done.why()}"]
    got = np.load(out)
    out.unlink()
    exact, own = (np.load(given / f"{batch}_{bits}.npy") for bits in ("f64", "f32"))
    if got.dtype != np.float32 or got.shape != exact.shape:
        return [f"run: output is {got.dtype} {got.shape}, expected float32 {exact.shape}"]
    top = np.abs(exact).max()
    error, torch_error = (
        float(np.abs(y.astype(np.float64) - exact).max() / top) for y in (got, own)
    )
    if not error <= max(3 * torch_error, 1e-5):
        return [f"run: error {error:.1e} of the largest value, PyTorch's own {torch_error:.1e}"]
    return []


def _faults(blok, work, case, way):
    path = _folder(work, case, way) / "model.onnx"
    found, why = checks.inspect(blok, path)
    faults = [f"inspect: {why}"] if found is None else _block_faults(case, found)
    faults += _result_faults(blok, work, case, way, path)
    done = common.run(blok, "verify", path, "--blocks")
    if done.status != 0:
        faults.append(f"verify --blocks: {done.why()}")
    return faults


class Results:
    """What is known already: a line of JSON each, behind one that says of which program."""

    def __init__(self, path, key):
        self.faults = {}
        if path.exists():
            lines = path.read_text().splitlines()
            if lines and lines[0] == key:
                for line in lines[1:]:
                    try:
                        name, faults = json.loads(line)
                    except ValueError:  # the line at which a run was stopped
                        continue
                    self.faults[name] = faults
        self.file = open(path, "w")
        self.file.write(key + "\n")
        for name, faults in list(self.faults.items()):
            self.add(name, faults)

    def add(self, name, faults):
        self.faults[name] = faults
        self.file.write(json.dumps([name, faults]) + "\n")
        self.file.flush()


def _key(blok):
    """The bytes of the program and of the checks, as one number."""
    here = pathlib.Path(__file__).parent
    files = [blok] + [here / f"{name}.py" for name in ("matrix", "checks", "models", "guide")]
    each = [hashlib.sha256(f.read_bytes()).digest() for f in files]
    return hashlib.sha256(b"".join(each)).hexdigest()


def run(blok, work, chosen, jobs):
    """Exports what is missing, checks what is not known; prints failures; (passed, failed)."""
    work.mkdir(parents=True, exist_ok=True)
    results = Results(work / "results.jsonl", _key(blok))
    passed = failed = 0

    def settle(case, way, why):
        nonlocal passed, failed
        name = f"{case.name}.{way.name}"
        if name not in results.faults or why:
            faults = [why] if why else _faults(blok, work, case, way)
            results.add(name, faults)
        if results.faults[name]:
            failed += 1
            print(f"FAIL {name}: " + "; ".join(results.faults[name]), flush=True)
        else:
            passed += 1

    missing = []
    for case, way in chosen:
        if _folder(work, case, way).exists():
            settle(case, way, None)
        else:
            missing.append((case, way))
    if missing:
        with exports.pool(jobs) as pool:
            # A module's references are made by one worker before others need them.
            for case in {case.name: case for case, _ in missing}.values():
                pool.submit(_make_references, work, case.name).result()
            pending = {
                pool.submit(_export, work, case.name, way.name): (case, way)
                for case, way in missing
            }
            for future in concurrent.futures.as_completed(pending):
                settle(*pending[future], future.result())
    return passed, failed


def _make_references(work, name):
    _references(work, next(c for c in cases() if c.name == name))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("net", nargs="*", help="modules (default: all)")
    parser.add_argument("--blok", type=pathlib.Path, default=common.ROOT / "build" / "blok")
    parser.add_argument("--work", type=pathlib.Path, default=common.ROOT / "build" / "matrix")
    parser.add_argument("--sample", action="store_true", help="a fixed part of it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="exporters at once")
    given = parser.parse_args()
    if not os.access(given.blok, os.X_OK):
        sys.exit(f"{given.blok} is not there: build it with `make`, or name it with --blok")
    every = combinations()
    unknown = set(given.net) - {case.name for case, _ in every}
    if unknown:
        sys.exit(f"no such module: {', '.join(sorted(unknown))}")
    chosen = sample(every) if given.sample else every
    chosen = [c for c in chosen if not given.net or c[0].name in given.net]
    passed, failed = run(given.blok.resolve(), given.work.resolve(), chosen, given.jobs)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
