"""Inputs that are no files, or far too large: an error at once that says what they are, whoever opens them."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import uruk
from uruk.errors import CompileError, LibraryError, ObjectFormatError, UrukError
from uruk.formats.archive import Archive
from uruk.libraries.linux.loader_cache import loader_cache
from uruk.orc.generators import DirectoryGenerator
from uruk.program.link_plan import Input, LinkPlan
from uruk.program.reading import Reader
from uruk.program.targets import target_of
from uruk.regular_files import LARGEST, open_regular, read_regular

from support.leaks import open_descriptors

TERABYTE = 1 << 40
Opens = Callable[[uruk.LLJIT, str], object]


@pytest.fixture(autouse=True)
def in_bounded_time() -> Iterator[None]:
    """A call that waits for a pipe ends the test."""

    def stop(*_: object) -> None:
        raise AssertionError("it waits")

    gc.collect()  # what earlier tests left may have children to end, which takes its time
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What is no file, by what errors call it."""
    os.mkfifo(tmp_path / "pipe.o")
    (tmp_path / "folder.o").mkdir()
    (tmp_path / "link.o").symlink_to("pipe.o")
    line = socket.socket(socket.AF_UNIX)
    line.bind(str(tmp_path / "socket.o"))
    yield {
        "a pipe": str(tmp_path / "pipe.o"),
        "a directory": str(tmp_path / "folder.o"),
        "a character device": "/dev/zero",
        "a socket": str(tmp_path / "socket.o"),
        "a pipe, not": str(tmp_path / "link.o"),
    }
    line.close()


@pytest.fixture
def jit() -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT() as session:
        yield session


OPENS: dict[str, Opens] = {
    "add_object": lambda jit, path: jit.add_object(path),
    "add_objects": lambda jit, path: jit.add_objects([path]),
    "add_archive": lambda jit, path: jit.add_archive(path),
    "add_library": lambda jit, path: jit.add_library(path),
    "add_shared_library": lambda jit, path: jit.main.add_shared_library(path),
    "add_source": lambda jit, path: jit.add_source(path, language="c"),
    "reading a command line": lambda jit, path: Reader(LinkPlan([Input("input", path)])).result(),
    "opening an archive": lambda jit, path: Archive.open(path),
    "reading a file": lambda jit, path: read_regular(path),
}


@pytest.mark.parametrize("opens", OPENS.values(), ids=OPENS)
def test_what_is_no_file_is_refused(opens: Opens, odd: dict[str, str], jit: uruk.LLJIT) -> None:
    for kind, path in odd.items():
        with pytest.raises((ObjectFormatError, LibraryError, CompileError)) as caught:
            opens(jit, path)
        assert path in str(caught.value)
        assert f"is {kind}" in str(caught.value)


def test_questions_about_what_is_no_file_have_no_answer(odd: dict[str, str], jit: uruk.LLJIT, tmp_path: Path) -> None:
    for path in odd.values():
        assert target_of([Input("input", path)]) == ""
        assert loader_cache("x86_64", path) == {}
    jit.add_generator(DirectoryGenerator(tmp_path))
    with pytest.raises(UrukError, match="nothing_here"):
        jit.lookup("nothing_here")


def sparse(path: Path, head: bytes) -> str:
    path.write_bytes(head)
    os.truncate(path, TERABYTE)
    return str(path)


@pytest.mark.parametrize("head", [b"", b"\x7fELF\2\1\1" + bytes(9) + b"\1\0\x3e\0", b"!<arch>\n"], ids=repr)
@pytest.mark.parametrize("name", ["add_object", "add_archive", "add_library", "reading a command line"])
def test_a_sparse_terabyte(name: str, head: bytes, tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Refused, or, where the reader is still to refuse it, not read whole."""
    path = sparse(tmp_path / "large.o", head)
    if name == "reading a command line" and not head.startswith(b"\x7fELF"):
        result = OPENS[name](jit, path)
        assert isinstance(result, list)
        assert sum(sum(getattr(one, "sizes", [])) for one in result) < 1 << 21
        return

    def add_and_use() -> None:
        OPENS[name](jit, path)
        jit.lookup("nothing")  # an archive is looked into when somebody wants something of it

    with pytest.raises(UrukError):
        add_and_use()


def test_a_sparse_terabyte_on_the_command_line(tmp_path: Path) -> None:
    path = sparse(tmp_path / "large.o", b"")
    for command in ("run", "show"):
        done = subprocess.run(
            [sys.executable, "-m", "uruk", command, path], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith("uruk: ObjectFormatError: ")
        assert path in done.stderr


def test_the_most_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path) == b"12345"
    with pytest.raises(ObjectFormatError, match="the name: has 5 bytes, and 4 are the most"):
        read_regular(path, "the name", most=4)
    os.truncate(path, LARGEST + 1)
    with pytest.raises(ObjectFormatError, match="are the most"):
        read_regular(path)


def test_errors_leave_no_descriptor(odd: dict[str, str], tmp_path: Path, jit: uruk.LLJIT) -> None:
    count = open_descriptors()
    path = sparse(tmp_path / "large.o", b"\x7fELF")
    for one in [*odd.values(), path, str(tmp_path / "missing"), "zero\0byte"]:
        with pytest.raises(ObjectFormatError):
            jit.add_object(one)
    assert open_descriptors() <= count


def test_a_file_that_is_exchanged_for_a_pipe(odd: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Between stat and open: it is opened without waiting, and refused."""
    status = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda *_, **__: status)
    with pytest.raises(ObjectFormatError, match="is a pipe"):
        open_regular(odd["a pipe"])


def test_a_child_does_not_wait_for_a_pipe(odd: dict[str, str]) -> None:
    with uruk.LLJIT(executor=uruk.spawn()) as jit, pytest.raises(LibraryError, match="not a regular file"):
        jit.main.add_shared_library(odd["a pipe"])
