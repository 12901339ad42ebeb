"""Arguments of wrong types are errors of uruk's own, which say what is wanted; the session goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import uruk
from uruk.memory.fixed import FixedMemory

from support.compiling import Compile

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

TEXT: Any = "5"
OF_JIT: dict[str, Callable[[Any], object]] = {
    "5 is not a materialization unit": lambda jit: jit.add_unit(5),
    "5 is neither a generator nor a function": lambda jit: jit.add_generator(5),
    "5 is neither a path nor the bytes of a file": lambda jit: jit.add_archive(5),
    "5 is not the name of a dylib": lambda jit: jit.create_dylib(5),
    "5 is not a plug-in": lambda jit: jit.add_pass("post-prune", 5),
    "dylib is a dylib, .* and 5 is none": lambda jit: jit.lookup("three", 5),
    "dylib is a dylib, .* and 6 is none": lambda jit: jit.add_object(b"", dylib=6),
    "dylib is a dylib, .* and 7 is none": lambda jit: jit.initialize(7),
    "tracker is what add_object .* and 5 is none": lambda jit: jit.add_archive(b"!<arch>\n", tracker=5),
    "5 is not a tracker": lambda jit: jit.add_source(text="", language="c").transfer_to(5),
    "flags is a list, and 5 is none": lambda jit: jit.add_source(text="", language="c", flags=5),
    "flags is a list of texts, and 5 is none": lambda jit: jit.add_source(text="", language="c", flags=[5]),
    "timeout is a number of seconds, and 'x' is none": lambda jit: jit.add_source(text="", language="c", timeout="x"),
    "5 is no encoding": lambda jit: jit.string(4096, 5),
    "5 is no LLVM IR: give text, bitcode": lambda jit: jit.add_ir(5),
    "level is 0, 1, 2 or 3, .* and 'x' is none": lambda jit: jit.add_ir("", level="x"),
    "cpu is LLVM's name of a processor, a text or None, and 5": lambda jit: jit.add_ir("", cpu=5),
    "features are LLVM's names, a text or None, and 5": lambda jit: jit.add_ir("", features=5),
    "cache is True or False or an ObjectCache .* and 'no'": lambda jit: jit.add_ir("", cache="no"),
    "cache is True or False or an ObjectCache .* and 5": lambda jit: jit.add_source(text="", language="c", cache=5),
    "compiler is a command .* and 5 is none": lambda jit: jit.add_source(text="", language="c", compiler=5),
    "compiler is a command .* and \\[\\] is none": lambda jit: jit.add_source(text="", language="c", compiler=[]),
    "symbols is a list, and 5 is none": lambda jit: jit.add_source(text="", language="c", symbols=5),
    "timeout is a number of seconds, and 'y' is none": lambda jit: jit.lookup("three", timeout="y"),
    "timeout is a number of seconds, and 'z' is none": lambda jit: jit.lookup_all(["three"], timeout="z"),
    "kind is an uruk.LookupKind, and 5 is none": lambda jit: jit.lookup_all(["three"], kind=5),
    "source is a dylib, .* and 'main' is none": lambda jit: jit.alias({"a": "b"}, "main"),
    "offset is a number of bytes, an int, and 'x'": lambda jit: jit.alias({"a": "b"}, offset="x"),
    "lazy is True or False, and 'x' is neither": lambda jit: jit.alias({"a": "b"}, lazy="x"),
    "a key of what is replaced together is a tracker, .* 5": lambda jit: jit.replace_together({5: b""}),
    "point is the name of a point of a link, .* and 5": lambda jit: jit.add_pass(5, print),
    "5 is not a name for an object or source": lambda jit: jit.add_object(b"", 5),
}
OTHERS: dict[str, Callable[[Any], object]] = {
    "5 is not a target, which is a str such as": lambda wrong: uruk.spawn(target=wrong),
    "5 is not an executor, which uruk.spawn": lambda wrong: uruk.LLJIT(executor=wrong),
    "5 and 1 are not the name of a machine": lambda wrong: uruk.connect(wrong, 1),
    "secret is bytes, and 5 is none": lambda wrong: uruk.connect("localhost", 1, secret=wrong),
    "slab_size is a number of bytes, an int, and '5'": lambda _: uruk.LLJIT(slab_size=TEXT),
    "slab_size is a number of bytes, an int, and 5.0": lambda wrong: uruk.spawn(slab_size=wrong * 1.0),
    "options is an uruk.Options, and 5": lambda wrong: uruk.LLJIT(options=wrong),
    "5 is no memory for linked code": lambda wrong: uruk.LLJIT(memory=wrong),
    "rows, where it is not None, is True or False, and 5": lambda wrong: uruk.Options(rows=wrong),
    "execute is True or False, and 5 is neither": lambda wrong: uruk.Options(execute=wrong),
    "architecture is a text .* and 5 is none": lambda wrong: uruk.Options(architecture=wrong),
    "auto_initialize is True or False, and 5 is neither": lambda wrong: uruk.LLJIT(auto_initialize=wrong),
    "5 is no mapper, as InProcessMapper": lambda wrong: uruk.LLJIT(mapper=wrong),
    "5 is not a dispatcher": lambda wrong: uruk.LLJIT(dispatcher=wrong),
    "address, a size and a page_size in bytes, all int, not '5'": lambda wrong: FixedMemory(0, TEXT),
    "5 is not the path of a file": lambda wrong: uruk.spawn(executor=wrong),
    "tls_pool is a number of bytes, an int, and '5'": lambda wrong: uruk.spawn(tls_pool=TEXT),
    "environment is a mapping of names to values": lambda wrong: uruk.spawn(environment=wrong),
    "environment is a mapping of texts to texts, and 5": lambda wrong: uruk.spawn(environment={"a": wrong}),
    "deadline is a number of seconds, and '5'": lambda wrong: uruk.spawn(deadline=TEXT),
    "patience is a number of seconds, and '5'": lambda wrong: uruk.spawn(patience=TEXT),
    "streams is a list, and 5": lambda wrong: uruk.spawn(streams=wrong),
    "streams is a list of three descriptors, and '5'": lambda wrong: uruk.spawn(streams=[TEXT, wrong, wrong]),
    "name is a text, and 5": lambda wrong: uruk.Program("a.o", name=wrong),
    "entry is a text, and 5": lambda wrong: uruk.Program("a.o", entry=wrong),
    "compiler is a text, and 5": lambda wrong: uruk.Program("a.o", compiler=wrong),
    "options is an uruk.LinkOptions, and 5": lambda wrong: uruk.Program("a.o", options=wrong),
    "flags is a list of texts, and 5": lambda wrong: uruk.Program("a.o", flags=[wrong]),
    "5 is not the path of a file$": lambda wrong: uruk.Program("a.o", directories=[wrong]),
    "environment is a mapping of names to values, ": lambda wrong: uruk.Program("a.o").run(environment=wrong),
    "a standard stream is a file, .* not '5'": lambda wrong: uruk.Program("a.o").run(stdin=TEXT),
    "5 is not the path of a file.?": lambda wrong: uruk.Program("a.o").run(directory=wrong),
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


@pytest.mark.parametrize("seconds", [-1, float("nan"), 10**400])
def test_seconds_that_there_are_not(seconds: float, jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.InvalidValue, match="timeout is a number of seconds from 0 up, or None for no limit"):
        jit.lookup("three", timeout=seconds)


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


def test_texts_in_the_place_of_paths(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """A file may have such a name all the same; a str is a text of LLVM IR, and no path."""
    text = "int f(void) { return 1; }"
    code = jit.add_source(text=text, replaceable=True)
    for add in (jit.add_source, jit.add_object, code.replace):
        for each in (text, "int f(void);\n"):
            with pytest.raises(
                uruk.InvalidType, match="is a text, and not the path of a file: a source is given as text="
            ):
                add(each)
    odd = tmp_path / "{odd}\n.c"
    odd.write_text("int g(void) { return 2; }")
    jit.add_source(str(odd))
    assert jit.lookup("g").function("int(void)")() == 2
    with pytest.raises(uruk.InvalidType, match=r"'f\.ll' the name of a file: give Path\('f\.ll'\)"):
        jit.add_ir("f.ll")
