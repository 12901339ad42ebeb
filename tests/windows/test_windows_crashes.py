"""What ends a process of Windows is told: the exception's code of 32 bits, where the exit status has 8."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from windows_processes import address_of, function, put_code

import uruk
from uruk.errors import ExecutorCrashed, ExecutorLost
from uruk.executor.remote import RemoteExecutor

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

READ_NULL = b"\x31\xc0\x48\x8b\x00\xc3"  # xor eax, eax; mov rax, [rax]; ret
DIVIDE = b"\x31\xc9\x31\xd2\xb8\x01\x00\x00\x00\xf7\xf1\xc3"  # xor ecx, ecx; xor edx, edx; mov eax, 1; div ecx; ret
ILLEGAL = b"\x0f\x0b"  # ud2
BREAKPOINT = b"\xcc\xc3"
RECURSE = b"\xe8\xfb\xff\xff\xff\xc3"  # call itself; ret
CRASHES = {
    "access violation": (READ_NULL, 2, 0xC0000005, "an access violation (0xc0000005) at {pc:#x}, which accessed 0x0"),
    "division": (DIVIDE, 9, 0xC0000094, "an integer division by zero (0xc0000094) at {pc:#x}"),
    "illegal instruction": (ILLEGAL, 0, 0xC000001D, "an illegal instruction (0xc000001d) at {pc:#x}"),
    "breakpoint": (BREAKPOINT, 0, 0x80000003, "a breakpoint (0x80000003) at {pc:#x}"),
    "stack overflow": (RECURSE, 0, 0xC00000FD, "a stack overflow (STATUS_STACK_OVERFLOW (0xc00000fd)) at {pc:#x}"),
}


def run_in_thread(executor: RemoteExecutor, address: int) -> None:
    """Run a function in a thread that the process starts, while another one waits."""
    start = function(executor, "size_t(size_t, size_t, size_t, size_t, int, size_t)", "CreateThread")
    assert start(0, 0, address, 0, 0, 0)
    executor.process.call(address_of(executor, "Sleep"), 20_000)


def run_in_main(executor: RemoteExecutor, address: int) -> None:
    """Run a function in the main thread."""
    executor.process.call(address)


@pytest.mark.parametrize("thread", ["main", "another"])
@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_is_told(executor: RemoteExecutor, name: str, thread: str) -> None:
    code, offset, number, text = CRASHES[name]
    address = put_code(executor, code)
    run = run_in_thread if thread == "another" else run_in_main
    with pytest.raises(ExecutorCrashed) as caught:
        run(executor, address)
    crash = caught.value
    assert (crash.code, crash.pc, crash.signal) == (number, address + offset, 0)
    assert crash.stack_overflow == (name == "stack overflow")
    assert str(crash) == "the executor was ended by " + text.format(pc=crash.pc)


@pytest.mark.parametrize("library", ["msvcrt.dll", "ucrtbase.dll"])
def test_abort_of_a_c_runtime_is_told(executor: RemoteExecutor, library: str) -> None:
    with pytest.raises(ExecutorCrashed, match=r"ended by abort\(\)") as caught:
        executor.process.call(address_of(executor, "abort", library))
    assert caught.value.code == 3


def test_a_programs_own_handler_of_abort_stays(executor: RemoteExecutor) -> None:
    """Loading one more library does not put ours in its place."""
    leave = address_of(executor, "ExitProcess").to_bytes(8, "little")
    # mov ecx, 42; mov rax, ExitProcess; sub rsp, 40; call rax
    own = put_code(executor, b"\xb9\x2a\x00\x00\x00\x48\xb8" + leave + b"\x48\x83\xec\x28\xff\xd0")
    executor.libraries.load("msvcrt.dll")
    function(executor, "size_t(int, size_t)", "signal", "msvcrt.dll")(22, own)
    with pytest.raises(ExecutorLost, match="status 42"):
        executor.process.call(address_of(executor, "abort", "msvcrt.dll"))


def test_an_exit_is_no_crash(executor: RemoteExecutor) -> None:
    with pytest.raises(ExecutorLost, match="the executor ended with status 7") as caught:
        executor.process.call(address_of(executor, "ExitProcess"), 7)
    assert not isinstance(caught.value, ExecutorCrashed)


def test_what_lies_at_the_place_is_named(wine: Path) -> None:
    """As `symbol+offset (object)`, by whoever knows linked code."""
    with uruk.spawn(target="x86_64-windows") as executor:
        address = put_code(executor, READ_NULL)
        assert executor.child is not None
        executor.child.resolve = lambda at: f"f+{at - address:#x} (a.obj)"
        with pytest.raises(ExecutorCrashed, match=r"in f\+0x2 \(a\.obj\) \(at 0x"):
            executor.process.call(address)


def test_a_crash_with_an_overwritten_stack_is_the_first_one(executor: RemoteExecutor, tmp_path: Path) -> None:
    """The system's own search for handlers faults at the frame, again and again, and overflows the stack in the end."""
    (tmp_path / "f.c").write_text(
        'int overwritten(void) { __asm__ volatile("mov $0x7878787878787878, %rbp; ud2"); return 0; }'
    )
    # Without optimisation the function's frame is found by rbp.
    compiler = require_tool("x86_64-w64-mingw32-gcc-posix")
    subprocess.run([compiler, "-O0", "-c", "f.c", "-o", "f.obj"], check=True, cwd=tmp_path)
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(tmp_path / "f.obj")
        with pytest.raises(ExecutorCrashed, match=r"an illegal instruction .* in overwritten") as caught:
            jit.lookup("overwritten").function("int(void)")()
    assert (caught.value.code, caught.value.stack_overflow) == (0xC000001D, False)
