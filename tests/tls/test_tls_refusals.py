"""References to thread-locals that no storage can satisfy: who is at fault, where, and what to do about it."""

from __future__ import annotations

import pytest

import uruk
from uruk.passes.faults import Fault

from support.compiling import Compile
from support.linking import Batch, batch

pytestmark = pytest.mark.quick

WIDE = "static __thread int wide __attribute__((aligned({align}))) = 1; int *{name}(void) {{ return &wide; }}"
MODELS = {"local-exec": ("-fno-pie",), "initial-exec": ("-fPIC", "-ftls-model=initial-exec")}


def only(one: Batch) -> Fault:
    """The one fault of a batch."""
    (fault,) = one.faults().faults
    return fault


@pytest.mark.parametrize("model", MODELS)
def test_static_code_of_a_module_that_is_aligned_too_widely(model: str, cc: Compile) -> None:
    """Thread pointers are multiples of 64; the other module has its own storage and links."""
    flags = (*MODELS[model], f"-ftls-model={model}", "-O1")
    fitting = cc(WIDE.format(align=64, name="fitting"), *flags, name="fitting")
    wide = cc(WIDE.format(align=128, name="bad"), *flags, name="bad")
    with batch(fitting, wide) as pair:
        fault = only(pair)
        assert fault.objects.tolist() == [1]
        error = fault.error(pair.mask())
        assert isinstance(error, uruk.TLSError)
        assert str(error).startswith("bad.o:(.text+0x")
        assert f"{model} code refers to `wide', but thread-locals of its module are aligned to 128" in str(error)
        assert "thread pointers only to 64" in str(error)
        assert "compile with -fPIC" in str(error)
    with batch(fitting) as alone:
        alone.link()


def test_code_that_finds_its_variable_by_a_call_may_be_aligned_as_it_likes(cc: Compile) -> None:
    with batch(cc(WIDE.format(align=4096, name="f"), "-fPIC", "-ftls-model=global-dynamic")) as one:
        one.link()


@pytest.mark.parametrize("first", [True, False])
def test_an_ordinary_reference_names_the_definition(first: bool, cc: Compile) -> None:
    """Wherever in the batch the object with the definition is."""
    user = cc("extern int x; int *get(void) { return &x; }", name="user")
    paths = [cc("__thread int x = 3;", name="defines"), user]
    with batch(*(paths if first else reversed(paths))) as pair:
        fault = only(pair)
        assert fault.objects.tolist() == [1 if first else 0]
        assert "`x' is thread-local in defines.o, but this code takes it for an ordinary one" in str(
            fault.error(pair.mask())
        )


def test_a_thread_local_reference_names_the_definition(cc: Compile) -> None:
    """In the very first section of the batch, too."""
    user = cc("extern __thread int x; int get(void) { return x; }", name="user")
    with batch(cc(".text\n.globl x\nx: .quad 0\n", language="s", name="plain"), user) as pair:
        fault = only(pair)
        assert fault.objects.tolist() == [1]
        assert "`x' is not thread-local in plain.o, but this code takes it for one" in str(fault.error(pair.mask()))
