"""``uruk run``: compile and link what the command line names, and run its main() in a child process."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence

from uruk.cli.arguments import USAGE, Arguments, parse
from uruk.cli.usage import UsageError, read, refuse
from uruk.errors import InvalidValue, UrukError
from uruk.program.ending import end, end_as
from uruk.program.numpy_import import import_numpy, numpy_without_threads
from uruk.program.reading import Reader
from uruk.program.systems import system_of


def run(words: Sequence[str]) -> int:
    """Run the command, without collection of garbage; returns the exit status where the program does not end the
    process itself."""
    arguments = read("run", USAGE, words, parse)
    if isinstance(arguments, int):
        return arguments
    if arguments.watch:
        import_numpy()
        from uruk.cli.watch import watch

        gc.enable()  # it goes on for as long as the program does
        return watch(arguments)
    if (arguments.driver or arguments.plan.runtimes) and (refused := _add_runtimes(arguments)):
        return refused
    with numpy_without_threads():
        reader = Reader(arguments.plan, arguments.how_to_compile())  # which reads while numpy is imported
        if not (arguments.execute and arguments.in_process):
            system_of().make_room_for_columns()
    try:
        if arguments.connect:
            from uruk.cli.secret import secret

            arguments.secret = secret()
        from uruk.program.linked_program import link_program  # takes time to import

        program = link_program(arguments, reader, arguments.add_passes)
        if arguments.time:
            print_times(program.times)
        if not arguments.execute:
            program.jit.executor.close()
            end(0)
        if program.child is not None:
            from uruk.cli.forwarding import forward_signals

            forward_signals(program.child)
        status = program.run()
        end_as(status, program.jit.executor.lost, "uruk")
    except UrukError as error:
        if arguments.in_process:
            system_of().restart(error)
        for problem in reader.errors or [error]:
            print(f"uruk: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    except (OSError, ImportError) as error:
        # Modules are imported when they are first used: each may be the one for which no descriptor is left.
        if os.strerror(errno.EMFILE) not in str(error):
            raise
        print(f"uruk: {error}; raise the limit of open files (ulimit -n)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        reader.stop()
        raise


def _add_runtimes(arguments: Arguments) -> int:
    """Add the libraries that a compiler's driver adds; returns the exit status of a refusal, else 0."""
    from uruk.program.driver_runtimes import add_language_libraries, add_runtimes

    try:
        add_language_libraries(arguments.plan, arguments.driver)
        if arguments.plan.runtimes:
            add_runtimes(arguments, arguments.compiler)
    except InvalidValue as error:
        return refuse("run", UsageError(str(error)))
    except UrukError as error:
        print(f"uruk: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def print_times(times: list[tuple[str, float]]) -> None:
    """Print the table of `--time`: a pass, milliseconds, share."""
    from rich.console import Console
    from rich.table import Table

    table = Table("pass", "ms", "share", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    total = sum(seconds for _, seconds in times)
    for name, seconds in times:
        table.add_row(name, f"{seconds * 1000:.2f}", f"{seconds / total:.0%}" if total else "")
    table.add_row("total", f"{total * 1000:.2f}", "")
    Console(stderr=True, width=80).print(table)
