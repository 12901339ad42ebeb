"""The runtime of this process: the C functions that linked code and the platform rely on.

They are linked once a process by uruk itself, from the runtime archive, and never released: glibc may call into them
until the process has ended.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.orc.session import Session

_lock = threading.Lock()
_runtime: list[Runtime] = []
SESSIONS: list[Session] = []
"""The session that the runtime of this process was linked by, once it is."""


def process_runtime() -> Runtime:
    """Return the runtime of this process, linked on first use."""
    with _lock:
        if not _runtime:
            from uruk.platforms.linux.runtime_linking import link_runtime  # many sessions link nothing

            session, runtime = link_runtime()
            SESSIONS.append(session)
            _runtime.append(runtime)
        return _runtime[0]


def is_linked() -> bool:
    """Return True once the runtime is there, and costs nothing to ask."""
    return bool(_runtime)
