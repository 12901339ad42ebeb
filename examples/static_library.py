"""A static C library, without a shared one and without a build: SQLite's archive answers a query, row by row."""

from __future__ import annotations

import sys

import uruk

with uruk.LLJIT(executor=uruk.spawn() if "child" in sys.argv else None) as jit:
    jit.add_library("sqlite3", static=True)
    jit.add_library("z", static=True)
    jit.add_library("m")
    print("zlib", jit.string(jit.lookup("zlibVersion").function("void *(void)")()).split(".")[0])

    place = jit.lookup("sqlite3_malloc").function("uintptr_t(int)")(8)
    jit.lookup("sqlite3_open").function("int(const char *, uintptr_t)")(b":memory:", place)
    database = int.from_bytes(jit.read(place, 8), "little")
    rows: list[str] = []

    def row(_context: int, count: int, values: int, _names: int) -> int:
        cells = jit.array(values, count, "uint64").tolist()
        rows.append(" ".join(jit.string(cell) for cell in cells))
        return 0

    take = jit.callback("int(uintptr_t, int, uintptr_t, uintptr_t)", row)
    execute = jit.lookup("sqlite3_exec").function("int(uintptr_t, const char *, uintptr_t, uintptr_t, uintptr_t)")
    query = b"create table t(x); insert into t values (1), (20); select x, x * x from t;"
    print(execute(database, query, int(take), 0, 0), rows)
    jit.lookup("sqlite3_close").function("int(uintptr_t)")(database)
