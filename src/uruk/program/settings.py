"""The settings of a program beside its link plan: the process where it runs, and what it gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.program.link_plan import LinkPlan
from uruk.records import Values, field, record

if TYPE_CHECKING:
    from uruk.executor.remote import RemoteExecutor


@record
class Settings(Values):
    """`plan` says what is linked, all else where and how. Sizes are bytes; 0 or empty: the default."""

    plan: LinkPlan = field(default_factory=LinkPlan)
    program: list[str] = field(default_factory=list[str])
    """The program's arguments, without argv[0]."""
    execute: bool = True
    slab: int = 0
    in_process: bool = False
    oop: bool = False
    target: str = ""
    launcher: list[str] = field(default_factory=list[str])
    executor: str = ""
    shared_memory: bool | None = None
    connect: tuple[str, int] | None = None
    secret: bytes | None = None
    """The secret that an executor that is connected to wants to hear first."""
    bound_early: list[tuple[bytes, str]] = field(default_factory=list[tuple[bytes, str]])
    """Thread-locals and their libraries that must have static storage before any use; found by trying."""
    environment: dict[str, str] | None = None
    """The child's environment; None: that with which this process was started."""
    streams: tuple[int, ...] = ()
    """Descriptors of the child's standard streams; none: this process's."""
    returns: bool = False
    """In process: main() is called, and this process goes on after it."""
    directory: str = ""
    """The child's working directory; empty: this process's."""
    given_executor: RemoteExecutor | None = None
    """A process that the user started, or connected to, for this one run."""
    tls_pool: int = 0
    """Static thread-local storage of the child; 0: what the program needs."""
