"""`uruk.Program`: programs with a main(), run in a child and in this process, and what is left of them."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import uruk
from uruk.errors import ProtocolError

from support.compiling import Compile, RunChild
from support.requirements import require_tool

TALKS = """
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    static int runs;
    int number = -1;
    const char *value = getenv("URUK_TEST");
    if (scanf("%d", &number) != 1)
        return 1;
    printf("%d %s %s %d %s %d\\n", argc, argv[0], argv[argc - 1], number, value ? value : "none", ++runs);
    fprintf(stderr, "problem\\n");
    return 256 + 7;
}
"""
PLACES = pytest.mark.parametrize("in_process", [False, True], ids=["child", "process"])


def open_files() -> dict[str, str]:
    gc.collect()  # a closed session is part of cycles, and has its memory's file
    files: dict[str, str] = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            files[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the listing's own
            continue
    return files


def has_children() -> bool:
    """Tell whether a thread of this process has a child that runs an executor, or has not been waited for."""
    pids: list[str] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended since
            pids += path.read_text().split()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids]
    return any(not command or b"filedescs=" in command for command in commands)


@PLACES
def test_runs_are_each_a_program_of_their_own(cc: Compile, in_process: bool) -> None:
    program = uruk.Program(cc(TALKS), name="talks", in_process=in_process)
    for number in (5, 6):
        ended = program.run("a", "last", stdin=str(number).encode(), capture=True)
        assert (ended.status, ended.signal, ended.crash) == (7, 0, None)
        assert ended.output == f"3 talks last {number} none 1\n".encode()
        assert ended.errors == b"problem\n"
        assert "status 7" in repr(ended)


@PLACES
def test_nothing_is_left_of_runs(cc: Compile, in_process: bool) -> None:
    program = uruk.Program(cc(TALKS), in_process=in_process)
    broken = uruk.Program(cc("int nowhere(void); int main(void) { return nowhere(); }"), in_process=in_process)
    program.run(stdin=b"1", capture=True)  # what libraries open once
    before = open_files()
    for _ in range(3):
        program.run(stdin=b"1", capture=True)
        with pytest.raises(uruk.UndefinedSymbols, match="nowhere"):
            broken.run()
    assert open_files() == before
    assert not has_children()


@PLACES
def test_files_are_standard_streams(cc: Compile, tmp_path: Path, in_process: bool) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_text("9")
    program = uruk.Program(cc(TALKS), name="talks", in_process=in_process)
    with source.open("rb") as stdin, target.open("wb") as both:
        assert program.run(stdin=stdin, stdout=both, stderr=both).output == b""
    assert sorted(target.read_text().splitlines()) == ["1 talks talks 9 none 1", "problem"]


def test_streams_may_be_exchanged(cc: Compile) -> None:
    script = "import uruk, sys; uruk.Program(sys.argv[1]).run(stdin=b'1', stdout=2, stderr=1)"
    ended = subprocess.run([sys.executable, "-c", script, cc(TALKS)], capture_output=True, check=True, timeout=60)
    assert ended.stdout == b"problem\n"
    assert b" none 1\n" in ended.stderr


def test_bytes_and_an_environment(cc: Compile) -> None:
    program = uruk.Program(cc(TALKS).read_bytes(), name="talks")
    ended = program.run(environment={"URUK_TEST": "given"}, stdin=b"3", capture=True)
    assert ended.output == b"1 talks talks 3 given 1\n"


def test_archives_and_libraries(cc: Compile) -> None:
    archive = cc.archive("libhalf.a", cc("double half(double x) { return x / 2; }", name="half"))
    main = cc("double half(double), cos(double); int main(void) { return (int)(half(6) * cos(0)); }", "-fno-builtin")
    for in_process in (False, True):
        program = uruk.Program(main, libraries=("half", "m"), directories=(str(archive.parent),), in_process=in_process)
        assert program.run().status == 3


@pytest.mark.parametrize("first", ["SEARCH_DIR(/tmp)", "EXTERN(half)", "TARGET(elf64-x86-64)", "ENTRY(main)", ""])
def test_a_linker_script_among_the_inputs(cc: Compile, first: str) -> None:
    archive = cc.archive("libhalf.a", cc("int half(int x) { return x / 2; }", name="half"))
    script = archive.with_name("script")
    script.write_text(f"{first} GROUP ( {archive} )")
    assert uruk.Program(cc("int half(int); int main(void) { return half(6); }"), script).run().status == 3


def test_a_signal_ends_a_program_and_not_its_user(cc: Compile) -> None:
    program = uruk.Program(cc("int main(void) { *(volatile int *)8 = 1; }"))
    ended = program.run()
    assert (ended.status, ended.signal) == (-signal.SIGSEGV, signal.SIGSEGV)
    assert isinstance(ended.crash, uruk.ExecutorCrashed)
    assert "main" in ended.crash.where
    assert program.run().signal == signal.SIGSEGV
    assert not has_children()


@pytest.mark.parametrize("body", ["return 4;", "__builtin_trap();"], ids=["exit", "signal"])
def test_nothing_of_ours_is_on_a_programs_standard_error(cc: Compile, body: str) -> None:
    script = "import uruk, sys; uruk.Program(sys.argv[1]).run()"
    command = [sys.executable, "-c", script, cc(f"int main(void) {{ {body} }}")]
    assert subprocess.run(command, capture_output=True, check=True, timeout=60).stderr == b""


@pytest.mark.parametrize(
    ("family", "status"), [("gcc", 3), ("gcc", -signal.SIGSEGV), ("aarch64-gcc", 3)], ids=["exit", "fault", "aarch64"]
)
def test_an_initialiser_that_ends_the_program(family: str, status: int, cc: Compile) -> None:
    if family == "aarch64-gcc":
        require_tool("qemu-aarch64")
    end = f"exit({status})" if status >= 0 else "*(volatile int *)8 = 1"
    early = f'__attribute__((constructor)) static void early(void) {{ puts("early"); {end}; }}'
    source = f"#include <stdio.h>\n#include <stdlib.h>\n{early}\nint main(void) {{ return 0; }}"
    ended = uruk.Program(cc(source, family=family)).run(capture=True)
    assert (ended.status, ended.output) == (status, b"early\n" if status >= 0 else b"")
    assert (ended.crash is not None) == (status < 0)
    assert not has_children()


def test_a_library_that_ends_the_program_while_it_is_loaded(cc: Compile) -> None:
    early = "#include <unistd.h>\n__attribute__((constructor)) static void early(void) { _exit(4); }"
    library = cc.shared("libearly.so", early)
    assert uruk.Program(cc("int main(void) { return 0; }"), library).run().status == 4


def test_an_initialiser_that_breaks_the_executors_line_is_an_error(cc: Compile) -> None:
    """Its exit status is not the program's: the process ends with what is no message of the executor."""
    rubbish = "char rubbish[64]; memset(rubbish, 255, 64); for (int at = 200; at < 1024; ++at) write(at, rubbish, 64);"
    early = f"__attribute__((constructor)) static void early(void) {{ {rubbish} _exit(3); }}"
    program = uruk.Program(cc(f"#include <string.h>\n#include <unistd.h>\n{early}\nint main(void) {{ return 0; }}"))
    with pytest.raises(ProtocolError, match="sent a message of unknown kind"):
        program.run()
    assert not has_children()


def test_a_program_for_another_architecture(cc: Compile) -> None:
    require_tool("qemu-aarch64")
    ended = uruk.Program(cc(TALKS, family="aarch64-gcc"), name="talks").run(stdin=b"4", capture=True)
    assert (ended.status, ended.output) == (7, b"1 talks talks 4 none 1\n")


def test_misuse() -> None:
    with pytest.raises(uruk.InvalidValue, match="at least one input"):
        uruk.Program()
    with pytest.raises(ValueError, match="aarch64-linux"):
        uruk.Program("a.o", target="vax-bsd")
    with pytest.raises(TypeError, match="a path or bytes"):
        uruk.Program(3)
    with pytest.raises(ValueError, match="change os"):
        uruk.Program("a.o", in_process=True).run(environment={})
    with pytest.raises(TypeError, match="give stdout and stderr files"):
        uruk.Program("a.o").run(stdout=b"text")
    with pytest.raises(FileNotFoundError, match="not-there"):
        uruk.Program("not-there.o").run()


def lines_of(ended: uruk.Ended) -> list[bytes]:
    assert ended.status == 0, ended
    return ended.output.splitlines()


@PLACES
def test_archives_as_bytes(cc: Compile, in_process: bool) -> None:
    """Members are taken as they are needed, and all of them where the archive is linked whole."""
    half = cc('#include <stdio.h>\nint half(int x) { puts("half"); return x / 2; }')
    loud = cc('#include <stdio.h>\n__attribute__((constructor)) static void say(void) { puts("loud"); }', name="loud")
    archive = cc.archive("libhalf.a", half, loud).read_bytes()
    main = cc(
        "#include <stdio.h>\nint half(int); int main(void) { int wrong = half(84) - 42; fflush(stdout); return wrong; }"
    ).read_bytes()
    assert lines_of(uruk.Program(main, archive, in_process=in_process).run(capture=True)) == [b"half"]
    whole = uruk.Program(main, uruk.Library(archive, whole=True), in_process=in_process)
    assert lines_of(whole.run(capture=True)) == [b"loud", b"half"]
    everything = uruk.Program(main, archive, in_process=in_process, options=uruk.LinkOptions(whole_archives=True))
    assert lines_of(everything.run(capture=True)) == [b"loud", b"half"]


def test_an_archive_as_bytes_says_the_target(cc: Compile) -> None:
    require_tool("qemu-aarch64")
    main = cc("int main(void) { return 0; }", family="aarch64-gcc")
    archive = cc.archive("libmain.a", main).read_bytes()
    assert uruk.Program(uruk.Library(archive, whole=True)).run().status == 0


def test_a_working_directory(cc: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs are those of this process's directory; initialisers see the program's."""
    (tmp_path / "there").mkdir()
    (tmp_path / "main.o").write_bytes(
        cc(
            "#include <stdio.h>\n#include <unistd.h>\nstatic char first[4096];\n"
            "__attribute__((constructor)) static void look(void) { getcwd(first, sizeof first); }\n"
            "int main(int argc, char **argv) { char now[4096]; puts(argv[0]); puts(first); puts(getcwd(now, 4096)); }"
        ).read_bytes()
    )
    monkeypatch.chdir(tmp_path)
    program = uruk.Program("main.o")
    there = os.fsencode(tmp_path / "there")
    assert lines_of(program.run(capture=True, directory="there")) == [b"main.o", there, there]
    assert lines_of(program.run(capture=True))[1:] == [os.fsencode(tmp_path)] * 2
    assert Path.cwd() == tmp_path
    with pytest.raises(FileNotFoundError, match="nowhere"):
        program.run(directory="nowhere")


def test_a_directory_that_the_child_cannot_enter(cc: Compile, tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    script = f"import os, sys; os.rmdir({str(place)!r}); os.execv(sys.argv[1], sys.argv[1:])"
    program = uruk.Program(cc("int main(void) { return 0; }"), launcher=[sys.executable, "-c", script])
    with pytest.raises(uruk.ExecutorError, match="cannot change its working directory"):
        program.run(directory=place)
    assert not has_children()


def test_an_executor_of_ones_own(cc: Compile, tmp_path: Path) -> None:
    program = uruk.Program(cc(TALKS), name="talks")
    with open(tmp_path / "out", "w+b") as out, open(tmp_path / "in", "w+b", buffering=0) as numbers:
        numbers.write(b"8")
        numbers.seek(0)
        environment = dict(os.environ, URUK_TEST="own")
        executor = uruk.spawn(streams=(numbers.fileno(), out.fileno(), 2), environment=environment)
        assert program.run("x", executor=executor).status == 7
        out.seek(0)  # the program's place in the file is this one's
        assert out.read() == b"2 talks x 8 own 1\n"
    assert executor.closed
    assert not has_children()
    with pytest.raises(uruk.InvalidValue, match="belongs to one session"):
        program.run(executor=executor)
    with uruk.spawn() as another:
        with pytest.raises(uruk.InvalidValue, match=r"uruk\.spawn"):
            program.run(executor=another, capture=True)
        with pytest.raises(uruk.InvalidValue, match=r"uruk\.spawn"):
            program.run(executor=another, environment={})
        with pytest.raises(uruk.InvalidValue, match=r"uruk\.spawn"):
            program.run(executor=another, stdin=b"")


def test_a_library_that_replaces_malloc(cc: Compile, tmp_path: Path) -> None:
    """A process that runs already has the C library's, whose own functions would go on with it."""
    own = Path(__file__).parent / "programs" / "malloc_library" / "own.txt"
    library = cc.shared("libtakes.so", own.read_text(), "-fno-builtin")
    program = uruk.Program(cc("void *malloc(unsigned long); int main(void) { return !malloc(3); }"), library)
    with uruk.spawn() as running, pytest.raises(uruk.LibraryError, match=r"LD_PRELOAD=.*libtakes"):
        program.run(executor=running)
    assert program.run().status == 0  # in another process, which begins with it
    with uruk.spawn() as running, pytest.raises(uruk.InvalidValue, match=r"libtakes.*before all else"):
        program.run(executor=running)


def test_the_options_of_a_link(cc: Compile) -> None:
    main = cc(
        "#include <stdio.h>\nextern char fixed[]; int other(void), further(void), twice(int);\n"
        'int main(void) { printf("%p %d %d %d\\n", (void *)fixed, other(), further() == other(), twice(4));'
        " return 0; }"
    )
    more = cc(
        "int real(void) { return 5; } int __real_twice(int); int __wrap_twice(int x) { return __real_twice(x) + 1; }"
    )
    twice = cc("int twice(int x) { return 2 * x; }")
    options = uruk.LinkOptions(
        wrap=["twice"], define={"fixed": 0x1234, "other": "real", "further": ("real", 0)}, undefined=["real"]
    )
    assert lines_of(uruk.Program(main, more, twice, options=options).run(capture=True)) == [b"0x1234 5 1 9"]


def test_rpath_static_and_as_needed(cc: Compile, tmp_path: Path) -> None:
    half = cc("int half(int x) { return x / 2; }", "-fPIC")
    loud = cc('#include <stdio.h>\n__attribute__((constructor)) static void say(void) { puts("loud"); }', "-fPIC")
    for name, part in (("half", half), ("loud", loud)):
        subprocess.run(["gcc", "-shared", "-o", tmp_path / f"lib{name}.so", part], check=True)
    main = cc(
        '#include <dlfcn.h>\n#include <stdio.h>\nint half(int);\nint main(void) { puts("main");'
        ' return half(84) - 42 + !dlopen("libloud.so", RTLD_NOW); }'
    )
    needed = uruk.Program(
        main,
        libraries=[uruk.Library("loud", as_needed=True), "half"],
        directories=[tmp_path],
        options=uruk.LinkOptions(rpath=[str(tmp_path)]),
    )
    assert lines_of(needed.run(capture=True)) == [b"main", b"loud"]  # by dlopen only
    static = uruk.Program(main, libraries=["half"], directories=[tmp_path], options=uruk.LinkOptions(static=True))
    with pytest.raises(uruk.LibraryNotFound, match="half"):
        static.run()


def test_flags_for_sources_bring_their_runtimes(tmp_path: Path) -> None:
    source = tmp_path / "sum.c"
    source.write_text(
        "#include <omp.h>\n#include <stdio.h>\nint main(void) { int sum = 0;\n"
        "#pragma omp parallel for reduction(+:sum)\nfor (int i = 0; i < 100; i++) sum += VALUE;\n"
        'printf("%d %d\\n", sum, omp_get_max_threads() > 0); return 0; }'
    )
    program = uruk.Program(source, compiler="gcc", flags=["-fopenmp", "-DVALUE=3"])
    assert lines_of(program.run(capture=True)) == [b"300 1"]
    with pytest.raises(uruk.InvalidValue, match="-fsanitize=memory cannot be honoured"):
        uruk.Program(source, compiler="gcc", flags=["-fsanitize=memory"])
    with pytest.raises(uruk.InvalidValue, match="loaded first"):
        uruk.Program(source, compiler="gcc", flags=["-fsanitize=address"], in_process=True)


def test_misuse_of_options(cc: Compile) -> None:
    here = uruk.Program(cc("int main(void) { return 0; }"), in_process=True)
    with pytest.raises(uruk.InvalidValue, match="working directory"):
        here.run(directory="/")
    with pytest.raises(TypeError, match="not list"):
        uruk.Program(uruk.Library([]))  # pyright: ignore[reportArgumentType]


@pytest.mark.quick
def test_start_code_in_this_process_finds_its_words_on_the_stack(cc: Compile, child: RunChild) -> None:
    """It ends the process that it is in, as exit() does."""
    source = """
    #include <unistd.h>
    void begin(long *words) { _exit(40 + (int)words[0]); }
    __asm__(".globl _start\\n_start: mov %rsp,%rdi\\n and $-16,%rsp\\n call begin");
    """
    text = "import sys, uruk\nuruk.Program(sys.argv[1], entry='_start', in_process=True).run('a', 'b')"
    assert child(text, cc(source)).status == 43
