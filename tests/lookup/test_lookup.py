"""Lookup: many names at once, weak ones, the two kinds, one batch, and three forms over one core."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

import uruk
from uruk import LookupKind

from support.compiling import Compile
from support.small import Counted, adds_one, call, in_threads, returns


def count_links(jit: uruk.LLJIT) -> list[int]:
    """How many objects each batch has that is linked from now on."""
    batches: list[int] = []
    jit.session.hooks["post-fixup"] = [lambda state: batches.append(len(state.graph.files))]
    return batches


def test_many_names_are_one_batch(cc: Compile, jit: uruk.LLJIT) -> None:
    """Objects, units, archive members of two dylibs, found on the way: everything is linked together."""
    low = jit.create_dylib("low")
    jit.main.set_link_order([low])
    jit.add_object(cc(adds_one("a", "b")))
    jit.add_unit(Counted(cc(adds_one("b", "c")), "b"))
    jit.add_archive(cc.archive("libc.a", cc(adds_one("c", "d")), cc(returns("unused", 1))))
    jit.add_unit(Counted(cc(returns("d", 1)), "d"), dylib=low)
    jit.add_object(cc(returns("alone", 9)))
    unused = Counted(cc(returns("not_wanted", 1)), "not_wanted")
    jit.add_unit(unused)
    batches = count_links(jit)
    found = jit.lookup_all(["a", "alone"])
    assert (found["a"].function("int(void)")(), found["alone"].function("int(void)")()) == (4, 9)
    assert batches == [5]
    assert unused.made == 0
    assert call(jit, "c") == 2
    assert batches == [5]


def test_nothing_twice_in_one_call(cc: Compile, jit: uruk.LLJIT) -> None:
    unit = Counted(cc(returns("f", 1)), "f")
    jit.add_unit(unit)
    found = jit.lookup_all(["f", "f", "abs"], weak=["f"])
    assert set(found) == {"f", "abs"}
    assert unit.made == 1


def test_all_missing_names_are_told_at_once(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("there", 1)))
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup_all(["gone_1", "there", "gone_2"])
    assert {one.name for one in caught.value.symbols} == {"gone_1", "gone_2"}


def test_weakly_referenced_names(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(returns("there", 1)))
    jit.add_archive(cc.archive("libin.a", cc(returns("in_archive", 1))))
    found = jit.lookup_all(["there"], weak=["gone", "abs", "in_archive"])
    # As ld has it, a weak reference pulls no archive member.
    assert set(found) == {"there", "abs"}
    assert set(jit.lookup_all(["in_archive"], weak=["gone"])) == {"in_archive"}


def test_a_weak_reference_in_code(cc: Compile, jit: uruk.LLJIT) -> None:
    source = "__attribute__((weak)) extern int maybe(void); int NAME(void) { return maybe ? maybe() : -1; }"
    for flags in ((), ("-fPIC",), ("-fno-pie",)):
        home = jit.create_dylib(f"home{len(flags)}{flags}")
        jit.add_object(cc(source.replace("NAME", "f"), *flags), dylib=home)
        assert call(jit, "f", home) == -1
        jit.add_unit(Counted(cc(returns("maybe", 5)), "maybe"), dylib=home)
        jit.add_object(cc(source.replace("NAME", "g"), *flags), dylib=home)
        assert call(jit, "g", home) == 5


def test_a_weak_reference_follows_the_link_order_of_now(cc: Compile, jit: uruk.LLJIT) -> None:
    """What the name stood for under an earlier order is no answer any more."""
    source = "__attribute__((weak)) extern int maybe(void); int NAME(void) { return maybe ? maybe() : -1; }"
    low, user = jit.create_dylib("low"), jit.create_dylib("user", bare=True)
    jit.add_object(cc(returns("maybe", 5)), dylib=low)
    user.set_link_order([low])
    jit.add_object(cc(source.replace("NAME", "f"), "-fPIC"), dylib=user)
    assert call(jit, "f", user) == 5
    user.set_link_order([])
    jit.add_object(cc(source.replace("NAME", "g"), "-fPIC"), dylib=user)
    assert call(jit, "g", user) == -1


def test_strong_overrides_weak(cc: Compile, jit: uruk.LLJIT) -> None:
    weak = "__attribute__((weak)) int f(void) { return 1; } int from_weak(void) { return f(); }"
    jit.add_object(cc(weak))
    jit.add_object(cc(returns("f", 2)))
    assert (call(jit, "f"), call(jit, "from_weak")) == (2, 2)


def test_the_first_weak_one_stays(cc: Compile, jit: uruk.LLJIT) -> None:
    for number in range(3):
        jit.add_object(cc(f"__attribute__((weak)) int f(void) {{ return {number}; }}"))
    assert call(jit, "f") == 0


def test_a_strong_definition_after_the_weak_one_was_linked(cc: Compile, jit: uruk.LLJIT) -> None:
    """The name is in use: a second meaning is refused, and says so."""
    jit.add_object(cc("__attribute__((weak)) int f(void) { return 1; }", name="early"))
    assert call(jit, "f") == 1
    with pytest.raises(uruk.DuplicateDefinition, match=r"early\.o.*late\.o"):
        jit.add_object(cc(returns("f", 2), name="late"))
    assert call(jit, "f") == 1


def test_static_and_dlsym(cc: Compile, jit: uruk.LLJIT) -> None:
    """dlsym finds what is in the dylib and its libraries; the members of an archive are not in it before they are."""
    jit.add_archive(cc.archive("libf.a", cc(returns("f", 3))))
    jit.add_library(cc.shared("libg.so", returns("g", 4)))
    jit.add_unit(Counted(cc(returns("h", 5)), "h"))
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup_all(["f"], kind=LookupKind.DLSYM)
    assert set(jit.lookup_all(["g", "h"], kind=LookupKind.DLSYM)) == {"g", "h"}
    assert call(jit, "f") == 3
    assert set(jit.lookup_all(["f"], kind=LookupKind.DLSYM)) == {"f"}


def test_what_a_dlsym_lookup_finds_is_linked_as_ever(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(cc.archive("libf.a", cc(returns("f", 3))))
    jit.add_object(cc(adds_one("g", "f")))
    assert jit.lookup_all(["g"], kind=LookupKind.DLSYM)["g"].function("int(void)")() == 4


def test_generators_know_the_kind(jit: uruk.LLJIT) -> None:
    seen: list[LookupKind] = []

    class Listening(uruk.DefinitionGenerator):
        def generate(self, dylib: uruk.JITDylib, names: object, kind: LookupKind) -> None:
            seen.append(kind)

    jit.add_generator(Listening())
    for kind in LookupKind:
        with pytest.raises(uruk.UndefinedSymbols):
            jit.lookup_all(["nothing"], kind=kind)
    assert seen == list(LookupKind)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_three_forms(cc: Compile, workers: int) -> None:
    dispatcher = uruk.ThreadPoolDispatcher(workers) if workers else uruk.InlineDispatcher()
    with uruk.LLJIT(dispatcher=dispatcher) as jit:
        for name in ("f", "g", "h"):
            jit.add_unit(Counted(cc(returns(name, ord(name))), name))
        future = jit.lookup_future(["f"])
        assert isinstance(future, Future)

        async def both() -> list[int]:
            found = await asyncio.gather(jit.lookup_async(["g"]), jit.lookup_async(["h"]))
            return [one.function("int(void)")() for each in found for one in each.values()]

        assert asyncio.run(both()) == [ord("g"), ord("h")]
        assert future.result(20)["f"].function("int(void)")() == ord("f")
        assert jit.lookup_future([], weak=["gone"]).result(20) == {}


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_of_the_three_forms_are_the_same(workers: int) -> None:
    dispatcher = uruk.ThreadPoolDispatcher(workers) if workers else uruk.InlineDispatcher()
    with uruk.LLJIT(dispatcher=dispatcher) as jit:
        with pytest.raises(uruk.UndefinedSymbols) as blocking:
            jit.lookup_all(["gone"])
        with pytest.raises(uruk.UndefinedSymbols) as later:
            jit.lookup_future(["gone"]).result(20)
        with pytest.raises(uruk.UndefinedSymbols) as awaited:
            asyncio.run(jit.lookup_async(["gone"]))
        assert str(blocking.value) == str(later.value) == str(awaited.value)


def test_futures_of_futures(cc: Compile) -> None:
    """A pool of one thread, whose unit waits for a lookup in the background: that must not wait for the thread."""
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(1)) as jit:
        jit.add_object(cc(returns("inner", 1)))

        def make(responsibility: uruk.MaterializationResponsibility) -> object:
            assert jit.lookup_future(["inner"]).result(10)["inner"].address
            return cc(returns("outer", 2))

        jit.add_unit(uruk.FunctionUnit({"outer": uruk.SymbolFlags.EXPORTED}, make))
        assert jit.lookup_future(["outer"]).result(20)["outer"].function("int(void)")() == 2


def test_a_lookup_that_was_cancelled(cc: Compile) -> None:
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(1)) as jit:
        unit = Counted(cc(returns("f", 1)), "f")
        jit.add_unit(unit)
        future = jit.lookup_future(["f"])
        if future.cancel():
            assert future.cancelled()
        assert call(jit, "f") == 1
        assert unit.made == 1


def test_lookups_of_the_same_from_many_threads(cc: Compile, jit: uruk.LLJIT) -> None:
    unit = Counted(cc(returns("f", 11)), "f")
    jit.add_unit(unit)
    jit.add_object(cc(adds_one("g", "f")))
    assert in_threads([lambda: call(jit, "g")] * 8) == [12] * 8
    assert unit.made == 1


def test_pruned_batches_of_two_dylibs(cc: Compile) -> None:
    """What the wanted names do not reach, in whichever dylib, is not linked."""
    with uruk.LLJIT(options=uruk.Options(prune=True)) as jit:
        low = jit.create_dylib("low")
        jit.main.set_link_order([low])
        source = returns("used", 1) + "char big[1 << 20] = {1}; char *waste(void) { return big; }"
        jit.add_object(cc(source, "-ffunction-sections", "-fdata-sections"), dylib=low)
        jit.add_object(cc(adds_one("f", "used") + adds_one("broken", "nobody"), "-ffunction-sections"))
        assert call(jit, "f") == 2
        assert sum(one.size for one in jit.session.memory_map()) < 1 << 19
        assert call(jit, "used", low) == 1


def test_phony_externals(cc: Compile) -> None:
    with uruk.LLJIT(options=uruk.Options(phony_externals=True)) as jit:
        low = jit.create_dylib("low", bare=True)
        jit.main.set_link_order([low])
        jit.add_object(cc("extern int nobody(void); int f(int x) { return x ? 3 : nobody(); }"), dylib=low)
        jit.add_object(cc("extern int f(int), none(void); int g(int x) { return x ? f(x) + 1 : none(); }"))
        assert jit.lookup("g").function("int(int)")(1) == 4


def test_names_that_are_no_text(jit: uruk.LLJIT) -> None:
    for name in ("\ud800", "a\ud800b"):
        with pytest.raises(uruk.UrukError):
            jit.lookup(name)
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("")
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("zero\0byte")
