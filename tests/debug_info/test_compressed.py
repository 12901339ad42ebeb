"""Types from debug sections of clang's that are compressed by zstd; broken ones are refused in bounded time."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.errors import ObjectFormatError

from support.compiling import Compile
from support.requirements import missing

pytestmark = pytest.mark.quick
_CHDR = 24
TEXT = "struct point { int x; double y; }; double f(struct point p) { return p.x * p.y; } int counter = 7;"


@pytest.fixture
def compressed(cc: Compile) -> Path:
    if find_spec("zstandard") is None:
        missing("zstandard")
    found = cc(TEXT, "-g", "-gz=zstd", family="clang")
    shown = subprocess.run(["readelf", "-tW", found], capture_output=True, text=True, check=True).stdout
    assert "ZSTD" in shown
    return found


def test_types_are_read(compressed: Path, jit: uruk.LLJIT) -> None:
    jit.add_object(compressed)
    assert jit.f({"x": 3, "y": 1.5}) == 4.5
    assert jit.counter == 7


def test_without_the_package_the_error_says_what_to_install(compressed: Path) -> None:
    program = f"import sys, uruk\nsys.modules['zstandard'] = None\nuruk.load({str(compressed)!r}).f((1, 2))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "is compressed by zstd, for which a package is not installed: pip install 'uruk[types]'" in done.stderr


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (8, 1 << 60, "compressed bytes cannot have"),
        (8, 200, "has not 200 bytes when it is decompressed"),
        (8, 3, "has not 3 bytes when it is decompressed"),
        (_CHDR, 0, "cannot be decompressed"),
        (_CHDR + 8, (1 << 64) - 1, "section"),
    ],
)
def test_broken_streams(compressed: Path, jit: uruk.LLJIT, place: int, value: int, told: str) -> None:
    data = bytearray(compressed.read_bytes())
    at = data.find(b"\x28\xb5\x2f\xfd") - _CHDR  # the magic number of zstd, behind a header
    data[at + place : at + place + 8] = value.to_bytes(8, "little")
    jit.add_object(bytes(data))
    with pytest.raises(ObjectFormatError, match=told):
        jit.f((1, 2))


def test_objects_of_clang_and_zlib_have_the_same_types(compressed: Path, cc: Compile) -> None:
    with uruk.load(compressed) as one, uruk.load(cc(TEXT, "-g", "-gz=zlib", family="clang")) as other:
        assert one.f.__doc__.splitlines()[0] == other.f.__doc__.splitlines()[0]
        assert np.isclose(one.f((2, 0.5)), other.f((2, 0.5)))
