"""Types as `cdef` reads them, against compilers: sizes, alignments, offsets, and the bits of bit-fields."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uruk
from uruk.c_types.declarations import Types

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

COUNT = 120
INTEGERS = {
    "char": 8, "signed char": 8, "unsigned char": 8, "short": 16, "unsigned short int": 16, "int": 32, "unsigned": 32,
    "long": 64, "unsigned long long": 64, "_Bool": 1, "enum small": 31, "enum negative": 32, "int16_t": 16,
    "uint64_t": 64,
}  # fmt: skip
OTHERS = (
    "float", "double", "long double", "float _Complex", "double _Complex", "_Atomic int", "_Atomic(long)", "size_t",
    "enum large", "enum lowest", "matrix", "const struct first", "union second", "wchar_t", "_Atomic long double",
)  # fmt: skip
LENGTHS = (
    "3",
    "'\\n'",
    "(0u - 1) / 0x40000000",
    "~0 & 5",
    "-7 / 2 + 9",
    "1 ? 2 : 9",
    "TEN - 3",
    "(THREE - 4) >> 28",
    "2][3",
)
COMMON = """
#define THREE 3u
enum small { ONE = 1, TEN = 10 }; enum negative { MINUS = -1 };
enum large { LARGE = 0x7fffffffffffffff }; enum lowest { LOWEST = -2147483649, TOP = 1 << 31 };
typedef short row[3]; typedef row matrix[2];
struct first { char c; long double x; }; union second { char c[5]; short s; };
"""


def members(rng: random.Random, depth: int = 0, prefix: str = "m") -> str:
    """Return members of a structure or union, the last of which may be of any length."""
    made: list[str] = []
    for at in range(rng.randint(1, 6)):
        name = f"{prefix}{at}"
        kind, bits = rng.choice([*INTEGERS.items()])
        choice = rng.randrange(10)
        if choice < 3:
            signed = "signed char" if kind == "char" else kind  # of char itself they are refused
            made.append(f"{signed} {name}:{rng.randint(1, bits)};")
        elif choice == 3:
            made.append(f"{kind} :{rng.choice((0, rng.randint(1, bits)))};")
        elif choice == 4 and depth < 3:
            inner = members(rng, depth + 1, f"{name}_")
            made.append(f"{rng.choice(('struct', 'union'))} {{ int {name}_; {inner} }};")
        elif choice == 5:
            made.append(
                rng.choice(("int (*{}[2])(char)", "long (*{})[4]", "int *{}", "void (**{})(void)")).format(name) + ";"
            )
        else:
            kind = rng.choice((kind, *OTHERS))
            made.append(f"{kind} {name}{rng.choice(('', f'[{rng.choice(LENGTHS)}]'))};")
    return " ".join(made)


def declarations(seed: int) -> list[str]:
    rng = random.Random(seed)
    made: list[str] = []
    for at in range(COUNT):
        kind, rest = rng.choice((("struct", ""), ("struct", " long last[];"), ("union", "")))
        made.append(f"typedef {kind} {{ char first; {members(rng)}{rest} }} t{at};")
    return made


def questions(at: int, kind: Any) -> str:
    """Return C that puts a type's size, alignment and offsets into a table, and ones into each bit-field."""
    offsets = [f"__builtin_offsetof(t{at}, {name})" for name, field in kind.fields if field.bitsize < 0]
    ones = [f"t{at} ones{at}_{name} = {{ .{name} = -1 }};" for name, field in kind.fields if field.bitsize >= 0]
    return (
        f"unsigned long table{at}[] = {{ {', '.join((f'sizeof(t{at})', f'_Alignof(t{at})', *offsets))} }};"
        + " ".join(ones)
    )


@pytest.mark.parametrize("compiler", ["gcc", "clang-19"])
def test_random_declarations(compiler: str, jit: uruk.LLJIT, tmp_path: Path) -> None:
    types = Types()
    made = declarations(7)
    types.declare("\n".join((COMMON, *made)))
    ffi: Any = types._ffi  # pyright: ignore[reportPrivateUsage]
    kinds = [ffi.typeof(f"t{at}") for at in range(COUNT)]
    headers = "#include <stddef.h>\n#include <stdint.h>\n#include <wchar.h>\n"
    source = "\n".join((headers, COMMON, *made, *(questions(at, kind) for at, kind in enumerate(kinds))))
    (tmp_path / "asked.c").write_text(source)
    path = shutil.which(compiler)
    assert path is not None
    subprocess.run([path, "-w", "-c", "asked.c", "-o", "asked.o"], cwd=tmp_path, check=True)
    jit.add_object(tmp_path / "asked.o")
    for at, kind in enumerate(kinds):
        whole = [field.offset for _, field in kind.fields if field.bitsize < 0]
        expected = [ffi.sizeof(kind), ffi.alignof(kind), *whole]
        found = np.frombuffer(jit.read(jit.lookup(f"table{at}"), 8 * len(expected)), np.uint64)
        assert found.tolist() == expected, made[at]
        for name, field in kind.fields:
            if field.bitsize >= 0:
                data = jit.read(jit.lookup(f"ones{at}_{name}"), ffi.sizeof(kind))
                ones = ((1 << field.bitsize) - 1) << (8 * field.offset + field.bitshift)
                assert int.from_bytes(data, "little") == ones, (made[at], name)
