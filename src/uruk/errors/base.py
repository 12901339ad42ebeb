"""The root of uruk's errors, and those that any part of it raises."""

from __future__ import annotations

from collections.abc import Sequence


def some_of(names: Sequence[str], shown: int = 3) -> str:
    """Return the first names of many, for an error's text: ``a, b, c and 4 more``."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


class UrukError(Exception):
    """Base of every error that uruk raises.

    A failed lookup raises its first cause. `poisoned` names what could not be linked because of it, `others` are
    further causes that have nothing to do with it.
    """

    poisoned: tuple[str, ...] = ()
    others: tuple[UrukError, ...] = ()

    def describe(self) -> str:
        """Return what went wrong, without what followed from it."""
        return super().__str__()

    def __str__(self) -> str:
        lines = [self.describe()]
        if self.poisoned:
            shown = ", ".join(self.poisoned[:3])
            more = len(self.poisoned) - 3
            lines.append(f"  not linked because of this: {shown}" + (f", and {more} more" if more > 0 else ""))
        lines += [f"also: {error.describe()}" for error in self.others[:10]]
        if len(self.others) > 10:
            lines.append(f"and {len(self.others) - 10} more errors")
        return "\n".join(lines)


class InvalidValue(UrukError, ValueError):
    """An argument whose value makes no sense; the text says which, and what would."""


class InvalidType(UrukError, TypeError):
    """An argument of a type that cannot be taken; the text says which, and what can."""


class UnknownTarget(UrukError, ValueError):
    """A target that uruk does not know, or cannot run code for.

    `target` is what was asked for, `targets` are those that there are.
    """

    def __init__(self, target: str, targets: Sequence[str]) -> None:
        self.target = target
        self.targets = tuple(targets)
        super().__init__(target, self.targets)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"no target `{self.target}'; there are {', '.join(self.targets)}"


class MissingRuntime(UrukError):
    """A target whose code this installation cannot run, as it lacks the file of the runtime for it.

    `target` is what was asked for, `targets` are those that there are.
    """

    def __init__(self, target: str, file: str, targets: Sequence[str], folders: Sequence[str]) -> None:
        self.target = target
        self.file = file
        self.targets = tuple(targets)
        self.folders = tuple(folders)
        super().__init__(target, file, self.targets, self.folders)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        if not self.targets:
            problem = f"no {self.file} in {' or '.join(self.folders)}"
            return f"{problem}; install uruk with pip, or run `make runtime' in its source tree"
        return (
            f"this uruk has no runtime for {self.target}: it was built for {', '.join(self.targets)} alone. Install a "
            "release wheel of it, which has all, or build it again with URUK_TARGETS=all in the environment of pip "
            "(which then downloads zig's compiler, 100 MB)"
        )


class StaleRuntime(MissingRuntime):
    """An archive of the runtime that was built for another version of uruk's Python code; `file` is its path."""

    def __init__(self, file: str) -> None:
        super().__init__("", file, (), ())
        self.args = (file,)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return (
            f"{self.file} was built for another version of uruk's Python code than this one: run `make runtime' in its "
            "source tree, or install uruk again with pip"
        )


class AllocationError(UrukError):
    """Memory that cannot be reserved, protected or placed."""


class InternalError(UrukError):
    """uruk broke one of its own invariants; this is a bug, please report it with the input."""
