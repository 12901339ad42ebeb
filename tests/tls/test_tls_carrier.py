"""Carriers of thread-local storage: real loader, real threads, both Pythons."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import uruk
from uruk.errors import TLSError
from uruk.formats.elf.carrier import MAX_SIZE, ImportModel, TLSImport, build_carrier
from uruk.formats.elf.loadable import MACHINES
from uruk.platforms.linux import loader_here
from uruk.platforms.linux.loader_here import LoadedCarrier, load_carrier, static_bytes_left, unrecovered_bytes
from uruk.platforms.linux.tls import refusal
from uruk.platforms.linux.tls.carriers import Carriers
from uruk.target import HERE

pytestmark = pytest.mark.quick

HELPER = r"""
#include <stddef.h>
#include <stdint.h>
struct index { unsigned long module, offset; };
extern void *__tls_get_addr(struct index *);
void *get_addr(unsigned long module, unsigned long offset) {
    struct index index = { module, offset };
    return __tls_get_addr(&index);
}
char *thread_pointer(void) { char *tp; __asm__("movq %%fs:0, %0" : "=r"(tp)); return tp; }
/* The psABI's descriptor call: %rax is the descriptor's address, then the offset from the thread pointer. */
char *by_descriptor(uint64_t function, uint64_t argument) {
    uint64_t copy[2] = { function, argument };
    uint64_t *rax = copy;
    __asm__ volatile("call *(%0)" : "+a"(rax) : : "memory", "cc");
    return thread_pointer() + (intptr_t)rax;
}
"""


class Helper:
    """The C helper's functions."""

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        self.get_addr = library.get_addr
        self.thread_pointer = library.thread_pointer
        self.by_descriptor = library.by_descriptor
        for function in (self.get_addr, self.thread_pointer, self.by_descriptor):
            function.restype = ctypes.c_void_p
        self.get_addr.argtypes = self.by_descriptor.argtypes = [ctypes.c_uint64, ctypes.c_uint64]

    def addresses(self, loaded: LoadedCarrier, offset: int) -> set[int]:
        """The address of one byte of the image in this thread, by every way the carrier gives."""
        found = {self.get_addr(loaded.module_id, offset)}
        if loaded.tp_offset is not None:
            found.add(self.thread_pointer() + loaded.tp_offset + offset)
        found |= {self.by_descriptor(*one) for one in loaded.descriptors}
        return found


@pytest.fixture(scope="module")
def helper(tmp_path_factory: pytest.TempPathFactory) -> Helper:
    folder = tmp_path_factory.mktemp("tls")
    source = folder / "helper.c"
    source.write_text(HELPER)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", folder / "helper.so", source], check=True)
    return Helper(folder / "helper.so")


class Thread:
    """A thread that is running before the carrier comes, and does one thing when told."""

    def __init__(self, action: Callable[[], object]) -> None:
        self.result: object = None
        self._go = threading.Event()
        self._running = threading.Event()

        def body() -> None:
            self._running.set()
            self._go.wait()
            self.result = action()

        self._thread = threading.Thread(target=body, daemon=True)  # a test that fails may leave it waiting
        self._thread.start()
        self._running.wait()

    def finish(self) -> object:
        self._go.set()
        self._thread.join()
        return self.result


IMAGE = bytes(range(1, 41))
SHAPES = [
    *((True, alignment) for alignment in (1, 2, 4, 8, 16, 32, 64)),
    *((False, alignment) for alignment in (1, 8, 64, 128, 4096, 1 << 16)),
]


@pytest.mark.parametrize(("static", "alignment"), SHAPES)
def test_every_thread_has_the_image(helper: Helper, static: bool, alignment: int) -> None:
    box: list[LoadedCarrier] = []

    def look() -> tuple[int, bytes, int]:
        (address,) = helper.addresses(box[0], 0)
        content = ctypes.string_at(address, 100)
        ctypes.memset(address, 0xEE, 100)
        return address, content, address % alignment

    running = [Thread(look) for _ in range(3)]
    box.append(load_carrier(IMAGE, 100, alignment, static=static, descriptors=(0,)))
    new = [Thread(look) for _ in range(3)]
    results = [look(), *(one.finish() for one in [*running, *new])]
    assert box[0].close() == 0
    assert [one[1:] for one in results if isinstance(one, tuple)] == [(IMAGE + bytes(60), 0)] * 7


@pytest.mark.parametrize("static", [True, False])
def test_offsets_into_the_image(helper: Helper, static: bool) -> None:
    offsets = (0, 1, 39, 40, 99, 100)
    loaded = load_carrier(IMAGE, 100, 8, static=static, descriptors=offsets)
    base = helper.get_addr(loaded.module_id, 0)
    assert [helper.by_descriptor(*one) - base for one in loaded.descriptors] == list(offsets)
    assert loaded.close() == 0


@pytest.mark.parametrize("size", [0, 1, 3000, 3336, 4095, 4096, 4097, 8192, 3 << 20])
def test_images_around_page_sizes(helper: Helper, size: int) -> None:
    image = bytes(1 + i % 255 for i in range(min(size, 9000))) + b"\x55" * max(size - 9000, 0)
    for memory in (size or 1, size + 5):
        for alignment in (1, 64, 1 << 16):
            loaded = load_carrier(image, memory, alignment, static=False)
            address = helper.get_addr(loaded.module_id, 0)
            assert ctypes.string_at(address, memory) == image + bytes(memory - size)
            assert address % alignment == 0
            assert loaded.close() == 0


def test_two_carriers_are_two_modules(helper: Helper) -> None:
    one = load_carrier(b"one", 8, 8, static=False)
    two = load_carrier(b"one", 8, 8, static=False)
    assert one.handle != two.handle
    assert one.module_id != two.module_id
    assert helper.get_addr(one.module_id, 0) != helper.get_addr(two.module_id, 0)
    assert one.close() == two.close() == one.close() == 0


def test_static_storage_comes_back_once_the_last_is_closed() -> None:
    waiting = unrecovered_bytes()
    left = static_bytes_left()
    one, two, three = (load_carrier(b"", 48, 16, static=True) for _ in range(3))
    assert one.close() == one.block_size
    assert one.close() == 0
    assert unrecovered_bytes() == waiting + one.block_size
    assert three.close() == 0
    assert unrecovered_bytes() == waiting + one.block_size
    assert two.close() == 0
    assert unrecovered_bytes() == waiting
    assert static_bytes_left() == left


def test_static_storage_below_another_library(helper: Helper, tmp_path: Path) -> None:
    waiting = unrecovered_bytes()
    source = tmp_path / "foreign.c"
    source.write_text('__thread int x __attribute__((tls_model("initial-exec"))) = 7; int get(void) { return x; }')
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "foreign.so", source], check=True)
    left = static_bytes_left()
    one = load_carrier(b"", 20, 4, static=True)
    foreign = ctypes.CDLL(str(tmp_path / "foreign.so"))
    assert foreign.get() == 7
    two = load_carrier(b"abc", 8, 64, static=True)
    assert two.end % 64 == 0
    assert ctypes.string_at(helper.thread_pointer() + (two.tp_offset or 0), 8) == b"abc\0\0\0\0\0"
    assert two.close() == 0
    assert one.close() == one.block_size
    library = ctypes.CDLL(None)
    library.dlclose.argtypes = [ctypes.c_void_p]
    library.dlclose(foreign._handle)
    assert unrecovered_bytes() == waiting
    assert static_bytes_left() == left


def test_alignments_mixed_leave_no_gaps() -> None:
    left = static_bytes_left()
    for _ in range(50):
        stack = [load_carrier(b"", size, align, static=True) for size, align in ((1, 1), (16, 64), (3, 2), (8, 32))]
        assert all(one.end % align == 0 for one, align in zip(stack, (1, 64, 2, 32), strict=True))
        assert [one.close() for one in reversed(stack)] == [0] * 4
    assert static_bytes_left() == left


def _state() -> tuple[int, int]:
    return len(Path("/proc/self/maps").read_text().splitlines()), len(os.listdir("/proc/self/fd"))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


TEN_THOUSAND = r"""
import ctypes, os
# Neither memory of files, which the kernel takes and brings back as others need memory, nor huge pages, which it makes
# when it finds room for them, say anything of leaks.
PR_SET_THP_DISABLE = 41
assert ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0
from uruk.platforms.linux.loader_here import load_carrier
def cycle(index):
    loaded = load_carrier(b"image", 300, 8, static=index % 2 == 0, descriptors=(0, 8))
    assert loaded.close() == 0
    return loaded.module_id
def state():
    return len(open("/proc/self/maps").readlines()), len(os.listdir("/proc/self/fd"))
def resident():
    pages = open("/proc/self/statm").read().split()
    return int(pages[1]) - int(pages[2])
ids = {cycle(index) for index in range(200)}
before, pages = state(), resident()
ids |= {cycle(index) for index in range(10_000)}
assert state() == before, (before, state())
assert len(ids) == 1, ids
assert resident() - pages < 256, resident() - pages
"""


def test_ten_thousand_times_is_flat() -> None:
    """In a process of its own, whose mappings nothing else changes."""
    assert _python(sys.executable, TEN_THOUSAND) == ""


def test_used_dynamic_storage_is_freed(helper: Helper) -> None:
    def cycle() -> None:
        loaded = load_carrier(b"x", 1 << 20, 8, static=False)
        assert ctypes.string_at(helper.get_addr(loaded.module_id, 0), 2) == b"x\0"
        loaded.close()

    cycle()
    before = _resident()
    for _ in range(100):
        cycle()
    assert _resident() - before < 2048


def test_exhausted_static_storage_is_an_error_and_harmless(helper: Helper) -> None:
    left = static_bytes_left()
    state = _state()
    with pytest.raises(TLSError) as caught:
        load_carrier(b"", left + 64, 1, static=True, module="big.o")
    assert caught.value.what == "big.o"
    assert f"{left + 64} bytes" in caught.value.problem
    assert "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=" in caught.value.hint
    assert _state() == state
    assert static_bytes_left() == left
    whole = load_carrier(b"z", left, 1, static=True)
    with pytest.raises(TLSError):
        load_carrier(b"", 1, 1, static=True)
    dynamic = load_carrier(IMAGE, 100, 8, static=False, descriptors=(0,))
    assert ctypes.string_at(min(helper.addresses(dynamic, 0)), 40) == IMAGE
    assert [dynamic.close(), whole.close()] == [0, 0]
    assert static_bytes_left() == left


def test_the_hint_is_enough() -> None:
    program = (
        "from uruk.platforms.linux.loader_here import load_carrier\n"
        "from uruk.errors import TLSError\n"
        "try: load_carrier(b'', 20000, 64, static=True); print('fits')\n"
        "except TLSError as error: print(error.hint.split()[4].rstrip(','))\n"
    )
    setting = _python(sys.executable, program).strip()
    name, _, value = setting.partition("=")
    assert _python(sys.executable, program, {name: value}).strip() == "fits"


def _python(interpreter: str, program: str, more: dict[str, str] | None = None) -> str:
    source = str(Path(uruk.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": source} | (more or {})
    ran = subprocess.run([interpreter, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


IMPORT_PROGRAM = """
import ctypes, threading
library = ctypes.CDLL("libstdc++.so.6")
from uruk.platforms.linux.loader_here import load_carrier
from uruk.platforms.linux.tls.refusal import ALREADY_DYNAMIC
from uruk.formats.elf.carrier import TLSImport, ImportModel
from uruk.errors import TLSError
if PREPARE: ctypes.c_void_p.in_dll(library, "_ZSt11__once_call")
name = "_ZSt15__once_callable"
try:
    loaded = load_carrier(b"", 0, 1, static=False, needed=["libstdc++.so.6"], module="o.o",
                          imports=[TLSImport(name), TLSImport(name, ImportModel.DYNAMIC)])
except TLSError as error:
    print(error.problem == ALREADY_DYNAMIC, "libstdc++" in error.what)
    loaded = load_carrier(b"", 0, 1, static=False, needed=["libstdc++.so.6"],
                          imports=[TLSImport(name, ImportModel.DYNAMIC)])
    print(loaded.imports[0][1])
else:
    (offset,), (module, inside) = loaded.imports
    libc = ctypes.CDLL(None)
    libc.pthread_self.restype = libc.__tls_get_addr.restype = ctypes.c_void_p
    index = (ctypes.c_uint64 * 2)(module, inside)
    # glibc's pthread_t is the thread pointer on x86-64.
    print(libc.__tls_get_addr(index) == libc.pthread_self() + offset, loaded.close())
"""


@pytest.mark.parametrize("interpreter", [sys.executable, "/usr/bin/python3.11"])
@pytest.mark.parametrize("prepare", [False, True])
def test_imports_from_libstdcxx(interpreter: str, prepare: bool) -> None:
    out = _python(interpreter, IMPORT_PROGRAM.replace("PREPARE", str(prepare)))
    assert out.split() == (["True", "True", "24"] if prepare else ["True", "0"])


def test_both_interpreters_have_running_and_new_threads() -> None:
    program = """
import threading, ctypes
from uruk.platforms.linux.loader_here import load_carrier, static_bytes_left
libc = ctypes.CDLL(None)
libc.pthread_self.restype = libc.__tls_get_addr.restype = ctypes.c_void_p
left = static_bytes_left()
go, seen = threading.Event(), []
def look():
    go.wait()
    a = libc.__tls_get_addr((ctypes.c_uint64 * 2)(fixed.module_id, 0))
    b = libc.__tls_get_addr((ctypes.c_uint64 * 2)(lazy.module_id, 0))
    seen.append((a == libc.pthread_self() + fixed.tp_offset, ctypes.string_at(a, 3), ctypes.string_at(b, 3)))
threads = [threading.Thread(target=look)]
threads[0].start()
fixed, lazy = load_carrier(b"abc", 64, 32, static=True), load_carrier(b"def", 64, 4096, static=False)
threads.append(threading.Thread(target=look))
threads[1].start()
go.set()
[one.join() for one in threads]
assert seen == [(True, b"abc", b"def")] * 2, seen
assert [lazy.close(), fixed.close(), static_bytes_left()] == [0, 0, left]
print("ok")
"""
    assert _python("/usr/bin/python3.11", program) == "ok\n"
    assert _python(sys.executable, program) == "ok\n"


def test_an_unknown_import_is_named() -> None:
    with pytest.raises(TLSError, match="`no_such_variable'"):
        load_carrier(b"", 0, 1, static=False, imports=[TLSImport("no_such_variable")])


def test_closed_descriptors_are_not_mistaken() -> None:
    load_carrier(b"", 8, 8, static=False).close()
    number = loader_here.LOADER.window._number  # pyright: ignore[reportPrivateUsage]
    os.close(number)
    mine = os.open("/dev/null", os.O_RDONLY)
    os.dup2(mine, number)
    identity = os.fstat(number)
    loaded = load_carrier(b"abc", 8, 8, static=False)
    assert os.fstat(number) == identity
    assert loaded.module_id
    loaded.close()
    os.close(mine)
    if mine != number:
        os.close(number)


def test_stacks_stay_not_executable() -> None:
    loaded = load_carrier(IMAGE, 100, 8, static=True)
    lines = Path("/proc/self/maps").read_text().splitlines()
    assert not [line for line in lines if "[stack]" in line and "x" in line.split()[1]]
    assert not [line for line in lines if "uruk-tls" in line and "x" in line.split()[1]]
    loaded.close()


def test_the_file_has_no_executable_segment() -> None:
    data = build_carrier(IMAGE, 100, 1 << 16, static=False, imports=[TLSImport("x")], needed=["a"], soname="s").data
    count = struct.unpack_from("<H", data, 56)[0]
    headers = [struct.unpack_from("<IIQQQQQQ", data, 64 + 56 * index) for index in range(count)]
    assert all(not header[1] & 1 for header in headers)
    assert {header[0] for header in headers} == {1, 2, 7, 0x6474E551}
    assert all(header[2] + header[5] <= len(data) for header in headers)
    readelf = subprocess.run(["readelf", "-lWdr", "-"], input=data, capture_output=True, check=False)
    assert b"Warning" not in readelf.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((b"abc", 2, 1), "3 bytes for 2"),
        ((b"", -1, 1), "-1 bytes"),
        ((b"", MAX_SIZE + 1, 1), "at most"),
        ((b"", 2**64, 1), "at most"),
        ((b"", 8, 0), "alignment 0"),
        ((b"", 8, 3), "alignment 3"),
        ((b"", 8, -8), "alignment -8"),
        ((b"", 8, 1 << 17), "alignment 131072"),
        ((b"", 0, 1), "nothing to carry"),
    ],
)
def test_malformed_arguments(arguments: tuple[bytes, int, int], problem: str) -> None:
    for action in (build_carrier, load_carrier):
        with pytest.raises(TLSError, match=problem):
            action(*arguments, static=False, module="bad.o")


def test_more_malformed_arguments() -> None:
    with pytest.raises(TLSError, match="alignment 128 of static"):
        load_carrier(b"", 8, 128, static=True)
    with pytest.raises(TLSError, match="no thread-local storage"):
        load_carrier(b"", 0, 1, static=True)
    for offset in (-1, 9, 2**70):
        with pytest.raises(TLSError, match="descriptor"):
            load_carrier(b"", 8, 1, static=False, descriptors=[offset])
    for name in ("", "a\0b", "\ud800"):
        with pytest.raises(TLSError, match="name"):
            load_carrier(b"", 8, 1, static=False, imports=[TLSImport(name)])
    with pytest.raises(TLSError, match="zero byte"):
        load_carrier(b"", 8, 1, static=False, needed=["x\0"])
    with pytest.raises(TLSError, match="libnosuch"):
        load_carrier(b"", 8, 1, static=False, needed=["libnosuch.so.99"])
    with pytest.raises(TLSError, match="slots"):
        build_carrier(b"", 8, 1, static=False).decode(b"")


def test_carriers_from_many_threads(helper: Helper) -> None:
    waiting = unrecovered_bytes()
    wrong: list[object] = []

    def work(seed: int) -> None:
        for index in range(60):
            image = bytes([seed, index])
            loaded = load_carrier(image, 16, 8, static=index % 3 == 0)
            seen = {ctypes.string_at(one, 2) for one in helper.addresses(loaded, 0)}
            loaded.close()
            if seen != {image}:
                wrong.append((seed, index, seen))

    left = static_bytes_left()
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []
    assert unrecovered_bytes() == waiting
    assert static_bytes_left() == left


def test_optional_static_tls_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, value in (("", 512), ("a=1:glibc.rtld.optional_static_tls=0x1000", 4096), ("x", 512)):
        monkeypatch.setenv("GLIBC_TUNABLES", text)
        assert refusal.optional_static_tls() == value


def test_imports_by_descriptor(helper: Helper) -> None:
    ctypes.CDLL("libstdc++.so.6")
    wanted = [TLSImport("_ZSt11__once_call", model) for model in (ImportModel.DESCRIPTOR, ImportModel.DYNAMIC)]
    loaded = load_carrier(b"", 0, 1, static=False, imports=wanted, needed=["libstdc++.so.6"])
    descriptor, index = loaded.imports
    assert helper.by_descriptor(*descriptor) == helper.get_addr(*index)
    loaded.close()


def test_descriptors_do_not_spend_static_storage() -> None:
    left = static_bytes_left()
    several = [load_carrier(b"abcd", 16, 8, static=False, descriptors=(0,)) for _ in range(40)]
    assert static_bytes_left() == left
    assert {one.close() for one in several} == {0}
    assert static_bytes_left() == left


def test_forked_children_load_carriers(helper: Helper) -> None:
    one = load_carrier(b"one", 8, 8, static=True)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            two = load_carrier(b"two", 8, 8, static=True)
            seen = [ctypes.string_at(helper.thread_pointer() + (each.tp_offset or 0), 3) for each in (one, two)]
            status = 0 if seen == [b"one", b"two"] and two.close() == 0 else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert one.close() == 0


def test_a_process_that_does_not_answer_has_not_refused_a_carrier() -> None:
    def silent(data: bytes) -> tuple[int, str]:
        raise uruk.errors.ExecutorTimeout("the executor said nothing")

    loader = loader_here.InProcessLoader()
    loader.open = silent
    with pytest.raises(uruk.errors.ExecutorTimeout, match="said nothing"):
        Carriers(loader, MACHINES[HERE.architecture]).load(b"", 8, 8, static=False)


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", 62), ("aarch64", 183)])
@pytest.mark.parametrize(("image", "size"), [(b"", 40), (b"image", 40)])
def test_headers(architecture: str, machine: int, image: bytes, size: int) -> None:
    """All numbers of the ELF header, and of the segments but the first two (gABI, chapters 4 and 5)."""
    data = build_carrier(image, size, 8, static=False, machine=MACHINES[architecture]).data
    assert data[:64] == struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, machine, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0
    )
    found = list(struct.iter_unpack("<IIQQQQQQ", data[64 : 64 + 56 * 4]))
    bias = found[0][3]
    assert found[0] == (1, 6, 0, bias, bias, len(data), len(data), found[0][7])
    kind, flags, at, address, physical, stored, memory, align = found[1]
    assert (kind, flags, align, physical, memory, address) == (2, 6, 8, address, stored, bias + at)
    assert data[at + stored - 16 : at + stored] == bytes(16)  # DT_NULL
    assert found[2] == (0x6474E551, 6, 0, 0, 0, 0, 0, 16)
    start = len(data) - len(image) if image else 0
    place = bias + start if image else 0
    assert found[3] == (7, 4, start, place, place, len(image), size, 8)
