"""Lazy functions in another process: compiled and linked there when they are called first, from whatever thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import uruk

CALLER = r"""
#include <pthread.h>
int square(int);
int twice(int x) { return 2 * square(x); }
static void *run(void *x) { return (void *)(long)square((int)(long)x); }
int in_a_thread(int x) {
    pthread_t thread;
    void *result;
    if (pthread_create(&thread, 0, run, (void *)(long)x)) return -1;
    pthread_join(thread, &result);
    return (int)(long)result;
}
"""


@pytest.fixture(params=[True, False], ids=["shared", "wire"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(executor=uruk.spawn(shared_memory=request.param)) as one:
        yield one


@pytest.mark.parametrize("function", ["twice", "in_a_thread"])
def test_made_when_called(jit: uruk.LLJIT, function: str) -> None:
    jit.add_source(text="int square(int x) { return x * x; }", language="c", symbols=["square"], lazy=True)
    jit.add_source(text=CALLER, language="c")
    call = jit.lookup(function).function("int(int)")
    assert "'state': 'pending'" in str(jit.session.describe()) or "pending" in jit.session.dump()
    expected = 98 if function == "twice" else 49
    assert [call(7), call(7)] == [expected, expected]


def test_failure_is_seen(jit: uruk.LLJIT) -> None:
    """What cannot be made ends the process, with the error on its way."""
    jit.add_source(
        text="int missing(int); int square(int x) { return missing(x); }", language="c", symbols=["square"], lazy=True
    )
    jit.add_source(text=CALLER, language="c")
    call = jit.lookup("twice").function("int(int)")
    with pytest.raises(uruk.ExecutorCrashed):
        call(7)
    assert [name for name, _ in jit.lazy_errors] == ["square"]
