"""The life of a use of owned units, pair by pair."""

from itertools import product

import pytest

from settlement.channels import Channel
from settlement.retirement import ComplianceUse, RetirementPurpose, Use, UseId
from settlement.use import LIFE, Offset, OtherUse, OwnedUse, UseState, UseStep
from settlement.values import AccountId, AssetCode, ParticipantId
from tests.life import goes_only_where_drawn

DRAWN = {
    (UseState.HELD, UseStep.INSTRUCT): UseState.RETIRING,
    (UseState.HELD, UseStep.WITHDRAW): UseState.WITHDRAWN,
    (UseState.RETIRING, UseStep.COMPLETE): UseState.COMPLETED,
    (UseState.RETIRING, UseStep.REFUSE): UseState.REFUSED,
    (UseState.RETIRING, UseStep.ASK_AGAIN): UseState.RETIRING,
}
LAKE = Use(purpose=RetirementPurpose.DAMAGE_COMPENSATION, beneficiary="a lake")


def use(matter: Offset | OtherUse) -> OwnedUse:
    return OwnedUse(
        use_id=UseId("offset-1"),
        account=AccountId("enid"),
        entity=ParticipantId("enid"),
        client_id="u",
        instrument=AssetCode("U"),
        quantity_tonnes=1,
        matter=matter,
        accepted_at_ns=1,
        instruct_at_ns=1,
    )


@pytest.mark.parametrize(("state", "step"), list(product(UseState, UseStep)))
def test_the_table_is_as_drawn(state: UseState, step: UseStep) -> None:
    one = use(OtherUse(use=LAKE, slices=()))
    one.state = state
    goes_only_where_drawn(one, step, DRAWN)
    assert LIFE == DRAWN


def test_what_is_over_is_over() -> None:
    over = {UseState.COMPLETED, UseState.REFUSED, UseState.WITHDRAWN}
    assert not any(state in over for state, _ in LIFE)
    assert {step for (state, step), after in LIFE.items() if after is UseState.WITHDRAWN} == {
        UseStep.WITHDRAW
    }
    assert (UseState.RETIRING, UseStep.WITHDRAW) not in LIFE  # once asked, no way back


def test_a_use_says_what_it_is_for() -> None:
    compliance = ComplianceUse(compliance_year=2025, beneficiary="enid")
    offset = use(Offset(compliance=compliance, eligible=()))
    assert (offset.channel, offset.compliance_year, offset.terms, offset.donated_to) == (
        Channel.COMPLIANCE_OFFSET,
        2025,
        compliance,
        None,
    )
    other = use(OtherUse(use=LAKE, slices=(), donated_to=AccountId("wendy")))
    assert (other.channel, other.compliance_year, other.terms, other.donated_to) == (
        Channel.DAMAGE_COMPENSATION,
        None,
        LAKE,
        "wendy",
    )
