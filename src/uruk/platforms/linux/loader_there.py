"""The dynamic loader of another process, through its runtime: for carriers, and for libraries and their symbols."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import LibraryError, TLSError
from uruk.executor import answers, sps
from uruk.executor.control import Runtime
from uruk.platforms.linux.process_symbols import RTLD_GLOBAL, RTLD_NOW

if TYPE_CHECKING:
    from uruk.platforms.linux.tls.refusal import StaticNeed

_TEXT = 4096
_MOST_STORAGE = 1 << 32  # bytes of thread-local storage that a library may have


class RemoteLoader:
    """See `uruk.platforms.linux.tls.carriers.Loader`; runtime/linux/carriers.c and runtime/linux/libraries.c.

    `pool`: the bytes of optional static storage that the process was started with; 0 if that is not known.
    """

    def __init__(self, runtime: Runtime, pool: int = 0) -> None:
        self.runtime = runtime
        self._pool = pool

    # -- carriers

    def open(self, data: bytes) -> tuple[int, str]:
        """See `Loader.open`."""
        text = bytearray(_TEXT)
        opened = self.runtime.call(b"uruk_rt_open_carrier", data, len(data), text, len(text))
        handle = answers.handle(opened)
        problem = _string(text)
        if not handle and not problem:  # the loader was not even asked
            raise OSError(0, "the executor cannot write one; its limits of files (ulimit -f, ulimit -n) may be too low")
        return handle, problem

    def close(self, handle: int) -> None:
        """See `Loader.close`."""
        self.runtime.call(b"uruk_rt_close_carrier", handle)

    def link_map(self, handle: int) -> tuple[int, bytes]:
        """See `Loader.link_map`."""
        path, bias = bytearray(_TEXT), bytearray(8)
        self.runtime.call(b"uruk_rt_library_place", handle, path, len(path), bias)
        return int.from_bytes(bias, "little"), bytes(path).partition(b"\0")[0]

    def read(self, address: int, size: int) -> bytes:
        """See `Loader.read`."""
        return self.runtime.process.read(address, size)

    def keep_words(self, words: Sequence[int]) -> int:
        """See `Loader.keep_words`."""
        kept = self.runtime.call(b"uruk_rt_keep_words", sps.u64(*words), len(words))
        return answers.address(kept, "memory for words", 8 * len(words))

    def free(self, address: int) -> None:
        """See `Loader.free`."""
        self.runtime.call(b"uruk_rt_free", address)

    def objects_ever_loaded(self) -> int:
        """See `Loader.objects_ever_loaded`."""
        return self.runtime.call(b"uruk_rt_library_changes") >> 32

    def tls_of_object(self, path: str) -> StaticNeed | None:
        """See `Loader.tls_of_object`."""
        need = bytearray(16)
        self.runtime.call(b"uruk_rt_tls_of_object", os.fsencode(path) + b"\0", need)
        size, alignment = struct.unpack("<QQ", need)
        # The other process may be hostile: a size is checked before anything is computed from it.
        answers.size(max(size, alignment), f"thread-local storage of {path}", _MOST_STORAGE)
        if not size:
            return None
        from uruk.platforms.linux.tls.refusal import StaticNeed

        return StaticNeed(size, max(alignment, 1))

    # -- libraries

    def load_library(self, path: str, *, everywhere: bool = False) -> int:
        """dlopen; returns the handle. Raises LibraryError with the loader's text, TLSError for want of static TLS."""
        text = bytearray(_TEXT)
        flags = RTLD_NOW | (RTLD_GLOBAL if everywhere else 0)
        opened = self.runtime.call(b"uruk_rt_load_library", os.fsencode(path) + b"\0", flags, text, len(text))
        handle = answers.handle(opened)
        if handle:
            return handle
        from uruk.platforms.linux.tls.refusal import library_without_room  # most libraries are not refused

        problem = _string(text) or "unknown error"
        refused = library_without_room(path, problem)
        raise self.refusal(refused) if refused else LibraryError(path, problem.removeprefix(f"{path}: "))

    def refusal(self, error: TLSError) -> TLSError:
        """See `Loader.refusal`."""
        if not error.static_tls or not self._pool:
            return error
        from uruk.platforms.linux.tls.refusal import optional_static_tls

        # `static_tls` counts from this process's setting; the child was started with another one.
        wanted = error.static_tls - optional_static_tls() + self._pool
        hint = f"start the executor with more: --tls-pool={-(-wanted // 1024)}Kb, or tls_pool of uruk.spawn"
        return TLSError(error.what, error.problem, hint, wanted)


def _string(text: bytearray) -> str:
    return bytes(text).partition(b"\0")[0].decode("utf-8", "replace")
