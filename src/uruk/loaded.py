"""`uruk.load`: objects as one Python object, whose functions and global variables are its attributes."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from uruk.attributes import names_of, set_variable, symbol_value
from uruk.lljit import LLJIT
from uruk.orc.registry.inputs import PathLike, Source, listed

if TYPE_CHECKING:
    from typing_extensions import Self

    from uruk.executor.remote import RemoteExecutor

_OWN = ("close", "jit")


def load(
    *sources: PathLike | Source,
    libraries: Sequence[PathLike] = (),
    executor: RemoteExecutor | None = None,
) -> Loaded:
    """Load relocatable objects and archives, compiled with ``-g``; returns what they define, as attributes.

    ``shapes = uruk.load("shapes.o")``, then ``shapes.area(2.0)``, ``shapes.counter = 3``. `libraries` are added by
    name or path, as by `LLJIT.add_library`. They run in this process, or in that of `executor`. Nothing is linked
    before it is asked for, but for initialisers, which run now. Raises what adding and linking raise.
    """
    jit = LLJIT(executor=executor)
    try:
        for name in listed(libraries, "libraries"):
            jit.add_library(name)
        for source in sources:
            if isinstance(source, (bytes, bytearray, memoryview)):
                jit.add_object(source)
            elif str(source).endswith(".a"):
                jit.add_archive(source)
            else:
                jit.add_object(source)
        jit.initialize()
    except BaseException:
        jit.close()
        raise
    return Loaded(jit, ", ".join("<bytes>" if isinstance(each, bytes) else str(each) for each in sources))


class Loaded:
    """The names that objects define: functions are `Symbol`s, variables are values.

    `jit` is their session; `close` ends it.
    A name that is one of its own, or that Python cannot spell, is an item: ``loaded["close"]``.
    """

    def __init__(self, jit: LLJIT, title: str) -> None:
        object.__setattr__(self, "jit", jit)
        object.__setattr__(self, "_title", title)

    if TYPE_CHECKING:
        jit: LLJIT
        _title: str

    def close(self) -> None:
        """Remove the objects; nothing of them may be used any more. Closing twice does nothing."""
        self.jit.close()

    def __getitem__(self, name: str) -> Any:
        return symbol_value(self.jit, name)

    def __setitem__(self, name: str, value: Any) -> None:
        set_variable(self.jit, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"no attribute `{name}'", name=name, obj=self)
        return symbol_value(self.jit, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            raise AttributeError(f'`{name}\' is an attribute of its own: set the variable by ["{name}"]')
        set_variable(self.jit, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *names_of(self.jit)})

    def __repr__(self) -> str:
        return f"<{self._title}, loaded into {self.jit!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
