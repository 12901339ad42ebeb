"""Jitdump files: the functions that were linked, their code and unwind data, and what perf itself makes of them."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

import uruk
from uruk.machines import MACHINES
from uruk.target import HERE

from support.compiling import Compile
from support.requirements import missing, require_tool

SOURCE = """
extern int printf(const char *, ...);
static __attribute__((noinline)) double inner(double x) {
    for (int i = 0; i < 100; i++) x = x * 1.0000001 + 0.1;
    return x;
}
__attribute__((noinline)) double outer(long n) {
    volatile double sum = 0;
    for (long i = 0; i < n; i++) sum += inner(i);
    printf("%d\\n", sum > 0);
    return sum;
}
int main(int c, char **v) { return outer(c * 500000L) < 0; }
"""


class Function(NamedTuple):
    """A function of a file, with its unwind data and the size of the table in that."""

    address: int
    code: bytes
    unwinding: bytes
    table: int
    lines: list[Entry]
    room: int
    """The address in room of its own at which it was recorded first, with its unwind data mapped behind it."""


class Entry(NamedTuple):
    """A line of a source, as a record has it."""

    address: int
    line: int
    discriminator: int
    path: str


def read(path: str | Path) -> tuple[tuple[int, int], dict[str, Function]]:
    """Return machine and process of a file's header, and its functions."""
    data = Path(path).read_bytes()
    magic, version, size, machine, _, process, stamp, flags = struct.unpack_from("<IIIIIIQQ", data)
    assert (magic, version, size, flags) == (0x4A695444, 1, 40, 0)
    functions: dict[str, Function] = {}
    at, unwinding, table, mapped, index, room = size, b"", 0, 0, 0, 0
    lines: list[Entry] = []
    while at < len(data):
        kind, length, time = struct.unpack_from("<IIQ", data, at)
        assert time >= stamp
        stamp, body, at = time, data[at + 16 : at + length], at + length
        if kind == 4:
            whole, table, mapped = struct.unpack_from("<QQQ", body)
            unwinding = body[24 : 24 + whole]
            continue
        if kind == 2:
            lines = entries(body)
            continue
        assert kind == 0
        owner, _, vma, address, code, number = struct.unpack_from("<IIQQQQ", body)
        name, _, rest = body[40:].partition(b"\0")
        assert (owner, vma, code, number) == (process, address, len(rest), index)
        if mapped:
            assert mapped == len(unwinding)
            room, mapped = address, 0
            continue
        functions[name.decode()] = Function(address, rest, unwinding, table, lines, room)
        unwinding, table, index, lines, room = b"", 0, index + 1, [], 0
    assert at == len(data)
    return (machine, process), functions


def entries(body: bytes) -> list[Entry]:
    _, count = struct.unpack_from("<QQ", body)
    found: list[Entry] = []
    at = 16
    for _ in range(count):
        numbers = struct.unpack_from("<QII", body, at)
        path = body[at + 16 : body.index(b"\0", at + 16)]
        found.append(Entry(*numbers, path.decode()))
        at += 17 + len(path)
    assert at == len(body)
    return found


def frames(path: Path) -> list[str]:
    """The steps of unwind data as readelf has them, without addresses."""
    command = [require_tool("readelf"), "--debug-dump=frames", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = re.sub(r" to [0-9a-f]{16}", "", text)
    return [line.strip() for line in text.splitlines() if "DW_CFA" in line and "DW_CFA_nop" not in line]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITDUMPDIR", str(tmp_path))


def dump_in(folder: Path) -> Path:
    (path,) = folder.glob(".debug/jit/llvm-IR-jit-*/jit-*.dump")
    return path


@pytest.mark.parametrize("flags", [["-fPIC"], ["-fPIC", "-fno-omit-frame-pointer", "-O2"]])
def test_functions_of_a_session(cc: Compile, flags: list[str], tmp_path: Path) -> None:
    unit = cc(SOURCE, *flags)
    with uruk.LLJIT() as jit:
        path = jit.record_for_perf()
        assert path == str(dump_in(tmp_path))
        jit.add_object(unit)
        outer = jit.lookup("outer").address
        head, functions = read(path)
        assert head == (MACHINES[HERE.architecture].elf, os.getpid())
        assert set(functions) == {"inner", "outer", "main"}
        assert functions["outer"].address == outer
        for function in functions.values():
            assert jit.executor.process.read(function.address, len(function.code)) == function.code
    # perf looks for a mapping of the file that can be executed.
    maps = Path("/proc/self/maps").read_text()
    assert re.search(rf"^\S+ r-xp .* {re.escape(path)}$", maps, re.MULTILINE)


def test_unwind_data_is_laid_out_behind_the_code(cc: Compile, tmp_path: Path) -> None:
    unit = cc(SOURCE, "-fPIC")
    # In a process of its own, as the slabs of other tests may leave no room in this one.
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        path = jit.record_for_perf()
        jit.add_object(unit)
        jit.lookup("main")
    _, functions = read(path)
    rooms = sorted(
        (function.room, -(-len(function.code) // 8) * 8 + len(function.unwinding)) for function in functions.values()
    )
    assert all(at + size <= following for (at, size), (following, _) in pairwise(rooms))
    steps: list[str] = []
    for name in ("inner", "outer", "main"):
        function = functions[name]
        # An object whose code begins at 0 and whose unwind data comes from the next multiple of 8 on, as perf makes it.
        start = -(-len(function.code) // 8) * 8
        (tmp_path / "unwinding").write_bytes(function.unwinding[: -function.table])
        (tmp_path / "made.s").write_text(f'.section .eh_frame,"a",@progbits\n.incbin "{tmp_path}/unwinding"\n')
        made = tmp_path / "made.o"
        subprocess.run([require_tool("as"), tmp_path / "made.s", "-o", made], check=True)
        moved = ["--change-section-address", f".eh_frame={start:#x}", made]
        subprocess.run([require_tool("objcopy"), *moved], check=True)
        text = subprocess.run(
            ["readelf", "--debug-dump=frames", made], check=True, capture_output=True, text=True
        ).stdout
        # One is about the code in that object, the other one about the code where it lies, seen from its room.
        ranges = re.findall(r"FDE cie=\S+ pc=([0-9a-f]+)\.\.([0-9a-f]+)", text)
        away, size = function.address - function.room, len(function.code)
        assert [(int(begin, 16), int(end, 16)) for begin, end in ranges] == [(0, size), (away, away + size)]
        assert 0 < away < 1 << 31
        steps += own_steps(made, len(ranges))
        version, *encodings = function.unwinding[-function.table :][:4]
        assert (version, encodings) == (1, [0x1B, 0x03, 0x3B])
        table = start + len(function.unwinding) - function.table
        to_frames, count, *entries = struct.unpack("<iIiiii", function.unwinding[-function.table + 4 :])
        assert (table + 4 + to_frames, count) == (start, 2)
        assert [table + to_code for to_code in entries[::2]] == [0, away]
        assert start < table + entries[1] < table + entries[3] < table
    # gcc has one CIE for all functions, which is here in front of each.
    cie = frames(unit)[:2]
    assert [step for step in steps if step not in cie] == [step for step in frames(unit) if step not in cie]


def own_steps(made: Path, count: int) -> list[str]:
    """The steps of unwind data whose FDEs say the same of one function."""
    steps = frames(made)
    cie, rest = steps[:2], steps[2:]
    each = len(rest) // count
    assert rest == rest[:each] * count
    return [*cie, *rest[:each]]


def test_a_program_and_the_environment(cc: Compile, tmp_path: Path) -> None:
    unit = cc(SOURCE, "-fPIC")
    command = [sys.executable, "-m", "uruk", "run", str(unit)]
    done = subprocess.run([*command[:4], "--perf-support", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    first = dump_in(tmp_path)
    (_, process), functions = read(first)
    assert first.name == f"jit-{process}.dump"
    assert {"inner", "outer", "main"} <= set(functions)
    other = tmp_path / "other"
    environment = {**os.environ, "JITDUMPDIR": str(other), "URUK_PERF": "1"}
    assert subprocess.run(command, capture_output=True, env=environment).returncode == 0
    assert read(dump_in(other))[1].keys() == functions.keys()


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JITDUMPDIR", str(tmp_path / "file"))
    with (
        uruk.LLJIT() as jit,
        pytest.raises(uruk.UrukError, match="Not a directory; name another folder with JITDUMPDIR"),
    ):
        jit.record_for_perf()


def test_perf_names_the_functions(cc: Compile, tmp_path: Path) -> None:
    perf, unit = require_tool("perf"), cc(SOURCE, "-fPIC", "-O1", "-g", name="measured")
    data, merged = tmp_path / "perf.data", tmp_path / "merged.data"
    record = [perf, "record", "-q", "-k", "mono", "-e", "cpu-clock", "-F", "500", "--call-graph", "dwarf"]
    record += ["-o", str(data)]
    if subprocess.run([*record, "true"], capture_output=True).returncode:
        missing("permission to use perf_event_open")
    run = [sys.executable, "-m", "uruk", "run", "--perf-support", str(unit)]
    subprocess.run([*record, *run], check=True, capture_output=True)
    subprocess.run([perf, "inject", "--jit", "-i", data, "-o", merged], check=True, capture_output=True)
    report = subprocess.run(
        [perf, "report", "--stdio", "--sort", "sym,srcline", "--no-children", "-g", "none", "-i", merged],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert re.search(r"^ +\d+\.\d+% +\[\.\] inner +measured\.c:4", report, re.MULTILINE), report
    same_lines_as_natively(unit, tmp_path, merged.parent)
    ours = callers(merged)
    subprocess.run([*record, tmp_path / "native"], check=True, capture_output=True)
    assert ours == callers(data) == ["inner", "outer", "main"]


def callers(data: Path) -> list[str]:
    """The three innermost functions of most samples."""
    command = [require_tool("perf"), "script", "-F", "ip,sym", "-i", str(data)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    samples = [re.findall(r"^\s+[0-9a-f]+ (\S+)", sample, re.MULTILINE)[:3] for sample in text.split("\n\n")]
    return list(Counter(map(tuple, samples)).most_common(1)[0][0])


def same_lines_as_natively(unit: Path, tmp_path: Path, folder: Path) -> None:
    """Every byte of a function has the line in perf's object that it has in the program of the system's linker."""
    program = tmp_path / "native"
    subprocess.run([require_tool("gcc"), unit, "-o", program], check=True)
    compared = 0
    for made in folder.glob(".debug/jit/*/jitted-*.so"):
        ((name, address, size),) = functions_of(made)
        at = next(at for other, at, _ in functions_of(program) if other == name)
        assert source_lines(made, address, size) == source_lines(program, at, size), name
        compared += 1
    assert compared == 3


def functions_of(path: Path) -> list[tuple[str, int, int]]:
    text = subprocess.run([require_tool("nm"), "-S", path], check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^(\w+) (\w+) [Tt] (\w+)$", text, re.MULTILINE)
    return [(name, int(address, 16), int(size, 16)) for address, size, name in rows]


def source_lines(path: Path, address: int, size: int) -> list[str]:
    places = "\n".join(hex(address + byte) for byte in range(size))
    command = [require_tool("addr2line"), "-e", str(path)]
    text = subprocess.run(command, input=places, check=True, capture_output=True, text=True).stdout
    # A discriminator tells parts of one line apart.
    return [line.partition(" (")[0] for line in text.splitlines()]


@pytest.mark.parametrize("family", ["gcc", "clang", "aarch64-gcc"])
@pytest.mark.parametrize("flags", [("-gdwarf-4",), ("-gdwarf-5", "-gz", "-ffunction-sections")], ids=" ".join)
def test_lines_of_sources(cc: Compile, family: str, flags: tuple[str, ...]) -> None:
    """Each function's, where it lies, whichever compiler, version and compression; other code does not matter."""
    unit = cc(SOURCE, "-fPIC", "-O1", *flags, family=family, name="measured")
    other = cc("int other(int x) {\n    return x + 1;\n}\n", "-g", "-fPIC", family=family, name="other")
    target = "aarch64-linux" if family.startswith("aarch64") else None
    with uruk.LLJIT(executor=uruk.spawn(target=target)) as jit:
        path = jit.record_for_perf()
        jit.add_objects([other, unit])
        assert jit.lookup("main").address
        assert jit.lookup("other").address
    _, functions = read(path)
    told = {name: {entry.line for entry in function.lines} for name, function in functions.items()}
    texts = SOURCE.strip().splitlines()
    for name, function in functions.items():
        assert all(0 <= entry.address - function.address <= len(function.code) for entry in function.lines)
        first = function.lines[0]
        assert first.address == function.address
        assert Path(first.path).name == ("other.c" if name == "other" else "measured.c")
        assert Path(first.path).exists()
        assert name + "(" in (texts[first.line - 2] if name != "other" else "other(")
    assert told["other"] >= {1, 2}
    assert told["inner"] >= {3, 4}
