"""The link of the runtime into an executor that does not have it, LLVM's for one: brought there by LLVM's services."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.executor.bootstrap import BootstrapExecutor
from uruk.executor.llvm_services import Services
from uruk.formats.archive import Archive
from uruk.link import Linked
from uruk.orc.registry.search import ArchiveEntry
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform
from uruk.platforms.linux.runtime_archive import function_names


class _Platform(BarePlatform):
    """Names of the executor's process, nothing run; unwind data is noted, to be registered when it is there."""

    def __init__(self, executor: BootstrapExecutor) -> None:
        super().__init__(executor)
        self.frames: list[int] = []

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        self.frames = [
            int(linked.state.address[block]) for block in linked.state.synthetic["unwind"].tolist() if block >= 0
        ]


def link_runtime(services: Services, archive: Archive) -> tuple[dict[bytes, int], list[int]]:
    """Link the runtime into an executor that has none, or an older one.

    Returns the addresses of its functions, and of its unwind data, which is to be registered.
    """
    executor = BootstrapExecutor(services)
    platform = _Platform(executor)
    session = Session(executor, platform)
    dylib = session.create_dylib("runtime")
    # As builtins, members are linked only when a name wants them.
    dylib.search.builtins = ArchiveEntry(archive, dylib.create_tracker("uruk runtime"), 0, set())
    names = function_names(archive)
    answers = session.lookup(dylib, names, roots=False)
    executor.memory.finish()  # brings all of it at once: messages of LLVM's services are the only way there so far
    return {name: address for name, (address, _) in zip(names, answers, strict=True)}, platform.frames
