"""``uruk check``: whether objects would link, with what, and what may go wrong. Nothing of them is run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uruk.cli.arguments import Arguments
from uruk.cli.arguments import parse as parse_link_line
from uruk.cli.usage import print_all, read
from uruk.errors import UrukError
from uruk.program.numpy_import import import_numpy
from uruk.program.reading import Reader

if TYPE_CHECKING:
    from uruk.cli.check_facts import Facts

USAGE = """\
usage: uruk check [--json] [options] INPUT... [-l NAME] [-L DIR]

Say whether objects, archives and libraries would link, and run nothing of them: what they need, and which object,
archive, library or process has it; models of thread-local storage; references that are limited to some addresses;
relocations that are not linked, with their places; initialisers. A main() is not required unless --entry says so.
The exit status is 0 if all would link, 1 if not, 2 for wrong usage.

  INPUT, -l, -L, and all other options: as `uruk run' takes them
  --json    the same as one JSON object

The libraries of the line are loaded into a child process, where their constructors run; so do IFUNC resolvers.
"""


@dataclass
class Line:
    """The command line: that of a link, and how the report is printed."""

    arguments: Arguments
    json: bool


def parse(words: Sequence[str]) -> Line:
    """Read the command line. Raises UsageError."""
    end = list(words).index("--") if "--" in words else len(words)
    rest = [word for word in words[:end] if word != "--json"]
    return Line(parse_link_line(rest), len(rest) < end)


def check(words: Sequence[str]) -> int:
    """Run the command; returns the exit status: 1 if the inputs would not link, 2 for wrong usage."""
    line = read("check", USAGE, words, parse)
    if isinstance(line, int):
        return line
    return print_all(lambda: _check(line))


def _check(line: Line) -> int:
    report = _report(line.arguments)
    if line.json:
        print(json.dumps(report, indent=2))
    else:
        from uruk.cli.check_text import print_report

        print_report(report)
    return 0 if report["links"] else 1


def _report(arguments: Arguments) -> Facts:
    """Return what there is to say of a link line's inputs."""
    import_numpy()
    from uruk.cli.check_facts import report_of

    reader = None
    try:
        if arguments.driver or arguments.plan.runtimes:
            from uruk.program.driver_runtimes import add_language_libraries, add_runtimes

            add_language_libraries(arguments.plan, arguments.driver)
            if arguments.plan.runtimes:
                add_runtimes(arguments, arguments.compiler)
        reader = Reader(arguments.plan, arguments.how_to_compile())
        inputs = reader.result()
    except UrukError as error:
        return report_of(arguments, [], reader.errors if reader and reader.errors else [error])
    from uruk.program.trial import try_link

    trial = try_link(arguments, reader)
    return report_of(arguments, inputs, [trial.error] if trial.error else [], trial.members, trial.remark)
