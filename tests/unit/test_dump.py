"""Dumps of a graph: golden, and the same whatever the order of rows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from golden_files import FOLDER, OBJECTS, check_golden, object_bytes, read_graph
from uruk.graph.dump import dump_dict, dump_text
from uruk.lljit import LLJIT
from uruk.passes.state import State

from requirements import require_tool


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


def test_a_link_dumps_without_addresses() -> None:
    texts: list[str] = []

    for _ in range(2):
        with LLJIT() as jit:

            def dump(state: State, jit: LLJIT = jit) -> None:
                texts.append(dump_text(state, jit.main.names))

            for point in ("post-prune", "post-allocate", "post-fixup"):
                jit.session.hooks[point] = [dump]
            jit.add_object(object_bytes("minimal"), "minimal.o")
            jit.lookup("answer")
    assert len(texts) == 6
    assert texts[:3] == texts[3:]
    assert texts[0].startswith("object minimal.o\n")
