"""Exports the guide's and torchvision's networks, by both PyTorch exporters, for the checks.

Each goes to its own folder, NAME.WRITER/model.onnx, with what to compare against beside it:
input_0.npy, expected_f64.npy (PyTorch in float64) and torch_f32.npy (PyTorch's own f32). A folder
with all of them is left as it is.

Fresh weights would hide faults: branches vanish, equal tensors are shared, a wrong BatchNorm fold
makes no difference. So every constant parameter is drawn anew, and the BatchNorm statistics are
settled by two passes in training mode.
"""

import copy
import dataclasses
import os
import shutil
import warnings
from collections.abc import Callable

import numpy as np
import torch
import torch.nn as nn

import guide


@dataclasses.dataclass(frozen=True)
class Block:
    """What `blok inspect` has to say of a guide module that is one block."""

    kind: str
    skip: str | None = None
    order: str | None = None
    after_add: str | None = None
    stride: int = 1
    channels: tuple = ()
    activation: str | None = None
    se: bool = False


@dataclasses.dataclass(frozen=True)
class Net:
    """A network to export. `folded` and `full` are parameter counts: BN folded where it can be, and
    as the guide counts.

    `dynamic` adds exports with a dynamic batch; `fresh` keeps the weights as they come.
    """

    name: str
    make: Callable
    shape: tuple
    folded: int | None = None
    full: int | None = None
    block: Block | None = None
    counts: tuple = ()
    dynamic: bool = False
    fresh: bool = False


def _post(stride, skip):
    return Block("residual", skip, "post", "relu", stride)


def _pre(stride, skip):
    return Block("residual", skip, "pre", "none", stride)


def _bottleneck(stride):
    return Block("bottleneck", "projection", "post", "relu", stride, (64, 64, 256))


def _seres(stride, skip):
    return Block("residual", skip, "post", "silu", stride, se=True)


GUIDE = [
    Net(
        "convbnact_relu",
        lambda: guide.ConvBNAct(3, 16),
        (2, 3, 32, 32),
        448,
        464,
        Block("conv_norm_act", channels=(3, None, 16), activation="relu"),
    ),
    Net(
        "convbnact_silu",
        lambda: guide.ConvBNAct(3, 16, act="silu"),
        (2, 3, 32, 32),
        448,
        464,
        Block("conv_norm_act", channels=(3, None, 16), activation="silu"),
    ),
    Net(
        "post_s1",
        lambda: guide.BasicBlock_PostAct(16, 16),
        (2, 16, 32, 32),
        4640,
        4672,
        _post(1, "identity"),
    ),
    Net(
        "post_s2",
        lambda: guide.BasicBlock_PostAct(16, 32, 2),
        (2, 16, 32, 32),
        14432,
        14528,
        _post(2, "projection"),
    ),
    Net(
        "pre_s1",
        lambda: guide.BasicBlock_PreAct(16, 16),
        (2, 16, 32, 32),
        4656,
        4672,
        _pre(1, "identity"),
    ),
    Net(
        "pre_s2",
        lambda: guide.BasicBlock_PreAct(16, 32, 2),
        (2, 16, 32, 32),
        14400,
        14432,
        _pre(2, "projection"),
    ),
    Net(
        "bottleneck_s1",
        lambda: guide.Bottleneck_PostAct(64, 64, 1),
        (2, 64, 32, 32),
        74368,
        75008,
        _bottleneck(1),
    ),
    Net(
        "bottleneck_s2",
        lambda: guide.Bottleneck_PostAct(64, 64, 2),
        (2, 64, 32, 32),
        74368,
        75008,
        _bottleneck(2),
    ),
    Net(
        "se", lambda: guide.SEBlock(64), (2, 64, 16, 16), 580, 580, Block("squeeze_excite", se=True)
    ),
    Net(
        "seres_s1",
        lambda: guide.SEResBlock(32, 32),
        (2, 32, 32, 32),
        18788,
        18852,
        _seres(1, "identity"),
    ),
    Net(
        "seres_s2",
        lambda: guide.SEResBlock(32, 64, 2),
        (2, 32, 32, 32),
        58116,
        58308,
        _seres(2, "projection"),
    ),
    Net(
        "baseline",
        guide.BaselineCNN,
        (2, 3, 32, 32),
        103786,
        104042,
        counts=(("conv_norm_act", 4),),
        dynamic=True,
    ),
    Net(
        "wide_28_2",
        lambda: guide.TinyWideResNet(depth=28, k=2),
        (2, 3, 32, 32),
        1466714,
        1467610,
        counts=(("residual", 12),),
        dynamic=True,
    ),
]

TORCHVISION = [
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "regnet_y_400mf",
    "densenet121",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "convnext_tiny",
]


def _torchvision(name):
    def make():
        import tvops  # noqa: F401, I001  (declares what torchvision wants: comes first)
        import torchvision

        return getattr(torchvision.models, name)(weights=None)

    return make


def nets():
    found = list(GUIDE)
    for name in TORCHVISION:
        found.append(
            Net(
                name,
                _torchvision(name),
                (1, 3, 224, 224),
                dynamic=name in ("resnet18", "mobilenet_v2"),
            )
        )
    # As it comes: equal biases, which the TorchScript exporter hands out through Identity nodes.
    found.append(Net("resnet18_fresh", _torchvision("resnet18"), (1, 3, 224, 224), fresh=True))
    return found


def writers(net):
    """The ways to export a network: both exporters' defaults; the guide's also with BN kept; some
    with a dynamic batch.
    """
    found = ["torchscript", "dynamo"]
    if net.full is not None:
        found.append("kept")
    if net.dynamic:
        found += ["torchscript_n", "dynamo_n"]
    return found


def prepared(net):
    """The network in eval mode with lively weights, and its input."""
    torch.manual_seed(7)
    model = net.make()
    if net.fresh:
        return model.eval(), torch.randn(*net.shape)
    with torch.no_grad():
        for p in model.parameters():
            if p.min() != p.max() and p.numel() > 1:
                continue
            p.copy_(
                torch.rand_like(p) + 0.5
                if p.flatten()[0] == 1
                else torch.randn_like(p) * 0.2
                if p.flatten()[0] == 0
                else torch.rand_like(p) * 0.5 + 0.1
            )
        norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
        model.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        for _ in range(2 if norms else 0):
            model(torch.randn(4, *net.shape[1:]))
    return model.eval(), torch.randn(*net.shape)


def answers(net, model, x):
    """PyTorch's outputs in f32 and f64. Fails when they say nothing: all alike, vanished or
    exploded.
    """
    with torch.no_grad():
        f32 = model(x.clone()).numpy()
        f64 = copy.deepcopy(model).double()(x.double()).numpy()
        other = model(torch.randn_like(x)).numpy()
    top = np.abs(f64).max()
    if not (np.isfinite(f64).all() and 1e-3 < top < 1e4 and np.abs(f32 - other).max() > 1e-3 * top):
        raise RuntimeError(f"{net.name}: its outputs are no use as a test (largest {top:g})")
    return f32, f64


def write(model, x, path, dynamo, opset=None, dynamic=False, **options):
    """One export: by torch.export or TorchScript, at an opset (none: the exporter's own choice),
    the batch fixed or open; `options` go to the exporter as they are.
    """
    if opset is not None:
        options["opset_version"] = opset
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if dynamo:
            if dynamic:
                x = torch.cat([x, x])[:2]
                options["dynamic_shapes"] = ({0: torch.export.Dim("N")},)
            torch.onnx.export(model, (x,), str(path), dynamo=True, verbose=False, **options)
        else:
            if dynamic:
                options.update(
                    input_names=["x"],
                    output_names=["y"],
                    dynamic_axes={"x": {0: "N"}, "y": {0: "N"}},
                )
            torch.onnx.export(model, (x,), str(path), dynamo=False, **options)


KEPT = {"do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}


def export(model, x, path, writer):
    write(
        model,
        x,
        path,
        writer.startswith("dynamo"),
        dynamic=writer.endswith("_n"),
        **(KEPT if writer == "kept" else {}),
    )


def folder(work, net, writer):
    return work / "exports" / f"{net.name}.{writer}"


def make(work, report):
    """Makes every export that is not there yet."""
    torch.set_num_threads(os.cpu_count() or 1)
    for net in nets():
        missing = [w for w in writers(net) if not (folder(work, net, w) / "torch_f32.npy").exists()]
        if not missing:
            continue
        try:
            model, x = prepared(net)
            f32, f64 = answers(net, model, x)
        except RuntimeError as error:
            report.fail(f"export {net.name}", str(error))
            continue
        for writer in missing:
            into = folder(work, net, writer)
            shutil.rmtree(into, ignore_errors=True)
            into.mkdir(parents=True)
            try:
                export(model, x, into / "model.onnx", writer)
            except Exception as error:  # an exporter raises whatever its depths raise
                report.fail(
                    f"export {net.name}.{writer}",
                    f"{type(error).__name__}: {str(error).splitlines()[0]}",
                )
                continue
            np.save(into / "input_0.npy", x.numpy())
            np.save(into / "expected_f64.npy", f64)
            np.save(into / "torch_f32.npy", f32)
            size = sum(f.stat().st_size for f in into.glob("model.onnx*"))
            report.ok(f"export {net.name}.{writer}", f"{size:,} bytes")
