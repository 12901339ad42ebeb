"""Dumps of a graph: golden, and the same whatever the order of rows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from uruk.graph.dump import dump_dict, dump_json, dump_text
from uruk.lljit import LLJIT
from uruk.orc.registry.options import Options
from uruk.passes.state import State
from uruk.passes.steps import POINTS

from support.compiling import Compile
from support.golden_files import FOLDER, OBJECTS, check_golden, object_bytes, read_graph
from support.linking import batch
from support.requirements import require_tool

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("name", OBJECTS)
def test_text(name: str) -> None:
    graph, names = read_graph((f"{name}.o", object_bytes(name)))
    check_golden(f"{name}.dump.txt", dump_text(graph, names))


@pytest.mark.parametrize("name", OBJECTS)
def test_dict_is_json(name: str) -> None:
    graph, names = read_graph((f"{name}.o", object_bytes(name)))
    facts = dump_dict(graph, names, content=True)
    text = json.dumps(facts, indent=1) + "\n"
    assert json.loads(text) == facts
    check_golden(f"{name}.dump.json", text)


def test_content(tmp_path: Path) -> None:
    graph, names = read_graph(("minimal.o", object_bytes("minimal")))
    block = next(one for one in dump_dict(graph, names, content=True)["objects"][0]["blocks"] if one["size"])
    assert block["content"] == "b82a000000c3"
    assert "    b82a000000c3\n" in dump_text(graph, names, content=True)


def test_an_object_dumps_the_same_alone_and_among_others() -> None:
    pairs = [(f"{name}.o", object_bytes(name)) for name in OBJECTS]
    together = dump_dict(*read_graph(*pairs))["objects"]
    alone = [dump_dict(*read_graph(pair))["objects"][0] for pair in pairs]
    assert together == alone


def test_blocks_of_one_name_are_told_apart(tmp_path: Path) -> None:
    source = tmp_path / "two.s"
    parts = [f'.section .text.x,"axG",@progbits,{group},comdat\n nop\n' for group in ("late", "early")]
    source.write_text("".join(parts))
    subprocess.run([require_tool("as"), source, "-o", tmp_path / "two.o"], check=True)
    lines = dump_text(*read_graph(("two.o", (tmp_path / "two.o").read_bytes()))).splitlines()
    assert "  block .text.x: RX, 0x1 bytes, align 1, group early" in lines
    assert "  block .text.x#2: RX, 0x1 bytes, align 1, group late" in lines
    assert "  group late: .text.x#2" in lines


def test_the_sources_are_those_of_the_objects(tmp_path: Path) -> None:
    """What is checked in as bytes is what the source beside it says, as far as any assembler may choose."""
    for name in OBJECTS:
        subprocess.run([require_tool("as"), FOLDER / f"{name}.s", "-o", tmp_path / "new.o"], check=True)
        old, names = read_graph(("x.o", object_bytes(name)))
        new, new_names = read_graph(("x.o", (tmp_path / "new.o").read_bytes()))
        wanted = {one["name"]: one["size"] for one in dump_dict(old, names)["objects"][0]["blocks"]}
        found = {one["name"]: one["size"] for one in dump_dict(new, new_names)["objects"][0]["blocks"]}
        assert found == wanted


GOLDEN_POINTS = ("after groups", "after got, stubs", "after layout")


def dumps_of_a_link(name: str, points: tuple[str, ...], dump: Callable[[State], str]) -> dict[str, str]:
    """Link an object without running it; what `dump` says at each point."""
    found: dict[str, str] = {}

    def look(state: State) -> None:
        found[state.point] = dump(state)

    with LLJIT(options=Options(execute=False, phony_externals=True)) as jit:
        for point in points:
            jit.session.hooks[point] = [look]
        jit.add_object(object_bytes(name), f"{name}.o")
        jit.lookup("main" if name == "everything" else "answer")
    return found


@pytest.mark.parametrize("point", GOLDEN_POINTS)
def test_a_link_at_some_point(point: str) -> None:
    texts = dumps_of_a_link("everything", (point,), dump_text)
    check_golden(f"everything.{point.replace(', ', '_').replace(' ', '_')}.txt", texts[point])


def test_a_link_as_json() -> None:
    texts = dumps_of_a_link("everything", ("after layout",), dump_json)
    check_golden("everything.after_layout.json", texts["after layout"])


def test_every_point_dumps_and_twice_the_same() -> None:
    points = tuple(point.name for point in POINTS)
    first, second = (dumps_of_a_link("everything", points, dump_text) for _ in range(2))
    assert list(first) == list(points)
    assert first == second


def test_addresses_on_request() -> None:
    def dump(state: State) -> str:
        return dump_text(state, addresses=True)

    texts = dumps_of_a_link("minimal", ("after layout", "post-allocate"), dump)
    assert " at 0x" not in texts["after layout"]
    lines = texts["post-allocate"].splitlines()
    (block,) = (line for line in lines if "block .text:" in line)
    (symbol,) = (line for line in lines if ": answer, " in line)
    assert block.split(" at ")[1] == symbol.split(" at ")[1]


def test_dropped_groups_are_marked(tmp_path: Path) -> None:
    source = '.section .text.x,"axG",@progbits,same,comdat\n.weak same\nsame: ret\n.text\n.globl {0}\n{0}: call same\n'
    for name in ("one", "two"):
        (tmp_path / f"{name}.s").write_text(source.format(name))
        subprocess.run([require_tool("as"), f"{name}.s", "-o", f"{name}.o"], check=True, cwd=tmp_path)
    texts: list[str] = []
    with LLJIT(options=Options(execute=False)) as jit:
        jit.session.hooks["after read relocations"] = [lambda state: texts.append(dump_text(state))]
        jit.add_objects([tmp_path / "one.o", tmp_path / "two.o"])
        jit.lookup_all(["one", "two"])
    blocks = [line for line in texts[0].splitlines() if "block .text.x" in line]
    assert [line.endswith("dropped") for line in blocks] == [False, True]


@pytest.mark.parametrize("modules", [1, 2])
def test_modules_are_told_apart_where_there_are_several(modules: int, cc: Compile) -> None:
    """Each has a table of its own for what it loads through one."""
    paths = [cc(f"extern int x{n}; int *f{n}(void) {{ return &x{n}; }}", "-fPIC", name=f"f{n}") for n in range(modules)]
    with batch(*paths) as one:
        for number in range(modules):
            one.addresses[f"x{number}"] = 0x1000
        lines = dump_text(one.link().state).splitlines()
    blocks = [line for line in lines if line.startswith("  block .text:")]
    assert ["module" in line for line in blocks] == [modules > 1] * modules
    slots = [line.split("slot")[0] for line in lines if "slot +" in line]
    assert slots == ([f"  module {number} " for number in range(modules)] if modules > 1 else ["  "])


def test_a_graph_needs_names() -> None:
    graph, _ = read_graph(("minimal.o", object_bytes("minimal")))
    with pytest.raises(ValueError, match="names"):
        dump_text(graph)
