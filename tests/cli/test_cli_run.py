"""``uruk run``: its options and their errors. What programs do is tested in tests/program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from uruk import errors

PROGRAM = """
#include <stdio.h>
extern char number[];
int missing(void) __attribute__((weak));
__attribute__((constructor)) static void begin(void) { puts("begin"); }
int main(int count, char **words) { printf("main %s %ld\\n", words[count - 1], (long)number); return 3; }
int other(void) { puts("other"); return 4; }
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "program.c"
    path.write_text(PROGRAM)
    subprocess.run(["gcc", "-O1", "-fPIC", "-c", path, "-o", path.with_suffix(".o")], check=True)
    return path.with_suffix(".o")


def uruk(*words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(errors.__file__).parents[2])}
    command = [sys.executable, "-m", "uruk", "run", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("more", [(), ("--in-process",), ("--slab-allocate=64Mb",), ("--slab-allocate=1000Gb",)])
def test_main_runs_with_its_words(program: Path, more: tuple[str, ...]) -> None:
    done = uruk("--define", "number=0x2a", *more, program, "--", "one", "--two")
    assert (done.returncode, done.stdout, done.stderr) == (3, "begin\nmain --two 42\n", "")


def test_a_program_from_large_archives_gives_memory_back(tmp_path: Path) -> None:
    """While it is linked malloc keeps what is freed; the program's own blocks go back to the system, and large ones at
    once."""
    (tmp_path / "large.c").write_text("char large[17 << 20] = {42};")
    (tmp_path / "program.c").write_text("""
        #include <malloc.h>
        #include <stdlib.h>
        extern char large[];
        int main(void)
        {
            void *volatile blocks[8], *volatile block = malloc(40 << 20);
            size_t mapped = mallinfo2().hblkhd;
            for (int i = 0; i < 8; i++)
                blocks[i] = malloc(24 << 20);
            for (int i = 0; i < 8; i++)
                free(blocks[i]);
            free(block);
            int own = mapped - mallinfo2().hblkhd >= 40 << 20;
            return mallinfo2().keepcost > 65 << 20 ? 1 : !own ? 2 : large[0];
        }""")
    subprocess.run(["gcc", "-c", "-fPIC", "large.c", "program.c"], check=True, cwd=tmp_path)
    subprocess.run(["ar", "rcs", "liblarge.a", "large.o"], check=True, cwd=tmp_path)
    done = uruk("--in-process", tmp_path / "program.o", tmp_path / "liblarge.a")
    assert (done.returncode, done.stderr) == (42, "")


def test_another_entry(program: Path) -> None:
    done = uruk("--define", "number=1", "--entry", "other", program)
    assert (done.returncode, done.stdout, done.stderr) == (4, "begin\nother\n", "")


def test_an_entry_that_nothing_defines(program: Path) -> None:
    done = uruk("--define", "number=1", "--entry", "nobody", program)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("uruk: UndefinedSymbols: ")
    assert "nobody" in done.stderr


def test_link_only_with_a_table_of_times(program: Path) -> None:
    done = uruk("--no-exec", "--time", "--entry", "main", "--define", "number=1", program)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.split()[:3] == ["pass", "ms", "share"]
    passes = ("read, parse", "read relocations", "unwind", "resolve names", "layout", "copy", "relax, fixup", "total")
    assert all(f" {one} " in done.stderr for one in passes)


def test_the_graph_at_several_points(program: Path, tmp_path: Path) -> None:
    text, as_json = tmp_path / "graph.txt", tmp_path / "graph.json"
    points = (f"post-prune={text}", f"after got, stubs={text}", f"after layout={as_json}", "pre-fixup")
    options = [word for point in points for word in ("--dump-graph", point)]
    done = uruk("--define", "number=1", *options, program)
    assert (done.returncode, done.stdout) == (3, f"begin\nmain {program} 1\n")
    assert done.stderr.startswith(f"== pre-fixup\nobject {program}\n")
    assert text.read_text().startswith(f"== post-prune\nobject {program}\n")
    assert "== after got, stubs\n" in text.read_text()
    assert "puts" in text.read_text()
    (found,) = json.loads(as_json.read_text())
    assert found["point"] == "after layout"
    assert any(block["name"] == ".text" and "segment" in block for block in found["graph"]["objects"][0]["blocks"])


def test_a_dump_at_no_point_lists_the_points() -> None:
    done = uruk("--dump-graph", "after lay", "a.o")
    assert (done.returncode, done.stdout) == (2, "")
    assert "`after lay' is not a point of a link; there are pre-prune, post-prune" in done.stderr
    assert "got, stubs" in done.stderr


def test_a_dump_that_cannot_be_written(program: Path, tmp_path: Path) -> None:
    done = uruk("--define", "number=1", f"--dump-graph=post-prune={tmp_path}", program)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"uruk: UrukError: --dump-graph: cannot write `{tmp_path}'")


@pytest.mark.parametrize("more", [(), ("--gc-sections",)])
def test_missing_names_become_zero_on_request(program: Path, more: tuple[str, ...]) -> None:
    assert uruk("--no-exec", "--entry", "main", program, *more).returncode == 1
    done = uruk("--no-exec", "--phony-externals", "--entry", "main", program, *more)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--no-exec",),
        ("--bogus", "a.o"),
        ("a.o", "-l"),
        ("--slab-allocate=x", "a.o"),
        ("--slab-allocate=-1", "a.o"),
        ("--define", "x", "a.o"),
        ("--define==1", "a.o"),
    ],
)
def test_wrong_usage(words: tuple[str, ...]) -> None:
    done = uruk(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("uruk run: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["nothing.o", "", "folder"])
def test_an_input_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    done = uruk(tmp_path / name)
    assert (done.returncode, done.stdout) == (1, "")
    kind = "InputNotFound" if name == "nothing.o" else "ObjectFormatError"
    assert done.stderr.startswith(f"uruk: {kind}: ")
