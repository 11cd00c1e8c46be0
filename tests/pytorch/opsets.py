"""Models go through `blok convert --opset` to old and new operator sets: onnx's checker takes what
comes out, it gives the same outputs as the model it came from, and so does what comes back.

What cannot be said in a set must be refused, in one line that names a node and says why.
"""

import collections
import concurrent.futures
import functools
import os
import pathlib
import shutil

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Sets that ONNX Runtime was built with but that were not released then.
os.environ.setdefault("ALLOW_RELEASED_ONNX_OPSET_ONLY", "0")

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import common
import conformance

TARGETS = (7, 9, 11, 13, 17, 18, 20, onnx.defs.onnx_opset_version())
WITHIN = 1e-5
# What a sum in another order may differ by where the type itself is coarse.
COARSE = {np.dtype(np.float16): 4e-3}
FIXTURES = common.ROOT / "tests" / "data" / "good"


def default_set(model):
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)


# ---- Inputs and outputs --------------------------------------------------------------------------


def _length(dim, axis):
    if dim.HasField("dim_value") and dim.dim_value > 0:
        return dim.dim_value
    return 1 if axis == 0 else 64


def _noise(info, rng):
    tensor = info.type.tensor_type
    shape = [_length(d, i) for i, d in enumerate(tensor.shape.dim)]
    dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(dtype)
    return rng.integers(0, 3, shape).astype(dtype)


def fed(model):
    """The inputs that a caller feeds, in order."""
    known = {t.name for t in model.graph.initializer}
    known |= {t.values.name for t in model.graph.sparse_initializer}
    return [i for i in model.graph.input if i.name not in known]


def _stored(path, info):
    kind = info.type.WhichOneof("value")
    proto = {"sequence_type": onnx.SequenceProto, "optional_type": onnx.OptionalProto}.get(
        kind, onnx.TensorProto
    )()
    proto.ParseFromString(path.read_bytes())
    if kind == "sequence_type":
        return numpy_helper.to_list(proto)
    if kind == "optional_type":
        return numpy_helper.to_optional(proto)
    return numpy_helper.to_array(proto)


def inputs_of(path, model):
    """By name: the stored ones of a test folder or an export, else noise."""
    rng = np.random.default_rng(1)
    data = path.parent / "test_data_set_0"
    feeds = {}
    for i, info in enumerate(fed(model)):
        if (data / f"input_{i}.pb").exists():
            feeds[info.name] = _stored(data / f"input_{i}.pb", info)
        elif (path.parent / f"input_{i}.npy").exists():
            feeds[info.name] = np.load(path.parent / f"input_{i}.npy")
        else:
            feeds[info.name] = _noise(info, rng)
    return feeds


def _onnxruntime(path, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # As the model says it: what the optimizer makes of it is not the question.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)


def _reference(path, feeds):
    return ReferenceEvaluator(onnx.load(path)).run(None, feeds)


def outputs(runner, path, feeds):
    """What other people's runtimes make of the model: (outputs, why there are none)."""
    try:
        return runner(path, feeds), ""
    except Exception as error:  # runtimes raise many unrelated types
        return None, f"{type(error).__name__}: {error}".splitlines()[0][:200]


# ---- Comparing -----------------------------------------------------------------------------------


def difference(want, got):
    """Why two outputs are not the same, or None."""
    if want is None or got is None:
        return None if want is None and got is None else "one is there, the other not"
    if isinstance(want, list):
        if len(want) != len(got):
            return f"{len(got)} items instead of {len(want)}"
        return next((d for d in map(difference, want, got) if d), None)
    want, got = np.asarray(want), np.asarray(got)
    if want.dtype == got.dtype and want.dtype.name.startswith(("bfloat16", "float8")):
        want, got = want.astype(np.float32), got.astype(np.float32)
    if want.shape != got.shape or want.dtype != got.dtype:
        return f"{got.dtype}{list(got.shape)} instead of {want.dtype}{list(want.shape)}"
    if want.dtype.kind != "f":
        return None if np.array_equal(want, got) else "integers differ"
    if not np.array_equal(np.isfinite(want), np.isfinite(got)):
        return "other values are not finite"
    good = np.isfinite(want)
    if not good.any():
        return None
    a, b = want[good].astype(np.float64), got[good].astype(np.float64)
    by = np.abs(a - b).max() / max(np.abs(a).max(), 1e-30)
    return None if by <= COARSE.get(want.dtype, WITHIN) else f"differs by {by:.1e} of the largest"


def _checker(path):
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:  # the checker raises several unrelated types
        return " ".join(str(error).split())[:200]
    return None


def _differ(want, got):
    for i, (a, b) in enumerate(zip(want, got)):
        found = difference(a, b)
        if found:
            return f"output {i}: {found}"
    return None


def by_chance(model):
    """True for a model that gives other numbers every time."""
    chance = ("Bernoulli", "Multinomial", "RandomNormal", "RandomUniform")
    return any(n.op_type.startswith(chance) for n in model.graph.node)


class Original:
    """A model, what it is fed, and what each runtime gives (None: it does not take the model)."""

    def __init__(self, path):
        self.path = path
        self.model = onnx.load(path, load_external_data=False)
        self.set = default_set(self.model)
        self.feeds = inputs_of(path, self.model)
        self.chance = by_chance(self.model)
        self.small = sum(p.stat().st_size for p in path.parent.iterdir()) < 1 << 20
        self.wants = {}
        self.clean = _checker(path) is None

    def want(self, runner):
        if runner not in self.wants:
            given = None if self.chance else outputs(runner, self.path, self.feeds)[0]
            stored = self.path.parent / "test_data_set_0"
            exact = runner is _onnxruntime and not self.chance
            if given is None and exact and stored.is_dir():
                infos = enumerate(self.model.graph.output)
                given = [_stored(stored / f"output_{i}.pb", info) for i, info in infos]
            self.wants[runner] = given
        return self.wants[runner]

    def compare(self, path):
        """How the model at path differs, "" for not at all, None where no runtime takes both.

        A runtime that finds a difference may have a fault of its own in one version of an operator:
        of a small model the other is asked too.
        """
        found = None
        for runner in (_onnxruntime, _reference):
            if runner is _reference and not self.small and found is not None:
                break
            want = self.want(runner)
            got = outputs(runner, path, self.feeds)[0] if want is not None else None
            if got is None:
                continue
            found = _differ(want, got) or ""
            if not found:
                break
        return found


# ---- What must not change ------------------------------------------------------------------------


def _version(node, opset):
    try:
        return onnx.defs.get_schema(node.op_type, opset, "").since_version
    except onnx.defs.SchemaError:
        return None


def _unused(model):
    read = {o.name for o in model.graph.output}
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        read |= {o.name for o in graph.output}
        for node in graph.node:
            read |= set(node.input)
            graphs += [a.g for a in node.attribute if a.HasField("g")]
            graphs += [g for a in node.attribute for g in a.graphs]
    constants = _names(n for n in model.graph.node if n.op_type == "Constant")
    return ({t.name for t in model.graph.initializer} | constants) - read


def _names(nodes):
    return {name for node in nodes for name in node.output if name}


def touched(model, path, opset, target):
    """The first node that changed though its operator did not, or weight that nobody reads."""
    result = onnx.load(path, load_external_data=False)
    if not model.functions:
        nodes = {n.SerializeToString(deterministic=True) for n in result.graph.node}
        made = _names(result.graph.node)
        for node in model.graph.node:
            moves = any(
                a.HasField("g") or a.graphs or a.t.data_location == TensorProto.EXTERNAL
                for a in node.attribute
            )
            # What computed something that is constant now may be gone.
            if moves or not made & _names([node]):
                continue
            same = node.domain not in ("", "ai.onnx") or (
                _version(node, opset) == _version(node, target)
            )
            if same and node.SerializeToString(deterministic=True) not in nodes:
                return f"{node.op_type} node '{node.name}' is another, though its version is not"
    more = _unused(result) - _unused(model)
    return f"nothing reads the initializer '{sorted(more)[0]}'" if more else None


# ---- One model -----------------------------------------------------------------------------------


class Result:
    """What came of one model and one set: `kind` is same, refused, wrong or unrun."""

    def __init__(self, path, target, kind, why=""):
        self.name = f"{path.parent.name} to {target}"
        self.kind = kind
        self.why = why


def convert(blok, path, target, out):
    """None, or why it was refused; raises when the program does worse."""
    done = common.run(blok, "convert", path, out, "--opset", target)
    if done.status == 0:
        return None
    if done.crashed or done.hung or not done.err.strip():
        raise RuntimeError(done.why())
    return done.err.strip().splitlines()[-1]


def _result(original, path, target):
    """How a converted model stands: (kind, why)."""
    found = _checker(path) if original.clean else None
    if found:
        return "wrong", f"onnx.checker: {found}"
    if default_set(onnx.load(path, load_external_data=False)) != target:
        return "wrong", "the operator set is another"
    found = original.compare(path)
    if found is None:
        return "unrun", "no runtime takes both models"
    return ("wrong", found) if found else ("same", "")


def _one_target(convert, original, target, into):
    out = into / f"{target}.onnx"
    refused = convert(original.path, target, out)
    if refused:
        return "refused", refused
    if original.clean and original.set:
        found = touched(original.model, out, original.set, target)
        if found:
            return "wrong", found
    kind, why = _result(original, out, target)
    if kind != "same" or original.set is None or original.set < TARGETS[0]:
        return kind, why
    back = into / f"{target}.back.onnx"
    refused = convert(out, original.set, back)
    if refused:
        return "wrong", f"back to {original.set}: {refused}"
    kind, why = _result(original, back, original.set)
    return (kind, why) if kind == "same" else ("wrong", f"back to {original.set}: {why}")


def results(path, targets, into, convert):
    """A Result for each target. `convert(path, target, out)` gives why it refused, or None."""
    path = pathlib.Path(path)
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    try:
        original = Original(path)
        found = []
        for target in targets:
            try:
                kind, why = _one_target(convert, original, target, into)
            except Exception as error:  # the program crashed, or what it wrote does not parse
                kind, why = "wrong", f"{type(error).__name__}: {error}"
            found.append(Result(path, target, kind, why))
        return found
    finally:
        shutil.rmtree(into, ignore_errors=True)


# ---- The check -----------------------------------------------------------------------------------

EXPORTS = """
baseline.kept baseline.dynamo_n bottleneck_s2.torchscript convbnact_silu.dynamo
convnext_tiny.dynamo efficientnet_b0.torchscript mobilenet_v3_large.dynamo
mobilenet_v3_large.torchscript pre_s2.kept resnet18.dynamo_n resnet18.torchscript
seres_s2.dynamo shufflenet_v2_x1_0.dynamo squeezenet1_1.torchscript wide_28_2.torchscript_n
""".split()


def _groups(options):
    """Paths and targets. Of the conformance suite every third test, of large models two sets."""
    exports = options.work / "exports"
    paths = [exports / name / "model.onnx" for name in EXPORTS]
    yield "exports", [p for p in paths if p.exists()], (7, 11, 13, TARGETS[-1])
    suite = [f / "model.onnx" for f in conformance.folders(options.work)]
    if not options.all:
        suite = suite[::3]
    yield "conformance", suite, TARGETS if options.all else (8, 9, 12, 17)
    yield "fixtures", sorted(FIXTURES.glob("*/model.onnx")), TARGETS


def _reason(why):
    """What stands behind the last colon, without names and numbers of one node."""
    return why.rsplit(": ", 1)[-1]


def check(options, report):
    scratch = options.work / "opsets"
    for name, paths, targets in _groups(options):
        if not paths:
            report.skip(f"opsets {name}", "no models there")
            continue
        ask = functools.partial(convert, options.blok)
        with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
            jobs = [
                pool.submit(results, p, targets, scratch / f"{name}.{i}", ask)
                for i, p in enumerate(paths)
            ]
            found = [result for job in jobs for result in job.result()]
        by = collections.Counter(r.kind for r in found)
        for result in found:
            if result.kind == "wrong":
                print(f"FAIL opsets {result.name}: {result.why}", flush=True)
        reasons = collections.Counter(_reason(r.why) for r in found if r.kind == "refused")
        for why, count in reasons.most_common(5):
            print(f"     refused {count}: {why}", flush=True)
        report.count(by["same"], by["wrong"], f"opsets {name}")
        print(
            f"     {by['refused']} refused, {by['unrun']} checked that no runtime takes", flush=True
        )
        report.check(by["same"] > 0, f"opsets {name} compared", f"{by['same']} results")
