"""The program `uruk-jitlink`: what `llvm-jitlink` does with the same words, on standard output, error and status."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import UrukError
from uruk.jitlink.failures import SESSION_PREFIX, ToolError
from uruk.jitlink.options import CommandLine, OptionErrors, parse

if TYPE_CHECKING:
    from uruk.jitlink.linking import Linking


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status: 1 for any error, else what the program returns, 0 with ``-noexec``."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    program = sys.argv[0] if arguments is None else "uruk-jitlink"
    try:
        line = parse(words)
    except OptionErrors as errors:
        for problem in errors.problems:
            # The texts are those of LLVM's command-line library, with the name of LLVM's tool in them.
            print(f"llvm-jitlink: {problem}", file=sys.stderr)
        return 1
    if text := _answer(line):
        print(text, end="")
        return 0
    try:
        return _run(line)
    except ToolError as error:
        print(f"{program}: {error}", file=sys.stderr)
    except UrukError as error:
        print(f"{program}: {error.describe()}", file=sys.stderr)
    return 1


def _answer(line: CommandLine) -> str:
    """Return what ``-help`` or ``-version`` prints; empty where neither is asked for."""
    if any(line.given(name) for name in ("help", "h", "help-hidden", "help-list")):
        from uruk.jitlink.help_text import text

        return text(everything=line.given("help-hidden"))
    if line.given("version"):
        from importlib.metadata import version

        return f"uruk {version('uruk')}\n"
    return ""


def _run(line: CommandLine) -> int:
    """Link, check and show what the command line asks for. Raises ToolError, UrukError."""
    from uruk.jitlink.arguments import check  # numpy is imported from here on, which -help does without
    from uruk.jitlink.linking import Linking

    for warning in check(line, mmap.PAGESIZE):
        print(warning, file=sys.stderr)
    linking = Linking(line, mmap.PAGESIZE)
    try:
        linking.add_inputs()
        print(linking.show_session("show-init-es"), end="")
        failure = _look_entry_up(linking)
        # What was linked is shown after a failure, too, as LLVM's tool does.
        linking.gather()
        print(linking.show_graphs(), linking.show_session("show-entry-es"), linking.show_addresses(), sep="", end="")
        if failure:
            # Standard output is a buffer where it is a pipe: without this, the error would come before the lists.
            sys.stdout.flush()
            print(f"{SESSION_PREFIX}{failure}", file=sys.stderr)
            return 1
        linking.check()
        return 0
    finally:
        linking.close()


def _look_entry_up(linking: Linking) -> str:
    """Link what the entry needs; returns the text of the error if that fails."""
    try:
        linking.look_entry_up()
    except UrukError as error:
        from uruk.jitlink.failures import session_text

        return session_text(error, linking.kinds)
    return ""
