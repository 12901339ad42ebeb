"""A program of ``uruk run --in-process``: this process, made to look like a fresh one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from uruk.lljit import LLJIT
from uruk.platforms.linux.platform import environment_at_start, linux_platform
from uruk.platforms.linux.runtime_here import process_runtime
from uruk.program.linux.initial_stack import InitialStack
from uruk.program.linux.tunables import as_it_was
from uruk.symbol import watch_overflows

_LARGE = 16 << 20
"""Bytes of archives from which on a link needs much memory for a short time."""


class ProgramInProcess:
    """This process as a program's."""

    executor = None

    def __init__(self) -> None:
        self._stack: InitialStack | None = None
        self._keeps_memory = False

    def prepare(self, jit: LLJIT, words: Sequence[str]) -> None:
        """Restore what a process has before main(), and an interpreter changed: signals, locale, environment, argv."""
        sys.stdout.flush()
        sys.stderr.flush()
        runtime = process_runtime()
        self._stack = stack = InitialStack(list(map(os.fsencode, words)), as_it_was(environment_at_start()))
        runtime.call(b"uruk_rt_set_environ", stack.envp)
        if stack.name:
            runtime.call(b"uruk_rt_set_program_name", stack.name)
        runtime.call(b"uruk_rt_fresh_process")
        watch_overflows()
        program = linux_platform(jit.platform).program
        program.argc, program.argv, program.envp = stack.argc, stack.argv, stack.envp
        if sum(entry.archive.size for entry in jit.main.search.archives) >= _LARGE:
            from uruk.program.linux import heap

            self._keeps_memory = heap.keep_freed_memory()

    def run(self, jit: LLJIT, entry: int, *, starts: bool = False) -> int:
        """Call main() and leave the process as its return does: exit(main(argc, argv, envp))."""
        if self._keeps_memory:
            from uruk.program.linux import heap

            heap.as_after_columns()
        program = linux_platform(jit.platform).program
        if starts:
            process_runtime().call(b"uruk_rt_start_program", entry, program.argc, program.argv)
        process_runtime().call(b"uruk_rt_exit_main", entry, program.argc, program.argv, program.envp)
        return 0


class CalledInProcess:
    """This process as a program's that goes on when main() returns; its environment and signals stay as they are."""

    executor = None

    def __init__(self) -> None:
        self._stack: InitialStack | None = None

    def prepare(self, jit: LLJIT, words: Sequence[str]) -> None:
        """Lay out argc, argv and the environment for main()."""
        environment = [name + b"=" + value for name, value in os.environb.items()]
        self._stack = stack = InitialStack(list(map(os.fsencode, words)), environment)
        program = linux_platform(jit.platform).program
        program.argc, program.argv, program.envp = stack.argc, stack.argv, stack.envp

    def run(self, jit: LLJIT, entry: int, *, starts: bool = False) -> int:
        """Call main(); what it returns, as an exit status. Start code does not return: it ends this process."""
        program = linux_platform(jit.platform).program
        watch_overflows()
        if starts:
            process_runtime().call(b"uruk_rt_start_program", entry, program.argc, program.argv)
        return process_runtime().call(b"uruk_rt_call_main", entry, program.argc, program.argv) & 0xFF
