"""Every section of COFF objects, linked where lld-link has put it, has lld-link's bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.coff_objects import COMPILERS, IS_GNU, SOURCES, compiled, others
from support.placed_by_lld import compare_with_lld, linked_by_lld

pytestmark = pytest.mark.any_interpreter

LEAST = 3
"""Sections that even the smallest set has."""


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", SOURCES)
def test_sections_have_the_bytes_of_lld(tmp_path: Path, name: str, compiler: str) -> None:
    objects = [compiled(tmp_path, name, compiler)]
    objects.append(others(tmp_path, objects))
    options = ["-lldmingw", "/exclude-all-symbols"] if IS_GNU[compiler] else []
    assert compare_with_lld(linked_by_lld(tmp_path, objects, *options), objects) >= LEAST
