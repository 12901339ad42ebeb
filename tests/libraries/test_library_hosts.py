"""The search for libraries knows no system: a host with names of its own finds libraries as Linux's does."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from uruk.errors import LibraryNotFound, UnknownTarget
from uruk.formats.byte_source import ByteSource
from uruk.libraries.interface import Find, HostLibraries, Kind, LibraryFile
from uruk.libraries.linux.host import LinuxLibraries
from uruk.libraries.search import LibrarySearch, host_libraries
from uruk.libraries.windows.host import WindowsLibraries
from uruk.target import Target

pytestmark = pytest.mark.quick


class PrefixedHost:
    """A host whose files begin with a mark and one letter for the architecture: ``SHR0`` is one of architecture 0."""

    architecture = "0"

    def __init__(self, places: Sequence[Path], at_run_time: Path) -> None:
        self.places = [str(place) for place in places]
        self.at_run_time = at_run_time

    def directories(self) -> Sequence[str]:
        return self.places

    def file_names(self, name: str, *, static: bool) -> Sequence[str]:
        return [f"{name}.static"] if static else [f"{name}.import", f"{name}.static"]

    def is_file_name(self, text: str) -> bool:
        return text.endswith((".import", ".static", ".shared"))

    def is_of_every_process(self, name: str) -> bool:
        return name == "base"

    def loader_path(self, file_name: str) -> str | None:
        return str(self.at_run_time / file_name)

    def runtime_files(self, name: str, directories: Sequence[str]) -> Sequence[str]:
        return [str(self.at_run_time / f"{name}{version}.shared") for version in (3, 2, 1)]

    def searched_at_run_time(self) -> Sequence[str]:
        return [str(self.at_run_time)]

    def hints_for(self, names: Iterable[bytes], find: Find) -> dict[bytes, str]:
        path = find.runtime_path("late")
        return {name: f"defined in {path}" for name in names if path and name == b"late_one"}

    def hint_at(self, place: str) -> str:
        return ""

    def target_of_head(self, head: bytes) -> Target | None:
        return Target("prefixed", head[3:4].decode(), "") if head[:3] in (b"SHR", b"OBJ") else None

    def kind_of(self, source: ByteSource) -> Kind | None:
        marks: dict[bytes, Kind] = {b"SHR": "shared", b"OBJ": "object"}
        return marks.get(source.read(0, min(3, source.size), "mark"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("near", "far", "run"):
        (tmp_path / part).mkdir()
    (tmp_path / "near" / "z.import").write_bytes(b"SHR1 of another machine")
    (tmp_path / "far" / "z.import").write_bytes(b"SHR0")
    (tmp_path / "far" / "base.import").write_bytes(b"SHR0")
    (tmp_path / "far" / "o.static").write_bytes(b"OBJ0")
    (tmp_path / "far" / "both.import").write_bytes(b"INPUT(-lz o.static)")
    (tmp_path / "run" / "late1.shared").write_bytes(b"SHR0")
    (tmp_path / "run" / "late2.shared").write_bytes(b"SHR0")
    (tmp_path / "run" / "late3.shared").write_bytes(b"SHR1")
    return tmp_path


@pytest.fixture
def search(folder: Path) -> LibrarySearch:
    host: HostLibraries = PrefixedHost([folder / "far"], folder / "run")
    return LibrarySearch([folder / "near"], host=host)


def test_names_directories_and_machines_are_the_hosts(folder: Path, search: LibrarySearch) -> None:
    assert search.find("z") == [LibraryFile("shared", f"{folder}/far/z.import")]
    assert search.find("o") == [LibraryFile("object", f"{folder}/far/o.static")]
    assert search.find("z.import") == search.find("z") == search.find(":z.import")
    assert search.find("both") == [*search.find("z"), *search.find("o")]


def test_an_archive_is_one_on_every_host(folder: Path, search: LibrarySearch) -> None:
    (folder / "member").write_bytes(b"OBJ0")
    subprocess.run(["ar", "rcS", "near/a.static", "member"], cwd=folder, check=True)
    assert search.find("a") == [LibraryFile("archive", f"{folder}/near/a.static")]
    (folder / "member").write_bytes(b"OBJ1")
    subprocess.run(["ar", "rS", "near/a.static", "member"], cwd=folder, check=True, capture_output=True)
    with pytest.raises(LibraryNotFound):
        search.find("a")


def test_static_libraries(folder: Path, search: LibrarySearch) -> None:
    with pytest.raises(LibraryNotFound) as caught:
        search.find("z", static=True)
    assert caught.value.searched == (f"{folder}/near", f"{folder}/far", f"{folder}/run")
    assert search.find("o", static=True) == search.find("o")
    assert search.find("base", static=True) == [LibraryFile("shared", f"{folder}/far/base.import")]


def test_what_programs_load(folder: Path, search: LibrarySearch) -> None:
    """The host's order counts, files of other machines and absent ones are passed over."""
    assert search.find("late") == [LibraryFile("shared", f"{folder}/run/late2.shared")]
    assert search.runtime_path("late") == f"{folder}/run/late2.shared"
    assert search.runtime_path("absent") is None
    assert search.find(":late1.shared") == [LibraryFile("shared", f"{folder}/run/late1.shared")]
    with pytest.raises(LibraryNotFound):
        search.find("late", static=True)


def test_the_host_is_that_of_a_target() -> None:
    host = host_libraries(Target.of_triple("aarch64-linux-gnu"))
    assert isinstance(host, LinuxLibraries)
    assert host.architecture == "aarch64"
    assert isinstance(host_libraries(Target.of_triple("x86_64-w64-mingw32")), WindowsLibraries)
    with pytest.raises(UnknownTarget, match="x86_64-linux"):
        LibrarySearch(target=Target.of_triple("arm64-apple-macos"))


def test_linux_takes_the_highest_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "")
    for number in ("9", "10.1", "10", "x"):
        (tmp_path / f"libv.so.{number}").touch()
    host = LinuxLibraries(system=[], cache_path=str(tmp_path / "no-cache"))
    paths = [f"{tmp_path}/libv.so.{number}" for number in ("10.1", "10", "9")]
    assert host.runtime_files("v", [str(tmp_path)]) == paths
    assert host.searched_at_run_time() == [str(tmp_path / "no-cache")]


def test_hints_are_for_the_libraries_of_a_search(folder: Path, search: LibrarySearch) -> None:
    """No library of Linux is named, but the host's own, which the search finds."""
    assert search.hints_for([b"deflate", b"late_one"]) == {b"late_one": f"defined in {folder}/run/late2.shared"}
    assert LinuxLibraries().hints_for([b"deflate"], search) == {}
