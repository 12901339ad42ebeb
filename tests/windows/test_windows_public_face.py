"""What users of the package meet, where the code is Windows's: reprs, symbols as values, errors, ends, the logger."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk.executor.remote import RemoteExecutor
from uruk.target import Target

from support.coff_objects import assembled

pytestmark = pytest.mark.any_interpreter

ADD = ".text\n.globl add, plus\n.def add; .scl 2; .type 32; .endef\nadd: plus: leal (%rcx,%rdx), %eax\n ret\n"


@pytest.fixture
def jit(executor: RemoteExecutor, tmp_path: Path) -> Iterator[uruk.LLJIT]:
    """A session with a function that adds."""
    with uruk.LLJIT(executor=executor) as session:
        session.add_object(assembled(tmp_path, "add", ADD))
        yield session


def test_a_symbol_is_a_value(jit: uruk.LLJIT) -> None:
    symbol, other = jit.lookup("add"), jit.lookup(b"plus")
    assert symbol == other
    assert len({symbol, other}) == 1
    assert hex(symbol) == hex(symbol.address)
    with pytest.raises(TypeError, match="give it one"):
        symbol(1, 2)
    assert symbol.function("int(int, int)")(1, 2) == symbol(1, 2) == 3
    jit.define("same", symbol)
    assert jit.lookup("same") == symbol
    assert list(jit.lookup_all([b"add", "plus"])) == [b"add", "plus"]


def test_reprs_say_what_they_are(jit: uruk.LLJIT) -> None:
    assert repr(jit.lookup("add")).startswith("<Symbol add at 0x")
    assert jit.executor.child is not None
    for value, kind in ((jit, "LLJIT"), (jit.session, "Session"), (jit.executor, "Executor")):
        assert kind in repr(value)
        assert f"process {jit.executor.child.pid}" in repr(value)
        assert "closed" not in repr(value)
    assert "windows" in repr(jit.executor)
    assert jit.session.target == Target("coff", "x86_64", "windows")
    jit.close()
    for value in (jit, jit.session, jit.executor):
        assert "closed" in repr(value)


def test_errors_are_those_of_python_too(jit: uruk.LLJIT, tmp_path: Path) -> None:
    symbol = jit.lookup("add")
    cases = [
        (FileNotFoundError, lambda: jit.add_object(str(tmp_path / "missing.obj"))),
        (FileNotFoundError, lambda: jit.add_library("no_such_library")),
        (ValueError, lambda: symbol.function("int(")),
        (TypeError, lambda: symbol.function(7)),
        (ValueError, lambda: jit.define("far", 1 << 64)),
        (TypeError, lambda: jit.lookup(5)),  # pyright: ignore[reportArgumentType]
        (TypeError, lambda: jit.define("name", object())),
    ]
    for number, (kind, work) in enumerate(cases):
        with pytest.raises(kind) as caught:
            work()
        assert isinstance(caught.value, uruk.UrukError), (number, caught.value)
    assert symbol.function("int(int, int)")(40, 2) == 42


def test_no_session_for_an_executor_ends_it(executor: RemoteExecutor) -> None:
    with pytest.raises(ValueError, match="memory is given"):
        uruk.LLJIT(executor=executor, memory=uruk.FixedMemory(0, 1 << 20))
    assert executor.closed
    assert executor.child is not None
    assert executor.child.status is not None


def test_the_logger_says_that_an_executor_is_lost(jit: uruk.LLJIT, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uruk")
    jit.main.add_shared_library("msvcrt.dll")
    with pytest.raises(uruk.ExecutorLost):
        jit.executor.process.call(jit.lookup("abort").address)
    assert [record.name for record in caplog.records] == ["uruk"] * len(caplog.records)
    assert "an executor is lost: " in caplog.text


@pytest.mark.quick
@pytest.mark.parametrize("text", ["arm64-windows", "i686-windows", "windows", "pdp11-unix"])
def test_a_wrong_target_lists_windows_too(text: str) -> None:
    with pytest.raises(ValueError, match=f"^no target `{text}'; there are .*x86_64-windows"):
        uruk.spawn(target=text)
