"""Programs side by side: each in a process of its own, one at work at a time.

Every process is held to the same CPUs. Between its turns a process is stopped by signal, so that
threads which spin while they wait take nothing from the one whose turn it is.
"""

import ctypes
import dataclasses
import json
import os
import selectors
import signal
import statistics
import subprocess
import time

PR_SET_PDEATHSIG = 1
PATIENCE = 600.0  # seconds for an answer beyond those that were asked for


class Left(Exception):
    """Why a program is left out."""


def allowed_cpus():
    return sorted(os.sched_getaffinity(0))


def _prepared(cpus):
    """What a child does before it becomes its program: takes its CPUs, and asks to end when its
    parent does, since a stopped process would never notice.
    """
    prctl = ctypes.CDLL(None).prctl

    def prepare():
        os.sched_setaffinity(0, cpus)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return prepare


class Child:
    """A process of child.py, stopped unless it was asked something. It leads a group of its own, so
    that signals reach what its program starts too.
    """

    def __init__(self, command, threads, log):
        self.log = open(log, "ab")
        self.process = subprocess.Popen(
            [str(word) for word in command],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            start_new_session=True,
            preexec_fn=_prepared(set(allowed_cpus()[:threads])),
        )

    def ask(self, patience=PATIENCE, **order):
        """Sends an order and gives the answer. Raises Left when there is none, or a failure."""
        os.killpg(self.process.pid, signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            raise Left(self._end()) from None
        line = self._line(patience)
        if line is None:
            self.close()
            raise Left(f"no answer to '{order['do']}' in {patience:.0f} s")
        if not line.endswith(b"\n"):
            raise Left(self._end())
        self._stop()
        answer = json.loads(line)
        if "failed" in answer:
            raise Left(answer["failed"])
        return answer

    def _line(self, patience):
        """The next line; short of its end when the process ended; None when the time was up."""
        end = time.monotonic() + patience
        line = b""
        ended = os.pidfd_open(self.process.pid)
        try:
            with selectors.DefaultSelector() as ready:
                ready.register(self.process.stdout, selectors.EVENT_READ)
                ready.register(ended, selectors.EVENT_READ)
                while not line.endswith(b"\n"):
                    found = [key.fileobj for key, _ in ready.select(max(0, end - time.monotonic()))]
                    if not found:
                        return None
                    # What the process started may keep the pipe open: its own end counts.
                    if self.process.stdout not in found:
                        break
                    piece = os.read(self.process.stdout.fileno(), 1 << 16)
                    if not piece:
                        break
                    line += piece
        finally:
            os.close(ended)
        return line

    def _stop(self):
        """Returns when all threads of the process stand still, or when it has ended."""
        os.killpg(self.process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def _end(self):
        """Why there is no answer any more, in words."""
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self._kill()
        status = self.process.returncode
        if status < 0:
            return f"ended by {signal.Signals(-status).name}, see {self.log.name}"
        return f"ended with status {status}, see {self.log.name}"

    def _kill(self):
        """Ends the process, if it has not ended, and what it may have started."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self):
        self._kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()


@dataclasses.dataclass
class Result:
    """What was measured of one program with one model at one number of threads.

    `why` says that it was left out; then the other fields may be empty. Memory is in bytes, see
    child.py.
    """

    program: str
    threads: int
    why: str | None = None
    version: str = ""
    error: float = 0.0
    load_ms: float = 0.0
    first_ms: float = 0.0
    memory: dict = dataclasses.field(default_factory=dict)
    turns: list = dataclasses.field(default_factory=list)

    @property
    def samples(self):
        return [ms for turn in self.turns for ms in turn]

    @property
    def min_ms(self):
        return min(self.samples)

    @property
    def median_ms(self):
        return statistics.median(self.samples)


def measure(commands, rounds, seconds, log):
    """Times programs in turns. `commands` gives for (program, threads) what starts its child, or a
    Left that says why there is none. Returns a Result for each, in that order.

    Children load one after another, then each round gives each its turn; the one that begins moves
    on by one from round to round.
    """
    results = {key: Result(*key) for key in commands}
    children = {}
    try:
        for key, command in commands.items():
            result = results[key]
            try:
                if isinstance(command, Left):
                    raise command
                children[key] = child = Child(command, key[1], log)
                result.version = child.ask(do="start")["version"]
                answer = child.ask(do="load")
            except Left as reason:
                result.why = str(reason)
                continue
            result.load_ms, result.first_ms = answer["load_ms"], answer["first_ms"]
            result.error, result.memory = answer["error"], answer["memory"]
        running = [key for key in commands if results[key].why is None]
        for turn in range(rounds):
            start = turn % max(1, len(running))
            for key in running[start:] + running[:start]:
                if results[key].why is not None:
                    continue
                try:
                    answer = children[key].ask(
                        do="run", seconds=seconds, patience=PATIENCE + seconds
                    )
                except Left as reason:
                    results[key].why = str(reason)
                    continue
                results[key].turns.append(answer["ms"])
    finally:
        for child in children.values():
            child.close()
    return list(results.values())
