"""One link of the tool: a session for the target of the first object, its inputs, and what is asked of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.errors import UnknownTarget, UrukError
from uruk.formats.heads import HEAD, target_of_head
from uruk.formats.registry import format_named
from uruk.jitlink.failures import ToolError, refuse_devices, unreadable
from uruk.jitlink.inputs import Inputs
from uruk.jitlink.linked_files import LinkedFiles
from uruk.jitlink.module_order import order_modules
from uruk.jitlink.options import CommandLine
from uruk.jitlink.place import link_only_session
from uruk.jitlink.show_times import LINK, LOAD, Timers
from uruk.orc.registry.symbols import encode_name
from uruk.target import HERE, Target

if TYPE_CHECKING:
    from uruk.jitlink.checking import Read
    from uruk.jitlink.running import Running
    from uruk.passes.state import State

_SHOWN = ("check", "show-addrs", "show-entry-es", "show-graphs", "show-relocated-section-contents", "write-symtab")
"""Options that look at what was linked."""


class Linking:
    """A link; `close` gives back what it holds. `running` is where its program runs; None: it is only linked."""

    def __init__(self, line: CommandLine, page_size: int, target: Target, running: Running | None = None) -> None:
        self._line = line
        self.target = target
        self.kinds = format_named(self.target.format).instruction_set(self.target.architecture).KINDS
        self._running = running
        self.entry = line.last("entry") or "main"
        if running is None:
            self.session, memory = link_only_session(line, self.target, page_size)
            self._read: Read = memory.read
            self._inputs = Inputs(self.session, line)
        else:
            self.session, self._read = running.jit.session, running.jit.executor.process.read
            self._inputs = Inputs(self.session, line, running.jit.main)
            if line.is_on("perf-support"):
                running.jit.record_for_perf()
        if self.session.options.as_jitlink:
            # The order must be known before addresses are given; LLVM's tool shows it by the addresses of its graphs.
            self.session.add_pass("before layout", lambda state: order_modules(state, encode_name(self.entry)))
        self._linked = LinkedFiles()
        self._timers = Timers()
        if line.is_on("show-linked-files"):
            self.session.add_pass("pre-prune", _say_linked)
        if any(line.given(name) for name in _SHOWN):
            self.session.add_pass("post-fixup", self._linked.note)

    def add_inputs(self) -> None:
        """Add everything that the command line names. Raises ToolError."""
        with self._timers.phase(LOAD):
            self._inputs.add_all()
        if self._running is not None:
            if not self._line.is_on("no-process-syms"):
                self._running.serve(self._inputs.order)
            self._running.prepare()

    def look_entry_up(self) -> int:
        """Link what the entry needs, and return its address. Raises what linking raises."""
        name = self.entry
        # LLVM looks the entry up in all dylibs of the line in turn; a dylib with that link order does the same here.
        self._home = entry = self.session.create_dylib("<entry>", bare=self._line.is_on("no-process-syms"))
        entry.set_link_order([], self_first=True)
        for dylib in self._inputs.order:
            entry.add_to_link_order(dylib, hidden=True)
        words = [words for graph in self._inputs.graphs() for words in graph.linker_words.values()]
        # `/include` in an object makes its name a root of the link (Microsoft, "/INCLUDE").
        included = [name for recorded in words for name in recorded.get("include", ())]
        with self._timers.phase(LINK):
            self._entry = self.session.lookup_names(entry, [name, *included], initialize=False)[name]
        if self.runs and self.target.format == "elf" and self._line.is_on("vtune-support"):
            # LLVM's tool without Intel's library, as distributions build it, links and then refuses with this text.
            raise UrukError("unsupported for Intel VTune")
        return self._entry

    @property
    def runs(self) -> bool:
        """True if the program is to be run."""
        return self._running is not None

    def another_may_do(self, error: UrukError) -> bool:
        """Return True where another process may run what failed with an error in this one."""
        return self._running is not None and self._running.another_may_do(error)

    def run(self) -> int:
        """Run the program whose entry was looked up; see `Running.run`."""
        assert self._running is not None
        return self._running.run(self._entry, self._home)

    def show_session(self, option: str) -> str:
        """Return the session's state, if `option` asks for it."""
        if not self._line.is_on(option):
            return ""
        from uruk.jitlink.show_session import session_text

        process = not self._line.is_on("no-process-syms")
        return session_text(self.session, self._inputs.order, self._linked, process=process)

    def show_graphs(self) -> str:
        """Return what is asked for of the linked graphs."""
        text = ""
        if self._line.last("show-graphs"):
            from uruk.jitlink.show_graphs import graphs_text

            text += graphs_text(self._linked.states, self._line.last("show-graphs"))
        if self._line.is_on("show-relocated-section-contents"):
            from uruk.jitlink.show_graphs import contents_text

            text += contents_text(self._linked.states)
        return text

    def gather(self) -> None:
        """Make what was linked known to rules and lists. Raises ToolError for a list that cannot be written."""
        self._linked.gather()
        if path := self._line.last("write-symtab"):
            from uruk.jitlink.symbol_file import write_symbols

            write_symbols(self._linked.states, path)

    def times(self) -> str:
        """Return the table of ``-show-times``, if it is asked for."""
        return self._timers.text() if self._line.is_on("show-times") else ""

    def show_addresses(self) -> str:
        """Return the list of ``-show-addrs``, if it is asked for."""
        if not self._line.is_on("show-addrs"):
            return ""
        from uruk.jitlink.show_addresses import addresses_text

        return addresses_text(self._linked, self._inputs.absolute)

    def check(self) -> None:
        """Evaluate the rules of ``-check``. Raises ToolError if some are false."""
        if not self._line.given("check"):
            return
        from uruk.jitlink.checking import LinkFacts, check_files

        if self._linked.duplicate:
            raise ToolError(
                f'When -check is passed, file names must be distinct (duplicate: "{self._linked.duplicate}")'
            )
        # Loads read in the byte order of the target, which need not be this machine's.
        order = self.kinds.order
        facts = LinkFacts(self._linked, self._inputs.absolute, self._read, self.target.architecture, order)
        check_files(self._line.texts("check"), self._line.last("check-name", "jitlink-check"), facts)

    def close(self) -> None:
        """End the session."""
        if self._running is None:
            self.session.close()
        else:
            self._running.close()


def _say_linked(state: State) -> None:
    """Print the files of a link; at once, as a running program's own output comes between."""
    print("".join(f"Linking {file}\n" for file in state.graph.files), end="", flush=True)


def target_of_line(line: CommandLine) -> Target:
    """Return the target that the line names, or that of the first object among the inputs.

    Raises ToolError for a file that cannot be read, and for a target that uruk does not know.
    """
    if triple := line.last("triple"):
        try:
            return Target.of_triple(triple)
        except UnknownTarget as error:
            raise ToolError(error.describe()) from error
    for placed in line.inputs:
        try:
            refuse_devices(placed.text)
            with open(placed.text, "rb") as file:
                target = target_of_head(file.read(HEAD))
        except OSError as error:
            raise unreadable(placed.text, error) from error
        # Archives and scripts tell no architecture, and the first object behind them decides.
        if target is not None and target.architecture:
            return target if target.system else target.of_own_system or target
    return HERE
