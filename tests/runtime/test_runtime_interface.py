"""An archive of the runtime that is older, or newer, than the Python code is found when it is opened."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

import uruk
from uruk import runtime_files
from uruk.platforms.current_runtime import open_current
from uruk.runtime_interface import DECLARATIONS, INTERFACE, NAME

RUNTIME = Path(__file__).resolve().parents[2] / "runtime"
DECLARATION = re.compile(r"^EXPORTED ([^{;]*?\buruk_rt_\w+\([^)]*\))", re.MULTILINE)


@pytest.mark.quick
def test_a_change_of_the_runtimes_functions_raises_the_number() -> None:
    sources = [path.read_text("utf-8") for path in sorted(RUNTIME.rglob("*.c"))]
    found = sorted(" ".join(match.split()) for source in sources for match in DECLARATION.findall(source))
    assert len(found) > 100
    digest = hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]
    assert digest == DECLARATIONS, (
        f"the declarations of the runtime's functions have changed: in src/uruk/runtime_interface.py set INTERFACE to "
        f"{INTERFACE + 1} and DECLARATIONS to {digest!r}, and run `make runtime'"
    )


@pytest.mark.quick
@pytest.mark.parametrize("target", ["x86_64-linux", "aarch64-linux", "x86_64-windows"])
def test_an_archive_of_another_interface_is_refused(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path(runtime_files.runtime_archive(target))
    content = real.read_bytes()
    assert NAME.encode() in content
    # As long as it was, so that all offsets in the archive stay.
    other = NAME[:-1] + chr(ord(NAME[-1]) + 1)
    (tmp_path / real.name).write_bytes(content.replace(NAME.encode(), other.encode()))
    for file in real.parent.glob("uruk-executor-*"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(runtime_files, "_FOLDERS", (str(tmp_path),))
    open_current.cache_clear()
    try:
        with pytest.raises(uruk.StaleRuntime) as error:
            open_current(target)
        assert str(error.value) == (
            f"{tmp_path}{os.sep}{real.name} was built for another version of uruk's Python code than this one: run "
            "`make runtime' in its source tree, or install uruk again with pip"
        )
    finally:
        open_current.cache_clear()
