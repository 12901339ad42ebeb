"""COFF objects of every compiler, from sources that need no header of any system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.requirements import require_tool

MSVC, GNU = "--target=x86_64-pc-windows-msvc", "--target=x86_64-w64-windows-gnu"
ARM_MSVC, ARM_GNU = "--target=aarch64-pc-windows-msvc", "--target=aarch64-w64-windows-gnu"
COMPILERS: dict[str, tuple[str, ...]] = {
    "gcc-O0": ("x86_64-w64-mingw32-gcc-posix", "-O0"),
    "gcc-O2": ("x86_64-w64-mingw32-gcc-posix", "-O2", "-ffunction-sections", "-fdata-sections"),
    "gcc-big": ("x86_64-w64-mingw32-gcc-posix", "-O1", "-Wa,-mbig-obj"),
    "clang-gnu": ("clang-19", GNU, "-O1"),
    "zig": (sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-O1"),
    "clang-msvc-O0": ("clang-19", MSVC, "-O0"),
    "clang-msvc-O2": ("clang-19", MSVC, "-O2"),
    "clang-msvc-sections": ("clang-19", MSVC, "-O1", "-ffunction-sections", "-fdata-sections"),
}
"""By name: a program and its options."""
ARM_COMPILERS: dict[str, tuple[str, ...]] = {
    "arm64-gnu": ("clang-19", ARM_GNU, "-O1"),
    "arm64-msvc-O0": ("clang-19", ARM_MSVC, "-O0"),
    "arm64-msvc-O2": ("clang-19", ARM_MSVC, "-O2", "-ffunction-sections", "-fdata-sections"),
}
"""The same for AArch64."""
IS_GNU = {name: "msvc" not in name for name in (*COMPILERS, *ARM_COMPILERS)}

SOURCES = {
    "switches.c": """
        extern int other(int);
        static const char *const names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven"};
        const char *name_of(int x) { return x >= 0 && x < 8 ? names[x] : "many"; }
        int chosen(int x) {
            switch (x) {
            case 0: return other(x); case 1: return x * 3; case 2: return other(x + 7); case 3: return x ^ 91;
            case 4: return other(-x); case 5: return other(x) + other(1); case 6: return 17; case 7: return x - 5;
            }
            return -1;
        }
        int (*const calls[])(int) = {other, chosen};
        int part(int x) { return calls[x & 1](x) + name_of(x)[0]; }
    """,
    "data.c": """
        struct pair { struct pair *next; int value; } ;
        extern struct pair far_pair;
        struct pair ring[3] = {{&ring[1], 1}, {&ring[2], 2}, {&far_pair, 3}};
        static int counters[5000];
        int *const middle = &counters[2500];
        unsigned char bytes[3] = {1, 2, 3};
        volatile float half = 0.5f;
        double scaled(int x) { counters[x] += 1; return ring[x].value * 0.25 + half + bytes[1] + *middle; }
    """,
    "weak.c": """
        __attribute__((weak)) int chosen(int x) { return x + 1; }
        __attribute__((weak)) int absent(int x);
        int here(int x) { return x + 2; }
        int also(int x) __attribute__((weak, alias("here")));
        int part(int x) { return chosen(x) + also(x) + (absent ? absent(x) : 0); }
    """,
    "imports.c": """
        __declspec(dllimport) int imported(int);
        __declspec(dllimport) extern int imported_data;
        int (*where(void))(int) { return imported; }
        int part(int x) { return imported(x) + imported_data; }
    """,
    "large_frame.c": """
        extern void fill(char *, int);
        int part(int x) { char room[40000]; fill(room, x); return room[x]; }
        __thread int counter = 3;
        __thread int zero;
        int counted(void) { zero += 2; return counter++ + zero; }
    """,
    "virtual.cc": """
        struct Shape {
            virtual ~Shape() {} virtual int area() const = 0; virtual int twice() const { return area() * 2; }
        };
        struct Square : Shape {
            int side; Square(int s) : side(s) {} int area() const override { return side * side; }
        };
        struct Named { virtual const char *name() const { return "named"; } int pad; };
        struct Both : Named, Square { Both(int s) : Square(s) {} const char *name() const override { return "both"; } };
        Shape *made(int kind) { if (kind) return new Both(kind); return new Square(5); }
        int measured(Shape *shape) { int all = shape->area() + shape->twice(); delete shape; return all; }
    """,
    "templates.cc": """
        template <class T> struct Stack {
            T *items; int count;
            static int made;
            Stack() : items(new T[16]), count(0) { ++made; }
            ~Stack() { delete[] items; }
            void push(T const &item) { items[count++ & 15] = item; }
            T pop() { return items[--count & 15]; }
        };
        template <class T> int Stack<T>::made = 7;
        template <class T> T doubled(T x) {
            Stack<T> stack; stack.push(x); stack.push(x); return stack.pop() + stack.pop();
        }
        inline int counted(int x) { static int calls[10]; return ++calls[x % 10]; }
        int part(int x) { return doubled(x) + int(doubled(1.5 * x)) + counted(x) + Stack<long long>::made; }
    """,
    "thrown.cc": """
        struct Error { int code; Error(int c) : code(c) {} ~Error(); };
        Error::~Error() { code = 0; }
        int risky(int x) { if (x > 3) throw Error(x); if (x < 0) throw x; return x; }
        int part(int x) {
            try { Error held(1); return risky(x) + held.code; }
            catch (Error const &error) { return error.code; }
            catch (int number) { return -number; }
        }
    """,
    "globals.cc": """
        int next();
        struct Log { int at; Log(); ~Log(); };
        Log first, second;
        int third = next();
        static Log local[3];
        Log::Log() : at(next()) {}
        Log::~Log() { third = at; }
        Log &lazily() { static Log inside; return inside; }
    """,
}
"""By file name."""


def compiled(folder: Path, name: str, compiler: str, *options: str) -> Path:
    """An object of one of `SOURCES`."""
    return compiled_text(folder, compiler, name, SOURCES[name], *options)


def compiled_text(folder: Path, compiler: str, name: str, text: str, *options: str) -> Path:
    """An object of a source with this text, in a file called `name`."""
    program, *own = {**COMPILERS, **ARM_COMPILERS}[compiler]
    is_cpp = name.endswith(".cc")
    if is_cpp:
        program = program.replace("gcc", "g++")
    output = folder / f"{name}.{compiler}{''.join(options)}.obj"
    if is_cpp and program == "clang-19" and not IS_GNU[compiler]:
        options = ("-fexceptions", "-fcxx-exceptions", *options)
    source = folder / name
    source.write_text(text)
    run([require_tool(program), *own, *options, "-c", str(source), "-o", str(output)])
    return output


def assembled(folder: Path, name: str, text: str, target: str = MSVC) -> Path:
    """An object of assembly, by clang's assembler."""
    source, output = folder / f"{name}.s", folder / f"{name}.obj"
    source.write_text(text)
    run([require_tool("clang-19"), target, "-c", str(source), "-o", str(output)])
    return output


def run(command: Sequence[str]) -> str:
    """Run a tool that must succeed; returns what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def others(folder: Path, objects: Sequence[Path], target: str = MSVC) -> Path:
    """An object that defines every name that these objects do not; an import's slot holds the address of its name."""
    tool = require_tool("llvm-nm-19")
    lines = [line.split() for line in run([tool, "--format=posix", *map(str, objects)]).splitlines()]
    names = {line[0] for line in lines if len(line) > 1 and line[1] in "Uw"} - {"__ImageBase"}
    names |= {name.removeprefix("__imp_") for name in names}
    names -= {line[0] for line in lines if len(line) > 1 and line[1] not in "Uw"}
    text = [".data"]
    for name in sorted(names):
        content = f'.quad "{name.removeprefix("__imp_")}"' if name.startswith("__imp_") else ".zero 16"
        section = ".data" if name.startswith("__imp_") else ".text"
        text.append(f'{section}\n.globl "{name}"\n.p2align 3\n"{name}": {content}')
    return assembled(folder, "others", "\n".join(text) + "\n", target)
