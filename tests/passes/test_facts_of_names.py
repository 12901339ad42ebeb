"""What passes say of undefined names, of thread-locals' modules and of runs of content: on a few rows, by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from uruk.graph.graph import Binding, SymbolKind, Symbols, SymbolType, Visibility
from uruk.passes.copy import _run_starts as run_starts  # pyright: ignore[reportPrivateUsage]
from uruk.passes.resolve import undefined_facts
from uruk.passes.state import State
from uruk.passes.tls.plan import own_module

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

UNDEFINED, DEFINED = SymbolKind.UNDEFINED, SymbolKind.DEFINED
WEAK, GLOBAL = Binding.WEAK, Binding.GLOBAL
ROWS = [
    (0, UNDEFINED, WEAK, SymbolType.NOTYPE, Visibility.DEFAULT),
    (0, UNDEFINED, WEAK, SymbolType.NOTYPE, Visibility.DEFAULT),
    (1, UNDEFINED, WEAK, SymbolType.NOTYPE, Visibility.PROTECTED),
    (1, UNDEFINED, GLOBAL, SymbolType.NOTYPE, Visibility.DEFAULT),
    (2, UNDEFINED, GLOBAL, SymbolType.TLS, Visibility.HIDDEN),
    (3, UNDEFINED, WEAK, SymbolType.NOTYPE, Visibility.INTERNAL),
    (4, DEFINED, WEAK, SymbolType.TLS, Visibility.HIDDEN),
    (5, UNDEFINED, GLOBAL, SymbolType.NOTYPE, Visibility.DEFAULT),
    (-1, UNDEFINED, GLOBAL, SymbolType.TLS, Visibility.HIDDEN),
    (6, UNDEFINED, WEAK, SymbolType.TLS, Visibility.DEFAULT),
    (6, UNDEFINED, WEAK, SymbolType.NOTYPE, Visibility.HIDDEN),
]
"""Name, kind, binding, type and visibility; names 4 is a definition that lost, and 5 has a fallback."""
CANONICAL = [0, 0, 2, 2, 4, 5, 6, 7, 0, 9, 9]


def test_facts_of_undefined_names() -> None:
    count = len(ROWS)
    name, kind, binding, type_, visibility = (np.array(column) for column in zip(*ROWS, strict=True))
    symbols = Symbols(
        name.astype(np.int32), np.zeros(count, np.int64), np.full(count, -1, np.int32), np.zeros(count, np.uint64),
        np.zeros(count, np.int64), kind.astype(np.uint8), binding.astype(np.uint8), type_.astype(np.uint8),
        visibility.astype(np.uint8),
    )  # fmt: skip
    fallbacks = SimpleNamespace(symbol=np.array([7]), instead=np.array([0]))
    state = SimpleNamespace(
        graph=SimpleNamespace(symbols=symbols, fallbacks=fallbacks), symbols=symbols, canonical=np.array(CANONICAL),
        undefined=np.array([0, 2, 4, 5, 6, 7, 9]),
    )  # fmt: skip
    weak, tls, hidden = undefined_facts(cast(State, state))
    assert weak.tolist() == [True, False, False, True, False, True, True]
    assert tls.tolist() == [False, False, True, False, False, False, True]
    assert hidden.tolist() == [False, False, True, True, False, False, True]


def test_the_module_of_a_thread_local() -> None:
    """That of its block; that of the object where the row means the start of its module's storage; else -1."""
    owners = {3: 1, 4: 0}
    state = SimpleNamespace(
        symbols=SimpleNamespace(block=np.array([1, 0, 2, -1, -1, -1])), block_module=np.array([7, 8, 9]),
        undefined=np.array([3, 4, 5]), tls_starts=np.array([0, 1]), module_of_object=np.array([5, 6]),
        graph=SimpleNamespace(object_of_symbol=owners.__getitem__),
    )  # fmt: skip
    assert [own_module(cast(State, state), row) for row in range(6)] == [8, 7, 9, 6, 5, -1]


def test_runs_of_content() -> None:
    """A run goes on where the gap is the same on both sides, no overlap, and no larger than alignment makes it."""
    rows = [
        # where it comes from, where it goes, its size and alignment, and whether it is placed exactly; begins a run
        (100, 1000, 10, 1, False, True), (110, 1010, 10, 1, False, False), (123, 1023, 5, 4, False, False),
        (132, 1032, 8, 4, False, True), (143, 1044, 5, 8, False, True), (147, 1048, 9, 8, False, True),
        (156, 1057, 4, 1, True, True), (160, 1061, 4, 1, False, True), (164, 1065, 4, 1, False, False),
    ]  # fmt: skip
    source, target, size, align = (np.array(column, np.int64) for column in list(zip(*rows, strict=True))[:4])
    exact = np.array([row[4] for row in rows])
    assert run_starts(source, target, size, align, exact).tolist() == [row[5] for row in rows]
