"""Views of variables whose code is gone: errors, and no use of memory that other code has by then; and their copies."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

import uruk

from support.compiling import Compile

pytestmark = [pytest.mark.any_interpreter, pytest.mark.quick]

TEXT = """
struct point { int x, y; };
struct bits { unsigned a : 3; int b : 5; };
struct config { int x; struct point at; struct bits bits; struct point list[2]; int values[4]; };
struct config config = {1, {2, 3}, {4, 5}, {{6, 7}, {8, 9}}, {10, 11, 12, 13}};
struct bits many[2] = {{1, 2}, {3, 4}};
int get(void) { return config.x + config.at.x + config.bits.a + config.values[0] + many[1].a; }
int sum(const struct point *p) { return p->x + p->y; }
"""
EXECUTORS: dict[str, Callable[[], uruk.RemoteExecutor | None]] = {
    "here": lambda: None,
    "child": lambda: uruk.spawn(shared_memory=True),
    "by messages": lambda: uruk.spawn(shared_memory=False),
}


@pytest.mark.parametrize("place", EXECUTORS)
def test_views_of_removed_variables_raise(cc: Compile, place: str) -> None:
    with uruk.LLJIT(executor=EXECUTORS[place]()) as jit:
        first = jit.add_object(cc(TEXT, "-g"), "first.o")
        config, many, address = jit.config, jit.many, jit.lookup("config").address
        at, bits, item = config.at, config.bits, many[1]
        config.x = 7
        assert jit.get() == 7 + 2 + 4 + 10 + 3
        first.remove()
        jit.add_object(cc(TEXT, "-g"), "second.o")
        assert jit.lookup("config").address == address  # the views led there otherwise
        uses: list[Callable[[], object]] = [
            lambda: setattr(config, "x", 100),
            lambda: setattr(at, "x", 100),
            lambda: setattr(bits, "a", 0),
            lambda: setattr(item, "a", 0),
            lambda: setattr(config, "values", [100]),
            lambda: many.__setitem__(1, {"a": 0}),
            lambda: config.x,
            lambda: config.values,
            lambda: config.list[0],
            lambda: bytes(at),
            lambda: list(many[0]),
            lambda: config == copy.copy(config),
            lambda: jit.sum(at),
        ]
        for use in uses:
            with pytest.raises(uruk.RemovedCode, match=r"code used `(config|many)' of first.o, which was removed"):
                use()
        for view in (config, many):  # debuggers show them
            assert "which was removed" in repr(view)
        assert jit.get() == 1 + 2 + 4 + 10 + 3
        kept = jit.config
        kept.x = 2
        assert jit.get() == 2 + 2 + 4 + 10 + 3
    with pytest.raises((uruk.RemovedCode, uruk.SessionClosed)):
        kept.x = 3


def test_views_of_replaced_code_stay_with_their_variables(cc: Compile) -> None:
    with uruk.LLJIT() as jit:
        code = jit.add_object(cc(TEXT, "-g"), "first.o", replaceable=True)
        view, at, address = jit.config, jit.config.at, jit.lookup("config").address
        code.replace(cc(TEXT.replace("config.x +", "1000 + config.x +"), "-g"))
        jit.collect()
        assert jit.lookup("config").address == address
        view.x, at.x = 5, 6
        assert jit.get() == 1000 + 5 + 6 + 4 + 10 + 3
        code.remove()
        with pytest.raises(uruk.RemovedCode):
            view.x = 7


@pytest.mark.parametrize("place", EXECUTORS)
def test_copies_are_values(cc: Compile, place: str) -> None:
    """They lead to no session, which a copy would end with its memory."""
    with uruk.LLJIT(executor=EXECUTORS[place]()) as jit:
        code = jit.add_object(cc(TEXT, "-g"))
        for copied in (copy.copy, copy.deepcopy):
            value, items = copied(jit.config), copied(jit.many)
            jit.config.x += 1
            jit.many[0].a += 1
            assert (value.x, items[0].a) == (jit.config.x - 1, jit.many[0].a - 1)
            jit.config, jit.many = value, items
            assert jit.get() == 1 + 2 + 4 + 10 + 3
        for view in (jit.config, jit.many, value):
            with pytest.raises(uruk.InvalidType, match="not pickled"):
                pickle.dumps(view)
        owners = (jit, jit.session, jit.main, jit.memory, jit.executor, code, jit.callback("int(int)", abs))
        for owner in owners:
            for copies in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(uruk.InvalidType, match="neither copied nor pickled"):
                    copies(owner)
        assert jit.get() == 20
