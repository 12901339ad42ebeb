# pyright: strict
"""Code as users write it, with names that only the linked object knows: type checkers must accept it as it is."""

from __future__ import annotations

import sys

import numpy as np

import uruk


def twice(number: int) -> int:
    """What linked code calls."""
    return 2 * number


def use(path: str, executor: uruk.RemoteExecutor | None = None) -> list[float]:
    """Call functions, and read and set variables, by attributes, items and lookups."""
    with uruk.LLJIT(executor=executor) as jit:
        code = jit.add_object(path)
        seen: list[float] = [jit.add(1, 2), jit.lookup("add")(3, 4), jit.add.function("int(int, int)")(5, 6)]
        jit.counter = 40
        seen.append(jit.next())
        jit.config.at.x = 7
        jit.table[3].x = 8
        seen += [jit.config.at.x, jit.total(jit.table, 4)]
        numbers: np.ndarray[tuple[int], np.dtype[np.int32]] = np.ones(3, np.int32)
        seen.append(jit.sum(numbers, 3))
        seen.append(jit.apply(twice, 21))
        kept = jit.callback("int(int)", twice)
        seen.append(jit.apply(kept, 22))
        kept.release()
        seen.append(int(jit.array(jit.lookup("table"), 8, "int32")[6]))
        code.remove()
    with uruk.load(path) as shapes:
        shapes.counter = 1
        shapes["counter"] += 1
        seen.append(shapes.next() + shapes["counter"])
    return seen


if __name__ == "__main__":
    print(use(sys.argv[1]), use(sys.argv[1], uruk.spawn()))
