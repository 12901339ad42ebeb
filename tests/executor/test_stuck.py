"""Executors that are stuck at some moment of a session: calls have their deadline, and the end ends the process."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lying_sweep import DEADLINES, Session

from uruk.errors import ExecutorLost, ExecutorTimeout
from uruk.executor import llvm_services

from support.executors import TARGETS

END = 5.0
"""Seconds that the end of a session may take."""
LOADED = 10.0
"""Seconds more for a machine that is at work."""
MOMENTS = 8
"""At how many moments a process of Linux is stopped; one under wine at half as many."""
LINUX = TARGETS[0]


def our_children() -> set[str]:
    children = set[str]()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            children.update((task / "children").read_text().split())
    return children


def processes_with(word: str) -> list[str]:
    """Those that were started with this word, whoever their parent is."""
    commands: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [command for command in commands if word in command]


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "wire"])
def test_at_each_message(target: str, shared: bool, liars_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is stopped, and another one holds its line, as a launcher's would."""
    deadline = DEADLINES[target]
    monkeypatch.setattr(llvm_services, "FIRST_CALL", deadline)
    session, log = Session(liars_folder, target, "", shared), str(liars_folder / f"log.{shared}")
    session.run({}, log)
    count = len(Path(log).read_text().splitlines())
    assert count > 25
    before = our_children()

    def stuck(moment: int) -> tuple[float, BaseException]:
        begin = time.monotonic()
        with pytest.raises((ExecutorTimeout, ExecutorLost)) as raised:
            session.run({"stop": moment}, log)
        return time.monotonic() - begin, raised.value

    moments = range(0, count, count // (MOMENTS if target == LINUX else MOMENTS // 2))
    with ThreadPoolExecutor(len(moments)) as threads:
        for seconds, error in threads.map(stuck, moments):
            assert seconds < deadline + END + LOADED, error
    assert our_children() <= before
    assert not processes_with(log)
