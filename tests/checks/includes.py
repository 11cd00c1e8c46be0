#!/usr/bin/env python3
"""Who may include whom, and who may call the system. Reads the table in cmake/rooms.cmake."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
faults = []


def fault(path, line, words):
    faults.append(f"{path.relative_to(ROOT)}:{line}: {words}")


def rooms():
    table = {}
    for line in (ROOT / "cmake/rooms.cmake").read_text().splitlines():
        match = re.fullmatch(r"set\(BLOK_SEES_(\w+)((?: \w+)*)\)", line.strip())
        if match:
            table[match[1]] = match[2].split()
    return table


def closure(table, room):
    done, todo = [], [room]
    while todo:
        name = todo.pop()
        if name not in done:
            done.append(name)
            todo += table[name]
    return done


def files(folder):
    return sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".c", ".h", ".def"))


def code_of(path):
    """The text without comments and string contents, line by line as it was."""
    text = path.read_text()
    pattern = r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'"

    def blank(match):
        found = match[0]
        if found[0] == '"' or found[0] == "'":
            return found[0] * 2
        return re.sub(r"[^\n]", " ", found)

    return re.sub(pattern, blank, text, flags=re.S)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[1] == "<", match[2]


# ---- Includes ----------------------------------------------------------------------------------
TABLE = rooms()
GENERATED = "proto/onnx.pb-c.h"
MAY_SEE_GENERATED = ("proto", "importer", "exporter")
KERNEL_HEADERS = ("base/cpu.h", "base/half.h", "base/lock.h", "base/size.h")
RUNTIME_LAYERS = ["kernels", "ops", "plan", "exec"]  # each sees itself and those before it


def layer_of(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "runtime" and len(parts) > 2 else None


def check_runtime(path, number, name):
    here = layer_of(str(path.relative_to(ROOT)))
    if here not in RUNTIME_LAYERS:
        return
    there = layer_of(name)
    if here == "kernels" and there != "kernels":
        if name not in KERNEL_HEADERS and not name.startswith("base/math"):
            fault(path, number, f'a kernel may not include "{name}"')
    elif there in RUNTIME_LAYERS and RUNTIME_LAYERS.index(there) > RUNTIME_LAYERS.index(here):
        fault(path, number, f'runtime/{here} may not include runtime/{there}')


def check_room(room, folder, allowed, extra=()):
    for path in files(folder):
        if path.name.endswith((".pb-c.c", ".pb-c.h")):
            continue
        for number, system, name in includes(path):
            if system:
                if name in ("pthread.h", "threads.h") and room != "base" and room in TABLE:
                    fault(path, number, f"only base may include <{name}>")
                if name.startswith("protobuf-c/") and room not in MAY_SEE_GENERATED:
                    fault(path, number, f"room {room} may not include <{name}>")
                continue
            first = name.split("/")[0]
            if "/" not in name:
                if folder.startswith("tests/") and (path.parent / name).exists():
                    continue  # a test program's own helper
                fault(path, number, f'"{name}" must be written "room/{name}"')
            elif first not in allowed and first not in extra:
                fault(path, number, f'{room} may not include "{name}": it sees '
                                    f'{", ".join(sorted(set(allowed) | set(extra))) or "nothing"}')
            elif name == GENERATED and room not in MAY_SEE_GENERATED + ("fuzz",):
                fault(path, number, f"{room} may not include the generated header")
            if room == "runtime":
                check_runtime(path, number, name)


if len(TABLE) < 10:
    sys.exit("cmake/rooms.cmake: the table of rooms could not be read")
for room, sees in TABLE.items():
    check_room(room, room, sees + [room])
    extra = ("support", "nets") if room in ("blocks", "codegen", "runtime") else ("support",)
    check_room(room, f"tests/unit/{room}", closure(TABLE, room), extra)
check_room("fuzz", "fuzz", list(TABLE), ("fuzz",))
check_room("tools", "tools", ["tools"])
check_room("examples", "examples", ["examples"])
check_room("tests/api", "tests/api", ["support"])
check_room("include/blok", "include", [])
check_room("tests/support", "tests/support", ["support"])

# ---- The one seam to the system ------------------------------------------------------------------
SYSTEM = re.compile(
    r"(?<![\w.>])(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|free|strdup|strndup|"
    r"asprintf|vasprintf|alloca|open|openat|creat|fopen|fdopen|freopen|tmpfile|mkstemp|mmap|munmap|"
    r"unlink|rename|getenv|system|popen|fork|pthread_\w+|thrd_\w+|mtx_\w+)\s*\(")
NEVER = re.compile(
    r"(?<![\w.>])(abort|exit|_exit|printf|vprintf|puts|putchar|fprintf|perror|gets|strcpy|strcat|"
    r"sprintf|setlocale|signal|srand|rand)\s*\(")

for room in TABLE:
    for path in files(room):
        if path.name.endswith((".pb-c.c", ".pb-c.h")):
            continue
        for number, line in enumerate(code_of(path).splitlines(), 1):
            for match in SYSTEM.finditer(line):
                if room != "base":
                    fault(path, number, f"{match[1]}: only base may call it")
            for match in NEVER.finditer(line):
                fault(path, number, f"{match[1]}: no room of the library may call it")

for line in faults:
    print(line)
print(f"{len(faults)} faults")
sys.exit(1 if faults else 0)
