"""MinGW's libraries: every member is read and linked, with what it lacks from elsewhere at 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from uruk.formats.archive import Archive
from uruk.orc.registry.entries import ImportEntry, ObjectEntry

from support.coff_objects import run
from support.requirements import require_tool
from support.windows_links import windows_session

pytestmark = pytest.mark.any_interpreter


@pytest.mark.parametrize(("library", "least"), [("libstdc++.a", 150), ("libmingwex.a", 300), ("libgcc.a", 200)])
def test_members_are_linked(library: str, least: int) -> None:
    compiler = require_tool("x86_64-w64-mingw32-g++-posix")
    path = Path(run([compiler, f"-print-file-name={library}"]).strip())
    with Archive.open(path) as archive, windows_session(phony=True) as jit:
        for member in archive.members():
            jit.add_object(archive.read(member), member.name)
        entries = [entry for entry in jit.session.objects.values() if isinstance(entry, ObjectEntry)]
        numbers = {number for entry in entries for number in entry.added.definitions.name.tolist()}
        jit.session.lookup(jit.main, jit.main.names.ids.texts(sorted(numbers)), roots=True)
        assert len(entries) >= least
        owner = jit.session.table.owner
        for entry in jit.session.pending.values():  # nobody asked for them: others have what they define
            mine = entry.added.definitions.object == entry.index
            assert not (owner[entry.added.definitions.name[mine]] == entry.number).any(), entry.file


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
