"""Files that compilers' drivers put before and behind the objects of a program: what they do is done here already.

Lines without a driver name them, and so do scripts and drivers' lines with ``-nostartfiles``. `*crt1.o`, which has a
``_start``, is an object like others where it is not the driver's.
"""

from __future__ import annotations

import os


def surrounds_objects(path: str) -> bool:
    """Return True for crti.o, crtn.o and a compiler's crtbegin.o and crtend.o, by their names (gcc's specs)."""
    name = os.path.basename(path)
    begins = name.startswith(("crtbegin", "crtend", "clang_rt.crtbegin", "clang_rt.crtend"))
    return name in ("crti.o", "crtn.o") or (begins and name.endswith(".o"))
