"""LLVM IR: symbols before code, code that runs, and faults that LLVM ends its process for."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import uruk
from uruk.compile.cache import cache_from_environment
from uruk.compile.ir import IRModule

from support.requirements import missing, require_tool

pytestmark = pytest.mark.any_interpreter

POINTERS = """
%entry = type {{ i32, {f}, {p} }}
@llvm.global_ctors = appending global [1 x %entry] [%entry {{ i32 65535, {f} @run, {p} null }}]
@llvm.used = appending global [1 x {p}] [{p} @byte], section "llvm.metadata"
@byte = global i8 1
@common = common global i32 0
@"od\\22d = alias (" = global i32 3
@"\\01raw" = weak hidden global i32 4
@"\\C3\\BC" = constant {{ i32, [2 x i8] }} {{ i32 1, [2 x i8] c"\\22@" }}, align 4
@thread = thread_local(initialexec) unnamed_addr global i32 3, section ".tdata"
@alias = weak alias void (), {f} @run
@several = alias void (i32, ...), {v} @variadic
@other = hidden alias i32, {i} @number
@number = dso_local global i32 7
@pointer = global {f} @run
@outside = external global i32
@nobody = extern_weak global i32
@text = private constant [14 x i8] c"define @f( {{\\0A\\00"
@indirect = ifunc void (), {r} @resolve
define dso_local void @run() {{ store i32 8, {i} @number ret void }}
define void @variadic(i32, ...) {{ ret void }}
define linkonce_odr protected i32 @once() {{ ret i32 1 }}
define available_externally i32 @elsewhere() {{ ret i32 1 }}
define internal i32 @inside() {{ ret i32 1 }}
define {f} @resolve() {{ ret {f} @run }}
define hidden fastcc zeroext i1 @"a b"() #0 {{ ret i1 0 }}
declare void @declared()
attributes #0 = {{ "x"="define i1 @f(" }}
"""
OPAQUE = dict.fromkeys("fpvir", "ptr")
TYPED = {"f": "void ()*", "p": "i8*", "v": "void (i32, ...)*", "i": "i32*", "r": "void ()* ()*"}
SQUARE = "define i32 @square(i32 %x) { %y = mul i32 %x, %x ret i32 %y }"


@pytest.fixture(scope="module")
def llvm() -> Any:
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    import llvmlite.binding

    return llvmlite.binding


@pytest.fixture
def everything(llvm: Any) -> IRModule:
    return IRModule(POINTERS.format(**(OPAQUE if llvm.llvm_version_info[0] > 14 else TYPED)))


def test_symbols(everything: IRModule) -> None:
    found = {name: (one.binding, one.hidden, one.callable) for name, one in everything.symbols.items()}
    assert found == {
        "byte": ("strong", False, False),
        "common": ("common", False, False),
        'od"d = alias (': ("strong", False, False),
        "raw": ("weak", True, False),
        "ü": ("strong", False, False),
        "thread": ("strong", False, False),
        "alias": ("weak", False, True),
        "several": ("strong", False, True),
        "other": ("strong", True, False),
        "number": ("strong", False, False),
        "pointer": ("strong", False, False),
        "indirect": ("strong", False, True),
        "run": ("strong", False, True),
        "variadic": ("strong", False, True),
        "once": ("weak", False, True),
        "resolve": ("strong", False, True),
        "a b": ("strong", True, True),
    }


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_the_object_defines_what_was_promised(everything: IRModule, level: int, tmp_path: Path) -> None:
    path = tmp_path / "unit.o"
    path.write_bytes(everything.compile(level=level))
    command = [require_tool("nm"), "--defined-only", "--extern-only", "--format=posix", str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kinds = {"W": "weak", "V": "weak", "C": "common"}
    found: dict[str, str] = {}
    for line in listed.splitlines():
        name, kind = line.rsplit(maxsplit=3)[:2] if line.count(" ") > 3 else line.split()[:2]
        found[name] = kinds.get(kind, "strong")
    assert found == {name: one.binding for name, one in everything.symbols.items()}


@pytest.mark.parametrize("isolate", [False, True])
def test_code_runs(everything: IRModule, isolate: bool) -> None:
    assert everything.has_initialisers
    assert not IRModule(SQUARE).has_initialisers
    with uruk.LLJIT() as jit:
        jit.add_object(everything.compile(isolate=isolate, cache=False), everything.name)
        assert jit.lookup("once").function("int()")() == 1
        number = ctypes.c_int.from_address(jit.lookup("number").address)
        assert number.value == 8  # the constructor has run


def forms(llvm: Any) -> dict[str, Any]:
    from llvmlite import ir

    integer = ir.IntType(32)
    made = ir.Module("made")
    function = ir.Function(made, ir.FunctionType(integer, [integer]), "square")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(builder.mul(function.args[0], function.args[0]))
    parsed = llvm.parse_assembly(SQUARE)
    return {"text": SQUARE, "bitcode": parsed.as_bitcode(), "parsed": parsed, "made": made}


@pytest.mark.parametrize("form", ["text", "bitcode", "parsed", "made"])
def test_forms(llvm: Any, form: str) -> None:
    module = IRModule(forms(llvm)[form], "square.ll")
    assert list(module.symbols) == ["square"]
    with uruk.LLJIT() as jit:
        jit.add_object(module.compile(), module.name)
        assert jit.lookup("square").function("int(int)")(12) == 144


def test_a_module_is_taken_as_it_is_now(llvm: Any) -> None:
    parsed = llvm.parse_assembly(SQUARE)
    module = IRModule(parsed)
    parsed.get_function("square").name = "renamed"
    assert list(module.symbols) == ["square"]
    assert b"renamed" not in module.compile()
    assert module.compile(cache=False) == module.compile(cache=False)


WRONG = {
    "types": ("define void @f() { ret i32 1 }", "is not a valid module\n"),
    "syntax": ("what", "expected top-level entity"),
    "verifier": ("define i32 @f() { %a = add i32 %b, 1\n %b = add i32 %a, 1\n ret i32 %a }", "is not a valid module\n"),
    "no bitcode": (b"what is this", "doesn't start with bitcode header"),
    "cut bitcode": (b"BC\xc0\xde5\x14\0\0", "is not a valid module\n"),
    "nothing": (b"", "is not a valid module\n"),
    "not UTF-8": ("; \udcff", "is neither bitcode nor a text: line 1 is not in UTF-8"),
    "deep types": (
        f'@t = global [9 x i8] c"]]]]]]]]]"\n@x = global {"{" * 100_000}',
        "nested more than 5000 deep, in line 2",
    ),
    "deep constants": (f"@x = global i64 {'add (i64 1, i64 ' * 20_000}", "nested more than 5000 deep, in line 1"),
}


@pytest.mark.usefixtures("llvm")
@pytest.mark.parametrize(("source", "words"), WRONG.values(), ids=WRONG)
def test_no_module(source: str | bytes, words: str) -> None:
    with pytest.raises(uruk.CompileError) as caught:
        IRModule(source, "wrong.ll")
    assert str(caught.value).startswith("wrong.ll: LLVM: ")
    assert words in str(caught.value)
    assert IRModule(SQUARE).symbols


@pytest.mark.usefixtures("llvm")
def test_what_is_not_nested_too_deeply() -> None:
    """Brackets of texts and of comments count for nothing, and LLVM reads as many as are let through."""
    text = f'; {"(" * 9_000}\n@t = global [9000 x i8] c"{"[" * 9_000}"\n'
    constant = f"@y = global i64 {'add (i64 1, i64 ' * 4_999}0{')' * 4_999}\n"
    types = f"@x = global {'[1 x ' * 4_999}i8{']' * 4_999} zeroinitializer"
    assert set(IRModule(text + constant + types).symbols) == {"t", "x", "y"}


FATAL = {
    "inline assembly": 'define void @f() { call void asm sideeffect "bogus insn", ""() ret void }',
    "module assembly": 'module asm "bogus insn"',
}


@pytest.mark.usefixtures("llvm")
@pytest.mark.parametrize("text", FATAL.values(), ids=FATAL)
def test_what_llvm_ends_its_process_for_is_an_error(text: str) -> None:
    module = IRModule(text, "fatal.ll")
    with pytest.raises(uruk.CompileError, match=r"fatal\.ll: LLVM: LLVM gave up on this module\n.*\'bogus\'") as caught:
        module.compile()
    assert "invalid instruction mnemonic" in caught.value.diagnostics
    assert IRModule(SQUARE).compile()


def test_another_machine(llvm: Any) -> None:
    module = IRModule('target triple = "riscv64-unknown-linux"\n' + SQUARE, "riscv.ll")
    with pytest.raises(uruk.CompileError, match="riscv"):
        module.compile()
    with pytest.raises(uruk.InvalidValue, match=r"level is 0, 1, 2 or 3, .* and not 4"):
        IRModule(SQUARE).compile(level=4)


@pytest.mark.usefixtures("llvm")
def test_time_runs_out() -> None:
    with pytest.raises(uruk.CompileError, match="not done within"):
        IRModule(SQUARE).compile(timeout=0.001, cache=False)


VECTORS = """
define void @f({p} %a) {{
  %x = load <8 x i64>, {p} %a
  %y = mul <8 x i64> %x, %x
  store <8 x i64> %y, {p} %a
  ret void
}}
"""


def test_each_option_decides_about_the_cache(llvm: Any) -> None:
    """Text, level, processor and features: what was stored under one is not given for another."""
    text = VECTORS.format(p="ptr" if llvm.llvm_version_info[0] > 14 else "<8 x i64>*")
    variants: list[tuple[str, dict[str, Any]]] = [
        (text, {}),
        (text.replace("mul", "sub"), {}),
        (text, {"level": 0}),
        (text, {"cpu": "x86-64"}),
        (text, {"cpu": "x86-64", "features": "+avx2"}),
        (text, {"cpu": "x86-64", "features": "+avx512f,+avx512dq"}),
    ]
    plain = [IRModule(one).compile(**options, cache=False) for one, options in variants]
    assert len(set(plain[3:])) == 3
    for _ in range(2):
        assert [IRModule(one).compile(**options) for one, options in variants] == plain
    cache = cache_from_environment()
    assert cache is not None
    assert len([path for path in (cache.folder / "objects").glob("*/*") if path.is_file()]) == len(variants)


def test_assembly_that_takes_files_is_not_cached(llvm: Any, tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        (tmp_path / "here" / "data").write_bytes(data)
        assert data in IRModule('module asm ".incbin \\22data\\22"').compile()


def test_threads(llvm: Any) -> None:
    results: list[bytes] = []
    module = IRModule(SQUARE)
    threads = [threading.Thread(target=lambda: results.append(module.compile(cache=False))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1


def test_without_llvmlite() -> None:
    """In an interpreter whose import of it fails, as where it is not installed."""
    source = str(Path(uruk.__file__).parents[1])
    without = f"import sys; sys.path.append({source!r}); sys.modules['llvmlite'] = None"
    text = f"{without}\nfrom uruk.compile.ir import IRModule\nIRModule('')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "CompileError: <IR>: LLVM: LLVM IR needs llvmlite" in done.stderr
    assert "pip install 'uruk[ir]'" in done.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cpu": "nonsense"}, "'nonsense' is not a recognized processor"),
        ({"features": "+nonsense"}, "'\\+nonsense' is not a recognized feature"),
        ({"features": "avx2"}, "features are names with \\+ or - before each, .* and not 'avx2'"),
    ],
)
@pytest.mark.usefixtures("llvm")
def test_options_of_which_llvm_knows_nothing(options: dict[str, Any], text: str) -> None:
    """LLVM itself ignores some, and ends its process for others."""
    with uruk.LLJIT() as jit:
        with pytest.raises(uruk.InvalidValue, match=text):
            jit.add_ir("define i32 @f() { ret i32 3 }", **options)
        jit.add_ir("define i32 @f() { ret i32 3 }", cpu="x86-64-v2" if os.uname().machine == "x86_64" else "generic")
        assert jit.f() == 3
