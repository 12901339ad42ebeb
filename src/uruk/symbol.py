"""Linked symbols, and what a thread of this process gets before it calls one: reports of stack overflows."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from uruk.errors import InvalidType, InvalidValue, UrukError

if TYPE_CHECKING:
    from uruk.c_types.declarations import Function
    from uruk.debug_info.signatures import Signature
    from uruk.executor.remote import RemoteExecutor
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.session import Session

sessions_here: weakref.WeakSet[Lifetime] = weakref.WeakSet()
"""Sessions with code in this process."""


class _OfInstances:
    """An attribute that instances compute, and that the class itself has as its own, or not at all."""

    def __init__(self, compute: Callable[[Any], Any], of_class: Any = None) -> None:
        self._compute = compute
        self._of_class = of_class

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is not None:
            return self._compute(instance)
        if self._of_class is None:
            raise AttributeError("only instances have it")
        return self._of_class


class Symbol:
    """A linked symbol: `name`, and `address` in the process where it runs: `executor`, or, if None, this one.

    It stands for its address where an integer is wanted, and equals whatever lies there, by whatever name. It can be
    called where its object has debug information, where it is LLVM IR, or once `function` has given it a type.
    """

    __slots__ = ("__weakref__", "_function", "_prototype", "_session", "address", "executor", "name")
    __doc__ = _OfInstances(lambda symbol: symbol._described(), __doc__)  # pyright: ignore[reportAssignmentType]
    __signature__ = _OfInstances(lambda symbol: symbol._signature_of_python())

    def __init__(
        self,
        name: str,
        address: int,
        executor: RemoteExecutor | None = None,
        session: weakref.ref[Session] | None = None,
    ) -> None:
        self.name = name
        self.address = address
        self.executor = executor
        self._session = session
        self._function: Any = None
        self._prototype = ""
        """The prototype that `function` was given last."""

    def function(
        self,
        prototype: Any,
        *,
        callbacks: str = "dylib",
        hold_gil: bool = False,
        cpp_exceptions: bool = False,
    ) -> Any:
        """Return a callable of the given type: a C prototype such as ``"int(int, int)"``, or a ctypes type (here only).

        Arguments are numbers, and for pointers: addresses, symbols, buffers (numpy's arrays, bytes, bytearrays) of the
        items that the prototype says, str for ``const char *``, lists, which become arrays of the call's own, and None.
        Buffers and lists are lent while the call runs. Python functions become callbacks for pointers to functions,
        which are kept until the last code of the function's dylib is removed, with ``callbacks="session"`` until the
        session is closed, or with ``callbacks="call"`` until the call has returned. Structures are dictionaries,
        sequences, or objects with their members. Results that are pointers are addresses.

        A C++ exception that leaves the function is CppException in other processes; in this one with `cpp_exceptions`,
        which makes each call slower, and otherwise the end of the process.

        Other threads of Python run during a call in this process, unless `hold_gil`, which is for short functions that
        wait for nothing. Once the code is removed, calls raise RemovedCode; what they are in stays until they return.
        Raises InvalidValue for what is not a prototype, RemovedCode for a symbol of removed code; the callable raises
        InvalidType, InvalidValue and OverflowError for values that the types do not have.
        """
        self._function = self._callable(prototype, callbacks, hold_gil, cpp_exceptions)
        self._prototype = prototype if isinstance(prototype, str) else ""
        return self._function

    def _callable(self, prototype: Any, callbacks: str, hold_gil: bool, cpp_exceptions: bool) -> Any:
        if callbacks not in ("dylib", "session", "call"):
            raise InvalidValue(
                f'callbacks are kept for the "dylib", the "session" or the "call", not for {callbacks!r}'
            )
        if self.executor is None and not _thread.watched:
            watch_overflows()
        if isinstance(prototype, str):
            from uruk.typed_calls import function_of  # reads types by cffi, which programs do without

            return function_of(self, self._session, prototype, callbacks, hold_gil, cpp_exceptions)
        if self.executor is not None:
            raise InvalidType("a function in another process is called by a C prototype, as text")
        import ctypes  # whoever has such a type has imported it

        if not isinstance(prototype, type(ctypes.CFUNCTYPE(None))):
            raise InvalidType(f"{prototype!r} is neither a C prototype, as text, nor a ctypes function type")
        return prototype(self.address)

    def typed(self, *, extern_c: bool = False) -> Symbol:
        """Take the type that the object's debug information gives the function; returns the symbol itself.

        The first call does so, too. `extern_c`: the function obeys the conventions of C, which debug information does
        not say of Rust's. Raises InvalidType, with the reason, for a function whose type is not known or not passed,
        ObjectFormatError for broken debug information.
        """
        from uruk.debug_info.session_types import callable_of  # reads types, which programs do without

        signature = self._signature(extern_c=extern_c)
        session = self._session() if self._session is not None else None
        if self.executor is None and not _thread.watched:
            watch_overflows()
        self._function = callable_of(session, signature, self)
        self._prototype = ""
        return self

    def __call__(self, *arguments: Any) -> Any:
        """Call the function, by the type that it was given last, was declared for its name, or its object has.

        Raises InvalidType where it has none.
        """
        function = self._function
        if function is None:
            function = self._function = self._find_function()
        return function(*arguments)

    def _find_function(self) -> Any:
        from uruk.typed_calls import declared_function, unread_declaration

        declared = declared_function(self, self._session)
        if declared is not None:
            return declared
        try:
            return self.typed()._function
        except InvalidType as error:
            if unread := unread_declaration(self, self._session):
                raise InvalidType(f"{error}; {unread}") from None
            raise

    @property
    def __name__(self) -> str:
        return self.name

    def _described(self) -> str:
        """Return the text for `help`: the type in C that a call goes by, or the reason why there is none."""
        place = f"{self.name} at {self.address:#x}"
        try:
            if given := self._given():
                return f"{given.text}\n\n{place}, by {'its prototype' if self._prototype else 'its declaration'}."
            signature = self._signature()
            return f"{signature}\n\n{place}, by {signature.source}."
        except UrukError as error:
            return f"{place}.\n\n{error}"

    def _given(self) -> Function | None:
        """Return the type that the function was given, or that was declared for its name; None without one."""
        session = self._session() if self._session is not None else None
        if session is None:
            return None
        from uruk.typed_calls import types_of  # reads types by cffi, which programs do without

        types = types_of(session)
        return types.function(self._prototype) if self._prototype else types.function_named(self.name)

    def _signature_of_python(self) -> Any:
        try:
            given = self._given()
            return self._signature().parameters_of_python() if given is None else given.parameters_of_python()
        except UrukError:
            return None

    def _signature(self, *, extern_c: bool = False) -> Signature:
        """Return the type that debug information gives the function. Raises InvalidType, ObjectFormatError."""
        session = self._session() if self._session is not None else None
        if session is None:
            raise InvalidType(f'{self.name} has no type yet: give it one, as by .function("int(int)")')
        from uruk.debug_info.session_types import types_of  # reads types, which programs do without

        return types_of(session).signature(self.name, self.address, extern_c=extern_c)

    def __index__(self) -> int:
        return self.address

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Symbol):
            return NotImplemented
        return self.address == other.address and self.executor is other.executor

    def __hash__(self) -> int:
        return hash(self.address)

    def __repr__(self) -> str:
        return f"<Symbol {self.name} at {self.address:#x}>"

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self

    def __reduce__(self) -> NoReturn:
        """Raise InvalidType, for `pickle`: in another process something else lies at the address."""
        raise InvalidType(
            f"the symbol `{self.name}' is not pickled, as its address is of one process: pass its name, "
            "and look it up in a session there"
        )


class SymbolAgain(Symbol):
    """A symbol that was looked up before: once one of them was called, the others have its function."""

    __slots__ = ("_first",)
    __doc__ = _OfInstances(lambda symbol: symbol._described(), __doc__)  # pyright: ignore[reportAssignmentType]

    def __init__(self, first: Symbol) -> None:
        self.name = first.name
        self.address = first.address
        self.executor = first.executor
        self._session = first._session
        self._function = first._function
        self._prototype = first._prototype
        self._first = first

    def _find_function(self) -> Any:
        first = self._first
        if first._function is None:
            first._function = super()._find_function()
        return first._function


class _Thread(threading.local):
    watched = False  # True once stack overflows of linked code are reported in it


_thread = _Thread()


def watch_overflows() -> None:
    """Have stack overflows of linked code reported in the calling thread of this process; see `overflows.watch`."""
    from uruk.orc.lookup.addresses import name_address
    from uruk.platforms.linux.overflows import watch  # links the runtime, which many sessions do without

    def describe(address: int) -> str:
        names = (name_address(session, address) for session in list(sessions_here) if not session.closed)
        return next(filter(None, names), "")

    _thread.watched = True
    watch(describe)
