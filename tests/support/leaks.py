"""What a process holds, for tests that nothing is left behind."""

from __future__ import annotations

import gc
import os


def open_descriptors() -> int:
    """Count this process's open descriptors, once garbage is collected.

    Earlier tests leave sessions and executors that only the garbage collector closes: without a collection first,
    they close between the two counts of a later test. A test compares with `<=` for the same reason.
    """
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
