#include <Python.h>

static int add_answer(PyObject *module) { return PyModule_AddIntConstant(module, "answer", 42); }

static int fail(PyObject *module) {
    if (!getenv("PHASES_FAIL")) return 0;
    PyErr_SetString(PyExc_RuntimeError, "the second phase fails");
    return -1;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_answer}, {Py_mod_exec, fail}, {0}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "phases", 0, 0, 0, slots};

PyMODINIT_FUNC PyInit_phases(void) { return PyModuleDef_Init(&definition); }
