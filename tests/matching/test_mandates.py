"""Mandates (Measures 2023, Art. 30): who may act for another, what ends with a mandate, and that nobody deals with itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from matching.commands import AdvanceTime, CancelOrder, CancelOrders, ReplaceOrder, SubmitOrder
from matching.events import Event, OrderAccepted, OrderCancelled, Rejected
from matching.exchange import Exchange
from matching.negotiated_commands import NegotiationCommand
from matching.negotiated_events import NegotiatedTransferExecuted, NegotiatedTransferRejected
from matching.order import CancelReason, OrderId, Side
from matching.safety_commands import KillScope
from settlement.commands import RequestWithdrawal
from settlement.mandate import (
    ActedByMandate,
    MandatedAction,
    MandateEnd,
    MandateEnded,
    MandateGranted,
    MandateId,
)
from settlement.values import AccountId, ParticipantId
from tests.matching.driver import (
    OLGA,
    Driver,
    adopt,
    approve,
    cancel,
    cancel_all,
    change,
    order,
    replace_order,
    withdrawal,
)
from tests.matching.mandate_claims import DORA, entrusted, grant, market, revoke
from tests.matching.negotiating import confirm, counter, file, say_no, take_back
from tests.matching.test_safety import lift, throw

BUY, SELL = Side.BUY, Side.SELL


Asked: TypeAlias = (
    SubmitOrder | ReplaceOrder | CancelOrder | CancelOrders | RequestWithdrawal | NegotiationCommand
)


def by_dora(command: Asked) -> Asked:
    return replace(command, participant=DORA)


def code(events: tuple[Event, ...]) -> str | None:
    return next((event.code for event in events if isinstance(event, Rejected)), None)


def reload(driver: Driver) -> None:
    state = driver.exchange.dump()
    driver.exchange = Exchange.load(state)
    assert driver.exchange.dump() == state


def test_who_is_entrusted_acts_for_the_owner_and_both_are_named() -> None:
    driver, mandate_id = entrusted("trade")
    events = driver.accepted(by_dora(order("anna", SELL, 10, 6_800)))
    note = ActedByMandate(
        mandate_id=MandateId(mandate_id), account=AccountId("anna"), participant=DORA, client_id="o"
    )
    assert events[0] == note
    accepted = events[1]
    assert isinstance(accepted, OrderAccepted) and accepted.account == "anna"
    reload(driver)
    moved = replace_order("anna", driver.seq, price_fen=6_900, client_id="r")
    assert isinstance(driver.accepted(by_dora(moved))[0], ActedByMandate)
    undone = by_dora(cancel("anna", accepted.order_id))
    assert driver.accepted(undone)[0] == replace(note, client_id=None)


def test_the_owner_acts_without_being_noted() -> None:
    driver, _ = entrusted("trade")
    assert isinstance(driver.accepted(order("anna", SELL, 10, 6_800))[0], OrderAccepted)


EVERYTHING: list[tuple[str, Callable[[], Asked]]] = [
    ("trade", lambda: order("anna", SELL, 10, 6_800)),
    ("trade", lambda: replace_order("anna", 1, price_fen=6_900)),
    ("negotiate", lambda: file("anna", SELL, 10, 6_800, "ben")),
    ("negotiate", lambda: confirm("anna", 1, "x")),
    ("negotiate", lambda: counter("anna", 1, 10, 6_800)),
    ("negotiate", lambda: say_no("anna", 1)),
    ("negotiate", lambda: take_back("anna", 1)),
    ("transfer", lambda: withdrawal("anna", 1)),
]


@pytest.mark.parametrize(("action", "command"), EVERYTHING, ids=map(str, range(len(EVERYTHING))))
def test_only_what_was_entrusted_may_be_done(action: str, command: Callable[[], Asked]) -> None:
    assert code(market().do(by_dora(command()))) == "not_your_account"
    others = [other.value for other in MandatedAction if other.value != action]
    driver, _ = entrusted(*others)
    before = driver.exchange.dump()
    events = driver.do(by_dora(command()))
    assert events == (Rejected(code="not_mandated", limit=", ".join(sorted(others)), actual=action),)
    assert replace(driver.exchange.dump(), seq=before.seq, at_ns=before.at_ns) == before
    driver, _ = entrusted(action)
    assert code(driver.do(by_dora(command()))) not in {"not_mandated", "not_your_account"}


@pytest.mark.parametrize("command", [cancel("anna", 1), cancel_all("anna")], ids=["one", "all"])
def test_orders_are_taken_back_by_whom_trading_is_entrusted_to_alone(
    command: CancelOrder | CancelOrders,
) -> None:
    theirs = by_dora(command)
    assert code(market().do(theirs)) == "not_your_account"
    assert code(entrusted("offset")[0].do(theirs)) == "not_mandated"
    assert code(entrusted("trade")[0].do(theirs)) in {"order_not_open", None}


def test_a_revoked_mandate_is_over_at_once_and_takes_what_is_not_filled_with_it() -> None:
    driver, mandate_id = entrusted("trade")
    driver.accepted(by_dora(order("anna", SELL, 10, 6_900)))
    theirs = OrderId(driver.seq)
    own = driver.sell("anna", 5, 6_900)
    driver.buy("ben", 4, 6_900)
    events = driver.accepted(revoke(mandate_id))
    assert events[0] == MandateEnded(
        mandate_id=MandateId(mandate_id),
        account=AccountId("anna"),
        participant=DORA,
        end=MandateEnd.REVOKED,
        operator=ParticipantId(OLGA),
        reason="asked for",
    )
    (cancelled,) = [event for event in events if isinstance(event, OrderCancelled)]
    assert (cancelled.order_id, cancelled.remaining_tonnes) == (theirs, 6)
    assert cancelled.reason is CancelReason.MANDATE_ENDED
    assert list(driver.exchange.trading.open_orders) == [own]
    assert code(driver.do(by_dora(order("anna", SELL, 1, 6_900, client_id="late")))) == "not_your_account"
    assert code(driver.do(revoke(mandate_id))) == "mandate_unknown"


def test_a_mandate_ends_when_its_time_comes_whoever_is_looking() -> None:
    driver, mandate_id = entrusted("trade")
    driver.accepted(by_dora(order("anna", SELL, 10, 6_900)))
    until_ns = driver.exchange.depository.mandates.in_force[MandateId(mandate_id)].until_ns
    assert driver.exchange.next_change_ns == until_ns
    reload(driver)
    assert driver.do(AdvanceTime(), until_ns - 1) == ()
    events = driver.do(by_dora(order("anna", SELL, 1, 6_900, client_id="late")), until_ns)
    assert isinstance(events[0], MandateEnded) and events[0].end is MandateEnd.EXPIRED
    assert any(isinstance(event, OrderCancelled) for event in events)
    assert code(events) == "not_your_account"


def test_what_another_mandate_still_covers_stays() -> None:
    driver, first = entrusted("trade")
    driver.accepted(grant(driver, "trade", "negotiate", hours=2))
    driver.accepted(by_dora(order("anna", SELL, 10, 6_900)))
    assert len(driver.accepted(revoke(first))) == 1
    assert len(driver.exchange.trading.open_orders) == 1


@pytest.mark.parametrize("rule", ["reject_incoming", "cancel_resting"])
def test_nobody_trades_with_itself_through_a_mandate(rule: str) -> None:
    driver, _ = entrusted("trade", self_trade=rule)
    driver.accepted(by_dora(order("anna", SELL, 10, 6_800)))
    events = driver.order("dora", BUY, 10, 6_800)
    if rule == "reject_incoming":
        assert code(events) == "self_trade"
    else:
        (cancelled,) = [event for event in events if isinstance(event, OrderCancelled)]
        assert cancelled.reason is CancelReason.SELF_TRADE


def test_an_owners_own_order_is_another_hands_than_its_delegates_for_somebody_else() -> None:
    driver, _ = entrusted("trade")
    driver.accepted(grant(driver, "trade", account="ben"))
    own = driver.sell("anna", 3, 6_700)
    assert driver.exchange.trading.open_orders[own].actor is None
    bought = driver.accepted(by_dora(order("ben", BUY, 3, 6_700, client_id="b")))
    assert code(bought) is None
    driver.accepted(by_dora(order("anna", SELL, 3, 6_700, client_id="theirs")))
    both = driver.do(by_dora(order("ben", BUY, 3, 6_700, client_id="both")))
    assert code(both) == "self_trade", "one hand on both sides"


def test_nobody_negotiates_with_itself_through_mandates() -> None:
    driver = market()
    for account in ("anna", "ben"):
        driver.accepted(grant(driver, "negotiate", account=account))
    assert code(driver.do(by_dora(file("anna", SELL, 10, 6_800, "dora")))) == "same_beneficial_owner"
    driver.accepted(by_dora(file("anna", SELL, 10, 6_800, "ben", client_id="f")))
    transfer_id = driver.seq
    terms_hash = driver.exchange.negotiation.transfers.under_way[transfer_id].terms.hash  # type: ignore[index]
    assert code(driver.do(by_dora(confirm("ben", transfer_id, terms_hash)))) == "same_beneficial_owner"
    events = driver.accepted(confirm("ben", transfer_id, terms_hash, client_id="own"))
    assert any(isinstance(event, NegotiatedTransferExecuted) for event in events)


def test_a_proposal_nobody_answered_ends_with_its_mandate_and_an_owners_does_not() -> None:
    driver, mandate_id = entrusted("negotiate")
    driver.accepted(by_dora(file("anna", SELL, 10, 6_800, "ben")))
    theirs = driver.seq
    driver.accepted(file("anna", SELL, 10, 6_800, "ben", client_id="own"))
    reload(driver)
    (ended,) = [
        event
        for event in driver.accepted(revoke(mandate_id))
        if isinstance(event, NegotiatedTransferRejected)
    ]
    assert (ended.transfer_id, ended.code) == (theirs, "not_mandated")


def test_granting_waits_for_a_second_person_where_the_rule_book_says_so_and_revoking_never() -> None:
    driver = market(two_person_acts="grant_mandate")
    waiting = grant(driver, "trade")
    driver.accepted(waiting)
    assert code(driver.do(by_dora(order("anna", SELL, 1, 6_800)))) == "not_your_account"
    reload(driver)
    events = driver.accepted(approve(driver.seq - 1))
    granted = next(event for event in events if isinstance(event, MandateGranted))
    assert granted.mandate.mandate_id == driver.seq
    assert (granted.operator, granted.reason) == (OLGA, "deed 7")
    driver.accepted(revoke(driver.seq))


def test_only_whom_the_rules_name_can_be_entrusted() -> None:
    driver = market(mandate_kinds="scenario_applicant")
    assert code(driver.do(grant(driver))) == "delegate_not_admitted"
    driver.accepted(adopt(change("mandate_kinds", "project_applicant", driver.at_ns)))
    assert code(driver.do(grant(driver))) is None


def test_a_participants_switch_stops_what_it_does_for_others_and_what_others_do_for_it() -> None:
    driver, _ = entrusted("trade")
    driver.accepted(by_dora(order("anna", SELL, 10, 6_800)))
    own = driver.accepted(order("anna", SELL, 10, 6_850, client_id="own"))
    events = driver.accepted(throw(KillScope.PARTICIPANT, DORA))
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [(event.account, event.reason) for event in cancelled] == [("anna", CancelReason.KILL_SWITCH)]
    refused = driver.do(by_dora(order("anna", SELL, 1, 6_800, client_id="p")))
    assert refused == (Rejected(code="kill_switch_on", limit=None, actual=DORA),)
    driver.accepted(order("anna", SELL, 1, 6_850, client_id="mine"))
    assert next(event for event in own if isinstance(event, OrderAccepted)).order_id in open_orders(driver)
    driver.accepted(lift(KillScope.PARTICIPANT, DORA))
    driver.accepted(by_dora(order("anna", SELL, 1, 6_800, client_id="q")))
    driver.accepted(throw(KillScope.PARTICIPANT, "anna"))
    assert not open_orders(driver)
    assert code(driver.do(by_dora(order("anna", SELL, 1, 6_800, client_id="r")))) == "kill_switch_on"


def open_orders(driver: Driver) -> set[OrderId]:
    return set(driver.exchange.trading.open_orders)
