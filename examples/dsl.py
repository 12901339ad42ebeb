"""A small language: formulas become machine code by llvmlite, and are called from Python. `pip install 'uruk[ir]'`"""

from __future__ import annotations

import ast
import sys

from llvmlite import ir

import uruk


def compile_formula(name: str, formula: str, variables: list[str]) -> str:
    """Return LLVM IR of a function of doubles."""
    double = ir.DoubleType()
    module = ir.Module(name)
    function = ir.Function(module, ir.FunctionType(double, [double] * len(variables)), name)
    builder = ir.IRBuilder(function.append_basic_block())
    values = dict(zip(variables, function.args, strict=True))
    make = {ast.Add: builder.fadd, ast.Sub: builder.fsub, ast.Mult: builder.fmul, ast.Div: builder.fdiv}

    def emit(node: ast.expr) -> ir.Value:
        if isinstance(node, ast.BinOp):
            return make[type(node.op)](emit(node.left), emit(node.right))
        return values[node.id] if isinstance(node, ast.Name) else ir.Constant(double, ast.literal_eval(node))

    builder.ret(emit(ast.parse(formula, mode="eval").body))
    return str(module)


with uruk.LLJIT(executor=uruk.spawn() if "child" in sys.argv else None) as jit:
    jit.add_ir(compile_formula("area", "a * b / 2", ["a", "b"]))
    jit.add_ir(compile_formula("line", "3 * x + 1", ["x"]))
    print(jit.area(3, 4), jit.line(2))  # LLVM IR says which types they have
