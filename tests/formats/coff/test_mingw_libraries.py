"""MinGW's libraries, and zig's: every member is read and linked, with what it lacks from elsewhere at 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from uruk.compile.zig import zig_windows_libraries
from uruk.formats.archive import Archive
from uruk.orc.registry.entries import ImportEntry, ObjectEntry

from support.coff_objects import assembled, run
from support.requirements import require_tool
from support.windows_links import windows_session

pytestmark = pytest.mark.any_interpreter


ZIG_CACHE = Path(__file__).resolve().parents[3] / "build" / "zig-cache"


def link_all_members(path: Path, folder: Path) -> int:
    """Link every member of an archive, with an object that refers to all of them; return how many there are."""
    with Archive.open(path) as archive, windows_session(phony=True) as jit:
        for member in archive.members():
            jit.add_object(archive.read(member), member.name)
        entries = [entry for entry in jit.session.objects.values() if isinstance(entry, ObjectEntry)]
        numbers = {number for entry in entries for number in entry.added.definitions.name.tolist()}
        names = [text.decode() for text in jit.main.names.ids.texts(sorted(numbers))]
        table = "".join(f'.quad "{name}"\n' for name in names)
        jit.add_object(assembled(folder, "user", f".data\n.globl table_of_all\ntable_of_all:\n{table}"))
        jit.lookup("table_of_all")  # hidden names are seen by code only
        owner = jit.session.table.owner
        for entry in jit.session.pending.values():  # nobody asked for them: others have what they define
            mine = entry.added.definitions.object == entry.index
            assert not (owner[entry.added.definitions.name[mine]] == entry.number).any(), entry.file
        return len(entries)


@pytest.mark.parametrize(("library", "least"), [("libstdc++.a", 150), ("libmingwex.a", 300), ("libgcc.a", 200)])
def test_members_are_linked(tmp_path: Path, library: str, least: int) -> None:
    compiler = require_tool("x86_64-w64-mingw32-g++-posix")
    assert link_all_members(Path(run([compiler, f"-print-file-name={library}"]).strip()), tmp_path) >= least


def test_members_of_zigs_libraries_are_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(ZIG_CACHE))
    paths = {Path(path).name: Path(path) for path in zig_windows_libraries(cxx=True)}
    least = {"c++.lib": 40, "c++abi.lib": 10, "unwind.lib": 3, "zigc.lib": 1}
    for name, count in least.items():
        assert link_all_members(paths[name], tmp_path) >= count, name


def test_every_member_of_a_large_import_library() -> None:
    """libstdc++.dll.a, by ld: thousands of imports, variables with two more names among them."""
    compiler = require_tool("x86_64-w64-mingw32-g++-posix")
    path = run([compiler, "-print-file-name=libstdc++.dll.a"]).strip()
    with windows_session(phony=True) as jit:
        jit.add_archive(path, whole=True)
        entries = [entry for entry in jit.session.objects.values() if isinstance(entry, ImportEntry)]
        found = {item.name: item for entry in entries for item in entry.imports.values()}
        assert len(found) > 5000
        assert {item.library for item in found.values()} == {"libstdc++-6.dll"}
        assert found[b"_ZTVN10__cxxabiv117__class_type_infoE"].is_data
        assert not found[b"_ZSt9terminatev"].is_data
