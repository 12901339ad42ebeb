"""Code that was removed by force though other code refers to it: using it says so, and reaches nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk.spawning import emulator

from support.compiling import Compile

BASE = "int base(int x) { return x; } int second(int x) { return x + 1; } int table[8192] = {[5000] = 7};"
TOP = """
extern int base(int), second(int), table[];
int (*kept)(int) = second;
int direct(int x) { return base(x) + 1; }
int tail(int x) { return second(x); }
int pointer(int x) { return kept(x) + 1; }
int data(int x) { return table[5000] + x; }
"""
OTHER = """
int replaced(int x) { return 66; } int replaced_too(int x) { return 67; } int other_table[8192] = {[5000] = 9};
"""
USES = {"direct": "base", "tail": "second", "pointer": "second", "data": "table"}
FLAGS = {"pic": ["-fPIC"], "noplt": ["-fPIC", "-fno-plt"], "nopic": ["-fno-pic"], "large": ["-fPIC", "-mcmodel=large"]}


@pytest.fixture
def cc(tmp_path: Path) -> Compile:
    return Compile(tmp_path)


@pytest.fixture(params=["shared", "wire"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(executor=uruk.spawn(shared_memory=request.param == "shared")) as one:
        yield one


def crash(jit: uruk.LLJIT, name: str) -> uruk.ExecutorCrashed:
    """What the call of a user of removed code raises, with other code linked meanwhile."""
    address = jit.lookup(name).address
    return_value = jit.executor.call(address, 1)
    assert 0 < return_value < 10
    assert base_of(jit).remove(force=True).memory > 0
    for number in range(3):
        jit.add_source(text=OTHER.replace("replaced", f"r{number}_").replace("other", f"o{number}_"), language="c")
        jit.lookup(f"r{number}_")
    with pytest.raises(uruk.ExecutorCrashed) as caught:
        jit.executor.call(address, 1)
    return caught.value


def base_of(jit: uruk.LLJIT) -> uruk.ResourceTracker:
    return next(one for one in jit.session.trackers.values() if "base" in one.name)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("flags", FLAGS)
def test_in_a_child(cc: Compile, jit: uruk.LLJIT, use: str, flags: str) -> None:
    jit.add_object(cc(BASE, *FLAGS[flags], name="base"))
    jit.add_object(cc(TOP, *FLAGS[flags], "-O1", name="top"))
    error = crash(jit, use)
    assert error.signal == signal.SIGSEGV
    assert error.removed.startswith(f"`{USES[use]}' of ")
    assert error.removed.endswith("base.o")
    assert f"as code used {error.removed}, which was removed" in str(error)


@pytest.mark.parametrize("use", USES)
def test_on_aarch64(use: str) -> None:
    if not emulator("aarch64-linux"):
        pytest.fail("qemu-aarch64 is missing: apt-get install qemu-user")
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as jit:
        jit.add_source(text=BASE, language="c", tracker=jit.main.create_tracker("base.o"))
        jit.add_source(text=TOP, language="c", flags=["-O1"])
        assert crash(jit, use).removed == f"`{USES[use]}' of base.o"


IN_PROCESS = """
import sys
import uruk
jit = uruk.LLJIT()
base, top, other = (jit.add_source(text=text, language="c") for text in sys.argv[2:])
call = jit.lookup(sys.argv[1]).function("int(int)")
assert call(1) < 10
base.remove(force=True)
jit.lookup("replaced")
print(call(1))
"""


def test_in_process() -> None:
    """The use of a removed variable ends the process; calls are in test_removed_calls.py."""
    command = [sys.executable, "-c", IN_PROCESS, "data", BASE, TOP, OTHER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGSEGV
    assert done.stdout == ""
    assert done.stderr == "uruk: code used `table' of <c text 1>, which was removed\n"


@pytest.mark.parametrize("where", ["here", "shared", "wire"])
def test_the_addresses_come_back_with_the_last_user(cc: Compile, where: str) -> None:
    """And mappings with them; code that is linked there runs."""
    executor = None if where == "here" else uruk.spawn(shared_memory=where == "shared")
    with uruk.LLJIT(executor=executor) as jit:
        keeper = jit.add_source(text="int keeper = 1;", language="c")
        jit.lookup("keeper")

        def used() -> int:
            return sum(slab.used for slab in jit.executor.memory.slabs)

        def cycle() -> int:
            base = jit.add_object(cc(BASE, name="base"))
            top = jit.add_object(cc(TOP, name="top"))
            address = jit.lookup("direct").address
            assert jit.executor.call(address, 1) == 2
            before = used()
            base.remove(force=True)
            assert used() == before  # nobody gets it
            assert jit.session.withheld.name(address) == ""
            top.remove()
            return address

        first, places = used(), {cycle() for _ in range(5)}
        assert used() == first
        assert len(places) == 1
        assert not keeper.removed


def test_users_of_each_other(cc: Compile, jit: uruk.LLJIT) -> None:
    a = jit.add_object(cc("extern int g(int); int f(int x) { return x ? g(x - 1) : 0; }", name="a"))
    b = jit.add_object(cc("extern int f(int); int g(int x) { return x ? f(x - 1) : 0; }", name="b"))
    jit.lookup("f")
    before = sum(slab.used for slab in jit.executor.memory.slabs)
    a.remove(force=True)
    assert b.remove(force=True).objects == 1
    assert sum(slab.used for slab in jit.executor.memory.slabs) < before
    assert jit.session.withheld.name(0x1000) == ""


def test_a_refusal_does_not_recommend_force(cc: Compile, jit: uruk.LLJIT) -> None:
    base = jit.add_object(cc(BASE, name="base"))
    jit.add_object(cc(TOP, name="top"))
    jit.lookup("direct")
    with pytest.raises(uruk.InUse) as caught:
        base.remove()
    assert "force" not in str(caught.value)
