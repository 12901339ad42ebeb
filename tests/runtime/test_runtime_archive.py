"""The runtime archive: what is in it, and that each piece does what it says when linked natively."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from build_support.runtime import build_runtime, is_builtin
from build_support.targets import ROOT
from build_support.toolchains import Zig
from uruk import runtime_files
from uruk.errors import MissingRuntime
from uruk.runtime_files import runtime_archive

from support.requirements import require_tool

ARCHIVE = build_runtime(ROOT, "x86_64-linux", Zig())
"""The archive that zig builds, which has the compiler builtins; what is installed may be another compiler's."""
SOURCES = Path(__file__).resolve().parents[1] / "runtime"

# What gcc 12 and clang 19 call by themselves on x86-64, by the member that has to define it.
BUILTINS = (
    "__udivti3 __umodti3 __divti3 __modti3 __udivmodti4 __divmodti4 __multi3 __muloti4 __ashlti3 "
    "__ashrti3 __lshrti3 __negti2 __cmpti2 __ucmpti2 __popcountdi2 __popcountti2 __paritydi2 "
    "__parityti2 __clzdi2 __clzti2 __ctzdi2 __ctzti2 __ffsdi2 __ffsti2 __bswapsi2 __bswapdi2 __absvdi2 "
    "__absvti2 __negvdi2 __negvti2 __addvsi3 __addvdi3 __subvdi3 __floattisf __floattidf __floattixf "
    "__floattitf __floattihf __floatuntisf __floatuntidf __floatuntixf __floatuntitf __floatuntihf "
    "__fixsfti __fixdfti __fixxfti __fixtfti __fixhfti __fixunssfti __fixunsdfti __fixunsxfti "
    "__fixunstfti __fixunshfti __fixunssfdi __fixunsdfdi __fixunsxfdi __fixtfsi __fixtfdi __fixunstfsi "
    "__fixunstfdi __floatsitf __floatditf __floatunsitf __floatunditf __addtf3 __subtf3 __multf3 "
    "__divtf3 __eqtf2 __netf2 __lttf2 __letf2 __gttf2 __getf2 __unordtf2 __extendsftf2 __extenddftf2 "
    "__extendxftf2 __trunctfsf2 __trunctfdf2 __trunctfxf2 __extendhfsf2 __extendhfdf2 __extendhfxf2 "
    "__extendhftf2 __truncsfhf2 __truncdfhf2 __truncxfhf2 __trunctfhf2 __gnu_f2h_ieee __gnu_h2f_ieee "
    "__eqhf2 __nehf2 __mulsc3 __muldc3 __mulxc3 __multc3 __mulhc3 __divsc3 __divdc3 __divxc3 __divtc3 "
    "__divhc3 __powisf2 __powidf2 __powixf2 __powitf2 __clear_cache __atomic_load_8 __atomic_store_4 "
    "__atomic_exchange_2 __atomic_compare_exchange_1 __atomic_fetch_add_8 "
).split()
OWN = {
    "atexit.o": ["atexit"],
    "at_quick_exit.o": ["at_quick_exit"],
    "pthread_atfork.o": ["pthread_atfork", "__pthread_atfork"],
    "stack_chk_fail_local.o": ["__stack_chk_fail_local"],
    "thread_atexit.o": [
        "__cxa_thread_atexit",
        "__cxa_thread_atexit_impl",
        "uruk_rt_pending_thread_atexit",
        "uruk_rt_run_thread_atexit",
    ],
    "lazy_enter.o": ["uruk_lazy_enter"],
    "lazy.o": [
        "uruk_rt_lazy_start",
        "uruk_rt_lazy_begin",
        "uruk_rt_lazy_open",
        "uruk_rt_lazy_write",
        "uruk_rt_lazy_set_handler",
        "uruk_rt_lazy_close",
        "uruk_rt_lazy_stop",
        "uruk_lazy_resolve",
    ],
    "memory.o": [
        "uruk_rt_mem_reserve",
        "uruk_rt_mem_map_shared",
        "uruk_rt_mem_protect",
        "uruk_rt_mem_discard",
        "uruk_rt_mem_zero",
        "uruk_rt_mem_release",
    ],
    "initialize.o": ["uruk_rt_run_initializers", "uruk_rt_register_finalizers"],
    "run_main.o": ["uruk_rt_run_main", "uruk_rt_exit_main"],
    "fresh_process.o": ["uruk_rt_fresh_process", "uruk_rt_set_environ", "uruk_rt_set_program_name"],
    "cpu_model.o": ["__cpu_model", "__cpu_indicator_init", "__cpu_features2"],
    "call_once.o": ["_ZSt15__once_callable", "_ZSt11__once_call", "__once_proxy"],
    "overflow.o": ["__addvti3", "__subvti3", "__mulvdi3", "__mulvti3", "__clrsbdi2", "__clrsbti2"],
    "bfloat16.o": ["__truncsfbf2", "__truncdfbf2", "__truncxfbf2", "__trunctfbf2", "__extendbfsf2"],
    "atomic16.o": ["__atomic_load_16", "__atomic_compare_exchange_16", "__atomic_fetch_add_16"],
}


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False, env=env)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def index() -> dict[str, list[str]]:
    """The archive's symbol index: name -> members."""
    found: dict[str, list[str]] = {}
    for line in run(require_tool("nm"), "-s", ARCHIVE).splitlines():
        if match := re.fullmatch(r"(\S+) in (\S+\.o)", line):
            found.setdefault(match[1], []).append(match[2])
        elif found:
            break
    return found


@pytest.fixture
def build(tmp_path: Path):
    """Compile a harness; the runtime archive comes before the compiler's libraries, unless told otherwise."""

    def build_harness(name: str, *flags: str, archive: bool = True, compiler: str | None = None) -> Path:
        source = SOURCES / name
        compiler = require_tool(compiler or ("g++" if source.suffix == ".cc" else "gcc"))
        program = tmp_path / f"{source.stem}-{archive}"
        libraries = [str(ARCHIVE)] if archive else []
        run(compiler, "-O1", "-o", program, source, *flags, *libraries, "-lm", "-pthread")
        return program

    return build_harness


def test_own_members() -> None:
    defined = index()
    for member, names in OWN.items():
        for name in names:
            assert defined.get(name) == [member], name


def test_builtins_are_there_one_a_member() -> None:
    defined = index()
    assert [name for name in BUILTINS if len(defined.get(name, ())) != 1] == []
    assert [name for name in defined if name.startswith("mem") or not name.startswith(("_", "at", "pth", "uruk"))] == []


def test_libc_and_private_names_stay_out() -> None:
    refused = [
        "memcpy",
        "sinf",
        "__memcpy_chk",
        "__stack_chk_guard",
        "__zig_probe_stack",
        "__cpu_model",
        "__sinx",
    ]
    refused += ["__atomic_load", "__atomic_load_16", "__fmax", "__trunch", "__cosl"]
    assert [name for name in refused if is_builtin(name)] == []


def test_a_builtin_costs_little(tmp_path: Path) -> None:
    """Pulling one must not link a hundred others: size with everything that it refers to in turn."""
    run(require_tool("ar"), f"--output={tmp_path}", "x", ARCHIVE)
    defined = index()
    for name in ("__udivti3", "__popcountdi2", "__floattidf", "__truncdfhf2", "__divtf3", "__muldc3"):
        members, todo = set[str](), [name]
        while todo:
            member = defined[todo.pop()][0]
            if member not in members:
                members.add(member)
                lines = run(require_tool("nm"), "-u", tmp_path / member).split()
                todo += [word for word in lines if word in defined]
        assert sum((tmp_path / member).stat().st_size for member in members) < 8192, (name, members)


def test_no_archive_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingRuntime, match=r"no runtime for pdp11-unix: it was built for x86_64-linux.*=all in the"):
        runtime_archive("pdp11-unix")
    monkeypatch.setattr(runtime_files, "_FOLDERS", ("/nowhere",))
    monkeypatch.delenv("URUK_RUNTIME", raising=False)
    with pytest.raises(MissingRuntime, match=r"no uruk_runtime-pdp11-unix\.a in /nowhere; .*make runtime"):
        runtime_archive("pdp11-unix")


@pytest.mark.parametrize("compiler", ["gcc", "clang-19"])
def test_cpu_model_equals_libgcc(build, compiler: str) -> None:
    # libgcc_s in memory: processor names come from there
    flags = ("-Wl,--no-as-needed", "-lgcc_s")
    own = run(build("cpu_model.c", *flags, compiler=compiler))
    assert own == run(build("cpu_model.c", *flags, archive=False, compiler=compiler))
    assert own.startswith("before init: 1\n0 ")


def test_builtins_equal_libgcc(build) -> None:
    own = run(build("builtins.c", "-fno-builtin"))
    other = run(build("builtins.c", "-fno-builtin", archive=False))
    assert len(own) > 100_000
    for ours, theirs in zip(own.splitlines(), other.splitlines(), strict=True):
        if ours != theirs:  # complex division: another algorithm, to the last bit or the sign of a zero
            assert ours.startswith("complex / "), (ours, theirs)
            a, b = (int(line.split()[-1], 16) for line in (ours, theirs))
            assert abs(a - b) == 1 or {a, b} == {0, 0x80000000}, (ours, theirs)


def test_atomic16(build) -> None:
    assert run(build("atomic16.c")) == "1 1 1\n6 12 7 9 -1 -2\n"


def test_bfloat16(build) -> None:
    output = run(build("bfloat16.c", "-msse2", compiler="clang-19"))
    assert output == "0 wrong\n7f80 ff80 7fc0 7fc0\n"


def test_thread_destructors(build) -> None:
    output = run(build("thread_atexit.cc"))
    assert output.splitlines() == [
        "pending 4 2",
        "main 2 (a: 4)",
        "registered by a destructor (a: 4)",
        "main 1 (a: 3)",
        "still pending 2",
        "other 3 of b (a: 2)",
        "other 2 (a: 2)",
        "registered by a destructor (a: 2)",
        "other 1 (a: 1)",
        "pending 0 1",
        "pending 0 1",
        "C++ thread_local of 2 pending",
        "C++ thread_local of 1 pending",
        "main 3 of b (a: 0)",
    ]


def test_initializers_and_finalizers(build) -> None:
    assert run(build("initialize.c")).splitlines() == [
        "0",
        "first 2 argument A=1",
        "second 2 program",
        "0",
        "finalize",
        "atexit of second",
        "atexit of first",
        "fini 2",
        "fini 1",
        "done",
    ]


@pytest.mark.parametrize("mode", ["", "quick", "finalize"])
def test_exit_functions_belong_to_their_module(build, mode: str) -> None:
    done = subprocess.run([build("nonshared.c"), mode], capture_output=True, text=True, timeout=60, check=False)
    lines = done.stdout.splitlines()
    assert (lines[0], sorted(lines[1:3])) == ("prepare", ["child", "parent"])  # those two run at once
    assert lines[3:] == ["two", "one", *(["finalized"] if mode == "finalize" else [])]
    assert done.returncode == (3 if mode == "quick" else 4)


def test_fresh_process(build) -> None:
    program = build("fresh_process.c")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False, env={"LC_ALL": "C"})
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == [
        "PIPE ignored, XFSZ ignored, INT handled, SEGV handled, HUP ignored, RTMIN handled, decimal point .",
        "errno 0, locale C",
        "PIPE default, XFSZ default, INT default, SEGV default, HUP ignored, RTMIN default, decimal point .",
        "USR1 blocked 1",
        "dir/program program 1",
        "main 1 dir/program A=1 1",
        "7",
        "main 1 dir/program A=1 1",
    ]


def test_call_once(build) -> None:
    assert run(build("call_once.cc")) == "5 3\n"
