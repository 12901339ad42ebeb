"""Types of C as cffi reads them: prototypes and declarations."""

from __future__ import annotations

import re
import threading
import warnings
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from uruk.c_types.faults import fault_of
from uruk.c_types.reader import reader, without_comments
from uruk.c_types.sizes import POINTER
from uruk.errors import InvalidValue
from uruk.records import record

if TYPE_CHECKING:
    import inspect
    from collections.abc import Generator, Iterable, Sequence

_ONE_NAME = re.compile(r"\(\s*(\w+)\s*\)\s*$")
_LONGEST_SHOWN = 400
_LINES_IN_FRONT = 1
"""Lines that cffi reads in front of a prototype."""
_LAYOUT = re.compile(
    r"#\s*pragma\s+(?:pack|ms_struct|scalar_storage_order|options)|\b_Pragma\b|\b_?[Aa]lignas\b"
    r"|\b__attribute(?:__)?\b|\b__declspec\b"
)
"""Words that cffi does not know, or reads without heeding them."""
_CONST = 1
"""cffi's mark of a type that is `const`."""


class Unread(Exception):
    """A text that cffi does not read: `reason` says why, `line` where, or 0."""

    def __init__(self, error: Exception, text: str, types: Iterable[str] = (), lines_before: int = 0) -> None:
        self.line, self.reason = fault_of(error, text, types, lines_before)
        super().__init__(self.reason)

    def as_error(self, what: str, text: str) -> InvalidValue:
        """Return the error that says that a text is not `what`, and why."""
        shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
        return InvalidValue(f"`{shown}' is not {what}: {self.reason}")


@record
class CType:
    """A type of C: `kind` is cffi's. Of a pointer, `item` is the type of what it points to, and `is_const` whether that
    is const; of a pointer to a function, `function` is the function's type."""

    kind: Any
    is_const: bool = False
    item: CType | None = None
    function: Function | None = None

    @property
    def name(self) -> str:
        """The type as C writes it."""
        return f"const {self.kind.cname}" if self.is_const else str(self.kind.cname)


@record
class Function:
    """The type of a function; `text` is the prototype that it was given by."""

    text: str
    kind: Any
    arguments: tuple[CType, ...]
    result: CType

    @property
    def is_variadic(self) -> bool:
        """True if it takes variable arguments."""
        return bool(self.kind.ellipsis) and "..." in self.kind.cname  # cffi says so of types that it does not pass, too

    def fixed_for(self, values: Sequence[object]) -> str:
        """Return advice for a call with variable arguments: a type with theirs in place of the dots."""
        words = [each.name for each in self.arguments]
        words += [_passed_as(value) for value in values[len(words) :] or (0,)]
        return f'write the types of a call in place of the dots, as in "{self.result.name}({", ".join(words)})"'

    def parameters_of_python(self) -> inspect.Signature:
        """Return the parameters as `inspect` has them, with types of C as annotations."""
        import inspect  # for help, which few ask for

        place, rest = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL
        types = [each.name for each in self.arguments]
        parameters = [inspect.Parameter(f"argument_{at}", place, annotation=kind) for at, kind in enumerate(types, 1)]
        if self.is_variadic:
            parameters.append(inspect.Parameter("more", rest))
        return inspect.Signature(parameters, return_annotation=self.result.name)


def _passed_as(value: object) -> str:
    """Return the type of C as which a value of Python's is passed where no prototype says one."""
    if isinstance(value, int):
        return "int" if -(1 << 31) <= value < 1 << 31 else "long long"
    if isinstance(value, float):
        return "double"
    return "const char *" if isinstance(value, (str, bytes)) else "void *"


class Types:
    """Types and functions by the names under which they were declared, for code whose `long` has `long_size` bytes."""

    def __init__(self, long_size: int = POINTER) -> None:
        self._long_size = long_size
        self._ffi: Any = reader(long_size=long_size)
        self._read = lru_cache(maxsize=1024)(self._read_anew)
        self._declared = lru_cache(maxsize=256)(self._with)
        self._texts: dict[str, None] = {}
        self.left_out: dict[str, str] = {}
        """Functions of headers that could not be read -> why."""

    def declare(self, text: str) -> None:
        """Add declarations of C: types, and functions by their names. Raises InvalidValue, and adds nothing then.

        A text that was given before adds nothing.
        """
        try:
            self.add(text)
        except Unread as error:
            raise error.as_error("a text of declarations", text) from None

    def add(self, text: str) -> None:
        """Add declarations of C as `declare` does. Raises Unread for what cannot be read, InvalidValue."""
        if text in self._texts:
            return
        _check_layouts(text)
        try:
            self._with(text)  # tried first: what is wrong in the middle would leave the first half
            _declare(self._ffi, text, override=True)
        except Exception as error:  # cffi lets its parser's and its own internal errors through
            raise Unread(error, text, self._names()) from None
        self._texts[text] = None
        self._read.cache_clear()
        self._declared.cache_clear()

    def function_named(self, name: str) -> Function | None:
        """Return the type of a function that was declared under a name; None where there is none."""
        known = self._ffi._parser._declarations.get(f"function {name}")  # pyright: ignore[reportPrivateUsage]
        if known is None:
            return None
        model = known[0].as_function_pointer() if known[0].is_raw_function else known[0]
        with self._ffi._lock:  # pyright: ignore[reportPrivateUsage]
            kind = self._ffi._get_cached_btype(model)  # pyright: ignore[reportPrivateUsage]
        read = _function(kind, model, "")
        if "(" in read.result.name:  # it returns a pointer to a function, which is written around the name
            text = str(kind.cname).replace("(*)", f" {name}", 1)
        else:
            parameters = [*(each.name for each in read.arguments), *["..."] * read.is_variadic]
            text = f"{read.result.name} {name}({', '.join(parameters) or 'void'})"
        return Function(text, kind, read.arguments, read.result)

    def function(self, text: str) -> Function:
        """Return the type of a function, from a C prototype. Raises InvalidValue.

        A name may be in it (``"int g(void)"``), and declarations of types in front
        (``"struct point { int x, y; }; int(struct point)"``).
        """
        return self._read(text)

    def _read_anew(self, text: str) -> Function:
        _check_layouts(text)
        declarations, prototype = _split(text)
        try:
            # A name is declared once in each cffi.FFI: a type that declares one in itself has an FFI of its own.
            if "{" in prototype:
                ffi = self._with(declarations)
            else:
                ffi = self._declared(declarations) if declarations else self._ffi
            return function_in(ffi, prototype, text)
        except InvalidValue:
            raise
        except Exception as error:  # cffi lets its parser's and its own internal errors through
            before = _LINES_IN_FRONT - declarations.count("\n") if prototype.strip() else 0
            raise Unread(error, text, self._names(), before).as_error("a C function type", text) from None

    def _names(self) -> list[str]:
        """Return the names of the types that are declared."""
        known = self._ffi._parser._declarations  # pyright: ignore[reportPrivateUsage]
        return [name.removeprefix("typedef ") for name in known if name.startswith("typedef ")]

    def _with(self, declarations: str) -> Any:
        """Return cffi with the types here and those that a text declares. Raises cffi's errors."""
        ffi: Any = reader(long_size=self._long_size)
        if self._texts:
            ffi.include(self._ffi)
        if declarations and self._adds_only(ffi, declarations):
            return ffi
        if declarations:  # cffi has one type for all readers that include it: here they get types of their own
            ffi = reader(long_size=self._long_size)
            for text in (*self._texts, declarations):
                _declare(ffi, text, override=True)
        return ffi

    def _adds_only(self, ffi: Any, declarations: str) -> bool:
        """Have cffi, with the types here, read a text; returns False if that gave members to a structure that has none
        here, which is taken back."""
        declared: dict[str, tuple[Any, int]] = self._ffi._parser._declarations
        with _quiet:  # others read no type meanwhile
            kinds: list[Any] = [kind for kind, _ in declared.values() if getattr(kind, "fldtypes", ()) is None]
            before: list[dict[str, Any]] = [dict(kind.__dict__) for kind in kinds]
            for kind in kinds:
                kind.completed = 0  # what was made of it is not in this cffi
            try:
                _declare(ffi, declarations)
                return all(kind.fldtypes is None for kind in kinds)
            finally:
                for kind, attributes in zip(kinds, before, strict=True):
                    kind.__dict__ = attributes


_quiet = threading.RLock()  # reentrant: a destructor may read a type in the middle
"""Filters of warnings are the process's: one thread at a time has its own."""


def _declare(ffi: Any, text: str, **options: bool) -> None:
    """Have cffi read declarations, without its warnings, as for a variable that is not `extern`. Raises its errors."""
    with _quietly():
        ffi.cdef(text, **options)


@contextmanager
def _quietly() -> Generator[None]:
    with _quiet, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"cffi\.")
        yield


def function_in(ffi: Any, text: str, shown: str = "") -> Function:
    """Return a function type by the types that a cffi.FFI has. Raises InvalidValue, and cffi's errors.

    `shown` is what an error calls it, if not by the text.
    """
    with _quietly(), ffi._lock:  # pyright: ignore[reportPrivateUsage]
        model = ffi._parser.parse_type(text)  # pyright: ignore[reportPrivateUsage]
        if model.is_raw_function:
            model = model.as_function_pointer()
        kind = ffi._get_cached_btype(model)  # pyright: ignore[reportPrivateUsage]
    if kind.kind != "function":
        name = _ONE_NAME.search(text)  # it is taken for that of a variable
        hint = f": `{name[1]}' is no type that is declared" if name else ""
        raise InvalidValue(f"`{shown or text}' is not a C function type, but `{kind.cname}'{hint}")
    return _function(kind, model, text.strip())


def function_of_kind(kind: Any) -> Function:
    """Return a function's type by cffi's alone, which does not say what is const."""
    return Function(str(kind.cname), kind, tuple(CType(each) for each in kind.args), CType(kind.result))


def _check_layouts(text: str) -> None:
    if word := _LAYOUT.search(without_comments(text)):
        raise InvalidValue(f"`{word[0]}' says how a type lies in memory or is called, which is not read from a text")


def _function(kind: Any, model: Any, text: str) -> Function:
    arguments = tuple(_ctype(*pair) for pair in zip(kind.args, model.args, strict=True))
    return Function(text, kind, arguments, _ctype(kind.result, model.result))


def _ctype(kind: Any, model: Any) -> CType:
    """Return a type with what cffi's own leaves out: const, which only the tree of its parser has."""
    if kind.kind == "pointer":
        return CType(kind, bool(getattr(model, "quals", 0) & _CONST), _ctype(kind.item, getattr(model, "totype", None)))
    if kind.kind == "function" and getattr(model, "args", None) is not None:
        return CType(kind, function=_function(kind, model, kind.cname))
    return CType(kind)


def _split(prototype: str) -> tuple[str, str]:
    """Return the declarations in front of a function type, and the type: what follows the last outer semicolon."""
    depth, end = 0, 0
    prototype = prototype.rstrip()
    prototype = prototype.removesuffix(";")
    for at, letter in enumerate(prototype):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == ";" and not depth:
            end = at + 1
    return prototype[:end], prototype[end:]


PLAIN = Types()
"""The types of C itself, without any declarations."""


@lru_cache(maxsize=4)
def plain(long_size: int) -> Types:
    """Return the types of C itself for code whose `long` has `long_size` bytes."""
    return PLAIN if long_size == POINTER else Types(long_size)


def prototype(text: str) -> Function:
    """Return the function type that a C prototype stands for; see `Types.function`."""
    return PLAIN.function(text)
