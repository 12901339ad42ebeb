"""A trial of a program's link: everything is linked as a run would have it, in a child, and none of it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from uruk.errors import ExecutorError, UrukError
from uruk.program.linked_program import LinkedProgram
from uruk.program.reading import Objects, Other, Reader
from uruk.program.settings import Settings
from uruk.program.systems import system_of


class TrialLink(LinkedProgram):
    """A program of which all is linked, and nothing called: no initialiser, no entry."""

    _asked: Sequence[str] = ()

    def _add_inputs(self, inputs: list[Objects | Other]) -> None:
        super()._add_inputs(inputs)
        entry, _ = self._system.entry(self.jit, self._plan)
        # Asked now, as default libraries, which come later, have a main() that wants further functions (MinGW's).
        self._asked = [entry] if self._plan.entry or self.jit.knows(entry) else []

    def _look_entry_up(self) -> None:
        self.jit.link_everything(self._asked)

    def close(self) -> None:
        """End the session, and the process that was started for it."""
        executor = self.jit.executor
        self.jit.close()
        executor.close()


def try_link(settings: Settings, reader: Reader) -> tuple[UrukError | None, str]:
    """Return the error for which a program would not link, or None, and a remark on how that was found out.

    Libraries are loaded into the child, where their constructors run with streams that lead nowhere. Where no child can
    be had (an emulator is missing, say), the program is linked for no process.
    """
    silence = os.open(os.devnull, os.O_RDWR)
    tried = replace(settings, execute=True, in_process=False, oop=True, streams=(silence,) * 3)
    try:
        return _attempts(tried, reader), ""
    except ExecutorError as error:
        remark = f"linked without a process, as none could be had: {error.describe()}"
        return _attempts(replace(tried, execute=False, oop=False), reader), remark
    finally:
        os.close(silence)


def _attempts(settings: Settings, reader: Reader) -> UrukError | None:
    """Link in as many processes as it takes to find one in which that may do. Raises ExecutorError."""
    while True:
        program = TrialLink(settings, reader)
        try:
            program.link()
            return None
        except ExecutorError:
            raise
        except UrukError as error:
            if not system_of(settings.target).another_may_do(settings, error):
                return error
        finally:
            program.close()
