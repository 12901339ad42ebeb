"""``uruk show``: what is in an object, an archive or a shared library, and what it needs from outside.

Nothing is linked.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uruk.cli.response_files import expand
from uruk.cli.usage import UsageError, print_all, read, unknown_option
from uruk.program.numpy_import import import_numpy

if TYPE_CHECKING:
    from uruk.cli.show_facts import Facts

USAGE = """\
usage: uruk show [--json] [--edges] INPUT...

Show what is in objects, archives and libraries: blocks, symbols, section groups, initialisers, thread-local
storage, and what they need from outside and who has it. Nothing is linked or run.

  INPUT     an object (.o), an archive or import library (.a, .lib), an archive's member: `libz.a(inflate.o)',
            or a shared library (.so, .dll)
  --edges   relocations too, with the formula that uruk computes for each
  --json    the same as one JSON array, an element an input
  @FILE     the words in a file, as in a compiler's line
"""
_FLAGS = ("--json", "--edges")


@dataclass
class Arguments:
    """The command line."""

    inputs: list[str] = field(default_factory=list[str])
    json: bool = False
    edges: bool = False


def parse(words: Sequence[str]) -> Arguments:
    """Read the command line; everything behind ``--`` is an input. Raises UsageError."""
    arguments = Arguments()
    only_inputs = False
    for word in expand(words):
        if only_inputs or not word.startswith("-") or word == "-":
            arguments.inputs.append(word)
        elif word == "--":
            only_inputs = True
        elif word in _FLAGS:
            setattr(arguments, word[2:], True)
        else:
            raise unknown_option(word, _FLAGS)
    if not arguments.inputs:
        raise UsageError("no input")
    return arguments


def show(words: Sequence[str]) -> int:
    """Run the command; returns the exit status: 1 if some input could not be read, 2 for wrong usage."""
    arguments = read("show", USAGE, words, parse)
    if isinstance(arguments, int):
        return arguments
    return print_all(lambda: _show(arguments))


def _show(arguments: Arguments) -> int:
    import_numpy()
    from uruk.cli.show_text import Printer, clean, print_facts
    from uruk.errors import UrukError

    status = 0
    results: list[Facts] = []
    printer = Printer()
    for path in arguments.inputs:
        try:
            facts = input_facts(path, edges=arguments.edges)
        except UrukError as error:
            sys.stdout.flush()
            lines = f"uruk: {type(error).__name__}: {error}".split("\n")
            print("\n".join(clean(line, sys.stderr.encoding) for line in lines), file=sys.stderr)
            status = 1
            continue
        if arguments.json:
            results.append(facts)
        else:
            print_facts(printer, facts)
    if arguments.json:
        print(json.dumps(results, indent=2))
    return status


def input_facts(path: str, *, edges: bool = False) -> Facts:
    """Return what there is to say of one input. Raises ObjectFormatError."""
    from uruk.cli.show_facts import archive_facts, object_facts
    from uruk.formats.archive import Archive, is_archive
    from uruk.formats.byte_source import ByteSource
    from uruk.formats.heads import HEAD, is_shared_library
    from uruk.regular_files import check_size

    outer, bracket, member = path.removesuffix(")").rpartition("(")
    if bracket and path.endswith(")") and not os.path.exists(path):
        return object_facts(path, _member(outer, member), edges=edges)
    with ByteSource(path) as source:
        head = source.read(0, min(HEAD, source.size), "file")
        if is_shared_library(head):
            from uruk.cli.show_library import library_facts

            return library_facts(path)
        if not is_archive(head[:8]):
            check_size(source.size, path)
            return object_facts(path, source.read(0, source.size, "file"), edges=edges)
    with Archive.open(path) as archive:
        return archive_facts(archive)


def _member(path: str, name: str) -> bytes:
    """Return the bytes of the first member of that name."""
    from uruk.errors import ObjectFormatError
    from uruk.formats.archive import Archive

    with Archive.open(path) as archive:
        for member in archive.members():
            if member.name == name:
                return archive.read(member)
    raise ObjectFormatError(path, "archive", f"has no member `{name}'")
