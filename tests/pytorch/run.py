"""The checks against PyTorch and onnx. Needs the virtual environment of venv.sh:

    sh tests/pytorch/venv.sh build/venv
    build/venv/bin/python tests/pytorch/run.py all
    build/venv/bin/python tests/pytorch/run.py models accuracy --work build/pytorch

Each check prints a line a result; the last line counts them; status 1 says that something failed.
What is slow to make (the exports, the conformance folders) is kept in the work folder and not made
again.
"""

import argparse
import os
import pathlib
import sys

import common


def _models(options, report):
    import models

    models.make(options.work, report)


def _fixtures(options, report):
    import fixtures

    fixtures.check(report)


def _checks(name):
    def check(options, report):
        import checks

        getattr(checks, name)(options, report)

    return check


def _module(name):
    def check(options, report):
        __import__(name).check(options, report)

    return check


COMMANDS = {
    "fixtures": (_fixtures, "the committed fixtures of tests/data are what fixtures.py writes"),
    "models": (
        _models,
        "export the guide's and torchvision's networks (the checks below need them)",
    ),
    "proto": (_checks("proto"), "the project's ONNX schema is the onnx package's"),
    "blocks": (_checks("blocks"), "the guide's modules and real models (--models) are recognised"),
    "torchvision": (_module("torchvision_blocks"), "the blocks of torchvision's networks"),
    "norms": (_module("norms"), "the guide's blocks with group, instance and layer norms"),
    "timm": (_module("timm_blocks"), "skips and gates of timm's networks (a dozen, or --all)"),
    "parameters": (_checks("parameters"), "parameter counts"),
    "accuracy": (_checks("accuracy"), "outputs against PyTorch in float64"),
    "stored": (_checks("stored"), "real models against their stored outputs (--models)"),
    "conformance": (_module("conformance"), "the 2024 tests of the onnx package"),
    "roundtrip": (
        _module("roundtrip"),
        "every model through `blok convert`, compared with the original",
    ),
    "opsets": (_module("opsets"), "models in other operator sets, and back (--all: every test)"),
    "functions": (_module("functions"), "blocks as local functions, and back (--all: every export)"),
    "build": (_module("build"), "every network of `blok build`, at every operator set"),
    "edits": (_module("edits"), "what `blok convert` edits, against onnxruntime and PyTorch"),
    "tutorial": (_module("tutorial"), "the programs and commands of docs/tutorial.md"),
    "source": (
        _module("source"),
        "models as PyTorch modules and C programs (a sample, or --all)",
    ),
    "size": (_checks("size"), "time and memory of an import; a 3 GB model"),
}


def main():
    listing = "\n".join(f"  {name:12} {what}" for name, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        description="Checks Blok against PyTorch and onnx.",
        epilog="checks:\n" + listing,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "check", nargs="+", choices=[*COMMANDS, "all"], metavar="CHECK", help="one below, or all"
    )
    parser.add_argument(
        "--blok", type=pathlib.Path, default=common.ROOT / "build" / "blok", help="the program"
    )
    parser.add_argument(
        "--work", type=pathlib.Path, default=common.ROOT / "build" / "pytorch", help="work folder"
    )
    parser.add_argument(
        "--models", type=pathlib.Path, help="a folder of real models, NAME/model.onnx each"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="programs at once")
    parser.add_argument("--all", action="store_true", help="timm: every model, not a fixed dozen")
    given = parser.parse_args()

    work = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    options = common.Options(
        given.blok.resolve(),
        work,
        given.models and given.models.resolve(),
        given.jobs,
        given.all,
    )
    wanted = list(COMMANDS) if "all" in given.check else given.check
    if set(wanted) - {"models", "fixtures", "proto"} and not os.access(options.blok, os.X_OK):
        sys.exit(f"{options.blok} is not there: build it with `make`, or name it with --blok")
    report = common.Report()
    for name in wanted:
        COMMANDS[name][0](options, report)
    sys.exit(report.finish())


if __name__ == "__main__":
    main()
