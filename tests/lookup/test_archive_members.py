"""Which archive members a lookup takes: for hidden references, for common symbols, from archives without an index."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import uruk
from uruk.errors import ObjectFormatError, UndefinedSymbols
from uruk.formats.archive import Archive
from uruk.orc.lookup.member_symbols import make_index
from uruk.target import Target

from support.compiling import Compile
from support.requirements import require_tool
from support.small import adds_one, call, returns

HIDDEN = '__attribute__((visibility("hidden"))) int helper(void); int user(void) { return helper(); }'


def without_index(folder: Path, *members: Path) -> Path:
    path = folder / "libbare.a"
    subprocess.run([require_tool("ar"), "qcS", str(path), *map(str, members)], check=True)
    return path


def test_a_hidden_reference_passes_libraries_by(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(HIDDEN))
    jit.add_library(cc.shared("libhelper.so", returns("helper", 1)))
    jit.add_archive(cc.archive("libhelper.a", cc(returns("helper", 2))))
    assert call(jit, "user") == 2


def test_others_then_use_the_member_too(cc: Compile, jit: uruk.LLJIT) -> None:
    """One program has one definition, whoever asked for it first."""
    jit.add_object(cc(adds_one("plain", "helper")))
    jit.add_object(cc(HIDDEN + " extern int plain(void); int both(void) { return 10 * plain() + user(); }"))
    jit.add_library(cc.shared("libhelper.so", returns("helper", 1)))
    jit.add_archive(cc.archive("libhelper.a", cc(returns("helper", 2))))
    assert call(jit, "both") == 32


def test_with_a_generator_between(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(HIDDEN))
    jit.add_library(cc.shared("libhelper.so", returns("helper", 1)))
    jit.add_generator(lambda dylib, names: None)
    jit.add_archive(cc.archive("libhelper.a", cc(returns("helper", 2))))
    assert call(jit, "user") == 2


def test_a_hidden_reference_that_only_a_library_has(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(HIDDEN))
    jit.add_library(cc.shared("libhelper.so", returns("helper", 1)))
    with pytest.raises(UndefinedSymbols, match="helper"):
        jit.lookup("user")


def test_a_common_symbol_takes_the_member_that_initialises_it(cc: Compile, jit: uruk.LLJIT) -> None:
    user = cc("int limit; extern int base; int get(void) { return limit; }", "-fcommon")
    jit.add_archive(cc.archive("liblimit.a", cc("int limit;", "-fcommon"), cc("int limit = 5;")))
    jit.add_object(user)
    assert call(jit, "get") == 5


def test_a_common_symbol_that_is_linked_stays(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int limit; int get(void) { return limit; }", "-fcommon"))
    assert call(jit, "get") == 0
    jit.add_archive(cc.archive("liblimit.a", cc("int limit = 5;")))
    jit.add_object(cc("extern int limit; int again(void) { return limit; }"))
    assert call(jit, "again") == 0


def test_a_function_of_a_common_symbol_s_name(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int limit; int get(void) { return limit; }", "-fcommon"))
    jit.add_archive(cc.archive("liblimit.a", cc(returns("limit", 5))))
    assert call(jit, "get") == 0


def test_an_archive_without_an_index(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no object")
    first, second = cc(adds_one("one", "two"), name="one"), cc(returns("two", 2) + " int common[3];", "-fcommon")
    jit.add_archive(without_index(tmp_path, tmp_path / "notes.txt", first, second, cc(returns("two", 9))))
    assert call(jit, "one") == 3
    with pytest.raises(UndefinedSymbols, match="three"):
        jit.lookup("three")


def test_the_index_is_the_one_that_ar_makes(cc: Compile, tmp_path: Path) -> None:
    objects = [cc.cpp("#include <iostream>\ninline int f() { static int x; return ++x; } int g() { return f(); }")]
    objects += [cc("int common; static int no; extern int other; int weak __attribute__((weak)); int *use(void)"
                   "{ return no ? &other : &common; }", "-fcommon")]  # fmt: skip
    with Archive.open(cc.archive("libboth.a", *objects)) as indexed:
        with Archive.open(without_index(tmp_path, *objects)) as bare:
            assert not bare.has_index
            names, offsets = make_index(bare, Target("elf", "x86_64", "linux"))
        order = sorted(range(len(names)), key=lambda row: (int(offsets[row]), names[row]))
        expected, members = indexed.entries()
        assert [names[row] for row in order] == sorted(expected, key=lambda name: (members[expected.index(name)], name))


def test_a_malformed_archive_without_an_index(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    path = without_index(tmp_path, cc(returns("one", 1)), cc(returns("two", 2)))
    path.write_bytes(path.read_bytes()[:-100])
    jit.add_archive(path)
    with pytest.raises(ObjectFormatError, match=r"libbare\.a"):
        jit.lookup("one")
