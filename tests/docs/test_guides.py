"""Every guide does what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from guides import FOLDER, agrees, read, run

from uruk.passes import steps

pytestmark = pytest.mark.any_interpreter

GUIDES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_a_guide_runs_as_shown(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if path.stem == "windows":
        request.getfixturevalue("wine")
    guide = read(path)
    assert guide.blocks, f"{path.name} shows no Python"
    for block, printed in zip(guide.blocks, run(guide, tmp_path), strict=True):
        assert agrees(printed, block.expected), f"{path.name}:{block.line} prints\n{printed}"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_the_list_of_guides_has_it(path: Path) -> None:
    assert f"[{path.name}]({path.name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_table_of_points_is_the_codes(tmp_path: Path) -> None:
    assert steps.table() in (FOLDER / "writing-a-pass.md").read_text(encoding="utf-8")


GUIDE = """
```c
/* file: two.c flags: -O2 */
int two(void) { return 2; }
```

```python
import os
print(sorted(name for name in os.listdir() if name.startswith("two")))
```

```text
['two.c', 'two.o']
```

```python
print("a", "b", "c", sep="\\n")
```
```
a
...
c
```

```python raises
[][0]
```
```text
IndexError: list index out of range
```
"""


def test_the_rules(tmp_path: Path) -> None:
    path = tmp_path / "g.md"
    path.write_text(GUIDE)
    guide = read(path)
    printed = run(guide, tmp_path)
    assert [agrees(text, block.expected) for block, text in zip(guide.blocks, printed, strict=True)] == [True] * 3
    assert not agrees("['two.c']\n", guide.blocks[0].expected)
    assert not agrees("a\nb\n", guide.blocks[1].expected)


FAILING = [
    ("\n```python\n1 / 0\n```\n", 'File "g.md", line 3, in <module>\n    1 / 0\n'),
    ("```python raises\n1\n```\n", "g.md:2: nothing was raised"),
]


@pytest.mark.parametrize(("text", "problem"), FAILING)
def test_a_guide_that_fails(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "g.md"
    path.write_text(text)
    with pytest.raises(AssertionError) as caught:
        run(read(path), tmp_path)
    assert problem in str(caught.value)


def test_output_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "g.md"
    path.write_text("```python\n1\n```\nsome words\n```\n1\n```\n")
    with pytest.raises(ValueError, match=r"g\.md:6: output behind no Python block"):
        read(path)
