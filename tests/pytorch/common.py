"""What the checks share: options, one line a result, running the program."""

import dataclasses
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Options:
    """Where things are. `models` is a folder of real models outside the project, or None; `all`
    asks for more than a quick run takes.
    """

    blok: pathlib.Path
    work: pathlib.Path
    models: pathlib.Path | None
    jobs: int
    all: bool = False


@dataclasses.dataclass
class Run:
    """One run of the program: `status` is negative when a signal ended it, None when the time was
    up.
    """

    status: int | None
    out: str
    err: str
    seconds: float

    @property
    def crashed(self):
        # 99 is what a sanitizer's report ends with (see environment()).
        return self.status is not None and (self.status < 0 or self.status == 99)

    @property
    def hung(self):
        return self.status is None

    def why(self):
        """The failure in one line."""
        if self.hung:
            return f"no end after {self.seconds:.0f} s"
        lines = [line for line in self.err.splitlines() if line.strip()]
        if self.crashed:
            named = [line for line in lines if "ERROR" in line or "runtime error" in line]
            return f"crashed, status {self.status}: {(named or lines or ['nothing on stderr'])[0]}"
        said = lines[-1] if lines else self.out.strip()[-200:]
        return f"status {self.status}: {said or 'no message'}"


def environment():
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "exitcode=99:detect_leaks=1")
    env.setdefault("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1")
    return env


def run(blok, *args, timeout=300):
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [str(blok), *map(str, args)],
            capture_output=True,
            timeout=timeout,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Run(None, "", "", time.perf_counter() - start)
    return Run(
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
        time.perf_counter() - start,
    )


class Report:
    """One line a result, then the count."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def ok(self, name, detail=""):
        self.passed += 1
        self._line("ok", name, detail)

    def fail(self, name, why):
        self.failed += 1
        self._line("FAIL", name, why)

    def skip(self, name, why):
        self.skipped += 1
        self._line("skip", name, why)

    def check(self, good, name, detail):
        (self.ok if good else self.fail)(name, detail)
        return good

    def count(self, good, bad, name):
        """Adds many results at once, where only the failures were printed."""
        self.passed += good
        self.failed += bad
        print(f"{name}: {good} passed, {bad} failed", flush=True)

    def finish(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed else 0

    @staticmethod
    def _line(word, name, detail):
        print(f"{word:4} {name}" + (f": {detail}" if detail else ""), flush=True)
