"""The import of numpy by uruk's own programs, which multiply no matrices: it starts no threads for that.

A process of a program's own has its threads alone then, as natively, and the import is shorter. Both is so for
uruk's programs only: in a user's process, how many threads numpy has is for the user to say.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager

_VARIABLE = "OPENBLAS_NUM_THREADS"
_OTHERS = ("GOTO_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_DEFAULT_NUM_THREADS")
"""Read by OpenBLAS where `_VARIABLE` is not set: a user who sets one of them has said how many threads there are."""


@contextmanager
def numpy_without_threads() -> Generator[None]:
    """Import numpy behind the body, before which a variable of the environment is set, and gone again afterwards.

    Linked programs have the user's environment: those of this process read it, and children inherit it. It is set first
    so that the body may start threads: they would read the environment while it is changed. To take away what was
    set last moves nothing in it.
    """
    sets = "numpy" not in sys.modules and not any(name in os.environ for name in (_VARIABLE, *_OTHERS))
    if sets:
        os.environ[_VARIABLE] = "1"
    try:
        yield
        import numpy as numpy
    finally:
        if sets:
            del os.environ[_VARIABLE]


def import_numpy() -> None:
    """Import numpy so."""
    with numpy_without_threads():
        pass
