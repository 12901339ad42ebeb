"""Variables of LLVM IR as attributes, by the types that the module has, in this process and in a child."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

import uruk

from support.requirements import missing

MODULE = r"""
%pair = type { i32, double }
%"odd name" = type { i8, [2 x %pair], ptr }
@counter = global i32 7, align 4
@big = global i64 -5
@ratio = global float 2.5e-01
@flag = global i1 true
@table = global [2 x [3 x i32]] [[3 x i32] [i32 1, i32 2, i32 3], [3 x i32] [i32 4, i32 5, i32 6]]
@one = global %pair { i32 3, double 1.5 }
@many = dso_local local_unnamed_addr global [2 x %pair] zeroinitializer, align 16
@nest = weak global %"odd name" zeroinitializer
@limit = constant i16 9
@where = global ptr @counter
@literal = global { i8, i64 } { i8 1, i64 2 }
@text = constant [4 x i8] c"abc\00"
@vector = global <4 x i32> zeroinitializer
@packed = global <{ i8, i32 }> zeroinitializer
@wide = global i128 0
@own = thread_local global i32 1
define i32 @next() { %v = load i32, ptr @counter %n = add i32 %v, 1 store i32 %n, ptr @counter ret i32 %n }
define double @second() { %p = getelementptr %pair, ptr @many, i32 1, i32 1 %v = load double, ptr %p ret double %v }
define double @of_one() { %p = getelementptr %pair, ptr @one, i32 0, i32 1 %v = load double, ptr %p ret double %v }
"""


@pytest.fixture(autouse=True)
def llvm() -> None:
    if find_spec("llvmlite") is None:
        missing("llvmlite")
    import llvmlite.binding

    if llvmlite.binding.llvm_version_info[0] < 15:
        missing("an llvmlite whose LLVM has opaque pointers")


@pytest.mark.any_interpreter
@pytest.mark.parametrize("place", ["here", "child"])
@pytest.mark.parametrize("lazy", [False, True])
def test_variables_are_read_and_set(place: str, lazy: bool) -> None:
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        first = jit.add_ir(MODULE, lazy=lazy)
        first.transfer_to(jit.main.create_tracker("another"))
        assert (jit.counter, jit.big, jit.ratio, jit.flag, jit.limit) == (7, -5, 0.25, True, 9)
        jit.counter = 40
        assert (jit.lookup("next").function("int(void)")(), jit.counter) == (41, 41)
        assert jit.table.tolist() == [[1, 2, 3], [4, 5, 6]]
        assert (jit.one.field_0, jit.one.field_1, jit.literal.field_1, bytes(jit.text)) == (3, 1.5, 2, b"abc\0")
        jit.many[1].field_1 = 7.5
        jit.one.field_1 = 8.5
        assert (jit.lookup("second").function("double(void)")(), jit.of_one.function("double(void)")()) == (7.5, 8.5)
        jit.one = (4, 2.5)
        assert jit.of_one.function("double(void)")() == 2.5
        assert (len(jit.nest.field_1), jit.where) == (2, jit.lookup("counter").address)


def test_what_c_has_no_type_for_is_refused_with_the_reason(jit: uruk.LLJIT) -> None:
    jit.add_ir(MODULE)
    told = {"vector": "<4 x i32> is a vector", "packed": "is a structure", "wide": "i128 is an integer"}
    for name, reason in told.items():
        with pytest.raises(uruk.InvalidType, match=f"`{name}' is not read as a variable: .*{reason}.*jit.read"):
            setattr(jit, name, 0)
        assert getattr(jit, name).address  # its symbol, as for what has no type at all
    with pytest.raises(uruk.InvalidType, match="constant: int16_t limit"):
        jit.limit = 3
    with pytest.raises(OverflowError):
        jit.counter = 1 << 31


def test_modules_of_llvmlite_builder(jit: uruk.LLJIT) -> None:
    from llvmlite import ir

    module = ir.Module()
    number = ir.GlobalVariable(module, ir.IntType(32), "number")
    number.initializer = ir.Constant(ir.IntType(32), 5)
    builder = ir.IRBuilder(ir.Function(module, ir.FunctionType(ir.IntType(32), []), "get").append_basic_block())
    builder.ret(builder.load(number))
    jit.add_ir(module)
    jit.number = 6
    assert jit.get() == jit.number == 6
