"""Prints the report of ``uruk check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.cli.check_hazards import HAZARDS
from uruk.cli.show_text import NAME, PROBLEM, Cell, Printer, readable

if TYPE_CHECKING:
    from uruk.cli.check_facts import Facts

_SHOWN = 20
"""Lines of one kind; --json has all."""
_KINDS = {
    "object": "in",
    "archive": "in",
    "library": "in",
    "import": "import of",
    "line": "said on the line",
    "link": "made by the link",
    "default": "there by default",
}


def print_report(report: Facts) -> None:
    """Print a report: the verdict last, where a terminal shows it."""
    printer = Printer()
    for one in report["objects"]:
        _print_object(printer, one)
    _print_needs(printer, report["needs"])
    verdict = "would link" if report["links"] else "would not link"
    printer.title(f"{report['target']}: {verdict}")
    if report["remark"]:
        printer.line((f"  {report['remark']}", ""))
    for error in report["errors"]:
        for number, line in enumerate(error["text"].split("\n")):
            printer.line((f"    {line}" if number else f"  {error['type']}: {line}", PROBLEM))


def _print_object(printer: Printer, one: Facts) -> None:
    lines: list[list[Cell]] = []
    for array in one["initialisers"]:
        names = ", ".join(array["functions"]) or f"{array['entries']} entries"
        lines.append([(f"{array['role']}: ", ""), (names, NAME)])
    if one["thread_local"]:
        models = [f"{model} ({count})" for model, count in one["thread_local"]["models"].items()]
        lines.append([(f"thread-local storage: {one['thread_local']['size']} bytes; {', '.join(models)}", "")])
    for kind, text in HAZARDS.items():
        rows = [hazard for hazard in one["hazards"] if hazard["kind"] == kind]
        if rows:
            lines.append([(f"{kind}: {text}", "")])
            lines += [
                [(f"  {row['place']}  {row['relocation']}  ", ""), (row["target"], NAME)] for row in rows[:_SHOWN]
            ]
            lines += [[(f"  and {len(rows) - _SHOWN} more", "")]] * (len(rows) > _SHOWN)
    lines += [[(problem, PROBLEM)] for problem in one["problems"][:_SHOWN]]
    lines += [[(f"and {len(one['problems']) - _SHOWN} more", PROBLEM)]] * (len(one["problems"]) > _SHOWN)
    if lines:
        printer.title(one["file"])
    for line in lines:
        printer.line(("  ", ""), *line)


def _print_needs(printer: Printer, needs: list[Facts]) -> None:
    rows: list[list[Cell]] = []
    for need in needs:
        kind, file = need["source"]["kind"], need["source"]["file"]
        if kind == "none":
            style = "" if need["weak"] else PROBLEM
            text = "nobody: it becomes 0" if need["weak"] else "nobody"
        else:
            style, text = "", f"{_KINDS[kind]} {file}" if file else _KINDS[kind]
        notes = ["weak"] * need["weak"] + ["thread-local"] * need["thread_local"]
        rows.append(
            [(text, style), (", ".join(notes), ""), (need["used_at"] or "not used", ""), (readable(need), NAME)]
        )
    if rows:
        printer.title("needs")
        printer.table(("who has it", "", "used at", "name"), rows)
