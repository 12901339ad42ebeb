"""Errors of sessions: units and generators, lookups, code that is in use or was removed."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.errors.base import UrukError, some_of


class MaterializationError(UrukError):
    """A materialization unit, or a generator, that failed.

    `what` says which, `symbols` what it was to deliver, `problem` what it said; `__cause__` is its own exception.
    """

    def __init__(self, what: str, symbols: Sequence[str], problem: str) -> None:
        self.what = what
        self.symbols = tuple(symbols)
        self.problem = problem
        super().__init__(what, self.symbols, problem)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what}, asked for {some_of(self.symbols)}: {self.problem}"


class WrongDefinitions(MaterializationError):
    """A unit that did not deliver the symbols that it had announced: a bug of the unit.

    `missing` symbols were announced, but not delivered; `unexpected` ones were delivered, but not announced.
    """

    def __init__(self, what: str, missing: Sequence[str], unexpected: Sequence[str]) -> None:
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        parts = [f"it announced {some_of(self.missing)}, but did not deliver it"] if missing else []
        parts += [f"it delivered {some_of(self.unexpected)}, which it had not announced"] if unexpected else []
        super().__init__(what, self.missing or self.unexpected, "; ".join(parts))
        self.args = (what, self.missing, self.unexpected)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what}: {self.problem}: a bug in that unit"


class MaterializationCycle(UrukError):
    """A unit or generator that waits for itself;

    `steps` are the tasks of the cycle, each of which waits for the next.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = tuple(steps)
        super().__init__(self.steps)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"materialization cycle: {' -> '.join(self.steps)}"


class LookupTimeout(UrukError, TimeoutError):
    """A lookup that was not done in its time; `doing` says of each unfinished piece of work where it is."""

    def __init__(self, what: str, doing: Sequence[str]) -> None:
        self.what = what
        self.doing = tuple(doing)
        super().__init__(what, self.doing)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return "\n  ".join([f"{self.what}: not done in time; waiting for", *self.doing])


class InUse(UrukError):
    """Code that cannot be removed because other code refers to it; `users` names who."""

    def __init__(self, what: str, users: Sequence[str]) -> None:
        self.what = what
        self.users = tuple(users)
        super().__init__(what, self.users)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what} is in use by {', '.join(self.users)}; remove that first"


class RemovedCode(UrukError):
    """A use of code that was removed; `removed` names what was used, and what it came from.

    `how` is ``called``, for a function, or ``used``, for a variable.
    """

    def __init__(self, removed: str, how: str = "called") -> None:
        self.removed = removed
        self.how = how
        super().__init__(removed, how)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"code {self.how} {self.removed}, which was removed"


class ReleasedCallback(UrukError):
    """A call of a callback that was released, or that went with the dylib of the function that it was made for.

    `function` is the name of the Python function.
    """

    def __init__(self, function: str) -> None:
        self.function = function
        super().__init__(function)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return (
            f"code called the callback of {self.function}, which was released: jit.callback() makes one that is kept "
            "until its release()"
        )


class SessionClosed(UrukError):
    """A session, tracker or executor that was used after it was closed."""


class StaticsDiffer(UrukError):
    """A replacement whose variables cannot be those of the code that it replaces.

    `file` is the new object, `problems` say what differs, `advice` what to do.
    """

    def __init__(self, file: str, problems: Sequence[str], advice: str = "") -> None:
        self.file = file
        self.problems = tuple(problems)
        self.advice = advice
        super().__init__(file, self.problems, advice)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        advice = self.advice or 'replace with statics="new" to make all of them anew'
        return f"{self.file}: its variables cannot be kept: {'; '.join(self.problems)}: {advice}"


class NotReplaced(UrukError):
    """A function that cannot be replaced alone, as other code of its object has copies of it.

    `function` is its name, `file` its object, `copies` are clones, and functions in which it was inlined.
    """

    def __init__(self, function: str, file: str, copies: Sequence[str]) -> None:
        self.function = function
        self.file = file
        self.copies = tuple(copies)
        super().__init__(function, file, self.copies)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        advice = "replace all of the object, or compile it with -fPIC -fsemantic-interposition"
        copies = some_of(self.copies)
        return f"`{self.function}' cannot be replaced alone: {self.file} has copies of its code in {copies}: {advice}"


class FunctionGone(UrukError):
    """A call of a function that the newest version of its object does not define any more.

    `function` is its name, `file` the object that replaced the one that had it.
    """

    def __init__(self, function: str, file: str) -> None:
        self.function = function
        self.file = file
        super().__init__(function, file)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"`{self.function}' was called, but {self.file}, which replaced its code, does not define it"
