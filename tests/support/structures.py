"""Made-up structures of C, functions that take and return them, and what these return by C's rules."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from uruk.errors import InvalidValue

SCALARS = ("signed char", "short", "int", "long", "long long", "unsigned char", "float", "double", "char *", "_Bool")
FLOATS = ("float", "double")
MOST = 100
"""Values of members are less, so that each type has them."""


@dataclass(frozen=True)
class Type:
    """A type: text for a declarator, and what is in it."""

    scalar: str = ""
    members: tuple[Type, ...] = ()
    count: int = 0  # of an array of members[0]
    is_union: bool = False

    def declared(self, name: str) -> str:
        """A declaration of a variable or member."""
        if self.scalar:
            return f"{self.scalar} {name}"
        if self.count:
            return self.members[0].declared(f"{name}[{self.count}]")
        inner = " ".join(f"{member.declared(f'm{at}')};" for at, member in enumerate(self.members))
        return f"{'union' if self.is_union else 'struct'} {{ {inner} }} {name}"

    def leaves(self, path: str) -> Iterator[tuple[str, str]]:
        """Expressions for the scalars, and their types; of a union, those of its last member."""
        if self.scalar:
            yield path, self.scalar
        elif self.count:
            for at in range(self.count):
                yield from self.members[0].leaves(f"{path}[{at}]")
        else:
            for at, member in enumerate(self.members):
                if not self.is_union or at == len(self.members) - 1:
                    yield from member.leaves(f"{path}.m{at}")

    def value(self, numbers: Iterator[int]) -> Any:
        """A value with the next numbers in its leaves, as calls take it: members in order, of a union by name."""
        if self.scalar:
            number = next(numbers)
            return number % 2 if self.scalar == "_Bool" else number
        if self.count:
            return [self.members[0].value(numbers) for _ in range(self.count)]
        if self.is_union:
            return {f"m{len(self.members) - 1}": self.members[-1].value(numbers)}
        return tuple(member.value(numbers) for member in self.members)

    def seen(self, value: Any) -> list[Any]:
        """The leaves of a value that a call returned."""
        if self.scalar:
            return [value]
        if self.count:
            assert len(value) == self.count
            return [leaf for each in value for leaf in self.members[0].seen(each)]
        return [
            leaf
            for at, member in enumerate(self.members)
            if not self.is_union or at == len(self.members) - 1
            for leaf in member.seen(getattr(value, f"m{at}"))
        ]


def made_up(rng: random.Random, depth: int = 2) -> Type:
    """A structure: of one kind of float, of small or of any members; nested, with arrays and unions."""
    some = rng.choice([FLOATS[:1], FLOATS[1:], FLOATS, SCALARS[:3], SCALARS, SCALARS])
    members: list[Type] = []
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 5])):
        member = Type(rng.choice(some))
        if depth and rng.random() < 0.25:
            member = made_up(rng, depth - 1)
        if rng.random() < 0.2:
            member = Type(members=(member,), count=rng.randrange(1, 5))
        members.append(member)
    return Type(members=tuple(members), is_union=depth < 2 and len(members) > 1 and rng.random() < 0.3)


class Calls:
    """Functions `call_N` of structures and scalars: each result's leaves count up from a sum of all arguments'."""

    def __init__(self, seed: int, count: int, *, unions: bool = True, pointers: bool = True) -> None:
        rng = random.Random(seed)
        wanted = [shape for shape in (made_up(rng) for _ in range(4 * count)) if _fits(shape, unions, pointers)]
        self.shapes = wanted[:count]
        self.declarations = "".join(f"typedef {shape.declared(f'S{at}')};\n" for at, shape in enumerate(self.shapes))
        self.functions: list[tuple[str, list[Type], Type]] = []
        source = [self.declarations]
        for row, result in enumerate(self.shapes):
            others = [rng.randrange(len(self.shapes)) for _ in range(rng.randrange(4))]
            names = [
                *(f"S{at}" for at in (row, *others)),
                *rng.choices(["int", "double", "float", "short"], k=rng.randrange(7)),
            ]
            rng.shuffle(names)
            types = [self.shapes[int(name[1:])] if name[0] == "S" else Type(name) for name in names]
            source += [_function(row, result, names, types), _through(row, names)]
            self.functions.append((f"S{row}({', '.join(names)})", types, result))
        self.source = "".join(source)

    def check(self, jit: Any) -> None:
        """Call each function with numbers of its own."""
        for row, (prototype, types, result) in enumerate(self.functions):
            leaves = [kind for each in types for _, kind in each.leaves("")]
            numbers = [(7 * row + 3 * at) % MOST for at in range(len(leaves))]
            values = iter(numbers)
            function = jit.lookup(f"call_{row}").function(self.declarations + prototype)
            seen = result.seen(function(*(each.value(values) for each in types)))
            total = sum(
                (at + 1) * _kept(number, kind) for at, (number, kind) in enumerate(zip(numbers, leaves, strict=True))
            )
            kinds = [kind for _, kind in result.leaves("")]
            assert seen == [_kept((total + at) % MOST, kind) for at, kind in enumerate(kinds)], (
                prototype,
                self.declarations,
            )

    def check_callbacks(self, jit: Any) -> int:
        """Have each type of function called as a Python function; returns how many could be."""
        made = 0
        for row, (prototype, types, result) in enumerate(self.functions):
            numbers = [(5 * row + 3 * at) % MOST for at in range(sum(len(list(each.leaves(""))) for each in types))]
            values = iter(numbers)
            arguments = [each.value(values) for each in types]
            wanted = [leaf for each, value in zip(types, arguments, strict=True) for leaf in _given(each, value)]
            answer = result.value(number % MOST for number in count(row))
            seen: list[Any] = []

            def answering(*got: Any, types: Any = types, seen: Any = seen, answer: Any = answer) -> Any:
                seen.extend(leaf for each, value in zip(types, got, strict=True) for leaf in each.seen(value))
                return answer

            try:
                callback = jit.executor.callback(self.declarations + prototype, answering)
            except InvalidValue as error:
                if "at most 16 words" not in str(error):
                    raise
                continue
            through = prototype.replace("(", "(void *, ", 1)
            returned = jit.lookup(f"through_{row}").function(self.declarations + through)(callback, *arguments)
            assert seen == wanted, (prototype, self.declarations)
            assert result.seen(returned) == _given(result, answer), (prototype, self.declarations)
            callback.release()
            made += 1
        return made


def _given(kind: Type, value: Any) -> list[Any]:
    """The leaves of a value that was made by `Type.value`."""
    if kind.scalar:
        return [value]
    if kind.count:
        return [leaf for each in value for leaf in _given(kind.members[0], each)]
    if kind.is_union:
        return _given(kind.members[-1], *value.values())
    return [leaf for member, each in zip(kind.members, value, strict=True) for leaf in _given(member, each)]


def _through(row: int, names: list[str]) -> str:
    """A function that has another one called, with the arguments that it gets."""
    arguments = "".join(f", {name} a{at}" for at, name in enumerate(names))
    passed = ", ".join(f"a{at}" for at in range(len(names)))
    return f"S{row} through_{row}(S{row} (*f)({', '.join(names)}){arguments}) {{ return f({passed}); }}\n"


def _fits(shape: Type, unions: bool, pointers: bool) -> bool:
    text = shape.declared("x")
    return (unions or "union" not in text) and (pointers or "*" not in text)


def _kept(number: int, kind: str) -> int:
    """What is left of a number in a leaf of a type: of Booleans, as all here, the lowest bit."""
    return number % 2 if kind == "_Bool" else number


def _function(row: int, result: Type, names: list[str], types: list[Type]) -> str:
    arguments = ", ".join(f"{name} a{at}" for at, name in enumerate(names))
    leaves = [leaf for at, each in enumerate(types) for leaf in each.leaves(f"a{at}")]
    terms = " + ".join(f"{at + 1}ll * (long long){leaf}" for at, (leaf, _) in enumerate(leaves))
    lines = [f"long long total = {terms};", f"S{row} r;"]
    for at, (leaf, kind) in enumerate(result.leaves("r")):
        number = f"(total + {at}) % {MOST}"
        lines.append(f"{leaf} = ({kind})({number}{' % 2' if kind == '_Bool' else ''});")
    return f"S{row} call_{row}({arguments}) {{ {' '.join(lines)} return r; }}\n"
