"""``uruk run``: compile and link what the command line names, and run its main() in a child process."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.cli.arguments import USAGE, parse
from uruk.cli.usage import UsageError, read, refuse
from uruk.errors import TLSError, UrukError
from uruk.program.reading import Reader
from uruk.program.tunables import can_start_again, start_again

if TYPE_CHECKING:
    from uruk.cli.arguments import Arguments
    from uruk.program.linked_program import LinkedProgram

LARGEST_POOL = 1 << 20
"""Bytes of static thread-local storage that a child gets unasked; each of its threads pays for it."""


def run(words: Sequence[str]) -> int:
    """Run the command; returns the exit status where the program does not end the process itself."""
    arguments = read("run", USAGE, words, parse)
    if isinstance(arguments, int):
        return arguments
    if arguments.driver or arguments.plan.runtimes:
        from uruk.cli.driver_runtimes import add_language_libraries, add_runtimes

        try:
            add_language_libraries(arguments)
            if arguments.plan.runtimes:
                add_runtimes(arguments)
        except UsageError as error:
            return refuse("run", error)
        except UrukError as error:
            print(f"uruk: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads would be the program's
    gc.disable()  # nothing here makes cycles worth looking for, and the columns are large
    reader = Reader(arguments.plan, arguments.how_to_compile())
    if not arguments.execute:
        from uruk.program.heap import use_huge_pages

        use_huge_pages()
    try:
        program = _link(arguments, reader)
        if arguments.time:
            print_times(program.times)
        if not arguments.execute:
            program.jit.executor.close()
            _end(0)
        status = program.run()
        _end(status)
        return status
    except UrukError as error:
        if arguments.in_process and isinstance(error, TLSError) and error.static_tls and can_start_again():
            start_again(error.static_tls)
        for one in reader.errors or [error]:
            print(f"uruk: {type(one).__name__}: {one}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        reader.stop()
        raise


def _link(arguments: Arguments, reader: Reader) -> LinkedProgram:
    """The program, linked: in another child if the first turns out to have too little thread-local storage."""
    from uruk.program.linked_program import LinkedProgram  # imports numpy, while the reader reads

    if arguments.connect:
        from uruk.cli.secret import secret

        arguments.secret = secret()
    while True:
        program = LinkedProgram(arguments, reader)
        if arguments.dumps:
            from uruk.cli.dump_graph import register

            register(program.jit.session.hooks, arguments.dumps)
        try:
            program.link()
            return program
        except TLSError as error:
            if arguments.in_process or not _ask_for_more(arguments, error):
                raise
            program.jit.close()


def _ask_for_more(arguments: Arguments, error: TLSError) -> bool:
    """Whether another child, begun as `arguments` says now, may have what this one has not."""
    early = (error.variable, error.what)
    if 0 < error.static_tls <= LARGEST_POOL and not arguments.tls_pool:
        arguments.tls_pool = error.static_tls
    elif error.variable and early not in arguments.bound_early:
        arguments.bound_early.append(early)
    else:
        return False
    return True


def _end(status: int) -> None:
    """End without taking the interpreter down piece by piece: nothing was run that would need it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def print_times(times: list[tuple[str, float]]) -> None:
    """The table of `--time`: a pass, milliseconds, share."""
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
