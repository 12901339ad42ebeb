"""The C runtimes of programs of Windows: one for all objects of a program, as each has buffers and lists of its own.

Sources: MinGW-w64's import libraries (libmsvcrt.a, libucrt.a); Microsoft, "C runtime (CRT) and C++ standard library
(STL) .lib files" (which DLL each library leads to), "_crt_atexit", "__p___argc".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uruk.errors import InvalidValue, LinkError

if TYPE_CHECKING:
    from uruk.executor.interface import Libraries
    from uruk.executor.remote import RemoteExecutor


@dataclass(frozen=True)
class CRuntime:
    """A C runtime: its DLLs, and what a program's start files use of them."""

    name: str
    library: str
    """The DLL with its functions."""
    files: re.Pattern[str]
    """The names of DLLs that are this runtime, or lead to it."""
    libraries: frozenset[str]
    """Names for ``-l`` and ``/defaultlib`` that mean it: MinGW's, and those of Microsoft's compilers."""
    at_end: bytes
    """The function that registers another one for the end."""
    filter: bytes
    """The function by which start files have handlers of signals called for exceptions."""
    variables: tuple[bytes, ...]
    """Its argc, argv, wide argv, environment, wide environment, command line and wide command line.

    The environments are those that start files give to main: of msvcrt, copies that putenv leaves as they were; of the
    ucrt, as MinGW's and zig's start files have it, the ones that it changes.
    """
    by_functions: bool
    """True where `variables` are functions that return the addresses."""


MSVCRT = CRuntime(
    "msvcrt",
    "msvcrt.dll",
    re.compile(r"msvcrt(-os)?\.dll|crtdll\.dll", re.IGNORECASE),
    frozenset(("msvcrt-os",)),
    b"_onexit",
    b"_XcptFilter",
    (b"__argc", b"__argv", b"__wargv", b"__initenv", b"__winitenv", b"_acmdln", b"_wcmdln"),
    by_functions=False,
)
UCRT = CRuntime(
    "ucrt",
    "ucrtbase.dll",
    re.compile(r"ucrtbased?\.dll|api-ms-win-crt-.*\.dll", re.IGNORECASE),
    frozenset(("ucrt", "ucrtbase", "ucrtapp", "ucrtd", "libucrt", "libucrtd")),
    b"_crt_atexit",
    b"_seh_filter_exe",
    # The ucrt exports no variables: `__p___argc()` and its like return the addresses of a process's own.
    tuple(
        b"__p_" + name for name in (b"__argc", b"__argv", b"__wargv", b"_environ", b"_wenviron", b"_acmdln", b"_wcmdln")
    ),
    by_functions=True,
)
C_RUNTIMES = {runtime.name: runtime for runtime in (MSVCRT, UCRT)}
OLD_NAMES = "oldnames"
"""The library of the names that functions had before they got an underscore."""
OF_MICROSOFT = frozenset(("libcmt", "libcmtd", "msvcrt", "msvcrtd", OLD_NAMES, "vcruntime", "libvcruntime"))
"""Names behind ``/defaultlib`` that Microsoft's compilers write since there is the ucrt, which is below all of them.

Their `msvcrt` is no msvcrt.dll: it is the startup code of programs that use DLLs.
"""


def c_runtime(name: str) -> CRuntime:
    """Return the runtime of a name. Raises InvalidValue."""
    if name not in C_RUNTIMES:
        raise InvalidValue(f"`{name}' is no C runtime: {' or '.join(C_RUNTIMES)}")
    return C_RUNTIMES[name]


def runtime_of_file(name: str) -> CRuntime | None:
    """Return the runtime that a DLL is, by its name; None for other DLLs."""
    return next((runtime for runtime in C_RUNTIMES.values() if runtime.files.fullmatch(name)), None)


def check_alone(chosen: CRuntime, imports: Iterable[tuple[str, str]]) -> None:
    """Raise LinkError if a program's own objects import from another runtime; `imports` are names and their DLLs."""
    for name, file in imports:
        runtime = runtime_of_file(file)
        # A DLL that is no C runtime (kernel32, a library of the user's) has no buffers to lose.
        if runtime is not None and runtime is not chosen:
            raise LinkError(
                f"the program has two C runtimes: {chosen.name} ({chosen.library}), and {runtime.name}, from whose "
                f"{file} it imports `{name}'; each has buffers of its own, so that output would be lost: "
                f"give --crt {runtime.name}, or compile and link all of it for one"
            )


class StartedRuntime:
    """A C runtime in a program's process, as start files find it there."""

    def __init__(self, executor: RemoteExecutor, runtime: CRuntime) -> None:
        """Load the runtime. Raises LibraryError."""
        self._executor = executor
        self._libraries: Libraries = executor.libraries
        self._runtime = runtime
        self._handle = self._libraries.load(runtime.library)

    def address(self, name: bytes) -> int:
        """Return the address of one of its names, 0 for what it has not."""
        return self._libraries.find_symbol(self._handle, name)[0]

    def set_number(self, name: bytes, value: int) -> None:
        """Set one of its variables of type int, which is its own default otherwise."""
        place = self.address(b"__p_" + name if self._runtime.by_functions else name)
        if place and self._runtime.by_functions:
            # Calls return signed numbers, and addresses are unsigned.
            place = self._executor.process.call(place) & (1 << 64) - 1
        if place:
            self._executor.process.write(place, value.to_bytes(4, "little"))

    def start(self, *, wide: bool, windowed: bool, ignores_invalid: bool) -> None:
        """Have it prepare the environment, and tell the runtime of uruk its functions and variables.

        `wide`: the program begins with a function of wide characters. `ignores_invalid`: invalid arguments of its
        functions are errors that they return, as MinGW's start files have it, and do not end the program.
        """
        call, runtime = self._executor.process.call, self._runtime
        if runtime.by_functions:
            # Without this call the ucrt's `_environ` is null: start files make it for native programs.
            call(self.address(b"_initialize_wide_environment" if wide else b"_initialize_narrow_environment"))
        else:
            # argc, argv and the environment are written there, 0 asks for no wildcards, and the last is `_startupinfo`.
            words = [bytearray(8) for _ in range(3)]
            call(self.address(b"__wgetmainargs" if wide else b"__getmainargs"), *words, 0, bytearray(8))
        # The ucrt's name has one underscore, and msvcrt.dll's has two.
        if set_type := self.address(b"_set_app_type") or self.address(b"__set_app_type"):
            call(set_type, 2 if windowed else 1)  # _GUI_APP, _CONSOLE_APP
        set_handler = self.address(b"_set_invalid_parameter_handler")
        if ignores_invalid and set_handler:
            call(set_handler, self._executor.runtime.address[b"uruk_rt_nothing"])
        places = [self.address(name) for name in runtime.variables]
        if runtime.by_functions:
            places = [call(place) & (1 << 64) - 1 if place else 0 for place in places]
        at_end = self.address(runtime.at_end)
        # `_onexit` returns the function and `_crt_atexit` a number: C must call each by its own type.
        ends = (at_end, 0) if runtime.at_end == b"_onexit" else (0, at_end)
        functions = (*ends, *map(self.address, (b"exit", b"fflush", runtime.filter)))
        # Five functions and seven variables, in the order of the struct that uruk_rt_set_crt reads.
        table = struct.pack("<12Q", *functions, *places)
        self._executor.runtime.call(b"uruk_rt_set_crt", table)
