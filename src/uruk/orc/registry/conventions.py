"""Checks that an executor calls functions as the objects of another system's format are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.errors import ObjectFormatError
from uruk.formats.registry import format_named
from uruk.isa.abi import clash

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.target import Target


def check_convention(graph: Graph, place: Target) -> None:
    """Raise ObjectFormatError, which names the first object, if calls between it and the executor's code would fail.

    An object does not say how its functions are called; its format tells, by the system whose own format it is.
    COFF for AArch64 passes in an executor of Linux, as both systems pass fixed arguments alike.
    """
    own = graph.target and graph.target.of_own_system
    conventions = own and clash(own, place)
    if own is None or conventions is None:
        return
    # The format decides, and not the file's machine: x86-64 has two conventions, and one machine number.
    code, there = (convention.name for convention in conventions)
    raise ObjectFormatError(
        graph.files[0],
        "file header",
        f"it is {format_named(own.format).title}, whose functions are called by the {code} convention; the executor is "
        f"{place}, where calls are {there}: use an executor of its system, by "
        f"`uruk.LLJIT(executor=uruk.spawn(target=\"{own}\"))' or `uruk run --oop'; to link without running it, "
        "FixedMemory or `uruk run --no-exec'",
        0,
    )
