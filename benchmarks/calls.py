"""Typed calls of functions that do next to nothing, against built-in functions of the same arity."""

from __future__ import annotations

import math
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.inputs import compile_c
from benchmarks.measure import interleaved, ratio, say
from benchmarks.report import Report, Row
from uruk.lljit import LLJIT

CALLS = 20_000
BUDGET, LEAF = 2.5, 1.3
SOURCE = """
#include <stddef.h>
int add(int a, int b) { return a + b; }
double half(double x) { return x / 2; }
void take(void *p, size_t size) { }
"""
# The baseline that takes a buffer: an extension module's function, METH_FASTCALL as Python's own are. And the floor of
# calls that give up the interpreter's lock: functions of a module that do this, and the least else.
MODULE = """
#include <Python.h>
static PyObject *add(PyObject *self, PyObject *const *values, Py_ssize_t count) {
    long a = PyLong_AsLong(values[0]), b = PyLong_AsLong(values[1]);
    Py_BEGIN_ALLOW_THREADS
    a += b;
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(a);
}
static PyObject *half(PyObject *self, PyObject *value) {
    double number = PyFloat_AsDouble(value);
    Py_BEGIN_ALLOW_THREADS
    number /= 2;
    Py_END_ALLOW_THREADS
    return PyFloat_FromDouble(number);
}
static PyObject *take_released(PyObject *self, PyObject *const *values, Py_ssize_t count) {
    Py_buffer buffer;
    size_t size = PyLong_AsSize_t(values[1]);
    if (size == (size_t)-1 || PyObject_GetBuffer(values[0], &buffer, PyBUF_WRITABLE)) return 0;
    Py_BEGIN_ALLOW_THREADS
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&buffer);
    Py_RETURN_NONE;
}
static PyObject *take(PyObject *self, PyObject *const *values, Py_ssize_t count) {
    Py_buffer buffer;
    if (count != 2) { PyErr_SetString(PyExc_TypeError, "take() takes 2 arguments"); return 0; }
    size_t size = PyLong_AsSize_t(values[1]);
    if (size == (size_t)-1 && PyErr_Occurred()) return 0;
    if (PyObject_GetBuffer(values[0], &buffer, PyBUF_WRITABLE)) return 0;
    PyBuffer_Release(&buffer);
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {
    {"take", (PyCFunction)(void *)take, METH_FASTCALL, ""}, {"add", (PyCFunction)(void *)add, METH_FASTCALL, ""},
    {"half", half, METH_O, ""}, {"take_released", (PyCFunction)(void *)take_released, METH_FASTCALL, ""}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "taking", 0, 0, methods};
PyMODINIT_FUNC PyInit_taking(void) { return PyModuleDef_Init(&definition); }
"""


def measure(folder: Path, runs: int, report: Report) -> None:
    """Call each function `CALLS` times a run, in turns; the interpreter's lock given up, and held."""
    say(f"calls: {CALLS:,} of each function, {runs} runs each")
    source = folder / "taking.c"
    source.write_text(MODULE)
    jit = LLJIT()
    module = jit.import_module("taking", [source])
    jit.add_object(compile_c(SOURCE, folder / "called.o"))
    buffer = bytearray(64)
    cases: list[tuple[str, str, Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = [
        ("add", "int(int, int)", math.gcd, module.add, (12, 18)),
        ("half", "double(double)", math.sqrt, module.half, (2.0,)),
        ("take", "void(void *, size_t)", module.take, module.take_released, (buffer, 64)),
    ]
    for name, prototype, built_in, floor, arguments in cases:
        symbol = jit.lookup(name)
        times = interleaved(
            {
                "built in": _loop(built_in, arguments),
                "floor": _loop(floor, arguments),
                "call": _loop(symbol.function(prototype), arguments),
                "leaf": _loop(symbol.function(prototype, hold_gil=True), arguments),
            },
            runs,
        )
        report.rows.append(Row(f"a call of {prototype}", ratio(times["call"], times["built in"]), BUDGET))
        report.rows.append(Row("a module's function that gives up the lock", ratio(times["floor"], times["built in"])))
        report.rows.append(Row("the same with hold_gil=True", ratio(times["leaf"], times["built in"]), LEAF))


def _loop(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[[], float]:
    names = [f"argument{number}" for number in range(len(arguments))]
    timer = timeit.Timer(
        f"function({', '.join(names)})", globals={"function": function, **dict(zip(names, arguments, strict=True))}
    )
    return lambda: timer.timeit(CALLS)
