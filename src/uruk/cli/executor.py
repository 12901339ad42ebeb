"""``uruk executor``: where the executor program is, and a server of executors for other processes and machines."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from uruk.cli.arguments import host_and_port
from uruk.cli.usage import UsageError, read, unknown_option
from uruk.errors import ExecutorError
from uruk.machines import EXECUTOR_TARGETS
from uruk.program.numpy_import import import_numpy
from uruk.runtime_files import executor_program

USAGE = """\
usage: uruk executor --print-path [--target TARGET]
       uruk executor --listen HOST:PORT [--once]

  --print-path        print where the executor program is
  --target TARGET     of which target: x86_64-linux (the default), aarch64-linux, x86_64-windows
  --listen HOST:PORT  serve each `uruk run --connect HOST:PORT' with an executor of its own, until interrupted;
                      port 0 is any that is free. Beyond loopback a secret is wanted, from URUK_SECRET or the file
                      that URUK_SECRET_FILE names, on both sides
  --once              serve one connection, and end with it
"""


@dataclass
class Arguments:
    """The command line."""

    print_path: bool = False
    target: str = EXECUTOR_TARGETS[0]
    listen: str = ""
    once: bool = False


def parse(words: Sequence[str]) -> Arguments:
    """Read the command line. Raises UsageError."""
    arguments = Arguments()
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if option in ("--target", "--listen"):
            value = value if equals else next(rest, "")
            if not value:
                raise UsageError(f"{option} wants a value")
        if option == "--target":
            if value not in EXECUTOR_TARGETS:
                raise UsageError(f"no executor for `{value}'; there are {', '.join(EXECUTOR_TARGETS)}")
            arguments.target = value
        elif option == "--listen":
            host_and_port(value)
            arguments.listen = value
        elif word == "--print-path":
            arguments.print_path = True
        elif word == "--once":
            arguments.once = True
        else:
            raise unknown_option(word, ("--target", "--listen", "--print-path", "--once"))
    if arguments.print_path == bool(arguments.listen):
        raise UsageError("either --print-path or --listen is wanted")
    return arguments


def executor(words: Sequence[str]) -> int:
    """Run the command; the exit status. A server replaces this process by the executor program."""
    arguments = read("executor", USAGE, words, parse)
    if isinstance(arguments, int):
        return arguments
    path = executor_program(arguments.target)
    if arguments.print_path:
        print(path)
        return 0
    verb = "listen" if arguments.once else "serve"
    try:
        return _become(arguments.target, path, f"{verb}={arguments.listen}")
    except ExecutorError as error:
        print(f"uruk executor: {error}", file=sys.stderr)
        return 2


def _become(target: str, path: str, word: str) -> NoReturn:
    """Replace this process by an executor. Raises ExecutorError where nothing runs programs of its target."""
    import_numpy()
    from uruk.spawning import launcher_of  # takes time to import

    launcher, environment = launcher_of(target, os.environ)
    command = [*launcher, path, word]
    os.execvpe(command[0], command, environment)
