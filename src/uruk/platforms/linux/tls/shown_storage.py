"""The thread-locals of linked code, for callers of `dl_iterate_phdr` that want the object in which the code lies.

The loader knows linked thread-locals as those of a carrier, and the code as part of a slab's object, which has none.
Where linked code calls `dl_iterate_phdr`, or a function of a library that asks for its caller's thread-locals so, the
answer is the runtime's (runtime/linux/shown_storage.c), which shows the slab's object with the storage of that code's
module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import AllocationError
from uruk.platforms.linux.runtime_archive import ASKS, ITERATE

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.link import Linked
    from uruk.orc.registry.tracker import ResourceTracker


def show(linked: Linked, trackers: Sequence[ResourceTracker], runtime: Runtime, shown: set[int]) -> None:
    """Show the slab's object with the storage of the module of a batch that asks; its id is added to `shown`.

    A slab that the loader does not know stays as it is. Raises AllocationError.
    """
    state, header = linked.state, linked.allocation.header
    if header is None or state.external is None:
        return
    names = state.names.ids.texts(state.symbols.name.take(state.undefined).tolist())
    for index, name in enumerate(names):
        base = name.partition(b"@")[0]
        if base != ITERATE and base not in ASKS:
            continue
        if base in ASKS:  # the library's own reference to dl_iterate_phdr is bound to the runtime's
            runtime.call(b"uruk_rt_bind_iterate", int(state.external.address[index]))
        for module in _modules_of(linked, int(state.undefined[index])):
            # Code without thread-locals in this batch gets those that its tracker has from an earlier one.
            storage = linked.storage.get(module) or next(iter(trackers[module].resources.storage), None)
            if storage is not None:
                shown.add(storage.module_id)
                if runtime.call(b"uruk_rt_show_storage", header, storage.module_id):
                    raise AllocationError("no memory to show thread-locals to the program's dl_iterate_phdr")


def _modules_of(linked: Linked, row: int) -> list[int]:
    """Return the modules whose objects refer to what a canonical row stands for."""
    state = linked.state
    rows = np.flatnonzero(state.canonical == row)
    owners = {state.graph.object_of_symbol(int(row)) for row in rows}
    return sorted({int(state.module_of_object[owner]) for owner in owners if owner >= 0})
