"""Every section of COFF objects, linked where lld-link has put it, has lld-link's bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.coff_objects import COMPILERS, IS_GNU, SOURCES, compiled, others
from support.placed_by_lld import compare_with_lld, linked_by_lld

pytestmark = pytest.mark.any_interpreter

LEAST = 3
"""Sections that even the smallest set has."""


QUICK = {
    ("switches.c", "gcc-big"), ("weak.c", "gcc-O2"), ("imports.c", "clang-gnu"), ("large_frame.c", "clang-msvc-O0"),
    ("templates.cc", "clang-msvc-sections"), ("thrown.cc", "gcc-O2"),
}  # fmt: skip
"""One of each source's kind and of each compiler's way."""
ALL = [
    pytest.param(name, compiler, marks=[pytest.mark.quick] if (name, compiler) in QUICK else [])
    for name in SOURCES
    for compiler in COMPILERS
]


def test_there_are_sets_of_every_kind() -> None:
    kinds = {(name.endswith(".cc"), IS_GNU[compiler]) for name in SOURCES for compiler in COMPILERS}
    assert len(kinds) == 4
    assert len(ALL) >= 40


@pytest.mark.parametrize(("name", "compiler"), ALL)
def test_sections_have_the_bytes_of_lld(tmp_path: Path, name: str, compiler: str) -> None:
    objects = [compiled(tmp_path, name, compiler)]
    objects.append(others(tmp_path, objects))
    options = ["-lldmingw", "/exclude-all-symbols"] if IS_GNU[compiler] else []
    assert compare_with_lld(linked_by_lld(tmp_path, objects, *options), objects) >= LEAST
