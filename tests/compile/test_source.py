"""Sources to objects, by real compilers: what comes out runs, and what goes wrong is said in the compiler's words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import pytest

import uruk
from uruk.compile.compile_source import compile_source, compile_text
from uruk.compile.compilers import find_compiler
from uruk.compile.identity import identify
from uruk.compile.process import Processes

pytestmark = pytest.mark.any_interpreter

SUM = "int sum(int count) { int all = 0; for (int at = 1; at <= count; at++) all += at; return all; }\n"
MANGLED = {"c": "sum", "c++": "_Z3sumi"}
WITHOUT_CHECKS = ["-O1"]  # zig's checks need a library, which the session is not told of here


def call(data: bytes, name: str, symbol: str, number: int) -> int:
    with uruk.LLJIT() as jit:
        jit.add_object(data, name)
        return jit.lookup(symbol).function("int(int)")(number)


@pytest.mark.parametrize(("suffix", "language"), [("c", "c"), ("cpp", "c++"), ("cc", "c++"), ("C", "c++")])
def test_a_file(family: str, suffix: str, language: str) -> None:
    Path(f"sum.{suffix}").write_text(SUM)
    compiled = compile_source(f"sum.{suffix}", compiler=family, flags=WITHOUT_CHECKS)
    assert (compiled.name, compiled.language, compiled.warnings) == (f"sum.{suffix}", language, "")
    assert call(compiled.object, compiled.name, MANGLED[language], 10) == 55


@pytest.mark.parametrize("language", ["c", "c++"])
def test_a_text(family: str, language: str) -> None:
    Path("one.h").write_text("#define ONE 1\n")
    text = '#include "one.h"\n' + SUM.replace("= 1", "= ONE")
    compiled = compile_text(text, language, name="made.src", compiler=family, flags=WITHOUT_CHECKS)
    assert compiled.name == "made.src"
    assert call(compiled.object, compiled.name, MANGLED[language], 4) == 10


def test_a_text_gets_no_warnings_of_its_own(family: str) -> None:
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-pedantic-errors", "-std=c99"]
    assert compile_text("int f(void);\nint f(void) { return 1; }\n", compiler=family, flags=flags).warnings == ""


@pytest.mark.parametrize(("suffix", "comment"), [("s", "#"), ("S", "//")])
def test_assembly(family: str, suffix: str, comment: str) -> None:
    code = f"{comment} twice\n.globl twice\ntwice:\n lea (%rdi,%rdi), %eax\n ret\n.section .note.GNU-stack\n"
    Path(f"twice.{suffix}").write_text(code)
    assert call(compile_source(f"twice.{suffix}", compiler=family).object, "twice", "twice", 21) == 42


def test_the_language_may_be_said(family: str) -> None:
    Path("sum.txt").write_text(SUM)
    with pytest.raises(uruk.CompileError, match=r"sum\.txt: uruk: its suffix tells no language: give language="):
        compile_source("sum.txt", compiler=family)
    compiled = compile_source("sum.txt", compiler=family, language="c++", flags=WITHOUT_CHECKS)
    assert call(compiled.object, "sum.txt", "_Z3sumi", 3) == 6


def test_the_same_bytes_as_cc_makes() -> None:
    gcc = find_compiler("c", "gcc")
    Path("sum.c").write_text(SUM)
    subprocess.run([*gcc, "-O2", "-c", "sum.c", "-o", "native.o"], check=True)
    assert compile_source("sum.c", compiler="gcc", flags=["-O2"]).object == Path("native.o").read_bytes()


@pytest.mark.parametrize("of_text", [False, True])
def test_an_error_has_the_compilers_words(family: str, of_text: bool) -> None:
    text = "int good;\nint bad(void) { return nobody; }\n"
    Path("wrong.c").write_text(text)
    what = partial(compile_text, text, name="wrong.c") if of_text else partial(compile_source, "wrong.c")
    with pytest.raises(uruk.CompileError) as caught:
        what(compiler=family, flags=["-fdiagnostics-color=always"])
    error = caught.value
    assert (error.file, error.status) == ("wrong.c", 1)
    assert "wrong.c:2:24: error: " in error.diagnostics
    assert "nobody" in error.diagnostics
    assert "\x1b" not in str(error)
    assert str(error).startswith(f"wrong.c: {error.compiler}: exit status 1\nwrong.c:")
    assert family.split("-")[0].split()[0] in error.compiler


def test_control_characters_of_a_source_do_not_reach_the_terminal() -> None:
    with pytest.raises(uruk.CompileError) as caught:
        compile_text("#error \x1b]0;title\x07 \x1b[2J \x08 end\n", compiler="gcc")
    assert not set(str(caught.value)) & set("\x1b\x07\x08")
    assert "end" in str(caught.value)


def test_warnings_are_kept_and_come_from_the_cache_too(family: str) -> None:
    results = [compile_text("#warning look here\n", name="w.c", compiler=family) for _ in range(3)]
    # zig does not say which files a text comes from, whose name is another one each time.
    assert [one.cached for one in results] == [False, not family.startswith("zig"), True]
    assert results[0].warnings == results[1].warnings == results[2].warnings
    assert "w.c:1:2: warning: " in results[0].warnings


@pytest.mark.parametrize("name", ["-o.c", "@file.c", "a b'c\".c", "ü.c"])
def test_odd_names(name: str) -> None:
    Path(name).write_text(SUM)
    assert call(compile_source(name, compiler="gcc").object, name, "sum", 2) == 3
    assert call(compile_text(SUM, name=name, compiler="gcc").object, name, "sum", 2) == 3


@pytest.mark.parametrize("cache", [False, True])
def test_a_file_that_is_not_there(cache: bool) -> None:
    with pytest.raises(uruk.InputNotFound, match=r"nowhere\.c: cannot be opened: No such file"):
        compile_source("nowhere.c", compiler="gcc", cache=cache)


def test_a_flag_that_makes_something_else() -> None:
    with pytest.raises(uruk.CompileError, match="made no object"):
        compile_text(SUM, compiler="gcc", flags=["-fsyntax-only"])
    with pytest.raises(uruk.CompileError, match="not one text"):
        compile_text(SUM, compiler="gcc", flags="-O2")


def left_in(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*")]


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source that gcc never finishes: its header is a pipe into which nobody writes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    os.mkfifo("pipe.h")
    Path("endless.c").write_text('#include "pipe.h"\n')
    return Path("endless.c")


@pytest.mark.parametrize("cache", [False, True])
def test_time_runs_out(endless: Path, tmp_path: Path, cache: bool) -> None:
    identify(find_compiler("c", "gcc"))
    begin = time.monotonic()
    with pytest.raises(uruk.CompileError, match=r"not done within 0\.3 s, and stopped: give it more time"):
        compile_source(endless, compiler="gcc", timeout=0.3, cache=cache)
    assert time.monotonic() - begin < 5
    assert left_in(tmp_path / "temporary") == []
    assert readers_of(Path("pipe.h")) == []


def test_another_thread_stops_it(endless: Path, tmp_path: Path) -> None:
    processes = Processes()
    threading.Timer(0.3, processes.stop).start()
    with pytest.raises(uruk.CompileError, match="stopped"):
        compile_source(endless, compiler="gcc", processes=processes)
    with pytest.raises(uruk.CompileError, match="stopped"):
        compile_text(SUM, compiler="gcc", processes=processes)
    assert left_in(tmp_path / "temporary") == []
    assert readers_of(Path("pipe.h")) == []


def readers_of(pipe: Path) -> list[str]:
    """Compilers that wait for the pipe; those that were just killed are given the time to go."""
    deadline = time.monotonic() + 3
    while (found := waiting_for(pipe)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def waiting_for(pipe: Path) -> list[str]:
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            program = (folder / "cmdline").read_bytes().split(b"\0")[0]  # gcc is asked for cc1's place, too
            same = (folder / "cwd").samefile(pipe.parent) and program.endswith(b"/cc1")
        except OSError:
            continue
        if same and int(folder.name) != os.getpid():
            found.append(folder.name)
    return found


def listen_to_interrupts() -> None:
    """What a shell starts in the background ignores SIGINT, and so does all that it starts in turn."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


INTERRUPTED = """
import sys
from uruk.compile.compile_source import compile_source
print("go", flush=True)
compile_source("endless.c", compiler="gcc")
"""


@pytest.mark.parametrize("command", [["-c", INTERRUPTED], ["-m", "uruk", "run", "endless.c"]])
def test_an_interrupt_leaves_nothing(endless: Path, tmp_path: Path, command: list[str]) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary"), "CC": "gcc"}
    environment["PYTHONPATH"] = str(Path(uruk.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=listen_to_interrupts,
    ) as child:
        deadline = time.monotonic() + 30
        while not waiting_for(Path("pipe.h")) and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            assert left_in(tmp_path / "temporary")
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=30)
        finally:
            child.kill()
    assert (child.returncode, b"KeyboardInterrupt" in err) == (-signal.SIGINT, True)
    assert left_in(tmp_path / "temporary") == []
    assert readers_of(Path("pipe.h")) == []


def test_threads_compile_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    objects: dict[int, bytes] = {}

    def work(number: int) -> None:
        objects[number] = compile_text(f"int f(int x) {{ return x + {number}; }}", compiler="gcc").object

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [call(objects[number], "f", "f", 100) for number in range(8)] == list(range(100, 108))
    assert left_in(tmp_path / "temporary") == []


def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    with pytest.raises(uruk.CompileError, match="set TMPDIR"):
        compile_text(SUM, compiler="gcc")
