"""Golden files: objects that are checked in as text, and what is expected to be said of them."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from uruk.formats.elf import x86_64 as elf_x86_64
from uruk.formats.elf.reader import read_objects
from uruk.formats.elf.relocations import read_relocations
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Graph
from uruk.graph.names import Names

FOLDER = Path(__file__).parents[1] / "golden"
OBJECTS = ("everything", "minimal")
UPDATE = os.environ.get("URUK_UPDATE_GOLDEN") == "1"


def object_bytes(name: str) -> bytes:
    """The object of a golden source."""
    return base64.b64decode((FOLDER / f"{name}.o.b64").read_text())


def read_graph(*objects: tuple[str, bytes]) -> tuple[Graph, Names]:
    """A graph of objects, edges read."""
    arena, starts = Arena.join([data for _, data in objects])
    names = Names()
    spans = [Span(file, start, len(data)) for (file, data), start in zip(objects, starts, strict=True)]
    graph = read_objects(arena, spans, elf_x86_64, names)
    graph.edges = read_relocations(graph, elf_x86_64)
    return graph, names


def check_golden(file: str, text: str) -> None:
    """`text` is what the golden file says; with URUK_UPDATE_GOLDEN=1 it is written instead."""
    path = FOLDER / file
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{file} differs; see tests/golden/README.md"
