"""What is one format's or one system's stands in its room: nothing outside imports it, or speaks of it in code.

Comments and docstrings may. `UNDER_WAY` lists what is not so yet; it may only shrink.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test_tidy import MODULES, PACKAGE, tree_of

pytestmark = pytest.mark.quick

ROOMS = (
    "host/linux",
    "formats/elf/",
    "passes/elf/",
    "passes/tls/",
    "platforms/linux/",
    "memory/linux/",
    "libraries/linux/",
    "program/linux/",
    "formats/coff/",
    "passes/coff/",
    "platforms/windows/",
    "program/windows/",
    "libraries/windows/",
)
"""ELF's and Linux's, COFF's and Windows's."""
ROOM_IMPORTS = re.compile(
    r"uruk\.(formats\.(elf|coff)|passes\.(elf|coff)|passes\.tls(?!\.interface)"
    r"|(host|libraries|memory|platforms|program)\.linux|(libraries|platforms|program)\.windows)\b"
)
WORDS = re.compile(r"eh_frame|dso_handle|glibc|/proc\b|/dev/shm", re.IGNORECASE)
DOORS = {
    "formats/heads.py": "tells the formats by first bytes, before numpy is imported",
    "host/__init__.py": "asks the system of this machine",
    "platforms/systems.py": "chooses the platform of an object's system",
    "program/systems.py": "chooses the system of a program's target",
    "libraries/search.py": "chooses the libraries of a target's system",
    "formats/registry.py": "lists the formats",
    "link_rules.py": "joins each format's rules to its reader",
    "lljit.py": "chooses the platform of an executor's system",
    "symbol.py": "has stack overflows of this process reported",
    "spawning.py": "puts executors of a system together",
    "executor/data.py": "reads and writes any address of this process",
    "memory/epc.py": "a mapper that works in this process, too",
    "memory/inprocess.py": "the mapper of this process",
    "memory/instruction_cache.py": "what the mapper of this process calls",
    "memory/shared.py": "the mapper for memory that this process shares",
}
"""Files that may import from the rooms, each with the reason: that is what they are for."""
OLD_NAME = "a step's old name, which plug-ins may use yet"
UNDER_WAY = {"passes/steps.py": OLD_NAME}
"""Files that still break the rule, each with the reason; some of them change rooms."""
MUST_BE_FREE = ("passes/", "graph/", "memory/", "link.py", "isa/")
"""Where only an old name may stand in `UNDER_WAY`."""
MACHINE_NUMBERS = frozenset(
    {62, 183, 243, 0x8664, 0xAA64, 0x14C, 0x1C4, 0x0303, 0x0A03, 0x0F03, 0x01000007, 0x0100000C}
)
"""e_machine, COFF's Machine, flags of the loader's cache, cputype."""
MACHINE_WORDS = re.compile(r"machine|MACHINE|cputype|EM_")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


OUTSIDE = [path for path in MODULES if not room_of(path).startswith(ROOMS)]


def docstrings_of(tree: ast.Module) -> set[ast.AST]:
    """Texts that stand alone: docstrings, those below attributes included."""
    bodies = (getattr(node, "body", ()) for node in ast.walk(tree))
    statements = (statement for body in bodies if isinstance(body, list) for statement in body)
    return {each.value for each in statements if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)}


def words_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The identifiers and literals of a file, each with its line."""
    skipped = docstrings_of(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for name in ("id", "attr", "arg", "name", "asname"):
            word = getattr(node, name, None)
            if isinstance(word, str):
                yield line, word
        if isinstance(node, ast.Constant) and node not in skipped and isinstance(node.value, str | bytes):
            yield line, node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that a file imports, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def broken(name: str, tree: ast.Module) -> list[str]:
    """Say what in a file outside the rooms belongs in one of them."""
    problems: list[str] = []
    for line, imported in imports_of(tree):
        if name not in DOORS and ROOM_IMPORTS.match(imported):
            problems.append(
                f"src/uruk/{name}:{line}: imports {imported}, which is one format's or system's: ask the format "
                f"(formats/interface.py), its rules (passes/rules.py) or the platform (orc/platform.py) instead"
            )
    for line, word in words_of(tree):
        if match := WORDS.search(word):
            problems.append(
                f"src/uruk/{name}:{line}: speaks of `{match.group()}': that belongs in a room of ELF's or Linux's: "
                f"{', '.join(ROOMS)}"
            )
    return problems


def test_nothing_of_elf_or_linux_outside_their_rooms() -> None:
    problems = {room_of(path): broken(room_of(path), tree_of(path)) for path in OUTSIDE}
    new = [text for name, texts in problems.items() if name not in UNDER_WAY for text in texts]
    assert not new, "\n".join(new)
    done = [name for name in UNDER_WAY if problems.get(name) == []]
    assert not done, f"free by now: take {', '.join(done)} out of UNDER_WAY in tests/house/test_rooms.py"


def test_the_core_is_free() -> None:
    """What is under way stands in other rooms; of the core, only old names of steps do."""
    core = {name: reason for name, reason in UNDER_WAY.items() if name.startswith(MUST_BE_FREE)}
    assert set(core.values()) <= {OLD_NAME}
    (points,) = core
    tree = tree_of(PACKAGE / points)
    assert len(broken(points, tree)) == 1
    assert not [imported for _, imported in imports_of(tree) if ROOM_IMPORTS.match(imported)]


def test_doors_are_used() -> None:
    unused = [
        name
        for name in DOORS
        if not any(ROOM_IMPORTS.match(imported) for _, imported in imports_of(tree_of(PACKAGE / name)))
    ]
    assert not unused, f"no doors any more: take {', '.join(unused)} out of DOORS in tests/house/test_rooms.py"


def machine_numbers_of(path: Path) -> list[str]:
    """Lines that compare, assign or list a machine's number: those that also speak of machines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: has the machine number {node.value:#x}: keep it in machines.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and type(node.value) is int
        and node.value in MACHINE_NUMBERS
        and MACHINE_WORDS.search(lines[node.lineno - 1])
    ]


def test_machine_numbers_stand_in_one_file() -> None:
    found = [text for path in MODULES if path.name != "machines.py" for text in machine_numbers_of(path)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("from uruk.passes.elf import eh_frame", "imports uruk.passes.elf.eh_frame"),
        ("def f():\n    import uruk.platforms.linux.platform", "x.py:2: imports uruk.platforms.linux.platform"),
        ("from uruk.passes.tls.words import write", "imports uruk.passes.tls.words.write"),
        ("a.dso_handle = 1", "speaks of `dso_handle'"),
        ("def f(*, eh_frames): pass", "speaks of `eh_frame'"),
        ("f(glibc=1)", "speaks of `glibc'"),
        ("GLIBC_TUNABLES = 1", "speaks of `GLIBC'"),
        ("open('/proc/self/maps')", "speaks of `/proc'"),
        ("x = b'/dev/shm/x'", "speaks of `/dev/shm'"),
        ("x = f'/dev/shm/{1}'", "speaks of `/dev/shm'"),
    ],
)
def test_what_is_noticed(text: str, problem: str) -> None:
    (found, *_) = broken("x.py", ast.parse(text))
    assert problem in found


@pytest.mark.parametrize(
    "text",
    [
        '"""Of glibc."""',
        'class A:\n    """Of `.eh_frame`."""\n    x = 1\n    """See /proc/self/maps."""',
        "x = 1  # /dev/shm",
        "from uruk.passes.tls.interface import Storage",
        "x = 'processes'",
    ],
)
def test_what_may_be_said(text: str) -> None:
    assert not broken("x.py", ast.parse(text))


def test_a_machine_number_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    path = tmp_path / "x.py"
    path.write_text("if head.machine == 183:\n    x = 62\nMACHINES = {'x86_64': 62}\n", encoding="utf-8")
    assert [text.split(":")[:2] for text in machine_numbers_of(path)] == [["x.py", "1"], ["x.py", "3"]]
