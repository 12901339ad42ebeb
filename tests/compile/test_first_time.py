"""The second compilation of a text with headers takes the object of the first one, and never one that is stale."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from uruk.compile.cache import ObjectCache
from uruk.compile.compile_source import Compiled, compile_text

from support.requirements import require_tool

Compiles = Callable[..., Compiled]


@pytest.fixture
def compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiles:
    """Compile a text in a folder of its own, with one cache; whatever the cache says must be as without one."""
    folder = tmp_path / "folder with blanks"
    for name in ("first/sub", "second/sub"):
        (folder / name).mkdir(parents=True)
    monkeypatch.chdir(folder)
    cache = ObjectCache(tmp_path / "cache")

    def compiled(text: str, *flags: str, compiler: str = "gcc", language: str = "c") -> Compiled:
        time.sleep(0.06)  # a file changed this moment keeps an object out of the cache
        words = ["-Ifirst", "-Isecond", *flags]
        found = compile_text(text, language, flags=words, compiler=require_tool(compiler), cache=cache)
        fresh = compile_text(text, language, flags=words, compiler=require_tool(compiler), cache=False)
        assert (found.object, found.warnings) == (fresh.object, fresh.warnings)
        return found

    return compiled


def put(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


@pytest.mark.parametrize(
    ("compiler", "language", "text"),
    [
        ("gcc", "c", '#include <stdio.h>\nint f(void) { return printf("%d", 1, 2); }'),
        ("clang-19", "c", "#include <sys/mount.h>\nint f(void) { return MS_RDONLY; }"),
        ("gcc", "c++", "#include <memory>\nint f(const std::shared_ptr<int> &p) { return *p; }"),
        ("gcc", "c", '#include "a $ #b.h"\nint f(void) { return N; }'),
    ],
)
def test_the_second_time_takes_the_first_object(compiles: Compiles, compiler: str, language: str, text: str) -> None:
    put("second/a $ #b.h", "#define N 1\n")
    hits = [compiles(text, "-Wall", compiler=compiler, language=language).cached for _ in range(3)]
    assert hits == [False, True, True]


HEADER = '#include "n.h"\nint n = N;'
ASKS = '#if __has_include("n.h")\nint n = 1;\n#else\nint n[2];\n#endif\n'


@pytest.mark.parametrize(
    ("text", "change"),
    [
        (HEADER, lambda: put("second/n.h", "#define N 2\n")),
        (HEADER, lambda: put("first/n.h", "#define N 2\n")),
        (HEADER, lambda: put("n.h", "#define N 2\n")),
        (HEADER, lambda: os.replace("other.h", "second/n.h")),
        (HEADER, lambda: (os.rename("second", "third"), put("second/n.h", "#define N 3"))),
        ('#include "sub/m.h"\nint n = M;', lambda: put("first/sub/m.h", "#define M 2\n")),
        ('#include "sub/m.h"\nint n = M;', lambda: os.remove("second/sub/k.h")),
        (ASKS.replace("n.h", "later.h"), lambda: put("first/later.h", "")),
        (ASKS.replace("n.h", "sub/later.h"), lambda: put("first/sub/later.h", "")),
        (ASKS.replace("n.h", "new/later.h"), lambda: put("first/new/later.h", "")),
        (ASKS.replace("n.h", "later.h"), lambda: put("later.h", "")),
        (ASKS, lambda: os.remove("second/n.h")),
        ('#include "asks.h"\nint n = sizeof asked;', lambda: put("second/later.h", "")),
        ("#define HAS __has_include\n" + ASKS.replace('__has_include("n', 'HAS("later'), lambda: put("later.h", "")),
        ('#define WHICH "later.h"\n' + ASKS.replace('"n.h"', "WHICH"), lambda: put("second/later.h", "")),
    ],
)  # fmt: skip
def test_what_changed_since_is_compiled(compiles: Compiles, text: str, change: Callable[[], object]) -> None:
    put("second/n.h", "#define N 1\n")
    put("other.h", "#define N 7\n")
    os.utime("other.h", ns=(1, os.stat("second/n.h").st_mtime_ns))
    put("second/sub/m.h", '#if __has_include("k.h")\n#define M 1\n#else\n#define M 5\n#endif\n')
    put("second/sub/k.h", "")
    put("second/asks.h", ASKS.replace("n.h", "later.h").replace("int n", "int asked"))
    first = compiles(text)
    change()
    second = compiles(text)
    assert not second.cached
    assert second.object != first.object
    compiles(text)


@pytest.mark.parametrize("name", ["__TIME__", "__DATE__", "__TIMESTAMP__"])
def test_the_time_of_the_first_compilation_is_not_kept(compiles: Compiles, name: str) -> None:
    put("second/when.h", f"extern const char at[sizeof {name}];\n")
    assert [compiles('#include "when.h"\nint n;').cached for _ in range(2)] == [False, False]


def test_folders_and_variables_of_the_environment(compiles: Compiles, monkeypatch: pytest.MonkeyPatch) -> None:
    put("elsewhere/late.h", "#define N 1\n")
    put("another/late.h", "#define N 2\n")
    text = "#include <late.h>\nint n = N;"
    objects: list[Compiled] = []
    for place in ("elsewhere", "another", "elsewhere"):
        monkeypatch.setenv("CPATH", place)
        objects.append(compiles(text))
    assert [each.cached for each in objects] == [False, False, True]
    assert objects[0].object == objects[2].object != objects[1].object
