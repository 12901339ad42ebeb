"""Functions of LLVM IR, called without prototypes: modules of clang's and by hand, in this process and in a child."""

from __future__ import annotations

import inspect
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uruk
from uruk.debug_info.ir_types import signature_of_ir
from uruk.debug_info.signatures import Refused
from uruk.errors import CompileError, InputNotFound

from support.compiling import Compile
from support.requirements import missing, require_tool

pytestmark = pytest.mark.any_interpreter

GOOD = """
define i32 @f(i32 %x, double %y) { %z = fptosi double %y to i32 %r = add i32 %x, %z ret i32 %r }
define i1 @bit(i32 %x) { %r = trunc i32 %x to i1 ret i1 %r }
define zeroext i1 @whole(i32 %x) { %r = trunc i32 %x to i1 ret i1 %r }
define i8 @low(i32 %x) { %r = trunc i32 %x to i8 ret i8 %r }
define zeroext i8 @unsigned(i32 %x) { %r = trunc i32 %x to i8 ret i8 %r }
define signext i16 @middle(i32 %x) { %r = trunc i32 %x to i16 ret i16 %r }
define i64 @wide(i64 %x) { %r = add i64 %x, 1 ret i64 %r }
define float @half_of(float %x) { %r = fmul float %x, 5.000000e-01 ret float %r }
define i32 @inverted(i1 %x) { %n = xor i1 %x, true %r = zext i1 %n to i32 ret i32 %r }
define i8 @first(ptr nocapture noundef nonnull align 1 dereferenceable(1) %"a b") { %r = load i8, ptr %"a b" ret i8 %r }
define void @nothing() { ret void }
define ccc i32 @"odd name"(i32 noundef signext %int, i32) #0 { ret i32 %int }
@other = alias i32 (i32, double), ptr @f
@another = alias i32 (i32, double), ptr @other
attributes #0 = { "x"="fastcc (i128" }
"""
REFUSED = {
    "{i32, i32} @g()": "it returns what is not passed: { i32, i32 } is a structure or an array",
    "void @g([2 x i32] %v)": "its parameter `%v' is not passed: [2 x i32] is a structure or an array",
    "void @g(%pair %v)": "its parameter `%v' is not passed: %pair",
    "void @g(<4 x i32> %v)": "its parameter `%v' is not passed: <4 x i32> is a vector",
    "<2 x double> @g()": "it returns what is not passed: <2 x double> is a vector",
    "i128 @g()": "it returns what is not passed: i128 is an integer",
    "void @g(i7 %v)": "its parameter `%v' is not passed: i7 is an integer",
    "half @g()": "half is a type that C has no name for, or that cffi does not pass",
    "void @g(fp128 %v)": "fp128 is a type that C has no name for, or that cffi does not pass",
    "void @g(ptr byval([3 x i64]) %v)": "its parameter `%v' is not passed: a structure is passed in memory (byval)",
    "void @g(ptr sret(%pair) align 4)": "its parameter `%0' is not passed: the caller gives the place of a structure",
    "void @g(ptr nest %v)": "it has a register of its own (nest)",
    "inreg i32 @g()": "its result is not passed: it has a register of its own (inreg)",
    "void @g(i32 %n, ...)": "it takes variable arguments",
    "fastcc i32 @g()": "it has another calling convention than C's (fastcc)",
    "win64cc void @g()": "it has another calling convention than C's (win64cc)",
    "ptr addrspace(1) @g()": "it is a pointer of another address space",
    "void @g(ptr addrspace(3) %v)": "it is a pointer of another address space",
}
OLD = {  # LLVM up to 14 says what pointers point to
    ("i32* ", "i8* nocapture %p, void (i32, i8*)* %f)"): "void *g(void *p, void *f)",
    ("dso_local void (i32)* ", '%"a b"** %0, [2 x i8]* byval_ %q) #1 {'): "void *g(void *, void *q)",
}


@pytest.fixture(scope="module", autouse=True)
def llvm() -> int:
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    import llvmlite.binding

    return int(llvmlite.binding.llvm_version_info[0])


def needs_opaque_pointers(version: int) -> None:
    if version < 15:
        missing("an llvmlite whose LLVM has opaque pointers")


def call_all(jit: Any) -> None:
    """Call every function of `GOOD`; the results are those of the text."""
    assert (jit.f(3, 4.5), jit.other(1, 2.0), jit.another(5, 1)) == (7, 3, 6)
    bits = [jit.bit(2), jit.bit(3), jit.whole(6), jit.whole(7)]
    assert bits == [False, True, False, True]
    assert all(isinstance(bit, bool) for bit in bits)
    assert (jit.low(0x1FF), jit.unsigned(0x1FF), jit.middle(0x18000)) == (-1, 255, -0x8000)
    assert (jit.wide(1 << 62), jit.half_of(3), jit.nothing()) == ((1 << 62) + 1, 1.5, None)
    assert (jit.inverted(True), jit.inverted(False)) == (0, 1)
    assert jit.first(np.array([7, 8], np.int8)) == 7
    assert jit.lookup("odd name")(9, 1) == 9


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("where", ["here", "child"])
def test_calls(llvm: int, where: str, lazy: bool) -> None:
    needs_opaque_pointers(llvm)
    with uruk.LLJIT(executor=uruk.spawn() if where == "child" else None) as jit:
        jit.add_ir(GOOD, lazy=lazy)
        call_all(jit)


def test_signatures_are_shown_and_checked(llvm: int, jit: uruk.LLJIT) -> None:
    needs_opaque_pointers(llvm)
    first = jit.add_ir(GOOD)
    first.transfer_to(jit.main.create_tracker("another"))
    assert jit.f.__doc__.startswith("int32_t f(int32_t x, double y)\n")
    assert jit.f.__doc__.endswith(", by LLVM IR.")
    assert str(inspect.signature(jit.lookup("odd name"))) == "(int: 'int32_t', argument_1: 'int32_t', /) -> 'int32_t'"
    assert jit.bit.__doc__.startswith("_Bool bit(int32_t x)")
    with pytest.raises(TypeError):
        jit.f(1)
    with pytest.raises(OverflowError):
        jit.f(1 << 31, 1.0)


@pytest.mark.parametrize("head", REFUSED)
def test_refusals(llvm: int, jit: uruk.LLJIT, head: str) -> None:
    needs_opaque_pointers(llvm)
    jit.add_ir(f"%pair = type {{ i32, i32 }}\ndefine {head} {{ unreachable }}")
    advice = '; give it one, as by .function("int(int)")'
    with pytest.raises(
        Refused, match=f"`g' has no type from LLVM IR: .*{re.escape(REFUSED[head])}.*{re.escape(advice)}"
    ):
        jit.g()


@pytest.mark.parametrize("definition", OLD)
def test_typed_pointers(definition: tuple[str, str]) -> None:
    assert str(signature_of_ir("g", definition)) == OLD[definition]


SOURCE = """
typedef struct { long a[4]; } big;
short f(unsigned char a, double b) { return a + b; }
unsigned g(unsigned short a, signed char b) { return a * 2u + b; }
_Bool negated(_Bool x) { return !x; }
big copied(big x) { return x; }
static int hidden(void) { return 1; }
int (*use)(void) = hidden;
"""


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("suffix", [".ll", ".bc"])
def test_files_of_clang(llvm: int, tmp_path: Path, jit: uruk.LLJIT, suffix: str, debug: bool) -> None:
    """With -g the types are those of debug information: structures are passed, too."""
    clang = require_tool("clang-19")
    if llvm < 19:
        missing("an llvmlite that reads what clang 19 writes")
    source, path = tmp_path / "c.c", tmp_path / f"c{suffix}"
    source.write_text(SOURCE)
    form = ["-S"] if suffix == ".ll" else ["-c"]
    subprocess.run([clang, "-O1", *["-g"] * debug, "-emit-llvm", *form, source, "-o", path], check=True)
    jit.add_source(path, flags=["-O1"])
    assert (jit.f(3, 4.5), jit.g(50000, -1), jit.negated(True)) == (7, 99999, False)
    if debug:
        assert jit.copied({"a": [1, 2, 3, 4]}).a[3] == 4
        assert "by debug information" in jit.f.__doc__
    else:
        with pytest.raises(Refused, match="sret"):
            jit.copied({"a": [1, 2, 3, 4]})
        kind = "struct { long a[4]; }"
        assert jit.lookup("copied").function(f"{kind}({kind})")({"a": [1, 2, 3, 4]}).a[3] == 4


def test_texts_and_errors_of_sources(tmp_path: Path, jit: uruk.LLJIT) -> None:
    jit.add_source(text="define i32 @sq(i32 %x) { %y = mul i32 %x, %x ret i32 %y }", language="llvm-ir", lazy=True)
    assert jit.sq(5) == 25
    assert "<LLVM IR text 1>" in jit.session.dump()
    path = tmp_path / "m.ll"
    path.write_text("define i32 @one() { ret i32 1 }")
    with pytest.raises(uruk.InvalidValue, match=r"LLVM IR takes -O0, -O1, -O2, -O3 as flags, not -g"):
        jit.add_source(path, flags=["-O1", "-g"])
    with pytest.raises(uruk.InvalidValue, match="takes no compiler and no symbols"):
        jit.add_source(path, compiler="gcc")
    with pytest.raises(InputNotFound, match=r"absent\.ll: cannot be opened: No such file"):
        jit.add_source(tmp_path / "absent.ll")
    (tmp_path / "broken.bc").write_bytes(b"BC\xc0\xde" + bytes(40))
    with pytest.raises(CompileError, match="is not a valid module"):
        jit.add_source(tmp_path / "broken.bc")
    assert jit.add_source(path).name == str(path)
    assert jit.one() == 1


def test_a_lazy_source_has_types_once_it_is_compiled(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.add_source(text="int f(int x) { return x + 1; }", flags=["-g"], symbols=["f"], lazy=True)
    with pytest.raises(Refused, match="its object is made when it is first called, and tells no types before that"):
        jit.lookup("f").typed()
    assert jit.lookup("f").function("int(int)")(1) == 2
    assert jit.lookup("f").typed()(2) == 3


DESCRIBED = """
define double @half(double %x) #0 !dbg !2 {{ %y = fdiv double %x, 2.0 ret double %y }}
@count = global i32 7, !dbg !6
attributes #0 = {{ nounwind }}
!llvm.dbg.cu = !{{ !1 }}
!llvm.module.flags = !{{ !8 }}
!0 = !DIFile(filename: "a.dsl", directory: "/")
!1 = distinct !DICompileUnit(language: {language}, file: !0, emissionKind: {kind})
!2 = distinct !DISubprogram(name: "half", scope: !0, file: !0, type: !3, {flags} spFlags: DISPFlagDefinition, unit: !1)
!3 = !DISubroutineType(types: !4)
!4 = !{{ !5, !5 }}
!5 = !DIBasicType(name: "double", size: 64, encoding: DW_ATE_float)
!6 = !DIGlobalVariableExpression(var: !7, expr: !DIExpression())
!7 = distinct !DIGlobalVariable(name: "count", scope: !1, file: !0, type: !9, isDefinition: true)
!8 = !{{ i32 2, !"Debug Info Version", i32 3 }}
!9 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
"""


@pytest.mark.parametrize("language", ["DW_LANG_C99", "DW_LANG_Python"])
@pytest.mark.parametrize("flags", ["", "flags: DIFlagPrototyped,"])
@pytest.mark.parametrize("kind", ["FullDebug", "LineTablesOnly", "NoDebug"])
def test_debug_information_that_tells_no_parameters(jit: uruk.LLJIT, kind: str, flags: str, language: str) -> None:
    """As small compilers write it: parameters without variables are not in an object, and lines have no types."""
    jit.add_ir(DESCRIBED.format(kind=kind, flags=flags, language=language))
    assert jit.half(5.0) == 2.5
    assert jit.half.__doc__.startswith("double half(double")
    assert kind == "FullDebug" or jit.count == 7
    with pytest.raises(uruk.InvalidType):
        jit.half()
