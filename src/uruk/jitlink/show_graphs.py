"""``-show-graphs`` and ``-show-relocated-section-contents``: linked files as LLVM's tool prints them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

from uruk.jitlink.failures import ToolError
from uruk.jitlink.graph_view import BlockView, FileView, SymbolView
from uruk.passes.state import State

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9a-fA-F",
    "space": r"\s", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip
"""POSIX's classes of characters inside brackets, which Python's regular expressions have not."""
_WIDTH = 16
"""Bytes of a line of contents."""


def graphs_text(states: Iterable[State], pattern: str) -> str:
    """Return the graphs of all files whose names match a regular expression. Raises ToolError."""
    wanted = _compiled(pattern)
    views = (FileView(state, index) for state in states for index in range(len(state.graph.files)))
    return "".join(_graph(view) for view in views if wanted.search(view.name))


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression of POSIX's. Raises ToolError."""
    text = pattern
    for name, members in _CLASSES.items():
        text = text.replace(f"[:{name}:]", members)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of brackets that a later Python may read otherwise
            return re.compile(text)
    except re.error as error:
        raise ToolError(f"-show-graphs={pattern} is no regular expression: {error}") from error


def _graph(view: FileView) -> str:
    text = f'Link graph "{view.name}" post-fixup:\n'
    for section in view.sections():
        text += f"section {section.name}:\n\n" + "".join(_block(block) for block in section.blocks)
    text += "Absolute symbols:\n" + _outside(view.outside(absolute=True))
    return text + "\nExternal symbols:\n" + _outside(view.outside(absolute=False))


def _block(block: BlockView) -> str:
    zeros = ", zero-fill" if block.position < 0 else ""
    text = f"  block {block.address:#x} size = {block.size:#010x}, align = {block.align}, alignment-offset = 0{zeros}\n"
    if block.symbols:
        text += "    symbols:\n" + "".join(
            f"      {block.address + symbol.offset:#x} (block + {symbol.offset:#010x}): {_facts(symbol)}\n"
            for symbol in block.symbols
        )
    else:
        text += "    no symbols\n"
    if not block.edges:
        return text + "    no edges\n\n"
    return text + "    edges:\n" + "".join(
        f"      {block.address + edge.offset:#x} (block + {edge.offset:#010x}), addend = "
        f"{'-' if edge.addend < 0 else '+'}{abs(edge.addend):#010x}, kind = {edge.kind}, target = {edge.target}\n"
        for edge in block.edges
    ) + "\n"  # fmt: skip


def _facts(symbol: SymbolView) -> str:
    linkage = "weak" if symbol.is_weak else "strong"
    live = "live" if symbol.is_live else "dead"
    return f"size: {symbol.size:#010x}, linkage: {linkage}, scope: {symbol.scope}, {live}  -   {symbol.name}"


def _outside(symbols: list[tuple[int, SymbolView]]) -> str:
    return "".join(
        f"  {address:#x}: {address:#x} (addressable + 0x00000000): {_facts(symbol)}\n" for address, symbol in symbols
    )


def contents_text(states: Iterable[State]) -> str:
    """Return the bytes of each section of every file, 16 a line, with their addresses."""
    text = ""
    for state in states:
        for index, file in enumerate(state.graph.files):
            text += f"Relocated section contents for {file}:\n"
            for section in FileView(state, index).sections():
                text += f"{section.name} content:" + _contents(state, section.blocks) + "\n"
    return text


def _contents(state: State, blocks: list[BlockView]) -> str:
    if not blocks:
        return "\n  section empty"
    # The first line begins at a multiple of 16, and blanks stand for the bytes before the block.
    text, at = "", blocks[0].address & -_WIDTH
    for block in blocks:
        stored = block.position >= 0
        content = state.image[block.position : block.position + block.size].tobytes() if stored else bytes(block.size)
        for address in range(at, block.address + block.size):
            if address % _WIDTH == 0:
                text += f"\n{address:#018x}:"
            text += f" {content[address - block.address]:02x}" if address >= block.address else "   "
        # The gap to the next block is printed as blanks, too.
        at = max(at, block.address + block.size)
    return text
