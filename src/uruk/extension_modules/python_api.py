"""Python's C interface for extension modules: from the address of an init function to a module.

Sources: the C API manual of Python, "Module Objects" and "Extension modules"; PEP 489, "Multi-phase extension module
initialization".
"""

from __future__ import annotations

import ctypes
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_API_VERSION = 1013
"""PYTHON_API_VERSION, which Python's own loader gives; unchanged since Python 2.5."""


def _function(name: str, result: Any, *arguments: Any) -> Any:
    # A prototype of its own: attributes of `ctypes.pythonapi` are shared by everybody in the process.
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


def init_name(name: str) -> str:
    """Return the name of a module's init function: ``PyInit_NAME`` by its last part, or ``PyInitU_`` and punycode."""
    last = name.rpartition(".")[2]
    if last.isascii():
        return f"PyInit_{last}"
    return "PyInitU_" + last.encode("punycode").decode("ascii").replace("-", "_")


def call_init(address: int, name: str) -> tuple[Any, bool]:
    """Call an init function.

    Returns what it made, and whether that is the definition of a module whose initialization has further phases.
    Raises what the function raised, and SystemError where it failed without an exception.
    """
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p)(address)()
    if not pointer:
        raise SystemError(f"initialization of {name} failed without raising an exception")
    if not ctypes.c_void_p.from_address(pointer + object.__basicsize__ - ctypes.sizeof(ctypes.c_void_p)).value:
        # Without a type it is no object yet: touching it would end the interpreter.
        problem = "a definition without PyModuleDef_Init(), or another object that is not initialized"
        raise SystemError(f"{init_name(name)} returned {problem}")
    made = ctypes.cast(pointer, ctypes.py_object).value
    if type(made).__name__ == "moduledef":
        return made, True  # the reference is the definition's own, which is static
    _function("Py_DecRef", None, ctypes.py_object)(made)  # `made` holds one more than the function returned
    if not isinstance(made, ModuleType):
        raise SystemError(f"{init_name(name)} returned a {type(made).__name__}, and no module")
    return made, False


def module_of(definition: Any, spec: ModuleSpec) -> ModuleType:
    """Return a new module for a definition, in which nothing was executed yet."""
    make = _function("PyModule_FromDefAndSpec2", ctypes.py_object, ctypes.py_object, ctypes.py_object, ctypes.c_int)
    module: ModuleType = make(definition, spec, _API_VERSION)
    return module


def execute(module: object, definition: Any) -> None:
    """Run the later phases of a module's initialization, unless they ran. Raises what they raise.

    `module` may be an object of another type, which a definition has made (Py_mod_create).
    """
    if not isinstance(module, ModuleType):
        return
    if not _function("PyModule_GetState", ctypes.c_void_p, ctypes.py_object)(module):
        _function("PyModule_ExecDef", ctypes.c_int, ctypes.py_object, ctypes.py_object)(module, definition)


def register(module: ModuleType) -> None:
    """Let PyState_FindModule find a module that was initialized in a single phase, as Python's own loader does."""
    definition = _function("PyModule_GetDef", ctypes.c_void_p, ctypes.py_object)(module)
    if definition:
        _function("PyState_AddModule", ctypes.c_int, ctypes.py_object, ctypes.c_void_p)(module, definition)
