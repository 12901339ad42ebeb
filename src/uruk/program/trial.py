"""A trial of a program's link: everything is linked as a run would have it, in a child, and none of it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from uruk.errors import ExecutorError, UrukError
from uruk.named_tuples import NamedTuple
from uruk.orc.registry.entries import ObjectEntry
from uruk.program.linked_program import LinkedProgram
from uruk.program.reading import Objects, Other, Reader
from uruk.program.settings import Settings
from uruk.program.systems import system_of
from uruk.records import replace


class Trial(NamedTuple):
    """The end of a trial: the error for which a program would not link, if any."""

    error: UrukError | None
    members: frozenset[tuple[str, int]] | None = None
    """The members of archives that were linked, None with an error: the archive's path as `os.path.normpath` gives it,
    and the offset of the member's header."""
    remark: str = ""
    """The way in which it was found out, if not the usual one."""


class TrialLink(LinkedProgram):
    """A program of which all is linked, and nothing called: no initialiser, no entry."""

    _asked: Sequence[str] = ()

    def _add_inputs(self, inputs: list[Objects | Other]) -> None:
        super()._add_inputs(inputs)
        entry, _ = self._system.entry(self.jit, self._plan)
        # Asked now, as default libraries, which come later, have a main() that wants further functions (MinGW's).
        asked = [entry] if self._plan.entry or self.jit.knows(entry) else []
        self._asked = [*asked, *filter(self.jit.knows, self._plan.undefined)]

    def _look_entry_up(self) -> None:
        self.jit.link_everything(self._asked)

    def members(self) -> frozenset[tuple[str, int]]:
        """Return the members of archives that were linked; see `Trial`."""
        entries = (entry for entry in self.jit.session.objects.values() if isinstance(entry, ObjectEntry))
        members = [(entry.archive.archive.name, entry.member) for entry in entries if entry.archive is not None]
        return frozenset((os.path.normpath(name), member) for name, member in members)

    def close(self) -> None:
        """End the session, and the process that was started for it."""
        executor = self.jit.executor
        self.jit.close()
        executor.close()


def try_link(settings: Settings, reader: Reader) -> Trial:
    """Link a program, and return how that ended.

    Libraries are loaded into the child, where their constructors run with streams that lead nowhere. Where no child can
    be had (an emulator is missing, say), the program is linked for no process.
    """
    silence = os.open(os.devnull, os.O_RDWR)
    tried = replace(settings, execute=True, in_process=False, oop=True, streams=(silence,) * 3)
    try:
        return _attempts(tried, reader)
    except ExecutorError as error:
        remark = f"linked without a process, as none could be had: {error.describe()}"
        return _attempts(replace(tried, execute=False, oop=False), reader)._replace(remark=remark)
    finally:
        os.close(silence)


def _attempts(settings: Settings, reader: Reader) -> Trial:
    """Link in as many processes as it takes to find one in which that may do. Raises ExecutorError."""
    while True:
        program = TrialLink(settings, reader)
        try:
            program.link()
            return Trial(None, program.members())
        except ExecutorError:
            raise
        except UrukError as error:
            if not system_of(settings.target).another_may_do(settings, error):
                return Trial(error)
        finally:
            program.close()
