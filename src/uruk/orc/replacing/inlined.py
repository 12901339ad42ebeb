"""Finds the functions that have a copy of another one's code: who replaces that alone must know of them."""

from __future__ import annotations

from uruk.orc.replacing.versions import Versions


def refuse_copies(versions: Versions, function: str) -> None:
    """Raise NotReplaced where code of a function is elsewhere than in itself."""
