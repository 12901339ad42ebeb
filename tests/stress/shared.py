"""Names that several threads change while others look them up, and the proof that the answers were linearisable.

A change takes some time. An answer is right if some order of whole changes and whole lookups, each at a point within
its time, gives it: for a name with one change at a time, if what was found may have been there at some time between
the lookup's begin and end.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import uruk

FOREVER = float("inf")


@dataclass
class Version:
    """What a name stood for: `value` is what calling it gives, None for "nothing". Times of `time.monotonic`."""

    value: int | None
    address: int | None
    begin: float
    """When the change that brought it began."""
    end: float = FOREVER
    """When the change that took it away was done."""


@dataclass
class Answer:
    """What a lookup found between two times: an address, or a value by calling what it found, or nothing."""

    begin: float
    end: float
    address: int | None = None
    value: int | None = None

    def fits(self, version: Version) -> bool:
        """Whether a version may have been what the lookup found."""
        if version.begin > self.end or version.end < self.begin:
            return False
        if self.value is not None:
            return self.value == version.value
        return self.address == version.address


@dataclass
class Shared:
    """One name of one dylib, its history, and what lookups of it found."""

    name: str
    dylib: uruk.JITDylib
    changing: threading.Lock = field(default_factory=threading.Lock)
    tracker: uruk.ResourceTracker | None = None
    versions: list[Version] = field(default_factory=list[Version])
    answers: list[Answer] = field(default_factory=list[Answer])

    def __post_init__(self) -> None:
        self.versions.append(Version(None, None, time.monotonic()))

    def changed(self, value: int | None, address: int | None, begin: float) -> None:
        """A change that began at `begin` is done."""
        self.versions[-1].end = time.monotonic()
        self.versions.append(Version(value, address, begin))

    def wrong_answers(self) -> list[Answer]:
        """Answers that no version explains."""
        return [answer for answer in self.answers if not any(map(answer.fits, self.versions))]
