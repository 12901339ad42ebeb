"""What a link finds wrong: every object at fault at once, each error told of any choice of them, the rest links."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.passes.faults import Fault

from support.compiling import Compile
from support.linking import Batch, batch

pytestmark = pytest.mark.quick

GOOD = "int good(void) { return 5; }"
BIG = '__asm__(".globl {0}\\n{0}: .long big_{0}\\n.globl big_{0}\\nbig_{0} = 0x123456789abc");'


def objects(fault: Fault) -> list[int]:
    return fault.objects.tolist()


def only(one: Batch) -> Fault:
    """The one fault of a batch."""
    (fault,) = one.faults().faults
    return fault


def test_undefined_names(cc: Compile) -> None:
    needs_one = cc("extern int nobody(void); int a(void) { return nobody(); }", name="a")
    needs_two = cc(
        "extern int nobody(void), other(void); int b(void) { return nobody() + nobody() + other(); }", name="b"
    )
    with batch(needs_one, cc(GOOD), needs_two) as one:
        fault = only(one)
        assert objects(fault) == [0, 2]
        everything, first, second = (fault.error(one.mask(*which)) for which in ((), (0, 1), (2,)))
        assert isinstance(everything, uruk.UndefinedSymbols)
        assert isinstance(first, uruk.UndefinedSymbols)
        assert isinstance(second, uruk.UndefinedSymbols)
        assert [(symbol.name, symbol.count) for symbol in everything.symbols] == [("nobody", 3), ("other", 1)]
        assert [(symbol.name, symbol.count) for symbol in first.symbols] == [("nobody", 1)]
        assert all("a.o:(.text+" in place for place in first.symbols[0].places)
        assert [(symbol.name, symbol.count) for symbol in second.symbols] == [("nobody", 2), ("other", 1)]
        assert all("b.o:(.text+" in symbol.places[0] for symbol in second.symbols)


def test_the_rest_links(cc: Compile) -> None:
    with batch(cc(BIG.format("p"), name="p"), cc(GOOD), cc(BIG.format("q"), name="q")) as one:
        assert one.faults().objects.tolist() == [0, 2]
    with batch(cc(GOOD)) as rest:
        linked = rest.link()
        row = int(np.flatnonzero(linked.state.symbols.name == rest.names[b"good"])[0])
        function = ctypes.CFUNCTYPE(ctypes.c_int)(int(linked.state.symbol_address[row]))
        assert function() == 5


def test_values_out_of_range(cc: Compile) -> None:
    twice = cc(BIG.format("q").replace(".long big_q", ".long big_q, big_q"), name="q")
    with batch(cc(BIG.format("p"), name="p"), cc(GOOD), twice) as one:
        fault = only(one)
        assert objects(fault) == [0, 2]
        everything, last = fault.error(one.mask()), fault.error(one.mask(2))
        assert isinstance(everything, uruk.OutOfRange)
        assert isinstance(last, uruk.OutOfRange)
        assert (everything.symbol, everything.more) == ("big_p", 2)
        assert (last.symbol, last.more) == ("big_q", 1)
        assert last.place.startswith("q.o:(.text+")


def test_one_pass_tells_all_its_kinds(cc: Compile) -> None:
    """A size that is not known, and a value that does not fit: both are the fixup's."""
    size = cc('__asm__(".globl s\\ns: .reloc s, R_X86_64_SIZE64, environ\\n.quad 0");', name="size")
    with batch(size, cc(BIG.format("p"), name="p")) as one:
        found = one.faults()
        assert [objects(fault) for fault in found.faults] == [[0], [1]]
        assert isinstance(found.faults[0].error(one.mask()), uruk.UnsupportedRelocation)
        assert isinstance(found.faults[1].error(one.mask()), uruk.OutOfRange)
        assert found.objects.tolist() == [0, 1]


def test_relocations_of_unknown_types(cc: Compile) -> None:
    text = '__asm__(".globl {0}\\n{0}: .quad 0\\n.reloc {0}, R_X86_64_RELATIVE64, abs");'
    with batch(cc(text.format("u"), name="u"), cc(GOOD), cc(text.format("v"), name="v")) as one:
        fault = only(one)
        assert objects(fault) == [0, 2]
        error = fault.error(one.mask(2))
        assert isinstance(error, uruk.UnsupportedRelocation)
        assert error.place == "v.o:(.text+0x0)"


def test_malformed_relocation_tables(cc: Compile, tmp_path: Path) -> None:
    """Two objects with a symbol number of a million: both are named in one go."""
    broken: list[Path] = []
    for name in ("x", "y"):
        data = bytearray(cc(f"extern int raise(int); int {name}(int n) {{ return raise(n); }}", name=name).read_bytes())
        at = next(found.start() for found in re.finditer(rb"(?s)\x04\0\0\0(?=[\x01-\x20]\0\0\0\xfc\xff\xff\xff)", data))
        data[at + 4 : at + 8] = (1_000_000).to_bytes(4, "little")
        path = tmp_path / f"{name}.o"
        path.write_bytes(data)
        broken.append(path)
    with batch(broken[0], cc(GOOD), broken[1]) as one:
        fault = only(one)
        assert objects(fault) == [0, 2]
        for number, path in ((0, broken[0]), (2, broken[1])):
            error = fault.error(one.mask(number))
            assert isinstance(error, uruk.ObjectFormatError)
            assert error.file == path.name
            assert error.problem == "names a symbol that does not exist (0xf4240)"


FRAMES = '__asm__(".section .eh_frame,\\"a\\",@progbits\\n{}\\n.text"); int {}(void) {{ return 1; }}'


def test_malformed_unwind_data(cc: Compile) -> None:
    flags = ("-fno-asynchronous-unwind-tables",)
    short = cc(FRAMES.format(".long 4\\n.long 0", "short_"), *flags, name="short")
    long = cc(FRAMES.format(".long 4000\\n.long 0\\n.long 0", "long_"), *flags, name="long")
    orphan = cc(FRAMES.format(".long 12\\n.long 400\\n.long 0, 0", "orphan"), *flags, name="orphan")
    cut = cc(FRAMES.format(".long 12\\n.byte 1", "cut"), *flags, name="cut")
    with batch(short, cc(GOOD), long, orphan, cut, cc(GOOD.replace("good", "last"))) as one:
        found = one.faults()
        assert found.objects.tolist() == [0, 2, 3, 4]
        errors = {objects(fault)[0]: fault.error(one.mask(*objects(fault))) for fault in found.faults}
        for number, error in errors.items():
            assert isinstance(error, uruk.ObjectFormatError)
            assert error.file == one.graph.files[number]
            assert error.structure.startswith("section `.eh_frame'+0x0")


@pytest.mark.parametrize("count", [1, 2])
def test_references_into_a_discarded_section(count: int, cc: Compile, jit: uruk.LLJIT) -> None:
    """Code outside of a group that refers to what only the group may; the first object's group is chosen."""
    group = '.section .text.g,"axG",@progbits,g,comdat\n.globl g\ng: nop\ninside: ret\n.text\n.globl {0}\n{0}: nop\n'
    first = cc(group.format("first"), language="s", name="first")
    user = cc(group.format("user") + count * ".quad inside\n", language="s", name="user")
    jit.add_objects([first, cc(GOOD), user])
    with pytest.raises(uruk.UnsupportedRelocation, match=r"refers to `.*' in a discarded section") as caught:
        jit.lookup_all(["first", "user"])
    assert caught.value.place.endswith("user.o:(.text+0x1)")
    assert caught.value.relocation == "Pointer64"
    assert jit.lookup("good").function("int(void)")() == 5


def test_thread_locals_taken_for_ordinary_ones(cc: Compile) -> None:
    defines = cc("__thread int mine = 3;", name="defines")
    wrong = [cc(f"extern int mine; int w{n}(void) {{ return mine; }}", name=f"wrong{n}") for n in (1, 2)]
    other_way = cc("extern __thread int plain; int t(void) { return plain; }", name="other")
    with batch(defines, *wrong, other_way, cc("int plain;", name="plain")) as one:
        found = one.faults()
        assert [objects(fault) for fault in found.faults] == [[1, 2], [3]]
        assert "wrong2.o:(.text" in str(found.faults[0].error(one.mask(2)))
        assert "is thread-local in defines.o" in str(found.faults[0].error(one.mask(2)))
        assert "is not thread-local in plain.o" in str(found.faults[1].error(one.mask()))


def test_storage_that_a_module_cannot_have(cc: Compile) -> None:
    flags = ("-fno-pie", "-ftls-model=local-exec")
    big = cc("__thread char big[100000];", *flags, name="big")
    user = cc("extern __thread char big[]; char *user(void) { return big; }", *flags, name="user")
    with batch(big, cc(GOOD), user, together=True) as one:
        fault = only(one)
        assert objects(fault) == [0, 2]
        error = fault.error(one.mask(2))
        assert isinstance(error, uruk.TLSError)
        assert error.static_tls > 100000


def test_code_that_must_lie_low_beside_data_that_lies_high(cc: Compile) -> None:
    """The -fno-pie objects are at fault, as the hint says, and not those that refer to the data."""
    low = [cc(f"static int here; int *low{n}(void) {{ return &here; }}", "-fno-pie", name=f"low{n}") for n in (1, 2)]
    high = cc("extern int far_data; int high(void) { return far_data; }", "-fPIE", name="high")
    with batch(low[0], high, low[1]) as one:
        one.addresses["far_data"] = 0x7F0000000000
        fault = only(one)
        assert objects(fault) == [0, 2]
        assert "-fno-pie code of low2.o" in str(fault.error(one.mask(2)))
        assert isinstance(fault.error(one.mask()), uruk.OutOfRange)


@pytest.mark.parametrize(("near", "away"), [("one", "two"), ("two", "one")])
def test_data_too_far_apart(cc: Compile, near: str, away: str) -> None:
    """The end that fewer objects reach is at fault, whichever lies higher."""
    paths = [
        cc(f"extern int {name}; int get{n}(void) {{ return {name}; }}", "-fPIE", name=f"get{n}")
        for n, name in enumerate((near, away, near))
    ]
    with batch(*paths) as one:
        one.addresses |= {"one": 0x7F0000000000, "two": 0x7F4000000000}
        fault = only(one)
        assert objects(fault) == [1]
        assert isinstance(fault.error(one.mask(1)), uruk.OutOfRange)
        assert "`one' at 0x7f0000000000 and `two' at 0x7f4000000000" in str(fault.error(one.mask(1)))


def test_a_call_of_the_session_raises_what_it_always_did(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_objects([cc(BIG.format("p"), name="p"), cc("extern int p, nobody; int f(void) { return p + nobody; }")])
    with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
        jit.lookup("f")
