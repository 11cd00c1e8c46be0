"""The ONNX conformance suite: writes its folders from the installed onnx package, and runs the
program on them.

Node cases are built in memory by onnx.backend.test.case, the others are folders inside the package.
Each becomes NAME/model.onnx with test_data_set_N/{input,output}_I.pb, as TensorProto, SequenceProto
or OptionalProto.
"""

import collections
import concurrent.futures
import contextlib
import io
import pathlib
import shutil
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

import common

KINDS = ("simple", "pytorch-converted", "pytorch-operator")
TESTS = 2024
WANTED = 480
RTOL, ATOL, SECONDS = 1e-3, 1e-7, 10
# Two units in the last place of the 16-bit types. The stored outputs round inside a softmax, where
# the program sums in double and rounds once.
LAST_PLACE = {onnx.TensorProto.FLOAT16: 2.0**-9, onnx.TensorProto.BFLOAT16: 2.0**-6}

# The operators that the program promises: what CNN exports need, what prepares their shapes, and a
# few more.
PROMISED = set(
    """
Add AveragePool BatchNormalization Clip Conv Div Dropout Gemm GlobalAveragePool GlobalMaxPool
HardSigmoid HardSwish LeakyRelu MatMul MaxPool Mul PRelu Pad ReduceMax ReduceMean ReduceSum Relu
Sigmoid Softmax Sub Sum Swish
Cast Concat Constant ConstantOfShape Expand Flatten Gather Identity Reshape Shape Slice Split
Squeeze Transpose Unsqueeze
Tanh Exp Sqrt Erf Gelu Ceil Mod ReduceProd Resize LayerNormalization CastLike Equal Where If NonZero
""".split()
)
NATIVE = {
    onnx.TensorProto.DataType.Value(n)
    for n in (
        "FLOAT",
        "DOUBLE",
        "FLOAT16",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "BOOL",
    )
}


def _proto(value, info):
    if isinstance(value, onnx.TensorProto):
        return value
    kind = info.type.WhichOneof("value")
    make = {
        "sequence_type": numpy_helper.from_list,
        "optional_type": numpy_helper.from_optional,
        "map_type": numpy_helper.from_dict,
        "tensor_type": numpy_helper.from_array,
    }[kind]
    if kind == "tensor_type":
        value = np.asarray(value)
    return make(value, info.name)


def _write_case(case, into):
    into.mkdir(parents=True)
    (into / "model.onnx").write_bytes(case.model.SerializeToString())
    for i, (inputs, outputs) in enumerate(case.data_sets):
        data = into / f"test_data_set_{i}"
        data.mkdir()
        for word, values, infos in (
            ("input", inputs, case.model.graph.input),
            ("output", outputs, case.model.graph.output),
        ):
            for j, value in enumerate(values):
                (data / f"{word}_{j}.pb").write_bytes(_proto(value, infos[j]).SerializeToString())


def folders(work):
    """All test folders by name, written on first use."""
    root = work / "conformance"
    if not (root / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        _write_all(root)
        (root / "complete").write_text(onnx.__version__ + "\n")
    return sorted(p for p in root.iterdir() if p.is_dir())


def _write_all(root):
    from onnx.backend.test.case import node
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        cases = node.collect_testcases(None)
    for case in cases:
        _write_case(case, root / case.name)
    for kind in KINDS:
        for case in load_model_tests(kind=kind):
            if case.model_dir:
                shutil.copytree(case.model_dir, root / case.name)
            else:
                _write_case(case, root / case.name)


def _operators(graph):
    for node in graph.node:
        yield node.domain, node.op_type
        for attribute in node.attribute:
            for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from _operators(inner)


def plain(model):
    """True when all inputs and outputs are tensors of types that numpy has too."""
    infos = [*model.graph.input, *model.graph.output]
    return all(
        i.type.WhichOneof("value") == "tensor_type" and i.type.tensor_type.elem_type in NATIVE
        for i in infos
    )


def promised(model):
    """True when every operator of the model, and the types that go in and out, are what the program
    promises.
    """
    return plain(model) and all(
        domain in ("", "ai.onnx") and op in PROMISED for domain, op in _operators(model.graph)
    )


def _tensor(path):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor


def outputs_agree(blok, folder, model, scratch):
    """Runs a passing test once more through `blok run` and compares here, without the program's own
    comparison.

    None when it agrees or when its values are not plain tensors of numpy's own types; else what is
    wrong.
    """
    if not plain(model):
        return None
    for data in sorted(folder.glob("test_data_set_*")):
        into = scratch / folder.name / data.name
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        given = []
        for i in range(len(list(data.glob("input_*.pb")))):
            given += ["-i", data / f"input_{i}.pb"]
        if not given:
            return None
        done = common.run(blok, "run", folder / "model.onnx", *given, "-o", into, timeout=SECONDS)
        if done.status != 0:
            return f"verify passes, run does not: {done.why()}"
        for i in range(len(list(data.glob("output_*.pb")))):
            want = numpy_helper.to_array(_tensor(data / f"output_{i}.pb"))
            got = np.load(into / f"output_{i}.npy")
            if got.dtype != want.dtype or got.shape != want.shape:
                return f"output {i} is {got.dtype} {got.shape}, expected {want.dtype} {want.shape}"
            if not np.allclose(
                got.astype(np.float64), want.astype(np.float64), RTOL, ATOL, equal_nan=True
            ):
                return f"verify passes, but output {i} differs"
    return None


def differs_in_last_place(blok, folder):
    """True when the outputs are of a 16-bit float and within two units in the last
    place.
    """
    outputs = onnx.load(folder / "model.onnx").graph.output
    units = {LAST_PLACE.get(o.type.tensor_type.elem_type) for o in outputs}
    if len(units) != 1 or None in units:
        return False
    done = common.run(
        blok, "verify", folder / "model.onnx", "--rtol", units.pop(), "--atol", ATOL, timeout=SECONDS
    )
    return done.status == 0


def _one(blok, folder, scratch):
    done = common.run(
        blok, "verify", folder / "model.onnx", "--rtol", RTOL, "--atol", ATOL, timeout=SECONDS
    )
    if done.hung:
        return "hung", done.why()
    if done.crashed:
        return "crashed", done.why()
    if done.status == 0:
        wrong = outputs_agree(blok, folder, onnx.load(folder / "model.onnx"), scratch)
        return ("wrong", wrong) if wrong else ("passed", "")
    if done.status == 1 and differs_in_last_place(blok, folder):
        return "last place", done.why()
    return {1: "wrong", 3: "refused"}.get(done.status, "other"), done.why()


def check(options, report):
    tests = folders(options.work)
    report.check(len(tests) == TESTS, "conformance folders", f"{len(tests)} of {TESTS}")
    scratch = pathlib.Path(options.work) / "conformance-outputs"
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda f: _one(options.blok, f, scratch), tests))
    shutil.rmtree(scratch, ignore_errors=True)
    counts = collections.Counter(kind for kind, _ in results)
    for folder, (kind, why) in zip(tests, results):
        if kind in ("wrong", "crashed", "hung", "other"):
            report.fail(f"conformance {folder.name}", f"{kind}: {why}")
        elif kind != "passed" and promised(onnx.load(folder / "model.onnx")):
            print(f"note conformance {folder.name}: {kind}: {why}")
    print(
        "conformance: "
        + ", ".join(f"{counts[k]} {k}" for k in ("passed", "refused", "last place", "wrong", "crashed", "hung"))
    )
    report.check(
        counts["passed"] >= WANTED,
        "conformance passes",
        f"{counts['passed']} of {len(tests)}, {WANTED} wanted",
    )
