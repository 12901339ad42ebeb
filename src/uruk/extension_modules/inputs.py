"""The inputs of an extension module: objects, archives, libraries and sources, put into a dylib of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from uruk.compile.languages import language_of
from uruk.errors import LibraryNotFound
from uruk.extension_modules.building import CYTHON, Build
from uruk.libraries.search import LibrarySearch
from uruk.orc import compiled_sources
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.inputs import PathLike, Source

_CPP_LIBRARY = "stdc++"


def is_source(path: str) -> bool:
    """Return True for a file that is compiled first, by its suffix."""
    return bool(language_of(path)) or path.endswith(CYTHON)


def name_of(inputs: Sequence[PathLike | Source]) -> str:
    """Return the path of the first input that has one."""
    return next((os.path.abspath(item) for item in inputs if isinstance(item, (str, os.PathLike))), "<object>")


def add_inputs(
    dylib: JITDylib, inputs: Sequence[PathLike | Source], build: Build, libraries: Sequence[PathLike]
) -> None:
    """Add a module's inputs and libraries. The library of C++ is loaded where something refers to it.

    Raises what compiling and reading them raises, and LibraryNotFound.
    """
    for item in inputs:
        if isinstance(item, (str, os.PathLike)):
            _add_file(dylib, os.fspath(item), build)
        else:
            dylib.add_object(item, f"<object of {build.name}>")
    for source in build.more:
        if source not in inputs:
            _add_file(dylib, source, build)
    for library in libraries:
        _add_library(dylib, library)
    _add_cpp_library(dylib)


def _add_file(dylib: JITDylib, path: str, build: Build) -> None:
    if is_source(path):
        dylib.add_object(compiled_sources.take(dylib, build.compile(path)), path)
    else:
        _add_library(dylib, os.path.join(".", path))  # text with a slash is a path, and no name of a library


def _add_library(dylib: JITDylib, name: PathLike) -> None:
    for file in LibrarySearch(target=dylib.session.target).find(name):
        if file.kind == "archive":
            dylib.add_archive(file.path)
        elif file.kind == "object":
            dylib.add_object(file.path)
        else:
            dylib.add_shared_library(file.path)


def _add_cpp_library(dylib: JITDylib) -> None:
    """Have the library of g++'s drivers loaded by the first name that nothing else defines; C modules do without."""
    try:
        found = LibrarySearch(target=dylib.session.target).find(_CPP_LIBRARY)
    except LibraryNotFound:
        return  # a module that needs it is refused, with the undefined names
    for file in found:
        dylib.defer_library(file.path, partial(dylib.load_library, file.path))
