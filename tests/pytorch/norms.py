"""The guide's blocks with another norm in place of BatchNorm, by both exporters at every operator
set: GroupNorm of 8 groups and of 1, InstanceNorm with weights, and a LayerNorm over the channels.

Each export is checked for the right block with the right answers, for the norm of every convolution,
for PyTorch's parameter count and result (the accuracy rule), and that each block can be written from
its descriptor alone.
"""

import concurrent.futures
import shutil

import torch
import torch.nn as nn

import checks
import exports
import guide
import matrix
import models

TORCHSCRIPT_OPSETS = (9, 11, 13, 16, 17, 18, 20)
EXPORT_OPSETS = (18, 20, 21, 23)
DYNAMIC_OPSETS = (13, 17, 18, 21)  # with an open batch too


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of each pixel, as ConvNeXt has it."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerNormByHand(nn.Module):
    """The same in arithmetic, as ConvNeXt's own code has it."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        var = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(var + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


# The module of so many channels, and what `inspect` calls it: norm, and groups of so many channels.
NORMS = {
    "group8": (lambda c: nn.GroupNorm(8, c), "group", lambda c: 8),
    "group1": (lambda c: nn.GroupNorm(1, c), "group", lambda c: 1),
    "instance": (lambda c: nn.InstanceNorm2d(c, affine=True), "group", lambda c: c),
    "layer": (LayerNorm2d, "layer", lambda c: None),
    "byhand": (LayerNormByHand, "layer", lambda c: None),
}

BLOCKS = (
    "post_s1",
    "post_s2",
    "pre_s1",
    "pre_s2",
    "bottleneck_s1",
    "bottleneck_s2",
    "bottleneck_same",
    "seres_s1",
    "seres_s2",
)


def _replaced(module, make):
    """The module with every BatchNorm replaced."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, make(child.num_features))
        else:
            _replaced(child, make)
    return module


def cases():
    """Cases of the matrix, with this norm: (case, norm)."""
    plain = {case.name: case for case in matrix.cases()}
    for norm, (make, _, _) in NORMS.items():
        for name in BLOCKS:
            case = plain[name]
            replaced = lambda case=case, make=make: _replaced(case.make(), make)  # noqa: E731
            yield (
                matrix.Case(
                    f"{norm}.{name}", replaced, case.shape, case.blocks, case.inner, case.loose
                ),
                norm,
            )


def ways():
    for exporter, short, opsets in (
        ("torchscript", "ts", TORCHSCRIPT_OPSETS),
        ("torch.export", "te", EXPORT_OPSETS),
    ):
        for opset in opsets:
            yield matrix.Way(f"{short}{opset}.static", exporter, opset, False, "folded")
            if opset in DYNAMIC_OPSETS:
                yield matrix.Way(f"{short}{opset}.dynamic", exporter, opset, True, "folded")


def _export(work, name):
    """Makes what is missing of a case: why each could not be made, by way."""
    case = next(c for c, _ in cases() if c.name == name)
    model, x = matrix._references(work, case)
    failed = {}
    for way in ways():
        into = matrix._folder(work, case, way)
        if into.exists():
            continue
        partial = into.with_name(into.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        dynamo = way.exporter == "torch.export"
        try:
            models.write(model, x, partial / "model.onnx", dynamo, way.opset, way.dynamic)
            partial.rename(into)
        except Exception as error:  # an exporter raises whatever its depths raise
            failed[way.name] = f"not exported: {type(error).__name__}: {error}".split("\n")[0]
    return failed


def _norm_faults(found, norm, pre):
    """How the norms of the blocks differ from the module's."""
    _, name, groups = NORMS[norm]
    said = []

    def compare(what, conv, channels):
        want = (name, groups(channels))
        got = (conv["norm"], conv["norm_groups"])
        if got != want:
            said.append(f"{what} has norm {got}, expected {want}")

    outer = [b for b in found["blocks"] if b["parent"] is None]
    for block in outer:
        for i, conv in enumerate(block["convs"]):
            compare(f"conv {i}", conv, conv["in_channels" if pre else "out_channels"])
        for step in block["skip_steps"]:
            if step["op"] == "conv" and not pre:
                compare("the projection", step["conv"], step["conv"]["out_channels"])
    return said


def _faults(options, work, case, norm, way):
    said = matrix._faults(options.blok, work, case, way)
    found, _ = checks.inspect(options.blok, matrix._folder(work, case, way) / "model.onnx")
    if found is None:
        return said
    said += _norm_faults(found, norm, case.blocks[0].order == "pre")
    want = sum(p.numel() for p in case.make().parameters())
    counted = [sum(b["parameters"] for b in found["blocks"] if b["parent"] is None)]
    counted.append(found["parameters"])
    if counted != [want, want]:
        said.append(f"parameters of the blocks and the model are {counted}, PyTorch's {want}")
    return said


def check(options, report):
    """Every block with every norm, in every way to export it."""
    work = options.work / "norms"
    every = list(cases())
    with exports.pool(options.jobs) as pool:
        made = {case.name: pool.submit(_export, work, case.name) for case, _ in every}
        concurrent.futures.wait(made.values())
    for case, norm in every:
        failed = made[case.name].result()
        for way in ways():
            name = f"norms {case.name}.{way.name}"
            if way.name in failed:
                report.check(False, name, failed[way.name])
                continue
            said = _faults(options, work, case, norm, way)
            report.check(not said, name, "; ".join(said) or "recognised, right, written anew")
