"""The life of a removal: every pair of state and step, those in the table and those absent."""

from itertools import product

import pytest

from settlement.removal import LIFE, RemovalState, RemovalStep

EXPECTED = {
    (RemovalState.WAITING, RemovalStep.ASK): RemovalState.INSTRUCTED,
    (RemovalState.INSTRUCTED, RemovalStep.COMPLETE): RemovalState.COMPLETED,
    (RemovalState.INSTRUCTED, RemovalStep.REFUSE): RemovalState.REFUSED,
    (RemovalState.REFUSED, RemovalStep.RETRY): RemovalState.WAITING,
}


@pytest.mark.parametrize(("state", "step"), list(product(RemovalState, RemovalStep)))
def test_a_removal_goes_only_where_the_table_says(state: RemovalState, step: RemovalStep) -> None:
    assert LIFE.get((state, step)) == EXPECTED.get((state, step))


def test_from_everywhere_but_the_end_there_is_a_way_on() -> None:
    assert {state for state, _ in LIFE} == set(RemovalState) - {RemovalState.COMPLETED}
