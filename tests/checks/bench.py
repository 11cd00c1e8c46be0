#!/usr/bin/env python3
"""bench.py CC: the parts of bench/ that need no other runtime. The structs that it reads from the
headers are the compiler's; the turns that it gives are kept; what it says of times and errors
follows from them. The last line is `N passed, N failed`."""

import ctypes
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import blok_lib  # noqa: E402
import chart  # noqa: E402
import child  # noqa: E402
import table  # noqa: E402
import turns  # noqa: E402

STRUCTS = ["blok_error", "blok_tensor", "blok_session_options", "blok_open_options", "blok_limits"]


class Fake:
    """A program for the turns: its kind says how it behaves."""

    version = "1"

    def __init__(self, kind):
        self.kind = kind
        self.runs = 0
        if kind == "absent":
            raise ImportError("no such program")
        if kind.startswith("forks") and os.fork() == 0:
            time.sleep(600)
        if kind == "spins":
            threading.Thread(target=self.spin, daemon=True).start()

    def spin(self):
        while True:
            pass

    def warm(self):
        print("words that are no answer", flush=True)

    def load(self):
        self.held = bytearray(b"x" * (40 << 20)) if self.kind == "holds" else None

    def run(self):
        self.runs += 1
        time.sleep(0.3 if self.kind == "slow" else 0.002)
        if self.kind == "forks and dies" and self.runs > 4:
            os.abort()
        if self.kind == "dies" and self.runs > 10:
            sys.exit(3)
        if self.kind == "fails" and self.runs > 10:
            raise RuntimeError("out of\nluck")

    def error(self):
        return 2e-6


def measure(kinds, rounds=2, seconds=0.05):
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            (kind, 1): [sys.executable, __file__, "--child", kind]
            if kind != "left"
            else turns.Left("no package")
            for kind in kinds
        }
        results = turns.measure(commands, rounds, seconds, pathlib.Path(folder) / "log")
    return {r.program: r for r in results}


def structs__are_laid_out_as_the_compiler_does():
    headers = blok_lib.Headers()
    lines = []
    wanted = []
    for name in STRUCTS:
        made = headers.struct(name)
        lines.append(f'printf("%zu\\n", sizeof({name}));')
        wanted.append(ctypes.sizeof(made))
        for field, _ in made._fields_:
            lines.append(f'printf("%zu\\n", offsetof({name}, {field}));')
            wanted.append(getattr(made, field).offset)
    source = "#include <blok/blok.h>\n#include <stddef.h>\n#include <stdio.h>\n"
    source += "int main(void) {\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "offsets"
        subprocess.run(
            [sys.argv[1], "-std=c11", f"-I{ROOT / 'include'}", "-x", "c", "-", "-o", str(program)],
            input=source, text=True, check=True,
        )  # fmt: skip
        out = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    got = [int(word) for word in out.split()]
    assert got == wanted, f"{got} in C, {wanted} in Python"


def structs__know_their_size_and_hold_the_defaults():
    options = blok_lib.Headers().new("blok_session_options", fixed_shapes=True)
    assert options.struct_size == ctypes.sizeof(options) and options.fixed_shapes
    assert options.allocator is None


def turns__every_program_has_one_in_every_round():
    found = measure(["quick", "slow"], rounds=3)
    assert [r.why for r in found.values()] == [None, None]
    assert [len(r.turns) for r in found.values()] == [3, 3]
    assert all(len(turn) > 3 and min(turn) >= 2 for turn in found["quick"].turns), found["quick"]


def turns__one_run_counts_when_it_takes_longer_than_the_turn():
    slow = measure(["slow"])["slow"]
    assert [len(turn) for turn in slow.turns] == [1, 1] and slow.min_ms >= 300, slow


def turns__leave_out_a_program_that_dies_or_fails_and_go_on():
    found = measure(["dies", "fails", "absent", "left", "quick"], rounds=3)
    assert found["dies"].why.startswith("ended with status 3"), found["dies"].why
    assert found["fails"].why == "RuntimeError: out of luck", found["fails"].why
    assert found["absent"].why == "ImportError: no such program", found["absent"].why
    assert found["left"].why == "no package", found["left"].why
    assert len(found["quick"].turns) == 3 and found["quick"].why is None


def turns__a_program_without_the_turn_is_stopped():
    with tempfile.TemporaryDirectory() as folder:
        made = turns.Child(
            [sys.executable, __file__, "--child", "spins"], 1, pathlib.Path(folder) / "log"
        )
        try:
            made.ask(do="start")
            made.ask(do="load")
            stat = pathlib.Path(f"/proc/{made.process.pid}/stat")
            ended = time.monotonic() + 5
            while stat.read_text().split()[2] != "T" and time.monotonic() < ended:
                time.sleep(0.01)  # a signal takes effect when the other processor hears of it
            before = stat.read_text().split()[13]
            time.sleep(0.3)
            assert stat.read_text().split()[13] == before, "it computes between its turns"
            # A clock of ticks: on a loaded machine a short turn may have none.
            while stat.read_text().split()[13] == before and time.monotonic() < ended:
                assert made.ask(do="run", seconds=0.05)["ms"]
            assert stat.read_text().split()[13] != before, "it never computes"
        finally:
            made.close()


def turns__an_end_ends_what_the_program_started():
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("forks", "forks and dies"):
            log = pathlib.Path(folder) / "log"
            made = turns.Child([sys.executable, __file__, "--child", kind], 1, log)
            made.ask(do="start")
            made.ask(do="load")
            status = pathlib.Path(f"/proc/{made.process.pid}/task/{made.process.pid}/children")
            found[kind] = int(status.read_text())
            if kind == "forks and dies":
                try:
                    made.ask(do="run", seconds=0.01)
                    raise AssertionError("it went on")
                except turns.Left as reason:
                    assert "SIGABRT" in str(reason), reason
            made.close()
    end = time.monotonic() + 10
    while any(pathlib.Path(f"/proc/{pid}").exists() for pid in found.values()):
        assert time.monotonic() < end, f"still there: {found}"
        time.sleep(0.01)


def turns__memory_is_what_the_load_added():
    found = measure(["holds", "quick"])
    assert 35e6 < found["holds"].memory["added"] < 50e6, found["holds"].memory
    assert found["quick"].memory["added"] < 10e6, found["quick"].memory


def result(program, ms, error=1e-6, threads=1):
    return turns.Result(program, threads, error=error, turns=[[ms + 1], [ms, ms + 5]],
                        memory={"added": 1000000})  # fmt: skip


def table__the_best_peer_is_the_fastest_of_those_that_compute_well():
    results = [
        result("onnxruntime", 20),
        result("ncnn", 15),
        result("mnn", 10, error=2e-4),
        result("blok", 5),
    ]
    assert table.best_peer(results, 1).program == "ncnn"
    assert table.speeds(results, 1) == (4.0, 3.0)
    assert table.speeds(results[:3], 1) == (None, None)
    assert table.best_peer([result("mnn", 10, error=math.nan)], 1) is None
    assert results[0].median_ms == 21


def table__the_limit_of_the_error_follows_from_pytorch():
    assert table.limit(1e-7) == 1e-5 and math.isclose(table.limit(1e-5), 3e-5)
    assert table.too_large(result("blok", 1, error=2e-5), 1e-7)
    assert not table.too_large(result("ncnn", 1, error=2e-5), 1e-7)
    assert table.too_large(result("blok", 1, error=math.nan), 1e-7)


def table__says_who_is_left_out_and_how_threads_scale():
    results = [result("onnxruntime", 20), turns.Result("ncnn", 1, why="no pip"), result("blok", 40)]
    results += [result("blok", 25, threads=2)]
    text = "\n".join(table.block("net", 1, 1e-7, results))
    for words in (
        "left out: no pip",
        "0.50 of onnxruntime's speed",
        "1.60 times as fast as with 1",
    ):
        assert words in text, text
    assert "net" in "\n".join(
        table.summary([("net", 1, 1e-7, results)], ["onnxruntime", "ncnn", "blok"])
    )


def chart__has_a_bar_for_every_result():
    results = [result("onnxruntime", 20), result("mnn", 10, error=1e-3), result("blok", 500)]
    rows = [("net", 1, 1e-7, results), ("<other>", 8, 1e-7, results[:1])]
    root = xml.fromstring("\n".join(chart.svg(rows, ["onnxruntime", "mnn", "blok"], [1])))
    space = "{http://www.w3.org/2000/svg}"
    bars = [r for r in root.iter(f"{space}rect") if r.find(f"{space}title") is not None]
    assert len(bars) == 4
    assert [bar.get("fill").startswith("url") for bar in bars] == [False, True, False, False]
    texts = [t.text for t in root.iter(f"{space}text")]
    assert "<other>, batch 8" in texts and "25" in texts and "0.50" in texts


def main():
    if sys.argv[1] == "--child":
        child.serve(lambda: Fake(sys.argv[2]))
        return 0
    passed = failed = 0
    for name, test in list(globals().items()):
        if "__" in name.strip("_") and callable(test):
            try:
                test()
                passed += 1
            except Exception as error:  # a test fails by whatever it raises
                failed += 1
                print(f"FAIL {name}: {type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
