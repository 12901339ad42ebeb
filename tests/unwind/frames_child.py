"""Links objects, throws something unrelated, removes them, and throws again; run as a program, as a crash is its end.

    frames_child.py LIBRARY OBJECT...

`LIBRARY` has `throw_and_catch`. Prints for each object ``NAME refused STRUCTURE: PROBLEM`` or ``NAME harmless``.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from uruk import LLJIT
from uruk.errors import ObjectFormatError


def main() -> None:
    """See the module's text."""
    throw_and_catch = ctypes.CDLL(sys.argv[1]).throw_and_catch
    for path in sys.argv[2:]:
        print(Path(path).stem, end=" ", flush=True)
        with LLJIT() as jit:
            tracker = jit.add_object(path)
            try:
                jit.lookup("entry")
                outcome = "harmless"
            except ObjectFormatError as error:
                outcome = f"refused {error.structure}: {error.problem}"
            assert throw_and_catch(3) == 3
            tracker.remove()
            assert throw_and_catch(4) == 4
        print(outcome, flush=True)


if __name__ == "__main__":
    main()
