"""Breaks objects in many ways, and parses and links each; run as a program, so that a crash is one process's.

    sweep.py FOLDER NUMBER OF CASES SEED

works on its share (every OF-th, from NUMBER) of CASES mutations of FOLDER/*.o and *.a, in an order that SEED gives, and
prints one JSON line: how many cases ran, and the failures. FOLDER/case.NUMBER always names the case under way. Allowed
outcomes: success, ObjectFormatError or UnsupportedRelocation from reading, any UrukError from linking. Unwind data of
what is linked is registered, FOLDER/libthrower.so throws something, and it is taken out again, as uruk does; no code of
the objects runs.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from uruk import LLJIT
from uruk.errors import InternalError, ObjectFormatError, UnsupportedRelocation, UrukError
from uruk.graph.graph import SymbolKind, SymbolType
from uruk.memory.zones import DATA
from uruk.orc.registry.options import Options
from uruk.passes.layout import Segment
from uruk.passes.state import State

from support.elf_picture import Field, fields_of, headers_first

CASE_SECONDS = 5.0
ADDRESS_SPACE = 16 << 30
BOUNDARIES = (
    0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x100, 0xFFF1, 0xFFF2, 0xFFFF, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFF, 1 << 32, 1 << 40,
    (1 << 40) - 1, (1 << 62) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 64, (1 << 64) - 8, (1 << 64) - 1,
)  # fmt: skip
SMALL_CHANGES = (-24, -8, -4, -1, 1, 4, 8, 24)

Mutation = tuple[str, Callable[[], bytes]]


class TooSlowError(BaseException):
    """A case that ran into its time limit."""


def truncations(name: str, data: bytes) -> Iterator[Mutation]:
    """Every shorter version, with the section headers at the end and at the beginning."""
    front = headers_first(data)
    for which, whole in (("", data), (" with headers first", front)):
        for size in range(len(whole)):
            yield f"{name}{which}: first {size} bytes", lambda whole=whole, size=size: whole[:size]


def with_field(data: bytes, changes: list[tuple[Field, int]]) -> bytes:
    """A copy with some fields changed."""
    copy = bytearray(data)
    for field, value in changes:
        field.put(copy, value)
    return bytes(copy)


def field_changes(name: str, data: bytes) -> Iterator[Mutation]:
    """Every field at every boundary value, and at values close to its own and to the file's size."""
    for field in fields_of(data):
        old, mask = field.get(data), (1 << (8 * field.width)) - 1
        values = {value & mask for value in (*BOUNDARIES, len(data), len(data) - 1)}
        values |= {(old + step) & mask for step in SMALL_CHANGES}
        values |= {old ^ (1 << bit) for bit in range(min(8 * field.width, 12))}
        for value in sorted(values - {old}):
            yield (
                f"{name}: {field.what} at {field.offset:#x} = {value:#x}",
                lambda field=field, value=value: with_field(data, [(field, value)]),
            )


def random_changes(name: str, data: bytes, seed: int) -> Iterator[Mutation]:
    """Without end: bytes flipped, words replaced, several fields changed at once."""
    chance = random.Random(f"{seed} {name}")
    fields = fields_of(data)
    while True:
        copy = bytearray(data)
        done: list[str] = []
        for _ in range(chance.randint(1, 4)):
            if chance.random() < 0.6:
                field = chance.choice(fields)
                value = chance.choice(
                    (*BOUNDARIES, chance.getrandbits(64), field.get(data) + chance.choice(SMALL_CHANGES))
                )
            else:
                width = chance.choice((1, 1, 2, 4, 8))
                field = Field("bytes", chance.randrange(len(data) - width), width)
                value = chance.getrandbits(64)
            field.put(copy, value)
            done.append(f"{field.what} at {field.offset:#x} = {value & ((1 << 8 * field.width) - 1):#x}")
        yield f"{name}: {', '.join(done)}", lambda copy=copy: bytes(copy)


def archive_changes(name: str, data: bytes, seed: int) -> Iterator[Mutation]:
    """Without end: an archive cut short, or with bytes of its headers, index and members changed."""
    chance = random.Random(f"{seed} {name}")
    special = [at for at in range(len(data)) if at < 400 or data[at : at + 2] == b"`\n"]
    texts = (b"0", b"9", b"/", b" ", b"\0", b"\n", b"`", b"#1/99", b"/9999", b"-1", b"\xff" * 4, b"\x80", b"!<arch>\n")
    while True:
        copy = bytearray(data)
        done: list[str] = []
        for _ in range(chance.randint(1, 3)):
            at = (
                max(0, chance.choice(special) - chance.randrange(60))
                if chance.random() < 0.8
                else chance.randrange(len(data))
            )
            text = chance.choice((*texts, bytes([chance.randrange(256)]), str(chance.randrange(1 << 34)).encode()))
            copy[at : at + len(text)] = text
            done.append(f"{text!r} at {at:#x}")
        if chance.random() < 0.3:
            del copy[chance.randrange(len(copy)) :]
            done.append(f"first {len(copy)} bytes")
        yield f"{name}: {', '.join(done)}", lambda copy=copy: bytes(copy)


class Guard:
    """Allocations on both sides of the hole that the next link will get; what is in them must not change."""

    def __init__(self, jit: LLJIT) -> None:
        self._slab = jit.session.executor.memory.slabs[0]
        self._watched: list[tuple[int, bytes]] = []
        holes: list[int] = []
        for index in range(3):
            addresses = self._slab.take_all([Segment(0, DATA, 4096, 16, 4096)])
            assert addresses is not None
            address = addresses[0]
            self._slab.mapper.prepare([(address, 4096)])
            if index == 1:
                holes.append(address)
                continue
            start = address - self._slab.base
            self._slab.image[start : start + 4096] = 0xA5
            self._watched.append((start, self._slab.image[start : start + 4096].tobytes()))
        for address in holes:
            self._slab.give(DATA, address, 4096)

    def intact(self) -> bool:
        """Whether the neighbours are as they were."""
        return all(self._slab.image[at : at + len(old)].tobytes() == old for at, old in self._watched)


class Unwinder:
    """libgcc, and the unwind data of the newest link."""

    def __init__(self, thrower: Path) -> None:
        libgcc = ctypes.CDLL("libgcc_s.so.1")
        self._register, self._deregister = libgcc["__register_frame"], libgcc["__deregister_frame"]
        for function in (self._register, self._deregister):
            function.argtypes, function.restype = [ctypes.c_void_p], None
        self._throw_and_catch = ctypes.CDLL(str(thrower)).throw_and_catch
        self._linked: list[int] = []
        self.registered = 0

    def note(self, state: State) -> None:
        """A plug-in behind the last step: where a link has put unwind data."""
        blocks = state.synthetic["unwind"]
        self._linked = state.address[blocks[blocks >= 0]].tolist()

    def forget(self) -> None:
        """Register nothing of a link that came to nothing after its last step: its memory is gone."""
        self._linked = []

    def throw(self) -> None:
        """Register, throw, deregister."""
        sections, self._linked = self._linked, []
        for address in sections:
            self._register(address)
        assert self._throw_and_catch(3) == 3
        for address in sections:
            self._deregister(address)
        assert self._throw_and_catch(4) == 4
        self.registered += len(sections)


class Runner:
    """One session that gets every case, and the tally."""

    def __init__(self, good: bytes, thrower: Path) -> None:
        architecture = "aarch64" if good[18:20] == b"\xb7\0" else ""
        self.unwinder = Unwinder(thrower)
        self.jit = LLJIT(options=Options(execute=False, phony_externals=True, architecture=architecture))
        self.jit.session.hooks["after seal"] = [self.unwinder.note]
        self.good = good
        self.outcomes: Counter[str] = Counter()
        self.last: UrukError | None = None
        self.failures: list[str] = []
        self.link(good)
        self.guard = Guard(self.jit)

    def link(self, data: bytes) -> str:
        """Parse and link one input, and take it out again; returns what came of it."""
        self.unwinder.forget()
        if data.startswith(b"!<"):
            return self.link_archive(data)
        try:
            tracker = self.jit.add_object(data, "hostile.o")
        except (ObjectFormatError, UnsupportedRelocation):
            return "refused by the reader"
        except InternalError:
            raise
        except UrukError as error:
            return f"not added: {type(error).__name__}"
        try:
            added = self.jit.session.entries_of(tracker)[0].added
            symbols = added.graph.symbols
            defined = (symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED) & (symbols.type != SymbolType.TLS)
            names = [self.jit.main.names.text(number) for number in np.unique(symbols.name[defined])[:4].tolist()]
            try:
                self.jit.session.lookup(self.jit.main, names, roots=True)
                self.unwinder.throw()
                return "linked"
            except InternalError:
                raise
            except UrukError as error:
                self.last = error
                return f"not linked: {type(error).__name__}"
        finally:
            tracker.remove(force=True)

    def link_archive(self, data: bytes) -> str:
        """Add an archive, link `entry` from it, and take it out again."""
        try:
            tracker = self.jit.add_archive(data, "hostile.a")
        except ObjectFormatError:
            return "archive refused"
        try:
            self.jit.lookup("entry")
            self.unwinder.throw()
            return "linked from an archive"
        except InternalError:
            raise
        except UrukError as error:
            return f"not linked from an archive: {type(error).__name__}"
        finally:
            tracker.remove(force=True)

    def run(self, name: str, make: Callable[[], bytes]) -> None:
        """One case; every outcome that is not allowed becomes a failure."""
        before = self.jit.session.executor.memory.slabs[0].used
        problem = ""
        try:
            signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
            self.outcomes[self.link(make())] += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
        except TooSlowError:
            problem = f"took more than {CASE_SECONDS} s\n{traceback.format_exc(limit=-4)}"
        except Exception:
            signal.setitimer(signal.ITIMER_REAL, 0)
            problem = traceback.format_exc(limit=-4)
        if not problem and not self.guard.intact():
            problem = "wrote outside its allocation"
        if not problem and self.jit.session.executor.memory.slabs[0].used != before:
            problem = "memory was not given back"
        if problem:
            self.failures.append(f"{name}\n{problem}")
            self.guard = Guard(self.jit)

    def still_works(self, sound: dict[str, bytes]) -> None:
        """The session links sound objects as it did at first: what failed has left nothing behind."""
        for name, data in {"good": self.good, **sound}.items():
            outcome = self.link(data)
            if outcome != "linked":
                self.failures.append(f"{name}, a sound object, afterwards: {outcome}: {self.last}")


def cases(objects: dict[str, bytes], archives: dict[str, bytes], seed: int) -> Iterator[Mutation]:
    """Systematic cases in random order with archives between, then random ones, the objects in turn."""
    systematic: list[Mutation] = []
    for name, data in objects.items():
        systematic += truncations(name, data)
        systematic += field_changes(name, data)
    random.Random(seed).shuffle(systematic)
    endless = [random_changes(name, data, seed) for name, data in objects.items()]
    broken = [archive_changes(name, data, seed) for name, data in archives.items()]
    for count, one in enumerate(systematic):
        yield one
        if broken and count % 10 == 0:
            yield next(broken[count // 10 % len(broken)])
    endless += broken
    while True:
        for one in endless:
            yield next(one)


def main() -> None:
    """See the module's text."""
    folder = Path(sys.argv[1])
    number, of, count, seed = map(int, sys.argv[2:])

    def stop(*_: object) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, stop)
    objects = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.o"))}
    archives = {path.name: path.read_bytes() for path in sorted(folder.glob("*.a"))}
    runner = Runner(objects.pop("good"), folder / "libthrower.so")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    done = 0
    with open(folder / f"case.{number}", "wb", buffering=0) as under_way:
        for index, (name, make) in enumerate(cases(objects, archives, seed)):
            if index == count or len(runner.failures) >= 20:
                break
            if index % of != number:
                continue
            os.pwrite(under_way.fileno(), name.encode().ljust(400), 0)
            runner.run(name, make)
            done += 1
            if done % 500 == 0:
                runner.still_works(objects)
        runner.still_works(objects)
    tally = {"cases": done, "registered": runner.unwinder.registered}
    print(json.dumps({**tally, "outcomes": runner.outcomes, "failures": runner.failures}))
    sys.stdout.flush()
    runner.jit.close()


if __name__ == "__main__":
    main()
