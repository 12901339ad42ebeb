"""long double and complex numbers by value, alone, in structures and from callbacks: the same here and elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from places import PLACES, compiled, session

import uruk
from uruk.c_types.declarations import prototype
from uruk.executor.layouts import layout_of
from uruk.isa.abi import AAPCS64, SYSTEM_V, convention_of

TYPES = """
typedef struct { long double a; } one;
typedef struct { long double a, b; } two;
typedef struct { long double at[4]; } four;
typedef struct { int n; long double a; } mixed;
typedef union { long double a; long long n; } either;
typedef union { long long n[2]; long double a; } words;
"""
SOURCE = (
    TYPES
    + r"""
long double third(void) { return 1.0L / 3; }
long double thrice(long double x) { return x * 3; }
long double mean(int a, long double x, double y, long double z, int b) { return (a + x + y + z + b) / 5; }
long double many(long double a, int n, long double b, long double c, double d, long double e, long double f,
                 long double g, long double h, long double i, char m, long double j)
{
    return a + 2 * b + 4 * c + 8 * e + 16 * f + 32 * g + 64 * h + 128 * i + 256 * j + n + d + m;
}
one doubled(int n, one x) { x.a *= 2; x.a += n; return x; }
two swapped(two x, int n) { two y = { x.b + n, x.a }; return y; }
four reversed(four x) { four y = {{ x.at[3], x.at[2], x.at[1], x.at[0] }}; return y; }
mixed more(int n, mixed x) { x.n += n; x.a += n; return x; }
either bits(int n, either x, int m) { x.n += n * m; return x; }
words joint(int n, words x, words y, long long k, words z) {
    return (words){.n = {n * x.n[0] + y.n[1], k * z.n[0] + x.n[1] + y.n[0] + z.n[1]}};
}
long double apply(long double (*f)(int, long double, double, long double), int n) { return f(n, 0.1L, 2.5, -1) + 1; }
one through(one (*f)(one, int), one x) { return f(x, 4); }
two along(two (*f)(int, two), two x) { return f(3, x); }
long double sum(const long double *x, int n) { long double s = 0; for (int i = 0; i < n; i++) s += x[i]; return s; }
double _Complex turned(int n, double _Complex z)
{
    double _Complex y;
    __real__ y = -n * __imag__ z;
    __imag__ y = n * __real__ z;
    return y;
}
float _Complex joined(float _Complex z, double _Complex w, float x) { return z * x + w; }
double _Complex behind(double a, double b, double c, double d, double e, double f, double g, double _Complex z,
                       double h)
{
    return z + a + b + c + d + e + f + g + h;
}
double _Complex back(double _Complex (*f)(double _Complex, float _Complex)) { return f(2 + 3.0i, 1.0fi) + 1; }
"""
)
CALLED_BACK = (
    "double _Complex back(double _Complex (*f)(double _Complex, float _Complex)) { return f(2 + 3.0i, 1.0fi) + 1; }"
)


@pytest.fixture(scope="module", params=PLACES)
def jit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[uruk.LLJIT]:
    if request.param == "windows":
        request.getfixturevalue("wine")
    with session(request.param) as one:
        one.add_object(compiled(request.param, tmp_path_factory.mktemp("wide"), SOURCE))
        one.cdef(TYPES)
        yield one


def function(jit: uruk.LLJIT, name: str, prototype: str) -> Callable[..., Any]:
    return jit.lookup(name).function(prototype)


def longer(x: Any, n: int) -> Any:
    return (float(x.a) + n,)


def replaced(n: int, x: Any) -> Any:
    return n, x.b


def nothing(n: int, *rest: object) -> Any:
    return n // 0


def product(z: complex, w: complex) -> complex:
    return z * w


def exact(number: object) -> Fraction:
    """The value of a long double, all its digits: a float has the first, another one the rest."""
    layout = layout_of(prototype("void(long double)").arguments[0].kind, SYSTEM_V)
    data = layout.to_bytes(number)
    digits, top = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:10], "little")
    return Fraction(digits) * Fraction(2) ** ((top & 0x7FFF) - 16383 - 63) * (-1 if top >> 15 else 1)


def test_long_double(jit: uruk.LLJIT) -> None:
    """No digit is lost on the way: a third is the nearest to one third that x87 has, and goes back as it is."""
    third = function(jit, "third", "long double(void)")()
    assert "long double" in repr(third)
    assert abs(exact(third) - Fraction(1, 3)) < Fraction(1, 1 << 65)
    thrice = function(jit, "thrice", "long double(long double)")
    assert [float(thrice(each)) for each in (third, 2, -0.5, float("inf"), 5e-324)] == [
        1,
        6,
        -1.5,
        float("inf"),
        1.5e-323,
    ]
    assert exact(thrice(1 << 62)) == 3 << 62
    mean = function(jit, "mean", "long double(int, long double, double, long double, int)")
    assert float(mean(1, 2, 3, 4, 5)) == 3
    many = function(
        jit,
        "many",
        "long double(long double, int, long double, long double, double, long double, long double,"
        "long double, long double, long double, char, long double)",
    )
    assert float(many(1, 1000, 1, 0, 0.5, 1, 0, 1, 0, 1, 7, 1)) == 1 + 2 + 8 + 32 + 128 + 256 + 1007.5
    with pytest.raises(uruk.InvalidType, match=r"argument 1 of .*: `long double' takes a number, not str"):
        thrice("x")


def test_structures_of_them(jit: uruk.LLJIT) -> None:
    assert float(function(jit, "doubled", "one(int, one)")(1, (2.5,)).a) == 6
    swapped = function(jit, "swapped", "two(two, int)")((1, 2), 5)
    assert [float(each) for each in swapped] == [7, 1]
    assert swapped == function(jit, "swapped", "two(two, int)")({"a": 1, "b": 2}, 5)
    assert swapped != function(jit, "swapped", "two(two, int)")(swapped, 5)
    last = function(jit, "reversed", "four(four)")(([1, 2, 3, 4],))
    assert [float(each) for each in last.at] == [4, 3, 2, 1]
    more = function(jit, "more", "mixed(int, mixed)")(3, (4, 0.5))
    assert (more.n, float(more.a)) == (7, 3.5)
    assert function(jit, "bits", "either(int, either, int)")(3, {"n": 1 << 40}, 5).n == (1 << 40) + 15
    # in integer registers, as both of its words are words of integers as well
    joint = function(jit, "joint", "words(int, words, words, long long, words)")
    assert list(joint(2, {"n": [3, 4]}, {"n": [5, 6]}, 7, {"n": [8, 9]}).n) == [12, 74]


def test_callbacks_with_them(jit: uruk.LLJIT) -> None:
    apply = function(jit, "apply", "long double(long double (*)(int, long double, double, long double), int)")
    seen: list[tuple[object, ...]] = []

    def keep(*values: object) -> object:
        seen.append(values)
        return values[1]

    assert abs(exact(apply(keep, 3)) - Fraction(11, 10)) < Fraction(1, 1 << 62)
    assert [float(each) for each in seen[0]] == [3, 0.1, 2.5, -1]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ZeroDivisionError):
        apply(nothing, 3)
    through = function(jit, "through", "one(one (*)(one, int), one)")
    if jit.executor.process.is_here:
        with pytest.raises(uruk.InvalidValue, match="a structure of one `long double' cannot be passed by value to"):
            through(longer, (1.5,))
    else:
        assert float(through(longer, (1.5,)).a) == 5.5
    along = function(jit, "along", "two(two (*)(int, two), two)")
    assert [float(each) for each in along(replaced, (1, 2))] == [3, 2]


def test_arrays_of_them(jit: uruk.LLJIT) -> None:
    total = function(jit, "sum", "long double(const long double *, int)")
    assert float(total([1, 2.5], 2)) == 3.5
    numbers = np.array([1, 2, 4], np.longdouble)
    if convention_of(jit.executor.process.triple) is AAPCS64:  # another format than numpy's
        with pytest.raises(uruk.InvalidType, match=r"an array of .* which takes binary128"):
            total(numbers, 3)
    else:
        assert float(total(numbers, 3)) == 7


def test_complex_numbers(jit: uruk.LLJIT) -> None:
    turned = function(jit, "turned", "double _Complex(int, double _Complex)")
    assert turned(2, 1 + 2j) == turned(2, np.complex128(1 + 2j)) == -4 + 2j
    assert turned(1, 3) == 3j
    joined = function(jit, "joined", "float _Complex(float _Complex, double _Complex, float)")
    assert joined(1 + 0.5j, 4j, 2) == 2 + 5j
    behind = function(jit, "behind", "double _Complex(" + "double, " * 7 + "double _Complex, double)")
    assert behind(*range(7), 1 + 9j, 100) == 122 + 9j
    for wrong in ("1", None, [1]):
        with pytest.raises(uruk.InvalidType, match="`double _Complex' takes a number, not"):
            turned(1, wrong)
        text = "double _Complex(double _Complex (*)(double _Complex, float _Complex))"
    if jit.executor.process.is_here:
        with pytest.raises(uruk.InvalidValue, match="a complex number cannot be passed by value to callbacks in this"):
            function(jit, "back", text)(product)
    else:
        assert function(jit, "back", text)(product) == -2 + 2j


@pytest.mark.quick
def test_formats_of_long_double() -> None:
    """Every number of x87 is one of binary128; the other way, the nearest one is taken."""
    kind = prototype("void(long double)").arguments[0].kind
    there, here = layout_of(kind, AAPCS64), layout_of(kind, SYSTEM_V)
    smallest = here.from_bytes((1).to_bytes(16, "little"))
    largest = here.from_bytes(b"\xff" * 8 + b"\xfe\x7f" + bytes(6))
    for number in (0, -0.0, 1, -2.5, 1e300, 5e-324, float("inf"), -float("inf"), smallest, largest):
        assert here.to_bytes(there.from_bytes(there.to_bytes(number))) == here.to_bytes(number)
    assert float(there.from_bytes(there.to_bytes(float("nan")))) != 0
    one = int.from_bytes(there.to_bytes(1), "little")
    ulp = 1 << 49  # of x87, in binary128's fraction
    for added, wanted in ((ulp // 2, 0), (ulp // 2 + 1, 1), (ulp // 2 - 1, 0), (ulp + ulp // 2, 2), (ulp, 1)):
        number = there.from_bytes((one + added).to_bytes(16, "little"))
        assert exact(number) == 1 + Fraction(wanted, 1 << 63)
    carried = there.from_bytes(((0x3FFF << 112) + (1 << 112) - 1).to_bytes(16, "little"))
    assert exact(carried) == 2
