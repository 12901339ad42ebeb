"""Generators: the process, a library, an archive, a directory, a function; what they may do, and how they fail."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import uruk
from uruk import DirectoryGenerator, FunctionGenerator, FunctionUnit, ProcessSymbols

from support.compiling import Compile
from support.small import FUNCTION, PATIENCE, Counted, adds_one, call, in_threads, returns


class Asked:
    """A generator function that remembers what it was asked for, and adds objects of the names it knows."""

    def __init__(self, cc: Compile, **values: int) -> None:
        self.objects = {name: cc(returns(name, value)) for name, value in values.items()}
        self.asked: list[str] = []

    def __call__(self, dylib: uruk.JITDylib, names: Sequence[str]) -> list[uruk.MaterializationUnit]:
        self.asked += names
        return [Counted(self.objects[name], name) for name in names if name in self.objects]


def test_a_function(cc: Compile, jit: uruk.LLJIT) -> None:
    asked = Asked(cc, f=1, g=2)
    jit.add_generator(asked)
    jit.add_object(cc(adds_one("h", "f")))
    assert (call(jit, "h"), call(jit, "g")) == (2, 2)
    assert asked.asked == ["f", "g"]
    assert call(jit, "f") == 1
    assert asked.asked == ["f", "g"]


def test_names_that_one_lookup_needs_are_asked_together(cc: Compile, jit: uruk.LLJIT) -> None:
    calls: list[list[str]] = []
    objects = {name: cc(returns(name, 1)) for name in ("a", "b", "c")}

    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> list[uruk.MaterializationUnit]:
        calls.append(sorted(names))
        return [Counted(objects[name], name) for name in names]

    jit.add_generator(make)
    jit.add_object(cc("int a(void), b(void), c(void); int f(void) { return a() + b() + c(); }"))
    assert call(jit, "f") == 3
    assert calls == [["a", "b", "c"]]


def test_addresses(jit: uruk.LLJIT) -> None:
    jit.add_generator(lambda dylib, names: {name: int(name[1:]) for name in names if name[0] == "x"})
    found = jit.lookup_all(["x1000", "x2000"])
    assert (found["x1000"].address, found["x2000"].address) == (1000, 2000)


def test_adding_to_the_dylib_by_itself(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_generator(lambda dylib, names: dylib.add_object(cc(returns("f", 4))) and None)
    assert call(jit, "f") == 4


def test_code_in_another_dylib_asks_too(cc: Compile, jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.add_generator(Asked(cc, f=7), dylib=low)
    user = jit.create_dylib("user", [low])
    jit.add_object(cc(adds_one("g", "f")), dylib=user)
    assert call(jit, "g", user) == 8
    assert call(jit, "f", low) == 7


def test_two_dylibs_need_one_name_of_a_generator(cc: Compile, jit: uruk.LLJIT) -> None:
    """Whoever comes second waits for the answer, too, and does not look further."""
    low = jit.create_dylib("low")
    jit.add_generator(Asked(cc, f=1), dylib=low)
    trap = jit.create_dylib("trap")
    jit.add_archive(cc.archive("libf.a", cc(returns("f", 100))), dylib=trap)
    a, b = jit.create_dylib("a", [low, trap]), jit.create_dylib("b", [low, trap])
    jit.add_object(cc(adds_one("ga", "f")), dylib=a)
    jit.add_object(cc("extern int f(void), ga(void); int gb(void) { return f() + ga(); }"), dylib=b)
    b.add_to_link_order(a)
    assert call(jit, "gb", b) == 3
    assert not [entry for entry in jit.session.objects.values() if entry.dylib is trap]


def test_asked_again_in_a_later_lookup(cc: Compile, jit: uruk.LLJIT) -> None:
    """A name that it did not have may have come meanwhile; within one lookup it is asked once."""
    asked = Asked(cc)
    jit.add_generator(asked)
    for _ in range(2):
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup("f")
    assert asked.asked == ["f", "f"]
    asked.objects["f"] = cc(returns("f", 1))
    assert call(jit, "f") == 1


def test_weak_names_are_asked_for(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_generator(Asked(cc, f=1))
    assert set(jit.lookup_all([], weak=["f", "g"])) == {"f"}
    jit.add_generator(Asked(cc, maybe=5))
    jit.add_object(cc("__attribute__((weak)) extern int maybe(void); int h(void) { return maybe ? maybe() : 0; }"))
    assert call(jit, "h") == 5


def test_one_name_for_two_threads(cc: Compile, jit: uruk.LLJIT) -> None:
    """The second lookup waits for the answer that the first has asked for."""
    asked: list[str] = []
    go = threading.Event()
    path = cc(returns("f", 6))

    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> list[uruk.MaterializationUnit]:
        asked.extend(names)
        assert go.wait(PATIENCE)
        return [Counted(path, "f")]

    jit.add_generator(make)
    threading.Timer(0.2, go.set).start()
    assert in_threads([lambda: call(jit, "f")] * 4) == [6] * 4
    assert asked == ["f"]


def test_a_generator_that_looks_up(cc: Compile, jit: uruk.LLJIT) -> None:
    """Another name of its own, which it is asked for then."""
    paths = {"f": cc(adds_one("f", "g")), "g": cc(returns("g", 1))}

    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> list[uruk.MaterializationUnit]:
        if "f" in names:
            assert call(jit, "g") == 1
        return [Counted(paths[name], name) for name in names if name in paths]

    jit.add_generator(make)
    assert call(jit, "f") == 2


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_generator_that_needs_its_own_answer(workers: int) -> None:
    dispatcher = uruk.ThreadPoolDispatcher(workers) if workers else uruk.InlineDispatcher()
    with uruk.LLJIT(dispatcher=dispatcher) as jit:

        def make(dylib: uruk.JITDylib, names: Sequence[str]) -> None:
            jit.lookup(names[0])

        jit.add_generator(FunctionGenerator(make, "Narcissus"))
        with pytest.raises(uruk.MaterializationCycle, match="Narcissus"):
            jit.lookup("f")


def test_generators_that_need_each_other(jit: uruk.LLJIT) -> None:
    low, high = jit.create_dylib("low"), jit.create_dylib("high")

    def asks(dylib: uruk.JITDylib, name: str) -> FunctionGenerator:
        return FunctionGenerator(lambda _, names: jit.lookup(name, dylib) and None, f"asks {name}")

    low.add_generator(asks(high, "h"))
    high.add_generator(asks(low, "l"))
    with pytest.raises(uruk.MaterializationCycle) as caught:
        jit.lookup("l", low)
    assert "asks h" in str(caught.value)
    assert "asks l" in str(caught.value)


def test_a_generator_that_raises(cc: Compile, jit: uruk.LLJIT) -> None:
    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> None:
        raise OSError("unplugged")

    jit.add_generator(FunctionGenerator(make, "usb"))
    jit.add_object(cc(adds_one("g", "f")))
    jit.add_object(cc(returns("alone", 2)))
    for _ in range(2):
        with pytest.raises(uruk.MaterializationError, match="generator usb, asked for f: raised OSError: unplugged"):
            jit.lookup("g")
    assert call(jit, "alone") == 2


def test_a_generator_that_defines_and_raises(cc: Compile, jit: uruk.LLJIT) -> None:
    """The lookup fails; what it had defined stays, and serves the next one."""

    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> None:
        dylib.add_object(cc(returns("f", 3)))
        raise RuntimeError("too late")

    jit.add_generator(FunctionGenerator(make, "hasty"))
    with pytest.raises(uruk.MaterializationError, match=r"hasty.*too late"):
        jit.lookup("f")
    assert call(jit, "f") == 3


def test_answers_that_are_none(jit: uruk.LLJIT) -> None:
    for number, made in enumerate([[5], 7, ["f"], {"x": "y"}, {5: 6}, {"x": -1}, {"x": 1 << 64}]):
        dylib = jit.create_dylib(f"d{number}")
        dylib.add_generator(FunctionGenerator(lambda _, names, made=made: made, f"odd {number}"))
        with pytest.raises(uruk.UrukError, match=f"odd {number}|of `x' is out of range"):
            jit.lookup("f", dylib)


def test_a_generator_without_a_method(jit: uruk.LLJIT) -> None:
    class Forgetful(uruk.DefinitionGenerator):
        pass

    jit.add_generator(Forgetful())
    with pytest.raises(uruk.MaterializationError, match="Forgetful has no method generate"):
        jit.lookup("f")


def test_a_generator_that_gives_what_nobody_asked_for(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_generator(
        lambda dylib, names: [] if dylib.names.get(b"extra") else [Counted(cc(returns("extra", 1)), "extra")]
    )
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")
    assert call(jit, "extra") == 1


def test_a_generator_that_defines_what_is_there(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("taken", 1), name="owner"))
    jit.add_generator(FunctionGenerator(lambda dylib, names: {"taken": 1000}, "thief"))
    with pytest.raises(uruk.DuplicateDefinition, match=r"owner\.o"):
        jit.lookup("f")
    assert call(jit, "taken") == 1


def test_a_generator_that_removes_its_dylib(jit: uruk.LLJIT) -> None:
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    low.add_generator(FunctionGenerator(lambda dylib, names: dylib.remove(), "kamikaze"))
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")


def test_the_process_for_a_bare_dylib(cc: Compile, jit: uruk.LLJIT) -> None:
    bare = jit.create_dylib("bare", bare=True)
    bare.add_generator(ProcessSymbols(lambda name: name in ("labs", "environ")))
    jit.add_object(cc("long labs(long); long f(long x) { return labs(x); }", "-fno-builtin"), dylib=bare)
    assert jit.lookup("f", bare).function("long(long)")(-3) == 3
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("abs", bare)
    assert jit.lookup("environ", bare).address == jit.lookup("environ").address


def folder_of(tmp_path: Path, **objects: Path) -> Path:
    folder = tmp_path / "objects"
    folder.mkdir(exist_ok=True)
    for name, path in objects.items():
        shutil.copy(path, folder / f"{name}.o")
    return folder


def test_a_directory(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f=cc(adds_one("f", "g")), g=cc(returns("g", 1)), unused=cc(returns("unused", 1)))
    (folder / "readme.o").write_text("no object at all")
    (folder / "notes.txt").write_text("nothing")
    (folder / "folder.o").mkdir()
    jit.add_generator(DirectoryGenerator(folder))
    assert call(jit, "f") == 2
    names = {Path(entry.file).name for entry in jit.session.objects.values()}
    assert names == {"f.o", "g.o"}


def test_a_directory_that_changes(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    jit.add_generator(DirectoryGenerator(folder))
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("f")
    folder_of(tmp_path, f=cc(returns("f", 3)))
    assert call(jit, "f") == 3


def test_a_directory_and_removal(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    """What was removed is found there again."""
    folder = folder_of(tmp_path, f=cc(returns("f", 3)))
    tracker = jit.main.create_tracker("from the folder")
    jit.add_generator(DirectoryGenerator(folder, tracker=tracker))
    assert call(jit, "f") == 3
    assert tracker.remove().objects == 1
    folder_of(tmp_path, f=cc(returns("f", 4)))
    with pytest.raises(uruk.UrukError, match="from the folder was removed"):
        jit.lookup("f")


def test_a_directory_in_its_dylibs_tracker(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f=cc(returns("f", 3)))
    jit.add_generator(DirectoryGenerator(folder))
    assert call(jit, "f") == 3
    assert jit.main.tracker.remove().objects == 1
    assert call(jit, "f") == 3


def test_one_directory_for_two_dylibs(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    generator = DirectoryGenerator(folder_of(tmp_path, f=cc("int value; int f(void) { return ++value; }")))
    dylibs = [jit.create_dylib(name) for name in ("one", "two")]
    for dylib in dylibs:
        dylib.add_generator(generator)
    assert [call(jit, "f", dylib) for dylib in (*dylibs, *dylibs)] == [1, 1, 2, 2]


def test_two_names_of_one_object_of_a_directory(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Threads that ask for different names of it at the same time add it once."""
    text = "".join(returns(f"f{number}", number) for number in range(8))
    for round_ in range(5):
        dylib = jit.create_dylib(f"d{round_}")
        dylib.add_generator(DirectoryGenerator(folder_of(tmp_path, f=cc(text))))
        works = [lambda number=number, dylib=dylib: call(jit, f"f{number}", dylib) for number in range(8)]
        assert in_threads(works) == list(range(8))


def test_two_objects_of_a_directory_with_one_name(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    weak = "__attribute__((weak)) int f(void) { return 1; }"
    folder = folder_of(tmp_path, a=cc(weak), b=cc(returns("f", 2)), c=cc(returns("f", 3)))
    jit.add_generator(DirectoryGenerator(folder))
    assert call(jit, "f") == 2


def test_a_directory_that_is_gone(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.add_generator(DirectoryGenerator(tmp_path / "nowhere"))
    with pytest.raises(uruk.MaterializationError, match=r"nowhere.*No such file"):
        jit.lookup("f")


def test_a_broken_object_of_a_directory_that_is_needed(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f=cc(returns("f", 1)))
    generator: Any = DirectoryGenerator(folder)
    jit.add_generator(generator)
    data = bytearray((folder / "f.o").read_bytes())
    data[0x28:0x30] = b"\xff" * 8  # where the section headers are
    (folder / "f.o").write_bytes(data)
    with pytest.raises(uruk.UrukError, match=r"f"):
        jit.lookup("f")


def test_units_of_a_generator_that_fail(jit: uruk.LLJIT) -> None:
    def divide(responsibility: uruk.MaterializationResponsibility) -> None:
        raise ZeroDivisionError

    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> list[uruk.MaterializationUnit]:
        return [FunctionUnit({name: FUNCTION}, divide, f"made for {name}") for name in names]

    jit.add_generator(make)
    with pytest.raises(uruk.MaterializationError, match="unit made for f, asked for f: raised ZeroDivisionError"):
        jit.lookup("f")
