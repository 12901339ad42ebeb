"""Count the calls of a function in code that knows nothing of it: a pass leads them through a counter."""

from __future__ import annotations

import sys

import uruk
from uruk.passes import editing
from uruk.passes.state import State

PROGRAM = """
__attribute__((noipa)) int work(int x) { return 3 * x; }
int run(int n) { int sum = 0; for (int i = 0; i < n; i++) sum += work(i); return sum; }
"""
COUNTER = """
int work(int);
static int calls;
int counted(int x) { calls++; return work(x); }
int count(void) { return calls; }
"""


def count_calls(state: State) -> None:
    """Redirect the calls of `work`, but for the counter's own."""
    work = editing.symbol_row(state, "work")
    if work is None:
        return
    calls = editing.edges_to(state, work, branches=True)
    calls = calls[state.objects_of(calls) != editing.object_row(state, "counter.c")]
    if calls.size:
        editing.redirect(state, calls, editing.add_reference(state, "counted"))


with uruk.LLJIT(executor=uruk.spawn() if "child" in sys.argv else None) as jit:
    jit.add_pass("post-prune", count_calls)
    jit.add_source(text=PROGRAM, language="c", name="program.c", flags=["-O1", "-g"])
    jit.add_source(text=COUNTER, language="c", name="counter.c", flags=["-O1", "-g"])
    jit.lookup("counted")
    print(jit.run(10), jit.count(), "calls")
