"""A batch with faulty objects in it: the rest links and works, and the error tells the first cause and what it cost."""

from __future__ import annotations

from pathlib import Path

import pytest

import uruk

from support.compiling import Compile
from support.small import adds_one, call, returns

BIG = '__asm__(".globl {0}\\n{0}: .long big_{0}\\n.globl big_{0}\\nbig_{0} = 0x123456789abc");'


def faulty(cc: Compile, kind: str, name: str) -> Path:
    """An object that defines `name` and cannot be linked."""
    text = {
        "undefined": f"extern int nobody(void); int {name}(void) {{ return nobody(); }}",
        "out of range": BIG.format(name),
        "unsupported": f'__asm__(".globl {name}\\n{name}: .quad 0\\n.reloc {name}, R_X86_64_RELATIVE64, abs");',
        "thread-local": f"static __thread char big[100000]; char *{name}(void) {{ return big; }}",
    }[kind]
    flags = ("-ftls-model=local-exec", "-fno-pie") if kind == "thread-local" else ()
    return cc(text, *flags, name=f"faulty_{name}")


ERRORS = {
    "undefined": uruk.UndefinedSymbols,
    "out of range": uruk.OutOfRange,
    "unsupported": uruk.UnsupportedRelocation,
    "thread-local": uruk.TLSError,
}


@pytest.mark.parametrize("kind", ERRORS)
def test_the_rest_of_a_lookup_links(cc: Compile, jit: uruk.LLJIT, kind: str) -> None:
    try:
        jit.add_object(faulty(cc, kind, "bad"))
    except uruk.UnsupportedRelocation:
        assert kind == "unsupported"  # refused when it was read already
        return
    jit.add_object(cc(adds_one("above", "bad"), name="above"))
    jit.add_object(cc(adds_one("top", "above"), name="top"))
    jit.add_object(cc(returns("good", 5), name="good"))
    jit.add_object(cc(adds_one("fine", "good"), name="fine"))
    with pytest.raises(ERRORS[kind]) as caught:
        jit.lookup_all(["top", "fine"])
    assert len(caught.value.poisoned) == 2
    assert {Path(text.split(" (")[0]).name for text in caught.value.poisoned} == {"above.o", "top.o"}
    assert "not linked because of this" in str(caught.value)
    states = {Path(entry.file).name: entry.state.value for entry in jit.session.objects.values()}
    assert states["fine.o"] == states["good.o"] == "linked"
    assert states["top.o"] == states["above.o"] == "pending"
    assert call(jit, "fine") == 6
    with pytest.raises(ERRORS[kind]):
        jit.lookup("above")


def test_several_causes_are_all_told(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(faulty(cc, "out of range", "far"))
    jit.add_object(faulty(cc, "undefined", "lost"))
    with pytest.raises(uruk.UrukError) as caught:
        jit.lookup_all(["far", "lost"])
    kinds = {type(error) for error in (caught.value, *caught.value.others)}
    assert kinds == {uruk.UndefinedSymbols, uruk.OutOfRange}
    assert "nobody" in str(caught.value)
    assert "big_far" in str(caught.value)


def test_a_weak_need_of_what_failed_is_no_need(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(faulty(cc, "undefined", "optional"))
    user = "extern int optional(void) __attribute__((weak)); int ask(void) { return optional ? optional() : -7; }"
    jit.add_object(cc(user))
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup("ask")
    assert caught.value.poisoned == ()
    assert call(jit, "ask") == -7


def test_an_initialiser_that_cannot_be_linked_keeps_nobody_else(cc: Compile, jit: uruk.LLJIT) -> None:
    begin = "__attribute__((constructor)) static void begin(void) {{ {} }}"
    jit.add_object(cc("int done; int get(void) { return done; }" + begin.format("done = 3;"), name="good"))
    jit.add_object(cc("extern void nobody(void);" + begin.format("nobody();"), name="bad"))
    with pytest.raises(uruk.UndefinedSymbols, match="nobody"):
        jit.lookup("get")
    assert call(jit, "get") == 3
    jit.define("nobody", jit.lookup("abs").address)
    jit.initialize()
    assert all(entry.state.value == "linked" for entry in jit.session.objects.values() if entry.kind == "object")


def test_failures_give_all_memory_back(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(faulty(cc, "out of range", "bad"))
    for number in range(20):
        jit.add_object(cc(adds_one("user", "bad").replace("user", f"user_{number}")))
    with pytest.raises(uruk.OutOfRange) as caught:
        jit.lookup_all([f"user_{number}" for number in range(20)])
    assert len(caught.value.poisoned) == 20
    assert "17 more" in str(caught.value)
    assert sum(slab.used for slab in jit.session.executor.memory.slabs) == 0


def test_across_dylibs(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.create_dylib("base")
    jit.main.set_link_order([base])
    jit.add_object(faulty(cc, "undefined", "bad"), dylib=base)
    jit.add_object(cc(adds_one("user", "bad"), name="user"))
    jit.add_object(cc(returns("good", 4)), dylib=base)
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup_all(["user", "good"])
    assert [Path(text.split(" (")[0]).name for text in caught.value.poisoned] == ["user.o"]
    assert call(jit, "good") == 4
