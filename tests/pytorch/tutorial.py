"""The tutorial's commands and programs, those in Python included: weights by name into PyTorch and
back. Runs tests/checks/tutorial.py with a Python that has torch.
"""

import os
import subprocess
import sys

import common


def check(options, report):
    library = options.blok.parent / "libblok.so"
    if not library.exists():
        report.skip("tutorial", f"{library} is not there")
        return
    script = common.ROOT / "tests" / "checks" / "tutorial.py"
    done = subprocess.run(
        [sys.executable, script, options.blok, library, os.environ.get("CC", "cc")],
        capture_output=True,
        text=True,
    )
    good = done.returncode == 0 and "skipped" not in done.stdout
    report.check(good, "tutorial", (done.stdout + done.stderr).strip())
