"""Edits of `blok convert`, on the guide's modules and on torchvision's and timm's networks of both
exporters.

Every edited model passes onnx's checker in full, and onnxruntime's outputs for it are Blok's. What
an edit must not change is compared with the model before it: outputs (onnxruntime's, of both), and
every node that is not concerned, message for message. An activation put in the place of another is
compared with the PyTorch module whose activation was replaced, a block's descriptor with the module
whose block was changed; a fresh head with what stands before the old one.
"""

import collections
import copy
import dataclasses
import json
import pathlib
import shutil

import numpy as np
import onnx
import onnxruntime as ort
import torch.nn as nn
from onnx import helper, numpy_helper

import common
import models
import timm_models

TOLERANCE = 1e-5

# Exports of models.py, and timm's nets that are exported here.
EXPORTS = (
    "post_s1.kept post_s2.torchscript pre_s2.kept pre_s1.dynamo bottleneck_s2.kept "
    "bottleneck_s1.dynamo se.torchscript se.dynamo seres_s2.kept seres_s1.dynamo "
    "baseline.torchscript baseline.dynamo wide_28_2.kept "
    "resnet18.torchscript resnet18.dynamo mobilenet_v3_large.torchscript "
    "mobilenet_v3_large.dynamo efficientnet_b0.torchscript efficientnet_b0.dynamo"
).split()
TIMM = "legacy_seresnet18 regnety_002".split()


@dataclasses.dataclass
class Case:
    """A model before its edits: its file, an input, its message and onnxruntime's outputs."""

    name: str
    path: pathlib.Path
    x: np.ndarray
    net: object = None  # of models.py; None for timm's
    model: onnx.ModelProto = None
    outputs: list = None

    @property
    def input(self):
        return self.model.graph.input[0].name

    @property
    def nodes(self):
        return self.model.graph.node


def _session(model):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Fusions round anew.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = str(model) if isinstance(model, pathlib.Path) else model.SerializeToString()
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _run(model, x):
    session = _session(model)
    return session.run(None, {session.get_inputs()[0].name: x})


def _far(got, want):
    """The largest difference by the largest number wanted; None when the shapes differ."""
    if got.shape != want.shape:
        return None
    top = max(float(np.abs(want).max()), 1e-30)
    return float(np.abs(got.astype(np.float64) - want.astype(np.float64)).max()) / top


def _close(got, want, tolerance=TOLERANCE):
    """What is wrong, in words, or None."""
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        far = _far(a, b)
        if far is None:
            return f"output {i} is {a.shape}, wanted {b.shape}"
        if not far <= tolerance:
            return f"output {i} is off by {far:.1e} of the largest"
    return None


class Edited:
    """What `blok convert` made of a case."""

    def __init__(self, options, case, scratch, arguments):
        self.path = scratch / "edited.onnx"
        self.scratch = scratch
        self.blok = options.blok
        self.why = None
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        done = common.run(options.blok, "convert", case.path, self.path, "--inline", *arguments)
        self.said = done.err
        if done.status != 0:
            self.why = done.why()
            return
        try:
            onnx.checker.check_model(str(self.path), full_check=True)
        except Exception as error:  # the checker raises several unrelated types
            self.why = f"onnx.checker: {str(error).splitlines()[0]}"
            return
        self.model = onnx.load(self.path)

    def outputs(self, x, tolerance=TOLERANCE):
        """onnxruntime's outputs; None, with why set, when Blok's are others."""
        out = self.scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        np.save(self.scratch / "x.npy", x)
        done = common.run(self.blok, "run", self.path, "-i", self.scratch / "x.npy", "-o", out)
        if done.status != 0:
            self.why = f"blok run: {done.why()}"
            return None
        want = _run(self.model, x)
        got = [np.load(out / f"output_{i}.npy") for i in range(len(want))]
        wrong = _close(got, want, tolerance)
        if wrong:
            self.why = f"blok and onnxruntime: {wrong}"
            return None
        return want


def _by_name(nodes):
    """Messages by the name of the first output: nodes themselves need not have one."""
    return {node.output[0]: node.SerializeToString() for node in nodes}


def _untouched(case, edited, touched=()):
    """Nodes that stand in both must be the same message, and no other may be missing; touched:
    operators that the edit is about.
    """
    now = _by_name(edited.model.graph.node)
    for node in case.nodes:
        if node.op_type in touched:
            continue
        if now.get(node.output[0]) != node.SerializeToString():
            return f"{node.op_type} node {node.name!r} was touched"
    return None


# ---- Edits ---------------------------------------------------------------------------------------


def _fold(case, edited):
    makers = {name: node for node in edited.model.graph.node for name in node.output}
    reads = collections.Counter(name for node in edited.model.graph.node for name in node.input)
    for node in edited.model.graph.node:
        before = makers.get(node.input[0])
        alone = before and before.op_type == "Conv" and reads[node.input[0]] == 1
        if node.op_type == "BatchNormalization" and alone:
            return f"norm {node.name!r} still stands behind a convolution"
    wrong = _untouched(case, edited, ("Conv", "BatchNormalization", "Gemm"))
    return wrong or _same_outputs(case, edited)


def _same_outputs(case, edited, tolerance=TOLERANCE):
    got = edited.outputs(case.x)
    return edited.why if got is None else _close(got, case.outputs, tolerance)


def _batch(size):
    def look(case, edited):
        wrong = _untouched(case, edited, ("Reshape", "Expand"))
        if wrong:
            return wrong
        shape = edited.model.graph.input[0].type.tensor_type.shape.dim[0]
        if (shape.dim_value or shape.dim_param) != (size or "N"):
            return f"the input's first axis is {shape}"
        for many in (size,) if size else (1, 3):
            x = np.concatenate([case.x[:1]] * (many - 1) + [case.x[-1:]])
            got = edited.outputs(x)
            if got is None:
                return edited.why
            want = [np.concatenate([y[:1]] * (many - 1) + [y[-1:]]) for y in case.outputs]
            wrong = _close(got, want)
            if wrong:
                return f"batch {many}: {wrong}"
        return None

    return look


def _with_output(case, name):
    """onnxruntime's value of that name in the model before its edit."""
    model = copy.deepcopy(case.model)
    del model.graph.output[:]
    model.graph.output.append(helper.make_empty_tensor_value_info(name))
    return _run(model, case.x)


def _middle(case):
    """The first input of a later node that alone leads from the input to the output: what a cut
    can stand at. Found by onnx alone.
    """
    weights = {w.name for w in case.model.graph.initializer}
    live = {case.input}
    single = []
    last = {}
    for at, node in enumerate(case.nodes):
        for name in node.input:
            last[name] = at
    for output in case.model.graph.output:
        last[output.name] = len(case.nodes)
    made = {case.input}
    for at, node in enumerate(case.nodes):
        if any(name in made for name in node.input):
            made.update(node.output)
            live.update(name for name in node.output if name in last)
        live = {name for name in live if last.get(name, -1) > at and name not in weights}
        if len(live) == 1:
            single.append(next(iter(live)))
    outputs = {o.name for o in case.model.graph.output}
    single = [name for name in dict.fromkeys(single) if name != case.input and name not in outputs]
    return single[len(single) // 2] if single else None


def _cut_head(name):
    def look(case, edited):
        if [o.name for o in edited.model.graph.output] != [name]:
            return "the outputs are others"
        wrong = _kept(case, edited)
        got = None if wrong else edited.outputs(case.x)
        return wrong or edited.why or _close(got, _with_output(case, name))

    return look


def _cut_tail(name):
    def look(case, edited):
        if [i.name for i in edited.model.graph.input] != [name]:
            return "the inputs are others"
        wrong = _kept(case, edited)
        got = None if wrong else edited.outputs(_with_output(case, name)[0])
        return wrong or edited.why or _close(got, case.outputs)

    return look


def _kept(case, edited):
    """Every node of the result is one of the model's own."""
    before = _by_name(case.nodes)
    for node in edited.model.graph.node:
        if before.get(node.output[0]) != node.SerializeToString():
            return f"{node.op_type} node {node.name!r} was touched"
    return None


def _rename(old, new):
    def look(case, edited):
        message = copy.deepcopy(case.model)
        for entry in (*message.graph.input, *message.graph.initializer, *message.graph.value_info):
            entry.name = new.get(entry.name, entry.name)
        for node in message.graph.node:
            node.input[:] = [new.get(name, name) for name in node.input]
        got = [node.SerializeToString() for node in edited.model.graph.node]
        if got != [node.SerializeToString() for node in message.graph.node]:
            return "nodes are not those with the new names"
        names = {w.name for w in edited.model.graph.initializer}
        if set(old) & names or edited.model.graph.input[0].name != "picture":
            return "an old name stands in the model"
        return _same_outputs(case, edited)

    return look


MODULES = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "prelu": nn.PReLU,
    "mish": nn.Mish,
}


def _replace_modules(module, old, make):
    for name, child in module.named_children():
        if type(child) is old:
            setattr(module, name, make())
        else:
            _replace_modules(child, old, make)


def _act(old, new):
    def look(case, edited):
        # Other activations than the weights were drawn for: rounding shows more.
        got = edited.outputs(case.x, 3 * TOLERANCE)
        if got is None:
            return edited.why
        module, x = models.prepared(case.net)
        with models.torch.no_grad():
            if _far(module(x.clone()).numpy(), case.outputs[0]) > 1e-4:
                return "the module is not the exported one"
            _replace_modules(module, MODULES[old], MODULES[new])
            want = module.double()(x.double()).numpy()
        return _close(got, [want], 1e-4)

    return look


def _head(classes):
    def look(case, edited):
        got = edited.outputs(case.x)
        if got is None:
            return edited.why
        if got[0].shape != (*case.outputs[0].shape[:-1], classes):
            return f"the output is {got[0].shape}"
        declared = edited.model.graph.output[0].type.tensor_type.shape.dim
        if declared[1].dim_value != classes:
            return f"the output is declared with {declared[1]}"
        wrong = _untouched(case, edited, ("Reshape",))
        if wrong:
            return wrong
        changed = _changed_weights(case.model, edited.model)
        if len(changed) not in (1, 2):
            return f"weights that changed: {changed}"
        drawn = [w for w in edited.model.graph.initializer if w.name in changed]
        if not all(np.abs(numpy_helper.to_array(w)).max() > 0 for w in drawn):
            return "a fresh weight is zero"
        return None

    return look


def _changed_weights(before, after):
    was = {w.name: numpy_helper.to_array(w).tobytes() for w in before.graph.initializer}
    now = {w.name: numpy_helper.to_array(w).tobytes() for w in after.graph.initializer}
    return sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))


def _excite(case, edited):
    got = edited.outputs(case.x)
    if got is None:
        return edited.why
    count = collections.Counter(node.op_type for node in edited.model.graph.node)
    before = collections.Counter(node.op_type for node in case.nodes)
    if count["GlobalAveragePool"] <= before["GlobalAveragePool"]:
        return f"no pool was added: {edited.said}"
    return None


# ---- One block's descriptor ----------------------------------------------------------------------


def _blocks(blok, path):
    """What `blok inspect` says of the blocks with a body of convolutions."""
    done = common.run(blok, "inspect", "--json", path)
    kinds = ("residual", "bottleneck", "inverted_bottleneck")
    return [block for block in json.loads(done.out)["blocks"] if block["kind"] in kinds]


def _window(block):
    """The kxk convolution of a block."""
    return max(block["convs"], key=lambda conv: conv["kernel"][0])


# Words for --block, and what the block must be like then. Fresh weights: onnxruntime is the oracle.
BLOCK_WORDS = {
    "kernel=5": lambda block: _window(block)["kernel"] == [5, 5]
    and _window(block)["pads"] == [2, 2, 2, 2],
    "dilation=2": lambda block: _window(block)["dilation"] == [2, 2],
    "norm=group,norm-groups=4": lambda block: block["convs"][0]["norm"] == "group"
    and block["convs"][0]["norm_groups"] == 4,
    "act=elu:0.5": lambda block: block["convs"][0]["activation"] == "elu",
}


def _block(name, holds):
    def look(case, edited):
        got = edited.outputs(case.x, 3 * TOLERANCE)
        if got is None:
            return edited.why
        if got[0].shape != case.outputs[0].shape:
            return f"the output is {got[0].shape}"
        # A module alone has no name of its own: its block is called otherwise when written anew.
        blocks = _blocks(edited.blok, edited.path)
        found = [block for block in blocks if block["name"] == name] or blocks[:1]
        if not found or not holds(found[0]):
            return f"the block is {found[:1]}"
        return None

    return look


# Weights keep their dims: PyTorch's module, changed the same way, is the oracle.
TORCH_BLOCKS = ("--block", "layer1.0:dilation=2,act=silu", "--block", "layer3.1:act=leaky_relu:0.2")


def _as_torch(case, edited):
    got = edited.outputs(case.x, 3 * TOLERANCE)
    if got is None:
        return edited.why
    module, x = models.prepared(case.net)
    first, second = module.layer1[0], module.layer3[1]
    for conv in (first.conv1, first.conv2):
        conv.dilation = conv.padding = (2, 2)
    first.relu, second.relu = nn.SiLU(), nn.LeakyReLU(0.2)
    with models.torch.no_grad():
        want = module.double()(x.double()).numpy()
    return _close(got, [want], 1e-4)


# ---- The check -----------------------------------------------------------------------------------


def _timm(options, report):
    for name in TIMM:
        for writer in ("torchscript", "dynamo"):
            into = options.work / "timm" / f"{name}.{writer}"
            path, x = into / "model.onnx", into / "edits_input.npy"
            if not (path.exists() and x.exists()):
                into.mkdir(parents=True, exist_ok=True)
                module, given = timm_models.create(name)
                models.export(module, given, path, writer)
                np.save(x, given.numpy())
            yield Case(f"{name}.{writer}", path, np.load(x))


def _cases(options, report):
    nets = {net.name: net for net in models.nets()}
    for name in EXPORTS:
        folder = options.work / "exports" / name
        if not (folder / "torch_f32.npy").exists():
            report.skip(f"edits {name}", "not exported: run the check `models` first")
            continue
        x = np.load(folder / "input_0.npy")
        yield Case(name, folder / "model.onnx", x, nets[name.rsplit(".", 1)[0]])
    yield from _timm(options, report)


def _has(case, op):
    return any(node.op_type == op for node in case.nodes)


def _edits(options, case):
    """Name, arguments and what to look at, of each edit that the case can have."""
    linear = any(node.op_type in ("Gemm", "MatMul") for node in case.nodes)
    yield "rewrite", ("--rewrite",), _same_outputs
    if _has(case, "BatchNormalization"):
        yield "fold", ("--fold-norms",), _fold
    yield "batch 3", ("--batch", "3"), _batch(3)
    yield "batch open", ("--batch", "dynamic"), _batch(0)
    middle = _middle(case)
    if middle:
        yield "cut to", ("--to", middle), _cut_head(middle)
        yield "cut from", ("--from", middle), _cut_tail(middle)
    weight = next(w.name for w in case.model.graph.initializer if len(w.dims) == 4)
    new = {case.input: "picture", weight: "first weight"}
    arguments = [word for old, name in new.items() for word in ("--rename", f"{old}={name}")]
    yield "rename", arguments, _rename([weight], new)
    if linear and len(case.outputs[0].shape) == 2:
        yield "head", ("--classes", "7"), _head(7)
    if not case.name.startswith(("se.", "seres", "baseline", "efficientnet", "legacy", "regnety")):
        yield "se", ("--se",), _excite
    functional = case.net is None or case.name.startswith(("pre_", "wide"))
    if _has(case, "Relu") and not functional:
        for to in ("silu", "prelu") if case.name.startswith("post") else ("leaky_relu",):
            yield f"act relu={to}", ("--act", f"relu={to}"), _act("relu", to)
    if case.name.startswith("mobilenet_v3"):
        yield "act hard_swish=mish", ("--act", "hard_swish=mish"), _act("hard_swish", "mish")
    for block in _blocks(options.blok, case.path)[:1]:
        for words, holds in BLOCK_WORDS.items():
            name = block["name"]
            yield f"block {words}", ("--block", f"{name}:{words}"), _block(name, holds)
    if case.name.startswith("resnet18."):
        yield "blocks as PyTorch's", TORCH_BLOCKS, _as_torch
    if case.name.startswith(("efficientnet", "seres")):
        yield "act silu=gelu", ("--act", "silu=gelu"), _act("silu", "gelu")


def check(options, report):
    ort.set_default_logger_severity(4)
    scratch = options.work / "edits"
    good = 0
    for case in _cases(options, report):
        case.model = onnx.load(case.path)
        case.outputs = _run(case.model, case.x)
        for name, arguments, look in _edits(options, case):
            edited = Edited(options, case, scratch, arguments)
            wrong = edited.why or look(case, edited)
            if wrong:
                report.fail(f"edits {case.name} {name}", wrong)
            else:
                good += 1
    report.count(good, 0, "edits")
