"""The facts of a shared library for ``uruk show``, as a JSON-able dict."""

from __future__ import annotations

from typing import Any

from uruk.demangle import demangle
from uruk.formats.byte_source import ByteSource
from uruk.formats.interface import LibraryDefinition
from uruk.formats.registry import format_named, open_library, target_of_file
from uruk.graph.views import BINDINGS, TYPES

Facts = dict[str, Any]


def library_facts(path: str) -> Facts:
    """Return the facts of a shared library's file, which is not loaded. Raises ObjectFormatError."""
    with ByteSource(path) as source:
        target = target_of_file(source.start)
    with open_library(path) as library:
        definitions = sorted(library.definitions(), key=lambda one: (one.name, one.version or b""))
        return {
            "file": path,
            "target": f"{format_named(target.format).title} {target.title}" if target is not None else "",
            "kind": "shared library",
            "soname": library.soname,
            "needed": list(library.needed),
            "defines": [_definition(one) for one in definitions],
        }


def _definition(one: LibraryDefinition) -> Facts:
    name = one.name.decode("utf-8", "replace")
    return {
        "name": name,
        "demangled": demangle(name),
        "version": None if one.version is None else one.version.decode("utf-8", "replace"),
        "default": one.default,
        "type": TYPES.get(one.type, str(one.type)),
        "binding": BINDINGS.get(one.binding, str(one.binding)),
        "size": one.size,
        "number": one.number or None,
        "forwarder": one.forwarder.decode("utf-8", "replace") or None,
    }
