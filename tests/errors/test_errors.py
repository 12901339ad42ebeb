"""Errors travel: each can be pickled (a pool of processes sends them) and copied, and tells the same afterwards."""

from __future__ import annotations

import copy
import pickle

import pytest

import uruk
from uruk.errors import Undefined

pytestmark = pytest.mark.quick

ERRORS: list[uruk.UrukError] = [
    uruk.UrukError("text"),
    uruk.ObjectFormatError("a.o", "section 3", "is wrong", 7),
    uruk.UndefinedSymbols([Undefined("_Z1fv", "f()", ("a.o:(.text+0x1)",), 2, "add -l m")]),
    uruk.DuplicateDefinition("f", "a.o", "b.o", 2),
    uruk.OutOfRange("a.o:(.text+0x1)", "Delta32", "f", 1 << 40, -5, 5, "S + A - P", "S = 1", "hint", 1),
    uruk.UnsupportedRelocation("a.o", "R_X86_64_99", "unknown", "hint"),
    uruk.TLSError("a.o", "too much", "hint", 4096),
    uruk.AliasCycle(["a", "b", "a"]),
    uruk.PassError("post-prune", "count_calls", "ValueError: text"),
    uruk.CompilerNotFound("C", ["cc", "gcc"]),
    uruk.CompileError("f.c", "gcc", "exit status 1", 1, "f.c:1: error"),
    uruk.MaterializationError("unit u", ["f", "g"], "raised"),
    uruk.WrongDefinitions("unit u", ["f"], ["g"]),
    uruk.MaterializationCycle(["unit a", "unit b", "unit a"]),
    uruk.LookupTimeout("lookup of f in main", ["unit u: for 1.0 s"]),
    uruk.LibraryNotFound("z", ["/lib"]),
    uruk.LibraryError("libz.so", "refused"),
    uruk.AllocationError("no memory"),
    uruk.InUse("a.o", ["b.o"]),
    uruk.RemovedCode("`f' of a.o"),
    uruk.ReleasedCallback("add"),
    uruk.InputNotFound("a.o", "file", "cannot be opened: No such file or directory"),
    uruk.InvalidValue("workers must be at least 1, got 0"),
    uruk.InvalidType("5 is not a symbol's name: it is neither text nor bytes"),
    uruk.SessionClosed("closed"),
    uruk.ExecutorError("refused"),
    uruk.ExecutorTimeout("too long"),
    uruk.ExecutorLost("gone"),
    uruk.ProtocolError("no message"),
    uruk.ExecutorCrashed(11, 0x10, 0x7F0000001234, "f+0x14 (a.o)"),
    uruk.UnknownTarget("pdp11-unix", ["x86_64-linux", "aarch64-linux"]),
    uruk.InternalError("bug"),
    uruk.MissingRuntime("aarch64-linux", "uruk-executor-aarch64-linux", ["x86_64-linux"], ["/lib"]),
    uruk.StaleRuntime("/lib/uruk_runtime-x86_64-linux.a"),
    uruk.InvalidAddress(0x10, 8, "read"),
    uruk.CppException("std::runtime_error", "no"),
    uruk.StaticsDiffer("b.o", ["`n' has 8 bytes, and had 4"], "make them anew"),
    uruk.NotReplaced("f", "a.o", ["f.constprop.0"]),
    uruk.FunctionGone("f", "b.o"),
]


def subclasses(kind: type[uruk.UrukError]) -> set[type[uruk.UrukError]]:
    return {kind}.union(*(subclasses(one) for one in kind.__subclasses__()))


def test_all_are_here() -> None:
    own = {one for one in subclasses(uruk.UrukError) if one.__module__ == "uruk.errors"}
    assert own - {type(one) for one in ERRORS} == {uruk.LinkError}


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
def test_there_and_back(error: uruk.UrukError) -> None:
    error.poisoned = ("user.o (f)",)
    error.others = (uruk.InUse("x.o", ["y.o"]),)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.poisoned == error.poisoned
        facts, before = dict(vars(again)), dict(vars(error))
        facts.pop("others")
        before.pop("others")
        assert facts == before
