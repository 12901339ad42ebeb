"""What a relaxation is told, and what it tells its caller."""

from __future__ import annotations

from dataclasses import dataclass

from uruk.graph.types import I32, I64, U8, Bool


@dataclass(eq=False, repr=False)
class GOTLoads:
    """Edges to GOT slots of relaxable kinds, a row each, in the order of their blocks."""

    image: U8
    kind: U8
    block: I32
    offset: I64
    """Of the field in its block; in `position` in `image`, in `place` the address."""
    position: I64
    place: I64
    symbol: I32
    target: I64
    """The symbol's address."""
    addend: I64


@dataclass(eq=False, repr=False)
class Relaxed:
    """What relaxation found for the rows it was given: which changed, and which of those moved their field by -1.

    `kind` has their kinds, if these are others now.
    """

    changed: Bool
    moved_back: Bool
    kind: U8 | None = None
