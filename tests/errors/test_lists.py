"""Arguments that are lists: one text, which Python would take for its letters, is an error that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import uruk
from uruk.compile.compile_source import compile_text

pytestmark = pytest.mark.quick

OF_JIT: dict[str, Callable[[Any], object]] = {
    "sources": lambda jit: jit.add_objects("a.o"),
    "names": lambda jit: jit.lookup_all("main"),
    "weak": lambda jit: jit.lookup_all(["main"], weak="other"),
    "link_order": lambda jit: jit.create_dylib("second", "main"),
    "directories": lambda jit: jit.set_search_path("lib"),
    "inputs": lambda jit: jit.import_module("fast", "fast.o"),
    "libraries": lambda jit: jit.import_module("fast", ["fast.o"], libraries="m"),
    "flags": lambda jit: jit.import_module("fast", ["fast.c"], flags="-O2"),
}
OTHERS: list[tuple[str, Callable[[], object]]] = [
    ("libraries", lambda: uruk.load("a.o", libraries="stdc++")),
    ("libraries", lambda: uruk.Program("a.o", libraries="m")),
    ("directories", lambda: uruk.Program("a.o", directories="lib")),
    ("flags", lambda: uruk.Program("a.o", target="x86_64-linux", flags="-pthread")),
    ("launcher", lambda: uruk.Program("a.o", target="x86_64-linux", launcher="qemu-aarch64")),
    ("undefined", lambda: uruk.Program("a.o", options=uruk.LinkOptions(undefined="start"))),
    ("launcher", lambda: uruk.spawn(launcher="wine")),
    ("libraries", lambda: uruk.install_importer(["."], libraries="m")),
    ("flags", lambda: uruk.install_importer(["."], flags="-O2")),
]


def refused(name: str) -> Any:
    """The error that a call with a text for the list `name` raises."""
    return pytest.raises(uruk.InvalidType, match=rf"{name} is a list, and '.*' one thing: write {name}=\['")


@pytest.mark.parametrize("name", OF_JIT)
def test_a_text_is_no_list_of_a_session(name: str, jit: uruk.LLJIT) -> None:
    jit.define("main", 16)
    with refused(name):
        OF_JIT[name](jit)


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_a_text_is_no_list(number: int) -> None:
    name, call = OTHERS[number]
    with refused(name):
        call()


def test_what_else_is_no_list(jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.InvalidType, match="libraries is a list, and 5 is none"):
        uruk.load("a.o", libraries=5)  # pyright: ignore[reportArgumentType]
    for wrong in (jit.add_library, jit.add_search_directory):
        with pytest.raises(uruk.InvalidType, match="5 is not the path of a file"):
            wrong(5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(uruk.CompileError, match="flags are a sequence"):
        compile_text("int a;", flags="-O2")
