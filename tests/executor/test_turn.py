"""A turn that another thread looks at, as it may have been left behind."""

from __future__ import annotations

import threading

import pytest

from uruk.executor.turn import Turn

PATIENCE = 10.0


class Looking:
    """Code that holds a turn: whether some is on a stack is asked in the middle of the look."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __contains__(self, code: object) -> bool:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        return self.answer


@pytest.mark.quick
@pytest.mark.parametrize("held", [True, False])
def test_a_turn_that_is_given_back_while_it_is_looked_at(held: bool) -> None:
    holders = Looking(held)
    turn = Turn(holders)
    assert turn.take_at_once()
    looks = threading.Thread(target=turn.take_from_the_gone)
    looks.start()
    assert holders.begun.wait(PATIENCE)
    turn.give()
    holders.may_end.set()
    looks.join()
    taken: list[bool] = []
    other = threading.Thread(target=lambda: taken.append(turn.take_at_once()))
    other.start()
    other.join()
    assert taken == [True]
