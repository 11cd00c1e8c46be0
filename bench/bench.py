#!/usr/bin/env python3
"""Blok beside other runtimes: the same models, in turns, in one run.

    bench.py [NET...] --library build/libblok.so

Every program runs in a process of its own, held to the same CPUs, and has its turn of about a
second in every round. What is printed is kept as results.json, with every sample, and as chart.svg.
docs/bench.md says how to read it.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import chart
import environments
import nets
import table
import turns

ROOT = environments.ROOT
BUSY = 0.5  # a load average above this is worth a word


def numbers(text):
    return [int(word) for word in text.split(",")]


def names(text):
    found = text.split(",")
    for name in found:
        if name not in environments.PACKAGES:
            raise argparse.ArgumentTypeError(
                f"{name} is not known; there are {', '.join(environments.PACKAGES)}"
            )
    return found


def common_options(parser):
    """What bench.py and figures.py both take."""
    build = ROOT / "build"
    parser.add_argument("--library", type=pathlib.Path, default=build / "libblok.so")
    parser.add_argument("--work", type=pathlib.Path, default=build / "bench",
                        help="where environments, models and results are kept")  # fmt: skip
    parser.add_argument("--python", type=pathlib.Path,
                        help="an interpreter with PyTorch, instead of build/venv's")  # fmt: skip


def options(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("nets", nargs="*", metavar="NET", help="default: all")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="default: 1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a turn")
    parser.add_argument("--programs", type=names, default=list(environments.PACKAGES),
                        help=f"default: {','.join(environments.PACKAGES)}")  # fmt: skip
    parser.add_argument("--prepare", action="store_true",
                        help="make environments and models, time nothing")  # fmt: skip
    common_options(parser)
    args = parser.parse_args(arguments)
    for name in args.nets:
        if name not in nets.BATCHES:
            parser.error(f"no net {name}; there are {', '.join(nets.BATCHES)}")
    if args.rounds < 1 or args.seconds <= 0 or min(args.threads) < 1:
        parser.error("--rounds, --seconds and --threads must be positive")
    return args


def usable(threads):
    """The thread counts that this process has CPUs for; says which it has not."""
    cpus = len(turns.allowed_cpus())
    for count in threads:
        if count > cpus:
            print(f"{count} threads are left out: {cpus} CPU{'s' if cpus > 1 else ''} allowed")
    return sorted({count for count in threads if count <= cpus})


def machine():
    """What the figures were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in open("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return {
        "cpu": model,
        "cpus": len(turns.allowed_cpus()),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "commit": commit.stdout.strip() or None,
        "begun": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def torch_error(work, interpreter, net):
    """The error of PyTorch's own f32, as child.py measures that of the programs."""
    code = (
        "import numpy, sys; a, b = (numpy.load(f) for f in sys.argv[1:]); "
        "print(abs(a - b).max() / abs(b).max())"
    )
    folder = nets.folder(work / "models", *net)
    files = [str(folder / file) for file in ("torch_f32.npy", "expected_f64.npy")]
    done = subprocess.run(
        [str(interpreter), "-c", code, *files], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def prepared(args, programs, wanted):
    """Makes models and environments; gives the interpreter of each program, or why it has none."""
    args.work.mkdir(parents=True, exist_ok=True)
    environments.exports(args.work, wanted, args.python)
    found = environments.interpreters(args.work, programs)
    for program, interpreter in found.items():
        if isinstance(interpreter, turns.Left):
            print(f"{program} is left out: {interpreter}")
    return found


def save(args, about, rows, counts):
    """Writes both files anew, so that a run that is broken off leaves what it had."""
    records = [table.record(*row) for row in rows]
    text = json.dumps({"schema": 1, **about, "models": records}, indent=1)
    picture = "\n".join(chart.svg(rows, args.programs, counts))
    for file, content in (("results.json", text), ("chart.svg", picture)):
        fresh = args.work / f"{file}.new"
        fresh.write_text(content + "\n")
        fresh.replace(args.work / file)


def main():
    args = options(sys.argv[1:])
    args.library, args.work = args.library.resolve(), args.work.resolve()
    counts = usable(args.threads)
    wanted = [(name, batch) for name in args.nets or nets.BATCHES for batch in nets.BATCHES[name]]
    try:
        found = prepared(args, args.programs, wanted)
    except turns.Left as reason:
        sys.exit(f"bench.py: {reason}")
    if args.prepare:
        for name, batch in wanted:
            for program in args.programs:
                command = environments.command(
                    args.work, program, found[program], (name, batch), 1, args.library
                )
                if isinstance(command, turns.Left):
                    print(f"{name}, batch {batch}: {program} is left out: {command}")
        return
    numpy_in = next((i for i in found.values() if not isinstance(i, turns.Left)), None)
    if numpy_in is None or not counts:
        sys.exit("bench.py: nothing is left to time")

    host = machine()
    about = {"machine": host, "rounds": args.rounds, "seconds": args.seconds}
    print(f"{host['cpu']}, {host['cpus']} CPUs, commit {host['commit']}")
    if host["load_average"] > BUSY:
        print(f"other work runs here (load average {host['load_average']}): figures will be off")
    rows = []
    for net in wanted:
        commands = {
            (program, threads): environments.command(
                args.work, program, found[program], net, threads, args.library
            )
            for threads in counts
            for program in args.programs
        }
        results = turns.measure(commands, args.rounds, args.seconds, args.work / "programs.log")
        rows.append((*net, torch_error(args.work, numpy_in, net), results))
        print("\n" + "\n".join(table.block(*rows[-1])), flush=True)
        save(args, about, rows, counts)
    if rows:
        print("\n" + "\n".join(table.summary(rows, args.programs)))
        print(f"\nwritten: {args.work / 'results.json'}, {args.work / 'chart.svg'}")


if __name__ == "__main__":
    main()
