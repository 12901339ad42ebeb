"""Types of functions in a session: what was declared, and callables of prototypes, in whatever process they are."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol
from typing import cast as cast_type

from uruk.c_types.declarations import PLAIN, Function, Types, plain
from uruk.demangle import demangle
from uruk.errors import InvalidType, InvalidValue, RemovedCode, UnknownTarget
from uruk.executor.callbacks import Home, Keeper
from uruk.executor.code_calls import CodeCalls
from uruk.executor.prototypes import Prototype
from uruk.executor.this_process import THIS_PROCESS
from uruk.executor.typed_call import TypedCall
from uruk.isa.abi import convention_of
from uruk.memory.manager import SlabManager

if TYPE_CHECKING:
    from uruk.executor.remote import RemoteExecutor
    from uruk.orc.session import Session
    from uruk.platforms.systems import SystemPlatform, SystemProcess


class Linked(Protocol):
    """A linked symbol; see `uruk.Symbol`."""

    name: str
    address: int
    executor: RemoteExecutor | None


THIS_CONVENTION = convention_of(THIS_PROCESS.triple)
"""The calling convention of this process."""
_C_TEXT = re.compile(r"[;{(\n]")
"""A text of C has one of these, and the path of a header none."""
_declared: weakref.WeakKeyDictionary[object, Types] = weakref.WeakKeyDictionary()
"""Sessions -> what was declared in them."""


_prototype = lru_cache(maxsize=1024)(Prototype)
"""Prototypes of the types that were asked for last: their plans are made once."""


def types_of(session: Session, *, make: bool = False) -> Types:
    """Return the declarations of a session; `make`: for more of them."""
    types = _declared.get(session)
    if types is None:
        long_size = _long_size(session.executor.process.triple)
        types = plain(long_size)
        if make:
            types = _declared[session] = Types(long_size)
    return types


@lru_cache(maxsize=16)
def _long_size(triple: str) -> int:
    try:
        return convention_of(triple).long_size
    except UnknownTarget:  # where nothing is called
        return THIS_CONVENTION.long_size


def declare(session: Session, declarations: str | os.PathLike[str], flags: Sequence[str]) -> None:
    """Add declarations to a session's; see `LLJIT.cdef`."""
    session.check_open()
    with session.lock:
        session.changed()  # functions that are attributes have other types from now on
    types = types_of(session, make=True)
    if not isinstance(declarations, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{declarations!r} is neither a text of C nor the path of a header")
    if isinstance(declarations, str) and (_C_TEXT.search(declarations) or not declarations.strip()):
        if flags:
            raise InvalidValue("flags are for the preprocessor, which reads headers; a text is not preprocessed")
        types.declare(declarations)
        return
    from uruk.c_types.headers import declare_each
    from uruk.compile.headers import declarations_of  # runs a compiler

    header = os.fspath(declarations)
    declare_each(types, declarations_of(header, flags, session.executor.process.triple), header)


def function_of(
    symbol: Linked,
    where: weakref.ref[Session] | None,
    text: str,
    callbacks: str,
    hold_gil: bool,
    cpp_exceptions: bool,
) -> Callable[..., Any]:
    """Return a callable for a symbol, by a C prototype; see `Symbol.function`."""
    session = where() if where is not None else None
    types = PLAIN if session is None else types_of(session)
    function = types.function(text)
    return made(symbol, session, function, callbacks, hold_gil, cpp_exceptions)


def declared_function(symbol: Linked, where: weakref.ref[Session] | None) -> Callable[..., Any] | None:
    """Return a callable for a symbol whose name was declared as a function; None where it was not."""
    session = where() if where is not None else None
    known = None if session is None else types_of(session).function_named(symbol.name)
    return None if known is None else made(symbol, session, known, "dylib")


def unread_declaration(symbol: Linked, where: weakref.ref[Session] | None) -> str:
    """Return why a header's declaration of a symbol was left out; empty for one that was not."""
    session = where() if where is not None else None
    return "" if session is None else types_of(session).left_out.get(symbol.name, "")


def made(
    symbol: Linked,
    session: Session | None,
    function: Function,
    callbacks: str = "dylib",
    hold_gil: bool = False,
    cpp_exceptions: bool = False,
) -> Callable[..., Any]:
    """Return a callable for a symbol, by the type of a function. Its calls end when its code goes.

    Raises RemovedCode for a symbol of code that was removed.
    """
    if session is not None:
        _check_present(symbol, session)
    call = _in_python(symbol, session, function, callbacks, cpp_exceptions)
    if session is None:
        return call
    calls = _calls(session)
    typed = TypedCall(symbol.name, symbol.address, call)
    native = None
    if calls.native is not None and not cpp_exceptions and not function.is_variadic:
        native = calls.native.make(_prototype(function).plan(THIS_CONVENTION), typed, hold_gil=hold_gil)
    if native is None:
        native = typed.as_function()
        native.__doc__ = function.text
    return calls.add(typed, native)


def _check_present(symbol: Linked, session: Session) -> None:
    removed, memory = session.withheld.name(symbol.address), session.executor.memory
    if not removed and isinstance(memory, SlabManager) and memory.is_free(symbol.address):
        removed = f"`{demangle(symbol.name)}'"
    if removed:
        raise RemovedCode(removed)


def _calls(session: Session) -> CodeCalls:
    """Return the typed callables of a session."""
    if session.calls is None:
        session.calls = calls = CodeCalls(
            _process(session).native_calls(), getattr(session.executor.process, "left_in", None)
        )
        session.lazy.given, session.lazy.led = calls.remove_at, calls.lead
    return session.calls


def _in_python(
    symbol: Linked, session: Session | None, function: Function, callbacks: str, cpp_exceptions: bool
) -> Callable[..., Any]:
    """Return what calls a symbol from Python, whatever becomes of its code."""
    where = None if session is None else weakref.ref(session)
    owner = partial(_owner, where, symbol.address) if callbacks == "dylib" else int
    if symbol.executor is not None:
        return symbol.executor.function_of(
            _prototype(function), symbol.address, callbacks=callbacks, name=symbol.name, owner=owner
        )
    home = Keeper(partial(_callbacks, where), owner)
    if cpp_exceptions:
        return _by_the_runtime(symbol, session, _prototype(function), home, callbacks, catches=True)
    from uruk.executor.calls_here import function_by_cffi, function_here

    if function.is_variadic:
        return function_by_cffi(function, symbol.address, home, callbacks=callbacks, name=symbol.name)
    prototype = _prototype(function)
    from uruk.executor.native_types import by_words

    signature = prototype.signature(THIS_CONVENTION)
    if any(map(by_words, (*signature.arguments, signature.result))):  # which libffi does not pass
        return _by_the_runtime(symbol, session, prototype, home, callbacks, catches=False)
    return function_here(prototype, symbol.address, home, callbacks=callbacks, name=symbol.name)


def _by_the_runtime(
    symbol: Linked, session: Session | None, prototype: Prototype, home: Keeper, callbacks: str, *, catches: bool
) -> Callable[..., Any]:
    """Return a callable for a symbol of this process whose calls are the runtime's, as those in other processes are."""
    if session is None:
        raise InvalidValue(f"`{prototype.text}' is called by a session's runtime, and this symbol has no session")
    from uruk.executor.catching_here import function_catching

    runtime = _process(session).runtime
    return function_catching(
        prototype, symbol.address, runtime, home, callbacks=callbacks, catches=catches, name=symbol.name
    )


def _owner(where: weakref.ref[Session] | None, address: int) -> int:
    """Return whose the callbacks are that calls of a function make: its dylib's, by number; 0 for the session.

    They are released when the last code of that dylib goes.
    """
    session = where() if where is not None else None
    if session is None:
        return 0
    from uruk.orc.lookup.addresses import dylib_at  # few calls make callbacks

    dylib = dylib_at(session, address)
    if dylib is None:
        return 0
    calls = _calls(session)
    calls.callbacks = _home_of(session)
    return id(dylib)


def _home_of(session: Session) -> Home:
    there = getattr(session.executor, "callbacks", None)
    return _callbacks(weakref.ref(session)) if there is None else cast_type("Home", there)


def _callbacks(where: weakref.ref[Session] | None) -> Home:
    session = where() if where is not None else None
    if session is None or session.platform is None:
        raise InvalidValue("a Python function becomes a callback of a session, which this symbol has not")
    from uruk.executor.callbacks_here import callbacks_of

    return callbacks_of(session, _process(session).guard)


def _process(session: Session) -> SystemProcess:
    return cast_type("SystemPlatform", session.platform).process
