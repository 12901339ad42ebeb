"""uruk's own check files: rules beside instructions, at four slabs, in both tools; see README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jitlink.running import llvm_jitlink, uruk_jitlink

from support.check_files import FOLDER, SLABS, TRIPLES, CheckFile, all_files, assembled, beyond, options

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

FILES = all_files()


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checked")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_rules_hold(file: CheckFile, made: Path) -> None:
    """At each slab, with all symbols at the lower ends of their ranges and at the upper ones."""
    output = assembled(file.path, made)
    for slab in SLABS:
        for end in ("low", "high") if file.edges else ("low",):
            words = options(file, slab, {"": end}, output)
            ours = uruk_jitlink(*words)
            assert (ours.status, ours.err) == (0, ""), (hex(slab), end)
    theirs = llvm_jitlink(*words)
    assert theirs.status == (1 if file.refused else 0), theirs.err
    assert file.refused in theirs.err


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_rule_can_fail(file: CheckFile, made: Path, tmp_path: Path) -> None:
    """A rule that wants one more is false: none of them is true by itself."""
    words = options(file, SLABS[0], {"": "low"}, assembled(file.path, made))
    text = file.path.read_text(encoding="utf-8")
    spoilt, count = re.subn(r"^(# jitlink-check: .*) = (.*)$", r"\1 = 1+(\2)", text, flags=re.MULTILINE)
    rules = tmp_path / "spoilt.s"
    rules.write_text(spoilt)
    done = uruk_jitlink(*words[:-1], f"-check={rules}")
    assert (done.status, done.err.count("is false")) == (1, count), done.err


@pytest.mark.parametrize(
    ("file", "number"),
    [(file, number) for file in FILES for number in range(len(file.edges))],
    ids=lambda value: value.name if isinstance(value, CheckFile) else str(value),
)
def test_one_step_beyond_is_an_error(file: CheckFile, number: int, made: Path) -> None:
    """The error names the kind as JITLink does, and the symbol."""
    output = assembled(file.path, made)
    edge = file.edges[number]
    for place, address in enumerate(beyond(edge)):
        words = options(file, SLABS[(place + number) % len(SLABS)], {"": "low", edge.symbol: address}, output)
        tools = (uruk_jitlink,) if file.refused else (uruk_jitlink, llvm_jitlink)
        for done in (tool(*words) for tool in tools):
            assert done.status == 1
            assert f'relocation target "{edge.symbol}"' in done.err
            assert f"is out of range of {edge.kind} fixup" in done.err


def test_every_target_has_files() -> None:
    assert {file.path.parent.name for file in FILES} == set(TRIPLES)
    assert {path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("__")} == set(TRIPLES)
