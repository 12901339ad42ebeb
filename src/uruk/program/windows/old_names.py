"""The names that functions of Microsoft's C runtime had before they got an underscore: what oldnames.lib has.

cl and clang-cl name that library in every object. Source: Microsoft, "Compiler Warning (level 3) C4996", "POSIX
function names", and the pages of the functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from uruk.orc.generators import FunctionGenerator
from uruk.program.windows.c_runtimes import OLD_NAMES

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib

_SAME = (
    "access chdir chmod chsize close creat cwait dup dup2 ecvt eof execl execle execlp execlpe execv execve execvp"
    " execvpe fcloseall fcvt fdopen fgetchar fgetwchar filelength fileno flushall fputchar fputwchar gcvt getch getche"
    " getcwd getpid getw isatty itoa j0 j1 jn kbhit lfind locking lsearch lseek ltoa memccpy memicmp mkdir mktemp open"
    " pclose popen putch putenv putw read rmdir rmtmp searchenv setmode sopen spawnl spawnle spawnlp spawnlpe spawnv"
    " spawnve spawnvp spawnvpe strdup stricmp strlwr strnicmp strnset strrev strset strupr swab tell tempnam tzset"
    " ultoa umask ungetch unlink wcsdup wcsicmp wcsicoll wcslwr wcsnicmp wcsnset wcsrev wcsset wcsupr write y0 y1"
    " yn".split()
)
"""Names that only lack the underscore."""
_NEW_NAMES = {**{name: f"_{name}" for name in _SAME}, "strcmpi": "_stricmp"}


def old_names(address_of: Callable[[bytes], int]) -> FunctionGenerator:
    """Return the generator of the old names; `address_of` gives the address of a C runtime's function, or 0."""

    def make(dylib: JITDylib, names: Sequence[str]) -> None:
        for name in names:
            new_name = _NEW_NAMES.get(name)
            if new_name and (address := address_of(new_name.encode())):
                dylib.define(name, address, function=True)

    return FunctionGenerator(make, f"{OLD_NAMES}.lib")
