"""Broken objects, archives and rules: status 1 and a message, never a traceback; the tool goes on in one process."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from jitlink.running import uruk_jitlink
from jitlink.test_jitlink_tool import RULES, UNIT

from support.compiling import Compile

pytestmark = pytest.mark.any_interpreter

MUTANTS = int(os.environ.get("URUK_JITLINK_MUTANTS", "300"))
SEED = int(os.environ.get("URUK_JITLINK_SEED", "1"))


def run(*words: object) -> int:
    done = uruk_jitlink(*words)
    assert done.status in (0, 1)
    assert "Traceback" not in done.err
    assert bool(done.err) == bool(done.status), done
    return done.status


def test_cut_objects(cc: Compile, tmp_path: Path) -> None:
    """Every object that ends early is refused."""
    whole = cc("int g = 1; int main(void) { return g; }").read_bytes()
    path = tmp_path / "cut.o"
    for size in range(0, len(whole) - 64, 16):
        path.write_bytes(whole[:size])
        assert run("-noexec", path) == 1


def test_mutants(cc: Compile, tmp_path: Path) -> None:
    """Objects and rules with some bytes changed: 10,000 of them in `make soak`."""
    chance = random.Random(SEED)
    unit = cc(UNIT, language="s", name="main")
    cpp = cc.cpp(
        "struct B { virtual ~B() {} int x = 1; }; int main() { try { throw B(); } catch (B &b) { return b.x; } }"
    )
    rules = "".join(f"# jitlink-check: {rule}\n" for rule in RULES.strip().splitlines()).encode()
    object_path, rules_path = tmp_path / "main.o", tmp_path / "rules.txt"
    statuses: set[int] = set()
    for number in range(MUTANTS):
        data = bytearray((unit if number % 2 else cpp).read_bytes())
        text = bytearray(rules)
        for victim in (data,) if number % 3 else (text,):
            for _ in range(chance.randrange(1, 6)):
                victim[chance.randrange(len(victim))] = chance.choice((0, 255, chance.randrange(256)))
        object_path.write_bytes(data)
        rules_path.write_bytes(text)
        words = ["-noexec", object_path, "-abs=far=0x123456789a", "-phony-externals", "-slab-allocate=64Kb"]
        words += ["-slab-address=0", "-slab-page-size=4096", f"-check={rules_path}" if number % 2 else "-show-graphs=."]
        statuses.add(run(*words))
    assert statuses == {0, 1}
