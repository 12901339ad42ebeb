#include <Python.h>

static PyObject *name_of(PyObject *self, PyObject *nothing) { return PyObject_GetAttrString(self, "__name__"); }

static PyObject *is_registered(PyObject *self, PyObject *nothing);

static PyMethodDef methods[] = {{"name_of", name_of, METH_NOARGS, ""}, {"is_registered", is_registered, METH_NOARGS, ""}, {0}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "single", 0, 16, methods};

static PyObject *is_registered(PyObject *self, PyObject *nothing) {
    return PyBool_FromLong(PyState_FindModule(&definition) == self);
}

PyMODINIT_FUNC PyInit_single(void) { return PyModule_Create(&definition); }
