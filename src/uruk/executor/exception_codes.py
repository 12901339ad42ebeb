"""The exceptions that end a process of Windows, by their codes.

Source: Microsoft, [MS-ERREF] 2.3 "NTSTATUS"; 0xE06D7363 is what Microsoft's C++ raises, 0x20474343 GCC's, 0x80000100
that of wine's loader (EXCEPTION_WINE_STUB).
"""

from __future__ import annotations

ACCESS_VIOLATION = 0xC0000005
STACK_OVERFLOW = 0xC00000FD
ABORTED = 3
"""The status with which abort() of Microsoft's C runtimes ends a process: no exception."""

_NAMES = {
    ABORTED: "abort()",
    0x20474343: "an uncaught C++ exception",
    0x80000001: "a guard page violation",
    0x80000002: "misaligned data",
    0x80000003: "a breakpoint",
    0x80000004: "a single step",
    0x80000100: "a call of a function that wine does not have",
    ACCESS_VIOLATION: "an access violation",
    0xC0000006: "a page that could not be read",
    0xC000001D: "an illegal instruction",
    0xC0000025: "an exception that may not be continued",
    0xC000008C: "an array bound",
    0xC000008E: "a floating-point division by zero",
    0xC0000090: "an invalid floating-point operation",
    0xC0000094: "an integer division by zero",
    0xC0000095: "an integer overflow",
    0xC0000096: "a privileged instruction",
    STACK_OVERFLOW: "STATUS_STACK_OVERFLOW",
    0xC0000374: "a damaged heap",
    0xC0000409: "a fast fail",
    0xE06D7363: "an uncaught C++ exception",
}


def name_of_code(code: int) -> str:
    """Return what an exception is called in an error."""
    return _NAMES.get(code, "an exception")
