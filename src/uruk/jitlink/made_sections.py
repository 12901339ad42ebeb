"""``-sectcreate``: a section that is made of a file's bytes, with symbols at offsets in it."""

from __future__ import annotations

import numpy as np

from uruk.formats.registry import format_named
from uruk.graph.arena import Arena
from uruk.graph.graph import (
    Binding,
    Blocks,
    Edges,
    Graph,
    Groups,
    Ranges,
    Relocations,
    SymbolKind,
    Symbols,
    SymbolType,
    Visibility,
    Zone,
)
from uruk.graph.types import NONE
from uruk.jitlink.failures import ToolError, refuse_devices, unreadable
from uruk.jitlink.options import number
from uruk.orc.dylib import JITDylib
from uruk.target import Target


def parts(text: str) -> tuple[str, str, dict[str, int]]:
    """Return section, file and symbols of ``SECTION,FILE[@SYMBOL=OFFSET,...]``; the last comma before the file counts.

    Raises ToolError.
    """
    # The last one, as in LLVM 22: a path may have others.
    front, _, extra = text.rpartition("@") if "@" in text else (text, "", "")
    # The name of a Mach-O section has a comma itself (`__DATA,__const`).
    section, comma, path = front.rpartition(",")
    if not comma or not section or not path:
        raise ToolError(f"In -sectcreate={text}, filename component cannot be empty")
    symbols: dict[str, int] = {}
    for pair in extra.split(",") if extra else ():
        name, _, offset = pair.partition("=")
        value = number(offset)
        if value is None:
            raise ToolError(f"In -sectcreate={text}, {offset} is not a valid integer")
        symbols[name] = value
    return section, path, symbols


def add_section(home: JITDylib, text: str, target: Target) -> None:
    """Add the section that a value of ``-sectcreate`` describes: constants, at a multiple of 16. Raises ToolError."""
    section, path, symbols = parts(text)
    try:
        refuse_devices(path)
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise unreadable(path, error) from error
    graph = _graph(home, section, path, content, symbols, target)
    # No roots: the section is linked when something refers to its symbols.
    home.add_graph(graph, home.create_tracker(path), roots=False)


_ALIGN = 16


def _graph(home: JITDylib, section: str, path: str, content: bytes, symbols: dict[str, int], target: Target) -> Graph:
    """Return a graph of one block, and of symbols in it."""
    # The arena: the section's name, the symbols' names, each with its NUL, then the content.
    texts = [name.encode() + b"\0" for name in (section, *symbols)]
    # The sums are the place of every text and, as the last one, that of the content.
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    arena = Arena([np.frombuffer(b"".join(texts) + content, np.uint8)])
    count = len(symbols)
    blocks = Blocks(
        np.zeros(1, np.int32), offsets[:1], offsets[-1:], np.array([len(content)], np.int64),
        np.array([_ALIGN], np.int64), np.array([Zone.R], np.uint8), np.zeros(1, np.uint8), np.full(1, NONE, np.int32),
    )  # fmt: skip
    table = Symbols(
        np.array(home.names.intern([name.encode() for name in symbols]), np.int32), offsets[1:-1],
        np.zeros(count, np.int32), np.array(list(symbols.values()), np.uint64), np.zeros(count, np.int64),
        np.full(count, SymbolKind.DEFINED, np.uint8), np.full(count, Binding.GLOBAL, np.uint8),
        np.full(count, SymbolType.OBJECT, np.uint8), np.full(count, Visibility.DEFAULT, np.uint8),
    )  # fmt: skip
    one, none = np.array([0, 1], np.int64), np.zeros(2, np.int64)
    return Graph(
        format_named(target.format).instruction_set(target.architecture).KINDS, arena, [path], blocks, table,
        Relocations.empty(), Groups.empty(), Ranges(one, np.array([0, count], np.int64), none, none),
        edges=Edges.empty(), target=target,
    )  # fmt: skip
