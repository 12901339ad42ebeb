"""uruk's own executor has the runtime in it; into an executor of another version the runtime is linked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import uruk
from build_support import runtime_table
from uruk.formats.archive import Archive
from uruk.platforms.linux import runtime_there
from uruk.platforms.linux.runtime_archive import INTERPOSED, function_names, open_runtime, version_of
from uruk.runtime_files import executor_program, runtime_archive

from support.requirements import require_tool
from support.sample_objects import compiled

THROWS = """
#include <stdexcept>
thread_local struct Noted { int count = 5; ~Noted() { count = 0; } } noted;
extern "C" int caught(int number) {
    try { if (number > 3) throw std::runtime_error("high"); } catch (const std::exception &) { return noted.count; }
    return number;
}
"""


@pytest.mark.parametrize("target", ["x86_64-linux", "aarch64-linux"])
def test_the_executor_names_every_function_that_is_called(target: str) -> None:
    if target == "aarch64-linux":
        require_tool("qemu-aarch64")
    architecture = target.partition("-")[0]
    archive = open_runtime(architecture)
    with uruk.spawn(target=target) as executor:
        symbols = executor.connection.setup.symbols
        names = [name.decode() for name in function_names(archive)]
        assert {name: symbols.get(name, 0) for name in names if not symbols.get(name)} == {}
        assert version_of(archive).decode() in symbols
        assert executor.runtime.address == {name.encode(): symbols[name] for name in names}
        assert list(executor.memory.slabs) == []


def test_the_table_has_the_interposed_functions() -> None:
    assert tuple(name.encode() for name in runtime_table.INTERPOSED) == INTERPOSED
    table = runtime_table.table_of(Path(runtime_archive("x86_64-linux")).read_bytes())
    assert table.count('visibility("hidden")') == table.count('    {"') > 80
    with pytest.raises(ValueError, match="not an archive with an index"):
        runtime_table.table_of(b"!<arch>\nno index")


def test_libraries_see_none_of_it() -> None:
    nm = require_tool("nm")
    command = [nm, "--dynamic", "--defined-only", executor_program()]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "__jit_debug_register_code" in shown
    assert not [name for name in shown if name.startswith("uruk_") or name in runtime_table.INTERPOSED]


@pytest.mark.parametrize("built_in", [True, False])
def test_it_is_linked_into_an_executor_of_another_version(
    built_in: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def later(archive: Archive) -> bytes:
        return version_of(archive) if built_in else b"uruk_version_later"

    monkeypatch.setattr(runtime_there, "version_of", later)
    executor = uruk.spawn()
    symbols = executor.connection.setup.symbols.values()
    assert (executor.runtime.address[b"uruk_rt_connect"] in symbols) is built_in
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_library("libstdc++.so.6")
        jit.add_object(compiled(tmp_path, "throws", "g++", THROWS, "-O1"), "throws.o")
        caught = jit.lookup("caught").function("int(int)")
        assert [caught(number) for number in (1, 7)] == [1, 5]
