"""The life of a claim: every pair of state and decision, those in the table and those absent."""

from itertools import product

import pytest

from settlement.claim import LIFE, ClaimDecision, ClaimState

OPEN, FROZEN = ClaimState.OPEN, ClaimState.FROZEN
EXPECTED = {
    (OPEN, ClaimDecision.DISMISS): ClaimState.DISMISSED,
    (OPEN, ClaimDecision.COMPENSATE): ClaimState.COMPENSATED,
    (OPEN, ClaimDecision.FREEZE): FROZEN,
    (OPEN, ClaimDecision.REMOVE): ClaimState.REMOVED,
    (FROZEN, ClaimDecision.DISMISS): ClaimState.DISMISSED,
    (FROZEN, ClaimDecision.COMPENSATE): ClaimState.COMPENSATED,
    (FROZEN, ClaimDecision.REMOVE): ClaimState.REMOVED,
}


@pytest.mark.parametrize(("state", "decision"), list(product(ClaimState, ClaimDecision)))
def test_a_claim_is_decided_only_as_the_table_says(state: ClaimState, decision: ClaimDecision) -> None:
    assert LIFE.get((state, decision)) == EXPECTED.get((state, decision))


def test_what_is_decided_for_good_is_not_decided_again() -> None:
    ends = {ClaimState.DISMISSED, ClaimState.COMPENSATED, ClaimState.REMOVED}
    assert not [pair for pair in LIFE if pair[0] in ends]
    assert set(LIFE.values()) == ends | {FROZEN}
