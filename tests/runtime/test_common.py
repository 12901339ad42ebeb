"""The common part of the runtime and the executor compiles for every system, Windows among them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from build_support.runtime import run_zig
from build_support.targets import COMMON_FOLDERS, ROOT, RUNTIME, common_flags, list_sources

TRIPLES = ("x86_64-windows-gnu", "x86_64-linux-gnu", "aarch64-linux-gnu")


@pytest.mark.parametrize("triple", TRIPLES)
@pytest.mark.parametrize(
    "source", list_sources(ROOT, COMMON_FOLDERS), ids=lambda path: path.parent.parent.name + "/" + path.name
)
def test_it_compiles(source: Path, triple: str, tmp_path: Path) -> None:
    run_zig(ROOT, "cc", "-target", triple, *common_flags(ROOT), "-c", source, "-o", tmp_path / "object.o")
    assert (tmp_path / "object.o").stat().st_size


STANDARD = {"inttypes.h", "stdarg.h", "stdatomic.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
"""The headers of the C standard library that common sources may include; what else they need, system.h declares."""


@pytest.mark.parametrize("folder", COMMON_FOLDERS)
def test_it_includes_nothing_of_a_system(folder: str) -> None:
    """MinGW has <pthread.h> and <unistd.h>, too, so that it compiles is not enough."""
    sources = sorted((ROOT / RUNTIME / folder).glob("*.[ch]"))
    assert sources
    for source in sources:
        included = set(re.findall(r"^#include <(.*)>", source.read_text(), re.MULTILINE))
        assert included <= STANDARD, f"{source.name}: {included - STANDARD}"


def test_warnings_are_errors(tmp_path: Path) -> None:
    """A pointer in 32 bits, as `unsigned long` is on Windows, does not compile there."""
    source = tmp_path / "narrow.c"
    source.write_text("unsigned long f(void *p)\n{\n    return (unsigned long)p;\n}\n")
    narrow = ("-c", source, "-o", tmp_path / "object.o")
    run_zig(ROOT, "cc", "-target", "x86_64-linux-gnu", *common_flags(ROOT), *narrow)
    with pytest.raises(RuntimeError, match="cast to smaller integer type"):
        run_zig(ROOT, "cc", "-target", "x86_64-windows-gnu", *common_flags(ROOT), *narrow)
