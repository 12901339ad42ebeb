"""The folder of objects: whole entries under many writers, damage noticed, size kept, and no failure is an error."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import uruk
from uruk.compile.cache import ObjectCache, cache_from_environment
from uruk.compile.compile_source import compile_text

pytestmark = pytest.mark.any_interpreter

TEXT = "int f(void) { return 5; }\n"


def key(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def entries(folder: Path) -> list[Path]:
    return [path for path in (folder / "objects").glob("*/*") if path.is_file()]


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "own", 100_000)


def test_what_is_stored_is_loaded(cache: ObjectCache) -> None:
    assert cache.load(key(1)) is None
    old = os.umask(0o002)  # that of many distributions
    cache.store(key(1), b"object\0", "wärning\udc80\n")
    cache.store(key(2), b"")
    os.umask(old)
    assert cache.load(key(1)) == (b"object\0", "wärning\udc80\n")
    assert cache.load(key(2)) == (b"", "")
    assert stat.S_IMODE((cache.folder / "objects").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in entries(cache.folder))


WRITER = """
import sys
from uruk.compile.cache import ObjectCache
cache, key, mine = ObjectCache(sys.argv[1], 100_000_000), sys.argv[2], bytes([int(sys.argv[3])])
print("ready", flush=True)
sys.stdin.readline()
for size in range(1, 150):
    cache.store(key, mine * size * 1000)
    found = cache.load(key)
    assert found is not None and len(set(found[0])) == 1 and len(found[0]) % 1000 == 0, "torn"
"""


def test_eight_writers_and_no_torn_read(tmp_path: Path) -> None:
    """Eight processes write one entry, each of its own bytes, while threads here read it."""
    folder, shared = tmp_path / "shared", key(0)
    environment = os.environ | {"PYTHONPATH": str(Path(uruk.__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, str(folder), shared]
    writers = [
        subprocess.Popen(
            [*command, str(65 + at)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for at in range(8)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    stop, seen, torn = threading.Event(), set[bytes](), list[bytes]()

    def read() -> None:
        cache = ObjectCache(folder, 100_000_000)
        while not stop.is_set():
            found = cache.load(shared)
            if found is not None:
                seen.add(found[0][:1])
                if len(set(found[0])) != 1 or len(found[0]) % 1000:
                    torn.append(found[0])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    statuses = []
    for writer in writers:
        writer.communicate(timeout=120)
        statuses.append(writer.returncode)
    stop.set()
    for reader in readers:
        reader.join()
    assert statuses == [0] * 8
    assert torn == []
    assert len(seen) > 1
    assert len(entries(folder)) == 1  # nothing half-written stays


@pytest.mark.parametrize("damage", ["empty", "cut", "longer", "magic", "digest", "length", "object", "other key"])
def test_damage_is_noticed_and_compiled_again(tmp_path: Path, damage: str) -> None:
    good = compile_text(TEXT, compiler="gcc")
    (path,) = entries(tmp_path / "cache")
    data = bytearray(path.read_bytes())
    if damage in ("empty", "cut", "longer"):
        data = {"empty": bytearray(), "cut": data[:-1], "longer": data + b"\0"}[damage]
    elif damage == "other key":
        other = compile_text(TEXT.replace("5", "6"), compiler="gcc")
        assert other.object != good.object
        data = bytearray(next(one for one in entries(tmp_path / "cache") if one != path).read_bytes())
    else:
        data[{"magic": 0, "digest": 14, "length": 52, "object": len(data) - 1}[damage]] ^= 1
    path.write_bytes(data)
    again = compile_text(TEXT, compiler="gcc")
    assert (again.cached, again.object) == (False, good.object)
    assert compile_text(TEXT, compiler="gcc").cached


def test_the_least_recently_used_go_first(cache: ObjectCache) -> None:
    for number in range(9):
        cache.store(key(number), bytes(10_000))
        os.utime(cache._path(key(number)), (1000 + number, 1000 + number))
    assert cache.load(key(0)) is not None  # used now
    cache.store(key(9), bytes(10_000))
    left = [number for number in range(10) if cache.load(key(number)) is not None]
    assert left == [0, 3, 4, 5, 6, 7, 8, 9]


def test_it_stays_within_its_size(tmp_path: Path) -> None:
    """Over many stores, by several caches of one folder, and without its ledger."""
    limit = 50_000
    for number in range(200):
        ObjectCache(tmp_path / "own", limit).store(key(number), os.urandom(900 + number))
        assert sum(path.stat().st_size for path in entries(tmp_path / "own")) <= limit
        if number == 100:
            (tmp_path / "own" / "objects" / "ledger").write_bytes(b"?")
    assert len(entries(tmp_path / "own")) > 30
    ObjectCache(tmp_path / "own", limit).store(key(1000), bytes(limit))
    assert ObjectCache(tmp_path / "own", limit).load(key(1000)) is None


def test_half_written_files_of_the_dead_go(cache: ObjectCache) -> None:
    cache.store(key(1), b"one")
    old, young = (cache._path(key(1)).parent / f".new-{name}" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(bytes(10))
    os.utime(old, (time.time() - 7200,) * 2)
    (cache.folder / "objects" / "ledger").unlink()
    cache.store(key(2), b"two")
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("folder", ["/dev/null/cache", "/proc/cache", "file/cache", "x" * 300, "nul\0"])
def test_a_folder_that_cannot_be(folder: str) -> None:
    Path("file").write_text("")
    cache = ObjectCache(folder)
    results = [compile_text(TEXT, compiler="gcc", cache=cache) for _ in range(2)]
    assert [one.cached for one in results] == [False, False]


FULL = """
import resource
from uruk.compile.compile_source import compile_text
def objects(): return [compile_text(f"int number = {n};", compiler="gcc") for n in (1, 1)]
before = compile_text("int first;", compiler="gcc")
resource.setrlimit(resource.RLIMIT_FSIZE, (1400, 1400))  # an object has 1 kB, an entry more
print([one.cached for one in objects()])
"""


def test_a_folder_that_is_full(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(uruk.__file__).parents[1])}
    text = FULL.replace("1400", str(len(compile_text("int number = 1;", compiler="gcc", cache=False).object) + 8))
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[False, False]\n", "")
    assert len(entries(tmp_path / "cache")) == 1


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_folder_that_others_can_write_is_not_used(cache: ObjectCache, mode: int) -> None:
    cache.store(key(1), b"one")
    (cache.folder / "objects").chmod(mode)
    assert cache.load(key(1)) is None
    cache.store(key(2), b"two")
    (cache.folder / "objects").chmod(0o700)
    assert (cache.load(key(1)), cache.load(key(2))) == ((b"one", ""), None)


def test_a_link_instead_of_the_folder_is_not_used(cache: ObjectCache, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.folder.mkdir()
    (cache.folder / "objects").symlink_to(tmp_path / "elsewhere")
    cache.store(key(1), b"one")
    assert cache.load(key(1)) is None


def test_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value, folder in (
        ("HOME", "/home/someone", "/home/someone/.cache/uruk"),
        ("XDG_CACHE_HOME", str(tmp_path), f"{tmp_path}/uruk"),
        ("URUK_CACHE_DIR", "own", "own"),
    ):
        monkeypatch.delenv("URUK_CACHE_DIR", raising=False)
        monkeypatch.setenv(name, value)
        cache = cache_from_environment()
        assert cache is not None
        assert (str(cache.folder), cache.limit) == (folder, 1 << 30)
    monkeypatch.setenv("URUK_CACHE", "0")
    assert cache_from_environment() is None


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("4096", 4096), ("3K", 3072), ("2gb", 2 << 30), ("1T", 1 << 40)])
def test_sizes(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("URUK_CACHE_SIZE", text)
    cache = cache_from_environment()
    assert cache is not None
    assert cache.limit == size


@pytest.mark.parametrize("text", ["much", "-1", "1.5G", "K", "²"])
def test_sizes_that_are_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("URUK_CACHE_SIZE", text)
    with pytest.raises(uruk.UrukError, match="is not a size: give bytes"):
        cache_from_environment()


def test_a_cache_of_no_size_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("URUK_CACHE_SIZE", "0")
    assert [compile_text(TEXT, compiler="gcc").cached for _ in range(2)] == [False, False]
    assert entries(tmp_path / "cache") == []
