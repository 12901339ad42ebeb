"""Inputs: objects from LLVM's static libraries, and small objects made here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from build_support import arm64_root

LIBRARIES = ("X86CodeGen", "SelectionDAG", "CodeGen")
DIRECTORIES = ("/usr/lib/llvm-19/lib", "/usr/lib64/llvm19/lib64", "/usr/lib64")
PACKAGE = "llvm-19-dev"
ENTRY = "LLVMInitializeX86Target"
HANDLE = "void *__dso_handle = &__dso_handle;\n"
SMALL = "int f_00000(int a, int b) { return a + b; }\n"
SMALL_NAME = "f_00000"
CONSTANT = 0x12345678
VARIED = f"int f_00000(int a, int b) {{ return a + b + {CONSTANT}; }}\n"
VARIED_CPP = f"""
template <class T> __attribute__((noinline)) T twice(T x) {{ if (x < 0) throw 1; return x + x; }}
volatile int seed = {CONSTANT};
int started = seed + 1;
extern "C" int f_00000(int a, int b) {{ try {{ return twice(a) + b + started; }} catch (int code) {{ return code; }} }}
"""


@dataclass(frozen=True)
class Batch:
    """Objects to link together from `entry`; `handle` is an object that defines `__dso_handle`."""

    objects: list[str]
    entry: str
    handle: str


def compile_c(text: str, output: Path, *flags: str) -> Path:
    """Compile C to an object with the first compiler there is. Raises RuntimeError without one."""
    source = output.with_suffix(".c")
    source.write_text(text, encoding="utf-8")
    for name in ("clang-19", "gcc", "clang", "cc"):
        compiler = shutil.which(name)
        if compiler is not None:
            subprocess.run([compiler, "-O2", "-c", *flags, "-o", str(output), str(source)], check=True)
            return output
    raise RuntimeError("no C compiler: install gcc or clang")


def aarch64_batch(folder: Path) -> Batch:
    """The same, built for AArch64: of a package of Debian's for arm64, unpacked here. Raises RuntimeError if it cannot.

    URUK_AARCH64_LLVM names the folder of the libraries where they are there already.
    """
    folder.mkdir()
    given = os.environ.get("URUK_AARCH64_LLVM")
    if not given:
        arm64_root.unpack(folder, [PACKAGE], with_needed=False)
    found = llvm_batch(folder, (given or str(folder / "usr/lib/llvm-19/lib"),))
    command = ["clang-19", "--target=aarch64-linux-gnu", "-O2", "-c", "-o", found.handle, str(folder / "dso.c")]
    subprocess.run(command, check=True)
    return found


def llvm_batch(folder: Path, directories: Sequence[str] = DIRECTORIES) -> Batch:
    """Extract LLVM's x86 code generator, about 318 objects. Raises RuntimeError without the libraries."""
    archives = [_archive(name, directories) for name in LIBRARIES]
    ar = shutil.which("ar") or shutil.which("llvm-ar-19")
    if ar is None:
        raise RuntimeError("no `ar': install binutils")
    objects: list[str] = []
    for archive in archives:
        into = folder / archive.stem
        into.mkdir()
        subprocess.run([ar, "x", str(archive)], cwd=into, check=True)
        objects += [str(path) for path in sorted(into.iterdir())]
    return Batch(objects, ENTRY, str(compile_c(HANDLE, folder / "dso.o")))


def _archive(name: str, directories: Sequence[str]) -> Path:
    for directory in directories:
        path = Path(directory) / f"libLLVM{name}.a"
        if path.is_file():
            return path
    raise RuntimeError(f"no libLLVM{name}.a: install llvm-19-dev")


def small_batch(folder: Path) -> Batch:
    """Three objects that call each other, to try the benchmarks on."""
    texts = [
        "int two(void); int f_00000(void) { return two(); }\n",
        "int three(void); int two(void) { return 1 + three(); }\n",
        "int three(void) { return 3; }\n",
    ]
    objects = [str(compile_c(text, folder / f"part{number}.o")) for number, text in enumerate(texts)]
    return Batch(objects, SMALL_NAME, str(compile_c(HANDLE, folder / "dso.o")))


def small_object(folder: Path) -> bytes:
    """One object with one function, `SMALL_NAME`."""
    return compile_c(SMALL, folder / "small.o").read_bytes()


def varied_object(folder: Path) -> bytes:
    """One object with one function, `SMALL_NAME`, that adds `CONSTANT` to its arguments' sum."""
    return compile_c(VARIED, folder / "varied.o").read_bytes()


def varied_cpp_object(folder: Path) -> bytes:
    """The same in C++, with a template in a group, an exception that is caught, and a static initialiser."""
    source, output = folder / "varied_cpp.cpp", folder / "varied_cpp.o"
    source.write_text(VARIED_CPP, encoding="utf-8")
    for name in ("clang++-19", "g++", "clang++"):
        compiler = shutil.which(name)
        if compiler is not None:
            subprocess.run([compiler, "-O2", "-c", "-o", str(output), str(source)], check=True)
            return output.read_bytes()
    raise RuntimeError("no C++ compiler: install g++ or clang")


def shapes(folder: Path, count: int) -> list[tuple[str, bytes]]:
    """Objects that differ in functions, names, sections and flags: a name of each, whose function adds `CONSTANT`."""
    flags = ((), ("-ffunction-sections",), ("-fno-asynchronous-unwind-tables",), ("-g",), ("-O0", "-fPIC"))
    found: list[tuple[str, bytes]] = []
    for number in range(count):
        name, parts = f"shape_{number:03}", number % 7
        lines = [
            f"__attribute__((weak)) int helper_{number}_{part}(int a) {{ return a * {part + 3}; }}"
            for part in range(parts)
        ]
        if number % 3:
            lines.append(f"const int table_{number}[{number + 9}] = {{{number}, 7}};")
        if number % 4 == 3:
            lines.append(f"int counter_{number} = 5; int *volatile where_{number} = &counter_{number};")
        calls = "".join(f" + helper_{number}_{part}(0)" for part in range(parts))
        lines.append(f"int {name}(int a, int b) {{ return a + b + {CONSTANT}{calls}; }}")
        path = compile_c("\n".join(lines) + "\n", folder / f"{name}.o", *flags[number % len(flags)])
        found.append((name, path.read_bytes()))
    return found


def with_constant(template: bytes, number: int) -> bytes:
    """A varied object with another constant."""
    return template.replace(CONSTANT.to_bytes(4, "little"), number.to_bytes(4, "little"))


def renamed(template: bytes, number: int) -> bytes:
    """The small object with its function called ``f_<number>``, five digits."""
    return template.replace(SMALL_NAME.encode(), b"f_%05d" % number)
