"""Names that each program has for itself are never the interpreter's."""

from __future__ import annotations

import pytest

import uruk
from compiling import Compile


@pytest.mark.parametrize("name", ["main", "_start", "_end", "edata", "__bss_start", "_init"])
def test_the_interpreters_own_are_not_found(jit: uruk.LLJIT, name: str) -> None:
    with pytest.raises(uruk.UndefinedSymbols, match=name):
        jit.lookup(name)


def test_a_reference_to_one_says_why(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("extern char _end[]; char *end_of_data(void) { return _end; }"))
    with pytest.raises(uruk.UndefinedSymbols, match="linked code does not"):
        jit.lookup("end_of_data")


def test_a_weak_reference_is_null(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("extern int main(void) __attribute__((weak)); int has(void) { return main != 0; }", "-fPIC"))
    assert jit.lookup("has").function("int(void)")() == 0


def test_pieces_of_init_are_refused(cc: Compile, jit: uruk.LLJIT) -> None:
    text = '__asm__(".section .init,\\"ax\\",@progbits\\n nop\\n .text"); int f(void) { return 1; }'
    with pytest.raises(uruk.ObjectFormatError, match=r"\.init_array"):
        jit.add_object(cc(text))
