"""`uruk show`: golden texts, archives, broken objects, hostile names, pipes and terminals."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from uruk.cli import main
from uruk.cli.show import input_facts
from uruk.errors import ObjectFormatError
from uruk.formats.elf.constants import SECTION_HEADER, SHT_RELA

from support.golden_files import OBJECTS, check_golden, object_bytes
from support.requirements import require_tool

Captured = pytest.CaptureFixture[str]
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the golden objects, so that outputs have no paths of one machine."""
    monkeypatch.chdir(tmp_path)
    for name in OBJECTS:
        (tmp_path / f"{name}.o").write_bytes(object_bytes(name))
    return tmp_path


def shown(capsys: Captured, *words: str) -> str:
    assert main(["show", *words]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.mark.parametrize("name", OBJECTS)
def test_text(name: str, capsys: Captured) -> None:
    check_golden(f"{name}.show.txt", shown(capsys, f"{name}.o"))
    check_golden(f"{name}.show.edges.txt", shown(capsys, "--edges", f"{name}.o"))


@pytest.mark.parametrize("name", OBJECTS)
def test_json(name: str, capsys: Captured) -> None:
    check_golden(f"{name}.show.json", shown(capsys, "--json", "--edges", f"{name}.o"))
    assert "edges" not in json.loads(shown(capsys, "--json", f"{name}.o"))[0]


def test_several_inputs(capsys: Captured) -> None:
    both = shown(capsys, "everything.o", "minimal.o")
    assert both == shown(capsys, "everything.o") + "\n" + shown(capsys, "minimal.o")
    found = json.loads(shown(capsys, "--json", "everything.o", "minimal.o"))
    assert [one["file"] for one in found] == ["everything.o", "minimal.o"]


def test_the_width_of_the_terminal_changes_nothing(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = shown(capsys, "--edges", "everything.o")
    monkeypatch.setenv("COLUMNS", "20")
    assert shown(capsys, "--edges", "everything.o") == plain
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = shown(capsys, "--edges", "everything.o")
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def needs(source: str, folder: Path) -> dict[str, dict[str, object]]:
    (folder / "needs.s").write_text(source)
    subprocess.run([require_tool("as"), "needs.s", "-o", "needs.o"], check=True, cwd=folder)
    return {need["name"]: need for need in input_facts("needs.o")["needs"]}


def test_who_has_it(folder: Path) -> None:
    found = needs(
        """
        call puts@PLT
        call lgamma_r@PLT
        call _ZSt9terminatev@PLT
        call atexit@PLT
        call __cxa_thread_atexit@PLT
        call _Unwind_Resume@PLT
        call __udivti3@PLT
        call uruk_test_nobody@PLT
        leaq __start_missing(%rip), %rax
        leaq _GLOBAL_OFFSET_TABLE_(%rip), %rax
        movq errno@gottpoff(%rip), %rax
        """,
        folder,
    )
    provider = {name: need["provider"] for name, need in found.items()}
    assert provider["puts"] == "in this process"
    assert provider["_ZSt9terminatev"] in ("defined in libstdc++.so.6: add -l stdc++", "in this process")
    assert provider["lgamma_r"] in ("defined in libm.so.6: add -l m", "in this process")
    assert provider["atexit"] == provider["__cxa_thread_atexit"] == "in uruk's runtime"
    assert provider["uruk_test_nobody"] is None
    assert provider["__start_missing"] is None
    assert provider["_GLOBAL_OFFSET_TABLE_"] == "made by the link"
    # uruk's runtime has no builtins where it was built by the machine's own compiler.
    asked = ("in libgcc_s.so.1, which is always asked", "in uruk's runtime", "in this process", "in libgcc.a")
    assert provider["_Unwind_Resume"] in asked
    assert provider["__udivti3"] in asked
    assert found["errno"]["thread_local"]
    assert provider["errno"] == "in this process: libc.so.6"


def test_uses_are_counted(folder: Path) -> None:
    found = needs('call puts@PLT\n call puts@PLT\n .section .debug,""\n .weak idle\n .quad idle\n', folder)
    assert (found["puts"]["uses"], found["puts"]["used_at"]) == (2, ".text+0x1")
    assert found["idle"] == {**found["idle"], "weak": True, "uses": 0, "used_at": None}


def test_archives(folder: Path, capsys: Captured) -> None:
    ar = require_tool("ar")
    for flags, title in (
        ("rcsD", "archive"),
        ("rcSD", "archive without an index"),
        ("rcsDT", "thin archive"),
    ):
        (folder / "lib.a").unlink(missing_ok=True)
        subprocess.run([ar, flags, "lib.a", "everything.o", "minimal.o"], check=True, cwd=folder)
        lines = shown(capsys, "lib.a").splitlines()
        assert lines[0] == f"lib.a: {title}, 2 members"
        assert f"  minimal.o  {len(object_bytes('minimal'))} bytes" in lines
        assert lines[-1] == "    answer"
        assert "    int twice<int>(int)  (_Z5twiceIiET_S0_)" in lines
        members = json.loads(shown(capsys, "--json", "lib.a"))[0]["members"]
        defined = {one["name"] for one in members[0]["defines"]}
        assert defined >= {"main", "room", "counter", "chosen", "shared_buffer", "table"}
        assert "puts" not in defined
        member = shown(capsys, "lib.a(minimal.o)")
        assert member == shown(capsys, "minimal.o").replace("minimal.o:", "lib.a(minimal.o):")


def test_an_archive_with_a_member_that_is_no_object(folder: Path, capsys: Captured) -> None:
    (folder / "notes.txt").write_text("not an object, but long enough to have had a header, were it one " * 2)
    command = [require_tool("ar"), "rcSD", "lib.a", "notes.txt", "minimal.o"]
    subprocess.run(command, check=True, cwd=folder)
    lines = shown(capsys, "lib.a").splitlines()
    assert lines[1].startswith("  notes.txt  130 bytes: ELF header: not an ELF object")
    assert lines[-1] == "    answer"


def patched(data: bytes, section: bytes, row: int, **changes: int) -> bytes:
    """An object with fields of one row of a section's relocation table changed."""
    out = bytearray(data)
    table, count, names = struct.unpack_from("<40xQ12xHH", data)
    headers = section_headers(data, table, count)
    strings = headers[names][4]
    for header in headers:
        start = strings + header[0]
        if header[1] == SHT_RELA and data[start : data.index(b"\0", start)] == b".rela" + section:
            at = header[4] + 24 * row
            offset, info, addend = struct.unpack_from("<QQq", data, at)
            kind, symbol = changes.get("type", info & 0xFFFFFFFF), changes.get("symbol", info >> 32)
            struct.pack_into("<QQq", out, at, changes.get("offset", offset), symbol << 32 | kind, addend)
            return bytes(out)
    raise AssertionError(f"no .rela{section.decode()}")


def section_headers(data: bytes, table: int, count: int) -> list[tuple[int, ...]]:
    """The section headers: name, type, flags, address, offset, ..."""
    size = SECTION_HEADER.itemsize
    return [struct.unpack_from("<IIQQQQIIQQ", data, table + size * index) for index in range(count)]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": 200}, "relocation type 200: is not one that x86-64 objects have"),
        ({"type": 0xFFFFFFFF}, "relocation type 4294967295: is not one that x86-64 objects have"),
        ({"offset": 0x51}, "relocation REX_GOTPCRELX: lies outside its section"),
        ({"offset": (1 << 64) - 2}, "relocation REX_GOTPCRELX: lies outside its section"),
        ({"symbol": 0xFFFFFFFF}, "relocation REX_GOTPCRELX: names symbol 4294967295 of 22"),
        ({"type": 99, "symbol": 99}, "objects have; names symbol 99 of 22"),
    ],
)
def test_bad_relocations_are_shown(changes: dict[str, int], problem: str, folder: Path, capsys: Captured) -> None:
    (folder / "bad.o").write_bytes(patched(object_bytes("everything"), b".text", 0, **changes))
    text = shown(capsys, "bad.o")
    assert text.splitlines()[-2] == "problems"
    assert problem in text.splitlines()[-1]
    text = shown(capsys, "--edges", "bad.o")
    assert problem in text
    assert "puts - 0x4" in text
    rows = json.loads(shown(capsys, "--json", "--edges", "bad.o"))[0]["edges"]
    assert len([row for row in rows if row["problem"]]) == 1


def test_a_field_up_to_the_end_of_its_section_is_no_problem(folder: Path, capsys: Captured) -> None:
    (folder / "end.o").write_bytes(patched(object_bytes("everything"), b".text", 0, offset=0x53 - 4))
    rows = json.loads(shown(capsys, "--json", "--edges", "end.o"))[0]["edges"]
    assert not [row for row in rows if row["problem"]]


def test_names_cannot_command_the_terminal(folder: Path, capsys: Captured) -> None:
    data = object_bytes("everything").replace(b"build_number\0", b"b\x1b[2J\n\xff\xe2\x80\xae33\0")
    assert data != object_bytes("everything")
    (folder / "evil.o").write_bytes(data)
    text = shown(capsys, "evil.o")
    assert "\x1b" not in text
    assert "b\\x1b[2J\\n\ufffd\\u202e33" in text
    json.loads(shown(capsys, "--json", "evil.o"))


def test_a_narrow_encoding(folder: Path) -> None:
    data = object_bytes("everything").replace(b"build_number\0", "gro\u00dfe_zahl\0\0".encode())
    (folder / "wide.o").write_bytes(data)
    code = "import sys; from uruk.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "show", "wide.o"]
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": SOURCE, "PATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, cwd=folder)
    assert b"gro\\xdfe_zahl" in done.stdout
    assert done.stderr == b""


def test_errors(folder: Path, capsys: Captured) -> None:
    (folder / "text.o").write_text("hello")
    header = Path(sys.executable).resolve().read_bytes()[:64]
    # The interpreter is one or the other: e_type is ET_EXEC (2) of a program at fixed addresses, ET_DYN (3) of others.
    (folder / "program").write_bytes(header[:16] + b"\x02\0" + header[18:])
    (folder / "shared.so").write_bytes(header[:16] + b"\x03\0" + header[18:])
    for word, text in (
        ("missing.o", "missing.o: cannot be opened: No such file or directory"),
        (".", ".: is a directory, not a regular file"),
        ("text.o", "text.o: ELF header at offset 0x0: not an ELF object"),
        ("program", "program: ELF header at offset 0x10: not relocatable: it is an executable"),
        ("shared.so", "shared.so: program headers at offset 0x40: "),
        ("missing.a(x.o)", "missing.a: cannot be opened"),
    ):
        assert main(["show", word]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        kind = "InputNotFound" if word.startswith("missing") else "ObjectFormatError"
        assert captured.err.startswith(f"uruk: {kind}: {text}")
        assert captured.err.count("\n") == 1
    subprocess.run([require_tool("ar"), "rcs", "lib.a", "minimal.o"], check=True, cwd=folder)
    assert main(["show", "lib.a(other.o)"]) == 1
    assert capsys.readouterr().err == "uruk: ObjectFormatError: lib.a: archive: has no member `other.o'\n"


def test_other_inputs_are_shown_all_the_same(capsys: Captured) -> None:
    assert main(["show", "missing.o", "minimal.o"]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("minimal.o: ELF x86-64 relocatable object\n")
    assert captured.err.count("\n") == 1
    assert main(["show", "--json", "missing.o", "minimal.o"]) == 1
    assert [one["file"] for one in json.loads(capsys.readouterr().out)] == ["minimal.o"]


def test_usage(capsys: Captured) -> None:
    for words in ([], ["--edges"], ["--what", "minimal.o"]):
        assert main(["show", *words]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.endswith("see `uruk show --help'\n")
        assert captured.err.count("\n") == 1
    for word in ("-h", "--help"):
        assert shown(capsys, word).startswith("usage: uruk show")
    assert main(["show", "--", "--help"]) == 1


def test_truncations_never_crash(folder: Path) -> None:
    data = object_bytes("everything")
    for size in range(0, len(data), 7):
        (folder / "cut.o").write_bytes(data[:size])
        with pytest.raises(ObjectFormatError):
            input_facts("cut.o", edges=True)


def test_flipped_bytes_never_crash(folder: Path, capsys: Captured) -> None:
    data = object_bytes("minimal")
    for at in range(len(data)):
        for flip in (0xFF, 1):
            changed = bytearray(data)
            changed[at] ^= flip
            (folder / "flipped.o").write_bytes(changed)
            assert main(["show", "--edges", "flipped.o"]) in (0, 1)
            assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_goes_away(folder: Path) -> None:
    code = "import sys; from uruk.cli import main; sys.exit(main(['show', *['everything.o'] * 200]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": SOURCE, "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1
