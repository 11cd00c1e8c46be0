"""`blok build` against PyTorch, onnx and onnxruntime: every network that it makes.

Parameters, multiply-adds, how fresh weights are drawn, weights by name in both directions, and the
files that come out in each operator set.
"""

import collections
import copy
import dataclasses
import functools
import itertools
import json
import math
import shutil
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn as nn
from onnx import numpy_helper

import build_nets
import common
import guide
import models
import params

OPSETS = (7, 9, 11, 13, 17, 18, 20, onnx.defs.onnx_opset_version())


@dataclasses.dataclass(frozen=True)
class Net:
    """A network: how `blok build` is asked for it, and PyTorch's own. `parameters`: as the guide
    prints them. `sweep`: options that make it small for the operator sets; None: too big for all.
    `defaults`: PyTorch's module draws its weights as PyTorch's layers do, and not in its own way.
    """

    label: str
    words: tuple
    make: Callable
    shape: tuple
    parameters: int | None = None
    sweep: tuple | None = ()
    defaults: bool = True


def _guide():
    yield Net("conv-bn-act", (), lambda: guide.ConvBNAct(3, 16), (2, 3, 32, 32), 464)
    yield Net(
        "conv-bn-act k5 s2",
        ("--in", 8, "--out", 12, "--kernel", 5, "--stride", 2, "--act", "silu", "--size", "17x21"),
        lambda: guide.ConvBNAct(8, 12, 5, 2, act="silu"),
        (2, 8, 17, 21),
    )
    down = ("--out", 32, "--stride", 2)
    for name, block, same, other in (
        ("basic-post", guide.BasicBlock_PostAct, 4672, 14528),
        ("basic-pre", guide.BasicBlock_PreAct, 4672, 14432),
    ):
        yield Net(name, (), functools.partial(block, 16, 16), (2, 16, 32, 32), same)
        yield Net(f"{name} s2", down, functools.partial(block, 16, 32, 2), (2, 16, 32, 32), other)
    for stride in (1, 2):
        yield Net(
            f"bottleneck-block s{stride}",
            ("--stride", stride),
            functools.partial(guide.Bottleneck_PostAct, 64, 64, stride),
            (2, 64, 32, 32),
            75008,
        )
    yield Net("se-block", (), lambda: guide.SEBlock(64), (2, 64, 16, 16), 580)
    yield Net(
        "se-block r4",
        ("--in", 24, "--reduction", 4, "--min-hidden", 8),
        lambda: guide.SEBlock(24, 4, 8),
        (2, 24, 16, 16),
    )
    yield Net("se-res-block", (), lambda: guide.SEResBlock(32, 32), (2, 32, 32, 32), 18852)
    yield Net(
        "se-res-block s2",
        ("--out", 64, "--stride", 2),
        lambda: guide.SEResBlock(32, 64, 2),
        (2, 32, 32, 32),
        58308,
    )
    yield Net("baseline-cnn", (), guide.BaselineCNN, (2, 3, 32, 32), 104042)
    yield Net("wide-resnet", (), guide.TinyWideResNet, (2, 3, 32, 32), 1467610)
    yield Net(
        "wide-resnet 10-1",
        ("--depth", 10, "--width", 1, "--classes", 7, "--channels", 1, "--size", 28),
        lambda: guide.TinyWideResNet(1, 7, 10, 1),
        (2, 1, 28, 28),
    )


def _stages():
    staged, shape = build_nets.Staged, (2, 3, 32, 32)
    post, pre = guide.BasicBlock_PostAct, guide.BasicBlock_PreAct
    yield Net("residual-cnn", (), lambda: staged(post), shape)
    yield Net(
        "residual-cnn pre",
        ("--order", "pre", "--blocks", "2,1"),
        lambda: staged(pre, blocks=(2, 1), pre=True),
        shape,
    )
    yield Net("bottleneck-cnn", (), lambda: staged(guide.Bottleneck_PostAct), shape)
    yield Net(
        "bottleneck-cnn se",
        ("--se", "--blocks", "1,2", "--base", 8),
        lambda: staged(build_nets.SEBottleneck, base=8, blocks=(1, 2)),
        shape,
    )
    yield Net(
        "se-resnet",
        (),
        lambda: staged(guide.SEResBlock, widen=2, blocks=(4, 4, 4), act="silu"),
        shape,
    )
    for norm, make in (("group", build_nets.group_norm), ("layer", build_nets.LayerNorm2d)):
        for order, block in (("post", post), ("pre", pre)):
            yield Net(
                f"residual-cnn {order} {norm}",
                ("--norm", norm, "--order", order, "--blocks", "1,1,1"),
                lambda make=make, block=block: build_nets.with_norm(
                    staged(block, blocks=(1, 1, 1), pre=block is pre), make
                ),
                shape,
            )


def _tasks():
    yield Net("classifier", (), build_nets.Classifier, (2, 3, 64, 64))
    for name, aggregation in (("detector-fpn", False), ("detector-pan", True)):
        yield Net(
            name, (), functools.partial(build_nets.Detector, aggregation), (2, 3, 128, 128)
        )
    yield Net("encoder-decoder", (), build_nets.EncoderDecoder, (2, 3, 64, 64))


def _torchvision():
    try:
        import tvops  # noqa: F401: declares the operators that torchvision's wheel may lack
        import torchvision.models as zoo
    except ImportError:
        return
    small = ("--base", 8, "--size", "64x64", "--classes", 10)
    for name in ("resnet18", "resnet50"):
        make = functools.partial(getattr(zoo, name), weights=None)
        yield Net(name, ("--size", "96x96"), make, (2, 3, 96, 96), None, small, False)
    yield Net(
        "mobilenet-v2",
        ("--size", "96x96"),
        functools.partial(zoo.mobilenet_v2, weights=None),
        (2, 3, 96, 96),
        None,
        ("--size", "64x64", "--classes", 10),
        False,
    )
    for name in ("resnet34", "resnet101"):
        make = functools.partial(getattr(zoo, name), weights=None)
        yield Net(name, ("--size", "64x64"), make, (2, 3, 64, 64), None, None, False)


def nets():
    return [*_guide(), *_stages(), *_tasks(), *_torchvision()]


# ---- The program --------------------------------------------------------------------------------


class Refused(Exception):
    """The program did not do what it was asked for."""


def build(options, net, path, *words):
    name = net.label.split()[0]
    done = common.run(options.blok, "build", name, *net.words, *words, "-o", path, "--json")
    if done.status != 0:
        raise Refused(done.why())
    return json.loads(done.out)


def compute(options, path, x, into, *words):
    """The model's outputs as the program computes them."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    np.save(into / "x.npy", x)
    done = common.run(options.blok, "run", path, "-i", into / "x.npy", "-o", into / "out", *words)
    if done.status != 0:
        raise Refused(done.why())
    count = len(list((into / "out").glob("output_*.npy")))
    return [np.load(into / "out" / f"output_{i}.npy") for i in range(count)]


def listed(outputs):
    outputs = (outputs,) if torch.is_tensor(outputs) else outputs
    return [y.numpy() for y in outputs]


def distance(got, wanted):
    """The largest difference as a part of the largest number, over all outputs; inf: shapes differ."""
    if len(got) != len(wanted) or any(a.shape != b.shape for a, b in zip(got, wanted)):
        return math.inf
    if not all(np.isfinite(a).all() for a in got):
        return math.inf
    return max(np.abs(a - b).max() / max(1.0, np.abs(b).max()) for a, b in zip(got, wanted))


def weights(path):
    """The float initializers by name, but for single numbers and for what says how an operator
    works (the scales of a Resize).
    """
    graph = onnx.load(str(path)).graph
    steering = {
        name
        for node in graph.node
        for i, name in enumerate(node.input)
        if i in params.STEERING.get(node.op_type, ())
    }
    return {
        t.name: numpy_helper.to_array(t)
        for t in graph.initializer
        if t.dims and t.data_type == onnx.TensorProto.FLOAT and t.name not in steering
    }


def trained(state):
    return {name: t for name, t in state.items() if not name.endswith("num_batches_tracked")}


# ---- Counts, names and fresh weights ------------------------------------------------------------


def macs(model, shape):
    """Multiply-adds of one picture, by hooks on convolutions and linear layers."""
    total = 0

    def hook(layer, _, out):
        nonlocal total
        total += layer.weight[0].numel() * out[0].numel()

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    handles = [layer.register_forward_hook(hook) for layer in layers]
    with torch.no_grad():
        model.eval()(torch.zeros(1, *shape[1:]))
    for handle in handles:
        handle.remove()
    return total


def uniform_fault(values, bound):
    """What says that the values are not drawn evenly between -bound and bound, or None.

    Mean and deviation within five of their standard errors, the Kolmogorov-Smirnov distance within
    what chance passes once in a hundred thousand times.
    """
    values = np.sort(values.ravel().astype(np.float64)) / bound
    n = len(values)
    if np.abs(values).max() > 1 + 1e-6:
        return f"{np.abs(values).max() * bound:g} is beyond {bound:g}"
    if abs(values.mean()) > 5 / math.sqrt(3 * n):
        return f"mean {values.mean() * bound:g}"
    if abs(values.var() * 3 - 1) > 5 * math.sqrt(0.8 / n):
        return f"deviation {values.std() * bound:g} where {bound / math.sqrt(3):g} is right"
    evenly = (values + 1) / 2
    steps = np.arange(n)
    furthest = max((evenly - steps / n).max(), ((steps + 1) / n - evenly).max())
    return f"spread unevenly, by {furthest:g}" if furthest > 2.5 / math.sqrt(n) else None


def fresh_fault(model, drawn, defaults):
    """What says that the weights are not drawn as PyTorch draws them, or None."""
    for name, layer in model.named_modules():
        prefix = f"{name}." if name else ""
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            # PyTorch's own must pass the same test, or the test is wrong.
            own = {k: v.detach().numpy() for k, v in layer.named_parameters()}
            ours = {k: drawn[prefix + k] for k in own}
            for who, tensors in (("PyTorch's", own if defaults else {}), ("our", ours)):
                for part, values in tensors.items():
                    fault = uniform_fault(values, bound)
                    if fault:
                        return f"{who} {prefix}{part}: {fault}"
        elif isinstance(layer, (nn.BatchNorm2d, nn.GroupNorm, build_nets.LayerNorm2d)):
            for part, values in trained(layer.state_dict()).items():
                if not np.array_equal(drawn[prefix + part], values.numpy()):
                    return f"{prefix}{part} is not {values.flatten()[0]:g} everywhere"
    return None


def check_fresh(options, report, net, folder):
    """Counts, names and first numbers of a fresh network, and PyTorch with its weights."""
    path = folder / "fresh.onnx"
    said = build(options, net, path)
    torch.manual_seed(1)
    model = net.make()
    name = f"build {net.label}"
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    wanted = net.parameters or count
    report.check(
        said["parameters"] == count == wanted,
        f"{name} parameters",
        f"{said['parameters']:,}, PyTorch's {count:,}, the guide's {wanted:,}",
    )
    counted = macs(model, net.shape)
    report.check(
        said["macs"] == counted, f"{name} MACs", f"{said['macs']:,}, by hooks {counted:,}"
    )
    drawn = weights(path)
    state = trained(model.state_dict())
    fault = None
    if set(drawn) ^ set(state):
        fault = f"differ: {sorted(set(drawn) ^ set(state))[:4]}"
    elif any(tuple(drawn[k].shape) != tuple(state[k].shape) for k in state):
        fault = "differ in shape"
    report.check(fault is None, f"{name} names", fault or f"{len(state)} as in the state_dict")
    if fault:
        return
    fault = fresh_fault(model, drawn, net.defaults)
    report.check(fault is None, f"{name} first weights", fault or "as PyTorch draws them")
    unseen = model.load_state_dict({k: torch.tensor(v) for k, v in drawn.items()}, strict=False)
    if any(not k.endswith("num_batches_tracked") for k in unseen.missing_keys):
        report.fail(f"{name} into PyTorch", f"missing {unseen.missing_keys[:3]}")
        return
    x = torch.randn(*net.shape)
    with torch.no_grad():
        theirs = listed(model.eval()(x))
    far = distance(compute(options, path, x.numpy(), folder / "fresh"), theirs)
    report.check(far < 1e-5, f"{name} into PyTorch", f"outputs differ by {far:.1e}")


# ---- Weights the other way ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Lively:
    """What models.prepared takes: a network whose constant parameters are drawn anew."""

    make: Callable
    shape: tuple
    fresh: bool = False


def check_weights(options, report, net, folder):
    """PyTorch's state_dict as .npz, counters included, gives PyTorch's outputs; for a fixed batch
    too.
    """
    model, x = models.prepared(Lively(net.make, net.shape))
    np.savez(folder / "weights.npz", **{k: v.numpy() for k, v in model.state_dict().items()})
    np.savez(
        folder / "trained.npz", **{k: v.numpy() for k, v in trained(model.state_dict()).items()}
    )
    with torch.no_grad():
        theirs = listed(model(x))
        exact = listed(copy.deepcopy(model).double()(x.double()))
    # A deep network with lively weights makes the last bit of a float32 larger: PyTorch's own then
    # lie further than 1e-5 from what float64 gives.
    limit = max(1e-5, 2 * distance(theirs, exact))
    for said, words in (("", ()), (" fixed batch", ("--batch", net.shape[0]))):
        path = folder / f"given{len(words)}.onnx"
        told = build(options, net, path, "--weights", folder / "weights.npz", *words)
        first = {value["shape"][0] for value in told["inputs"] + told["outputs"]}
        got = compute(options, path, x.numpy(), folder / "given")
        far = distance(got, exact)
        report.check(
            far <= limit and first == {net.shape[0] if words else "N"},
            f"build {net.label} from PyTorch{said}",
            f"{far:.1e} from float64, {distance(got, theirs):.1e} from PyTorch, limit {limit:.1e}, "
            f"first axis {', '.join(map(str, first))}",
        )


# ---- Operator sets ------------------------------------------------------------------------------


def inferred(model):
    """Shapes of all values as onnx infers them: its own inference, not what the file declares; and
    whether it knows every operator. It infers nothing behind a GroupNormalization.
    """
    bare = onnx.ModelProto.FromString(model.SerializeToString())
    del bare.graph.value_info[:]
    for value in bare.graph.output:
        value.type.tensor_type.ClearField("shape")
    known = not any(node.op_type == "GroupNormalization" for node in model.graph.node)
    whole = onnx.shape_inference.infer_shapes(bare, strict_mode=known, data_prop=True)
    return known, {
        value.name: [d.dim_value if d.HasField("dim_value") else d.dim_param for d in dims]
        for value in [*whole.graph.output, *whole.graph.value_info]
        if value.type.tensor_type.HasField("shape")
        for dims in [value.type.tensor_type.shape.dim]
    }


def agree(ours, theirs):
    """The same rank and numbers; an open dimension may go by any name, or by none."""
    return len(ours) == len(theirs) and all(
        a == b if isinstance(a, int) or isinstance(b, int) else True for a, b in zip(ours, theirs)
    )


def shapes_fault(said, model):
    """Where onnx's shapes and those of `inspect` differ, at the outputs and behind every block, or
    None.
    """
    known, theirs = inferred(model)
    made = {node.name: node.output[0] for node in model.graph.node}
    ours = [(value["name"], value["shape"]) for value in said["outputs"]]
    ours += [
        (made[block["nodes"][-1]], block["shape"])
        for block in said["blocks"]
        if block["nodes"] and block["nodes"][-1] in made
    ]
    if not said["runnable"]:
        return "cannot be run"
    for name, shape in ours:
        if (known or name in theirs) and not agree(shape, theirs.get(name, [])):
            return f"{name}: ours {shape}, onnx's {theirs.get(name)}"
    return None


def runtime(path, x):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})


def sweep_one(options, net, folder, opset, words, x, seen):
    """One network in one operator set: (what is wrong or None, why onnxruntime was not asked).
    `seen`: blocks and counts of the sets before, which are the same in all.
    """
    path = folder / f"opset{opset}.onnx"
    told = build(options, net, path, "--opset", opset, *words)
    model = onnx.load(str(path))
    if told["opset"] != opset or model.opset_import[0].version != opset:
        return f"written in {model.opset_import[0].version}", None
    onnx.checker.check_model(model, full_check=True)
    said = common.run(options.blok, "inspect", path, "--json")
    if said.status != 0:
        return said.why(), None
    said = json.loads(said.out)
    fault = shapes_fault(said, model)
    if fault:
        return fault, None
    counts = [said["counts"], said["parameters"], said["macs"]]
    if counts[1:] != [told["parameters"], told["macs"]] or seen.setdefault(net, counts) != counts:
        return f"comes back with {counts}, not {seen.get(net, told)}", None
    ours = compute(options, path, x, folder / "sweep")
    try:
        theirs = runtime(path, x)
    except Exception as error:  # its own exception types are private
        said = str(error).splitlines()[0]
        if "NOT_IMPLEMENTED" in said:
            return None, said.split(" : ")[-1].split(" node with")[0]
        if "opset" in said.lower() or "ir version" in said.lower():
            return None, said.split(" : ")[-1][:110]
        return f"onnxruntime: {said[:160]}", None
    far = distance(ours, theirs)
    return (None if far < 1e-5 else f"onnxruntime's outputs differ by {far:.1e}"), None


def check_opset(options, report, chosen, folder, opset, seen):
    asked, good, unasked = 0, 0, collections.Counter()
    name = f"build opset {opset}"
    for net in chosen:
        words, x = net.sweep, np.random.default_rng(3).standard_normal(net.shape, np.float32)
        given = folder / net.label.replace(" ", "_") / "weights.npz"
        if net.sweep:
            x = np.ascontiguousarray(x[:, :, :64, :64])
        elif given.exists():
            words = ("--weights", given)
        try:
            fault, unknown = sweep_one(options, net, folder, opset, words, x, seen)
        except Refused as error:
            fault, unknown = str(error), None
        except Exception as error:  # the checker and the inference raise several types
            fault, unknown = f"{type(error).__name__}: {str(error).splitlines()[0]}", None
        if fault:
            report.fail(name, f"{net.label}: {fault}")
        good += fault is None
        asked += fault is None and unknown is None
        unasked[unknown] += unknown is not None
    report.check(
        good == len(chosen),
        name,
        f"{good} of {len(chosen)} networks: checker, shapes; {asked} by onnxruntime",
    )
    for why, count in unasked.items():
        if why:
            report.skip(f"{name} onnxruntime", f"{count} networks: {why}")


def check_opsets(options, report, chosen, folder):
    seen = {}
    small = [net for net in chosen if net.sweep is not None]
    for opset in OPSETS:
        check_opset(options, report, small, folder, opset, seen)


# ---- There and back -----------------------------------------------------------------------------


def check_round(options, report, folder):
    """TinyWideResNet(28,2), written in several ways: the same 12 residual blocks, the same bits."""
    net = next(n for n in nets() if n.label == "wide-resnet")
    x = np.random.default_rng(5).standard_normal((2, 3, 32, 32), np.float32)
    given = folder / "wide-resnet" / "trained.npz"
    ways = {
        "": (),
        " --functions": ("--functions",),
        " --opset 7": ("--opset", 7),
        " --external": ("--external",),
    }
    outputs = {}
    for way, words in ways.items():
        path = folder / f"wrn{way.replace(' ', '')}.onnx"
        build(options, net, path, "--weights", given, *words)
        again = path.with_name("again_" + path.name)
        done = common.run(options.blok, "convert", path, again)
        if done.status != 0:
            raise Refused(done.why())
        for which in (path, again):
            counts = json.loads(common.run(options.blok, "inspect", which, "--json").out)["counts"]
            report.check(
                counts.get("residual") == 12,
                f"build wide-resnet{way}{' converted' if which == again else ''} blocks",
                json.dumps(counts),
            )
            outputs[way, which == again] = compute(options, which, x, folder / "round")
        far = distance(outputs[way, False], runtime(path, x))
        report.check(
            far < 1e-5, f"build wide-resnet{way} onnxruntime", f"outputs differ by {far:.1e}"
        )
    first = outputs["", False][0]
    for way, again in itertools.islice(outputs, 1, None):
        got = outputs[way, again][0]
        report.check(
            np.array_equal(first.view(np.uint32), got.view(np.uint32)),
            f"build wide-resnet{way}{' converted' if again else ''} bits",
            "the same" if np.array_equal(first, got) else f"{np.abs(first - got).max():.1e} apart",
        )


def check_seed(options, report, folder):
    net = next(n for n in nets() if n.label == "basic-post s2")
    files = []
    for i, words in enumerate(((), (), ("--seed", 1))):
        build(options, net, folder / f"seed{i}.onnx", *words)
        files.append(folder / f"seed{i}.onnx")
    a, b, c = (path.read_bytes() for path in files)
    report.check(a == b and a != c, "build seeds", "the same seed gives the same bytes")
    first = weights(files[0])
    convs = [w.ravel()[:64] for w in first.values() if w.ndim == 4]
    apart = all(not np.array_equal(p, q) for p, q in itertools.combinations(convs, 2))
    report.check(apart, "build names", "weights of other names are other numbers")


def check_drop_path(options, report, folder):
    """Rates in a line from 0, which come back from the file whatever way it was written."""
    net = next(n for n in nets() if n.label == "residual-cnn")
    line = [None, *(round(0.4 * i / 8, 9) for i in range(1, 9))]
    for words in ((), ("--functions",), ("--opset", 7)):
        path, again = folder / "drop.onnx", folder / "drop_again.onnx"
        build(options, net, path, "--drop-path", 0.4, *words)
        common.run(options.blok, "convert", path, again)
        for which in (path, again):
            blocks = json.loads(common.run(options.blok, "inspect", which, "--json").out)["blocks"]
            rates = [b["drop_path"] for b in blocks if b["kind"] == "residual"]
            said = " ".join(map(str, ("build drop path", *words)))
            report.check(rates == line, said, f"{rates}")


def check(options, report):
    torch.set_num_threads(1)
    folder = options.work / "build"
    shutil.rmtree(folder, ignore_errors=True)
    chosen = nets()
    if not any(net.label == "resnet18" for net in chosen):
        report.skip("build torchvision", "torchvision is not there")
    for net in chosen:
        own = folder / net.label.replace(" ", "_")
        own.mkdir(parents=True)
        try:
            check_fresh(options, report, net, own)
            check_weights(options, report, net, own)
        except Refused as error:
            report.fail(f"build {net.label}", str(error))
        for path in own.glob("*.onnx"):
            path.unlink()
    check_opsets(options, report, chosen, folder)
    for what in (check_round, check_seed, check_drop_path):
        try:
            what(options, report, folder)
        except Refused as error:
            report.fail(f"build {what.__name__}", str(error))
    shutil.rmtree(folder, ignore_errors=True)
