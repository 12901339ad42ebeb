"""What a relaxation tells its caller."""

from __future__ import annotations

from dataclasses import dataclass

from uruk.graph.types import Bool


@dataclass(eq=False, repr=False)
class Relaxed:
    """What relaxation found for the rows it was given: which changed, and which of those moved their field by -1."""

    changed: Bool
    moved_back: Bool
