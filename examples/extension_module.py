"""An extension module of Python, imported from its source: no setup.py, no shared library."""

from __future__ import annotations

import tempfile
from pathlib import Path

import uruk

SOURCE = """
#include <Python.h>

static PyObject *count(PyObject *self, PyObject *arguments)
{
    const char *text;
    char letter;
    if (!PyArg_ParseTuple(arguments, "sc", &text, &letter))
        return 0;
    long found = 0;
    for (; *text; text++)
        found += *text == letter;
    return PyLong_FromLong(found);
}

static PyMethodDef methods[] = {{"count", count, METH_VARARGS, "Count a letter in a text."}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "letters", 0, 0, methods};
PyMODINIT_FUNC PyInit_letters(void) { return PyModuleDef_Init(&module); }
"""

with tempfile.TemporaryDirectory() as folder:
    source = Path(folder) / "letters.c"
    source.write_text(SOURCE)
    letters = uruk.LLJIT().import_module("letters", [source])
    print(letters.count("banana", b"a"), letters.count.__doc__)
