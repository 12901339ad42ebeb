"""Inputs as users give them: paths, or anything with the buffer protocol."""

from __future__ import annotations

import os
from typing import TypeAlias

from uruk.errors import ObjectFormatError

PathLike: TypeAlias = "str | os.PathLike[str]"
Source: TypeAlias = "bytes | bytearray | memoryview"


def read_source(source: PathLike | Source, name: str) -> tuple[str, Source]:
    """An input's name and bytes. Raises ObjectFormatError for a file that cannot be read."""
    if type(source) is bytes:
        return name or "<bytes>", source
    if isinstance(source, str | os.PathLike):
        try:
            with open(source, "rb") as file:
                return name or os.fspath(source), file.read()
        except OSError as error:
            raise ObjectFormatError(os.fspath(source), "file", error.strerror or str(error)) from error
        except ValueError as error:  # a path with a zero byte
            raise ObjectFormatError(os.fspath(source), "file", str(error)) from error
    view = memoryview(source)
    plain = view.c_contiguous and view.format == "B" and view.ndim == 1
    return name or "<bytes>", view if plain else view.tobytes()
