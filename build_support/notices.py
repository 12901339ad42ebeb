"""Write the notices of what a built runtime contains beside uruk's own code."""

from __future__ import annotations

from pathlib import Path

from .toolchains import Toolchain

NAME = "NOTICES.txt"
_BY_ZIG = """\
The files of this folder were compiled by {name}, from uruk's sources, whose license is that of uruk
(Apache-2.0 WITH LLVM-exception). They also contain:

* uruk_runtime-*-linux.a: compiler builtins of zig (lib/compiler_rt), which are in part translations of LLVM's
  compiler-rt. Their licenses follow: that of zig, and that of LLVM.
* uruk-executor-*-linux: start files of the GNU C library, whose license allows them in programs of any license
  (the exception is in its sources, csu/ and sysdeps/), and the compiler builtins that it needs.
* uruk-executor-x86_64-windows: nothing else. It imports from Windows's own libraries by the names that the import
  libraries of the MinGW-w64 project give; its statement is at the end.
"""
_BY_HOST = """\
The files of this folder were compiled by {name}, from uruk's sources, whose license is that of uruk
(Apache-2.0 WITH LLVM-exception). The executor also contains the start files of this machine's C library and what it
needs of the compiler's own library; the licenses of both allow that in programs of any license (the GCC Runtime Library
Exception, and that of LLVM). Compiler builtins are not among these files: they are read from the compiler's own library
when code is linked.
"""
# Below the `lib` folder of the `ziglang` package: who has a license, and the file that it is in.
_TEXTS = (
    ("zig", "../LICENSE"),
    ("LLVM", "libunwind/LICENSE.TXT"),
    ("MinGW-w64", "libc/mingw/COPYING"),
)


def write_notices(folder: Path, toolchain: Toolchain) -> Path:
    """Write the notices for what a toolchain has built into a folder; return their path."""
    text = (_BY_ZIG if toolchain.has_builtins else _BY_HOST).format(name=toolchain.name)
    if toolchain.has_builtins:
        import ziglang  # only there when zig builds

        library = Path(str(ziglang.__file__)).parent / "lib"
        for title, name in _TEXTS:
            line = "-" * 100
            text += f"\n{line}\n{title}\n{line}\n\n{(library / name).read_text('utf-8').strip()}\n"
    path = folder / NAME
    path.write_text(text, "utf-8")
    return path
