"""Variables that another version gives another type of the same size: debug information tells."""

from __future__ import annotations

import pytest

import uruk
from uruk.errors import StaticsDiffer

from support.replacing import call

TEXT = """
    struct node {{ struct node *next; {members} }};
    typedef {scalar} number;
    static number count = 1;
    static struct node own[{rows}][2];
    struct node *list;
    number f(void) {{ static {local} calls; list = own[0]; return calls++ < 0 ? 0 : count++; }}
"""
FACTS = {"members": "int x, y;", "scalar": "int", "rows": "2", "local": "int"}


@pytest.mark.parametrize("flags", [["-g"], ["-g", "-gdwarf-4", "-O2"]], ids=" ".join)
@pytest.mark.parametrize("compiler", ["gcc", "clang-19"])
def test_types_are_compared(jit: uruk.LLJIT, compiler: str, flags: list[str]) -> None:
    code = jit.add_source(text=TEXT.format(**FACTS), compiler=compiler, flags=flags, replaceable=True)
    assert call(jit, "f") == 1
    for name, value, problems in (
        ("scalar", "float", ["`count' is `float', and was `int'"]),
        ("scalar", "unsigned", ["`count' is `unsigned int', and was `int'"]),
        ("local", "float", ["is `float', and was `int'"]),
        (
            "members",
            "float x, y;",
            ["`list' points to `struct node', whose member `x' is `float', and was `int'"],
        ),
        ("members", "int y, x;", ["whose member `y' is at byte 8, and was at 12"]),
        ("members", "int x, y, z;", ["`list' points to `struct node' with a new member `z'"]),
        ("members", "int x, z;", ["without the member `y'"]),
        ("rows", "3", ["`own' is `struct node[3][2]', and was `struct node[2][2]'"]),
    ):
        with pytest.raises(StaticsDiffer) as caught:
            code.replace(text=TEXT.format(**(FACTS | {name: value})), name="new.c")
        assert all(problem in str(caught.value) for problem in problems), caught.value
    same = TEXT.format(**FACTS).replace("typedef int number", "typedef const int whole; typedef int number")
    code.replace(text=same.replace("struct node", "struct other").replace("count++", "(count += 10)"))
    assert [call(jit, "f"), call(jit, "f")] == [12, 22]
    code.replace(text=TEXT.format(**(FACTS | {"scalar": "float"})), statics="new")


def test_classes(jit: uruk.LLJIT) -> None:
    """Of C++, in namespaces, in functions, with bases and templates; without debug information sizes are compared."""
    text = """
        template <class T> struct Box {{ T value; }};
        struct Base {{ {base} tag; }};
        namespace game {{
            struct State : Base {{ Box<{inner}> box; virtual ~State() {{}} }};
            static State state;
            State *now = &state;
        }}
        extern "C" int f() {{ static Box<{inner}> own; own.value++; return game::state.tag++; }}
    """
    for flags, told in ((["-g"], True), ([], False)):
        with uruk.LLJIT() as other:
            code = other.add_source(
                text=text.format(base="int", inner="int"), language="c++", flags=flags, replaceable=True
            )
            assert call(other, "f") == 0
            code.replace(text=text.format(base="int", inner="int"))
            if told:
                with pytest.raises(
                    StaticsDiffer, match=r"whose member `box' .*whose member `value' is `float', and was `int'"
                ):
                    code.replace(text=text.format(base="int", inner="float"))
                with pytest.raises(
                    StaticsDiffer, match=r"member `Base' .*member `tag' is `unsigned int', and was `int'"
                ):
                    code.replace(text=text.format(base="unsigned", inner="int"))
            else:
                code.replace(text=text.format(base="int", inner="float"))
            assert call(other, "f") == 1
