"""Inputs as users give them: paths, or anything with the buffer protocol."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import SupportsFloat, TypeAlias, TypeVar, cast

from uruk.errors import InvalidType, InvalidValue
from uruk.regular_files import check_size, open_regular, read_open
from uruk.special_methods import has_method

PathLike: TypeAlias = "str | os.PathLike[str]"
Source: TypeAlias = "bytes | bytearray | memoryview"

T = TypeVar("T")
_START = 1 << 20
"""Bytes that are read of a file that is not an object."""


def read_source(source: PathLike | Source, name: str) -> tuple[str, Source]:
    """Return an input's name and bytes.

    Raises ObjectFormatError for a file that cannot be read, InvalidType for what is neither a path nor bytes.
    """
    if type(name) is not str:
        check_text(None, name)
    # Bytes cannot change under the reader, and need no view.
    if type(source) is bytes:
        return name or "<bytes>", source
    if isinstance(source, str | os.PathLike):
        check_no_text(source)
        return name or os.fspath(source), _read_object(os.fspath(source))
    try:
        view = memoryview(source)
    except TypeError:
        raise InvalidType(f"{source!r} is not an object: give a path, or the bytes of one") from None
    # The reader slices by bytes: other shapes and item sizes are flattened into a copy.
    plain = view.c_contiguous and view.format == "B" and view.ndim == 1
    return name or "<bytes>", view if plain else view.tobytes()


def check_no_text(path: PathLike) -> None:
    """Raise InvalidType for a source's text in the place of a path."""
    if isinstance(path, str) and ("\n" in path or ("{" in path and "}" in path)) and not os.path.lexists(path):
        raise InvalidType(f"{path[:40]!r}... is a text, and not the path of a file: a source is given as text=")


def path_of(path: PathLike) -> str:
    """Return a path as text. Raises InvalidType for what is none."""
    if not isinstance(path, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{path!r} is not the path of a file")
    return os.fspath(path)


def check(value: object, kind: type | tuple[type, ...], name: str, what: str) -> None:
    """Raise InvalidType for an argument of another type than its `name` takes; `what` says in words what that is."""
    if not isinstance(value, kind):
        raise InvalidType(f"{name} is {what}, and {value!r} is none")


def check_size_given(value: object, name: str) -> None:
    """Raise InvalidType for an argument that is not a number of bytes."""
    if not has_method(value, "__index__"):
        raise InvalidType(f"{name} is a number of bytes, an int, and {value!r} is none")


def check_flag(value: object, name: str) -> None:
    """Raise InvalidType for an argument that is neither True nor False."""
    if not isinstance(value, bool):
        raise InvalidType(f"{name} is True or False, and {value!r} is neither")


def check_seconds(value: object, name: str) -> None:
    """Raise InvalidType for an argument that is neither a number of seconds nor None, InvalidValue for one below 0."""
    if value is None:
        return
    if not hasattr(value, "__float__"):
        raise InvalidType(f"{name} is a number of seconds, and {value!r} is none")
    try:
        given = cast("SupportsFloat", value).__float__()
    except OverflowError:
        given = -1.0
    if not given >= 0:  # nor is NaN
        raise InvalidValue(f"{name} is a number of seconds from 0 up, or None for no limit, and not {value!r}")


def check_cache(value: object) -> None:
    """Raise InvalidType for what is no cache of objects, and does not say whether to use the usual one."""
    if not isinstance(value, bool) and not (hasattr(value, "load") and hasattr(value, "store")):
        raise InvalidType(f"cache is True or False or an ObjectCache of uruk.compile, and {value!r} is none of them")


def check_environment(values: object) -> None:
    """Raise InvalidType for what is no environment of a process."""
    check(values, Mapping, "environment", "a mapping of names to values, as os.environ is")
    pairs = cast("Mapping[object, object]", values).items()
    for text in (each for pair in pairs for each in pair):
        check(text, (str, bytes, os.PathLike), "environment", "a mapping of texts to texts")


def listed(values: Iterable[T], what: str) -> list[T]:
    """Return an argument that is a sequence as a list; `what` is its name. Raises InvalidType for anything else.

    That is also a text, which Python would take for a sequence of letters, and a path.
    """
    if isinstance(values, (str, bytes, bytearray, memoryview, os.PathLike)):
        raise InvalidType(f"{what} is a list, and {values!r} one thing: write {what}=[{values!r}]")
    try:
        return list(values)
    except TypeError:
        raise InvalidType(f"{what} is a list, and {values!r} is none") from None


def check_text(text: str | None, name: str) -> None:
    """Raise InvalidType for a source's text, or a name for it, that is not text."""
    if text is not None and not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{text!r} is not the text of a source, which is a str")
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{name!r} is not a name for an object or source, which is a str")


def open_object(path: str) -> tuple[int, int]:
    """Return a file's descriptor, and how many bytes are to be read: of a large one that is not an object file only the
    start.

    The reader refuses that all the same. Raises ObjectFormatError.
    """
    descriptor, size = open_regular(path)
    try:
        head = b""
        if size > _START:
            from uruk.formats.heads import HEAD  # objects are seldom so large

            # pread leaves the position of the file alone, for its next reader.
            head = os.pread(descriptor, HEAD, 0)
        return descriptor, size_to_read(size, head, path)
    except BaseException:
        os.close(descriptor)
        raise


def size_to_read(size: int, head: bytes, path: str) -> int:
    """Return the number of bytes of a file of `size` bytes that are to be read, by its first `HEAD`; see `open_object`.

    Raises ObjectFormatError for a file that is too large.
    """
    if size > _START:
        from uruk.formats.heads import target_of_head

        if target_of_head(head) is None:
            return _START
    check_size(size, path)
    return size


def _read_object(path: str) -> bytes:
    descriptor, size = open_object(path)
    try:
        return read_open(descriptor, size, path)
    finally:
        os.close(descriptor)
