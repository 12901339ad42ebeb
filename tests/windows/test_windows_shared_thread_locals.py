"""Thread-locals that objects of separate lookups and of several dylibs share, in a process of Windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from windows_processes import address_of

import uruk
from uruk.errors import InUse, TLSError

from support.coff_objects import assembled, compiled_text

pytestmark = pytest.mark.any_interpreter

COMPILERS = ["clang-gnu", "clang-msvc-O0", "clang-msvc-O2", "clang-msvc-sections"]
OWNER = """
    __thread int counter = 40;
    __thread long long pair[2] = {1, 2};
    int bump(void) { return ++counter; }
"""
USER = """
    extern __thread int counter;
    extern __thread long long pair[2];
    __thread short mine = -3;
    static __thread int hidden = 5;
    int read(void) { return counter * 10 + (int)pair[1]; }
    int own(void) { return mine + hidden++; }
    int bump_too(void) { pair[1] += 100; return ++counter; }
    int *where(void) { return &counter; }
"""
READER = "extern __thread int counter; int only(void) { return counter + 1000; }"
BOTH = "extern __thread int counter; extern __thread short mine; int both(void) { return counter + mine; }"
VALUES = "__thread int second = 7;"
READS_SECOND = "extern __thread int second; int read_second(void) { return second++; }"
Function = Callable[[], int]


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as session:
        yield session


def function(jit: uruk.LLJIT, name: str, dylib: uruk.JITDylib | None = None) -> Function:
    return jit.lookup(name, dylib).function("int(void)")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_objects_of_separate_lookups(jit: uruk.LLJIT, tmp_path: Path, compiler: str) -> None:
    owner = jit.add_object(compiled_text(tmp_path, compiler, "owner.c", OWNER))
    bump = function(jit, "bump")
    assert bump() == 41
    jit.add_object(compiled_text(tmp_path, compiler, "user.c", USER))
    assert function(jit, "read")() == 412
    assert [function(jit, "own")(), function(jit, "own")()] == [2, 3]
    assert [function(jit, "bump_too")(), bump(), function(jit, "read")()] == [42, 43, 532]
    jit.add_object(compiled_text(tmp_path, compiler, "reader.c", READER))
    assert function(jit, "only")() == 1043
    with pytest.raises(InUse):
        owner.remove()


def test_every_thread_has_its_own(jit: uruk.LLJIT, tmp_path: Path) -> None:
    text = """
        extern __thread int counter;
        extern int seen;
        unsigned note(void *unused) { seen = counter++; return 0; }
    """
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "owner.c", OWNER + "int seen; int last(void) { return seen; }"))
    assert [function(jit, "bump")() for _ in range(3)] == [41, 42, 43]
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "note.c", text))
    call = jit.platform.process.runtime.process.call
    create, wait = (address_of(jit.executor, name) for name in ("CreateThread", "WaitForSingleObject"))
    thread = call(create, 0, 0, jit.lookup("note").address, 0, 0, 0)
    call(wait, thread, 5000)
    assert function(jit, "last")() == 40
    assert function(jit, "bump")() == 44


def test_code_that_only_reads_others_has_no_storage(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "owner.c", OWNER))
    function(jit, "bump")()
    carriers = set(jit.platform.process.tls.paths)
    for number in range(5):
        text = READER.replace("only", f"only{number}")
        tracker = jit.add_object(compiled_text(tmp_path, "clang-gnu", f"reader{number}.c", text))
        assert function(jit, f"only{number}")() == 1041
        assert jit.platform.process.tls.paths == carriers
        tracker.remove()


@pytest.mark.parametrize("together", [True, False])
def test_dylibs_use_each_others(jit: uruk.LLJIT, tmp_path: Path, together: bool) -> None:
    """A dylib has an index of its own, whether or not one lookup links both."""
    plugin = jit.create_dylib("plugin", link_order=[jit.main])
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "owner.c", OWNER))
    plugin.add_object(compiled_text(tmp_path, "clang-gnu", "user.c", USER))
    if not together:
        assert function(jit, "bump")() == 41
    read, own = function(jit, "read", plugin), function(jit, "own", plugin)
    assert (read(), own(), own()) == (402 + 10 * (not together), 2, 3)
    assert function(jit, "bump")() == 41 + (not together)
    assert function(jit, "bump_too", plugin)() == 42 + (not together)


@pytest.mark.parametrize("compiler", ["clang-gnu", "clang-msvc-O0"])
def test_a_function_has_one_index(jit: uruk.LLJIT, tmp_path: Path, compiler: str) -> None:
    jit.add_object(compiled_text(tmp_path, compiler, "owner.c", OWNER))
    function(jit, "bump")()
    jit.add_object(compiled_text(tmp_path, compiler, "user.c", USER))
    function(jit, "own")()
    jit.add_object(compiled_text(tmp_path, compiler, "both.c", BOTH))
    with pytest.raises(TLSError, match=r"both\.c(?s:.*)which the same function uses(?s:.*)a function of its own"):
        jit.lookup("both")
    assert function(jit, "read")() == 412


def test_a_distance_without_an_index_is_refused(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "owner.c", OWNER))
    function(jit, "bump")()
    text = ".data\n.globl distance\ndistance: .secrel32 counter\n.balign 8\nindex: .quad _tls_index\n.text\nret\n"
    jit.add_object(assembled(tmp_path, "distance", text.replace("index: .quad _tls_index", "")))
    jit.add_object(assembled(tmp_path, "asks", ".data\n.globl asks\nasks: .quad _tls_index\n"))
    with pytest.raises(TLSError, match="linked apart"):
        jit.lookup_all(["distance", "asks"])


def test_values_stay_with_the_index(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """The storage of one lookup's objects is one module's: it stays while another of them does."""
    first = jit.add_object(compiled_text(tmp_path, "clang-gnu", "owner.c", OWNER))
    values = jit.add_object(compiled_text(tmp_path, "clang-gnu", "values.c", VALUES))
    jit.lookup_all(["bump", "second"])
    with pytest.raises(InUse):
        first.remove()
    reader = jit.add_object(compiled_text(tmp_path, "clang-gnu", "reads.c", READS_SECOND))
    read = function(jit, "read_second")
    assert [read(), read()] == [7, 8]
    with pytest.raises(InUse):
        values.remove()
    for tracker in (reader, values, first):
        tracker.remove()
