"""Extension modules from objects and sources, each in an interpreter of its own, which must end with status 0."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from support.requirements import missing, require_tool

pytestmark = pytest.mark.any_interpreter

PROGRAMS = Path(__file__).parent / "programs"
INCLUDE = f"-I{sysconfig.get_path('include')}"

USES = {
    "shapes": "print(module.total([1, 2, 3]), module.Shape(2, 3).area())",
    "dogs": "print(module.Dog(3).years())",
    "counting": "counter = module.Counter(); counter.up(); print(counter.up())",
    "single": "print(module.name_of(), module.is_registered())",
    "phases": "print(module.answer, module.__spec__.name, module.__file__ == module.__spec__.origin)",
    "squares": "print(module.lib.square(7), module.ffi.sizeof('int'))",
}
PRINTS = {
    "shapes": "6 6.0",
    "dogs": "21",
    "counting": "2",
    "single": "single True",
    "phases": "42 phases True",
    "squares": "49 4",
}
FAILS = ("shapes", "dogs", "counting")
RUN = """
import sys, uruk
with uruk.LLJIT() as jit:
    module = jit.import_module({name!r}, {inputs!r})
{use}
if {fails!r}:
    try:
        module.fail()
    except RuntimeError as error:
        print(type(error).__name__, error)
assert sys.modules[{name!r}] is module
"""


def run(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python text in an interpreter of its own, in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
    )


def printed(text: str, folder: Path, **environment: str) -> str:
    """Return what a Python text prints; it must end well and without complaint."""
    done = run(text, folder, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def sources(name: str, folder: Path) -> list[str]:
    """The source of a module, as its tool wants it; cffi's is generated."""
    if name != "squares":
        return [str(next(PROGRAMS.glob(f"{name}.*")))]
    generate = (
        "import cffi; ffi = cffi.FFI(); ffi.cdef('int square(int);')\n"
        "ffi.set_source('squares', 'static int square(int x) { return x * x; }'); ffi.emit_c_code('squares.c')"
    )
    run(generate, folder)
    return [str(folder / "squares.c")]


def objects(name: str, folder: Path) -> list[str]:
    """The objects of a module, which its tools and a compiler have made without uruk."""
    source = Path(sources(name, folder)[0])
    output = folder / f"{name}.o"
    if source.suffix == ".pyx":
        subprocess.run([sys.executable, "-m", "cython", "-3", source, "-o", folder / "c.c"], check=True)
        source = folder / "c.c"
    if source.suffix == ".c":
        subprocess.run(["gcc", "-O1", "-fPIC", INCLUDE, "-c", source, "-o", output], check=True)
        return [str(output)]
    flags = ["-O0", "-fPIC", "-std=c++17", "-fvisibility=hidden", "-fno-strict-aliasing", INCLUDE]
    if name == "shapes":
        import pybind11

        subprocess.run(["g++", *flags, f"-I{pybind11.get_include()}", "-c", source, "-o", output], check=True)
        return [str(output)]
    import nanobind

    root = Path(nanobind.include_dir()).parent
    flags += [f"-I{root / 'include'}", f"-I{root / 'ext/robin_map/include'}"]
    library = folder / "library.o"
    for file, made in ((source, output), (root / "src/nb_combined.cpp", library)):
        subprocess.run(["g++", *flags, "-c", file, "-o", made], check=True)
    return [str(output), str(library)]


@pytest.mark.parametrize("kind", ["objects", "sources"])
@pytest.mark.parametrize("name", USES)
def test_a_module_is_imported(name: str, kind: str, tmp_path: Path) -> None:
    require_tool("g++")
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        missing("Python's headers")
    inputs = (objects if kind == "objects" else sources)(name, tmp_path)
    text = RUN.format(name=name, inputs=inputs, use=USES[name], fails=name in FAILS)
    failure = {"shapes": "no shape", "dogs": "no dog", "counting": "no count"}.get(name)
    expected = PRINTS[name] + (f"\nRuntimeError {failure}" if failure else "") + "\n"
    assert printed(text, tmp_path) == expected


def test_a_module_of_a_package_in_folders(tmp_path: Path) -> None:
    """A finder takes what has the init function, below packages of Python's as well; the name is the whole one."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "single.c").write_bytes((PROGRAMS / "single.c").read_bytes())
    (tmp_path / "phases.c").write_text("int not_an_extension_module;")
    text = f"""
import uruk, sys
finder = uruk.install_importer({str(tmp_path)!r})
import package.single
print(package.single.name_of(), package.single.__package__)
try:
    import phases
except ModuleNotFoundError as error:
    print(error)
finder.uninstall()
print(finder in sys.meta_path)
"""
    assert printed(text, tmp_path) == "package.single package\nNo module named 'phases'\nFalse\n"


def test_named_inputs_come_before_what_python_finds(tmp_path: Path) -> None:
    (tmp_path / "phases.py").write_text("answer = 'of Python'")
    text = f"""
import uruk
uruk.install_importer({{"phases": [{str(PROGRAMS / "phases.c")!r}]}})
import phases
print(phases.answer)
"""
    assert printed(text, tmp_path) == "42\n"


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    text = f"""
import sys, uruk
jit = uruk.LLJIT()
source = {str(PROGRAMS / "phases.c")!r}
sys.modules["phases"] = sys
for inputs in ([source], [{str(PROGRAMS / "nothing.c")!r}]):
    try:
        jit.import_module("phases" if inputs[0] == source else "nothing", inputs)
    except Exception as error:
        print(type(error).__name__, error)
print(sys.modules["phases"] is sys, "nothing" in sys.modules)
import os
del os.environ["PHASES_FAIL"]
uruk.LLJIT()
print(jit.import_module("phases", [source]).answer, sys.modules["phases"] is sys)
"""
    assert printed(text, tmp_path, PHASES_FAIL="1") == (
        "RuntimeError the second phase fails\n"
        "SystemError initialization of nothing failed without raising an exception\n"
        "True False\n42 False\n"
    )


def test_errors_name_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "lost.c").write_text("void *absent(void); void *PyInit_lost(void) { return absent(); }")
    text = """
import uruk
jit = uruk.LLJIT()
for name in ("lost", "other"):
    try:
        jit.import_module(name, ["lost.c"])
    except uruk.UndefinedSymbols as error:
        print(*(symbol.name for symbol in error.symbols))
uruk.install_importer({"lost": ["lost.c"]})
try:
    import lost
except ImportError as error:
    print(error.name, "absent" in str(error))
with uruk.LLJIT(executor=uruk.spawn()) as there:
    try:
        there.import_module("lost", ["lost.c"])
    except uruk.InvalidValue as error:
        print("extension modules are for this one" in str(error))
"""
    done = printed(text, tmp_path)
    assert done == "absent\nPyInit_other\nlost True\nTrue\n"


def test_wrong_inputs_and_modules_are_errors(tmp_path: Path) -> None:
    """An init function that returns its definition as it is ended the interpreter."""
    (tmp_path / "bare.c").write_text(
        '#include <Python.h>\nstatic struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "bare"};\n'
        "PyMODINIT_FUNC PyInit_bare(void) { return (PyObject *)&definition; }\n"
    )
    text = """
import sys, uruk
jit = uruk.LLJIT()
for call in (
    lambda: jit.import_module("bare", ["bare.c"]),
    lambda: jit.import_module(5, ["bare.c"]),
    lambda: jit.import_module("", ["bare.c"]),
    lambda: jit.import_module("bare", b"bytes"),
    lambda: uruk.install_importer(5),
    lambda: uruk.install_importer({"bare": 5}),
):
    try:
        call()
    except Exception as error:
        print(type(error).__name__, error)
print("bare" in sys.modules)
"""
    assert printed(text, tmp_path) == (
        "SystemError PyInit_bare returned a definition without PyModuleDef_Init(), "
        "or another object that is not initialized\n"
        "InvalidType 5 is not the name of a module, which is a str\n"
        "InvalidValue '' is not the name of a module: it has no last part\n"
        "InvalidType inputs is a list, and b'bytes' one thing: write inputs=[b'bytes']\n"
        "InvalidType 5 has neither folders nor inputs of modules by name\n"
        "InvalidType inputs is a list, and 5 is none\n"
        "False\n"
    )


def test_a_reload_leaves_a_module_as_it_is(tmp_path: Path) -> None:
    """As with shared libraries, whether a finder has found it or not, and whatever lies in Python's folders."""
    (tmp_path / "phases.py").write_text("answer = 'of Python'")
    text = f"""
import importlib, uruk
jit = uruk.LLJIT()
uruk.install_importer({{"single": [{str(PROGRAMS / "single.c")!r}]}})
import single
for module in (jit.import_module("phases", [{str(PROGRAMS / "phases.c")!r}]), single):
    module.added = 1
    print(importlib.reload(module) is module, module.added, module.__spec__ is not None)
print(importlib.import_module("phases").answer, single.is_registered())
"""
    assert printed(text, tmp_path) == "True 1 True\nTrue 1 True\n42 True\n"


def test_a_source_that_includes_numpy(tmp_path: Path) -> None:
    """numpy's headers are found as those of the interpreter are."""
    require_tool("gcc")
    (tmp_path / "arrays.c").write_text(
        "#include <Python.h>\n#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION\n#include <numpy/arrayobject.h>\n"
        "static PyObject *summed(PyObject *self, PyObject *array) {\n"
        "    double sum = 0, *items = PyArray_DATA((PyArrayObject *)array);\n"
        "    for (npy_intp at = 0; at < PyArray_SIZE((PyArrayObject *)array); at++) sum += items[at];\n"
        "    return PyFloat_FromDouble(sum);\n}\n"
        'static PyMethodDef methods[] = {{"summed", summed, METH_O, 0}, {0}};\n'
        'static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "arrays", 0, -1, methods};\n'
        "PyMODINIT_FUNC PyInit_arrays(void) { import_array(); return PyModule_Create(&module); }\n"
    )
    text = "import numpy, uruk; arrays = uruk.LLJIT().import_module('arrays', ['arrays.c'])\n"
    assert printed(f"{text}print(arrays.summed(numpy.arange(5.0)))", tmp_path) == "10.0\n"
