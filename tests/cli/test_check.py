"""`uruk check`: what it says of objects of real compilers, and whether the system's linker agrees that they link."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from uruk.cli import main
from uruk.cli.check import parse
from uruk.cli.check_facts import report_of
from uruk.program.reading import Reader

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter
SOURCES = {
    "main.c": "extern int optind; extern double cos(double); int helper(void);\n"
    "int main(int c, char **v) { return helper() + optind + (int)cos(c); }\n",
    "helper.c": "__thread int calls; extern int deep(void); __attribute__((weak)) extern int absent;\n"
    "extern int puts(const char *);\n"
    '__attribute__((constructor)) static void begin(void) { puts("the constructor ran"); }\n'
    "int helper(void) { return ++calls + deep() + (&absent != 0); }\n",
    "deep.c": "int deep(void) { return 3; }\n",
    "unused.c": "int no_such_function(void); int unused(void) { return no_such_function(); }\n",
    "lonely.c": "int no_such_function(void); int f(void) { return no_such_function(); }\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check")
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
        compile_to(folder, "gcc", name, name.replace(".c", ".o"), "-fPIC")
    compile_to(folder, "gcc", "main.c", "low.o", "-fno-pie")
    compile_to(folder, "gcc", "main.c", "large.o", "-fPIC", "-mcmodel=large")
    subprocess.run([require_tool("ar"), "rcs", "libdeep.a", "unused.o", "deep.o"], check=True, cwd=folder)
    return folder


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def compile_to(folder: Path, compiler: str, source: str, target: str, *flags: str) -> None:
    subprocess.run([require_tool(compiler), "-O1", "-c", *flags, source, "-o", target], check=True, cwd=folder)


def checked(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    status = main(["check", "--json", *words])
    captured = capfd.readouterr()
    assert captured.err == ""
    report = json.loads(captured.out)
    assert report["links"] == (status == 0)
    assert bool(report["errors"]) == (status == 1)
    return status, report


def sources_in(report: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {need["name"]: (need["source"]["kind"], need["source"]["file"]) for need in report["needs"]}


def hazards_in(report: dict[str, Any], file: str) -> set[tuple[str, str]]:
    one = next(one for one in report["objects"] if one["file"] == file)
    return {(hazard["kind"], hazard["target"]) for hazard in one["hazards"]}


@pytest.mark.parametrize(
    "words",
    [
        ["main.o", "helper.o", "deep.o", "-lm"],
        ["main.o", "helper.o", "libdeep.a", "-lm"],
        ["low.o", "helper.o", "-L.", "-ldeep", "-lm"],
        ["main.o", "helper.o", "deep.o"],
        ["main.o", "helper.o", "-lm"],
        ["main.o", "helper.o", "deep.o", "deep.o", "-lm"],
        ["main.o", "helper.o", "-Wl,--whole-archive", "libdeep.a", "-Wl,--no-whole-archive", "-lm"],
        ["main.o", "helper.o", "deep.o", "-lno_such_library"],
    ],
)
def test_the_verdict_is_the_linkers(words: list[str], capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    flags = ["-no-pie", "-o", str(tmp_path / "program")]
    native = subprocess.run([require_tool("gcc"), *words, *flags], capture_output=True)
    status, _ = checked(capfd, *words)
    assert status == (native.returncode != 0)


def test_where_names_come_from(capfd: pytest.CaptureFixture[str]) -> None:
    status, report = checked(capfd, "main.o", "helper.o", "libdeep.a", "-lm")
    assert status == 0
    found = sources_in(report)
    assert found["helper"] == ("object", "helper.o")
    assert found["deep"] == ("archive", "libdeep.a(deep.o)")
    assert found["cos"][0] == "library"
    assert Path(str(found["cos"][1])).name.startswith("libm.so")
    assert found["optind"] == found["puts"] == ("default", None)
    assert found["absent"] == ("none", None)
    assert found["_GLOBAL_OFFSET_TABLE_"] == ("link", None)
    # The member that nothing needs is not there, nor what it wants.
    assert [one["file"] for one in report["objects"]] == ["main.o", "helper.o", "libdeep.a(deep.o)"]
    helper = report["objects"][1]
    assert helper["initialisers"][0]["functions"] == ["begin"]
    assert helper["thread_local"]["models"] == {"general-dynamic": 1}


def test_members_are_those_that_a_run_links(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """For a name that the line asks for, for one that it wraps, for a common symbol: the linker's map has the same."""
    texts = {
        "start.c": "int shared; int f(void); int main(void) { return f() + shared; }",
        "extra.c": "__attribute__((constructor)) static void up(void) {} int extra(void) { return 1; }",
        "shared.c": "int shared = 5;",
        "f.c": "int f(void) { return 2; }",
        "wrap.c": "int __wrap_f(void) { return 3; }",
    }
    objects = [name.replace(".c", ".o") for name in texts]
    for (name, text), target in zip(texts.items(), objects, strict=True):
        (tmp_path / name).write_text(text)
        compile_to(tmp_path, "gcc", name, target, "-fcommon")
    archive, start = tmp_path / "libparts.a", tmp_path / "start.o"
    subprocess.run([require_tool("ar"), "rcs", archive, *objects[1:]], check=True, cwd=tmp_path)
    for words, holder in ([], "f.o"), (["-Wl,-u,extra"], "f.o"), (["-Wl,--wrap=f"], "wrap.o"):
        status, report = checked(capfd, str(start), str(archive), *words)
        assert (status, sources_in(report)["f"]) == (0, ("archive", f"{archive}({holder})"))
        command = ["gcc", start, archive, *words, "-Wl,-M", "-o", tmp_path / "program"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout.partition("\n\n\n")[0]
        linked = {
            f"{archive}({name})" for name in re.findall(rf"^{re.escape(str(archive))}\((.*?)\)", text, re.MULTILINE)
        }
        assert {one["file"] for one in report["objects"]} - {str(start)} == linked
        assert len(linked) == 2 + ("-u" in "".join(words))


def test_what_is_missing(capfd: pytest.CaptureFixture[str]) -> None:
    status, report = checked(capfd, "main.o", "helper.o", "libdeep.a")
    assert status == 1
    (need,) = [need for need in report["needs"] if need["source"]["kind"] == "none" and not need["weak"]]
    assert need["name"] == "cos"
    assert need["used_at"].startswith("main.o:(.text+0x")
    assert "add -l m" in need["hint"]
    assert report["errors"][0]["type"] == "UndefinedSymbols"


def test_a_main_is_wanted_only_by_name(capfd: pytest.CaptureFixture[str]) -> None:
    assert checked(capfd, "deep.o")[0] == 0
    status, report = checked(capfd, "--entry", "main", "deep.o")
    assert status == 1
    assert "main" in report["errors"][0]["text"]


def test_hazards(capfd: pytest.CaptureFixture[str]) -> None:
    _, report = checked(capfd, "low.o", "helper.o", "deep.o", "-lm")
    assert ("far-data", "optind") in hazards_in(report, "low.o")
    assert not hazards_in(report, "helper.o")
    _, report = checked(capfd, "large.o", "helper.o", "deep.o", "-lm")
    assert {kind for kind, _ in hazards_in(report, "large.o")} == {"large-model"}
    Path("pointer.s").write_text(".text\nmov $text, %eax\nmov local@tpoff, %eax\n.section .tbss\nlocal: .long 0\n")
    subprocess.run([require_tool("as"), "pointer.s", "-o", "pointer.o"], check=True)
    status, report = checked(capfd, "pointer.o", "--define", "text=0x1000")
    assert status == 0
    assert {("absolute-32", "text"), ("static-tls", "local")} == hazards_in(report, "pointer.o")


def test_an_unknown_relocation(capfd: pytest.CaptureFixture[str]) -> None:
    Path("odd.s").write_text(".text\nnop\ncall deep\n")
    subprocess.run([require_tool("as"), "odd.s", "-o", "odd.o"], check=True)
    data = bytearray(Path("odd.o").read_bytes())
    row = data.index(struct.pack("<Qi", 2, 4))
    data[row + 8] = 200
    Path("odd.o").write_bytes(data)
    status, report = checked(capfd, "odd.o", "deep.o")
    assert status == 1
    text = "relocation type 200: is not one that x86-64 objects have"
    assert report["errors"][0]["text"].startswith(f"odd.o:(.text+0x2): {text}")
    assert report["objects"][0]["problems"] == [f".text+0x2: {text}"]


def test_text(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "low.o", "helper.o", "deep.o"]) == 1
    captured = capfd.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert "x86_64-linux: would not link" in lines
    assert "  init: begin" in lines
    assert any(line.split()[:1] == ["nobody"] and line.endswith(" cos") for line in lines)
    assert main(["check", "deep.o"]) == 0
    captured = capfd.readouterr()
    assert captured.out == "x86_64-linux: would link\n"
    assert main(["check"]) == 2
    assert capfd.readouterr().err == "uruk check: no input; see `uruk check --help'\n"


def test_aarch64(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("main", "helper", "deep"):
        compile_to(folder, "aarch64-linux-gnu-gcc", f"{name}.c", f"{name}.arm.o", "-fPIC")
    status, report = checked(capfd, "main.arm.o", "helper.arm.o", "deep.arm.o", "-lm")
    assert (status, report["target"]) == (0, "aarch64-linux")
    assert sources_in(report)["cos"][0] == "library"
    status, report = checked(capfd, "main.arm.o", "helper.arm.o", "-lm")
    assert status == 1
    assert sources_in(report)["deep"] == ("none", None)


def test_coff(folder: Path, capfd: pytest.CaptureFixture[str], wine: Path) -> None:
    (folder / "beep.c").write_text(
        "__declspec(dllimport) int __stdcall GetTickCount(void); int deep(void);\n"
        "int main(void) { return GetTickCount() == 0 && deep(); }\n"
    )
    for name in ("beep", "deep"):
        compile_to(folder, "x86_64-w64-mingw32-gcc", f"{name}.c", f"{name}.obj")
    status, report = checked(capfd, "beep.obj", "deep.obj", "-lkernel32")
    assert (status, report["target"]) == (0, "x86_64-windows")
    found = sources_in(report)
    assert found["deep"] == ("object", "deep.obj")
    assert (found["__imp_GetTickCount"][0], str(found["__imp_GetTickCount"][1]).lower()) == ("import", "kernel32.dll")
    status, report = checked(capfd, "beep.obj")
    assert status == 1
    assert sources_in(report)["deep"] == ("none", None)
    assert sources_in(report)["__main"] == ("default", None)


def test_broken_inputs_are_errors(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("broken.o").write_bytes(Path("helper.o").read_bytes()[:200])
    Path("text.o").write_text("no object")
    Path("broken.a").write_bytes(Path("libdeep.a").read_bytes()[:300])
    for word in ("broken.o", "text.o", "missing.o", ".", "/dev/null", "broken.a"):
        status, report = checked(capfd, "helper.o", word, *(["--entry=deep"] if word == "broken.a" else []))
        assert status == 1
        assert any(Path(word).name in error["text"] for error in report["errors"])


def test_changed_objects_never_crash_the_report() -> None:
    data = Path("helper.o").read_bytes()
    line = parse(["changed.o", "libdeep.a"]).arguments
    for at in range(16, len(data), 41):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        Path("changed.o").write_bytes(changed)
        report = report_of(line, Reader(line.plan).result(), [])
        json.dumps(report)
