"""One program with one model in a process of its own, which works only when it is told to.

    child.py PROGRAM FOLDER THREADS LIBRARY     started by turns.py

A line of JSON comes in on standard input, one goes out on what was standard output; whatever the
program itself prints goes to standard error.

    {"do": "start"}             {"version"}
    {"do": "load"}              {"load_ms", "first_ms", "error", "memory": {...}}
    {"do": "run", "seconds"}    {"ms": [...]}  one run at least
    {"do": "again"}             {"bytes"}      a second session of the same model
A failure is {"failed": why}.
"""

import contextlib
import gc
import json
import os
import sys
import time


def memory():
    """This process in bytes: resident, and of that what belongs to no file."""
    found = {}
    with open("/proc/self/status") as file:
        for line in file:
            word, _, rest = line.partition(":")
            if word in ("VmRSS", "RssAnon", "VmHWM"):
                found[word] = int(rest.split()[0]) * 1024
    return found


def _timed(call):
    begin = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - begin) / 1e6


class Server:
    """Does what it is told with one program."""

    WARM_RUNS = 3
    WARM_MS = 2000.0

    def __init__(self, make):
        self.make = make
        self.program = None

    def start(self, _):
        self.program = self.make()
        return {"version": self.program.version}

    def load(self, _):
        """Load time, and the memory that the load and some runs add to a process that has only
        imported the program.
        """
        program = self.program
        program.warm()
        gc.collect()
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the high-water mark begins anew
        before = memory()
        load_ms = _timed(program.load)
        loaded = memory()
        first_ms = _timed(program.run)
        spent = first_ms
        for _ in range(self.WARM_RUNS):
            if spent > self.WARM_MS:
                break
            spent += _timed(program.run)
        after = memory()
        gc.collect()
        gc.freeze()
        gc.disable()
        return {
            "load_ms": load_ms,
            "first_ms": first_ms,
            "error": program.error(),
            "memory": {
                "added": after["VmRSS"] - before["VmRSS"],
                "added_anonymous": after["RssAnon"] - before["RssAnon"],
                "added_by_load": loaded["VmRSS"] - before["VmRSS"],
                "peak": after["VmHWM"] - before["VmRSS"],
                "before": before["VmRSS"],
            },
        }

    def run(self, order):
        """Runs for so many seconds. Another program had the caches before: the first run is not
        counted, unless there is hardly time for more.
        """
        seconds = order["seconds"]
        first = _timed(self.program.run)
        times = [first] if first > 250 * seconds else []
        end = time.perf_counter() + seconds - first / 1e3
        while not times or time.perf_counter() < end:
            times.append(_timed(self.program.run))
        return {"ms": times}

    def again(self, _):
        before = memory()
        self.program.again()
        return {"bytes": memory()["VmRSS"] - before["VmRSS"]}

    def answer(self, order):
        try:
            return getattr(self, order["do"])(order)
        except Exception as error:  # a program raises whatever its depths raise
            return {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:300]}


def serve(make):
    """Answers orders until standard input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = Server(make)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] not in ("start", "load", "run", "again"):
            raise ValueError(f"no such order: {order['do']}")
        print(json.dumps(server.answer(order)), file=replies, flush=True)


def main():
    import programs

    name, folder, threads, library = sys.argv[1:]
    serve(lambda: programs.BY_NAME[name](folder, int(threads), library))


if __name__ == "__main__":
    main()
