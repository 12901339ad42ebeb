"""Errors of the processes that run linked code, and of the connections to them."""

from __future__ import annotations

from uruk.errors.base import UrukError


class ExecutorError(UrukError):
    """Something that a process that runs linked code refused or could not do; the text is the whole story."""


class InvalidAddress(ExecutorError, ValueError):
    """Memory that cannot be read or written: nothing is mapped there, or it is not readable or writable.

    `address` and `size` say which memory, `done` what was to be done to it: ``read`` or ``written``.
    """

    def __init__(self, address: int, size: int, done: str) -> None:
        self.address = address
        self.size = size
        self.done = done
        super().__init__(address, size, done)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        access = "readable" if self.done == "read" else "writable"
        some = "1 byte" if self.size == 1 else f"{self.size} bytes"
        return f"{some} at {self.address:#x} cannot be {self.done}: not all of it is memory, or not {access}"


class CppException(ExecutorError):
    """A C++ exception that left a function which Python had called.

    `type` is its type as C++ writes it, `what` its own text if it is derived from `std::exception`, otherwise empty.
    """

    def __init__(self, type: str, what: str) -> None:
        self.type = type
        self.what = what
        super().__init__(type, what)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.type}: {self.what}" if self.what else self.type


class ExecutorTimeout(ExecutorError, TimeoutError):
    """A call into an executor that took longer than its deadline; it may still be running there."""


class ExecutorLost(ExecutorError):
    """The executor, or the connection to it, is gone: nothing can be called there any more.

    Every call raises an error of its own. `gone`: the call came after the end, whose error is the cause of this one.
    """

    gone = False

    def again(self, *, gone: bool = False) -> ExecutorLost:
        """Return a new error of the same kind and with the same facts, for a call that has the same cause."""
        from copy import copy  # most sessions lose no process

        new = copy(self)
        new.gone = gone
        return new

    def __str__(self) -> str:
        text = super().__str__()
        if not self.gone:
            return text
        for name, word in (("the executor's ", "its "), ("the executor ", "it ")):
            text = word + text.removeprefix(name) if text.startswith(name) else text
        return f"the executor is gone, since {text}"


class ProtocolError(ExecutorLost):
    """An executor that sent what is not a message of the protocol; the connection was closed."""


class ExecutorCrashed(ExecutorLost):
    """An executor that a signal ended, or an exception of Windows.

    `signal` is the number of the one, `code` that of the other, and `name` what that is called; 0 if not known, as
    `address`, what was accessed, and `pc`, where. `where` says what lies at `pc`: ``symbol+0x14 (object)``. `removed`
    names what lay at the address and was removed, though code referred to it. `stack_overflow`: the stack of the thread
    was used up.
    """

    def __init__(
        self,
        signal: int,
        address: int = 0,
        pc: int = 0,
        where: str = "",
        *,
        removed: str = "",
        stack_overflow: bool = False,
        code: int = 0,
        name: str = "",
    ) -> None:
        self.signal = signal
        self.code = code
        self.name = name
        self.address = address
        self.pc = pc
        self.where = where
        self.removed = removed
        self.stack_overflow = stack_overflow
        super().__init__(signal, address, pc, where)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        name = f"{self.name} ({self.code:#x})" if self.code else self._name_of_signal()
        text = f"the executor was ended by {name}"
        if self.removed:
            text += f", as code used {self.removed}, which was removed"
            return text + (f", in {self.where}" if self.where and self.pc != self.address else "")
        if self.stack_overflow:
            text = f"the executor was ended by a stack overflow ({name})"
        if self.pc:
            at = f"{self.pc:#x}"
            text += f" in {self.where} (at {at})" if self.where else f" at {at}"
            accessed = self.signal in (7, 11) or self.code == 0xC0000005  # SIGBUS, SIGSEGV: the address is data's
            if accessed and not self.stack_overflow:
                text += f", which accessed {self.address:#x}"
        return text

    def _name_of_signal(self) -> str:
        from signal import Signals

        try:
            return Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"
