"""Files with rules: lines that begin with ``# NAME:`` after blanks; a backslash at the end joins the next such line."""

from __future__ import annotations

from uruk.jitlink.failures import ToolError, unreadable
from uruk.named_tuples import NamedTuple


class Rule(NamedTuple):
    """A rule, and the line of its file on which it begins, counted from 1."""

    line: int
    text: str


def rules_of(path: str, name: str) -> list[Rule]:
    """Return the rules of a file. Raises ToolError for a file that cannot be read, or has none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise unreadable(path, error) from error
    rules = rules_in(lines, name)
    if not rules:
        raise ToolError(f"Some checks in {path} failed: the file has no rule that begins with `# {name}:'")
    return rules


def rules_in(lines: list[str], name: str) -> list[Rule]:
    """Return the rules in lines of text.

    A rule that is joined loses the leading blanks of each further part, so that words of two lines may grow together:
    LLVM's tests rely on that.
    """
    begin = f"# {name}:"
    rules: list[Rule] = []
    joined, first = "", 0
    for number, line in enumerate(lines, 1):
        text = line.lstrip()
        if not text.startswith(begin):
            continue
        part = text[len(begin) :].strip()
        # A joined rule is known by the line on which its first part stands.
        first = first if joined else number
        if part.endswith("\\"):
            joined += part[:-1]
            continue
        rules.append(Rule(first, joined + part))
        joined = ""
    # The last rule of the file ends in a backslash: without this it would be dropped, and never checked.
    if joined:
        rules.append(Rule(first, joined))
    return rules
