"""Small objects are read alike row by row and in columns: sound ones, and thousands that are broken.

URUK_HOSTILE_CASES: how many mutations of each corpus (1,000 by default; `make soak` has 200,000).
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sweep import cases

from uruk.errors import ObjectFormatError, UnsupportedRelocation
from uruk.formats.elf import reader, relocations
from uruk.formats.elf.format import pair_of
from uruk.formats.elf.reader import Pair
from uruk.formats.elf.small_reader import read_few_relocations, read_small
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Graph, Table
from uruk.graph.names import Names
from uruk.graph.row_graph import RowGraph

from support import sample_objects
from support.elf_picture import Picture

pytestmark = pytest.mark.any_interpreter

CASES = int(os.environ.get("URUK_HOSTILE_CASES", "1000"))
SEED = int(os.environ.get("URUK_HOSTILE_SEED", "1"))


def read_both_ways(data: bytes, pair: Pair) -> str:
    """Read an object both ways, and compare all columns and names; returns what came of it."""
    arena, [start] = Arena.join([data])
    span, view = Span("input.o", start, len(data)), memoryview(arena.buffers[0])
    try:
        header = reader.read_header(view, span, pair)
    except ObjectFormatError:
        return "no header"
    names, expected_names = Names(), Names()
    rows = read_small(view, span.start, span.size, header, pair, names)
    if rows is None:
        assert not names  # what is left to the columns leaves no names
        return "left to the columns"
    expected = reader.read_columns(arena, [span], [header], pair, expected_names)
    assert dict(names) == dict(expected_names)
    graph = reader.read_objects(arena, [span], pair, Names())
    assert isinstance(graph, RowGraph)
    for name in ("blocks", "symbols", "relocations", "groups"):
        same_columns(getattr(expected, name), getattr(graph, name))
    assert not expected.trampolines
    for name in ("blocks", "symbols", "relocations", "groups"):
        assert np.array_equal(getattr(graph.ranges, name), getattr(expected.ranges, name))
    return read_edges_both_ways(graph, expected, pair)


def read_edges_both_ways(graph: Graph, expected: Graph, pair: Pair) -> str:
    """Read the edges of all blocks, and of every second one."""
    half = np.arange(len(graph.blocks)) % 2 == 0
    for wanted in (half, None):
        edges = read_few_relocations(graph, pair, wanted)
        if edges is not None:
            same_columns(relocations.read_columns(expected, pair, wanted), edges)
    return "edges left to the columns" if edges is None else "read"


def same_columns(expected: Table, table: Table) -> None:
    """Values and types are the same."""
    for column, values in vars(expected).items():
        other = getattr(table, column)
        assert other.dtype == values.dtype, column
        assert np.array_equal(other, values), column


@pytest.mark.quick
def test_small_objects_are_read_alike(objects: dict[str, bytes]) -> None:
    outcomes = {name: read_both_ways(data, pair_of("x86_64")) for name, data in objects.items()}
    assert outcomes["gcc"] == outcomes["clang"] == outcomes["tls"] == outcomes["gcc-sections"] == "read", outcomes
    assert outcomes["cpp"] == outcomes["cpp-clang"] == outcomes["ld-r"] == "read", outcomes
    assert outcomes["crel"] == outcomes["linkonce"] == "left to the columns", outcomes


@pytest.mark.quick
def test_sections_that_refer_to_symbols_and_content(objects: dict[str, bytes]) -> None:
    """They may be relocations, so that the columns decide; those that refer to no symbols are read like others."""
    outcomes: list[str] = []
    index = Picture(objects["gcc"]).find(".rela.text")
    for link in (None, 0):
        picture = Picture(objects["gcc"])
        picture.set(index, type=0x6FFF4C03)  # SHT_LLVM_ADDRSIG
        if link is not None:
            picture.set(index, link=link)
        outcomes.append(read_both_ways(picture.bytes(), pair_of("x86_64")))
    assert outcomes == ["left to the columns", "read"]


@pytest.mark.quick
def test_broken_small_objects_are_read_alike(objects: dict[str, bytes]) -> None:
    outcomes: Counter[str] = Counter()
    for name, make in islice(cases(objects, {}, SEED), CASES):
        try:
            outcomes[read_both_ways(make(), pair_of("x86_64"))] += 1
        except (AssertionError, ObjectFormatError, UnsupportedRelocation) as error:
            raise AssertionError(f"seed {SEED}: {name}") from error
    assert min(outcomes["read"], outcomes["left to the columns"]) > CASES // 50, outcomes


def test_broken_small_objects_of_aarch64_are_read_alike(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for name, make in islice(cases(sample_objects.build_aarch64(tmp_path), {}, SEED), CASES):
        try:
            outcomes[read_both_ways(make(), pair_of("aarch64"))] += 1
        except (AssertionError, ObjectFormatError, UnsupportedRelocation) as error:
            raise AssertionError(f"seed {SEED}: {name}") from error
    assert min(outcomes["read"], outcomes["left to the columns"]) > CASES // 50, outcomes
