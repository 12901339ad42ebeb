"""A program of ``uruk run`` in a process of its own: a child executor, or one that is connected to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import AllocationError, ExecutorError
from uruk.executor import answers
from uruk.lljit import LLJIT
from uruk.memory.manager import DEFAULT_SLAB
from uruk.platforms.linux.attach import STATIC_TLS
from uruk.platforms.linux.platform import environment_at_start, linux_platform
from uruk.spawning import connect, spawn

if TYPE_CHECKING:
    from uruk.program.settings import Settings

_PRELOAD = "LD_PRELOAD"


class ProgramInChild:
    """Another process as a program's. Raises ExecutorError where it cannot be had."""

    def __init__(self, arguments: Settings) -> None:
        shared, slab = arguments.shared_memory, arguments.slab or DEFAULT_SLAB
        self._directory = arguments.directory
        if arguments.given_executor is not None:
            self.executor = arguments.given_executor
        elif arguments.connect:
            host, port = arguments.connect
            self.executor = connect(host, port, secret=arguments.secret, shared_memory=bool(shared), slab_size=slab)
        else:
            environment = _environment() if arguments.environment is None else dict(arguments.environment)
            before = environment.get(_PRELOAD, "")
            if preloaded := arguments.plan.preloaded:
                environment[_PRELOAD] = ":".join([*preloaded, *filter(None, [before])])
            self.executor = spawn(
                executor=arguments.executor or None,
                launcher=arguments.launcher or None,
                target=arguments.target or None,
                shared_memory=shared is not False,
                slab_size=slab,
                tls_pool=arguments.tls_pool or STATIC_TLS,
                environment=environment,
                streams=arguments.streams,
            )
            if preloaded:  # the program's own children are started without it
                value = os.fsencode(before) + b"\0" if before else 0
                self.executor.runtime.call(b"uruk_rt_set_variable", _PRELOAD.encode() + b"\0", value)

    def prepare(self, jit: LLJIT, words: Sequence[str]) -> None:
        """Lay out argc, argv, the environment and the auxiliary vector there."""
        texts = b"".join(os.fsencode(word) + b"\0" for word in words)
        laid_out = self.executor.runtime.call(b"uruk_rt_initial_stack", texts, len(texts), len(words))
        argv = answers.address(laid_out, "the program's arguments", len(texts))
        if not argv:
            raise AllocationError("the executor has no memory for the program's arguments")
        program = linux_platform(jit.platform).program
        program.argc, program.argv = len(words), argv

        if self._directory:
            self._change_directory(self._directory)

    def _change_directory(self, path: str) -> None:
        """Have the program begin in a directory; its libraries are loaded by now. Raises ExecutorError."""
        change, _ = self.executor.libraries.find_symbol(None, b"chdir")
        if self.executor.process.call(change, os.fsencode(path) + b"\0") & 0xFFFFFFFF:  # an int in a 64-bit register
            raise ExecutorError(f"the program's process cannot change its working directory to {path}")

    def run(self, jit: LLJIT, entry: int, *, starts: bool = False) -> int:
        """Run main() there; the program's exit status, negative for the signal that ended it."""
        program, executor = linux_platform(jit.platform).program, self.executor
        child = executor.child
        if child is None:
            function = b"uruk_rt_start_program" if starts else b"uruk_rt_call_main"
            return executor.call(executor.runtime.address[function], entry, program.argc, program.argv) & 0xFF
        function = b"uruk_rt_start_program" if starts else b"uruk_rt_run_program"
        executor.run_program(entry, program.argc, program.argv, function)
        status = child.wait()
        if status < 0:
            executor.connection.wait_for_end(1.0)  # the listener reads what the process said of its crash
        return status


def _environment() -> dict[str, str]:
    """Return the environment with which this process was started."""
    pairs = (os.fsdecode(entry).partition("=") for entry in environment_at_start())
    return {name: value for name, _, value in pairs}
