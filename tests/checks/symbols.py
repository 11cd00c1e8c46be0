#!/usr/bin/env python3
"""symbols.py libblok.a libblok.so: every external symbol begins with blok_, and the shared library
exports just the functions that include/blok declares."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
archive, shared = sys.argv[1:3]
SANITIZER = ("__asan", "__odr_asan", "__ubsan", "__sancov", "__tsan", "___asan", "asan.module")


def symbols(*arguments):
    text = subprocess.run(["nm", "-P", *arguments], check=True, capture_output=True, text=True).stdout
    names = {line.split()[0] for line in text.splitlines() if re.match(r"\S+ [A-Zuvw] ", line)}
    return {name for name in names if not name.startswith(SANITIZER)}


def declared():
    names = set()
    for path in sorted((ROOT / "include/blok").glob("*.h")):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", path.read_text(), flags=re.S)
        for match in re.finditer(r"\bBLOK_API\b(?!\s+__attribute__)([^;{]*);", text):
            name = re.search(r"\b(blok_\w+)\s*\(", match[1])
            if name:
                names.add(name[1])
    return names


faults = []
for name in sorted(symbols("-g", "--defined-only", archive)):
    if not name.startswith("blok_"):
        faults.append(f"{archive}: external symbol {name} does not begin with blok_")
want = declared()
have = symbols("-D", "--defined-only", shared)
faults += [f"{shared}: exports {name}, which no public header declares" for name in sorted(have - want)]
faults += [f"{shared}: does not export {name}, which a public header declares" for name in sorted(want - have)]
print("\n".join(faults) or f"{len(want)} public functions")
sys.exit(1 if faults or not want else 0)
