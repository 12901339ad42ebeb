"""One link of the tool: a session for the target of the first object, its inputs, and what is asked of the result."""

from __future__ import annotations

from uruk.formats.heads import HEAD, target_of_head
from uruk.formats.registry import format_named
from uruk.jitlink.failures import ToolError, not_found
from uruk.jitlink.inputs import Inputs
from uruk.jitlink.linked_files import LinkedFiles
from uruk.jitlink.module_order import order_modules
from uruk.jitlink.options import CommandLine
from uruk.jitlink.place import link_only_session
from uruk.orc.registry.symbols import encode_name
from uruk.target import HERE, Target

_SHOWN = ("check", "show-addrs", "show-entry-es", "show-graphs", "show-relocated-section-contents")
"""Options that look at what was linked."""


class Linking:
    """A link; `close` gives back what it holds."""

    def __init__(self, line: CommandLine, page_size: int) -> None:
        self._line = line
        self.target = _target(line)
        self.session, self.memory = link_only_session(line, self.target, page_size)
        self._inputs = Inputs(self.session, line)
        self._linked = LinkedFiles()
        self.kinds = format_named(self.target.format).instruction_set(self.target.architecture).KINDS
        self.entry = line.last("entry") or "main"
        # The order must be known before addresses are given; LLVM's tool shows it by the addresses of its graphs.
        self.session.add_pass("before layout", lambda state: order_modules(state, encode_name(self.entry)))
        if any(line.given(name) for name in _SHOWN):
            self.session.add_pass("post-fixup", self._linked.note)

    def add_inputs(self) -> None:
        """Add everything that the command line names. Raises ToolError."""
        self._inputs.add_all()

    def look_entry_up(self) -> int:
        """Link what the entry needs, and return its address. Raises what linking raises."""
        name = self.entry
        # LLVM looks the entry up in all dylibs of the line in turn; a dylib with that link order does the same here.
        entry = self.session.create_dylib("<entry>", bare=self._line.is_on("no-process-syms"))
        entry.set_link_order([], self_first=True)
        for dylib in self._inputs.order:
            entry.add_to_link_order(dylib, hidden=True)
        words = [words for graph in self._inputs.graphs() for words in graph.linker_words.values()]
        # `/include` in an object makes its name a root of the link (Microsoft, "/INCLUDE").
        included = [name for recorded in words for name in recorded.get("include", ())]
        return self.session.lookup_names(entry, [name, *included], initialize=False)[name]

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
        """Make what was linked known to rules and lists."""
        self._linked.gather()

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
        facts = LinkFacts(self._linked, self._inputs.absolute, self.memory.read, self.target.architecture, order)
        check_files(self._line.texts("check"), self._line.last("check-name") or "jitlink-check", facts)

    def close(self) -> None:
        """End the session."""
        self.session.close()


def _target(line: CommandLine) -> Target:
    """Return the target of the first object among the inputs. Raises ToolError for a file that is not there."""
    for placed in line.inputs:
        try:
            with open(placed.text, "rb") as file:
                target = target_of_head(file.read(HEAD))
        except OSError as error:
            raise not_found(placed.text) from error
        # Archives and scripts tell no architecture, and the first object behind them decides.
        if target is not None and target.architecture:
            return (
                target if target.system else Target(target.format, target.architecture, _SYSTEMS.get(target.format, ""))
            )
    return HERE


_SYSTEMS = {"elf": "linux", "coff": "windows"}
"""The system of objects whose format does not name one."""
