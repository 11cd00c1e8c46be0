"""Writes the small models of tests/data for the tests in C and of the command line:

    build/venv/bin/python tests/pytorch/fixtures.py

good/NAME/model.onnx are well formed, with test_data_set_0 where a runtime can say what comes out
(ONNX Runtime, else onnx's reference evaluator). bad/NAME/model.onnx are wrong in one way each;
bad/README.md says how, and what is expected.
"""

import pathlib
import shutil
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

import common
import fixtures_bad
import fixtures_good
import fixtures_opsets

DATA = common.ROOT / "tests" / "data"
SYMBOLS = {"N": 2, "H": 5, "W": 4}
LARGEST = 20_000


def _inputs(model, seed=3):
    """Seeded values for the inputs that are no initializers."""
    random = np.random.RandomState(seed)
    weights = {t.name for t in model.graph.initializer}
    found = {}
    for each in model.graph.input:
        if each.name in weights:
            continue
        kind = each.type.tensor_type
        shape = [SYMBOLS[d.dim_param] if d.dim_param else d.dim_value for d in kind.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        found[each.name] = np.asarray(
            random.standard_normal(shape) > 0
            if dtype == np.bool_
            else random.standard_normal(shape).astype(dtype)
        )
    return found


def _outputs(path, given):
    """What comes out, or None when neither runtime takes the model."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    onnxruntime.set_default_logger_severity(4)
    try:
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            None, given
        )
    except Exception:  # ONNX Runtime raises a dozen types of its own
        pass
    try:
        return ReferenceEvaluator(onnx.load(path)).run(None, given)
    except Exception:  # an operator without an implementation, as several types
        return None


def _write(folder, data, files):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(data)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _write_good(root):
    for name, model, files in fixtures_good.models():
        folder = root / name
        _write(folder, model.SerializeToString(), files)
        given = _inputs(model)
        known = fixtures_opsets.TWINS.get(name)
        with tempfile.TemporaryDirectory() as scratch:
            if known:
                onnx.save(known(), f"{scratch}/model.onnx")
            got = _outputs(pathlib.Path(scratch if known else folder) / "model.onnx", given)
        if got is None:
            continue
        data = folder / "test_data_set_0"
        data.mkdir()
        for i, (key, value) in enumerate(given.items()):
            (data / f"input_{i}.pb").write_bytes(
                numpy_helper.from_array(value, key).SerializeToString()
            )
        for i, (info, value) in enumerate(zip(model.graph.output, got)):
            (data / f"output_{i}.pb").write_bytes(
                numpy_helper.from_array(np.asarray(value), info.name).SerializeToString()
            )


def write(root):
    """Writes good/ and bad/ below `root` anew."""
    for part in ("good", "bad"):
        shutil.rmtree(root / part, ignore_errors=True)
    _write_good(root / "good")
    for case in fixtures_bad.cases():
        _write(root / "bad" / case.name, case.data, case.files)
    (root / "bad" / "README.md").write_text(fixtures_bad.readme())
    large = [
        p.name
        for p in root.rglob("*")
        if p.is_file() and p.stat().st_size > LARGEST and "nested" not in str(p)
    ]
    if large:
        raise RuntimeError(f"larger than {LARGEST} bytes: {', '.join(large)}")


def _same(a, b):
    if a.read_bytes() == b.read_bytes():
        return True
    if not a.name.startswith("output_"):
        return False
    one, two = (numpy_helper.to_array(onnx.TensorProto.FromString(p.read_bytes())) for p in (a, b))
    return one.dtype == two.dtype and one.shape == two.shape and np.allclose(one, two, 1e-5, 1e-6)


def check(report):
    """The committed files are what this script writes; outputs may differ by what CPUs differ."""
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        write(root)
        for part in ("good", "bad"):
            ours = {p.relative_to(root) for p in (root / part).rglob("*") if p.is_file()}
            theirs = {p.relative_to(DATA) for p in (DATA / part).rglob("*") if p.is_file()}
            odd = sorted(map(str, ours ^ theirs)) + [
                str(p) for p in sorted(ours & theirs) if not _same(root / p, DATA / p)
            ]
            report.check(
                not odd,
                f"fixtures {part}",
                f"not what fixtures.py writes: {', '.join(odd[:5])}"
                if odd
                else f"{len(ours)} files",
            )


if __name__ == "__main__":
    write(DATA)
    sys.exit(0)
