"""Sources of extension modules: C, C++ and Cython, compiled against the headers of this interpreter and of its numpy.

What pybind11 and nanobind need beside them (folders of headers, flags, nanobind's own library) is found by what a
source includes: see their manuals, "Build systems" and "Building manually".
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from uruk.compile.compile_source import Compiled, compile_source, compile_text
from uruk.errors import CompileError, CompilerNotFound, InputNotFound

CYTHON = ".pyx"
_BINDINGS = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"](pybind11|nanobind)/', re.M)
_CYTHON_PLUS = re.compile(rb"^#\s*distutils:\s*language\s*=\s*c\+\+", re.M)
_FLAGS = {
    "pybind11": ("-std=c++17", "-fvisibility=hidden"),
    "nanobind": ("-std=c++17", "-fvisibility=hidden", "-fno-strict-aliasing"),
}
_TIMEOUT = 300
"""Seconds that Cython may take for a source."""


@dataclass
class Build:
    """The compilation of one module's sources: the module's whole `name`, `flags` of the user's, the `compiler`."""

    name: str
    flags: Sequence[str] = ()
    compiler: str | Sequence[str] | None = None
    more: list[str] = field(default_factory=list[str])
    """Sources of a binding library that one of the sources needs."""

    def compile(self, path: str) -> Compiled:
        """Compile one source, from the cache where it is there. Raises CompilerNotFound, CompileError."""
        headers = (sysconfig.get_path("include"), sysconfig.get_path("platinclude"), np.get_include())
        flags = ["-O2", "-fPIC", *_include(*headers)]
        if path.endswith(CYTHON):
            # As text, since the cache knows a file by its path, and the translation has a new one each time.
            text, language = cythonize(path, self.name)
            flags += _include(os.path.dirname(os.path.abspath(path)))
            return compile_text(text, language, name=path, flags=[*flags, *self.flags], compiler=self.compiler)
        binding = binding_of(path)
        if binding == "pybind11":
            flags += [*_FLAGS[binding], *_include(_package(binding).get_include())]
        elif binding == "nanobind":
            flags += [*_FLAGS[binding], *self._nanobind()]
        return compile_source(path, flags=[*flags, *self.flags], compiler=self.compiler)

    def _nanobind(self) -> list[str]:
        package = _package("nanobind")
        library = os.path.join(package.source_dir(), "nb_combined.cpp")
        if library not in self.more:
            self.more.append(library)
        robin_map = os.path.join(os.path.dirname(package.include_dir()), "ext", "robin_map", "include")
        return _include(package.include_dir(), robin_map)


def binding_of(path: str) -> str:
    """Return the binding library whose headers a source includes by itself: pybind11, nanobind, or an empty text."""
    found = _BINDINGS.search(_content(path))
    if found:
        return found[1].decode("ascii")
    return "nanobind" if os.path.basename(path) == "nb_combined.cpp" else ""


def cythonize(path: str, name: str) -> tuple[str, str]:
    """Have Cython translate a source to C, or to C++ where it asks for that; returns the text and its language.

    Raises CompilerNotFound where Cython is not installed, InputNotFound and CompileError.
    """
    plus = _CYTHON_PLUS.search(_content(path)) is not None
    with tempfile.TemporaryDirectory(prefix="uruk-") as folder:
        output = os.path.join(folder, "translated")
        options = ["-3", "--module-name", name, "--output-file", output, *(["--cplus"] if plus else [])]
        command = [sys.executable, "-m", "cython", *options, "--", os.path.abspath(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        if done.returncode and "No module named cython" in done.stderr:
            raise CompilerNotFound("Cython", ["the package cython of this Python (pip install cython)"])
        if done.returncode:
            raise CompileError(path, "cython", done.stderr)
        with open(output, encoding="utf-8") as file:
            return file.read(), "c++" if plus else "c"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputNotFound(path, "file", error.strerror or str(error)) from error


def _include(*folders: str) -> list[str]:
    return [f"-I{folder}" for folder in dict.fromkeys(folders)]


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise CompilerNotFound(name, [f"the package {name} of this Python (pip install {name})"]) from None
