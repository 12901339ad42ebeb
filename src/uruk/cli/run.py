"""``uruk run``: compile and link what the command line names, and run its main() in a child process."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence

from uruk.cli.arguments import USAGE, parse
from uruk.cli.usage import UsageError, read, refuse
from uruk.errors import ExecutorCrashed, ExecutorLost, InvalidValue, UrukError
from uruk.program.reading import Reader
from uruk.program.systems import system_of

FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS)
"""Signals of which a message says where the program was."""


def run(words: Sequence[str]) -> int:
    """Run the command; returns the exit status where the program does not end the process itself."""
    arguments = read("run", USAGE, words, parse)
    if isinstance(arguments, int):
        return arguments
    if arguments.driver or arguments.plan.runtimes:
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
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads would be the program's
    gc.disable()  # nothing here makes cycles worth looking for, and the columns are large
    reader = Reader(arguments.plan, arguments.how_to_compile())
    if not arguments.execute:
        system_of().make_room_for_columns()
    try:
        if arguments.connect:
            from uruk.cli.secret import secret

            arguments.secret = secret()
        from uruk.program.linked_program import link_program  # imports numpy, while the reader reads

        program = link_program(arguments, reader, arguments.add_dumps)
        if arguments.time:
            print_times(program.times)
        if not arguments.execute:
            program.jit.executor.close()
            _end(0)
        if program.child is not None:
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program's to handle; this process waits
        status = program.run()
        if status < 0:
            _die(-status, program.jit.executor.lost)
        if isinstance(lost := program.jit.executor.lost, ExecutorCrashed):  # on a system whose crashes have a status
            print(f"uruk: {type(lost).__name__}: {lost}", file=sys.stderr)
        _end(status)
        return status
    except UrukError as error:
        if arguments.in_process:
            system_of().restart(error)
        for problem in reader.errors or [error]:
            print(f"uruk: {type(problem).__name__}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        reader.stop()
        raise


def _die(number: int, lost: ExecutorLost | None) -> None:
    """End as the program did, after a message where that was a fault of its code."""
    if number in FAULTS:
        lost = lost if isinstance(lost, ExecutorCrashed) else ExecutorCrashed(number)
        print(f"uruk: {type(lost).__name__}: {lost}", file=sys.stderr)
        sys.stderr.flush()
    import resource  # not every system has it

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _end(status: int) -> None:
    """End without taking the interpreter down piece by piece: nothing was run that would need it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


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
