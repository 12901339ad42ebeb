"""Running materialization: tasks, the dispatchers that run them, and waiting without deadlock.

A lookup hands its tasks to the session's dispatcher and waits for them. A waiting thread runs those that have not
begun. So a dispatcher may do nothing at all (`InlineDispatcher`), and a pool whose threads all wait for each other's
tasks gets on. What is left is a task that waits for itself through others: that is found before any thread waits.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from uruk.errors import InvalidValue, LookupTimeout, MaterializationCycle, UrukError
from uruk.executor.locks import frame_of


class Task:
    """One piece of work that lookups wait for.

    `title` says what it does, for which `names`; `number` is that of the unit that it makes.
    """

    def __init__(
        self, title: str, work: Callable[[], None], number: int | None = None, names: Sequence[str] = ()
    ) -> None:
        self.title = title
        self.names = names
        self.number = number
        self.error: BaseException | None = None
        """The error that it failed with."""
        self.thread = 0
        """Identifier of the thread that runs it, 0 before."""
        self.since = 0.0
        self.done = threading.Event()
        self._work = work
        self._waits_for: Sequence[Task] = ()

    def run(self) -> bool:
        """Do the work, unless it has begun already; returns whether it was done here. Raises nothing of the work's.

        An interruption (KeyboardInterrupt, SystemExit) is kept as `error`, and raised too.
        """
        with _lock:
            if self.thread:
                return False
            self.thread, self.since = threading.get_ident(), time.monotonic()
        stack = _stack()
        stack.append(self)
        try:
            self._work()
        except Exception as error:
            self.error = error
        except BaseException as error:
            self.error = error
            raise
        finally:
            stack.pop()
            self.done.set()
        return True

    @property
    def begun(self) -> bool:
        """True once some thread runs it or has run it."""
        return self.thread != 0

    def where(self) -> str:
        """Return the place where its thread is now, as ``for 1.2 s, now at file:line in function``."""
        if not self.thread:
            return "not begun"
        text = f"for {time.monotonic() - self.since:.1f} s"
        frame = frame_of(self.thread)
        while frame is not None and str(frame.f_globals.get("__name__")).startswith("uruk.orc"):
            frame = frame.f_back  # a nested wait of the session itself says less than who waits
        if frame is not None:
            text += f", now at {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}()"
        return text

    def waits_for(self) -> list[str]:
        """Return the work of the tasks that it waits for."""
        return [task.title for task in self._waits_for if not task.done.is_set()]

    def abandon(self, error: UrukError) -> None:
        """Give it up: its thread is gone (after a fork). The threads that wait get the error."""
        self.error = error
        self.thread = self.thread or -1
        self.done.set()


class Dispatcher(Protocol):
    """A place for tasks to run. A thread that waits for one runs it if it has not begun: a dispatcher may be lazy."""

    def dispatch(self, task: Task) -> None:
        """Have ``task.run()`` called at some time, from any thread, or never."""
        ...

    def close(self) -> None:
        """No task will be dispatched any more."""
        ...


class InlineDispatcher:
    """Tasks run in the thread that waits for them (ORC's InPlaceTaskDispatcher)."""

    def dispatch(self, task: Task) -> None:
        """Leave it to the waiter."""

    def close(self) -> None:
        """Nothing to do."""


class ThreadPoolDispatcher:
    """Tasks run in up to `workers` threads, which end after some idle seconds and never keep a process alive."""

    IDLE = 2.0

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise InvalidValue(f"workers must be at least 1, got {workers}")
        self.workers = workers
        self.renew()

    def renew(self) -> None:
        """Begin afresh, in a forked child: the threads are the parent's."""
        self._changed = threading.Condition()
        self._tasks: deque[Task] = deque()
        self._threads = 0
        self._idle = 0

    def dispatch(self, task: Task) -> None:
        """See `Dispatcher.dispatch`."""
        with self._changed:
            self._tasks.append(task)
            if self._idle >= len(self._tasks):
                self._changed.notify()
                return
            if self._threads >= self.workers:
                return
            self._threads += 1
        try:
            threading.Thread(target=self._run, daemon=True, name="uruk worker").start()
        except RuntimeError:  # no more threads, or the interpreter ends: the thread that waits for the task runs it
            with self._changed:
                self._threads -= 1

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._tasks:
                    self._idle += 1
                    called = self._changed.wait(self.IDLE)
                    self._idle -= 1
                    if not called and not self._tasks:
                        self._threads -= 1
                        return
                task = self._tasks.popleft()
            with contextlib.suppress(KeyboardInterrupt, SystemExit):  # waiting threads get it; the pool keeps its own
                task.run()
            del task

    def close(self) -> None:
        """Idle threads end by themselves."""


_lock = threading.RLock()  # reentrant: a destructor may look names up in the middle
_local = threading.local()
_waiting: dict[int, Sequence[Task]] = {}
"""Thread -> the tasks that it waits for now."""


def _stack() -> list[Task]:
    """Return the tasks that this thread is in, outermost first."""
    stack: list[Task] | None = getattr(_local, "stack", None)
    if stack is None:
        stack = _local.stack = []
    return stack


def current_task() -> Task | None:
    """Return the task that this thread runs."""
    stack = _stack()
    return stack[-1] if stack else None


def wait_for(tasks: Sequence[Task], deadline: float | None, waiter: str) -> None:
    """Wait until all tasks are done, running those here that have not begun.

    With a `deadline` (of time.monotonic) nothing runs in this thread, which has to be able to give up: tasks that
    have not begun get threads. Raises LookupTimeout, which says what each unfinished task is doing, and
    MaterializationCycle where waiting would never end.
    """
    me = current_task()
    _begin_wait(me, tasks)
    this_thread = threading.get_ident()
    outer, _waiting[this_thread] = _waiting.get(this_thread, ()), tasks
    try:
        for task in tasks:
            if deadline is None:
                task.run()
            elif not task.begun:
                threading.Thread(target=task.run, daemon=True, name="uruk lookup").start()
        for task in tasks:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not task.done.wait(left):
                raise LookupTimeout(
                    waiter, [f"{task.title}: {task.where()}" for task in tasks if not task.done.is_set()]
                )
    finally:
        if outer:
            _waiting[this_thread] = outer
        else:
            del _waiting[this_thread]
        if me is not None:
            with _lock:
                me._waits_for = ()  # pyright: ignore[reportPrivateUsage]


def waiting_threads() -> list[tuple[int, int]]:
    """Return the threads that wait for tasks, and the threads that run these."""
    waits = list(_waiting.items())
    return [(thread, task.thread) for thread, tasks in waits for task in tasks if task.begun and not task.done.is_set()]


def _begin_wait(me: Task | None, tasks: Sequence[Task]) -> None:
    """Note that the current task waits, unless some of `tasks` waits for it, or for a task around it."""
    if me is None:
        return
    stack = _stack()
    entered = set(stack)
    with _lock:
        for task in tasks:
            path = _path(task, entered, set())
            if path:
                inner = stack[stack.index(path[-1]) + 1 :]  # what this thread went through to get here
                raise MaterializationCycle([task.title for task in (me, *path, *inner)])
        me._waits_for = tasks  # pyright: ignore[reportPrivateUsage]


def _path(task: Task, wanted: set[Task], seen: set[Task]) -> list[Task]:
    """Return the chain of waiting tasks from `task` to one of `wanted`; empty if there is none."""
    if task in wanted:
        return [task]
    if task in seen or task.done.is_set():
        return []
    seen.add(task)
    for awaited in task._waits_for:  # pyright: ignore[reportPrivateUsage]
        path = _path(awaited, wanted, seen)
        if path:
            return [task, *path]
    return []
