"""Breaks COFF objects in many ways, and reads and links each; run as a program, so that a crash is one process's.

    coff_sweep.py FOLDER NUMBER OF CASES SEED

FOLDER/*.obj are for x86-64, but those with `arm64` in their names for AArch64;
FOLDER/*.lib are import libraries, with which FOLDER/user.o is linked. It
works on its share (every OF-th, from NUMBER) of CASES mutations of these, and prints one JSON line: how many cases
ran, what came of them, and the failures. Allowed outcomes: success, ObjectFormatError or UnsupportedRelocation from
reading, any UrukError from linking.
"""

from __future__ import annotations

import json
import random
import signal
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import uruk
from uruk.errors import InternalError, ObjectFormatError, UnsupportedRelocation, UrukError
from uruk.memory.fixed import FixedMemory
from uruk.orc.registry.entries import ObjectEntry
from uruk.target import Target

CASE_SECONDS = 5.0
BOUNDARIES = (0, 1, 2, 5, 6, 7, 0x7F, 0x80, 0xFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFE, 0xFFFFFFFF)
ARCHIVE = b"!<arch>\n"
FILE_HEADER, SECTION_HEADER, SYMBOL = 20, 40, 18


class TooSlowError(BaseException):
    """A case that ran into its time limit."""


def tables_of(data: bytes) -> list[tuple[int, int]]:
    """Where the headers, the symbol table and the string table lie, and how large they are; or an archive's index."""
    if data.startswith(ARCHIVE):
        return [(68, int(data[56:66])), (0, 68)]
    sections, table, count = struct.unpack_from("<2xH4x2I", data)
    if data[:4] == b"\0\0\xff\xff":  # `/bigobj`
        sections, table, count = struct.unpack_from("<3I", data, 44)
    strings = table + SYMBOL * count
    return [(0, FILE_HEADER + SECTION_HEADER * sections), (table, SYMBOL * count), (strings, len(data) - strings)]


def mutations(objects: dict[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Without end: objects cut short, or with fields of their tables changed."""
    chance = random.Random(seed)
    while True:
        name = chance.choice(sorted(objects))
        data = objects[name]
        if chance.random() < 0.2:
            size = chance.randrange(len(data))
            yield f"{name}: first {size} bytes", data[:size]
            continue
        copy, done = bytearray(data), list[str]()
        for _ in range(chance.randint(1, 4)):
            start, size = chance.choice([(0, len(data)), *tables_of(data)])
            at, width = start + chance.randrange(max(size, 1)), chance.choice((1, 1, 2, 4))
            value = chance.choice((*BOUNDARIES, chance.getrandbits(32), len(data), len(data) - 1))
            if at + width <= len(copy):
                copy[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
                done.append(f"{width} bytes at {at:#x} = {value:#x}")
        yield f"{name}: {', '.join(done)}", bytes(copy)


class Runner:
    """One session that gets every case, and the tally."""

    def __init__(self, architecture: str, user: bytes) -> None:
        self.user = user
        target = Target("coff", architecture, "windows")
        options = uruk.Options(execute=False, phony_externals=True, architecture=target)
        self.memory = FixedMemory(0x140000000, 1 << 20)
        self.jit = uruk.LLJIT(memory=self.memory, options=options)
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []

    def link(self, data: bytes) -> str:
        """Read and link one input, and take it out again; returns what came of it."""
        if data.startswith(ARCHIVE):
            return self.link_with_archive(data)
        try:
            tracker = self.jit.add_object(data, "hostile.obj")
        except (ObjectFormatError, UnsupportedRelocation):
            return "refused by the reader"
        except InternalError:
            raise
        except UrukError as error:
            return f"not added: {type(error).__name__}"
        try:
            entry = next(one for one in self.jit.session.entries_of(tracker) if isinstance(one, ObjectEntry))
            numbers = entry.added.definitions.name.tolist()[:4]
            self.jit.session.lookup(self.jit.main, self.jit.main.names.ids.texts(numbers), roots=True)
            return "linked"
        except InternalError:
            raise
        except UrukError as error:
            return f"not linked: {type(error).__name__}"
        finally:
            tracker.remove(force=True)

    def link_with_archive(self, data: bytes) -> str:
        """The same with an import library, with which `user` is linked."""
        trackers = [self.jit.add_object(self.user, "user.o")]
        try:
            trackers.append(self.jit.add_archive(data, "hostile.lib"))
            self.jit.lookup("start")
            return "linked"
        except InternalError:
            raise
        except (ObjectFormatError, UnsupportedRelocation):
            return "refused by the reader"
        except UrukError as error:
            return f"not linked: {type(error).__name__}"
        finally:
            for tracker in reversed(trackers):
                tracker.remove(force=True)

    def run(self, name: str, data: bytes) -> None:
        """One case; every outcome that is not allowed becomes a failure."""
        try:
            signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
            self.outcomes[self.link(data)] += 1
        except (Exception, TooSlowError):
            self.failures.append(f"{name}\n{traceback.format_exc(limit=-4)}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.memory.used:
            self.failures.append(f"{name}\nmemory was not given back")


def main() -> None:
    """See the module's text."""
    number, of, count, seed = map(int, sys.argv[2:])

    def stop(*_: object) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, stop)
    folder = Path(sys.argv[1])
    objects = {path.name: path.read_bytes() for path in sorted([*folder.glob("*.obj"), *folder.glob("*.lib")])}
    user = (folder / "user.o").read_bytes()
    runners = [Runner("x86_64", user), Runner("aarch64", user)]
    for index, (name, data) in enumerate(mutations(objects, seed)):
        runner = runners["arm64" in name]
        if index == count or len(runner.failures) >= 20:
            break
        if index % of == number:
            runner.run(name, data)
    for name, data in objects.items():
        runner = runners["arm64" in name]
        if runner.link(data) != "linked":
            runner.failures.append(f"{name}, a sound object, is not linked afterwards")
    outcomes = runners[0].outcomes + runners[1].outcomes
    failures = runners[0].failures + runners[1].failures
    print(json.dumps({"cases": outcomes.total(), "outcomes": outcomes, "failures": failures}))


if __name__ == "__main__":
    main()
