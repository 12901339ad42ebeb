"""dump, describe and memory_map: what a session says of itself."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import uruk

from support.compiling import Compile
from support.small import FUNCTION, PATIENCE, Counted, adds_one, call, returns


def filled(cc: Compile, jit: uruk.LLJIT) -> uruk.JITDylib:
    low = jit.create_dylib("low", bare=True)
    jit.main.set_link_order([low])
    data = cc.folder / "data.o"
    data.write_bytes(
        cc("int data = 1; __thread int mine; __attribute__((weak)) int weak(void) { return 2; }").read_bytes()
    )
    jit.add_object(data.read_bytes(), "data.o", dylib=low)
    jit.add_object(cc(adds_one("f", "made")).read_bytes(), "f.o")
    jit.add_unit(Counted(cc(returns("made", 1)), "made"))
    jit.add_unit(Counted(cc(returns("idle", 1)), "idle"))
    jit.main.define("fixed", 4096)
    jit.alias({"again": "data"}, low)
    jit.add_archive(cc.archive("libx.a", cc(returns("x", 1))), "libx.a")
    jit.add_generator(uruk.FunctionGenerator(lambda dylib, names: None, "nothing"))
    assert call(jit, "f") == 2
    return low


def symbols_of(facts: dict[str, Any], dylib: str) -> dict[str, dict[str, Any]]:
    home = next(one for one in facts["dylibs"] if one["name"] == dylib)
    return {symbol["name"]: symbol for entry in home["entries"] for symbol in entry["symbols"]}


def test_describe(cc: Compile, jit: uruk.LLJIT) -> None:
    filled(cc, jit)
    facts = jit.session.describe()
    assert json.loads(json.dumps(facts)) == facts
    main = symbols_of(facts, "main")
    assert (main["f"]["state"], main["made"]["state"], main["idle"]["state"]) == ("ready", "ready", "pending")
    assert main["again"]["stands for"] == {"dylib": "low", "name": "data"}
    assert main["fixed"]["kind"] == "data"
    low = symbols_of(facts, "low")
    assert (low["data"]["kind"], low["mine"]["kind"], low["weak"]["binding"]) == ("data", "thread-local", "weak")
    home = facts["dylibs"][0]
    assert (home["link order"], home["archives"], home["generators"]) == (["main", "low"], ["libx.a"], ["nothing"])


def test_dump_is_the_same_for_the_same(cc: Compile) -> None:
    texts: list[str] = []
    for _ in range(2):
        with uruk.LLJIT() as jit:
            filled(cc, jit)
            texts.append(jit.session.dump())
    assert texts[0] == texts[1]
    assert "dylib low: link order low, bare" in texts[0]
    assert "again: alias, strong -> low:data" in texts[0]


def test_who_waits_for_whom(cc: Compile, jit: uruk.LLJIT) -> None:
    inside, go = threading.Event(), threading.Event()

    def inner(responsibility: uruk.MaterializationResponsibility) -> Path:
        inside.set()
        assert go.wait(PATIENCE)
        return cc(returns("inner", 1))

    def outer(responsibility: uruk.MaterializationResponsibility) -> Path:
        jit.lookup("inner")
        return cc(adds_one("outer", "inner"))

    jit.add_unit(uruk.FunctionUnit({"inner": FUNCTION}, inner, "the inner"))
    jit.add_unit(uruk.FunctionUnit({"outer": FUNCTION}, outer, "the outer"))
    future = jit.lookup_future(["outer"])
    assert inside.wait(PATIENCE)
    dump = jit.session.dump()
    go.set()
    assert future.result(PATIENCE)["outer"].function("int(void)")() == 2
    assert "unit the outer: materializing" in dump
    assert "waits for unit the inner, asked for inner" in dump
    assert "waits for" not in jit.session.dump()


def test_memory_map(cc: Compile, jit: uruk.LLJIT) -> None:
    low = filled(cc, jit)
    code = jit.add_object(cc("int values[3] = {1}; const int fixed_values[5] = {1}; int g(void) { return values[0]; }"))
    address = jit.lookup("g").address
    ranges = jit.session.memory_map()
    assert ranges == sorted(ranges, key=lambda one: one.address)
    mine = next(one for one in ranges if one.address <= address < one.address + one.size)
    assert (mine.zone, mine.dylib, mine.tracker) == ("RX", "main", code.name)
    assert hex(mine.address)[2:] in str(mine)
    data = jit.lookup("values").address
    assert next(one for one in ranges if one.address <= data < one.address + one.size).zone == "RW"
    with open("/proc/self/maps") as maps:
        kept = [line.split()[:2] for line in maps]
    for one in ranges:  # what the kernel says of the same place
        span = next(s for s, _ in kept if int(s.split("-")[0], 16) <= one.address < int(s.split("-")[1], 16))
        rights = next(r for s, r in kept if s == span)
        assert ("x" in rights, "w" in rights) == (one.zone == "RX", one.zone == "RW")
    code.remove()
    assert all(one.tracker != code.name for one in jit.session.memory_map())
    assert jit.lookup("data", low).address


@pytest.mark.parametrize("what", ["dump", "describe", "memory_map"])
def test_after_close(cc: Compile, what: str) -> None:
    jit = uruk.LLJIT()
    filled(cc, jit)
    jit.close()
    assert getattr(jit.session, what)() is not None
    assert jit.session.memory_map() == []
    assert jit.session.describe()["closed"]
