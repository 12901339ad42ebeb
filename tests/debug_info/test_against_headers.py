"""Types from debug information, compared with the prototypes in the headers of real libraries, read by pycparser.

zlib always; the others, too, with URUK_HEADERS=all, as `make soak` has it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pycparser import c_ast
from pycparser.c_parser import CParser

import uruk
from uruk.debug_info.session_types import types_of
from uruk.debug_info.signatures import Refused

from support import source_packages
from support.requirements import missing, require_tool

pytestmark = pytest.mark.any_interpreter

PLAIN = (
    "-D__attribute__(x)= -D__extension__= -D__restrict= -D__inline=inline -D__asm__(x)= -D_Noreturn="
    " -D__builtin_va_list=void*"
)
"""What a parser of C has no need for."""


class Library(NamedTuple):
    """A library's package, how it is prepared and compiled, its headers, and how many of their functions it defines."""

    package: str
    command: str
    folder: str
    sources: str
    flags: str
    headers: str
    least: int


LIBRARIES = {
    "zlib": Library("zlib", "true", "", "[a-z]*.c", "-O0 -DHAVE_UNISTD_H -D_LARGEFILE64_SOURCE=1", "zlib.h", 75),
    "lua": Library("lua5.4", "true", "src", "l[a-z]*.c", "-O2 -DLUA_USE_LINUX", "lua.h lauxlib.h lualib.h", 150),
    "sqlite": Library("sqlite3", "./configure && make sqlite3.c", "", "sqlite3.c", "-O1", "sqlite3.h", 200),
    "libpng": Library("libpng1.6", "cp scripts/pnglibconf.h.prebuilt pnglibconf.h", "", "png*.c", "-O1", "png.h", 220),
    "lz4": Library("lz4", "true", "lib", "*.c", "-O3", "lz4.h lz4hc.h", 60),
    "jansson": Library(
        "jansson",
        "cp android/jansson_config.h src; touch src/jansson_private_config.h",
        "src",
        "*.c",
        "-O2 -DHAVE_STDINT_H=1",
        "jansson.h",
        70,
    ),
    "pcre2": Library(
        "pcre2",
        "cd src; cp config.h.generic config.h; cp pcre2.h.generic pcre2.h; cp pcre2_chartables.c.dist chartables.c",
        "src",
        "*.c",
        "-O2 -DHAVE_CONFIG_H -DPCRE2_CODE_UNIT_WIDTH=8",
        "pcre2.h",
        60,
    ),
    "expat": Library(
        "expat", "true", "expat/lib", "xml*.c", "-O2 -DXML_DEV_URANDOM -DXML_DTD=1 -DXML_NS=1", "expat.h", 60
    ),
}
ALL = os.environ.get("URUK_HEADERS") == "all"
LEFT_OUT = (
    *("pngtest.c", "lua.c", "luac.c", "lz4file.c"),
    *("pcre2demo.c", "pcre2grep.c", "pcre2test.c", "pcre2posix_test.c", "pcre2_dftables.c", "pcre2_fuzzsupport.c"),
    *("pcre2_jit_match.c", "pcre2_jit_misc.c", "pcre2_jit_test.c", "pcre2_printint.c", "pcre2_ucptables.c"),
)
"""Programs, and what others include."""


class Header:
    """The functions that a header declares, as canonical texts."""

    def __init__(self, text: str) -> None:
        self._typedefs: dict[str, Any] = {}
        self.functions: dict[str, str] = {}
        self.variadic: set[str] = set()
        for node in CParser().parse(text).ext:
            if isinstance(node, c_ast.Typedef):
                self._typedefs[node.name] = node.type
            elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
                self.functions[node.name] = self._canonical(node.type)
                parameters = node.type.args.params if node.type.args else []
                if any(isinstance(each, c_ast.EllipsisParam) for each in parameters):
                    self.variadic.add(node.name)

    def _canonical(self, node: Any) -> str:
        if isinstance(node, c_ast.FuncDecl):
            parameters = node.args.params if node.args else []
            texts = [self._parameter(each.type) for each in parameters if not isinstance(each, c_ast.EllipsisParam)]
            return f"{self._canonical(node.type)}({','.join(text for text in texts if text != 'v')})"
        if isinstance(node, c_ast.PtrDecl):
            return pointer(self._canonical(node.type))
        if isinstance(node, c_ast.ArrayDecl):
            return "array"
        if isinstance(node, c_ast.TypeDecl):
            return self._canonical(node.type)
        if isinstance(node, (c_ast.Struct, c_ast.Union)):
            return "S"
        if isinstance(node, c_ast.Enum):
            return "i4"
        names = list(node.names)
        if len(names) == 1 and names[0] in self._typedefs:
            return self._canonical(self._typedefs[names[0]])
        return basic(names)

    def _parameter(self, node: Any) -> str:
        kind = self._resolved(node)
        if isinstance(kind, c_ast.ArrayDecl):
            return pointer(self._canonical(kind.type))
        text = self._canonical(node)
        return pointer(text) if isinstance(kind, c_ast.FuncDecl) else text

    def _resolved(self, node: Any) -> Any:
        while isinstance(node, c_ast.TypeDecl) or (
            isinstance(node, c_ast.IdentifierType) and node.names[-1] in self._typedefs
        ):
            node = node.type if isinstance(node, c_ast.TypeDecl) else self._typedefs[node.names[-1]]
        return node


def basic(names: list[str]) -> str:
    """The canonical text of a basic type, from its words."""
    words = set(names)
    for name in ("void", "float", "_Bool"):
        if name in words:
            return {"void": "v", "float": "f4", "_Bool": "u1"}[name]
    if "double" in words:
        return "f16" if "long" in words else "f8"
    size = 1 if "char" in words else 2 if "short" in words else 8 if "long" in words else 4
    return f"{'u' if 'unsigned' in words else 'i'}{size}"


def pointer(text: str) -> str:
    """A pointer's text. Structures that are not known to everybody are `void' to some: both are the same here."""
    return f"p({'v' if text == 'S' else text})"


def of_cffi(ffi: Any, kind: Any) -> str:
    """The canonical text of a type of cffi's."""
    if kind.kind == "function":
        return f"{pointer_or(ffi, kind.result)}({','.join(pointer_or(ffi, each) for each in kind.args)})"
    if kind.kind == "pointer":
        return pointer(pointer_or(ffi, kind.item))
    if kind.kind in ("struct", "union"):
        return "S"
    if kind.kind == "array":
        return "array"
    if kind.kind == "enum":
        return "i4"
    if kind.kind == "void":
        return "v"
    if kind.cname in ("float", "double", "long double"):
        return f"f{ffi.sizeof(kind)}"
    signed = kind.cname == "char" or (kind.cname != "_Bool" and int(ffi.cast(kind, -1)) < 0)
    return f"{'i' if signed else 'u'}{ffi.sizeof(kind)}"


def pointer_or(ffi: Any, kind: Any) -> str:
    """The text of a parameter or result: what cffi calls a pointer to a function is a function to it."""
    return pointer(of_cffi(ffi, kind)) if kind.kind == "function" else of_cffi(ffi, kind)


def compiled(library: Library, folder: Path) -> list[Path]:
    """The objects of a library, two at a time."""
    try:
        root = source_packages.prepared(library.package, library.command) / library.folder
    except source_packages.NoSources as error:
        missing(f"the sources of {library.package}: {error}")
    sources = [path for path in sorted(root.glob(library.sources)) if path.name not in LEFT_OUT]
    gcc = require_tool("gcc")

    def one(path: Path) -> Path:
        target = folder / f"{path.stem}.o"
        subprocess.run([gcc, "-g", "-w", *shlex.split(library.flags), "-c", path, "-o", target, "-I", root], check=True)
        return target

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, sources))


def declared(library: Library) -> Header:
    """What the library's headers declare."""
    root = source_packages.prepared(library.package, library.command) / library.folder
    text = "".join(f"#include <{name}>\n" for name in library.headers.split())
    command = [
        require_tool("gcc"),
        "-E",
        "-P",
        *shlex.split(PLAIN),
        *shlex.split(library.flags),
        "-I",
        root,
        "-xc",
        "-",
    ]
    return Header(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", LIBRARIES if ALL else ["zlib"])
def test_types_are_those_of_the_headers(tmp_path: Path, jit: uruk.LLJIT, name: str) -> None:
    library = LIBRARIES[name]
    header = declared(library)
    for needed in ("m", "z"):
        jit.add_library(needed)
    jit.add_objects(compiled(library, tmp_path))
    types = types_of(jit.session)
    equal: list[str] = []
    refused: dict[str, str] = {}
    different: dict[str, tuple[str, str]] = {}
    for function, text in header.functions.items():
        if not jit.main.defines(function):
            continue
        try:
            signature = types.signature(function, jit.lookup(function).address)
        except Refused as error:
            refused[function] = error.reason
            continue
        ffi = types.declared.flush()
        found = of_cffi(ffi, ffi.typeof(signature.pointer))
        if found == text:
            equal.append(function)
        else:
            different[function] = text, found
    assert not different
    assert len(equal) >= library.least - len(refused)
    assert refused.keys() <= header.variadic, refused
    assert all("variable arguments" in reason for reason in refused.values())
