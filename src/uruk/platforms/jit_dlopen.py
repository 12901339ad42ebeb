"""dlopen and its relatives for linked code: the session's dylibs by name, initialised and counted as libraries are.

Code calls ``uruk_jit_dlopen(name, mode)``, ``uruk_jit_dlsym(handle, name)``, ``uruk_jit_dlclose(handle)`` and
``uruk_jit_dlerror()``, or the same by the names of LLVM's ORC runtime (``__orc_rt_jit_dlopen``, ...). They come back to
the session, whatever process the code is in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from uruk.errors import UrukError
from uruk.executor import answers
from uruk.orc.registry.search import LookupKind

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.orc.dylib import JITDylib
    from uruk.orc.session import Session

FIRST_HANDLE = 0x75726B00
"""Handles are numbers, not addresses, so that no code reads memory by one."""
_ROOM = 1024
_LONGEST = 1 << 20  # bytes of a name
_TYPES = {
    "dlopen": "void *(const char *, int)",
    "dlsym": "void *(void *, const char *)",
    "dlclose": "int(void *)",
    "dlerror": "const char *(void)",
}
NAMES = frozenset(f"{prefix}{name}".encode() for prefix in ("uruk_jit_", "__orc_rt_jit_") for name in _TYPES)
"""The names that linked code may use."""


class Caller(Protocol):
    """The process whose code calls them."""

    @property
    def runtime(self) -> Runtime:
        """The uruk runtime in it."""
        ...

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """Return the address of a function of C type `text` that calls a Python function, and what keeps it alive."""
        ...


class JITLoader:
    """The functions of one session, made when code first refers to them."""

    def __init__(self, session: Session, caller: Caller) -> None:
        self._session = session
        self._caller = caller
        self._lock = threading.Lock()
        self._made: dict[str, tuple[int, object]] = {}
        self._handles: dict[int, JITDylib] = {}
        self._error = threading.local()
        self._text = 0

    def address(self, name: bytes) -> int:
        """Return the address of one of `NAMES`, in the process where the code runs."""
        short = name.decode().rpartition("_")[2]
        with self._lock:
            if short not in self._made:
                self._made[short] = self._caller.callback(_TYPES[short], getattr(self, f"_{short}"))
            return self._made[short][0]

    def _dlopen(self, name: int, mode: int) -> int:
        """Return a handle for a dylib, which is initialised; 0 with an error."""

        def work() -> int:
            text = self._string(name)
            dylib = self._session.dylibs.get(text)
            if dylib is None:
                raise UrukError(f"the session has no dylib {text}")
            dylib.initialize()
            with self._lock:
                for handle, opened in self._handles.items():
                    if opened is dylib:
                        return handle
                handle = FIRST_HANDLE + len(self._handles)
                self._handles[handle] = dylib
                return handle

        return self._guarded(work, 0)

    def _dlsym(self, handle: int, name: int) -> int:
        """Return the address of a symbol that a dylib defines or sees in its link order; 0 with an error."""

        def work() -> int:
            text = self._string(name)
            return self._session.lookup_names(self._dylib(handle), [text], kind=LookupKind.DLSYM)[text]

        return self._guarded(work, 0)

    def _dlclose(self, handle: int) -> int:
        """0, and finalisers with the last one; -1 with an error."""

        def work() -> int:
            self._dylib(handle).deinitialize()
            return 0

        return self._guarded(work, -1)

    def _dlerror(self) -> int:
        """Return the text of this thread's last error, good until the next one of any; 0 if there is none since."""
        text, self._error.text = getattr(self._error, "text", ""), ""
        if not text:
            return 0
        runtime = self._caller.runtime
        with self._lock:
            if not self._text:
                kept = runtime.call(b"uruk_rt_keep_words", bytes(_ROOM), _ROOM // 8)
                self._text = answers.address(kept, "memory for a text", _ROOM)
            if self._text:
                runtime.process.write(self._text, text.encode("utf-8", "replace")[: _ROOM - 1] + b"\0")
            return self._text

    def _dylib(self, handle: int) -> JITDylib:
        if handle not in self._handles:
            raise UrukError(f"{handle:#x} is not a handle of dlopen")
        return self._handles[handle]

    def _string(self, address: int) -> str:
        if not address:
            raise UrukError("a name is a null pointer")
        runtime = self._caller.runtime
        size = answers.size(runtime.call(b"uruk_rt_string_size", address), "a name", _LONGEST)
        return runtime.process.read(address, size).decode("utf-8", "surrogateescape")

    def _guarded(self, work: Callable[[], int], failed: int) -> int:
        """Return what `work` returns; where it raises, `failed`, with the text for dlerror."""
        try:
            return work()
        except Exception as error:  # the caller is C
            self._error.text = str(error)
            return failed
