"""Checks of the program against PyTorch: values, blocks, parameters, stored answers, time and
memory.
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import onnx
from onnx import TensorProto, helper

import common
import models
import params

# The real models that must agree with their stored outputs: name -> atol (rtol is 1e-3).
STORED = {
    "connect4_zero": 1e-5,
    "skyzero_v3": 1e-5,
    "minifasnet_v1se": 1e-5,
    "mlperftiny_ic_resnet8": 1e-5,
    "super_resolution_10": 1e-5,
    "ultraface_rfb320": 1e-5,
    "yunet_n_dynamic": 1e-5,
    "yolox_nano": 1e-4,
}


@dataclasses.dataclass(frozen=True)
class Real:
    """The blocks of a real model: how many of each kind (one that is not named must not be there),
    how many skips are projections, how many inverted bottlenecks have no skip; of the blocks with a
    skip the node of each addition and, where the file tells modules' names, each block's name.
    """

    counts: dict
    additions: tuple
    names: tuple = ()


def _numbered(form, *numbers):
    return tuple(form.format(n) for n in numbers)


_MINIFASNET = tuple(
    f"stage{stage}.model.{n}" for stage, blocks in ((2, 4), (3, 6), (4, 2)) for n in range(blocks)
)

# Looked at once, in the graphs.
REAL = {
    "connect4_zero": Real(
        {"residual": 5},
        _numbered("/res_blocks.{}/Add", *range(5)),
        _numbered("res_blocks.{}", *range(5)),
    ),
    # The second block adds a pooled [N,C,1,1] on its way: that addition is no block.
    "skyzero_v3": Real(
        {"residual": 1, "residual_other": 1},
        ("/trunk_blocks.0/Add", "/trunk_blocks.1/Add_1"),
        ("trunk_blocks.0", "trunk_blocks.1"),
    ),
    # Without a skip: the three transitions between stages.
    "minifasnet_v1se": Real(
        {"inverted_bottleneck": 15, "without_skip": 3, "squeeze_excite": 3},
        tuple("/" + name.replace(".model.", "/model/model.") + "/Add" for name in _MINIFASNET),
        _MINIFASNET,
    ),
    "mlperftiny_ic_resnet8": Real(
        {"residual": 3, "projections": 2},
        (
            "model/activation_2/Relu;model/add/add",
            "model/activation_4/Relu;model/add_1/add",
            "model/activation_6/Relu;model/add_2/add",
        ),
    ),
    # MobileNetV3's blocks, then x + SE(x) eight times in the neck, whose three sums over scales
    # are no blocks.
    "ppocrv3_det": Real(
        {
            "inverted_bottleneck": 15,
            "without_skip": 5,
            "residual_other": 8,
            "squeeze_excite": 8,
        },
        _numbered("p2o.Add.{}", 2, 4, 6, 8, 18, 24, 30, 40, 50, 56)
        + _numbered("p2o.Add.{}", 64, 70, 76, 82, 94, 100, 106, 112),
    ),
    # 1x1, depthwise, 1x1 with SiLU behind each: no inverted bottleneck, whose last has none.
    "yolox_nano": Real(
        {"residual_other": 7},
        _numbered("Add_{}", 65, 91, 101, 111, 137, 147, 157),
    ),
}

KINDS = (
    "residual",
    "bottleneck",
    "inverted_bottleneck",
    "residual_other",
    "squeeze_excite",
    "gate",
)


def _exports(options):
    """(net, writer, folder) of every export that is there."""
    for net in models.nets():
        for writer in models.writers(net):
            into = models.folder(options.work, net, writer)
            if (into / "torch_f32.npy").exists():
                yield net, writer, into


def accuracy(options, report):
    """Each export against float64: at most 3 times PyTorch's own f32 error, or 1e-5 of the largest
    value.
    """
    for net, writer, into in _exports(options):
        name = f"accuracy {net.name}.{writer}"
        out = options.work / "outputs" / into.name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        done = common.run(
            options.blok, "run", into / "model.onnx", "-i", into / "input_0.npy", "-o", out
        )
        if done.status != 0:
            report.fail(name, done.why())
            continue
        got = np.load(out / "output_0.npy")
        exact = np.load(into / "expected_f64.npy")
        own = np.load(into / "torch_f32.npy")
        if got.dtype != np.float32 or got.shape != exact.shape:
            report.fail(name, f"output is {got.dtype} {got.shape}, expected float32 {exact.shape}")
            continue
        top = np.abs(exact).max()
        error, torch_error = (
            float(np.abs(y.astype(np.float64) - exact).max() / top) for y in (got, own)
        )
        limit = max(3 * torch_error, 1e-5)
        report.check(
            error <= limit,
            name,
            f"error {error:.1e} of the largest value, PyTorch's own {torch_error:.1e}, "
            f"limit {limit:.1e}, {done.seconds:.1f} s",
        )


def inspect(blok, path):
    """What `inspect --json` says of a model, or None and why not."""
    done = common.run(blok, "inspect", path, "--json")
    if done.status != 0:
        return None, done.why()
    try:
        return json.loads(done.out), None
    except ValueError as error:
        return None, f"inspect --json is no JSON: {error}"


def _expected(block):
    """What the outermost block of a one-block module must say: its JSON keys and values."""
    want = {
        "kind": block.kind,
        "stride": block.stride,
        "parent": None,
        "order": block.order,
        "after_add": block.after_add,
    }
    if block.skip:
        want["skip"] = block.skip
    if block.activation:
        want["activation"] = block.activation
    for key, value in zip(("in_channels", "mid_channels", "out_channels"), block.channels):
        if value is not None:
            want[key] = value
    if block.kind == "squeeze_excite":
        del want["stride"]
    return want


def _block_faults(net, found):
    """What `inspect --json` says wrong of a guide network, in words."""
    faults = []
    counts = found.get("counts", {})
    blocks = found.get("blocks", [])
    if net.block:
        outer = [b for b in blocks if b.get("parent") is None]
        if len(outer) != 1:
            return [f"{len(outer)} outermost blocks, expected one {net.block.kind}: {counts}"]
        for key, value in _expected(net.block).items():
            if outer[0].get(key, "absent") != value:
                faults.append(f"{key} is {outer[0].get(key, 'absent')!r}, expected {value!r}")
        if (outer[0].get("se") is not None) != net.block.se and net.block.kind != "squeeze_excite":
            faults.append(f"se is {outer[0].get('se')!r}")
        if net.block.se:
            gates = counts.get("squeeze_excite", 0)
            if gates != 1:
                faults.append(f"{gates} squeeze_excite, expected 1")
        if net.block.se and net.block.kind == "residual":
            se = outer[0].get("se") or {}
            if (se.get("hidden"), se.get("activation"), se.get("gate")) != (4, "silu", "sigmoid"):
                faults.append(f"se is {se}, expected hidden 4, silu, sigmoid")
        if found.get("loose"):
            faults.append(
                "loose: " + ", ".join(f"{entry['op']} {entry['count']}" for entry in found["loose"])
            )
    for kind, count in net.counts:
        if counts.get(kind, 0) != count:
            faults.append(f"{counts.get(kind, 0)} {kind}, expected {count}")
    return faults


def blocks(options, report):
    """The guide's modules: the right block with the right answers, nothing loose inside."""
    for net, writer, into in _exports(options):
        if net.full is None:
            continue
        found, why = inspect(options.blok, into / "model.onnx")
        faults = [why] if found is None else _block_faults(net, found)
        report.check(
            not faults,
            f"blocks {net.name}.{writer}",
            "; ".join(faults)
            or ", ".join(f"{n} {kind}" for kind, n in found["counts"].items() if n),
        )
    _real_blocks(options, report)


def _real_faults(want, found):
    """How an answer differs from what was counted by eye, in words, and the figures."""
    blocks = found["blocks"]
    got = {kind: found["counts"].get(kind, 0) for kind in KINDS}
    got["projections"] = sum(b["skip"] == "projection" for b in blocks)
    inverted = [b for b in blocks if b["kind"] == "inverted_bottleneck"]
    got["without_skip"] = sum(b["skip"] == "none" for b in inverted)
    faults = [
        f"{n} {what}, expected {want.counts.get(what, 0)}"
        for what, n in got.items()
        if n != want.counts.get(what, 0)
    ]
    skipping = [b for b in blocks if b["skip"] != "none"]
    for node in want.additions:
        if sum(node in b["nodes"] for b in skipping) != 1:
            faults.append(f"{node} is not the addition of one block")
    if len(skipping) != len(want.additions):
        faults.append(f"{len(skipping)} blocks have a skip, expected {len(want.additions)}")
    names = tuple(b["name"] for b in skipping)
    if want.names and names != want.names:
        faults.append(f"blocks are named {', '.join(names)}, expected {', '.join(want.names)}")
    return faults, ", ".join(f"{n} {what}" for what, n in got.items() if n)


def _real_blocks(options, report):
    """The blocks of the real models, as they were counted by eye."""
    if options.models is None or not options.models.is_dir():
        report.skip("blocks of real models", "no folder of real models: give one with --models")
        return
    for name, want in REAL.items():
        path = options.models / name / "model.onnx"
        if not path.exists():
            report.skip(f"blocks {name}", f"{path} is not there")
            continue
        found, why = inspect(options.blok, path)
        faults, figures = ([why], "") if found is None else _real_faults(want, found)
        report.check(not faults, f"blocks {name}", "; ".join(faults) or figures)


def parameters(options, report):
    """The parameter counts: our own count of each file, the guide's figures, and the program's
    answer.
    """
    for net, writer, into in _exports(options):
        counted = params.count(into / "model.onnx")
        want = net.full if writer == "kept" else net.folded
        name = f"parameters {net.name}.{writer}"
        if want is not None and counted != want:
            report.fail(name, f"the file holds {counted:,}, expected {want:,}")
            continue
        found, why = inspect(options.blok, into / "model.onnx")
        if found is None:
            report.fail(name, why)
            continue
        report.check(
            found.get("parameters") == counted,
            name,
            f"{found.get('parameters')}, counted {counted}",
        )


def stored(options, report):
    """Real models against the outputs that are stored with them."""
    if options.models is None or not options.models.is_dir():
        report.skip(
            "stored", f"no folder of real models: {options.models or 'give one with --models'}"
        )
        return
    for name, atol in STORED.items():
        path = options.models / name / "model.onnx"
        if not path.exists():
            report.skip(f"stored {name}", f"{path} is not there")
            continue
        done = common.run(options.blok, "verify", path, "--rtol", 1e-3, "--atol", atol)
        report.check(
            done.status == 0,
            f"stored {name}",
            f"{done.seconds:.1f} s" if done.status == 0 else done.why(),
        )


# Measures a child's peak memory from a process that is itself small: what a child is started from
# counts as its own
# until it becomes another program.
_PEAK = (
    "import os,sys\n"
    "pid=os.posix_spawn(sys.argv[1],sys.argv[1:],dict(os.environ),file_actions=["
    "(os.POSIX_SPAWN_OPEN,n,'/dev/null',os.O_WRONLY,0) for n in (1,2)])\n"
    "_,status,usage=os.wait4(pid,0)\n"
    "print(os.waitstatus_to_exitcode(status),usage.ru_maxrss)\n"
)


def _peak_bytes(*command):
    """(exit status, peak resident bytes) of a command."""
    command = [str(part) for part in command]
    if os.access("/usr/bin/time", os.X_OK):
        done = subprocess.run(
            ["/usr/bin/time", "-f", "%x %M", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        status, kilobytes = done.stderr.splitlines()[-1].split()
    else:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PEAK, *command], capture_output=True, text=True
        )
        status, kilobytes = done.stdout.split()
    return int(status), int(kilobytes) * 1024


def _big_model(folder, layers=12, width=8192):
    """A chain of MatMuls with `layers` * 256 MB of external weights: a sparse file with some values
    in each tensor.
    """
    folder.mkdir(parents=True)
    each = width * width * 4
    nodes, weights = [], []
    with open(folder / "model.onnx.data", "wb") as data:
        data.truncate(each * layers)
        for i in range(layers):
            data.seek(each * i + 4096 * (i + 1))
            data.write(np.arange(1, 257, dtype="<f4").tobytes())
            weight = TensorProto(
                name=f"w{i}",
                data_type=TensorProto.FLOAT,
                dims=[width, width],
                data_location=TensorProto.EXTERNAL,
            )
            for key, value in (
                ("location", "model.onnx.data"),
                ("offset", each * i),
                ("length", each),
            ):
                weight.external_data.add(key=key, value=str(value))
            weights.append(weight)
            nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"layer{i}"))
    graph = helper.make_graph(
        nodes,
        "big",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, [1, width])],
        [helper.make_tensor_value_info(f"x{layers}", TensorProto.FLOAT, [1, width])],
        weights,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8),
        folder / "model.onnx",
    )
    return each * layers


def _external(path):
    """name -> (file, offset, length) of a model's external initializers."""
    found = {}
    for tensor in onnx.load(path, load_external_data=False).graph.initializer:
        where = {entry.key: entry.value for entry in tensor.external_data}
        if where:
            found[tensor.name] = (
                path.parent / where["location"],
                int(where.get("offset", 0)),
                int(where["length"]),
            )
    return found


def _same_ranges(a, b, step=1 << 24):
    for (file_a, at_a, length), (file_b, at_b, length_b) in zip(a, b):
        if length != length_b:
            return False
        with open(file_a, "rb") as one, open(file_b, "rb") as two:
            one.seek(at_a)
            two.seek(at_b)
            for start in range(0, length, step):
                n = min(step, length - start)
                if one.read(n) != two.read(n):
                    return False
    return True


def _import_of_resnet50(options, report):
    for writer in ("torchscript", "dynamo"):
        path = options.work / "exports" / f"resnet50.{writer}" / "model.onnx"
        name = f"import of resnet50.{writer}"
        if not path.exists():
            report.skip(name, f"{path} is not there: run `models` first")
            continue
        _, empty = _peak_bytes(options.blok, "--version")
        status, peak = _peak_bytes(options.blok, "inspect", path, "--json")
        seconds = min(common.run(options.blok, "inspect", path, "--json").seconds for _ in range(5))
        more = (peak - empty) / 1e6
        report.check(
            status == 0 and seconds < 0.1 and more < 20,
            name,
            f"status {status}, {seconds * 1e3:.0f} ms (limit 100), {more:.1f} MB over an empty run "
            "(limit 20)",
        )


def _convert_3gb(options, report):
    name = "convert of a 3 GB model"
    work = options.work / "big"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    if shutil.disk_usage(work).free < 5e9:
        report.skip(name, "less than 5 GB free on the disk of the work folder")
        return
    try:
        size = _big_model(work / "in")
        (work / "out").mkdir()
        start = time.perf_counter()
        said = common.run(
            options.blok,
            "convert",
            work / "in" / "model.onnx",
            work / "out" / "model.onnx",
            timeout=600,
        )
        seconds = time.perf_counter() - start
        if said.status != 0:
            report.fail(name, said.why())
            return
        out = work / "out" / "model.onnx"
        shutil.rmtree(work / "out")
        (work / "out").mkdir()
        status, peak = _peak_bytes(options.blok, "convert", work / "in" / "model.onnx", out)
        before, after = _external(work / "in" / "model.onnx"), _external(out)
        report.check(
            status == 0 and peak < 200e6,
            name,
            f"status {status}, {size / 1e9:.1f} GB in {seconds:.1f} s, "
            f"peak {peak / 1e6:.0f} MB (limit 200)",
        )
        report.check(
            "external" in (said.out + said.err),
            f"{name} says so",
            "the word 'external' in what it prints",
        )
        report.check(
            list(before) == list(after) and _same_ranges(before.values(), after.values()),
            f"{name} keeps every byte",
            f"{len(after)} of {len(before)} tensors in external data",
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)


def size(options, report):
    """Time and memory of an import, and a model beyond protobuf's 2 GB."""
    _import_of_resnet50(options, report)
    _convert_3gb(options, report)


def proto(options, report):
    """The project's ONNX schema and table of operators against the onnx package's, and the generated
    code against the schema.
    """
    for name, script, *words in (
        ("proto", "proto/check_onnx_proto.py"),
        ("schemas", "graph/gen_schemas.py", "--check"),
    ):
        command = [sys.executable, str(common.ROOT / script), *words]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no message"]
        if done.returncode == 77:
            report.skip(name, lines[-1])
        else:
            report.check(done.returncode == 0, name, "; ".join(lines[:5]))
