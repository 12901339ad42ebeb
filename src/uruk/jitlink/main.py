"""The program `uruk-jitlink`: what `llvm-jitlink` does with the same words, on standard output, error and status."""

from __future__ import annotations

import contextlib
import gc
import mmap
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from uruk.cli import hold_closed_streams
from uruk.cli.module_finder import find_own_modules
from uruk.errors import UrukError
from uruk.jitlink.failures import SESSION_PREFIX, ToolError
from uruk.jitlink.options import CommandLine, OptionErrors, number, parse
from uruk.program.ending import end
from uruk.program.numpy_import import import_numpy

if TYPE_CHECKING:
    from uruk.jitlink.linking import Linking


def command() -> NoReturn:
    """Be the program: run the tool, and end this process with its exit status; 1 where what it prints goes nowhere."""
    gc.disable()  # imports and a link make no cycles worth looking for
    find_own_modules()
    try:
        status = main()
        sys.stdout.flush()
    except OSError as error:
        # Only a file that was opened by its name has one.
        print(f"{sys.argv[0]}: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        sys.stdout = sys.stderr  # what is left of it has nowhere to go
        status = 1
    end(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; returns its exit status: 1 for any error, else what the program returns, 0 with ``-noexec``."""
    hold_closed_streams()
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
    """Link, check, show and run what the command line asks for. Raises ToolError, UrukError."""
    if line.last("symbolicate-with"):
        from uruk.jitlink.symbolication import symbolicated

        sys.stdout.writelines(symbolicated(line))
        return 0
    import_numpy()  # which -help does without
    from uruk.jitlink.arguments import check
    from uruk.jitlink.linking import Linking, target_of_line

    for warning in check(line, mmap.PAGESIZE):
        print(warning, file=sys.stderr)
    target = target_of_line(line)
    if line.is_on("noexec"):
        return _link(Linking(line, mmap.PAGESIZE, target))
    from uruk.jitlink.running import Running, settings_of  # what links only does without

    settings = settings_of(line, target)
    while True:
        running = Running(settings, number(line.last("slab-page-size", "0")) or 0)
        try:
            linking = Linking(line, mmap.PAGESIZE, target, running)
        except BaseException:
            running.close()  # its process, which the link would have ended
            raise
        with contextlib.suppress(_InAnother):
            return running.exit_status(_link(linking))


class _InAnother(Exception):
    """Raised where what was linked can run in another process only, begun as the settings say now."""


def _link(linking: Linking) -> int:
    """Do all that a line asks for; returns the exit status, where the program does not end this process.

    Raises ToolError, UrukError, and _InAnother where another process is to run what was linked.
    """
    try:
        linking.add_inputs()
        print(linking.show_session("show-init-es"), end="")
        failure = _look_entry_up(linking)
        # What was linked is shown after a failure, too, as LLVM's tool does.
        linking.gather()
        print(linking.show_graphs(), linking.show_session("show-entry-es"), linking.show_addresses(), sep="", end="")
        # Standard output is a buffer where it is a pipe: errors and the program's own output come behind the lists.
        sys.stdout.flush()
        # Now, as a program in this process ends it.
        sys.stderr.write(linking.times())
        if failure:
            print(f"{SESSION_PREFIX}{failure}", file=sys.stderr)
            return 1
        linking.check()
        return linking.run() if linking.runs else 0
    finally:
        linking.close()


def _look_entry_up(linking: Linking) -> str:
    """Link what the entry needs; returns the text of the error if that fails. Raises _InAnother."""
    try:
        linking.look_entry_up()
    except UrukError as error:
        if linking.another_may_do(error):
            raise _InAnother from error
        from uruk.jitlink.failures import session_text

        return session_text(error, linking.kinds)
    return ""
