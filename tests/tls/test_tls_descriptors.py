"""TLS descriptors: every register but %rax survives, whatever the storage and the processor's way to save state."""

from __future__ import annotations

import ctypes
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import uruk
from uruk.platforms.linux.loader_here import LoadedCarrier, load_carrier
from uruk.platforms.linux.runtime_here import SESSIONS, process_runtime

from support.compiling import Compile
from support.register_check import check_source, has_wide_vectors

pytestmark = pytest.mark.quick

# check(descriptor, before, after, misalign); the address of the thread-local comes back
CALL = ["movq -8(%rbp), %rax", "call *(%rax)"]
RETURN = ["addq %fs:0, %rax"]
AREA = 256 + 64 * 32
Check = Callable[[tuple[int, int], int], tuple[int, bytes, bytes]]


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    """Call a descriptor at a stack offset; the address, and the registers before and after."""
    wide = has_wide_vectors()
    folder = tmp_path_factory.mktemp("check")
    (folder / "check.s").write_text(check_source(wide, CALL, RETURN))
    subprocess.run(["gcc", "-c", "-o", folder / "check.o", folder / "check.s"], check=True)
    with uruk.LLJIT() as jit:
        jit.add_object(folder / "check.o")
        words = [ctypes.c_void_p] * 3 + [ctypes.c_long]
        function = ctypes.CFUNCTYPE(ctypes.c_size_t, *words)(jit.lookup("check").address)

        def run(descriptor: tuple[int, int], misalign: int) -> tuple[int, bytes, bytes]:
            pair = (ctypes.c_uint64 * 2)(*descriptor)
            before = ctypes.create_string_buffer(bytes((7 * n + 3) % 251 for n in range(AREA)), AREA)
            ctypes.memset(ctypes.addressof(before) + 104, 0, 8)
            ctypes.memset(ctypes.addressof(before) + 192, 0, 64)
            one_pi = (ctypes.c_double * 2)(1.0, 3.141592653589793)
            ctypes.memmove(ctypes.addressof(before) + 112, one_pi, 16)
            after = ctypes.create_string_buffer(AREA)
            end = 256 + (64 * 32 if wide else 32 * 16)
            address = function(*(ctypes.addressof(one) for one in (pair, before, after)), misalign)
            if not wide:
                ctypes.memmove(ctypes.addressof(after) + 128, ctypes.addressof(before) + 128, 128)
            return address, before.raw[:end], after.raw[:end]

        yield run


def _address(storage: LoadedCarrier, offset: int) -> int:
    get = ctypes.CDLL(None)["__tls_get_addr"]
    get.restype = ctypes.c_size_t
    return int(get((ctypes.c_uint64 * 2)(storage.module_id, offset)))


def _in_new_thread(action: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def body() -> None:
        try:
            action()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


MODES = ["as found", "xsave", "fxsave"]


@pytest.fixture(params=MODES)
def saving(request: pytest.FixtureRequest) -> Iterator[str]:
    """How the runtime saves vector registers: as it found best, and the ways of older processors."""
    with uruk.LLJIT() as jit:
        jit.platform.process.tls.descriptors.make(None, 0)  # the size is found with the first descriptor
    process_runtime()
    (session,) = SESSIONS
    names = [b"uruk_vector_mask", b"uruk_vector_compact", b"uruk_vector_size"]
    dylib = session.dylibs["runtime"]
    found = session.lookup(dylib, names, roots=False, everything=True)
    mask, compact, size = (ctypes.c_uint32.from_address(address) for address, _ in found)
    kept = [one.value for one in (mask, compact, size)]
    if request.param != "as found":
        size.value = 16384
        compact.value = 0
    if request.param == "fxsave":
        mask.value = 0
    yield request.param
    mask.value, compact.value, size.value = kept


def _old_parts(area: bytes) -> bytes:
    """General registers, x87, and the first 16 vectors' lowest 16 bytes."""
    step = (len(area) - 256) // (32 if len(area) == AREA else 16)
    return area[:128] + b"".join(area[256 + step * n :][:16] for n in range(16))


@pytest.mark.parametrize("misalign", [0, 8, 24, 40])
def test_every_register_survives(check: Check, saving: str, misalign: int) -> None:
    with uruk.LLJIT() as jit:
        make = jit.platform.process.tls.descriptors.make
        storage = load_carrier(b"x", 100_000, 8, static=False, descriptors=(0,))
        pair = make(storage, 40)

        def look() -> None:
            for turn in range(3):
                address, before, after = check(pair, misalign)
                if saving == "fxsave" and turn == 0:  # saves %xmm only: what a processor without AVX has
                    before, after = _old_parts(before), _old_parts(after)
                assert after == before
                assert address == _address(storage, 40)

        look()
        _in_new_thread(look)
        storage.close()


def test_the_loaders_own_descriptor_would_not_do(check: Check) -> None:
    """The reason for all this; once every supported glibc keeps the registers, this file can go."""
    version = ctypes.CDLL(None)["gnu_get_libc_version"]
    version.restype = ctypes.c_char_p
    if tuple(int(part) for part in version().split(b".")[:2]) >= (2, 40):
        return
    with uruk.LLJIT():
        storage = load_carrier(b"x" * 5000, 5000, 8, static=False, descriptors=(0,))
        address, before, after = check(storage.descriptors[0], 8)
        assert address == _address(storage, 0)
        assert before != after
        storage.close()


def test_static_and_undefined_descriptors(check: Check) -> None:
    with uruk.LLJIT() as jit:
        make = jit.platform.process.tls.descriptors.make
        storage = load_carrier(b"abc", 40, 8, static=True)
        address, before, after = check(make(storage, 2), 8)
        assert (address, after) == (_address(storage, 2), before)
        storage.close()
        address, before, after = check(make(None, 0), 0)
        assert (address, after) == (0, before)


KEEP = r"""
__thread char pad[SIZE];
__thread long v = 5;
typedef double four __attribute__((vector_size(32)));
__attribute__((noinline)) double keep(double a, double b, double *out)
{
    four s = {a - b, a + b, b, a};
    double t = a * b + 1;
    v += 1, pad[3]++;
    s *= 2;
    __builtin_memcpy(out, &s, sizeof s);
    return t + v;
}
"""


@pytest.mark.parametrize("size", [10, 5000, 3 << 20])
@pytest.mark.parametrize("flags", ["-O1", "-O2 -mavx2", "-O1 -mavx2 -fno-plt"])
@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_code_that_holds_vectors_across_the_access(cc: Compile, family: str, flags: str, size: int) -> None:
    options = [*flags.split(), "-fPIC", "-mtls-dialect=gnu2", f"-DSIZE={size}"]
    path = cc(KEEP, *options, family=family)
    assert b"TLSDESC_CALL" in _relocations(path)
    with uruk.LLJIT() as jit:
        code = jit.add_object(path)
        words = [ctypes.c_double, ctypes.c_double, ctypes.c_void_p]
        keep = ctypes.CFUNCTYPE(ctypes.c_double, *words)(jit.lookup("keep").address)

        def look() -> None:
            for turn in range(3):
                out = (ctypes.c_double * 4)()
                assert keep(3.0, 4.0, ctypes.addressof(out)) == 13 + 6 + turn
                assert list(out) == [-2, 14, 8, 6]

        look()
        _in_new_thread(look)
        assert code.remove().tls_not_recovered == 0


def _relocations(path: Path) -> bytes:
    return subprocess.run(["readelf", "-rW", path], capture_output=True, check=True).stdout


WEAK = """
extern __thread long missing __attribute__((weak));
__thread char big[100000];
long *where(void) { big[0] = 1; return &missing; }
"""


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_a_weak_one_that_nobody_defines_is_null(cc: Compile, jit: uruk.LLJIT, family: str) -> None:
    jit.add_object(cc(WEAK, "-O1", "-fPIC", "-mtls-dialect=gnu2", family=family))
    assert jit.lookup("where").function("long(void)")() == 0


@pytest.mark.parametrize("size", [8, 100_000])
def test_descriptors_of_another_tracker(cc: Compile, jit: uruk.LLJIT, size: int) -> None:
    flags = ["-O1", "-fPIC", "-mtls-dialect=gnu2", f"-DSIZE={size}"]
    source = "__thread char pad[SIZE]; __thread long shared = 70; long *here(void) { pad[1] = 1; return &shared; }"
    jit.add_object(cc(source, *flags))
    here = jit.lookup("here").function("long(void)")
    first = here()
    source = "extern __thread long shared; long there(void) { return (long)&shared; }"
    jit.add_object(cc(source, *flags))
    assert jit.lookup("there").function("long(void)")() == first
    there = jit.lookup("there").function("long(void)")
    _in_new_thread(lambda: _same(there(), here()))


def _same(one: int, other: int) -> None:
    assert one == other


def test_the_thread_local_of_a_library(cc: Compile, jit: uruk.LLJIT) -> None:
    variables = "__thread char room[300000]; __thread long shared = 7;"
    library = cc.shared("libdesc.so", f"{variables} long *mine(void) {{ return &shared; }}")
    jit.add_library(library)
    source = """
        extern __thread long shared;
        double keep(double a) { double b = a * 3; long c = shared++; return b + c; }
        long where(void) { return (long)&shared; }
    """
    jit.add_object(cc(source, "-O2", "-fPIC", "-mtls-dialect=gnu2"))
    keep = jit.lookup("keep").function("double(double)")
    assert [keep(2.0), keep(2.0)] == [13, 14]
    mine = ctypes.CDLL(str(library)).mine
    mine.restype = ctypes.c_long
    assert jit.lookup("where").function("long(void)")() == mine()
    _in_new_thread(lambda: _same(int(keep(1.0)), 10))
