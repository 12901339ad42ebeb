"""-rpath and $ORIGIN: where a program's `dlopen`, and its libraries, find libraries at run time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from both_ways import compile_to, native, same, uruk_run, write

pytestmark = pytest.mark.any_interpreter

OPENS = """
#include <dlfcn.h>
#include <stdio.h>
int main(int c, char **v) {
    void *h = dlopen(v[1], RTLD_NOW);
    if (!h) { puts("refused"); return 1; }
    const char *error = dlerror();
    printf("%d %s\\n", ((int (*)(void))dlsym(h, "answer"))(), error ? error : "");
    return dlclose(h);
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program that opens libraries, `plugins/libplugin.so`, and `libouter.so`, which needs `inner/libinner.so.1`."""
    write(tmp_path, opens=OPENS, needed="int outer(void); int main(void) { return outer(); }")
    sources = {
        "plugin": "int answer(void) { return 42; }",
        "inner": "int inner(void) { return 3; }",
        "outer": "int inner(void); int outer(void) { return inner() + 1; } int answer(void) { return outer(); }",
    }
    for name, text in sources.items():
        (tmp_path / f"{name}.c").write_text(text)
    for name in ("plugins", "inner", "other"):
        (tmp_path / name).mkdir()
    compile_to(tmp_path, "plugin", "-shared", "-fPIC", "-o", "plugins/libplugin.so")
    compile_to(tmp_path, "inner", "-shared", "-fPIC", "-Wl,-soname,libinner.so.1", "-o", "inner/libinner.so.1")
    compile_to(tmp_path, "outer", "inner/libinner.so.1", "-shared", "-fPIC", "-o", "libouter.so")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "name", "out"),
    [
        ("plugins", "libplugin.so", "42 \n"),
        ("nowhere:plugins", "libplugin.so", "42 \n"),
        ("$ORIGIN/plugins", "libplugin.so", "42 \n"),
        ("plugins", "${ORIGIN}/plugins/libplugin.so", "42 \n"),
        ("plugins", "plugins/libplugin.so", "42 \n"),
        ("plugins", "libm.so.6", None),
        ("nowhere", "libplugin.so", "refused\n"),
        (".", "libouter.so", "refused\n"),
        (".:inner", "libouter.so", "refused\n"),
    ],
)
def test_dlopen(folder: Path, path: str, name: str, out: str | None) -> None:
    line = ["opens.o", "-Wl,-rpath", f"-Wl,{path}"]
    if out is None:  # a library that is in the process: no directory is looked into
        (folder / "plugins" / name).write_bytes((folder / "plugins" / "libplugin.so").read_bytes())
        line += ["-Wl,--no-as-needed", "-lm"]
        assert "42" not in uruk_run(folder, *line, "--", name)[1]
        return
    assert same(folder, line, [name])[1] == out


def test_inherited_paths_serve_what_libraries_need(folder: Path) -> None:
    inherited = ["-Wl,--disable-new-dtags,-rpath,inner:."]
    assert same(folder, ["opens.o", *inherited], ["libouter.so"])[1] == "4 \n"
    assert same(folder, ["needed.o", "-L.", "-louter", *inherited])[0] == 4


def test_paths_that_are_not_inherited_do_not(folder: Path) -> None:
    line = ["needed.o", "-L.", "-louter", "-Wl,-rpath,inner:.", "-Wl,-rpath-link,inner"]
    assert native(folder, line)[0] == 127
    status, _, err = uruk_run(folder, *line)
    assert status == 1
    assert "libinner.so.1: cannot open shared object file" in err


def test_a_library_of_the_same_name_in_the_path_is_the_one_that_is_loaded(folder: Path) -> None:
    (folder / "other.c").write_text("int answer(void) { return 7; }")
    compile_to(folder, "other", "-shared", "-fPIC", "-o", "other/libplugin.so")
    (folder / "asks.c").write_text("int answer(void); int main(void) { return answer(); }")
    line = ["asks.c", "-Lplugins", "-lplugin", "-Wl,-rpath,other"]
    assert same(folder, line)[0] == 7


def test_the_environment_comes_before_a_path_that_is_not_inherited(folder: Path) -> None:
    (folder / "other.c").write_text("int answer(void) { return 7; }")
    compile_to(folder, "other", "-shared", "-fPIC", "-o", "other/libplugin.so")
    environment = os.environ | {"LD_LIBRARY_PATH": "other"}
    for dtags, out in (("--enable-new-dtags", "7 \n"), ("--disable-new-dtags", "42 \n")):
        line = ["opens.o", f"-Wl,{dtags},-rpath,plugins"]
        assert uruk_run(folder, *line, "--", "libplugin.so", environment=environment)[1] == out
