"""Symbols as attributes: functions are called, globals read and set, as `jit.f(1, 2.5)` and `jit.counter = 3`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from uruk.errors import InvalidType, UndefinedSymbols
from uruk.orc.lookup.by_name import ready_address
from uruk.symbol import Symbol, SymbolAgain

if TYPE_CHECKING:
    from uruk.debug_info.interface import Front, Linked
    from uruk.debug_info.overloads import Overloads
    from uruk.debug_info.variables import Variable
    from uruk.orc.dylib import JITDylib
    from uruk.orc.session import Session


class Attributes:
    """The part of LLJIT that has the symbols of `main` as attributes, where it has none of its own of that name.

    A function is a `Symbol`; a variable of an object with debug information is its value; what C++ overloads is an
    `uruk.debug_info.overloads.Overloads`. Names that begin with an underscore are no attributes: look them up.
    """

    if TYPE_CHECKING:
        session: Session

    _is_open = False
    """True once there is a session to ask."""
    _sets_variables = False
    """True once the object has all attributes of its own: what is set from then on is a variable. A class that is
    derived from LLJIT may have more."""

    _meanings: dict[str, tuple[int, Callable[[], Any]]] = {}  # noqa: RUF012 -- an object gets its own
    """Names that were asked for -> how often the session's names had changed then, and what gives their meaning."""

    def __getattr__(self, name: str) -> Any:
        known = self._meanings.get(name)
        if known is not None:
            session = self.session
            if known[0] == session.changes and not session.closed:
                return known[1]()
        if name.startswith("_") or not self._is_open:
            raise AttributeError(f"{type(self).__name__} has no attribute `{name}'", name=name, obj=self)
        found = _found(cast("Front", self), name)
        return found if found is not None else _missing(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not self._sets_variables or name.startswith("_") or name in self.__dict__ or hasattr(type(self), name):
            object.__setattr__(self, name, value)
        else:
            set_variable(cast("Front", self), name, value)

    def __dir__(self) -> Sequence[str]:
        return sorted({*object.__dir__(self), *(names_of(cast("Front", self)) if self._is_open else ())})


def symbol_value(jit: Front, name: str) -> Any:
    """Return what a name of `main` means: a function's symbol, a variable's value, or overloads of C++.

    Raises AttributeError, with names that are close, for a name that nothing defines.
    """
    known = _meanings(jit).get(name)
    if known is not None and known[0] == jit.session.changes and not jit.session.closed:
        return known[1]()
    found = _found(jit, name)
    return found if found is not None else _missing(jit, name)


def set_variable(jit: Front, name: str, value: Any) -> None:
    """Store a value in a variable of linked code. Raises AttributeError for a name that is none, InvalidType."""
    symbol = _looked_up(jit, name) or _static(jit, name)
    variable = _variable(jit, symbol) if symbol is not None else None
    if symbol is None:
        _missing(jit, name)
    elif variable is None:
        raise AttributeError(
            f"`{name}' is not set: it is a function, or has no type from debug information (compile with -g); "
            "store bytes by jit.write",
            name=name,
            obj=jit,
        )
    else:
        variable.set(value)


def names_of(jit: Front) -> list[str]:
    """Return the names that objects of `main` define, and that Python can spell."""
    session = jit.session
    with session.lock:
        owner = session.table.owner
        names = [name for name, row in jit.main.names.items() if row < owner.size and owner[row] >= 0]
    texts = (name.decode("utf-8", "replace") for name in names)
    return sorted(text for text in texts if text.isidentifier() and not text.startswith("_"))


def _found(jit: Front, name: str) -> Any:
    try:
        symbol = _looked_up(jit, name)
    except InvalidType:
        if not is_cpp(str(name)):
            raise
        symbol = None  # several functions
    if symbol is None:
        found = overloads_of(jit, jit.main, name)
        if isinstance(found, Symbol):
            return _kept(jit, name, found, None)()
        if found is not None:
            return found
        symbol = _static(jit, name)
        if symbol is None:
            return None
    try:
        variable = _variable(jit, symbol)
    except InvalidType:  # not defined by an object: a function of a library, or an address
        variable = None
    return _kept(jit, name, symbol, variable)()


def _kept(jit: Front, name: str, symbol: Linked, variable: Variable | None) -> Callable[[], Any]:
    """Return what gives a name's meaning, which is kept until names of the session change."""
    give = partial(SymbolAgain, cast("Symbol", symbol)) if variable is None else partial(getattr, variable, "value")
    session = jit.session
    with session.lock:
        if ready_address(session, jit.main, symbol.name, roots=True) == symbol.address:
            if not _meanings(jit):
                object.__setattr__(jit, "_meanings", {})
            _meanings(jit)[name] = session.changes, give
    return give


def _meanings(jit: Front) -> dict[str, tuple[int, Callable[[], Any]]]:
    return cast("Attributes", jit)._meanings  # pyright: ignore[reportPrivateUsage]


def _static(jit: Front, name: str) -> Linked | None:
    """Return a static function or variable. Raises AttributeError if its address is not known."""
    from uruk.debug_info.signatures import Refused  # reads types, which most sessions do without
    from uruk.debug_info.statics import static_symbol

    try:
        found = static_symbol(jit, name)
    except Refused as error:
        raise AttributeError(f"`{name}' is no attribute: {error.reason}", name=name, obj=jit) from None
    if found is None:
        return None
    return Symbol(*found, weakref.ref(jit.session))


def _variable(jit: Front, symbol: Linked) -> Variable | None:
    from uruk.debug_info.variables import variable_at  # reads types, which most sessions do without

    return variable_at(jit, symbol)


def _looked_up(jit: Front, name: str) -> Linked | None:
    """Return a symbol; None if nothing defines the name itself. Raises what else a lookup raises."""
    try:
        return jit.lookup(name)
    except UndefinedSymbols as error:
        if [each.name for each in error.symbols] != [name] or error.symbols[0].places:
            raise
        return None


def overloads_of(jit: Front, dylib: JITDylib, text: str) -> Linked | Overloads | None:
    """Return the function of C++, or the functions, that a name means: ``geo::area``, ``geo::area(double)``."""
    from uruk.debug_info.cpp_names import symbols_of  # seldom needed

    names = symbols_of(dylib, text)
    symbols = [jit.lookup(name, dylib) for name in names]
    if len({symbol.address for symbol in symbols}) <= 1:  # constructors have two names
        return symbols[0] if symbols else None
    from uruk.debug_info.overloads import Overloads
    from uruk.debug_info.session_types import types_of

    types = types_of(jit.session)
    candidates: list[tuple[Linked, Any]] = []
    for symbol in symbols:
        try:
            candidates.append((symbol, types.signature(symbol.name, symbol.address)))
        except InvalidType:
            candidates.append((symbol, None))
    return Overloads(text, candidates, types.declared.kind)


def is_cpp(text: str) -> bool:
    """Return True for a name as C++ has it, which no symbol has."""
    return "::" in text or text.endswith((")", " const"))


def symbol_of_cpp(jit: Front, dylib: JITDylib, text: str) -> Any:
    """Return the one function of C++ that a name means; None if there is none. Raises InvalidType for several."""
    from uruk.debug_info.cpp_names import symbols_of  # seldom needed
    from uruk.demangle import demangle

    found = {symbol.address: symbol for symbol in (jit.lookup(name, dylib) for name in symbols_of(dylib, text))}
    if len(found) > 1:
        names = "\n".join(f"  {demangle(symbol.name)}" for symbol in found.values())
        raise InvalidType(f"`{text}' is the name of several functions; look one up with its parameters:\n{names}")
    return next(iter(found.values()), None)


def _missing(jit: Any, name: str) -> Any:
    from difflib import get_close_matches  # costs a millisecond, for errors only

    symbols = names_of(jit)
    if name in symbols:  # but a lookup does not find it
        try:
            jit.lookup(name)
        except UndefinedSymbols as error:
            raise AttributeError(str(error), name=name, obj=jit) from None
    known = [*object.__dir__(jit), *symbols]
    close = get_close_matches(name, (each for each in known if not each.startswith("_")), 3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    raise AttributeError(f"neither an attribute nor a symbol: `{name}'{hint}", name=name, obj=jit)
