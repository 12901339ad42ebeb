"""Reading the inputs of a command line, sources compiled, in a thread of its own while numpy is being imported.

Files are opened before that thread begins: beside imports it waits for the interpreter's lock after each system call,
and to open a file takes four of them. Archives that the line names are read behind them, for as long as nothing needs a
member of any.
Nothing here imports numpy: reading 36 MB takes as long as a tenth of a large link, and costs nothing beside the import.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING

from uruk.compile.languages import is_source
from uruk.errors import ObjectFormatError, UrukError
from uruk.executor.locks import awaited_thread
from uruk.formats.heads import HEAD, is_shared_library
from uruk.formats.read_ahead import ReadAhead
from uruk.input_buffer import input_buffer
from uruk.orc.registry.inputs import open_object, size_to_read
from uruk.program.likely_archives import likely_archives
from uruk.program.link_plan import Input, LinkPlan
from uruk.records import record
from uruk.regular_files import INPUT_ALIGN, INPUT_TAIL, open_regular

if TYPE_CHECKING:
    from uruk.program.compilation import Compilation, HowToCompile

_ARCHIVES = (b"!<arch>\n", b"!<thin>\n")
_SCRIPTS = (b"/*", b"GROUP", b"INPUT", b"OUTPUT", b"SEARCH_DIR", b"EXTERN", b"ENTRY", b"TARGET", b"INCLUDE")
"""The beginnings of linker scripts, which the search for libraries reads."""
_PATIENCE = 0.01
"""Seconds that files are opened for before the thread begins; it opens those that are left, where a disk is slow."""


@record
class Objects:
    """Object files that follow each other on the command line: their bytes in one buffer, each 16-byte aligned."""

    files: list[str]
    starts: list[int]
    sizes: list[int]
    buffer: mmap.mmap


@record
class Other:
    """An input that is not an object: a library's name, a file for the library search to tell, or an archive's
    content."""

    input: Input
    content: bytes | None = None


class Reader:
    """Reads the inputs of a plan in the background.

    Sources among them are compiled as `how` says, and take their place; `given` has the bytes of objects
    and archives by the names that the plan has for them.
    """

    def __init__(
        self, plan: LinkPlan, how: HowToCompile | None = None, given: Mapping[str, bytes] | None = None
    ) -> None:
        self.warned = False
        """True once the warnings of compilers were printed."""
        self._plan = plan
        self._inputs = inputs = plan.inputs
        self._sources = [item.value for item in inputs if item.kind == "input" and is_source(item.value)]
        self._how = how
        self._given = given or {}
        self._result: list[Objects | Other] = []
        self._error: BaseException | None = None
        self._ahead: ReadAhead | None = None
        self._may_read_ahead = True
        self._ready = threading.Event()
        """Set once the result is there; the thread goes on with archives."""
        self._made = threading.Lock()
        self._stopped = False
        self._opened = _OpenFiles()
        self.compilation: Compilation | None = None
        if not self._sources:
            self._open_files()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> list[Objects | Other]:
        """Return the inputs, in order.

        Raises ObjectFormatError for a file that cannot be read, and errors of compiling.
        """
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def stop(self) -> None:
        """End the compilers that run; nothing of them stays behind."""
        with self._made:
            self._stopped = True
        self.take_ahead()
        if self.compilation is not None:
            self.compilation.stop()
            self._thread.join()

    def take_ahead(self) -> ReadAhead | None:
        """Return the archives that were read by now, once; no more are read."""
        with self._made:
            ahead, self._ahead = self._ahead, None
            self._may_read_ahead = False
        if ahead is not None:
            ahead.stop()
        return ahead

    @property
    def errors(self) -> list[UrukError]:
        """All errors of compiling, of which `result` raises the first."""
        return self.compilation.errors if self.compilation is not None else []

    def _open_files(self) -> None:
        """Open the inputs, up to the first that cannot be: the thread will meet the same error."""
        end = time.perf_counter() + _PATIENCE
        with suppress(UrukError):
            for item in self._inputs:
                if item.kind == "input" and item.value not in self._given:
                    self._opened.is_object(item.value)
                if time.perf_counter() > end:
                    return

    @awaited_thread()
    def _run(self) -> None:
        try:
            compiled, libraries = self._compile() if self._sources else ({}, [])
            with self._opened as opened:
                self._read(opened, {**compiled, **self._given})
            self._result += [Other(library) for library in libraries]
        except BaseException as error:  # whatever it is, it is the main thread's to see
            self._error = error
        finally:
            self._ready.set()
        if self._error is None:
            self._read_ahead()

    def _read_ahead(self) -> None:
        """Read archives that the program may need; the linker finds out which while this is under way."""
        paths = likely_archives(self._plan)
        if not paths:
            return
        with suppress(OSError):  # no room: members are read when they are needed
            ahead = ReadAhead(paths)
            with self._made:
                if not self._may_read_ahead:
                    return
                self._ahead = ahead
            ahead.run()

    def _compile(self) -> tuple[dict[str, bytes], list[Input]]:
        from uruk.program.compilation import Compilation, HowToCompile  # not for objects: it takes time to import

        with self._made:
            if self._stopped:
                raise UrukError("stopped")
            self.compilation = Compilation(self._sources, self._how or HowToCompile())
        compiled, libraries = self.compilation.result()
        if not self._plan.default_libraries:
            return compiled, []
        added = [
            self._plan.language_library(value) if kind == "library" else Input(kind, value) for kind, value in libraries
        ]
        return compiled, added

    def _read(self, opened: _OpenFiles, compiled: Mapping[str, bytes]) -> None:
        """Read all inputs in order; objects that follow each other become one buffer."""
        objects: list[str] = []
        for item in self._inputs:
            content = compiled.get(item.value) if item.kind == "input" else None
            is_archive = content is not None and content[:8] in _ARCHIVES
            if item.kind == "input" and not is_archive and (content is not None or opened.is_object(item.value)):
                objects.append(item.value)
                continue
            self._flush(objects, opened, compiled)
            objects = []
            self._result.append(Other(item, content))
        self._flush(objects, opened, compiled)

    def _flush(self, files: list[str], opened: _OpenFiles, compiled: Mapping[str, bytes]) -> None:
        if files:
            self._result.append(_read(files, opened, compiled))


class _OpenFiles:
    """Object files that stay open from the first look at them until they are read.

    Those beyond half of the descriptors that the process may have are closed at once, and opened again when their turn
    comes.
    """

    def __init__(self) -> None:
        self._handles: dict[str, int] = {}
        self._others: set[str] = set()
        self.sizes: dict[str, int] = {}
        """The number of bytes of each object that are to be read."""
        self._most = os.sysconf("SC_OPEN_MAX") // 2  # the soft limit of RLIMIT_NOFILE

    def __enter__(self) -> _OpenFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()

    def is_object(self, path: str) -> bool:
        """Return True for a relocatable object, and for a file of no known kind, which the object reader is to
        refuse."""
        if path in self.sizes or path in self._others:
            return path in self.sizes
        handle, size = open_regular(path)
        kept = False
        try:
            head = os.pread(handle, HEAD, 0)
            if _is_object(head):
                self.sizes[path] = size_to_read(size, head, path)
                kept = len(self._handles) < self._most
            else:
                self._others.add(path)
        except OSError as error:
            raise ObjectFormatError(path, "file", error.strerror or str(error)) from error
        finally:
            if kept:
                self._handles[path] = handle
            else:
                os.close(handle)
        return path in self.sizes

    def fill(self, part: memoryview, path: str) -> None:
        """Read an object, which must have the size that it had at first."""
        if path in self._handles:
            _fill(part, self._handles[path], path)
        else:
            _fill_again(part, path)


def _is_object(head: bytes) -> bool:
    if head[:8] in _ARCHIVES or head.lstrip().startswith(_SCRIPTS):
        return False
    return not is_shared_library(head)


def _read(files: list[str], opened: _OpenFiles, compiled: Mapping[str, bytes]) -> Objects:
    """Read files into one buffer; those of `compiled` are there already."""
    sizes = [len(compiled[path]) if path in compiled else opened.sizes[path] for path in files]
    path = files[0]
    try:
        ends = list(accumulate(-(-size // INPUT_ALIGN) * INPUT_ALIGN for size in sizes))
        starts, end = [0, *ends[:-1]], ends[-1]
        buffer = input_buffer(end + INPUT_TAIL, huge=False)
        with memoryview(buffer) as view:
            for path, start, size in zip(files, starts, sizes, strict=True):
                with view[start : start + size] as part:
                    if path in compiled:
                        part[:] = compiled[path]
                    else:
                        opened.fill(part, path)
        return Objects(files, starts, sizes, buffer)
    except ObjectFormatError:  # a file that is not there is an OSError as well
        raise
    except OSError as error:
        raise ObjectFormatError(path, "file", error.strerror or str(error)) from error


def _fill_again(part: memoryview, path: str) -> None:
    """Open a file once more, which must have the same size, and read it."""
    handle, size = open_object(path)
    try:
        if size != len(part):
            raise ObjectFormatError(path, "file", f"had {len(part)} bytes when it was opened first, and now has {size}")
        _fill(part, handle, path)
    finally:
        os.close(handle)


def _fill(part: memoryview, handle: int, path: str) -> None:
    """Read until it is full; one call reads 2 GiB at most."""
    done = 0
    while done < len(part):
        with part[done:] as rest:
            got = os.preadv(handle, [rest], done)
        if got == 0:
            raise ObjectFormatError(path, "file", f"{done} of {len(part)} bytes could be read")
        done += got
