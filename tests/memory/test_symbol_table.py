"""Names that `dladdr` gives for linked code, by the symbol table of a slab's object."""

from __future__ import annotations

import ctypes
import logging
import struct
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import uruk
from uruk.formats.elf import slab as elf_slab
from uruk.graph.types import I64
from uruk.memory.mapper import Mapper
from uruk.memory.symbol_table import SYMBOL, Columns, Symbols, SymbolTable

from support.compiling import Compile
from support.loader_names import names_in_table
from support.mapper_kinds import KNOWING_MAPPERS

ASK = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stddef.h>
    #include <string.h>
    size_t name_at(size_t address) {
        Dl_info info;
        return dladdr((void *)address, &info) && info.dli_sname ? (size_t)info.dli_sname : (size_t)"";
    }
    size_t start_at(size_t address) { Dl_info info; dladdr((void *)address, &info); return (size_t)info.dli_saddr; }
    size_t by_name(size_t name) { return (size_t)dlsym(RTLD_DEFAULT, (char *)name); }
    int stop;
    long wrong_answers(size_t address, size_t name, size_t removed, size_t *asked) {
        long wrong = 0;
        while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
            Dl_info info;
            wrong += !dladdr((void *)address, &info) || !info.dli_sname || strcmp(info.dli_sname, (char *)name);
            dladdr((void *)removed, &info);
            ++*asked;
        }
        return wrong;
    }
"""
TWICE = "int twice(int x) { return 2 * x; } int table[4] = {1, 2, 3, 4};"
NAMED = uruk.Options(names_for_loader=True)


class Asker:
    """What the loader says, asked by code of a session of its own."""

    def __init__(self, jit: uruk.LLJIT) -> None:
        self.jit = jit
        self._name_at = jit.lookup("name_at").function("size_t(size_t)")
        self._start_at = jit.lookup("start_at").function("size_t(size_t)")
        self._by_name = jit.lookup("by_name").function("size_t(size_t)")

    def name(self, address: int) -> bytes:
        """The name that `dladdr` gives."""
        return ctypes.string_at(self._name_at(address))

    def start(self, address: int) -> int:
        """The address that has the name."""
        return self._start_at(address)

    def find(self, name: bytes) -> int:
        """The address that `dlsym` gives."""
        text = ctypes.create_string_buffer(name)
        return self._by_name(ctypes.addressof(text))


@pytest.fixture
def asker(cc: Compile) -> Iterator[Asker]:
    with uruk.LLJIT() as jit:
        jit.add_object(cc(ASK, "-O1"))
        yield Asker(jit)


def addresses(jit: uruk.LLJIT, *names: str) -> list[int]:
    """Where these are linked."""
    found = jit.lookup_all(names)
    return [found[name].address for name in names]


@pytest.mark.parametrize("make", KNOWING_MAPPERS.values(), ids=KNOWING_MAPPERS)
def test_dladdr_names_linked_code_until_it_is_removed(make: Callable[[], Mapper], cc: Compile, asker: Asker) -> None:
    with uruk.LLJIT(mapper=make(), options=NAMED) as jit:
        tracker = jit.add_object(cc(TWICE, "-fPIC"))
        twice, table = addresses(jit, "twice", "table")
        expected = [(twice, twice, b"twice"), (twice + 3, twice, b"twice"), (table + 15, table, b"table")]
        for address, start, name in expected:
            assert (asker.name(address), asker.start(address)) == (name, start)
        assert asker.name(table + 16) == b""
        assert asker.find(b"twice") == 0
        tracker.remove()
        assert (asker.name(twice), asker.name(table)) == (b"", b"")
        jit.add_object(cc("int thrice(int x) { return 3 * x; }"))
        (thrice,) = addresses(jit, "thrice")
        assert (thrice, asker.name(thrice)) == (twice, b"thrice")


def test_a_session_names_nothing_unless_it_is_told_to(cc: Compile, asker: Asker) -> None:
    with uruk.LLJIT() as jit:
        jit.add_object(cc(TWICE))
        assert [asker.name(address) for address in addresses(jit, "twice", "table")] == [b"", b""]


def test_only_what_is_shown_has_a_name_and_has_it_once(cc: Compile, asker: Asker) -> None:
    source = """
        __asm__(".symver of_old, of@V1\\n.symver of_new, of@@V2");
        int of_old(void) { return 1; } int of_new(void) { return 2; }
        __attribute__((visibility("hidden"))) int hidden(void) { return 3; }
        __attribute__((visibility("protected"))) int guarded(void) { return 4; }
        static int local(void) { return 5; }
        __attribute__((weak)) int shared(void) { return 6; }
        _Thread_local int per_thread = 7;
        int (*functions[])(void) = {hidden, local, shared};
    """
    with uruk.LLJIT(options=NAMED) as jit:
        jit.add_object(cc("int shared(void) { return 8; } int common;", "-fcommon", "-fPIC"))
        jit.add_object(cc(source, "-fPIC", "-O1"))
        old, new, guarded, shared, functions, common = addresses(
            jit, "of_old", "of", "guarded", "shared", "functions", "common"
        )
        hidden, local, first = (ctypes.c_uint64 * 3).from_address(functions)
        assert first == shared
        assert {asker.name(old), asker.name(new)} <= {b"of", b"of_old", b"of_new"}
        assert [asker.name(one) for one in (guarded, shared, common)] == [b"guarded", b"shared", b"common"]
        assert [asker.name(one) for one in (hidden, local)] == [b"", b""]
        names = names_in_table(jit)
        assert sorted(names) == sorted(b"common functions guarded of of of_new of_old shared".split())


def test_modules_of_one_link_go_one_by_one(cc: Compile, asker: Asker) -> None:
    with uruk.LLJIT(options=NAMED) as jit:
        user = jit.add_object(cc("int first(void), third(void); int second(void) { return first() + third(); }"))
        first = jit.add_object(cc("int first(void) { return 1; } int with_first = 2;"))
        other = jit.main.create_tracker("other")
        third = jit.add_object(cc("int third(void) { return 3; }"))
        places = addresses(jit, "first", "second", "third", "with_first")
        assert [asker.name(place) for place in places] == [b"first", b"second", b"third", b"with_first"]
        first.transfer_to(other)
        user.remove()
        assert [asker.name(place) for place in places] == [b"first", b"", b"third", b"with_first"]
        other.remove()
        assert [asker.name(place) for place in places] == [b"", b"", b"third", b""]
        third.remove()
        assert names_in_table(jit) == []


def test_withheld_code_has_no_name(cc: Compile, asker: Asker) -> None:
    with uruk.LLJIT(options=NAMED) as jit:
        used = jit.add_object(cc("int used(void) { return 1; }"))
        jit.add_object(cc("int used(void); int user(void) { return used(); }"))
        place, user = addresses(jit, "used", "user")
        used.remove(force=True)
        assert [asker.name(place), asker.name(user)] == [b"", b"user"]


def test_a_link_that_fails_late_takes_its_names_back(
    cc: Compile, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with uruk.LLJIT(options=NAMED) as jit:
        jit.add_object(cc("int before(void) { return 1; }"))
        addresses(jit, "before")
        jit.add_object(cc(TWICE))
        seen: list[list[bytes]] = []

        def refuse(*_: object) -> None:
            seen.append(names_in_table(jit))
            raise RuntimeError("no arrays")

        with monkeypatch.context() as patched:
            patched.setattr(jit.platform, "arrays", refuse)
            with pytest.raises(RuntimeError, match="no arrays"):
                jit.lookup("twice")
        assert sorted(seen[0]) == [b"before", b"table", b"twice"]
        assert names_in_table(jit) == [b"before"]
        twice, _ = addresses(jit, "twice", "table")
        assert asker.name(twice) == b"twice"


def test_a_full_table_says_so_once(
    cc: Compile, asker: Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(elf_slab, "MOST_SYMBOLS", 4096)  # 169 symbols besides the null one
    caplog.set_level(logging.WARNING, "uruk")
    with uruk.LLJIT(options=NAMED) as jit:
        many = jit.add_object(cc("".join(f"int f{n}(void) {{ return {n}; }}\n" for n in range(300)), "-O1"))
        places = addresses(jit, *(f"f{n}" for n in range(300)))
        named = [asker.name(place) == f"f{n}".encode() for n, place in enumerate(places)]
        assert 100 <= sum(named) <= 169
        assert all(asker.name(place) == b"" for place, is_named in zip(places, named, strict=True) if not is_named)
        jit.add_object(cc("".join(f"int g{n}(void) {{ return {n}; }}\n" for n in range(300)), "-O1"))
        last = jit.lookup("g299")
        assert last.function("int(void)")() == 299
        assert len([record for record in caplog.records if "full" in record.getMessage()]) == 1
        many.remove()
        jit.add_object(cc(TWICE))
        assert asker.name(addresses(jit, "twice")[0]) == b"twice"


def test_a_name_is_there_before_its_symbol_and_that_before_its_count() -> None:
    """Symbols that readers look at already are local until all else is there."""
    writes: list[tuple[int, bytes]] = []
    table = SymbolTable(0x1000, 10, 0x500, 0x100, 0x2000, 0x3000, 64, writes.extend)

    def add(names: list[bytes], counts: list[int]) -> list[tuple[int, bytes]]:
        writes.clear()
        lengths: I64 = np.array([len(name) for name in names], np.int64)
        column: I64 = np.arange(0x900, 0x900 + len(names), dtype=np.int64)
        ranges = table.take(lengths, counts)
        table.fill(ranges, names, lengths, Columns(column, column, np.full(len(names), 2, np.uint8)))
        taken.extend(ranges)
        return list(writes)

    taken: list[Symbols] = []
    first = add([b"one", b"two", b"three"], [2, 1])
    assert [place for place, _ in first] == [0x3000, 0x1018, 0x500]
    assert (first[0][1], first[2][1]) == (b"one\0two\0three\0\0\0", struct.pack("<I", 4))
    assert [tuple(one) for one in taken] == [(1, 2, 0x3000, 8), (3, 1, 0x3008, 8)]
    symbols = np.frombuffer(first[1][1], SYMBOL)
    assert symbols["name"].tolist() == [0x1000, 0x1004, 0x1008]
    assert symbols["value"].tolist() == [0x800, 0x801, 0x802]
    assert symbols["info"].tolist() == [0x12] * 3
    writes.clear()
    table.remove(taken[0])
    assert writes == [(0x1018, bytes(48))]
    again = add([b"six"], [1])
    assert [place for place, _ in again] == [0x3000, 0x1018, 0x1018, 0x500]
    infos = [np.frombuffer(data, SYMBOL)["info"].tolist() for _, data in again[1:3]]
    assert infos == [[0], [0x12]]
    assert again[3][1] == struct.pack("<I", 4)


def test_threads_ask_while_modules_come_and_go(cc: Compile, asker: Asker) -> None:
    """Code that stays has its name all the time, whatever happens to names around it."""
    with uruk.LLJIT(options=NAMED) as jit:
        jit.add_object(cc("int stays(void) { return 1; }"))
        goes = cc("int goes(void) { return 1; } int with_it[10]; extern int later; int *more = &later;")
        jit.add_object(cc("int later;"))
        (stays,) = addresses(jit, "stays")
        text = ctypes.create_string_buffer(b"stays")
        asked = [ctypes.c_size_t() for _ in range(3)]
        tracker = jit.add_object(goes)
        (place,) = addresses(jit, "goes")
        watch = asker.jit.lookup("wrong_answers").function(
            ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_size_t] * 4)
        )  # which gives up the lock of the interpreter
        stop = ctypes.c_int.from_address(asker.jit.lookup("stop").address)
        wrong: list[int] = []

        def work(count: ctypes.c_size_t) -> None:
            wrong.append(watch(stays, ctypes.addressof(text), place, ctypes.addressof(count)))

        threads = [threading.Thread(target=work, args=(count,)) for count in asked]
        for thread in threads:
            thread.start()
        try:
            for round in range(300):
                tracker.remove()
                source = f"int f{round}(void) {{ return 1; }} int g{round}[{1 + round % 7}] = {{1}};"
                extra = jit.add_object(cc(source)) if round % 30 == 0 else None
                tracker = jit.add_object(goes)
                (place,) = addresses(jit, "goes")
                assert asker.name(place) == b"goes"
                if extra is not None:
                    assert asker.name(addresses(jit, f"f{round}")[0]) == f"f{round}".encode()
        finally:
            stop.value = 1
            for thread in threads:
                thread.join()
        assert wrong == [0, 0, 0]
        assert all(count.value > 100 for count in asked)
