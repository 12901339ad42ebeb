"""The libraries that a compiler's driver adds to a program of Windows, and by what is known which driver that is.

Sources: ``gcc -###`` and ``clang -###`` for MinGW-w64, ``zig cc`` with ZIG_VERBOSE_LINK; Microsoft, "/DEFAULTLIB".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

from uruk.errors import CompileError, CompilerNotFound, LibraryError, LibraryNotFound, LinkError
from uruk.program.windows.c_runtimes import C_RUNTIMES, MSVCRT, OF_MICROSOFT, UCRT, CRuntime, c_runtime, runtime_of_file
from uruk.program.windows.shared_gcc import shared_gcc

if TYPE_CHECKING:
    from uruk.lljit import LLJIT
    from uruk.program.link_plan import LinkPlan
    from uruk.program.reading import Objects, Other

_OF_GCC = ("mingw32", "gcc", "gcc_eh", "moldname", "mingwex")
_BEHIND = ("pthread", "advapi32", "shell32", "user32", "kernel32")
"""Libraries before and behind the C runtime's own; ``pthread`` is that of compilers with threads as POSIX has them."""
_MICROSOFT_DLLS = ("ucrtbase.dll", "vcruntime140.dll", "vcruntime140_1.dll")
_CXX_OF_MICROSOFT, _CXX_DLL = ("msvcprt", "msvcprtd", "libcpmt", "libcpmtd"), "msvcp140.dll"
"""The libraries of Microsoft's C++, static ones too, and the DLL that is there for all of them."""
_RUNTIME_FILE = re.compile(rb"\0((?:msvcrt|ucrtbase|api-ms-win-crt-[\w-]+)\.dll)\0", re.IGNORECASE)
"""The names of C runtimes as import libraries have them."""
_ZIG_MARK, _CLANG_MARK, _GCC_MARK = b"__MSVCRT_VERSION__=0xE00", b"clang version ", b"GCC: ("
"""Texts in objects: of zig's own command line, of clang's version, of gcc's."""


_OF_CXX = (b"_ZNSt3__1", b"_ZNKSt3__1", b"_ZSt", b"_ZTVN10__cxxabiv1", b"_Zn", b"_Zd", b"__cxa_", b"__gxx_personality")
"""The beginnings of names that only libc++, libc++abi and libunwind have of what objects of zig refer to."""
_OF_THREADS = (b"pthread_", b"__emutls_get_address")


class Driver(Enum):
    """The compiler driver whose libraries a program has."""

    MINGW = auto()
    """gcc's, and clang's for MinGW."""
    ZIG = auto()
    MICROSOFT = auto()
    """link.exe's, or that of clang for Microsoft's kind of objects."""


class Marks:
    """The words of a program's objects about their compilers."""

    def __init__(self, inputs: Sequence[Objects | Other], names: Iterable[bytes], directives: Sequence[str]) -> None:
        """`inputs` are read, `names` those that the objects have, `directives` what ``/defaultlib`` names."""
        from uruk.program.reading import Objects, Other

        self._archives = [
            (item.input.value, item.content) for item in inputs if isinstance(item, Other) and item.content
        ]
        self._buffers = [item.buffer for item in inputs if isinstance(item, Objects)]
        self._names = names
        self.libraries = [name.lower().removesuffix(".lib") for name in directives]
        """The names behind ``/defaultlib``."""

    def driver(self) -> Driver:
        """Return the driver, by the marks of compilers: those for MinGW have main() call ``__main``."""
        # Directives are certain; what follows are guesses from texts and names, the surest first.
        if OF_MICROSOFT.intersection(self.libraries):
            return Driver.MICROSOFT
        if self._has(_ZIG_MARK):
            return Driver.ZIG
        # A main() of gcc may do without the call: then the text of the compiler's version tells it.
        if b"main" in self._names and b"__main" not in self._names and not self._has(_GCC_MARK):
            return Driver.MICROSOFT
        return Driver.ZIG if self._has(_CLANG_MARK) else Driver.MINGW

    def wants_cxx(self) -> bool:
        """Return True if the objects want a C++ library, which ``zig c++`` links with, and ``zig cc`` does not."""
        return any(name.startswith(_OF_CXX) for name in self._names)

    def wants_threads(self) -> bool:
        """Return True if the objects want MinGW's library of threads, for threads or for gcc's thread-locals."""
        return any(name.startswith(_OF_THREADS) for name in self._names)

    def _has(self, text: bytes) -> bool:
        return any(buffer.find(text) >= 0 for buffer in self._buffers)

    def named(self, plan: LinkPlan) -> dict[str, str]:
        """Return the C runtimes that directives and the line name, and how they name them."""
        named: dict[str, str] = {}
        for library in self.libraries:
            for runtime in C_RUNTIMES.values():
                if library in runtime.libraries or (runtime is UCRT and library in OF_MICROSOFT):
                    named.setdefault(runtime.name, f"/defaultlib:{library} in an object")
        # Members of import libraries name their DLL between NUL bytes: a search is cheaper than reading members.
        for path, content in self._archives:
            for match in _RUNTIME_FILE.finditer(content):
                runtime = runtime_of_file(match[1].decode())
                if runtime is not None:
                    named.setdefault(runtime.name, f"imports in {path}")
        for item in plan.inputs:
            name = item.value.lower()
            if item.kind == "library":
                for runtime in C_RUNTIMES.values():
                    if name in runtime.libraries or name == runtime.name:
                        named.setdefault(runtime.name, f"-l {item.value}")
        return named


def choose_runtime(plan: LinkPlan, marks: Marks, driver: Driver) -> CRuntime:
    """Return the C runtime of a program: that of ``--crt``, else what its objects and the line name, else the driver's.

    Raises LinkError where two are named, InvalidValue.
    """
    if plan.crt:
        return c_runtime(plan.crt)
    named = marks.named(plan)
    # Two runtimes are refused before anything is linked, when the reasons for both are still known.
    if len(named) > 1:
        (first, how_first), (second, how_second) = list(named.items())[:2]
        raise LinkError(
            f"the program would have two C runtimes: {first} ({how_first}) and {second} ({how_second}); "
            "say which with --crt, or leave one out"
        )
    if named:
        return C_RUNTIMES[next(iter(named))]
    return MSVCRT if driver is Driver.MINGW else UCRT


def add_default_libraries(jit: LLJIT, plan: LinkPlan, marks: Marks, driver: Driver, runtime: CRuntime) -> None:
    """Add what the driver adds behind all inputs. Raises LibraryNotFound for what a directive names."""
    for library in marks.libraries:
        if library not in OF_MICROSOFT and not any(library in known.libraries for known in C_RUNTIMES.values()):
            _add_named(jit, library)
    if driver is Driver.MICROSOFT and runtime is UCRT:
        for name in _MICROSOFT_DLLS:
            # These DLLs need no import libraries, as names of Microsoft's objects are searched in DLLs themselves.
            jit.main.add_shared_library(name)
        return
    directories = _directories_beside(plan.directories)
    for directory in directories:
        jit.add_search_directory(directory)
    if driver is Driver.ZIG and runtime is UCRT and _add_zig_libraries(jit, marks):
        return
    # gcc's libraries come before the C runtime, which they use; archives are searched in the order of the line.
    names = (*shared_gcc(jit), *_OF_GCC, runtime.name, *_BEHIND)
    # With -static, pthread is not to be a DLL's import library, which the linker would take first.
    added = [_add(jit, name, static=plan.all_static) for name in names]
    if not any(added) and runtime is UCRT:
        _add_zig_libraries(jit, marks)
    # The DLL is last: import libraries and static members of its names come before it.
    jit.main.add_shared_library(runtime.library)


def _add_named(jit: LLJIT, name: str) -> None:
    """Add what a directive names: an import library, or without one the DLL itself, which the system may have.

    Raises LibraryNotFound.
    """
    try:
        jit.add_library(name)
    except LibraryNotFound:
        # Names of Microsoft's objects are searched in DLLs themselves.
        with suppress(LibraryError):
            jit.main.add_shared_library(_CXX_DLL if name in _CXX_OF_MICROSOFT else f"{name}.dll")
            return
        raise


def _add(jit: LLJIT, name: str, *, static: bool) -> bool:
    try:
        jit.add_library(name, static=static)
    except LibraryNotFound:
        return False
    return True


def _add_zig_libraries(jit: LLJIT, marks: Marks) -> bool:
    """Add zig's own libraries, which it builds when it first links for Windows; False without zig."""
    from uruk.compile.zig import zig_windows_libraries  # starts a compiler

    try:
        libraries = zig_windows_libraries(cxx=marks.wants_cxx())
    except (CompilerNotFound, CompileError):
        return False
    for path in libraries:
        jit.add_library(path)
    return True


def _directories_beside(directories: Sequence[str]) -> list[str]:
    """Return the directories of the C library that belong to gcc's own: TRIPLE/lib beside lib/gcc/TRIPLE/VERSION."""
    beside: list[str] = []
    for directory in directories:
        parts = os.path.abspath(directory).split(os.sep)
        # A directory of gcc ends in lib/gcc/TRIPLE/VERSION: four parts are dropped, and the triple is the last but one.
        if len(parts) > 4 and parts[-3] == "gcc":
            beside.append(os.sep.join([*parts[:-4], parts[-2], "lib"]))
        beside.append(os.path.join(os.path.dirname(os.path.abspath(directory)), "lib"))
    return [directory for directory in dict.fromkeys(beside) if os.path.isdir(directory)]
