#!/usr/bin/env python3
"""Blok's load time and memory against ONNX Runtime's, and what a second session adds.

    figures.py [NET...] --library build/libblok.so      default: resnet50 and mobilenet_v2

Each program loads each model a number of times, in turns, each time in a new process. Load is all
from the file to a session that can run: for Blok import, match, plan and pack. Memory is what load
and runs add to a process that has only imported the program. The status is 1 when a ratio is above
its limit.
"""

import argparse
import statistics
import sys

import bench
import environments
import nets
import turns

LOAD = 0.5
MEMORY = 0.7
PAIR = ("onnxruntime", "blok")


def sample(command, threads, log):
    """One new process: the load's answer, and the bytes of a second session where there is one."""
    if isinstance(command, turns.Left):
        raise command
    child = turns.Child(command, threads, log)
    try:
        child.ask(do="start")
        answer = child.ask(do="load")
        if command[2] == "blok":
            answer["again"] = child.ask(do="again")["bytes"]
        return answer
    finally:
        child.close()


def spread(values):
    return f"{min(values):8.1f} {statistics.median(values):8.1f}"


def compare(what, found, value, limit):
    """Prints one figure of both programs; says whether the ratio of the medians is within limit."""
    ours, theirs = ([value(a) for a in found[program]] for program in ("blok", "onnxruntime"))
    ratio = statistics.median(ours) / statistics.median(theirs)
    good = ratio <= limit
    print(
        f"  {what:12} onnxruntime {spread(theirs)}   blok {spread(ours)}   ratio {ratio:.2f}, "
        f"limit {limit} {'ok' if good else 'MISSED'}"
    )
    return good


def net_figures(args, found, name):
    commands = {
        p: environments.command(args.work, p, found[p], (name, 1), args.threads, args.library)
        for p in PAIR
    }
    answers = {program: [] for program in PAIR}
    for turn in range(args.times):
        for program in PAIR if turn % 2 == 0 else PAIR[::-1]:
            log = args.work / "programs.log"
            answers[program].append(sample(commands[program], args.threads, log))
    print(f"{name}, {args.threads} threads, least and median of {args.times}")
    load = compare("load, ms", answers, lambda a: a["load_ms"], LOAD)
    memory = compare("memory, MB", answers, lambda a: a["memory"]["added"] / 1e6, MEMORY)
    again = statistics.median(a["again"] for a in answers["blok"]) / 1e6
    print(f"  a second session of the same model adds {again:.1f} MB to Blok")
    return load and memory


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("nets", nargs="*", default=["resnet50", "mobilenet_v2"], metavar="NET")
    parser.add_argument("--threads", type=int, default=min(2, len(turns.allowed_cpus())))
    parser.add_argument("--times", type=int, default=7)
    bench.common_options(parser)
    args = parser.parse_args()
    unknown = [name for name in args.nets if name not in nets.BATCHES]
    if unknown:
        parser.error(f"no net {unknown[0]}; there are {', '.join(nets.BATCHES)}")
    if args.threads < 1 or args.times < 1:
        parser.error("--threads and --times must be positive")
    args.library, args.work = args.library.resolve(), args.work.resolve()
    try:
        found = bench.prepared(args, PAIR, [(name, 1) for name in args.nets])
        good = [net_figures(args, found, name) for name in args.nets]
    except turns.Left as reason:
        sys.exit(f"figures.py: {reason}")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
