"""LLVM IR whose code is replaced while it runs: variables that stay, types of the new code, callers without copies."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import uruk
from uruk.compile.ir import IRModule

from support.requirements import missing

pytestmark = pytest.mark.usefixtures("llvm")

TEXT = """
{more}
@calls = global i32 0
@hidden = internal global i64 5
@private = private global i32 70
@many = global [1000000 x i64] zeroinitializer
@table = constant [2 x ptr] [ptr @rate, ptr @twice]
@text = private unnamed_addr constant [4 x i8] c"abc\\00"
define internal i64 @helper() noinline {{
  %a = load i64, ptr @hidden
  %b = add i64 %a, 1
  store i64 %b, ptr @hidden
  ret i64 %b
}}
define dso_local i32 @rate(i32 %x) {{
  %a = load i32, ptr @calls
  %b = add i32 %a, 1
  store i32 %b, ptr @calls
  %y = mul i32 %x, {factor}
  ret i32 %y
}}
define i32 @twice(i32 %x) {{
  %y = call i32 @rate(i32 %x)
  ret i32 %y
}}
define i64 @sum() {{
  %a = call i64 @helper()
  %b = load i32, ptr @private
  %c = add i32 %b, 1
  store i32 %c, ptr @private
  %d = sext i32 %c to i64
  %e = add i64 %a, %d
  store i64 %e, ptr @many
  ret i64 %e
}}
define ptr @greeting(i32 %".1") {{ ret ptr @text }}
"""
NEW = "@before = internal global [3 x i64] [i64 1, i64 2, i64 3]\ndefine ptr @more() {{ ret ptr @before }}"
DOUBLE = "define double @rate(double %x) {{ %y = fadd double %x, 0.5 ret double %y }}"


@pytest.fixture
def llvm() -> None:
    if find_spec("llvmlite") is None:
        missing("llvmlite")


def text(factor: int, more: str = "") -> str:
    return TEXT.format(factor=factor, more=more.format())


@pytest.mark.parametrize("in_child", [False, True])
def test_code_of_llvm_ir_is_replaced(in_child: bool, tmp_path: Path) -> None:
    """By every form of a module, and by an object; variables stay, static and private ones, wherever they lie now."""
    with uruk.LLJIT(executor=uruk.spawn() if in_child else None) as jit:
        code = jit.add_ir(text(2), "rates", replaceable=True)
        rate = jit.lookup("rate").function("int(int)")
        assert (rate(10), jit.twice(10), jit.sum()) == (20, 20, 6 + 71)
        code.replace(text=text(3, NEW))
        assert (rate(10), jit.twice(10), jit.sum(), jit.calls) == (30, 30, 7 + 72, 4)
        assert jit.lookup("more").address
        file = tmp_path / "rates.ll"
        file.write_text(text(4))
        forms = [file, IRModule(text(5)).bitcode, IRModule(text(6)), IRModule(text(7)).compile(replaceable=True)]
        for factor, form in enumerate(forms, 4):
            code.replace(form)  # pyright: ignore[reportArgumentType] of which one is uruk's own
            assert rate(10) == 10 * factor
        assert (jit.lookup("sum").function("long long(void)")(), jit.read(jit.lookup("calls"), 4)) == (
            8 + 73,
            (8).to_bytes(4, "little"),
        )


def test_types_are_those_of_the_new_code() -> None:
    """An object's functions have none; one function that is replaced has its own, and the others keep theirs."""
    with uruk.LLJIT() as jit:
        code = jit.add_ir(text(2), replaceable=True)
        assert jit.greeting.__doc__.startswith("void *greeting(int32_t)\n")
        jit.replace("rate", text=DOUBLE.format())
        assert (jit.rate(1.0), jit.sum()) == (1.5, 77)
        with pytest.raises(uruk.StaticsDiffer, match=r"`calls' has 8 bytes, and had 4"):
            code.replace(text=text(3).replace("@calls = global i32", "@calls = global i64"))
        assert jit.rate(1.0) == 1.5
        code.replace(IRModule(text(3)).compile(replaceable=True))
        with pytest.raises(uruk.InvalidType, match="no debug information"):
            jit.rate(1)
        other = jit.add_ir("define i32 @own() { ret i32 1 }", replaceable=True)
        jit.replace_together(
            {code: IRModule(text(4)).bitcode, other: IRModule("define i8 @own() { ret i8 2 }").bitcode}
        )
        assert (jit.rate(1), jit.own.__doc__.splitlines()[0]) == (4, "int8_t own(void)")


def test_what_cannot_replace_it() -> None:
    with uruk.LLJIT() as jit:
        with pytest.raises(uruk.InvalidValue, match="rates: replaceable code is generated when it is added"):
            jit.add_ir(text(2), "rates", replaceable=True, lazy=True)
        code = jit.add_source(text=text(2), language="llvm-ir", name="rates", replaceable=True)
        with pytest.raises(uruk.InvalidValue, match=r"rates\.c: rates was added as LLVM IR: compile the source"):
            code.replace("rates.c")
        with pytest.raises(uruk.CompileError, match="is not a valid module"):
            code.replace(text="define i32 @f(")
        assert jit.rate(2) == 4
        code.replace(text=text(3))
        assert jit.rate(2) == 6


def test_every_form_of_a_global_value_has_its_section() -> None:
    """LLVM reads the texts that name sections: odd names, attributes, groups, and sections of the module's own."""
    more = """
        %"x y" = type {{ i32, ptr }}
        $group = comdat any
        @"od\\22d, section \\22" = constant [4 x i8] c"a, \\22"
        @local = thread_local global i32 7
        @common = common global i32 0
        @0 = private unnamed_addr constant [2 x i8] c"x\\00"
        @own = global %"x y" {{ i32 0, ptr @table }}, section "mine", align 8
        @aligned = global i32 4, align 64 #1
        @group = linkonce_odr global i32 5, comdat
        @llvm.used = appending global [1 x ptr] [ptr @private], section "llvm.metadata"
        @alias = alias i32 (i32), ptr @rate
        define i32 @"q )(" (ptr byval(%"x y") align 8 %a) unnamed_addr #0 align 32 personality ptr @rate {{ ret i32 9 }}
        define linkonce_odr i32 @grouped() section "code" comdat($group) {{ ret i32 1 }}
        attributes #0 = {{ "x"="define i32 @f(" nounwind }}
        attributes #1 = {{ "y"="@z = global" }}
    """
    data = IRModule(text(2, more)).compile(replaceable=True, cache=False)
    for section in (b".text.q )(", b'.rodata.od"d, section "', b"mine", b"code", b".data.aligned", b".bss.many"):
        assert section + b"\0" in data
    assert len(data) < 100_000
    with uruk.LLJIT() as jit:
        jit.add_object(data, replaceable=True)
        assert jit.lookup("q )(").function("int(void)")() == 9


def test_variables_keep_their_values_and_names() -> None:
    """A variable that is zeros in a part only is no zero-fill, and a name may have any words in it."""
    more = """
        @mixed = global {{ [4 x i8], i32 }} {{ [4 x i8] zeroinitializer, i32 5 }}
        @"a private b" = private global i32 7
        define i32 @both() {{
          %a = getelementptr {{ [4 x i8], i32 }}, ptr @mixed, i32 0, i32 1
          %x = load volatile i32, ptr %a
          %y = load volatile i32, ptr @"a private b"
          %z = add i32 %x, %y
          ret i32 %z
        }}
    """
    with uruk.LLJIT() as jit:
        jit.add_ir(text(2, more), replaceable=True, cache=False)
        assert jit.lookup("both").function("int(void)")() == 12
