"""Inputs of the COFF benchmark: C++ objects that call each other in a chain, as COFF and as ELF."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.inputs import HANDLE, Batch

COFF, ELF = "x86_64-pc-windows-msvc", "x86_64-linux-gnu"
ENTRIES = {COFF: "?run@ns00@@YAHH@Z", ELF: "_ZN4ns003runEi"}
CLASSES = 126
"""Instances of the templates in an object: about 13,500 relocations in 5,800 sections of COFF."""
OWN, NEXT = "ns00", "nsZZ"
"""The namespaces of an object and of the next one, which are replaced in its assembly: all names keep their lengths."""
SOURCE = f"""
namespace {NEXT} {{ int run(int); }}
namespace {OWN} {{
template <int N> struct Error {{ int value; }};
template <int N> struct Base {{
    static int count;
    int data = N;
    virtual ~Base();
    virtual int f(int);
    virtual int g(int);
}};
template <int N> int Base<N>::count = N;
template <int N> Base<N>::~Base() {{ count -= data; }}
template <int N> int Base<N>::f(int x) {{
    if (x > N)
        throw Error<N>{{x}};
    return x + count;
}}
template <int N> int Base<N>::g(int x) {{ return x * count; }}
template <int N> struct Derived : Base<N> {{
    int f(int) override;
    int g(int) override;
}};
template <int N> int Derived<N>::g(int x) {{ return Base<N>::g(x) + this->data; }}
template <int N> int Derived<N>::f(int x) {{
    try {{
        return Base<N>::f(x) * this->g(x);
    }} catch (Error<N> &error) {{
        return error.value + Base<N>::count;
    }}
}}
template <int N> int call(Base<N> &base, int x) {{ return base.f(x) + base.g(x); }}
template <int N> int use(int x) {{
    Derived<N> derived;
    Base<N> base;
    return call<N>(derived, x) + call<N>(base, x) + Base<N>::count;
}}
int run(int x) {{ return {NEXT}::run(x){"".join(f" + use<{number}>(x)" for number in range(CLASSES))}; }}
}}
"""
_FLAGS = "-std=c++17 -O1 -fexceptions -fcxx-exceptions -fno-inline-functions -ffunction-sections".split()


def chain(folder: Path, triple: str, count: int) -> Batch:
    """Make `count` objects, at most 256, of which each calls the next one, and the last one the first.

    The source is compiled once; its assembly is renamed, and assembled, for each object. Raises RuntimeError without
    clang.
    """
    compiler = shutil.which("clang-19")
    if compiler is None:
        raise RuntimeError("no clang-19: install clang-19")
    folder.mkdir()
    command = [compiler, f"--target={triple}"]
    source, assembly = folder / "chain.cpp", folder / "chain.s"
    source.write_text(SOURCE, encoding="utf-8")
    subprocess.run([*command, *_FLAGS, "-S", str(source), "-o", str(assembly)], check=True)
    text = assembly.read_text(encoding="utf-8")

    def assemble(number: int) -> str:
        own, following = f"ns{number:02x}", f"ns{(number + 1) % count:02x}"
        output = folder / f"part{number:03}.o"
        renamed = text.replace(OWN, own).replace(NEXT, following)
        source = ["-x", "assembler", "-c", "-o", str(output), "-"]
        subprocess.run([*command, *source], input=renamed.encode(), check=True)
        return str(output)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(assemble, range(count)))
    handle = folder / "dso.o"
    subprocess.run([*command, "-x", "c", "-c", "-o", str(handle), "-"], input=HANDLE.encode(), check=True)
    return Batch(objects, ENTRIES[triple], str(handle))
