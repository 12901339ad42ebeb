"""The options of a session."""

from __future__ import annotations

from uruk.orc.registry.inputs import check, check_flag
from uruk.records import record
from uruk.target import Target


@record
class Options:
    """The options of a session."""

    phony_externals: bool = False
    """Names that nothing defines become 0, as `llvm-jitlink -phony-externals` has it."""
    prune: bool = False
    """Keep only what the wanted names reach, section by section."""
    execute: bool = True
    """False: link only; nothing is run or registered."""
    names_for_loader: bool = False
    """`dladdr` and `backtrace_symbols` name exported functions and data, where the dynamic loader knows the slab; costs
    some 0.4 µs a name. `dlsym` does not find them."""
    as_jitlink: bool = False
    """Link as LLVM's JITLink does: sections keep their order, those that no global symbol of the module reaches are
    left out, and only calls get stubs. For tools whose addresses are compared with `llvm-jitlink`'s."""
    rows: bool | None = None
    """Link one small object row by row, which takes less time there: by default from a process's second link on. False
    links everything by columns. The result is the same; what only columns can do goes to them in either case."""
    architecture: str | Target = ""
    """Of the objects, where nothing is run; by default, and otherwise always, the executor's. A registered format's own
    architecture is given as a `Target`."""

    def __post_init__(self) -> None:
        for name in ("phony_externals", "prune", "execute", "names_for_loader", "as_jitlink"):
            check_flag(getattr(self, name), name)
        if self.rows is not None:
            check_flag(self.rows, "rows, where it is not None,")
        check(self.architecture, (str, Target), "architecture", "a text such as 'aarch64', or an uruk.Target")

    @property
    def linked_only_for(self) -> str | Target:
        """The architecture for which code is linked without an executor of it; empty where there is one."""
        return "" if self.execute else self.architecture

    def target_for(self, triple: str) -> Target:
        """Return the target of code that is linked with an executor of a triple. Raises UnknownTarget."""
        wanted = self.linked_only_for or triple
        return wanted if isinstance(wanted, Target) else Target.of_triple(wanted)
