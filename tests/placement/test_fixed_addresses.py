"""Code linked at addresses that the user chooses, which nothing runs: every byte is what GNU ld writes there."""

from __future__ import annotations

from pathlib import Path

import pytest

import uruk
from uruk import LLJIT, FixedMemory, Options
from uruk.memory.mapper import Mapper

from support.compiling import Compile
from support.placed_by_ld import Recorder, contents_by_ld

pytestmark = pytest.mark.quick

TOP = 1 << 64
MIB = 1 << 20
BASES = [0, 1, 0x10000, 0xFFF00000, 1 << 40, (1 << 63) - 0x1000, 1 << 63, (1 << 63) + 3, TOP - MIB]
HIDDEN = """
    #define SEEN __attribute__((visibility("default")))
    #pragma GCC visibility push(hidden)
"""
FIRST = (
    HIDDEN
    + """
    extern int other(int), table[4]; extern char zeros[100];
    const char *names[] = {"one", "two", "three"};
    int counter = 5, *where = &counter;
    static int local(int x) { return x + counter; }
    int (*const functions[])(int) = {local, other};
    int first(int x) {
        switch (x) {
        case 0: return other(x); case 1: return table[2]; case 2: return zeros[7]; case 3: return local(9);
        case 4: return *where; case 5: return functions[x & 1](x);
        }
        return names[x & 1][1];
    }
    SEEN int start(int x) { return first(x); }
"""
)
SECOND = (
    HIDDEN
    + """
    extern int first(int); extern int *where; extern const char *names[];
    int table[4] = {1, 2, 3, 4}; char zeros[100]; SEEN long distance = 17;
    void *const places[] = {&where, zeros + 8, table + 1, (void *)first, names + 2};
    int other(int x) { return first(x - 1) + table[x & 3] + *where + zeros[x] + (int)distance; }
"""
)
LATER = (
    HIDDEN
    + """
    extern int first(int), table[4]; extern long distance;
    SEEN long *far = &distance; char more[5000] = {1};
    SEEN int later(int x) { return first(x) + table[1] + (int)*far + more[x]; }
"""
)
PLAIN = ("-O1", "-fno-asynchronous-unwind-tables", "-fno-exceptions", "-fPIE", "-mcmodel=small")
COMPILERS = [
    ("x86_64", "gcc", ()),
    ("x86_64", "clang", ()),
    ("aarch64", "aarch64-gcc", ()),
    ("aarch64", "clang", ("--target=aarch64-linux-gnu",)),
]
compilers = pytest.mark.parametrize(("machine", "family", "flags"), COMPILERS, ids=lambda one: str(one) if one else "")


def open_at(address: int, machine: str = "", size: int = MIB) -> tuple[FixedMemory, LLJIT]:
    memory = FixedMemory(address, min(size, TOP - address), 4096)
    return memory, LLJIT(memory=memory, options=Options(execute=False, architecture=machine))


@compilers
@pytest.mark.parametrize("base", BASES, ids=hex)
def test_as_ld_writes_it(
    cc: Compile, tmp_path: Path, machine: str, family: str, flags: tuple[str, ...], base: int
) -> None:
    sources = {"first": FIRST, "second": SECOND, "later": LATER}
    first, second, later = (cc(text, *PLAIN, *flags, family=family, name=name) for name, text in sources.items())
    memory, jit = open_at(base, machine)
    with jit:
        recorder = Recorder()
        jit.add_pass("post-fixup", recorder)
        jit.add_object(first)
        jit.add_object(second)
        jit.lookup("start")
        jit.add_object(later)  # a batch of its own
        symbols = jit.lookup_all(["later", "far", "distance"])
        by_ld = contents_by_ld(tmp_path, machine, [first, second, later], recorder.placed)
        assert len(by_ld) > 6
        for one, content in by_ld.items():
            assert one.content == content, (one.file, one.section, hex(one.address))
            assert memory.read(one.address, one.size) == content
        assert all(base <= one.address < base + MIB for one in recorder.placed)
        far = int.from_bytes(memory.read(symbols["far"].address, 8), "little")
        assert far == symbols["distance"].address


def test_nothing_lies_far_away(cc: Compile) -> None:
    """A hundred KB of code and data take that, and a page for each zone at most: below 4 GiB with room to spare."""
    source = "char zeros[40000], data[30000] = {1}; const char text[30000] = {2}; int f(int x) { return zeros[x]; }"
    memory, jit = open_at(0xFFF00000)
    with jit:
        jit.add_object(cc(source, "-fPIE"))
        addresses = [one.address for one in jit.lookup_all(["zeros", "data", "text", "f"]).values()]
        assert memory.used <= 100_000 + 4 * 4096
        assert all(0xFFF00000 <= one < 0xFFF00000 + 110_000 for one in addresses)
        ranges = jit.session.memory_map()
        assert [one.zone for one in ranges] == ["RX", "R", "RW"]
        assert [one.address % 4096 for one in ranges] == [0, 0, 0]


NARROW = """
        .globl site, d, s
        .text
    site: movl $d, %edi
        movl d, %eax
        .data
    d:  .long 7
        .long d
"""
UNSIGNED = NARROW.replace("movl d, %eax", "")


@pytest.mark.parametrize("base", [0, 0x10000, 0xFFF00000], ids=hex)
def test_32_bit_addresses_fit_up_to_4_gib(cc: Compile, base: int) -> None:
    memory, jit = open_at(base)
    with jit:
        jit.add_object(cc(UNSIGNED, language="s"))
        found = jit.lookup_all(["site", "d"])
        d = found["d"].address.to_bytes(4, "little")
        assert memory.read(found["site"].address, 5) == b"\xbf" + d
        assert memory.read(found["d"].address + 4, 4) == d


@pytest.mark.parametrize("base", [0x7FF00000, 0xFFF00000, 1 << 40, 1 << 63, TOP - MIB], ids=hex)
def test_what_does_not_fit_is_named(cc: Compile, base: int) -> None:
    """The error has the place, and an address as the user knows it; the session goes on, and nothing is kept."""
    memory, jit = open_at(base, size=min(TOP - base, 1 << 21))
    with jit:
        padded = NARROW.replace(".data", ".data\n.skip 0x100000") if base == 0x7FF00000 else NARROW
        jit.add_object(cc(padded, language="s", name="narrow"))
        with pytest.raises(uruk.OutOfRange) as caught:
            jit.lookup("site")
        assert "/narrow.o:(." in caught.value.place
        start = 0x80002000 if base == 0x7FF00000 else base
        assert f"S = {start >> 20:#x}" in str(caught.value)
        assert "-0x" not in str(caught.value).partition(" is not in ")[0]
        assert memory.used == 0
        jit.add_object(cc("int fine(void) { return 1; }"))
        assert base <= jit.lookup("fine").address < base + MIB
        assert memory.used == 2 * 4096  # code and unwind data


def test_signed_fields_hold_the_last_2_gib(cc: Compile, tmp_path: Path) -> None:
    """The kernel's model: addresses from 2**64 - 2**31 on, sign-extended (AMD64 psABI, 3.5.1)."""
    base = TOP - (1 << 31)
    source = cc(FIRST + SECOND.removeprefix(HIDDEN), *PLAIN[:3], "-fno-pie", "-mcmodel=kernel", name="kernel")
    _, jit = open_at(base)
    with jit:
        recorder = Recorder()
        jit.add_pass("post-fixup", recorder)
        jit.add_object(source)
        jit.lookup("start")
        by_ld = contents_by_ld(tmp_path, "x86_64", [source], recorder.placed)
        assert all(one.content == content for one, content in by_ld.items())


@pytest.mark.parametrize("base", [1 << 40, 1 << 63, TOP - MIB], ids=hex)
def test_aarch64_words_do_not_fit(cc: Compile, base: int) -> None:
    """A word takes -2**31 up to 2**32 (AAELF64, 5.7.5 "ABS32"), so that it holds the end of all addresses."""
    text = ".globl d\n.data\nd: .4byte d\n"
    path = cc(text, family="aarch64-gcc", language="s", name="word")
    memory, jit = open_at(base, "aarch64")
    with jit:
        jit.add_object(path)
        if base == TOP - MIB:
            assert memory.read(jit.lookup("d").address, 4) == (jit.lookup("d").address & 0xFFFFFFFF).to_bytes(
                4, "little"
            )
            return
        with pytest.raises(uruk.OutOfRange, match=r"word\.o:\(\.data\+0x0\)"):
            jit.lookup("d")
        assert memory.used == 0


GOT = """
        .globl site, d, other, weak
        .text
    site: pushq d@GOTPCREL(%rip)
        pushq weak@GOTPCREL(%rip)
        call other@PLT
        .data
    d:  .long 7
        .weak weak
"""


@pytest.mark.parametrize("base", BASES, ids=hex)
def test_slots_and_stubs(cc: Compile, base: int) -> None:
    """A slot holds the address; a stub stands for a function that is defined out of reach."""
    memory, jit = open_at(base)
    away = (base + (1 << 50)) % TOP
    with jit:
        jit.main.define("other", away, function=True)
        jit.add_object(cc(GOT, language="s"))
        found = jit.lookup_all(["site", "d"])
        site = found["site"].address

        def word(address: int, size: int = 8) -> int:
            return int.from_bytes(memory.read(address % TOP, size), "little")

        def target(end: int) -> int:
            return (end + (word(end - 4, 4) ^ 1 << 31) - (1 << 31)) % TOP

        assert word(target(site + 6)) == found["d"].address
        assert word(target(site + 12)) == 0
        stub = target(site + 17)
        assert memory.read(stub, 2) == b"\xff\x25"  # jmp *slot(%rip)
        assert word(target(stub + 6)) == away


@pytest.mark.parametrize("base", BASES, ids=hex)
def test_batches_grow_and_removal_gives_back(cc: Compile, base: int) -> None:
    """Units follow one another; what is removed is used again."""
    sources = [cc(f"char d{n}[9000] = {{{n}}}; char *f{n}(void) {{ return d{n}; }}", "-fPIE") for n in range(1, 9)]
    size = 1 << 14
    memory = FixedMemory(min(base, TOP - 16 * size), size, 4096)
    with LLJIT(memory=memory, options=Options(execute=False)) as jit:
        trackers = [jit.add_object(one) for one in sources]
        places = {n: jit.lookup(f"d{n}").address for n in range(1, 9)}
        assert memory.end - memory.address >= 8 * 9000
        assert (memory.end - memory.address) % size == 0
        for n, address in places.items():
            assert memory.read(address, 3) == bytes((n, 0, 0))
        used, end = memory.used, memory.end
        trackers[3].remove()
        trackers[4].remove()
        assert memory.used < used
        assert memory.read(places[4], 1) == b"\0"
        for n in (4, 5):
            jit.add_object(sources[n - 1])
            assert jit.lookup(f"d{n}").address == places[n]
            assert memory.read(places[n], 1) == bytes((n,))
        assert (memory.used, memory.end) == (used, end)
        for tracker in list(jit.session.trackers.values()):
            tracker.remove()
        assert memory.used == 0


def test_the_end_of_all_addresses(cc: Compile) -> None:
    """A unit may end at 2**64; what does not fit any more is an error, and what is there stays."""
    memory = FixedMemory(TOP - 0x5000, 0x3000, 4096)
    with LLJIT(memory=memory, options=Options(execute=False)) as jit:
        jit.add_object(
            cc("extern char end[]; char d[0x2800] = {1}; char *stop = end; int f(void) { return d[1]; }", "-fPIE")
        )
        found = jit.lookup_all(["f", "d", "stop"])
        assert memory.end == TOP
        assert int.from_bytes(memory.read(found["stop"].address, 8), "little") == found["d"].address + 0x2808
        assert memory.read(TOP - 1, 1) == b"\0"
        jit.add_object(cc("char big[0x2000] = {1};"))
        with pytest.raises(uruk.AllocationError, match=r"0x2010 bytes between 0xffffffffffffb000 and 2\*\*64"):
            jit.lookup("big")
        assert memory.read(found["d"].address, 1) == b"\1"


def without_code(cc: Compile, text: str) -> Path:
    """An object of data only: an empty section of code would come first."""
    path = cc(text, language="s")
    cc.tool("objcopy", "--remove-section=.text", "--remove-section=.bss", str(path))
    return path


def test_0_is_an_address(cc: Compile) -> None:
    """Data, a handle, and names at 0 are there; only what is undefined is not."""
    memory, jit = open_at(0)
    with jit:
        tracker = jit.add_object(without_code(cc, ".data\n.globl d\nd: .byte 1\n.byte 2\n"))
        assert jit.lookup("d").address == 0
        jit.add_object(cc(".globl p, w\n.data\np: .quad d\nw: .quad d + 1\n.weak d\n", language="s"))
        found = jit.lookup_all(["p", "w"])
        assert memory.read(found["p"].address, 8) == bytes(8)
        assert memory.read(found["w"].address, 1) == b"\1"
        with pytest.raises(uruk.InUse):
            tracker.remove()
        jit.define("zero", 0)
        assert jit.lookup("zero").address == 0
        jit.add_object(cc(".globl q\n.data\nq: .long zero + 5\n.quad zero\n", language="s"))
        assert memory.read(jit.lookup("q").address, 12) == b"\5" + bytes(11)
        jit.add_object(cc(".globl r\n.data\nr: .long nowhere\n", language="s"))
        with pytest.raises(uruk.UndefinedSymbols, match="nowhere"):
            jit.lookup("r")


def test_a_handle_at_0_is_the_handle(cc: Compile) -> None:
    """All batches of a tracker have the `__dso_handle` that the first one made, be it at 0."""
    handle = ".data\n.globl {0}\n.hidden __dso_handle\n{0}: .8byte __dso_handle\n"
    memory, jit = open_at(0)
    with jit:
        tracker = jit.add_object(without_code(cc, handle.format("first")))
        first = jit.lookup("first").address
        assert memory.read(first, 8) == memory.read(0, 8) == bytes(8)
        assert tracker.resources.module_handles == [0]
        used = memory.used
        jit.add_object(without_code(cc, handle.format("second")), tracker=tracker)
        assert memory.read(jit.lookup("second").address, 8) == bytes(8)
        assert tracker.resources.module_handles == [0]
        assert memory.used == used + 4096
        (second,) = [one for one in jit.session.memory_map() if one.address]
        assert second.size == 8


RUNTIME = (
    "__gxx_personality_v0", "_ZTIi", "__cxa_begin_catch", "__cxa_end_catch", "__cxa_throw",
    "__cxa_allocate_exception", "__cxa_free_exception", "_Unwind_Resume", "__tls_get_addr",
)  # fmt: skip


def test_unwind_data_thread_locals_and_initialisers_are_linked(cc: Compile) -> None:
    """Nothing of it is registered, loaded or run; it is written for whoever runs the code elsewhere."""
    source = """
        thread_local int mine = 4; static struct T { T(); int a; } t; T::T() : a(mine) { if (!a) throw 1; }
        int f() { try { return t.a; } catch (int x) { return x; } }
    """
    for base in (0x10000, 1 << 63):
        _, jit = open_at(base)
        with jit:
            for name in RUNTIME:
                jit.define(name, base + 0x80000)
            jit.add_object(cc.cpp(source, "-fPIC", "-fno-use-cxa-atexit"))
            assert base <= jit.lookup("_Z1fv").address < base + MIB
            jit.initialize()


def test_this_process_means_nothing_there(cc: Compile) -> None:
    memory, jit = open_at(0x10000)
    with jit:
        jit.add_object(cc('int puts(const char *); int f(void) { return puts(""); }'))
        with pytest.raises(uruk.UndefinedSymbols, match="puts"):
            jit.lookup("f")
        jit.define("puts", 0x12345678)
        assert jit.lookup("f").address
        with pytest.raises(uruk.UrukError, match="only links"):
            jit.add_object(cc("int g(void) { return 1; }"), lazy=True)
        jit.add_object(cc("int h(unsigned __int128 *a) { return *a / a[1]; }"))  # from the runtime archive
        assert jit.lookup("h").address
        assert memory.holds(jit.lookup("h").address)


def test_forced_removal_withholds_addresses(cc: Compile) -> None:
    """The addresses of removed code that is referred to are nobody's until the users are gone."""
    memory, jit = open_at(0x10000)
    with jit:
        user = jit.add_object(cc("extern int d; int *p = &d;"))
        used = jit.add_object(cc("int d = 5;"))
        found = jit.lookup_all(["p", "d"])
        assert memory.read(found["d"].address, 1) == b"\5"
        used.remove(force=True)
        assert memory.read(found["d"].address, 1) == b"\0"
        jit.add_object(cc("int e = 6;"))
        assert jit.lookup("e").address != found["d"].address
        before = memory.used
        user.remove()
        assert memory.used == before // 3
    assert memory.used == 0


def test_what_memory_goes_with(cc: Compile) -> None:
    memory = FixedMemory(0, MIB)
    with pytest.raises(uruk.UrukError, match="execute=False"):
        LLJIT(memory=memory)
    with pytest.raises(uruk.UrukError, match="mapper"):
        LLJIT(memory=memory, mapper=_mapper(), options=Options(execute=False))
    with LLJIT(memory=memory, options=Options(execute=False)) as jit:
        assert jit.memory is memory


def _mapper() -> Mapper:
    from uruk.memory.inprocess import InProcessMapper

    return InProcessMapper()
