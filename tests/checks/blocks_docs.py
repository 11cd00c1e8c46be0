#!/usr/bin/env python3
"""docs/blocks.md and docs/bloklar.md against the code: both name every condition that --explain may
print (and no other), every kind, every field of a descriptor (and no other), every name of the
enums; the passes, files and headings that they name are there."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["docs/blocks.md", "docs/bloklar.md"]
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
faults = []

# Which argument of a call is the condition.
CALLS = {
    "fail": 1,
    "fail_all": 1,
    "find_product": 1,
    "MISS": 2,
    "blok_miss_write": 2,
    "blok_miss_add": 3,
}
# What may stand there instead of a literal: variables that hold one which is found elsewhere.
CARRIERS = {"condition", "which", "wrong", "lacks"}
# Functions that return a condition, by file.
RETURNING = {"blocks/path.c": r"const char \*(?:read_post|read_pre|blok_body_\w+)\("}


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def arguments(text, at):
    """The arguments of the call whose opening bracket is before at."""
    parts, depth, start, quoted = [], 1, at, False
    while depth:
        letter = text[at]
        if letter == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and letter in "([{":
            depth += 1
        elif not quoted and letter in ")]}":
            depth -= 1
        if not quoted and (depth == 0 or (depth == 1 and letter == ",")):
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    return parts


def literals(text):
    """The string that each run of adjacent literals makes."""
    return ["".join(LITERAL.findall(run)) for run in re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', text)]


def bodies(text, pattern):
    """What stands between the braces of the functions whose heads begin so."""
    for match in re.finditer(r"^(?:static )?" + pattern + r"[^;{]*\{\n(.*?)^\}", text, re.M | re.S):
        yield match[1]


def conditions():
    found = {}
    for path in sorted((ROOT / "blocks").glob("*.c")):
        name, text = str(path.relative_to(ROOT)), without_comments(path.read_text())
        for match in re.finditer(r"\b(" + "|".join(CALLS) + r")\(", text):
            parts = arguments(text, match.end())
            if len(parts) <= CALLS[match[1]] or re.match(r"(const|attempt) ", parts[0]):
                continue  # a declaration, or another function of that name
            given = parts[CALLS[match[1]]]
            if re.match(r"(const )?char \*", given):
                continue  # a definition
            if '"' not in given and re.split(r"\.|->", given)[-1] not in CARRIERS | set(
                re.findall(r"static const char (wrong_\w+)\[\]", text)
            ):
                faults.append(f"{name}: {match[1]}: cannot tell what '{given}' says")
            for words in literals(given):
                found.setdefault(words, name)
        for pattern in (
            r"const char \*condition =([^;]*);",
            r"static const char wrong_\w+\[\] =([^;]*);",
        ):
            for given in re.findall(pattern, text):
                for words in literals(given.split("?")[-1]):
                    found.setdefault(words, name)
        if name in RETURNING:
            for body in bodies(text, RETURNING[name]):
                for given in re.findall(r"return ([^;]*);", body):
                    for words in literals(given):
                        found.setdefault(words, name)
    return found


def structs():
    """descriptor -> its fields."""
    text = without_comments((ROOT / "include/blok/blocks.h").read_text())
    found = {}
    for body, name in re.findall(r"^typedef struct \w+ \{\n(.*?)^\} (\w+);", text, re.M | re.S):
        members = [line.strip() for line in body.split(";")]
        found[name] = {
            field for line in members for field in re.findall(r"(\w+)(?:\[\w+\])?\s*(?:,|$)", line)
        }
    return found


def rows_of(file, pattern):
    return re.findall(pattern, (ROOT / file).read_text(), re.M)


def slug(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


conditions = conditions()
structs = structs()
kinds = rows_of("blocks/blocks.def", r"^BLOCK\(\w+,\s*(\w+),")
names = rows_of("blocks/names.c", r'\[BLOK_\w+\] = "(\w+)"')
passes = rows_of("passes/passes.def", r"^PASS\((\w+),")
read = {
    "conditions": (conditions, 20),
    "structs": (structs, 6),
    "kinds": (kinds, 7),
    "names": (names, 20),
    "passes": (passes, 10),
}
for what, (found, least) in read.items():
    if len(found) < least:
        faults.append(f"the code is not read right: {len(found)} {what}")


def tables(text, head):
    """The first match group of the header, and the first cells of the rows, of each such table."""
    for match in re.finditer(rf"^\| {head} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.M):
        yield match[1], [row.split("|")[1] for row in match[2].splitlines()]


for document in DOCUMENTS:
    text = (ROOT / document).read_text()
    quoted = set(re.findall(r"`([^`\n]+)`", text))
    said = set()
    for _, cells in tables(text, "(Condition|Koşul)"):
        for cell in cells:
            said |= set(re.findall(r"`([^`]+)`", cell)) or {cell.strip()}
    for words in conditions.keys() - said:
        faults.append(f"{document}: does not name the condition '{words}' ({conditions[words]})")
    for words in said - conditions.keys():
        faults.append(f"{document}: no code says '{words}'")
    fields = {}
    for struct, cells in tables(text, r"`(blok_\w+)`"):
        fields[struct] = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    for struct in structs.keys() | fields.keys():
        for field in structs.get(struct, set()) ^ fields.get(struct, set()):
            faults.append(f"{document}: the table of {struct} and its fields differ by '{field}'")
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    for kind in kinds:
        if kind not in headings:
            faults.append(f"{document}: has no chapter '{kind}'")
    for name in names:
        if name not in quoted:
            faults.append(f"{document}: does not name '{name}'")
    for name in re.findall(r"(?:pass|geçiş) `(\w+)`", text):
        if name not in passes:
            faults.append(f"{document}: there is no pass '{name}'")
    for file in re.findall(r"`((?:blocks|passes|include|tests|tools)/[\w/]+\.\w+)`", text):
        if not (ROOT / file).exists():
            faults.append(f"{document}: there is no {file}")
    for target, part in re.findall(r"\]\(([^)#:]*)(#[^)]*)?\)", text):
        if target and not (ROOT / document).parent.joinpath(target).exists():
            faults.append(f"{document}: there is no {target}")
        if not target and part[1:] not in map(slug, headings):
            faults.append(f"{document}: has no heading for {part}")

for fault in faults:
    print(fault)
print(f"{len(conditions)} conditions, {len(structs)} structs, {len(faults)} faults")
sys.exit(1 if faults else 0)
