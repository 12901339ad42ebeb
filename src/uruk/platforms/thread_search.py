"""The search for code that some thread has an address in: the runtime looks through all threads of its process."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.executor.control import Runtime


def find_in_threads(runtime: Runtime, ranges: Sequence[tuple[int, int]]) -> list[bool] | None:
    """See `uruk.orc.platform.Platform.find_in_threads`."""
    if not ranges:
        return []
    words = np.array(ranges, np.uint64).tobytes()
    marks = bytearray(len(ranges))
    failed = runtime.call(b"uruk_rt_find_in_threads", words, len(ranges), marks)
    return None if failed else [bool(mark) for mark in marks]
