"""Thread-locals of linked code in a process of Windows, as clang's objects have them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from windows_processes import address_of

import uruk
from uruk.errors import TLSError

from support.coff_objects import assembled, compiled_text

pytestmark = pytest.mark.any_interpreter

COMPILERS = ["clang-gnu", "clang-msvc-O0", "clang-msvc-O2"]
DEFINES = """
    __thread int counter = 40;
    __thread char zeros[100];
    static __thread int private_one = 7;
    int bump(void) { return ++counter; }
    int both(void) { zeros[99] += 2; return private_one++ * 100 + zeros[99]; }
"""
USES = """
    extern __thread int counter;
    __thread short mine = -3;
    int read_counter(void) { return counter * 10 + mine; }
"""
CALLBACK = """
    .section .tls$,"dw"
    value: .long 5
    .section .CRT$XLC,"dr"
    .quad notice
    .text
    .globl notice
notice:                       # (module, reason, reserved): count[reason]++
    movl %edx, %edx
    leaq counts(%rip), %rax
    lock incl (%rax,%rdx,4)
    ret
    .globl read_value
read_value:
    movl _tls_index(%rip), %eax
    movq %gs:0x58, %rcx
    movq (%rcx,%rax,8), %rax
    movl value@SECREL32(%rax), %eax
    ret
    .data
    .globl counts
    .balign 4
counts: .long 0, 0, 0, 0
"""


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as session:
        yield session


@pytest.mark.parametrize("compiler", COMPILERS)
def test_objects_share_the_thread_locals_of_their_program(jit: uruk.LLJIT, tmp_path: Path, compiler: str) -> None:
    jit.add_object(compiled_text(tmp_path, compiler, "defines.c", DEFINES))
    jit.add_object(compiled_text(tmp_path, compiler, "uses.c", USES))
    functions = {
        name: symbol.function("int(void)") for name, symbol in jit.lookup_all(["bump", "both", "read_counter"]).items()
    }
    assert [functions["bump"](), functions["bump"]()] == [41, 42]
    assert [functions["both"](), functions["both"]()] == [702, 804]
    assert functions["read_counter"]() == 417


def test_each_thread_has_its_own(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "defines.c", DEFINES))
    bump = jit.lookup("bump").function("int(void)")
    assert [bump(), bump()] == [41, 42]
    process = jit.platform.process.runtime.process
    sleeper = threading.Thread(target=process.call, args=(address_of(jit.executor, "Sleep"), 1000))
    sleeper.start()
    time.sleep(0.3)  # the first thread sleeps now, and the next call is another's
    assert bump() == 41
    sleeper.join()
    assert bump() == 43


def test_functions_for_threads_are_called(jit: uruk.LLJIT, tmp_path: Path) -> None:
    tracker = jit.add_object(assembled(tmp_path, "callback", CALLBACK))
    counts = jit.lookup("counts").address
    process = jit.platform.process.runtime.process

    def reasons() -> list[int]:
        content = process.read(counts, 16)
        return [int.from_bytes(content[at : at + 4], "little") for at in range(0, 16, 4)]

    assert reasons()[1] == 1  # DLL_PROCESS_ATTACH
    assert jit.lookup("read_value").function("int(void)")() == 5
    create, wait = (address_of(jit.executor, name) for name in ("CreateThread", "WaitForSingleObject"))
    thread = process.call(create, 0, 0, jit.lookup("read_value").address, 0, 0, 0)
    process.call(wait, thread, 5000)
    assert reasons() == [0, 1, 1, 1]
    tracker.remove()


def test_storage_comes_and_goes(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """The loader's index is free again: a thousand modules would need so many slots of every thread."""
    path = compiled_text(tmp_path, "clang-gnu", "defines.c", DEFINES)
    for _ in range(100):
        tracker = jit.add_object(path)
        assert jit.lookup("bump").function("int(void)")() == 41
        tracker.remove()
    jit.add_object(assembled(tmp_path, "index", ".data\n.globl at\nat: .quad _tls_index\n"))
    process = jit.platform.process.runtime.process
    index = int.from_bytes(
        process.read(int.from_bytes(process.read(jit.lookup("at").address, 8), "little"), 4), "little"
    )
    assert index < 10


def test_alignment_that_no_thread_would_have(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_object(
        compiled_text(tmp_path, "clang-gnu", "wide.c", "__thread _Alignas(64) int wide; int *f(void) { return &wide; }")
    )
    with pytest.raises(TLSError, match=r"wide.*aligned to 64 bytes, and Windows's loader aligns them to 16"):
        jit.lookup("f")
    jit.add_object(compiled_text(tmp_path, "clang-gnu", "defines.c", DEFINES))
    assert jit.lookup("bump").function("int(void)")() == 41
