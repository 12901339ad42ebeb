"""Code larger than its branches reach (128 MiB): many sections, and one section alone; run under the emulator."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

AS = "aarch64-linux-gnu-as"
FAR = 70 << 20


@pytest.fixture
def jit() -> Iterator[uruk.LLJIT]:
    for tool in (AS, "qemu-aarch64"):
        require_tool(tool)
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as one:
        yield one


def assembled(folder: Path, text: str) -> Path:
    path = folder / "large.o"
    subprocess.run([AS, "-o", path, "-"], input=text.encode(), check=True)
    return path


def function(name: str, body: str) -> str:
    frame = "stp x29, x30, [sp, #-16]!", "ldp x29, x30, [sp], #16"
    return f".globl {name}\n.type {name}, %function\n{name}:\n{frame[0]}\n{body}\n{frame[1]}\nret\n"


def test_many_sections(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Four sections of 70 MiB; each calls one in every other, the C library, and itself."""
    text = ""
    for here in range(4):
        calls = "\n".join(f"bl leaf{there}\nadd x19, x19, x0" for there in range(4))
        keep = "str x19, [sp, #-16]!\nmov x19, #0"
        text += f'.section .text.part{here},"ax",%progbits\n'
        text += f".globl leaf{here}\nleaf{here}: mov x0, #{10**here}\nret\n"
        text += f".skip {FAR}\n"
        text += function(f"calls{here}", f"{keep}\n{calls}\nmov x0, #-5\nbl abs\nadd x0, x19, x0\nldr x19, [sp], #16")
    jit.add_object(assembled(tmp_path, text))
    for here in range(4):
        assert jit.lookup(f"calls{here}").function("int(void)")() == 1111 + 5


def test_one_section(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """A section of 210 MiB: calls from its beginning, middle and end reach another section and the C library."""
    text = '.section .text.other,"ax",%progbits\n.globl leaf\nleaf: mov x0, #7\nret\n.text\n'
    for part in range(4):
        body = "bl leaf\nstr x0, [sp, #-16]!\nmov x0, #-5\nbl abs\nldr x1, [sp], #16\nadd x0, x0, x1"
        text += function(f"part{part}", body) + (f".skip {FAR}\n" if part < 3 else "")
    jit.add_object(assembled(tmp_path, text))
    for part in range(4):
        assert jit.lookup(f"part{part}").function("int(void)")() == 12


def test_batches_far_apart(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Code of one batch calls that of another at the other end of the slab."""
    jit.add_object(assembled(tmp_path, ".text\n.globl first\nfirst: mov x0, #3\nret\n"))
    assert jit.lookup("first").function("int(void)")() == 3
    jit.add_object(assembled(tmp_path, f".text\n.skip {2 * FAR}\n.globl filler\nfiller: ret\n"))
    filler = jit.lookup("filler").address
    jit.add_object(assembled(tmp_path, ".text\n" + function("last", "bl first\nadd x0, x0, #1")))
    last = jit.lookup("last")
    assert abs(last.address - jit.lookup("first").address) > 1 << 27, hex(filler)
    assert last.function("int(void)")() == 4
