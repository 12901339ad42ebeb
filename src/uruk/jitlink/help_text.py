"""The text of ``-help``."""

from __future__ import annotations

from uruk.jitlink.option_table import OPTIONS, Option, Takes

_HEAD = """\
OVERVIEW: llvm jitlink tool, as uruk has it
USAGE: uruk-jitlink [options] input files --args <program arguments>...

OPTIONS:

"""
_WIDTH = 36
_GROUPS = {
    "Color": ("color",),
    "Generic": ("h", "help", "help-hidden", "help-list", "version"),
    "JITLink": (),
}
"""The groups of the real tool's text, and the options of each; the last has all others."""
_NAMED = [name for names in _GROUPS.values() for name in names]


def text(*, everything: bool) -> str:
    """Return the help text; `everything` lists options without a description, too."""
    # Case does not count, so that -L stands beside -l.
    shown = sorted((option for option in OPTIONS if option.help or everything), key=lambda option: option.name.lower())
    parts = [_HEAD]
    for title, names in _GROUPS.items():
        lines = [_line(option) for option in shown if (option.name in names if names else option.name not in _NAMED)]
        parts += [f"{title} Options:\n\n", *lines, "\n"]
    return "".join(parts)


def _line(option: Option) -> str:
    dashes = "-" if len(option.name) == 1 else "--"
    joined = {Takes.NOTHING: "", Takes.MAYBE: "[={}]", Takes.VALUE: "={}"}.get(option.takes, " {}")
    front = f"  {dashes}{option.name}{joined.format(option.shown)}"
    return f"{front:<{_WIDTH}}- {option.help}\n"
