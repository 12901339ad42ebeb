"""Build the documentation: pages of the public API from its docstrings, by pdoc, and the guides beside them.

    python -m build_support.docs [FOLDER]

A warning of the generator, and a link of a guide that leads nowhere, is an error.
"""

from __future__ import annotations

import re
import sys
import warnings
from pathlib import Path
from typing import Any

import pdoc
import pdoc.doc
import pdoc.doc_types
from pdoc.render_helpers import to_html

from .targets import ROOT

OUTPUT = ROOT / "build" / "docs"
_MODULES = ("uruk", "uruk.errors", "uruk.passes.editing", "uruk.passes.state")
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ max-width: 50rem; margin: 2rem auto; font: 1rem/1.5 sans-serif }}
pre {{ background: #f4f4f4; padding: .6rem; overflow: auto }} td, th {{ text-align: left; vertical-align: top }}</style>
</head><body>{body}</body></html>
"""
_LINK = re.compile(r"`[^`\n]*`|\]\(([^)#\s]+)(#[^)\s]*)?\)")
"""A link, or code in a line, in which there are none."""


def build(output: Path) -> list[str]:
    """Write all pages below `output`; return what is wrong with them."""
    output.mkdir(parents=True, exist_ok=True)
    # Aliases of types are texts, so that importing uruk makes none: signatures show annotations as they are written.
    for module in (pdoc.doc, pdoc.doc_types):
        module.__dict__["safe_eval_type"] = _as_written
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        pdoc.pdoc(*_MODULES, output_directory=output)
    problems = [str(one.message) for one in warned]
    guides = sorted((ROOT / "docs" / "guides").glob("*.md"))
    for guide in guides:
        problems += _write_guide(guide, output / "guides")
    index = ["# uruk", "", "[The API](uruk.html), its [errors](uruk/errors.html), and the guides:", ""]
    index += [f"- [{_title(guide)}](guides/{guide.stem}.html)" for guide in guides if guide.stem != "README"]
    (output / "index.html").write_text(_PAGE.format(title="uruk", body=to_html("\n".join(index))), "utf-8")
    return problems


def _as_written(annotation: Any, *_: Any) -> Any:
    return annotation


def _title(guide: Path) -> str:
    return guide.read_text("utf-8").partition("\n")[0].lstrip("# ")


def _write_guide(guide: Path, folder: Path) -> list[str]:
    """Write a guide as a page; return links of its that lead nowhere."""
    problems: list[str] = []

    def link(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        if not target or "://" in target:
            return match[0]
        path = (guide.parent / target).resolve()
        if not path.exists():
            problems.append(f"{guide.name}: the link to {target} leads nowhere")
        is_page = path.parent == guide.parent and path.suffix == ".md"
        return f"]({path.stem}.html{anchor})" if is_page else f"]({path.as_uri()}{anchor})"

    folder.mkdir(parents=True, exist_ok=True)
    text = _LINK.sub(link, guide.read_text("utf-8"))
    (folder / f"{guide.stem}.html").write_text(_PAGE.format(title=_title(guide), body=to_html(text)), "utf-8")
    return problems


def main(arguments: list[str]) -> int:
    """Build into a folder; print what is wrong, or where the first page is."""
    output = Path(arguments[0]).resolve() if arguments else OUTPUT
    problems = build(output)
    print("\n".join(problems) if problems else output / "index.html", file=sys.stderr if problems else sys.stdout)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
