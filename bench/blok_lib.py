"""libblok.so through ctypes: the public calls that a timed run needs.

The structs are read from include/blok/*.h, which must be the headers that the library was built
with. A field left alone is zero, which is its default.
"""

import ctypes
import pathlib
import re

INCLUDE = pathlib.Path(__file__).resolve().parents[1] / "include" / "blok"

SCALARS = {
    "bool": ctypes.c_bool,
    "char": ctypes.c_char,
    "int": ctypes.c_int,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
}

F32 = 1  # BLOK_F32


class Headers:
    """The structs and numbers that the public headers declare."""

    def __init__(self, folder=INCLUDE):
        text = "\n".join(path.read_text() for path in sorted(folder.glob("*.h")))
        text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.S)
        self.numbers = {
            name: int(value) for name, value in re.findall(r"#define (BLOK_\w+) +(\d+)\b", text)
        }
        self.enums = set(re.findall(r"typedef enum (\w+) \{", text))
        self.bodies = dict(re.findall(r"typedef struct (\w+) \{([^{}]*)\} \w+;", text))
        self.made = {}

    def struct(self, name):
        """The ctypes class of a public struct."""
        if name not in self.made:
            fields = [
                self._field(name, line.strip())
                for line in self.bodies[name].split(";")
                if line.strip()
            ]
            self.made[name] = type(name, (ctypes.Structure,), {"_fields_": fields})
        return self.made[name]

    def new(self, name, **values):
        """A struct as its _INIT gives it, with these fields set."""
        made = self.struct(name)(**values)
        made.struct_size = ctypes.sizeof(made)
        return made

    def _field(self, struct, line):
        pointer = re.fullmatch(r".*\(\*(\w+)\)\(.*\)", line, re.S)
        if pointer:
            return pointer[1], ctypes.c_void_p
        match = re.fullmatch(
            r"(?:const )?(?:struct )?(\w+)([\s*]+(?:const )?)(\w+)((?:\[\w+\])*)", line
        )
        if not match:
            raise ValueError(f"{struct}: cannot read the field '{line}'")
        word, between, name, sizes = match.groups()
        kind = self._kind(struct, word, "*" in between)
        for size in reversed(re.findall(r"\[(\w+)\]", sizes)):
            kind = kind * (int(size) if size.isdigit() else self.numbers[size])
        return name, kind

    def _kind(self, struct, word, pointer):
        if pointer or word.endswith("_fn"):
            return ctypes.c_void_p
        if word in self.enums:
            return ctypes.c_int
        if word in SCALARS:
            return SCALARS[word]
        if word in self.bodies:
            return self.struct(word)
        raise ValueError(f"{struct}: no type '{word}' is known")


class BlokError(RuntimeError):
    """A call failed; the text is the library's message."""


class Library:
    """The loaded library."""

    def __init__(self, path):
        self.headers = Headers()
        self.calls = ctypes.CDLL(str(path))
        self.calls.blok_version.restype = ctypes.c_char_p
        self.version = self.calls.blok_version().decode()

    def call(self, name, *arguments):
        """A call that returns a status and takes the error record last."""
        error = self.headers.new("blok_error")
        if getattr(self.calls, name)(*arguments, ctypes.byref(error)) != 0:
            raise BlokError(error.message.decode("utf-8", "replace") or f"{name} failed")


class Session:
    """A model planned and shaped for one input of f32, with one output. It lives as long as the
    process, as its model does.
    """

    def __init__(self, library, model, threads, dims):
        self.library = library
        self.handle = ctypes.c_void_p()
        options = library.headers.new("blok_session_options", fixed_shapes=True, threads=threads)
        library.call(
            "blok_session_new", model.handle, ctypes.byref(options), ctypes.byref(self.handle)
        )
        self.input = library.headers.new("blok_tensor", dtype=F32, rank=len(dims))
        self.input.dims[: len(dims)] = dims
        self.output = library.headers.new("blok_tensor")
        one = ctypes.c_size_t(1)
        library.call("blok_session_reshape", self.handle, ctypes.byref(self.input), one)
        self.error = library.headers.new("blok_error")
        self.arguments = (
            self.handle, ctypes.byref(self.input), one,
            ctypes.byref(self.output), one, ctypes.byref(self.error),
        )  # fmt: skip

    def bind(self, address, size):
        """Where the input's numbers are; they stay the caller's."""
        self.input.data, self.input.bytes = address, size

    def run(self):
        if self.library.calls.blok_session_run(*self.arguments) != 0:
            raise BlokError(self.error.message.decode("utf-8", "replace"))

    def answer(self):
        """Address and dims of the output of the last run."""
        return self.output.data, tuple(self.output.dims[: self.output.rank])


class Model:
    """A model of a file."""

    def __init__(self, library, path):
        self.handle = ctypes.c_void_p()
        library.call("blok_model_open", str(path).encode(), None, ctypes.byref(self.handle))
