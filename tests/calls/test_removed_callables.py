"""Calls of removed code raise RemovedCode everywhere, whatever makes them; code that a call is in stays until then."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from places import EVERY_SYSTEM_HERE, PLACES, compiled, session

import uruk

SOURCE = r"""
struct pair { long a, b; };
union word { int number; double real; };
int add(int a, int b) { return a + b; }
double real(double x) { return x + 1; }
long large(struct pair p) { return p.a + p.b; }
int mixed(union word w) { return w.number; }
int nine(int a, int b, int c, int d, int e, int f, int g, int h, int i) { return a + i; }
int extended(long double x) { return x; }
int count(int n, ...) { return n; }
int stay(int (*inside)(int, int), int rounds)
{
    int sum = 0;
    for (int i = 0; i < rounds; i++) sum += inside(i, 1);
    return sum;
}
"""
USER = "int apply(int (*f)(int, int)) { return f(3, 4); }"
CALLS: dict[str, tuple[str, tuple[Any, ...], object]] = {
    "add": ("int(int, int)", (1, 2), 3),
    "real": ("double(double)", (1.5,), 2.5),
    "large": ("struct pair { long a, b; }; int(struct pair)", ((3, 4),), 7),
    "mixed": ("union word { int number; double real; }; int(union word)", ((5,),), 5),
    "nine": (f"int({', '.join(['int'] * 9)})", tuple(range(9)), 8),
}
CALLS_HERE = {
    "extended": ("int(long double)", (2.0,), 2),
    "count": ("int(int, ...)", (6,), 6),
}
"""What is called in this process alone."""


def test_calls_of_removed_code(place: str, tmp_path: Path) -> None:
    with session(place) as jit:
        code = jit.add_object(compiled(place, tmp_path, SOURCE), "code.o")
        jit.add_object(compiled(place, tmp_path, USER))
        apply = jit.lookup("apply").function("int(int (*)(int, int))")
        kinds = CALLS | (CALLS_HERE if place == "here" else {})
        functions = {name: jit.lookup(name).function(kind) for name, (kind, _, _) in kinds.items()}
        for name, (_, values, result) in kinds.items():
            assert functions[name](*values) == result
        assert apply(functions["add"]) == 7
        code.remove()
        # Other code comes to the addresses, which those callables must not reach.
        jit.add_object(compiled(place, tmp_path, SOURCE.replace("int add(int", "int other(int")), "other.o")
        jit.lookup("other")
        for name, (_, values, _) in kinds.items():
            with pytest.raises(uruk.RemovedCode, match=f"called `{name}' of code.o, which was removed"):
                functions[name](*values)
        with pytest.raises(uruk.RemovedCode, match="`add' of code"):
            apply(functions["add"])
        with pytest.raises(uruk.RemovedCode, match="`nine' of code"):
            apply(functions["nine"])
        assert apply(jit.lookup("other")) == 7


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    if request.param == "windows":
        request.getfixturevalue("wine")
    return request.param


@pytest.mark.quick
@pytest.mark.parametrize("where", EVERY_SYSTEM_HERE)
def test_a_symbol_of_removed_code_gets_no_type(where: str, tmp_path: Path) -> None:
    with session(where) as jit:
        code = jit.add_object(compiled(where, tmp_path, SOURCE))
        forced = jit.add_object(compiled(where, tmp_path, "int base(int a, int b) { return a - b; }"), "base.o")
        jit.add_object(compiled(where, tmp_path, "int base(int, int); int user(int a) { return base(a, 1); }"))
        assert jit.lookup("user").function("int(int)")(5) == 4
        add, base = jit.lookup("add"), jit.lookup("base")
        kept = base.function("int(int, int)")
        code.remove()
        forced.remove(force=True)
        for symbol in (add, base):
            with pytest.raises(uruk.RemovedCode, match=symbol.name):
                symbol.function("int(int, int)")
        with pytest.raises(uruk.RemovedCode, match="`base' of base"):
            kept(1, 2)


@pytest.mark.quick
@pytest.mark.parametrize("where", ["here", "shared"])
def test_a_callable_of_a_lazy_function_goes_with_it(where: str, tmp_path: Path) -> None:
    """Its address is a stub's, which another function gets next."""
    with session(where) as jit:
        code = jit.add_object(compiled(where, tmp_path, SOURCE), "code.o", lazy=True)
        add = jit.lookup("add").function("int(int, int)")
        assert add(1, 2) == 3
        code.remove()
        jit.add_object(compiled(where, tmp_path, SOURCE.replace("a + b", "a * b")), "other.o", lazy=True)
        assert jit.lookup("add").function("int(int, int)")(3, 4) == 12
        with pytest.raises(uruk.RemovedCode, match="`add' of code"):
            add(1, 2)


@pytest.mark.quick
@pytest.mark.parametrize("where", EVERY_SYSTEM_HERE)
@pytest.mark.parametrize("name", ["stay", "longest"])
def test_code_that_a_call_is_in_stays(where: str, name: str, tmp_path: Path) -> None:
    """A callback removes the code that called it, which goes on. C code calls `stay` here, Python `longest`."""
    source = SOURCE + (
        "int longest(int (*f)(int, int), int n, int a, int b, int c, int d, int e, int g, int h) "
        "{ return stay(f, n) + h; }"
    )
    with session(where) as jit:
        code = jit.add_object(compiled(where, tmp_path, source), "code.o")
        call = jit.lookup(name).function(f"int(int (*)(int, int), {', '.join(['int'] * (1 if name == 'stay' else 8))})")
        found: list[uruk.Released] = []

        def inside(number: int, one: int) -> int:
            if not number:
                found.append(code.remove())
                jit.add_object(compiled(where, tmp_path, USER)).remove()  # which looks for what may go
                assert not jit.collect().memory
            return number + one

        rest = () if name == "stay" else (0,) * 7
        assert call(jit.callback("int(int, int)", inside), 3, *rest) == 6
        assert (found[0].calls_under_way, found[0].deferred, found[0].memory) == (1, True, 0)
        with pytest.raises(uruk.RemovedCode):
            call(None, 0, *rest)
        assert len(jit.session.retired) == 1
        assert jit.collect().memory > 0
        assert not jit.session.retired
        assert not jit.collect().memory


@pytest.mark.quick
def test_code_stays_that_an_interrupted_call_is_in(tmp_path: Path) -> None:
    source = "#include <unistd.h>\nint slow(int time) { usleep(time); return time; } int quick(void) { return 1; }"
    with session("shared") as jit:
        code = jit.add_object(compiled("shared", tmp_path, source), "slow.o")
        quick = jit.lookup("quick").function("int(void)")
        slow = jit.lookup("slow").function("int(int)")
        jit.executor.process.deadline = 0.2
        with pytest.raises(uruk.ExecutorTimeout):
            slow(1_000_000)
        jit.executor.process.deadline = None
        assert code.remove().calls_under_way == 1
        with pytest.raises(uruk.RemovedCode):
            slow(1)
        with pytest.raises(uruk.RemovedCode):
            quick()
        time.sleep(1)
        other = jit.add_object(compiled("shared", tmp_path, USER))
        assert jit.lookup("apply").function("int(int (*)(int, int))")(jit.callback("int(int, int)", max)) == 4
        assert jit.collect().memory > 0
        assert not jit.session.retired
        other.remove()
        assert not jit.session.retired


@pytest.mark.quick
@pytest.mark.parametrize("where", EVERY_SYSTEM_HERE)
def test_threads_call_code_that_another_one_removes(where: str, tmp_path: Path) -> None:
    data = compiled(where, tmp_path, SOURCE)
    wrong: list[object] = []
    current: list[list[Any]] = []
    ended = threading.Event()
    counts = [0, 0]

    def call_all() -> None:
        while not ended.is_set():
            for (_, values, result), function in zip(CALLS.values(), current[-1], strict=True):
                try:
                    if (answer := function(*values)) != result:
                        wrong.append(answer)
                    counts[0] += 1
                except uruk.RemovedCode:
                    counts[1] += 1
                    time.sleep(0.0005)
                except BaseException as error:
                    wrong.append(error)

    with session(where) as jit:
        threads = [threading.Thread(target=call_all) for _ in range(3)]
        for round_number in range(25):
            code = jit.add_object(data)
            current.append([jit.lookup(name).function(kind) for name, (kind, _, _) in CALLS.items()])
            for thread in threads if not round_number else ():
                thread.start()
            time.sleep(0.005)
            code.remove()
        ended.set()
        for thread in threads:
            thread.join()
        assert not wrong, wrong[:3]
        assert min(counts) > 0, counts
        jit.add_object(data).remove()
        assert not jit.session.retired


@pytest.mark.quick
@pytest.mark.parametrize("where", EVERY_SYSTEM_HERE)
def test_a_call_of_a_function_that_the_newest_version_lacks(where: str, tmp_path: Path) -> None:
    nine = f"int nine({', '.join(f'int a{number}' for number in range(9))}) {{ return a0; }}"
    source = f"int add(int a, int b) {{ return a + b; }} {nine}"
    kinds = {"add": ("int(int, int)", (1, 2)), "nine": (f"int({', '.join(['int'] * 9)})", tuple(range(9)))}
    with session(where) as jit:
        code = jit.add_object(compiled(where, tmp_path, source), "first.o", replaceable=True)
        made = {name: (jit.lookup(name).function(kind), values) for name, (kind, values) in kinds.items()}
        symbol = jit.lookup("add")
        assert [function(*values) for function, values in made.values()] == [3, 0]
        code.replace(compiled(where, tmp_path, "int other(void) { return 1; }"))
        made["again"] = symbol.function("int(int, int)"), (1, 2)
        for function, values in made.values():
            with pytest.raises(uruk.FunctionGone, match="was called, but <bytes>, which replaced its code"):
                function(*values)
        code.replace(compiled(where, tmp_path, source.replace("a + b", "a * b")))
        assert [function(*values) for function, values in made.values()] == [2, 0, 2]
        code.remove()
        for function, values in made.values():
            with pytest.raises(uruk.RemovedCode):
                function(*values)
