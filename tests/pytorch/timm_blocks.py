"""timm's networks, by both exporters: additions with a skip, projections among them, and
squeeze-excitation gates, against a count of the PyTorch modules (timm_count.py).

In TorchScript's graphs, whose nodes carry the names of modules, every addition must also stand in
the module that it was counted in.

A fixed dozen is exported and compared; with --all every model of timm_models.py.
"""

import collections
import hashlib
import json
import pathlib
import re

import checks
import exports
import timm_models

ADDING = ("residual", "bottleneck", "inverted_bottleneck", "residual_other")
ENOUGH = 95  # per cent of the graphs


def _key():
    here = pathlib.Path(__file__).parent
    files = [here / f"{name}.py" for name in ("timm_count", "timm_models")]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()


def expected(folder, names):
    """name -> ([additions, projections, gates], path -> additions), or why a model is not counted.
    Kept in a file, as long as the rules are the same.
    """
    kept = folder / "counts.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("rules") != _key():
        known = {"rules": _key()}
    missing = [name for name in names if name not in known]
    if missing:
        import timm_count
        import torch

        torch.set_num_threads(1)
        for name in missing:
            total, where = timm_count.count(*timm_models.create(name))
            if total is None:
                known[name] = where
            else:
                known[name] = [total.additions, total.projections, total.gates], where
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(known))
    return known


def counted(found):
    """[additions, projections, gates] of an answer of `inspect --json`."""
    blocks = found["blocks"]
    skips = [b["skip"] for b in blocks if b["kind"] in ADDING and b["skip"] != "none"]
    gates = sum(b["kind"] == "squeeze_excite" for b in blocks)
    return [len(skips), skips.count("projection"), gates]


def _path(node):
    """The module that a node of TorchScript's is from: /layer1/layer1.0/Add is from layer1.0."""
    parts, last = [], None
    for scope in node.split("/")[1:-1]:
        inside = last is not None and scope.startswith(last + ".")
        parts.append(scope[len(last) + 1 :] if inside else scope)
        last = scope
    return ".".join(parts)


def places(found):
    """path -> additions with a skip, told by the names that TorchScript gives to nodes."""
    got = collections.Counter()
    for block in found["blocks"]:
        if block["kind"] in ADDING and block["skip"] != "none":
            erf = {_path(n) for n in block["nodes"] if n.split("/")[-1] == "Erf"}
            adds = [n for n in block["nodes"] if re.fullmatch(r"Add(_\d+)?", n.split("/")[-1])]
            adds = [path for path in map(_path, adds) if path not in erf]  # not GELU's own
            got[adds[-1] if adds else f"no Add in {block['name']}"] += 1
    return got


def _elsewhere(found, want):
    """Where additions are missing (-) or too many (+), in words; three places at most."""
    got = places(found)
    more = {path: got[path] - want.get(path, 0) for path in {**want, **got}}
    away = [f"{n:+d} {path}" for path, n in more.items() if n]
    return ", ".join(away[:3]) + (f" and {len(away) - 3} more" if len(away) > 3 else "")


def _words(found, want, got):
    """What is known of a difference."""
    if found.get("unknown"):
        return "unknown: " + ", ".join(f"{e['op']} {e['count']}" for e in found["unknown"])
    named = zip(("additions", "projections", "gates"), want, got)
    return ", ".join(f"{have - need:+d} {what}" for what, need, have in named if have != need)


def check(options, report):
    """The table, and one result: enough of the graphs are exact."""
    names = timm_models.EVERY if options.all else timm_models.QUICK
    folder = options.work / "timm"
    exports.ensure("timm_models", folder, names, options.jobs)
    known = expected(folder, names)
    row = "{:30} {:12} {:>14} {:>14}  {}"
    print(row.format("model", "exporter", "PyTorch", "Blok", ""))
    exact = graphs = 0
    for name in names:
        want = known[name]
        for writer in exports.WRITERS:
            why = exports.failure(folder, name, writer)
            if why or isinstance(want, str):
                print(row.format(name, writer, "-", "-", f"not counted: {why or want}"))
                continue
            graphs += 1
            found, why = checks.inspect(options.blok, exports.path(folder, name, writer))
            numbers, where = want
            got = counted(found) if found else None
            words = why or _words(found, numbers, got)
            if found and writer == "torchscript" and (away := _elsewhere(found, where)):
                words = f"{words}; {away}" if words else away
            exact += not words
            cells = ["/".join(map(str, n)) if n else "-" for n in (numbers, got)]
            words = f"DIFFERS {words}" if words else "same"
            print(row.format(name, writer, *cells, words), flush=True)
    percent = 100 * exact / graphs if graphs else 0
    line = f"{exact} of {graphs} graphs exact ({percent:.1f} %)"
    report.check(percent >= ENOUGH, "timm additions/projections/gates", line)
