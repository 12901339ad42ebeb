"""What users of the package meet: names, types, reprs, symbols as values, errors that are Python's own, too."""

from __future__ import annotations

import copy
import ctypes
import logging
import os
import pickle
import subprocess
import sys
import weakref
import zipfile
from pathlib import Path

import pytest

import uruk

from support.compiling import Compile

ROOT = Path(__file__).parents[2]
ADD = "int add(int a, int b) { return a + b; }"


def test_names_of_the_package() -> None:
    for name in uruk.__all__:
        assert getattr(uruk, name) is not None
    assert "LLJIT" in uruk.__all__
    assert uruk.__version__.count(".") == 2
    imported = {"annotations", "gc", "import_module", "sys", "Any"}
    public = {name for name in dir(uruk) if not name.startswith("_")} - imported
    modules = {name for name in public if f"uruk.{name}" in sys.modules and type(getattr(uruk, name)) is type(sys)}
    hooks = {"TYPE_CHECKING", "load_ipython_extension"}  # IPython calls the latter for `%load_ext uruk`
    assert public - modules - hooks == set(uruk.__all__) - {"__version__"}


SCRIPT = """
import uruk
with uruk.LLJIT() as jit:
    tracker = jit.add_object("a.o")
    symbol = jit.lookup("add")
    reveal_type(jit)
    reveal_type(symbol.address)
    reveal_type(tracker.remove().memory)
    reveal_type(uruk.spawn())
"""


def test_types_are_seen(tmp_path: Path) -> None:
    """A type checker of a user sees the types of an installed package, which says that it has some."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"uruk-{uruk.__version__}-")
    with zipfile.ZipFile(wheel) as archive:
        assert "uruk/py.typed" in archive.namelist()
        archive.extractall(tmp_path / "site")
    (tmp_path / "user.py").write_text(SCRIPT)
    (tmp_path / "pyrightconfig.json").write_text('{"extraPaths": ["site"], "include": ["user.py"]}')
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    for kind in ('"jit" is "LLJIT"', '"symbol.address" is "int"', 'memory" is "int"', 'spawn()" is "RemoteExecutor"'):
        assert kind in done.stdout, done.stdout


def test_a_symbol_is_a_value(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.add_object(cc(ADD, name="add"))
    jit.alias({"plus": "add"})
    symbol, other = jit.lookup("add"), jit.lookup(b"plus")
    assert symbol == other
    assert len({symbol, other}) == 1
    assert symbol != jit.lookup_all(["printf"])["printf"]
    assert symbol != symbol.address
    assert hex(symbol) == hex(symbol.address)
    assert other.name == "plus"
    with pytest.raises(TypeError, match=r"give it one"):
        symbol(1, 2)
    assert symbol.function("int(int, int)")(1, 2) == symbol(1, 2) == 3
    other.function(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int))
    assert other(2, 3) == 5
    assert list(jit.lookup_all([b"add", b"plus"])) == [b"add", b"plus"]
    jit.define("same", symbol)
    assert jit.lookup("same") == symbol
    symbol.function("int(void)")
    assert copy.copy(symbol) is symbol is copy.deepcopy([symbol])[0] is weakref.ref(symbol)()
    with pytest.raises(uruk.InvalidType, match="pass its name, and look it up"):
        pickle.dumps(symbol)


@pytest.mark.parametrize("place", ["here", "child"])
def test_reprs_say_what_they_are(place: str, cc: Compile) -> None:
    executor = uruk.spawn() if place == "child" else None
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(cc(ADD, name="add"))
        assert repr(jit.lookup("add")).startswith("<Symbol add at 0x")
        where = f"process {executor.child.pid}" if executor and executor.child else "this process"
        for value, kind in ((jit, "LLJIT"), (jit.session, "Session"), (jit.executor, "Executor")):
            assert kind in repr(value)
            assert where in repr(value)
            assert "closed" not in repr(value)
        assert "main" in repr(jit.main)
        assert repr(jit.callback("int(int)", abs)).startswith("<Callback abs of `int(int)' at 0x")
    assert "closed" in repr(jit)
    assert "closed" in repr(jit.session)


def test_errors_are_those_of_python_too(jit: uruk.LLJIT, cc: Compile, tmp_path: Path) -> None:
    jit.add_object(cc(ADD, name="add"))
    symbol = jit.lookup("add")
    missing = str(tmp_path / "missing.o")
    cases = [
        (FileNotFoundError, lambda: jit.add_object(missing)),
        (FileNotFoundError, lambda: jit.add_library("no_such_library")),
        (FileNotFoundError, lambda: jit.add_source(text="", language="c", compiler=str(tmp_path / "cc"))),
        (ValueError, lambda: symbol.function("int(")),
        (TypeError, lambda: symbol.function(7)),
        (TypeError, lambda: symbol.function(int)),
        (ValueError, lambda: jit.define("far", 1 << 64)),
        (ValueError, lambda: jit.create_dylib("main")),
        (ValueError, lambda: uruk.spawn(target="riscv64-linux")),
        (ValueError, lambda: uruk.ThreadPoolDispatcher(0)),
        (TypeError, lambda: jit.lookup(5)),  # pyright: ignore[reportArgumentType]
        (TypeError, lambda: jit.define("name", object())),
        (TypeError, lambda: jit.add_source()),
        (ValueError, lambda: jit.add_pass("nowhere", print)),
    ]
    for number, (kind, work) in enumerate(cases):
        with pytest.raises(kind) as caught:
            work()
        assert isinstance(caught.value, uruk.UrukError), (number, caught.value)
    assert issubclass(uruk.LookupTimeout, TimeoutError)
    assert issubclass(uruk.ExecutorTimeout, TimeoutError)


def test_an_executor_is_a_context(cc: Compile) -> None:
    with uruk.spawn() as executor:
        assert uruk.LLJIT(executor=executor).lookup("abs").function("int(int)")(-3) == 3
    assert executor.closed
    assert executor.child is not None
    assert executor.child.status is not None


def test_no_session_for_an_executor_ends_it() -> None:
    executor = uruk.spawn()
    with pytest.raises(ValueError, match="memory is given"):
        uruk.LLJIT(executor=executor, memory=uruk.FixedMemory(0, 1 << 20, 4096))
    assert executor.closed
    assert executor.child is not None
    with pytest.raises(ProcessLookupError):
        os.kill(executor.child.pid, 0)


def test_the_logger_says_what_happens(caplog: pytest.LogCaptureFixture, cc: Compile) -> None:
    caplog.set_level(logging.INFO, "uruk")
    with uruk.LLJIT(slab_size=4 << 20) as jit:
        jit.add_object(cc("char large[3 << 20]; char other[3 << 20];", "-fno-common", name="first"))
        jit.lookup("large")
        jit.add_object(cc("char second[3 << 20];", name="second"))
        jit.lookup("second")
    assert [record.name for record in caplog.records] == ["uruk"]
    assert caplog.messages[0].startswith("slab 2: ")
    caplog.clear()
    jit = uruk.LLJIT(executor=uruk.spawn())
    with pytest.raises(uruk.ExecutorLost):
        jit.executor.process.call(jit.lookup("abort").address)
    assert "an executor is lost: the executor was ended by SIGABRT" in caplog.text
    jit.close()
