"""Records are the dataclasses that `dataclass(eq=False, repr=False)` would make, at the first use of a class."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import threading
from dataclasses import dataclass, field, fields, replace
from typing import ClassVar, Generic, TypeVar

import pytest

from test_tidy import MODULES, name_of, tree_of
from uruk.named_tuples import NamedTuple
from uruk.records import FEW, Values, field_names, record
from uruk.records import field as given
from uruk.records import replace as replaced

ValueT = TypeVar("ValueT")


@record
class Base:
    """A record with a default."""

    number: int
    names: list[str] = field(default_factory=list[str])


@record
class Derived(Base):
    """A record of a record, which computes something."""

    text: str = "text"

    def __post_init__(self) -> None:
        self.length = len(self.text)


@dataclass(eq=False, repr=False)
class Plain:
    """What `dataclass` makes of the fields of `Derived`."""

    number: int
    names: list[str] = field(default_factory=list[str])
    text: str = "text"


@record
class Boxed(Generic[ValueT]):
    """A generic record."""

    value: ValueT


def test_a_derived_record_is_made_first() -> None:
    derived = Derived(3, text="four")
    assert (derived.number, derived.names, derived.text, derived.length) == (3, [], "four", 4)
    assert [each.name for each in fields(derived)] == [each.name for each in fields(Plain)]
    assert inspect.signature(Derived).parameters.keys() == inspect.signature(Plain).parameters.keys()
    assert Derived.__init__.__qualname__ == "Derived.__init__"
    assert Derived(1).names is not Derived(1).names
    changed = replace(derived, number=5)
    assert (changed.number, changed.text) == (5, "four")
    assert Base(1).number == 1
    assert Base(1) != Base(1)


def test_a_completed_record_is_replaced() -> None:
    @record
    class Counted:
        total: ClassVar[int] = 1
        number: int
        names: list[str] = given(default_factory=list[str])

    first = Counted(1)
    assert [each.name for each in fields(Counted)] == ["number", "names"]
    second = replaced(first, number=2)
    assert second.number == 2
    assert second.names is first.names
    with pytest.raises(TypeError, match="total"):
        replaced(first, total=2)


def test_fields_of_a_record_without_instances() -> None:
    @record
    class Fresh:
        column: int

    assert field_names(Fresh) == ("column",)
    assert [each.name for each in fields(Fresh)] == ["column"]


def test_a_class_derived_from_a_record_has_its_fields() -> None:
    class Plain(Base):
        pass

    plain = replace(Plain(3), number=4)
    assert (type(plain), plain.number, plain.names) == (Plain, 4, [])
    assert [each.name for each in fields(Plain)] == ["number", "names"]


def test_a_record_with_all_kinds_of_fields() -> None:
    @record
    class Fresh:
        kind: ClassVar[str] = "fresh"
        column: int
        named: int = field(kw_only=True)
        number: int = field(default=5)
        texts: dict[str, int] = field(default_factory=dict[str, int], kw_only=True)

    @record
    class Later(Fresh):
        number: int = 6
        last: str = ""

    fresh, later = Fresh(1, named=2), Later(1, 7, "z", named=3, texts={"a": 1})
    assert (fresh.column, fresh.number, fresh.named, fresh.texts, fresh.kind) == (1, 5, 2, {}, "fresh")
    assert (later.column, later.number, later.last, later.named, later.texts) == (1, 7, "z", 3, {"a": 1})
    assert Later(1, named=2).number == 6
    assert replace(later, named=9).named == 9
    with pytest.raises(TypeError):
        Fresh(1)  # pyright: ignore[reportCallIssue]


WRONG: list[tuple[tuple[object, ...], dict[str, object]]] = [
    ((), {}),
    ((1, ["a"], 3), {}),
    ((1,), {"column": 2}),
    ((1,), {"third": 2}),
]


@pytest.mark.parametrize("number", [0, FEW - 1, FEW, FEW + 3])
@pytest.mark.parametrize(("values", "named"), WRONG, ids=str)
def test_the_first_and_all_later_ones_are_the_same(
    number: int, values: tuple[object, ...], named: dict[str, object]
) -> None:
    @record
    class Fresh:
        column: int
        last: str = field(default="z", kw_only=True)
        names: list[str] = field(default_factory=list[str])

        def __post_init__(self) -> None:
            self.shown = f"{self.column}{self.last}{self.names}"

    class Pair(NamedTuple):
        column: int
        right: int = 2

    for _ in range(number):
        assert vars(Fresh(1, last="y")) == {"column": 1, "last": "y", "names": [], "shown": "1y[]"}
        assert Pair(right=3, column=1) == (1, 3)
    with pytest.raises(TypeError, match="__init__"):
        Fresh(*values, **named)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="__new__"):
        Pair(*values, **named)  # type: ignore[arg-type]
    assert list(vars(Fresh(1, ["a"]))) == ["column", "last", "names", "shown"]
    assert (Pair(1), Pair(4, 5)) == ((1, 2), (4, 5))


def test_a_generic_record() -> None:
    assert Boxed(7).value == 7
    assert Boxed[str]("seven").value == "seven"


def test_wrong_arguments_are_the_same_error() -> None:
    @record
    class Fresh:
        column: int

    for _ in range(2):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'column'"):
            Fresh()  # pyright: ignore[reportCallIssue]


def test_threads_that_make_the_first_at_once() -> None:
    for _ in range(50):

        @record
        class Fresh:
            number: int
            names: list[str] = field(default_factory=list[str])

        gate, made = threading.Barrier(4), list[Fresh]()

        def make(kind: type[Fresh] = Fresh, gate: threading.Barrier = gate, made: list[Fresh] = made) -> None:
            gate.wait()
            made.append(kind(3))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [(each.number, each.names) for each in made] == [(3, [])] * 4


def test_a_session_makes_few_of_them() -> None:
    program = """if True:
        import gc, uruk, uruk.records as records
        with uruk.LLJIT():
            kinds = [kind for kind in gc.get_objects() if isinstance(kind, type)]
            print(sum(kind.__init__.__qualname__ == "record.<locals>.first" for kind in kinds))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 10


def test_a_session_completes_none_and_makes_no_dataclass() -> None:
    program = """if True:
        import gc, uruk
        with uruk.LLJIT() as jit:
            jit.lookup("abs")
            for kind in gc.get_objects():
                if isinstance(kind, type) and isinstance(vars(kind).get("__dataclass_fields__"), dict):
                    print(kind)
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_records_that_are_compared_and_shown() -> None:
    @record
    class Pair(Values):
        first: int
        second: str = "two"

    @record
    class Other(Values):
        first: int
        second: str = "two"

    assert Pair(1) == Pair(1, "two")
    assert Pair(1) != Pair(1, "three")
    assert Pair(1) != Other(1)
    assert repr(Pair(1)).endswith(".Pair(first=1, second='two')")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pair(1))


def test_no_dataclass_derives_from_a_record() -> None:
    """`dataclass` would not see the fields of a record that is not complete yet."""
    records: set[str] = set()
    others: list[tuple[str, ast.ClassDef]] = []
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
                if "record" in decorators:
                    records.add(node.name)
                elif any(decorator.startswith("dataclass") for decorator in decorators):
                    others.append((name_of(path), node))
    assert len(records) > 60
    for name, node in others:
        bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
        assert not bases & records, f"{name}:{node.lineno}: make it a record, too"
