"""Archives in a session: what spans a dylib's objects and the members that they pull, each with its own tracker."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

import uruk
from uruk.errors import InUse

from support.compiling import Compile
from support.small import call

FRAMEWORK = """
    extern const int __start_entries[], __stop_entries[];
    int total(void)
    {
        int sum = 0;
        for (const int *at = __start_entries; at != __stop_entries; at++)
            sum = 10 * sum + *at;
        return sum;
    }
"""
ENTRY = """
    __attribute__((section("entries"), used)) static const int entry = NUMBER;
    extern int total(void);
    int total_NUMBER(void) { return total(); }
    int there_NUMBER = 1;
"""
LOUD = """
    extern void note(int);
    __attribute__((constructor)) static void begin(void) { note(NUMBER); }
    __attribute__((constructor(200))) static void early(void) { note(NUMBER + 200); }
    __attribute__((destructor)) static void end(void) { note(-NUMBER); }
    int loud_NUMBER = NUMBER;
    NEEDS
"""


def entry(cc: Compile, number: int, more: str = "") -> str:
    return str(cc(ENTRY.replace("NUMBER", str(number)) + more))


def loud(cc: Compile, number: int, *needs: int) -> str:
    text = "".join(f"extern int loud_{one}; int *needs_{number}_{one} = &loud_{one};" for one in needs)
    return str(cc(LOUD.replace("NUMBER", str(number)).replace("NEEDS", text), name=f"loud{number}"))


def members(cc: Compile, name: str, *paths: str) -> str:
    return str(cc.archive(name, *map(Path, paths)))


def test_bounds_span_objects_and_archives(cc: Compile, jit: uruk.LLJIT) -> None:
    needs = "extern int there_3; int *needs = &there_3;"
    jit.add_object(entry(cc, 1, needs))
    jit.add_archive(members(cc, "libentries.a", entry(cc, 4), entry(cc, 3)))
    jit.add_object(entry(cc, 2))
    jit.add_archive(members(cc, "libframework.a", str(cc(FRAMEWORK))))
    found = jit.lookup_all(["total_1", "total_2"])
    assert [one.function("int(void)")() for one in found.values()] == [132, 132]


def test_a_later_lookup_has_bounds_of_its_own(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(members(cc, "libframework.a", str(cc(FRAMEWORK))))
    jit.add_object(entry(cc, 1))
    assert call(jit, "total_1") == 1
    jit.add_object(entry(cc, 2))
    assert call(jit, "total_2") == 1


def test_what_lies_between_bounds_keeps_its_holder(cc: Compile, jit: uruk.LLJIT) -> None:
    framework = jit.add_archive(members(cc, "libframework.a", str(cc(FRAMEWORK))))
    user = jit.add_object(entry(cc, 1, "const int *where(void) { return &entry; }"))
    assert call(jit, "total_1") == 1
    where = jit.lookup("where").function(ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_int)))
    with pytest.raises(InUse):
        framework.remove()
    assert where()[0] == 1
    user.remove()
    framework.remove()
    jit.add_object(entry(cc, 5))
    jit.add_archive(members(cc, "libframework.a", str(cc(FRAMEWORK))))
    assert call(jit, "total_5") == 5


def test_bounds_in_two_modules_are_the_same(cc: Compile, jit: uruk.LLJIT) -> None:
    """Each module that names the bounds uses the one that has what is between them."""
    other = "extern const int __start_entries[], __stop_entries[];"
    other += "int size(void) { return __stop_entries - __start_entries; }"
    first = jit.add_object(cc(other))
    second = jit.add_object(cc(FRAMEWORK))
    jit.add_object(entry(cc, 7))
    found = jit.lookup_all(["size", "total_7"])
    assert [one.function("int(void)")() for one in found.values()] == [1, 7]
    with pytest.raises(InUse):
        first.remove()
    assert second.remove(force=True).objects == 1


def test_code_stays_in_its_module(cc: Compile, jit: uruk.LLJIT) -> None:
    text = """
        extern const char __start_hot[], __stop_hot[];
        __attribute__((section("hot"))) int NAME(int x) { return x + VALUE; }
        int NAME_inside(void) { return (const char *)NAME >= __start_hot && (const char *)NAME < __stop_hot; }
    """
    jit.add_object(cc(text.replace("NAME", "one").replace("VALUE", "1")))
    jit.add_object(cc(text.replace("NAME", "two").replace("VALUE", "2")))
    found = jit.lookup_all(["one", "two", "one_inside", "two_inside"])
    assert [found[name].function("int(int)")(5) for name in ("one", "two")] == [6, 7]
    assert found["one_inside"].function("int(void)")() == 1


class Notes:
    """What native code notes, in order."""

    def __init__(self, jit: uruk.LLJIT) -> None:
        self.all: list[int] = []
        self.callback = ctypes.CFUNCTYPE(None, ctypes.c_int)(self.all.append)
        jit.define("note", self.callback)


def test_initialisers_of_members_run_at_the_archive_s_place(cc: Compile, jit: uruk.LLJIT) -> None:
    notes = Notes(jit)
    jit.add_object(loud(cc, 1, 4))
    jit.add_archive(members(cc, "libloud.a", loud(cc, 3), loud(cc, 4, 3), loud(cc, 5)))
    jit.add_object(loud(cc, 2))
    jit.lookup("loud_1")
    assert notes.all == [201, 204, 203, 202, 1, 4, 3, 2]


def test_an_archive_before_its_users(cc: Compile, jit: uruk.LLJIT) -> None:
    """Nothing on the line needs its members yet: they stand there all the same, in the order in which they come in."""
    notes = Notes(jit)
    jit.add_archive(members(cc, "libloud.a", loud(cc, 3), loud(cc, 4, 3)))
    jit.add_object(loud(cc, 1, 4))
    jit.lookup("loud_1")
    assert notes.all == [204, 203, 201, 4, 3, 1]


def test_a_second_mention_is_a_second_place(cc: Compile, jit: uruk.LLJIT) -> None:
    notes = Notes(jit)
    archive = members(cc, "libloud.a", loud(cc, 3), loud(cc, 4))
    jit.add_object(loud(cc, 1, 4))
    jit.add_archive(archive)
    jit.add_object(loud(cc, 2, 3))
    jit.add_archive(archive)
    jit.lookup("loud_1")
    assert notes.all == [201, 204, 202, 203, 1, 4, 2, 3]


def test_what_is_looked_up_pulls_members_first(cc: Compile, jit: uruk.LLJIT) -> None:
    notes = Notes(jit)
    jit.add_archive(members(cc, "libloud.a", loud(cc, 3), loud(cc, 4, 3), loud(cc, 5, 3)))
    jit.lookup_all(["loud_5", "loud_4"])
    assert notes.all == [204, 205, 203, 4, 5, 3]


def test_two_dylibs_have_two_lines(cc: Compile, jit: uruk.LLJIT) -> None:
    notes = Notes(jit)
    archive = members(cc, "libloud.a", loud(cc, 3), loud(cc, 4, 3))
    low = jit.create_dylib("low", [jit.main])
    jit.add_object(loud(cc, 1, 4), dylib=low)
    jit.add_archive(archive, dylib=low)
    jit.add_archive(archive)
    jit.add_object(loud(cc, 2, 3))
    jit.lookup("loud_1", low)
    jit.lookup("loud_2")
    assert notes.all == [203, 202, 3, 2, 201, 204, 203, 1, 4, 3]
