"""The text of ``-help``."""

from __future__ import annotations

from uruk.jitlink.option_table import OPTIONS, Option, Takes

_HEAD = """\
OVERVIEW: uruk jitlink tool
USAGE: uruk-jitlink [options] input files --args <program arguments>...

OPTIONS:

"""
_WIDTH = 36


def text(*, everything: bool) -> str:
    """Return the help text; `everything` lists options without a description, too."""
    # Case does not count, so that -L stands beside -l.
    shown = [option for option in OPTIONS if option.help or everything]
    return _HEAD + "".join(_line(option) for option in sorted(shown, key=lambda option: option.name.lower()))


def _line(option: Option) -> str:
    dashes = "-" if len(option.name) == 1 else "--"
    joined = {Takes.NOTHING: "", Takes.MAYBE: "[={}]", Takes.VALUE: "={}"}.get(option.takes, " {}")
    front = f"  {dashes}{option.name}{joined.format(option.shown)}"
    return f"{front:<{_WIDTH}}- {option.help}\n"
