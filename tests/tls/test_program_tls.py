"""Libraries that want a thread-local of the program: where they get it, and what is said where they do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.requirements import require_tool

MAIN = """
    #include <stdio.h>
    #ifdef ROOM
    __thread char room[ROOM];
    #endif
    __thread int depth = 7;
    int get_depth(void), get_other(void);
    int main(void) { depth++; printf("%d %d\\n", depth, get_depth()); return 0; }
"""
LIBRARY = "extern __thread int depth; int get_depth(void) { return depth; }"


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uruk", "run", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_in_process_the_library_is_refused(cc: Compile) -> None:
    """By an error that says whose the thread-local is, and where it would do."""
    library = cc.shared("libdepth.so", LIBRARY)
    done = run("--in-process", cc(MAIN, name="main"), library)
    assert done.returncode == 1
    assert "undefined symbol: depth" in done.stderr
    assert "`depth' is a thread-local of" in done.stderr
    assert "use `uruk run' without --in-process and --connect" in done.stderr


@pytest.mark.parametrize("elsewhere", [False, True])
def test_sessions_refuse_it(cc: Compile, elsewhere: bool) -> None:
    """And go on: what the library wants may be linked with its objects."""
    library = cc.shared("libdepth.so", LIBRARY)
    with uruk.LLJIT(executor=uruk.spawn() if elsewhere else None) as jit:
        jit.add_archive(cc.archive("libown.a", cc("__thread int depth = 5;", "-fPIC", name="own")))
        with pytest.raises(uruk.LibraryError) as caught:
            jit.add_library(library)
        assert caught.value.undefined == b"depth"
        assert "a thread-local of" in caught.value.hint
        assert "(own.o)" in caught.value.hint
        jit.add_object(cc(LIBRARY, "-fPIC"))
        assert jit.lookup("get_depth").function("int(void)")() == 5


def test_a_function_that_libraries_do_not_see(cc: Compile) -> None:
    library = cc.shared("libuser.so", "int given(void); int user(void) { return given(); }")
    with uruk.LLJIT() as jit:
        jit.add_object(cc("int given(void) { return 3; }", name="given"))
        with pytest.raises(uruk.LibraryError, match=r"`given' is of .*given\.o, but libraries see linked code only"):
            jit.add_library(library)


def test_nobody_has_it(cc: Compile) -> None:
    """Then the loader's own text is all there is to say."""
    library = cc.shared("libother.so", "extern __thread int nobodys; int get_depth(void) { return nobodys; }")
    for place in ([], ["--in-process"]):
        done = run(*place, cc(MAIN, name="main"), library)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("undefined symbol: nobodys")


def test_storage_becomes_static_for_a_library(cc: Compile) -> None:
    """The program's own code needs no fixed offset, the library's does."""
    library = cc.shared("libdepth.so", LIBRARY, "-ftls-model=initial-exec")
    done = run(cc(MAIN, "-fPIC", "-DROOM=3000"), library)
    assert (done.stdout, done.stderr, done.returncode) == ("8 8\n", "", 0)


def test_storage_that_cannot_become_static(cc: Compile) -> None:
    library = cc.shared("libdepth.so", LIBRARY, "-ftls-model=initial-exec")
    program = cc(MAIN, "-fPIC", "-DROOM=4000000")
    done = run(program, library)
    assert done.returncode == 1
    assert "`depth': a library's initial-exec code wants it: 4000016 bytes" in done.stderr
    assert "--tls-pool=" in done.stderr
    done = run("--tls-pool=8Mb", program, library)
    assert (done.stdout, done.stderr, done.returncode) == ("8 8\n", "", 0)
    done = run(program, cc.shared("libdepth.so", LIBRARY, "-mtls-dialect=gnu2"))
    assert (done.stdout, done.stderr, done.returncode) == ("8 8\n", "", 0)


def test_main_is_no_thread_local(cc: Compile) -> None:
    done = run(cc("__thread int main = 5;"))
    assert (done.returncode, done.stderr) == (
        1,
        "uruk: TLSError: `main': is a thread-local, and no function to begin with\n",
    )


@pytest.mark.parametrize("dialect", ["trad", "desc"])
@pytest.mark.parametrize("own", ["-fPIE", "-fPIC"])
def test_both_dialects_of_aarch64(tmp_path: Path, dialect: str, own: str) -> None:
    gcc = require_tool("aarch64-linux-gnu-gcc")
    require_tool("qemu-aarch64")
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "library.c").write_text(LIBRARY)
    for words in (["-c", own, "main.c"], ["-shared", "-fPIC", "-o", "libdepth.so", "library.c"]):
        subprocess.run([gcc, f"-mtls-dialect={dialect}", *words], cwd=tmp_path, check=True)
    done = run(tmp_path / "main.o", os.fspath(tmp_path / "libdepth.so"))
    assert (done.stdout, done.stderr, done.returncode) == ("8 8\n", "", 0)


OPENS = """
    #include <dlfcn.h>
    #include <stdio.h>
    __thread int depth = 7;
    int main(int count, char **words) {
        void *library = dlopen(words[1], RTLD_NOW);
        if (!library) return puts(dlerror());
        printf("%d\\n", ((int (*)(void))dlsym(library, "get_depth"))() + depth);
        return 0;
    }
"""


def test_a_library_that_is_opened_wants_a_fixed_offset(cc: Compile) -> None:
    """It ends the program with the reason where there is no fixed offset, as the loader has accepted the library."""
    library = cc.shared("libdepth.so", LIBRARY, "-ftls-model=initial-exec")
    done = run("-rdynamic", cc(OPENS), "--", library)
    assert (done.stdout, done.stderr, done.returncode) == ("14\n", "", 0)
    done = run("-rdynamic", cc(OPENS, "-fPIC"), "--", library)
    assert done.returncode != 0
    assert "wants the program's thread-local depth at a fixed offset" in done.stderr
    assert "-ftls-model=initial-exec" in done.stderr


def test_what_a_program_does_not_show_is_not_found(cc: Compile) -> None:
    """As natively without -rdynamic; and a hidden one is never shown."""
    library = cc.shared("libdepth.so", LIBRARY)
    for words in (
        [cc(OPENS)],
        ["-rdynamic", cc(OPENS.replace("__thread", '__attribute__((visibility("hidden"))) __thread'))],
    ):
        done = run(*words, "--", library)
        assert "undefined symbol: depth" in done.stdout, done
