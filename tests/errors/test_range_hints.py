"""What an error about a value out of range advises: it fits where the symbol lies, and where the code runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import uruk
from uruk.errors import OutOfRange

from support.compiling import Compile
from support.linking import batch

pytestmark = pytest.mark.quick


def hint_of(jit: uruk.LLJIT, name: str) -> str:
    with pytest.raises(OutOfRange) as caught:
        jit.lookup(name)
    assert f"hint: {caught.value.hint}" in str(caught.value)
    return caught.value.hint


@pytest.fixture(params=[uruk.LLJIT, lambda: uruk.LLJIT(executor=uruk.spawn())], ids=["here", "child"])
def place(request: pytest.FixtureRequest) -> Callable[[], uruk.LLJIT]:
    """A session in process, and one in a child."""
    return request.param


def test_an_absolute_symbol(cc: Compile, place: Callable[[], uruk.LLJIT]) -> None:
    with place() as jit:
        jit.define("far_data", 1 << 45)
        jit.add_object(cc(".data; .globl site; site: .long far_data", "-x", "assembler", language="asm"))
        hint = hint_of(jit, "site")
        assert hint.startswith("`far_data' is an absolute address")
        assert "library" not in hint
        assert "-mcmodel=large" in hint


def test_an_absolute_symbol_of_an_object(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(".globl other; other = 1 << 45", "-x", "assembler", language="asm"))
    jit.add_object(cc(".data; .globl site; site: .long other", "-x", "assembler", language="asm"))
    assert hint_of(jit, "site").startswith("`other' is an absolute address")


def test_a_field_that_is_too_small_for_an_address(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(".data; .globl site; site: .short site", "-x", "assembler", language="asm"))
    assert hint_of(jit, "site").startswith("an address has 64 bits, and the field 16: ")


def test_code_too_far_from_its_data(cc: Compile, jit: uruk.LLJIT) -> None:
    text = ".text; .globl f; f: movl d + 0x7fffff00(%rip), %eax; .data; .fill 4096; d: .long 1"
    jit.add_object(cc(text, "-x", "assembler", language="asm"))
    assert hint_of(jit, "f").startswith("code and data of this batch lie too far apart: compile with -fPIC")


@pytest.mark.parametrize(("in_child", "advice"), [(False, "uruk.spawn"), (True, "compile with -fPIC")])
def test_a_library(cc: Compile, in_child: bool, advice: str) -> None:
    code = "extern int near_data, far_data; int get(void) { return near_data + far_data; }"
    with batch(cc(code, "-fPIE")) as one:
        one.addresses |= {"near_data": 0x7F0000000000, "far_data": 0x7F4000000000}
        one.in_child = in_child
        text = str(one.faults().faults[0].error(one.mask()))
    assert "a library too far away: compile with -fPIC" in text
    assert advice in text
    assert ("uruk run" in text) is not in_child
