"""Models go through `blok convert` and come back the same: as they are, twice, and through inline,
external, inline.
"""

import concurrent.futures
import contextlib
import filecmp
import io
import pathlib
import shutil
import threading

import onnx
from onnx import TensorProto

import common
import conformance
import same_model


# sys.stdout is one for all threads: only one of them may have put another in its place.
_redirecting = threading.Lock()


def clean(path):
    """True when onnx's checker has nothing against the model."""
    try:
        with _redirecting, contextlib.redirect_stdout(io.StringIO()):
            onnx.checker.check_model(str(path))
    except Exception:  # the checker raises several unrelated types
        return False
    return True


def _same_files(a, b):
    names = sorted(p.name for p in a.iterdir())
    if names != sorted(p.name for p in b.iterdir()):
        return False
    return not any(filecmp.cmpfiles(a, b, names, shallow=False)[1:])


def fault(blok, path, scratch):
    """What the round trip of one model does wrong, in words, or None."""
    folders = {word: scratch / word for word in ("once", "twice", "external", "inline")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    once, twice, external, inline = (folder / "model.onnx" for folder in folders.values())
    for said, arguments in (
        ("convert", (path, once)),
        ("convert again", (path, twice)),
        ("convert --external", (path, external, "--external")),
        ("convert --inline", (external, inline, "--inline")),
    ):
        done = common.run(blok, "convert", *arguments)
        if done.status != 0:
            return f"{said}: {done.why()}"
    if not _same_files(folders["once"], folders["twice"]):
        return "two exports have different bytes"
    # External data is raw: what was typed comes back as raw data of the same bytes.
    for said, result, encodings in (
        ("convert", once, True),
        ("external", external, False),
        ("external, then inline", inline, False),
    ):
        found = same_model.compare(path, result, encodings)
        if found:
            return f"{said}: {found}"
    if any(
        t.data_location == TensorProto.EXTERNAL
        for t in same_model.tensors(onnx.load(inline, load_external_data=False))
    ):
        return "convert --inline leaves external data"
    if clean(path):
        for said, result in (
            ("convert", once),
            ("external", external),
            ("external, then inline", inline),
        ):
            if not clean(result):
                return f"{said}: onnx.checker refuses it, not the original"
    return None


def _groups(options):
    yield "conformance", [f / "model.onnx" for f in conformance.folders(options.work)]
    yield "exports", sorted((options.work / "exports").glob("*/model.onnx"))
    yield "fixtures", sorted((common.ROOT / "tests" / "data" / "good").glob("*/model.onnx"))
    yield "demo", sorted((common.ROOT / "examples" / "digits").glob("*/model.onnx"))
    if options.models is not None and options.models.is_dir():
        yield "real models", sorted(options.models.glob("*/model.onnx"))


def check(options, report):
    scratch = pathlib.Path(options.work) / "roundtrip"
    shutil.rmtree(scratch, ignore_errors=True)

    def one(path):
        # A name of its own for each model: folders of two groups may have the same name.
        into = scratch / f"{path.parent.parent.name}.{path.parent.name}"
        try:
            return fault(options.blok, path, into)
        except Exception as error:  # a file that does not parse, or one that was not written
            return f"{type(error).__name__}: {error}"
        finally:
            shutil.rmtree(into, ignore_errors=True)

    for name, paths in _groups(options):
        if not paths:
            report.skip(f"roundtrip {name}", "no models there")
            continue
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            faults = list(pool.map(one, paths))
        for path, found in zip(paths, faults):
            if found:
                print(f"FAIL roundtrip {path.parent.name}: {found}", flush=True)
        bad = sum(found is not None for found in faults)
        report.count(len(faults) - bad, bad, f"roundtrip {name}")
    if options.models is None or not options.models.is_dir():
        report.skip(
            "roundtrip real models",
            f"no folder of real models: {options.models or 'give one with --models'}",
        )
