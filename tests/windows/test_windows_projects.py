"""zlib, Lua and SQLite from source: each does what the program that its compiler links does, under the same wine."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from c_compilers import COMPILERS, HERE, WAYS, environment

from support import source_packages
from support.requirements import missing, require_tool

pytestmark = pytest.mark.any_interpreter

TIMEOUT = 120
SCRIPTS = HERE / "projects"
AR = "x86_64-w64-mingw32-ar"
INPUT = b"a line\r\nof two\r\n" * 3


@dataclass(frozen=True)
class Run:
    """One run of a program, in a folder of its own."""

    program: str
    """The source that has its main()."""
    arguments: tuple[str, ...]
    stdin: str = ""
    """A file of the sources, or else one of `SCRIPTS`; `INPUT` without one."""


@dataclass(frozen=True)
class Project:
    """The sources of a project, of which all but the programs become an archive."""

    package: str
    tools: tuple[str, ...]
    command: str
    """What the sources are prepared with."""
    folder: str
    sources: tuple[str, ...]
    flags: tuple[str, ...]
    runs: tuple[Run, ...]
    without_headers: tuple[str, ...] | None
    """Flags for a compiler that has none of Windows's headers; None if it cannot compile this."""


PROJECTS = {
    "zlib": Project(
        "zlib",
        (),
        "rm -f Makefile",
        "",
        ("[a-z]*.c",),
        ("-I.",),
        (
            Run("test/example.c", ("file.gz",)),
            Run("test/minigzip.c", ("-9",), "trees.c"),
            Run("test/minigzip.c", ("-d",), "trees.c.gz"),
            Run("test/minigzip.c", ("-f", "-1", "inflate.c", "missing")),
        ),
        (),
    ),
    "lua": Project(
        "lua5.4",
        (),
        "rm src/luac.c",
        "src",
        ("l*.c",),
        (),
        (
            Run("lua.c", ("words.lua", "numbers.txt", "two words")),
            Run("lua.c", ("fails.lua",)),
            Run("lua.c", ("-e", "print(...)", "-v", "-", "x"), "fails.lua"),
        ),
        ("-DLUA_USE_C89",),
    ),
    "sqlite": Project(
        "sqlite3",
        ("make", "gcc", "tclsh"),
        "./configure --disable-shared --disable-tcl --disable-readline --disable-editline && make sqlite3.c shell.c",
        "",
        ("sqlite3.c",),
        # zig's runtime for undefined behaviour, which -O0 has, imports what wine's ntdll does not have
        (
            "-O0",
            "-fno-sanitize=undefined",
            "-DSQLITE_ENABLE_FTS4",
            "-DSQLITE_ENABLE_RTREE",
            "-DSQLITE_ENABLE_MATH_FUNCTIONS",
        ),
        (
            Run("shell.c", ("file.db",), "tables.sql"),
            Run("shell.c", (":memory:", "select sqlite_version(); select nothing")),
        ),
        None,
    ),
}


def combinations() -> list[tuple[str, str]]:
    """Projects and the compilers that can compile them."""
    pairs = [(project, compiler) for project in PROJECTS for compiler in COMPILERS]
    return [
        (name, compiler)
        for name, compiler in pairs
        if COMPILERS[compiler].has_headers or PROJECTS[name].without_headers is not None
    ]


class Outcome(NamedTuple):
    """The output, the end and the files of a run."""

    stdout: bytes
    stderr: bytes
    status: int
    files: dict[str, bytes]


def outcome(run: Run, sources: Path, folder: Path, command: Sequence[str | Path]) -> Outcome:
    """Run a command in a new folder that has the files which the run names."""
    folder.mkdir()
    for name in run.arguments:
        for path in (sources / name, SCRIPTS / name):
            if "." in name and path.is_file():
                shutil.copy(path, folder)
    done = subprocess.run(
        [*command, *run.arguments],
        input=input_of(run, sources), capture_output=True, timeout=TIMEOUT, env=environment(), check=False, cwd=folder,
    )  # fmt: skip
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    shutil.rmtree(folder)
    return Outcome(done.stdout, done.stderr, done.returncode, files)


def input_of(run: Run, sources: Path) -> bytes:
    """What a run reads: a file, or what gzip makes of one where its name ends so."""
    if not run.stdin:
        return INPUT
    name = run.stdin.removesuffix(".gz")
    content = next(path for path in (sources / name, SCRIPTS / name) if path.is_file()).read_bytes()
    return content if name == run.stdin else gzip.compress(content, mtime=0)


def sources_of(project: Project) -> Path:
    """The folder of a project's sources, ready to be compiled; skips the test where they cannot be had."""
    for tool in (*source_packages.TOOLS, *project.tools):
        require_tool(tool)
    try:
        return source_packages.prepared(project.package, project.command) / project.folder
    except source_packages.NoSources as error:
        missing(f"the source package {project.package}: {error}")
        raise


@pytest.mark.parametrize(("name", "kind"), combinations())
def test_a_project_is_as_natively(wine: Path, tmp_path: Path, name: str, kind: str) -> None:
    """Its programs, linked from an object and an archive, print and write the same, however code goes there."""
    project, compiler = PROJECTS[name], COMPILERS[kind]
    sources = sources_of(project)
    flags = ["-I", str(sources), *project.flags, *(() if compiler.has_headers else project.without_headers or ())]
    programs = {run.program: sources / run.program for run in project.runs}
    parts = {path for pattern in project.sources for path in sources.glob(pattern)} - {*programs.values()}
    objects = compiler.compile(sorted(parts), tmp_path, flags)
    archive = tmp_path / "parts.a"
    subprocess.run([require_tool(AR), "rcs", archive, *objects], check=True)
    natives: dict[str, tuple[Path, Path]] = {}
    for program, source in programs.items():
        native = tmp_path / f"{source.stem}.exe"
        (main,) = compiler.compile([source], tmp_path, flags)
        compiler.link([main, archive], native)
        natives[program] = (main, native)
    printed = b""
    for run in project.runs:
        main, native = natives[run.program]
        expected = outcome(run, sources, tmp_path / "run", ["wine", native])
        printed += expected.stdout + expected.stderr
        title = f"Z:{native}".replace("/", "\\")  # argv[0], which error messages begin with
        for way in WAYS:
            command = [sys.executable, "-m", "uruk", "run", "--oop", "--launcher", "wine", way, "-o", title]
            assert outcome(run, sources, tmp_path / "run", [*command, main, archive, "--"]) == expected
    assert printed
