#!/usr/bin/env python3
"""run.py BUILD [ctest options]: runs the tests of a built folder and sums up.

Every Check test counts as one, every other ctest too. What was skipped is told with its reason; the
last line is `N passed, N failed`, with `, N skipped` behind it when there are any."""
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

build = pathlib.Path(sys.argv[1])
report = build.resolve() / "tests.xml"
report.unlink(missing_ok=True)
jobs = str(len(os.sched_getaffinity(0)))
command = ["ctest", "--test-dir", str(build), "-j", jobs, "--output-on-failure", "--no-tests=error",
           "--output-junit", str(report), "--test-output-size-passed", "1000000",
           "--test-output-size-failed", "1000000", *sys.argv[2:]]
status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
if not report.exists():
    print("0 passed, 1 failed")
    sys.exit(1)

passed = failed = skipped = 0
reasons = []
for case in xml.parse(report).getroot().iter("testcase"):
    output = case.findtext("system-out") or ""
    name = case.get("name")
    words = [line for line in output.splitlines() if line.startswith("skipped:")]
    if case.find("skipped") is not None:
        skipped += 1
        reasons += words or [f"skipped: {name}"]
        continue
    reasons += words
    good = case.get("status") == "run"
    counts = re.findall(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", output, re.M)
    counts = [(int(n) - int(f) - int(e), int(f) + int(e)) for n, f, e in counts]
    counts += [(int(p), int(f)) for p, f in re.findall(r"^(\d+) passed, (\d+) failed\b", output, re.M)]
    if counts:
        passed += sum(p for p, _ in counts)
        bad = sum(f for _, f in counts)
        failed += bad if bad or good else 1
    elif good:
        passed += 1
    else:
        failed += 1

print()
for line in reasons:
    print(line)
if status != 0 and failed == 0:
    failed = 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(1 if failed else 0)
