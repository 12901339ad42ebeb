"""The maps of ELF's relocations, by architecture. A map is imported when it is asked for."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import cast

from uruk.errors import UnknownTarget
from uruk.formats.elf.reader import Pair

_MAPS = {"x86_64": "uruk.formats.elf.x86_64", "aarch64": "uruk.formats.elf.aarch64"}


@lru_cache(maxsize=8)
def pair_of(architecture: str) -> Pair:
    """The pair of ELF and an architecture. Raises UnknownTarget for one without a map of relocations."""
    if architecture not in _MAPS:
        raise UnknownTarget(f"ELF for {architecture}", [f"ELF for {name}" for name in _MAPS])
    return cast("Pair", import_module(_MAPS[architecture]))
