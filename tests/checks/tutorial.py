#!/usr/bin/env python3
"""tutorial.py BLOK LIBRARY CC [FLAGS]: docs/tutorial.md and docs/ogretici.md do what they say.

- every block of C is part of a program of examples/, word for word;
- every line of a block of text is printed by one of the commands;
- the commands of the console blocks run, one after another in one folder, and print the lines
  below them ("..." stands for lines that are left out, and in a line for any characters);
- the Python programs run, where this Python has torch and onnx, and so do the commands that need
  what they write; elsewhere that is said;
- the translation has the same programs, commands, outputs and links as the original.
"""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["docs/tutorial.md", "docs/ogretici.md"]
FIGURES = ["464", "4,672", "14,528", "14,432", "1,467,610", "75,008", "580", "18,852", "58,308", "104,042"]
blok = pathlib.Path(sys.argv[1]).resolve()
library = pathlib.Path(sys.argv[2]).resolve()
compiler = sys.argv[3]
flags = " ".join(sys.argv[4:])
has_torch = all(importlib.util.find_spec(name) for name in ("torch", "onnx", "numpy"))
faults = []
skipped = []


def blocks(page):
    """Language and text of each fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)


def commands(text):
    """Each command of a console block with the lines printed below it."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def matches(wanted, line):
    pattern = "".join(r"\s+" if part.isspace() else ".*" if part == "..." else re.escape(part)
                      for part in re.split(r"(\s+|\.\.\.)", wanted.strip()))
    return re.fullmatch(pattern, line.strip()) is not None


def compare(page, command, wanted, printed):
    """The wanted lines stand in printed, in order; without "..." between them one behind the other."""
    at, gap = 0, False
    for line in wanted:
        if line.strip() == "...":
            gap = True
            continue
        while gap and at < len(printed) and not matches(line, printed[at]):
            at += 1
        if at >= len(printed) or not matches(line, printed[at]):
            came = printed[at] if at < len(printed) else "the end"
            faults.append(f"{page}: `{command}`: {line!r} wanted, {came!r} came")
            return
        at, gap = at + 1, False
    if not gap and at < len(printed):
        faults.append(f"{page}: `{command}` prints {len(printed) - at} lines more: {printed[at]!r}")


def prepare(work):
    """A folder in which the commands find blok, cc, python, pkg-config and the examples."""
    tools = work / "tools"
    tools.mkdir()
    (tools / "blok").symlink_to(blok)
    (tools / "cc").symlink_to(shutil.which(compiler))
    python = tools / "python"  # a link would lose what a virtual environment holds
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    config = tools / "pkg-config"
    config.write_text("#!/bin/sh\necho '-std=c11 -Wall -Wextra -Wpedantic -Werror -lm "
                      f"{flags} -I{ROOT}/include -Wl,-rpath,{library.parent} {library}'\n")
    for script in (python, config):
        script.chmod(0o755)
    place = work / "place"
    place.mkdir()
    (place / "examples").symlink_to(ROOT / "examples")
    return place, {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1",
                   "PYTHONPATH": f"{ROOT}/tests/pytorch", "OMP_NUM_THREADS": "1", "COLUMNS": "200",
                   "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}


def run_page(page, place, environment):
    """Runs the page's commands. Returns all that they printed, line by line."""
    everything = []
    absent = set()  # files that a skipped program would have written
    for language, text in blocks(page):
        if language == "python":
            name = re.match(r"# (\S+\.py)$", text.splitlines()[0])
            if name is None:
                faults.append(f"{page}: a Python program does not begin with its name")
                continue
            (place / name[1]).write_text(text)
            if not has_torch:
                absent |= set(re.findall(r'"(\w+\.np[yz])"', text)) | {name[1]}
        if language != "console":
            continue
        for command, wanted in commands(text):
            if absent & set(command.split()) or (command.startswith("python ") and not has_torch):
                skipped.append(f"`{command}`")
                absent |= {word for word in command.split() if re.fullmatch(r"[\w.]+\.\w+", word)}
                continue
            done = subprocess.run(command, shell=True, cwd=place, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200)
            printed = done.stdout.splitlines()
            everything += printed
            refuses = any(line.startswith("blok ") for line in wanted)
            if (done.returncode != 0) != refuses:
                faults.append(f"{page}: `{command}`: status {done.returncode}: "
                              f"{done.stdout.strip()[-400:]}")
            else:
                compare(page, command, wanted, printed)
    return everything


def check_page(page):
    sources = "\n".join(path.read_text() for path in sorted((ROOT / "examples").glob("*.c")))
    found = blocks(page)
    for language, text in found:
        if language == "c" and text not in sources:
            faults.append(f"{page}: this C stands in no program of examples/:\n{text}")
        if language not in ("c", "console", "text", "python"):
            faults.append(f"{page}: a block of {language}")
    with tempfile.TemporaryDirectory() as folder:
        place, environment = prepare(pathlib.Path(folder))
        printed = run_page(page, place, environment)
    for language, text in found:
        for line in text.splitlines() if language == "text" else []:
            if not any(matches(line, other) for other in printed):
                faults.append(f"{page}: no command prints {line!r}")


def check_words(page):
    """The guide's figures stand on the page, and every file that it names is there."""
    words = (ROOT / page).read_text()
    for figure in FIGURES:
        if f"params: {figure}\n" not in words:
            faults.append(f"{page}: the guide's figure {figure} is missing")
    for target in re.findall(r"\]\(([^)#:]+)\)", words):
        if not ((ROOT / page).parent / target).exists():
            faults.append(f"{page}: there is no {target}")


def same_pages(original, translation):
    ours, theirs = blocks(original), blocks(translation)
    for (_, text), (_, other) in zip(ours, theirs):
        if text != other:
            faults.append(f"{translation}: differs from {original} in\n{other}")
    if len(ours) != len(theirs):
        faults.append(f"{translation}: {len(theirs)} blocks, {original} has {len(ours)}")
    heads = [len(re.findall(r"^## ", (ROOT / page).read_text(), re.M))
             for page in (original, translation)]
    if heads[0] != heads[1]:
        faults.append(f"{translation}: {heads[1]} sections, {original} has {heads[0]}")


same_pages(*PAGES)
for name in PAGES:
    check_words(name)
check_page(PAGES[0])  # its blocks are those of the translation
if skipped:
    print("skipped, because this Python has no torch, onnx and numpy: " + ", ".join(skipped))
print("\n".join(faults) or "the tutorial's programs and commands do what it says")
sys.exit(1 if faults else 0)
