"""Prints what ``uruk show`` found: columns as wide as their content, colours on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from uruk.graph.views import signed

if TYPE_CHECKING:
    from uruk.cli.show_facts import Facts

TITLE, HEAD, NAME, PROBLEM = "bold", "dim", "cyan", "red"
Cell = tuple[str, str]
"""Text and style."""


def clean(text: str, encoding: str | None) -> str:
    """Return `text` without control characters and what the output cannot encode: names in objects are untrusted."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    encoding = encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class Printer:
    """Writes lines of styled cells to standard output; plain text where that is not a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._encoding = sys.stdout.encoding
        self._fresh = True

    def line(self, *cells: Cell) -> None:
        """Print one line; it is never wrapped, nor cut."""
        cleaned = [(clean(text, self._encoding), style) for text, style in cells]
        if self._console.is_terminal:
            self._console.print(Text.assemble(*cleaned), soft_wrap=True)
        else:
            sys.stdout.write("".join(text for text, _ in cleaned) + "\n")

    def title(self, text: str) -> None:
        """Print a heading, with an empty line before all but the first."""
        if not self._fresh:
            self.line()
        self._fresh = False
        self.line((text, TITLE))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Sequence[str] = ()) -> None:
        """Print columns, those in `numbers` (by heading) aligned to the right. Nothing follows the last cell."""
        given = [[(text, HEAD) for text in head], *rows] if head else list(rows)
        lines = [[(clean(text, self._encoding), style) for text, style in line] for line in given]
        count = max(map(len, lines), default=0)
        widths = [max((cell_len(line[at][0]) for line in lines if at < len(line)), default=0) for at in range(count)]
        right = [at < len(head) and head[at] in numbers for at in range(count)]
        for line in lines:
            last = max((at for at, (text, _) in enumerate(line) if text), default=-1)
            cells: list[Cell] = []
            for at, (text, style) in enumerate(line[: last + 1]):
                gap = " " * (widths[at] - cell_len(text))
                cells.append(("  ", ""))
                cells += [(gap, ""), (text, style)] if right[at] else [(text, style), (gap if at < last else "", "")]
            self.line(*cells)


def readable(facts: Any) -> str:
    """Return ``foo(int)  (_Z3fooi)``; the name alone where demangling changes nothing."""
    name, text = facts["name"], facts["demangled"]
    return name if name == text else f"{text}  ({name})"


def print_facts(printer: Printer, facts: Facts) -> None:
    """Print the facts of an object, an archive or a shared library."""
    if "soname" in facts:
        _print_library(printer, facts)
    elif "members" in facts:
        _print_archive(printer, facts)
    else:
        _print_object(printer, facts)


def _print_archive(printer: Printer, facts: Facts) -> None:
    index = "" if facts["has_index"] else " without an index"
    printer.title(f"{facts['file']}: {facts['kind']}{index}, {len(facts['members'])} members")
    for member in facts["members"]:
        problem = f": {member['problem']}" if member["problem"] else ""
        printer.line(("  ", ""), (member["name"], NAME), (f"  {member['size']} bytes", ""), (problem, PROBLEM))
        for symbol in member["defines"]:
            printer.line((f"    {readable(symbol)}", ""))
        for imported in member.get("imports", ()):
            printer.line((f"    {_imported(imported)}", ""))


def _print_library(printer: Printer, facts: Facts) -> None:
    soname = f" {facts['soname']}" if facts["soname"] is not None else " without a name"
    printer.title(f"{facts['file']}: {facts['target']} {facts['kind']}{soname}")
    for needed in facts["needed"]:
        printer.line(("  needs ", ""), (needed, NAME))
    printer.title(f"{len(facts['defines'])} definitions")
    rows: list[list[Cell]] = []
    for symbol in facts["defines"]:
        sign = "@@" if symbol["default"] else "@"
        version = f"{sign}{symbol['version']}" if symbol["version"] is not None else ""
        number = f"(number {symbol['number']})" if not symbol["name"] else ""
        notes = f" is {symbol['forwarder']}" if symbol["forwarder"] is not None else ""
        words = (f"{symbol['size']:#x}" if symbol["size"] else "", symbol["binding"], symbol["type"], version)
        rows.append([*((word, "") for word in words), ((number or readable(symbol)) + notes, NAME)])
    printer.table(("size", "binding", "kind", "version", "name"), rows, numbers=("size",))


def _imported(facts: Facts) -> str:
    """Return ``puts: msvcrt.dll``, with the name there if that is another one, or the number."""
    renamed = f"{facts['export']} of " if facts["export"] not in (None, facts["name"]) else ""
    data = "data of " if facts["data"] and not renamed else ""
    number = f", number {facts['ordinal']}" if facts["export"] is None else ""
    return f"{facts['name']}: {data}{renamed}{facts['library']}{number}"


def _print_object(printer: Printer, facts: Facts) -> None:
    printer.title(f"{facts['file']}: {facts['target']} {facts['kind']}")
    _print_blocks(printer, facts["blocks"])
    _print_symbols(printer, facts)
    if "edges" in facts:
        _print_edges(printer, facts["edges"])
    if facts["groups"]:
        printer.title("section groups")
        rows = [
            [(group["signature"], NAME), (", ".join(group["blocks"]) or "(none loaded)", "")]
            for group in facts["groups"]
        ]
        printer.table((), rows)
    if facts["initialisers"]:
        printer.title("initialisers and finalisers")
        rows = [
            [(array["block"], ""), (", ".join(array["functions"]) or f"{array['entries']} entries", NAME)]
            for array in facts["initialisers"]
        ]
        printer.table((), rows)
    if facts["thread_local"]:
        _print_thread_local(printer, facts["thread_local"])
    if "linker_words" in facts:
        printer.title("for whoever links a program")
        rows = [[(option, ""), (value, NAME)] for option, values in facts["linker_words"].items() for value in values]
        printer.table((), rows)
    _print_needs(printer, facts["needs"])
    if facts["problems"]:
        printer.title("problems")
        for problem in facts["problems"][:20]:
            printer.line((f"  {problem}", PROBLEM))
        if len(facts["problems"]) > 20:
            printer.line((f"  and {len(facts['problems']) - 20} more (--edges shows all)", PROBLEM))


def _print_blocks(printer: Printer, blocks: list[Facts]) -> None:
    printer.title("blocks")
    rows: list[list[Cell]] = []
    for block in blocks:
        notes = [block["role"]] * bool(block["role"]) + ["zero-fill"] * block["zero_fill"]
        notes += [f"group {block['group']}"] if block["group"] is not None else []
        words = (block["zone"], f"{block['size']:#x}", str(block["align"]), str(block["relocations"] or ""))
        rows.append([*((word, "") for word in words), (block["name"], NAME), (", ".join(notes), "")])
    printer.table(("zone", "size", "align", "edges", "name", ""), rows, numbers=("size", "align", "edges"))


def _print_symbols(printer: Printer, facts: Facts) -> None:
    rows: list[list[Cell]] = []
    for block in facts["blocks"]:
        rows += [_symbol(symbol, f"{block['name']}+{symbol['offset']:#x}") for symbol in block["symbols"]]
    for symbol in facts["symbols"]:
        if symbol["kind"] == "undefined" and symbol["binding"] != "local":
            continue  # among the needs
        place: dict[str, str] = {
            "absolute": f"absolute {symbol['offset']:#x}",
            "common": f"common, align {symbol['offset']}",
        }
        rows.append(_symbol(symbol, place.get(symbol["kind"]) or symbol["kind"]))
    if rows:
        printer.title("symbols")
        printer.table(("place", "size", "binding", "visibility", "kind", "name"), rows, numbers=("size",))


def _symbol(symbol: Facts, place: str) -> list[Cell]:
    size = f"{symbol['size']:#x}" if symbol["size"] else ""
    words = (place, size, symbol["binding"], symbol["visibility"], symbol["type"])
    return [*((word, "") for word in words), (readable(symbol), NAME)]


def _print_edges(printer: Printer, edges: list[Facts]) -> None:
    printer.title("edges")
    if not edges:
        printer.line(("  none", ""))
        return
    rows: list[list[Cell]] = []
    for edge in edges:
        formula = f"{edge['kind']} = {edge['formula']}" if edge["formula"] else edge["kind"] or "unknown"
        target = f"{edge['demangled']}{signed(edge['addend'])}" if edge["target"] else f"{edge['addend']:#x}"
        place = f"{edge['block']}+{edge['offset']:#x}"
        problem = f"  ({edge['problem']})" if edge["problem"] else ""
        style = PROBLEM if problem else ""
        rows.append([(place, style), (edge["relocation"], style), (formula, style), (target + problem, style or NAME)])
    printer.table(("place", "relocation", "kind", "target"), rows)


def _print_thread_local(printer: Printer, facts: Facts) -> None:
    printer.title("thread-local storage")
    if facts["size"]:
        stored = f"{facts['initialised']} of them initialised"
        printer.line((f"  {facts['size']} bytes, {stored}, align {facts['align']}", ""))
    for model, count in facts["models"].items():
        printer.line((f"  {model}: {count} reference{'s' if count != 1 else ''}", ""))


def _print_needs(printer: Printer, needs: list[Facts]) -> None:
    printer.title("needs from outside")
    if not needs:
        printer.line(("  nothing", ""))
    rows: list[list[Cell]] = []
    for need in needs:
        notes = ["weak"] * need["weak"] + ["thread-local"] * need["thread_local"]
        notes += [need["visibility"]] * (need["visibility"] != "default")
        nobody = "nobody known: it becomes 0" if need["weak"] else "nobody known"
        provider, style = (need["provider"], "") if need["provider"] else (nobody, "" if need["weak"] else PROBLEM)
        uses = f"{need['used_at']}" + (f" and {need['uses'] - 1} more" if need["uses"] > 1 else "")
        rows.append(
            [
                (provider, style),
                (", ".join(notes), ""),
                (uses if need["uses"] else "not used", ""),
                (readable(need), NAME),
            ]
        )
    if rows:
        printer.table(("who has it", "", "used at", "name"), rows)
