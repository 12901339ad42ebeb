"""Targets and a format that uruk has never heard of are linked at any address, through public names only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import uruk
from uruk.formats.registry import register, unregister
from uruk.target import Target

from support.strangers import StrangeFormat, strange_object

pytestmark = pytest.mark.quick

BASES = [0, 0xFFF00000, 0x12345671, 1 << 63]
BYTE_ORDER = {"a": "big", "b": "little"}
POINTER = {"a": 4, "b": 8}
MASK = (1 << 32) - 1


@pytest.fixture(autouse=True)
def strange() -> Iterator[StrangeFormat]:
    format = StrangeFormat()
    register(format)
    yield format
    unregister(format)


def word(target: str, value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, BYTE_ORDER[target])  # pyright: ignore[reportArgumentType]


def made(target: str, changes: tuple[tuple[str, str], ...] = (("Add", "end"), ("Subtract", "start"))) -> bytes:
    """Five kinds of sections; the fields of the instructions hold ones, which must go."""
    pointer = POINTER[target]
    code = (
        word(target, 0xFE000FE3)  # a branch, whose distance lies in four pieces
        + word(target, 0xA3FF, 2)  # a jump of 16 bits
        + bytes(2)
        + word(target, 0xFFFFF017) + word(target, 0xFFF00067)  # a call of two instructions
        + word(target, 0xFFFFF037) + word(target, 0xFFF00013)  # a high part and its low part
    )  # fmt: skip
    return strange_object(
        target,
        {
            "code": (code, 4),
            "constants": (bytes(2 * pointer), pointer),
            "data": (word(target, 100) + word(target, 7), 4),
            "zeros": (12, 4),
            "own": (b"\x22" * 8 + bytes(pointer), 8),
        },
        {
            "start": ("code", 0), "end": ("code", len(code)), "table": ("constants", 0), "total": ("data", 0),
            "room": ("zeros", 4), "mine": ("own", 0),
        },
        [
            ("code", 0, "Branch", "end", 0), ("code", 4, "Short", "start", 0), ("code", 8, "Call", "total", 0),
            ("code", 16, "High", "room", 0x800), ("code", 20, "Low", "room", 0x800),
            ("constants", 0, "Word", "mine", 0), ("constants", pointer, "Word", "start", 1),
            *(("data", 0, kind, name, 0) for kind, name in changes),
            ("own", 8, "Word", "table", -1),
        ],
    )  # fmt: skip


def session(target: str, base: int) -> uruk.LLJIT:
    memory = uruk.FixedMemory(base, 1 << 16, 64)
    return uruk.LLJIT(memory=memory, options=uruk.Options(execute=False, architecture=Target("strange", target, "")))


NAMES = ["start", "end", "table", "total", "room", "mine"]


def linked(target: str, base: int, data: bytes) -> tuple[dict[str, int], dict[str, bytes]]:
    """The addresses of symbols, and the bytes of each section."""
    with session(target, base) as jit:
        jit.add_object(data, "made.strange")
        at = {name: symbol.address for name, symbol in jit.lookup_all(NAMES).items()}
        places = {
            "code": (at["start"], 24), "constants": (at["table"], 2 * POINTER[target]), "data": (at["total"], 8),
            "zeros": (at["room"] - 4, 12), "own": (at["mine"], 8 + POINTER[target]),
        }  # fmt: skip
        read = uruk.FixedMemory.read
        assert isinstance(jit.memory, uruk.FixedMemory)
        return at, {name: read(jit.memory, *place) for name, place in places.items()}


def test_every_byte_at_zero() -> None:
    """With addresses that are written out: code at 0x10, constants at 0x40, data at 0x80, own at 0xc0."""
    at, content = linked("a", 0, made("a"))
    assert at == {"start": 0x10, "end": 0x28, "table": 0x40, "total": 0x80, "room": 0x8C, "mine": 0xC0}
    assert content == {
        # 0x18 forward; 4 back; 0x80 - 0x18; 0x88c is 0x1000 - 0x774.
        "code": bytes.fromhex("00000c63 a3fe 0000 00000017 06800067 00001037 88c00013"),
        "constants": bytes.fromhex("000000c0 00000011"),
        "data": bytes.fromhex("0000007c 00000007"),  # 100 + 0x28 - 0x10
        "zeros": bytes(12),
        "own": bytes.fromhex("2222222222222222 0000003f"),
    }
    at, content = linked("b", 0, made("b"))
    assert at == {"start": 0x10, "end": 0x28, "table": 0x40, "total": 0x80, "room": 0x8C, "mine": 0xC0}
    assert content == {
        "code": bytes.fromhex("630c0000 fea3 0000 17000000 67008006 37100000 1300c088"),
        "constants": bytes.fromhex("c000000000000000 1100000000000000"),
        "data": bytes.fromhex("7c000000 07000000"),
        "zeros": bytes(12),
        "own": bytes.fromhex("2222222222222222 3f00000000000000"),
    }


@pytest.mark.parametrize("base", BASES, ids=hex)
@pytest.mark.parametrize("target", ["a", "b"])
def test_every_byte_at_every_place(target: str, base: int) -> None:
    if target == "a" and base == 1 << 63:
        return  # see test_out_of_range
    at, content = linked(target, base, made(target))
    assert base <= at["start"] < at["end"] <= at["table"] < at["total"] < at["room"] < at["mine"] < base + (1 << 16)
    assert at["mine"] % 8 == at["start"] % 4 == at["total"] % 4 == at["table"] % POINTER[target] == 0
    assert at["end"] - at["start"] == 24
    if base == 0xFFF00000:
        assert at["mine"] + 12 < 1 << 32
    call = at["total"] - (at["start"] + 8)
    assert 0 < call < 0x800
    far = at["room"] + 0x800
    high = (far + 0x800 >> 12) & 0xFFFFF
    assert content["code"] == (
        word(target, 0x63 | 0xC << 8)  # 24 is 0b11000: bits 4 to 1 are 0b1100
        + word(target, 0xA000 | 0x3FE, 2)  # -4, halved, in 10 bits
        + bytes(2)
        + word(target, 0x17) + word(target, 0x67 | call << 20)
        + word(target, 0x37 | high << 12) + word(target, 0x13 | (far & 0xFFF) << 20)
    )  # fmt: skip
    low = far & 0xFFF
    assert ((high << 12) + (low - 0x1000 if low >= 0x800 else low)) & MASK == far & MASK
    size = POINTER[target]
    assert content["constants"] == word(target, at["mine"], size) + word(target, at["start"] + 1, size)
    assert content["data"] == word(target, 124) + word(target, 7)
    assert content["zeros"] == bytes(12)
    assert content["own"] == b"\x22" * 8 + word(target, at["table"] - 1, size)


@pytest.mark.parametrize("target", ["a", "b"])
@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ((("Add", "end"), ("Subtract", "start")), 124),
        ((("Subtract", "start"), ("Add", "end")), 124),
        ((("Add", "end"), ("Set", "end"), ("Subtract", "start")), 24),
        ((("Subtract", "start"), ("Set", "start"), ("Add", "end"), ("Subtract", "start"), ("Subtract", "start")), 24),
    ],
)
def test_changes_act_in_the_order_of_the_relocations(
    target: str, changes: tuple[tuple[str, str], ...], value: int
) -> None:
    _, content = linked(target, 0x12345671, made(target, changes))
    assert content["data"][:4] == word(target, value)


def test_out_of_range() -> None:
    """Pointers of 4 bytes do not reach where the code lies; the error names the place, and the session goes on."""
    with session("a", 1 << 63) as jit:
        jit.add_object(made("a"), "made.strange")
        with pytest.raises(uruk.OutOfRange) as caught:
            jit.lookup("start")
        assert str(caught.value).startswith("made.strange:(constants+0x0): Word to `mine' is out of range")
        assert "S + A" in str(caught.value)
        assert "place it elsewhere" in str(caught.value)
        jit.add_object(strange_object("a", {"data": (8, 4)}, {"alone": ("data", 4)}, []), "alone.strange")
        assert jit.lookup("alone").address >= 1 << 63


def test_the_wrong_instruction_and_the_wrong_target() -> None:
    code = {"code": (word("a", 0x12345678), 4)}
    wrong = strange_object("a", code, {"f": ("code", 0)}, [("code", 0, "High", "f", 0)])
    with session("a", 0) as jit:
        jit.add_object(wrong, "wrong.strange")
        with pytest.raises(uruk.LinkError, match=r"wrong\.strange:\(code\+0x0\).*0x12345678"):
            jit.lookup("f")
    with pytest.raises(uruk.UnknownTarget), session("c", 0):
        pass


def test_a_name_that_nobody_defines() -> None:
    data = strange_object("b", {"data": (bytes(8), 8)}, {"d": ("data", 0), "e": None}, [("data", 0, "Word", "e", 0)])
    with session("b", 0) as jit:
        jit.add_object(data, "user.strange")
        with pytest.raises(uruk.UndefinedSymbols, match=r"e .*user\.strange:\(data\+0x0\)"):
            jit.lookup("d")
        jit.add_object(strange_object("b", {"own": (8, 8)}, {"e": ("own", 0)}, []), "definer.strange")
        assert jit.lookup_all(["d", "e"])["e"].address % 8 == 0
