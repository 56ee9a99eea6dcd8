"""The life of a retirement: every pair of state and step, those in the table and those absent."""

from itertools import product

import pytest

from settlement.retirement import LIFE, Retirement, RetirementId, RetirementState, RetirementStep
from tests.life import goes_only_where_drawn
from tests.settlement.house import BUYER, EVENT, UNITS

INSTRUCTED, REFUSED = RetirementState.INSTRUCTED, RetirementState.REFUSED
EXPECTED = {
    (INSTRUCTED, RetirementStep.COMPLETE): RetirementState.COMPLETED,
    (INSTRUCTED, RetirementStep.REFUSE): REFUSED,
    (REFUSED, RetirementStep.RETRY): INSTRUCTED,
}


def retirement(state: RetirementState) -> Retirement:
    return Retirement(
        retirement_id=RetirementId("trade-1"),
        account=BUYER,
        instrument=UNITS,
        quantity_tonnes=1,
        use=EVENT,
        state=state,
    )


@pytest.mark.parametrize(("state", "step"), list(product(RetirementState, RetirementStep)))
def test_a_retirement_goes_only_where_the_table_says(state: RetirementState, step: RetirementStep) -> None:
    goes_only_where_drawn(retirement(state), step, EXPECTED)


def test_the_table_has_nothing_else() -> None:
    assert LIFE == EXPECTED


def test_what_is_completed_stays_so() -> None:
    assert not any(state is RetirementState.COMPLETED for state, _ in LIFE)
