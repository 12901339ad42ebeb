"""Versions in symbols' names: what each form defines, in objects and in archives' indexes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from uruk.errors import DuplicateDefinition, UndefinedSymbols
from uruk.formats.archive import Archive
from uruk.formats.elf.versions import index_with_versions, split_default
from uruk.graph.verify import verify
from uruk.lljit import LLJIT

from support.compiling import Compile

pytestmark = pytest.mark.quick

FUNCTION = 'int {0}(void) {{ return {1}; }} __asm__(".symver {0}, {2}");'


def call(jit: LLJIT, name: str) -> int:
    return jit.lookup(name).function("int(void)")()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"f@@V", (b"f", b"f@V")), (b"f@@@V", (b"f", b"f@V")), (b"f@V", (b"f@V", b"")), (b"f", (b"f", b"")),
        (b"f@@", (b"f@@", b"")), (b"@@V", (b"@@V", b"")), (b"f@V@@W", (b"f@V@@W", b"")), (b"@", (b"@", b"")),
    ],
)  # fmt: skip
def test_split(text: bytes, expected: tuple[bytes, bytes]) -> None:
    assert split_default(text) == expected


def test_an_index_keeps_its_names_and_order() -> None:
    names, members = index_with_versions(([b"a", b"f@@V", b"f@W"], np.array([8, 100, 200])))
    assert names == [b"a", b"f@@V", b"f", b"f@V", b"f@W"]
    assert members.tolist() == [8, 100, 100, 100, 200]


def test_a_default_version_defines_both_names(cc: Compile, jit: LLJIT) -> None:
    jit.add_object(cc(FUNCTION.format("f_new", 2, "f@@V2") + FUNCTION.format("f_old", 1, "f@V1")))
    assert [call(jit, name) for name in ("f", "f@V2", "f@V1", "f_new", "f_old")] == [2, 2, 1, 2, 1]


def test_another_version_is_not_the_default(cc: Compile, jit: LLJIT) -> None:
    jit.add_object(cc(FUNCTION.format("f_old", 1, "f@V1")))
    with pytest.raises(UndefinedSymbols, match="f"):
        jit.lookup("f")
    assert call(jit, "f@V1") == 1


def test_a_name_and_its_own_version(cc: Compile, jit: LLJIT) -> None:
    """GNU as keeps `f` beside ``f@@V``: they are one definition."""
    jit.add_object(cc(FUNCTION.format("f", 3, "f@@V")))
    assert [call(jit, name) for name in ("f", "f@V")] == [3, 3]


def test_two_default_versions(cc: Compile, jit: LLJIT) -> None:
    with pytest.raises(DuplicateDefinition, match="f"):
        jit.add_object(cc(FUNCTION.format("f_a", 1, "f@@A") + FUNCTION.format("f_b", 2, "f@@B")))
    jit.add_object(cc(FUNCTION.format("f_a", 1, "f@@A")))
    with pytest.raises(DuplicateDefinition, match="f"):
        jit.add_object(cc("int f(void) { return 2; }"))


def test_rows_of_several_objects(cc: Compile, jit: LLJIT) -> None:
    """The rows that versions add stand behind their object's own, whose numbers stay."""
    paths = [cc(FUNCTION.format(f"f{n}_a", n, f"f{n}@@V") + f" int *p{n}, *q{n} = (int *)&p{n};") for n in range(3)]
    graph = jit.session.parse([(path.name, path.read_bytes()) for path in [paths[0], *paths]][1:], jit.main)
    verify(graph)
    for path in paths:
        jit.add_object(path)
    assert [call(jit, f"f{n}@V") for n in range(3)] == [0, 1, 2]
    assert jit.lookup("q1").address


def test_in_an_archive(cc: Compile, jit: LLJIT) -> None:
    member = cc(FUNCTION.format("f_new", 2, "f@@V2") + FUNCTION.format("f_old", 1, "f@V1"))
    path = cc.archive("libf.a", cc("int other;"), member)
    assert {b"f", b"f@V2", b"f@V1", b"f_new"} <= Archive.open(path).index().keys()
    jit.add_archive(path)
    jit.add_object(
        cc('int f(void); int f2(void); __asm__(".symver f2, f@V2"); int g(void) { return 10 * f() + f2(); }')
    )
    assert call(jit, "g") == 22


def test_a_library_s_versions(cc: Compile, jit: LLJIT) -> None:
    script = cc.folder / "f.map"
    script.write_text("V1 {};\nV2 {} V1;\n")
    text = FUNCTION.format("f_one", 1, "f@V1") + FUNCTION.format("f_two", 2, "f@@V2")
    jit.add_library(cc.shared("libf.so", text, f"-Wl,--version-script={script}"))
    user = 'int f(void), one(void), two(void); __asm__(".symver one, f@V1"); __asm__(".symver two, f@V2");'
    jit.add_object(cc(user + "int all(void) { return 100 * f() + 10 * one() + two(); }"))
    assert call(jit, "all") == 212
    assert [call(jit, name) for name in ("f", "f@V1", "f@V2")] == [2, 1, 2]
    with pytest.raises(UndefinedSymbols, match="f@V3"):
        jit.lookup("f@V3")


BASES = (
    FUNCTION.format("f_base", 0, "base_f@") + FUNCTION.format("f_one", 1, "base_f@V1")
    + FUNCTION.format("f_two", 2, "base_f@@V2") + FUNCTION.format("g_base", 10, "base_g@")
    + FUNCTION.format("h_one", 20, "base_h@V1") + "int base_plain(void) { return 5; }"
)  # fmt: skip


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_base_version_is_not_the_default(
    cc: Compile, jit: LLJIT, everywhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dlsym gives it for the plain name; GNU ld takes the default version, and has no `base_g` at all.

    The names are nobody else's: a library for everybody stays visible to all later tests of the process.
    """
    script = cc.folder / "bases.map"
    script.write_text("V1 {};\nV2 {} V1;\n")
    monkeypatch.setattr(jit, "_everywhere", everywhere)
    name = f"libbases{everywhere}.so"
    jit.add_library(cc.shared(name, BASES, f"-Wl,--version-script={script}", f"-Wl,-soname={name}"))
    assert [call(jit, name) for name in ("base_f", "base_f@V1", "base_f@V2", "base_h@V1", "base_plain")] == [
        2,
        1,
        2,
        20,
        5,
    ]
    jit.add_object(cc("int base_f(void), base_plain(void); int user(void) { return 10 * base_f() + base_plain(); }"))
    assert call(jit, "user") == 25
    for missing in ("base_g", "base_h"):
        with pytest.raises(UndefinedSymbols, match=missing):
            jit.lookup(missing)
    jit.add_archive(cc.archive("libg.a", cc("int base_g(void) { return 11; }")))
    jit.add_object(cc("int base_g(void); int asks_g(void) { return base_g(); }"))
    assert call(jit, "asks_g") == 11


def test_an_object_before_a_library(cc: Compile, jit: LLJIT) -> None:
    """A version that an object defines comes before a library's; others are still the library's."""
    jit.add_library(cc.shared("libf.so", "int f(void) { return 1; }"))
    jit.add_object(cc(FUNCTION.format("mine", 2, "f@V2")))
    jit.add_object(cc('int f(void), f2(void); __asm__(".symver f2, f@V2"); int g(void) { return 10 * f() + f2(); }'))
    assert call(jit, "g") == 12


def test_many_versions_take_linear_time(cc: Compile, jit: LLJIT) -> None:
    lines = "".join(f".globl s{n}\ns{n} = {n}\n.symver s{n}, t{n}@@V\n" for n in range(20_000))
    path = cc(f'__asm__("{lines.encode("unicode_escape").decode()}");')
    begin = time.monotonic()
    jit.add_object(path)
    assert jit.lookup("t19999@V").address == 19999
    assert time.monotonic() - begin < 5
