"""Close names, against the textbook's distance."""

from __future__ import annotations

import random
from functools import cache

import pytest

from uruk.orc.lookup.close_names import CloseNames, allowed, distance
from uruk.orc.lookup.undefined_hints import base_of


def textbook(left: bytes, right: bytes) -> int:
    """Optimal string alignment, as it is defined."""

    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        best = min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (left[i - 1] != right[j - 1]))
        if i > 1 and j > 1 and left[i - 1] == right[j - 2] and left[i - 2] == right[j - 1]:
            best = min(best, of(i - 2, j - 2) + 1)
        return best

    return of(len(left), len(right))


def test_distance() -> None:
    chance = random.Random(5)
    for _ in range(3000):
        left, right = (bytes(chance.choices(b"abc", k=chance.randrange(8))) for _ in range(2))
        for limit in (1, 2, 3):
            assert distance(left, right, limit) == min(textbook(left, right), limit + 1)


def test_near_is_what_a_search_of_all_finds() -> None:
    chance = random.Random(7)
    names = list({bytes(chance.choices(b"abcde_", k=chance.randrange(3, 9))) for _ in range(150)})
    close = CloseNames(names)
    for name in names[:50]:
        typed = name[:1] + bytes(chance.choices(b"abcde_", k=1)) + name[2:]
        far = {one: textbook(typed, one) for one in names}
        best = min(count for count in far.values() if count)
        expected = sorted(one for one in names if far[one] == best)[:3] if best <= allowed(len(typed)) else []
        assert close.near(typed) == expected


def test_short_and_long_names_are_left_alone() -> None:
    close = CloseNames([b"ab", b"abc", b"x" * 600])
    assert close.near(b"ac") == []
    assert close.near(b"abd") == [b"abc"]
    assert close.near(b"x" * 599 + b"y") == []
    assert CloseNames([]).near(b"abc") == []


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("n::f<int>(char)", "f"),
        ("int n::half<int>(int)", "half"),
        ("f", "f"),
        ("s::operator+(s const&)", "operator+"),
        ("std::map<int, std::less<int> >::at(int const&)", "at"),
        ("vtable for s", "s"),
        ("", ""),
    ],
)
def test_base_of(text: str, base: str) -> None:
    assert base_of(text) == base
