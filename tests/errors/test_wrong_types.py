"""Arguments of wrong types are errors of uruk's own, which say what is wanted; the session goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import uruk

from support.compiling import Compile

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

OF_JIT: dict[str, Callable[[Any], object]] = {
    "5 is not a materialization unit": lambda jit: jit.add_unit(5),
    "5 is neither a generator nor a function": lambda jit: jit.add_generator(5),
    "5 is neither a path nor the bytes of a file": lambda jit: jit.add_archive(5),
    "5 is not the name of a dylib": lambda jit: jit.create_dylib(5),
    "5 is not a plug-in": lambda jit: jit.add_pass("post-prune", 5),
}
OTHERS: dict[str, Callable[[Any], object]] = {
    "5 is not a target, which is a str such as": lambda wrong: uruk.spawn(target=wrong),
    "5 is not an executor, which uruk.spawn": lambda wrong: uruk.LLJIT(executor=wrong),
    "5 and 1 are not the name of a machine": lambda wrong: uruk.connect(wrong, 1),
}


@pytest.mark.parametrize("text", OF_JIT)
def test_of_a_session(text: str, cc: Compile, jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.InvalidType, match=text):
        OF_JIT[text](jit)
    jit.add_object(cc("int three(void) { return 3; }"))
    assert jit.lookup("three").function("int(void)")() == 3


@pytest.mark.parametrize("text", OTHERS)
def test_of_functions(text: str) -> None:
    with pytest.raises(uruk.InvalidType, match=text):
        OTHERS[text](5)


def test_an_encoding_that_there_is_not(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc('char text[] = "text";'))
    with pytest.raises(uruk.InvalidValue, match="unknown encoding: utf-9"):
        jit.string(jit.lookup("text"), "utf-9")


@pytest.mark.parametrize("kind", ["replaceable", "lazy"])
def test_duplicates_of_stubs_name_their_files(kind: str, jit: uruk.LLJIT) -> None:
    """What a name of such code leads to is a stub, of which no user knows."""
    options: dict[str, Any] = {kind: True}
    if kind == "lazy":
        options["symbols"] = ["f"]
    jit.add_source(text="int f(void) { return 1; }", language="c", name="first.c", **options)
    for more in (options, {}):
        with pytest.raises(uruk.DuplicateDefinition, match=r"in first\.c and in second\.c"):
            jit.add_source(text="int f(void) { return 2; }", language="c", name="second.c", **more)
    assert jit.lookup("f").function("int(void)")() == 1
