"""A preview tells what the order itself is told a moment later, whatever the rules, the day and the account are doing."""

from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

import pytest

from gateway.engine.entry import Entry
from gateway.engine.views.order_previews import OrderPreview, Seen, preview
from gateway.engine.views.views import Views
from matching.commands import AdvanceTime, Command, SubmitOrder
from matching.events import Event, OrderAccepted, Rejected, Replayed
from matching.exchange import Exchange
from matching.order import Side
from matching.rejections import (
    ACCOUNT_RESTRICTED,
    KIND_NOT_ADMITTED,
    LISTING_HALTED,
    LISTING_UNKNOWN,
    PHASE_CLOSED,
    POSITION_LIMIT_EXCEEDED,
    PRICE_NOT_ON_TICK,
    PRICE_OUTSIDE_BAND,
    QUANTITY_ABOVE_MAXIMUM,
    QUANTITY_BELOW_MINIMUM,
    QUANTITY_NOT_IN_LOTS,
    SELF_TRADE,
)
from matching.safety_rejections import KILL_SWITCH_ON
from matching.state import Stamp
from settlement.custody_rejections import ACCOUNT_FROZEN
from settlement.events import Bucket, Posted
from settlement.rejections import INSUFFICIENT_CASH, INSUFFICIENT_UNITS, USE_MALFORMED, USE_OF_A_SALE
from settlement.retirement import RetirementPurpose, Use
from settlement.use_rejections import ACCOUNT_EARMARKED, CHANNEL_NOT_ALLOWED
from tests.matching import test_rejections, test_use_rejections
from tests.matching.driver import Driver, order
from tests.reference.market import Market
from tests.simulation.hostile import Hostile

EVENT = Use(purpose=RetirementPurpose.VOLUNTARY_OFFSET, beneficiary="a marathon")

Case: TypeAlias = Callable[[], tuple[Driver, Command]]

OF_THE_REQUEST = frozenset(
    {
        "account_unknown",
        "not_your_account",
        "not_mandated",
        "personal_data_restricted",
        "client_id_reused",
        "deadline_passed",
    }
)
"""Refusals of who asks, when and under which id: a preview is not asked about those."""


PRE_TRADE = (
    LISTING_UNKNOWN,
    PHASE_CLOSED,
    LISTING_HALTED,
    KILL_SWITCH_ON,
    ACCOUNT_RESTRICTED,
    ACCOUNT_FROZEN,
    KIND_NOT_ADMITTED,
    ACCOUNT_EARMARKED,
    CHANNEL_NOT_ALLOWED,
    USE_OF_A_SALE,
    USE_MALFORMED,
    PRICE_NOT_ON_TICK,
    QUANTITY_BELOW_MINIMUM,
    QUANTITY_ABOVE_MAXIMUM,
    QUANTITY_NOT_IN_LOTS,
    PRICE_OUTSIDE_BAND,
    POSITION_LIMIT_EXCEEDED,
    INSUFFICIENT_CASH,
    INSUFFICIENT_UNITS,
    SELF_TRADE,
)


class Life:
    """A hostile life in the core, followed by the views; each order is previewed before it is submitted."""

    def __init__(self, seed: int) -> None:
        self.reference = Market()
        self.hostile = Hostile(seed, self.reference)
        self.exchange, self.views = Exchange(), Views()
        self.seq = 0
        self.met: Counter[str] = Counter()

    def do(self, command: Command, at_ns: int) -> tuple[Event, ...]:
        self.seq += 1
        events = self.exchange.apply(command, Stamp(seq=self.seq, at_ns=at_ns))
        self.reference.do(command, self.seq, at_ns)
        self.views.apply([Entry(self.seq, at_ns, command, events)])
        return events

    def step(self) -> None:
        command, at_ns = self.hostile.next()
        if not isinstance(command, SubmitOrder):
            self.do(command, at_ns)
            return
        # What the passing of time brings is no part of what an order is judged by: let it happen first.
        self.do(AdvanceTime(), at_ns)
        account = self.views.account(command.account)
        foretold = None if account is None else preview(self.views, account, command, at_ns)
        if account is not None:
            self.compare_circumstances(Seen(self.views, account, command.participant, command.listing, at_ns))
        there_fen = 0 if account is None else account.cash.available
        events = self.do(command, at_ns)
        refusals = [event for event in events if isinstance(event, Rejected)]
        if any(isinstance(event, Replayed) for event in events) or (
            refusals and refusals[0].code in OF_THE_REQUEST
        ):
            return
        assert foretold is not None, command
        self.compare(foretold, events, refusals, there_fen if command.side is Side.BUY else foretold.needed)

    def compare(
        self, foretold: OrderPreview, events: tuple[Event, ...], refusals: list[Rejected], there: int
    ) -> None:
        """`there` is what can be held at once; of a purchase the rest is still to come for what was sold."""
        refused = foretold.refused
        told = [(one.code, one.limit, one.actual) for one in refusals]
        assert told == ([] if refused is None else [(refused.code, refused.limit, refused.actual)])
        self.met["accepted" if refused is None else refused.code] += 1
        if refused is not None:
            return
        at = next(number for number, event in enumerate(events) if isinstance(event, OrderAccepted))
        held = events[at + 1]
        if isinstance(held, Posted):
            assert (held.to_bucket, held.amount) == (Bucket.HELD, min(foretold.needed, there))
            assert foretold.needed <= foretold.available
        assert foretold.fee_fen <= foretold.turnover_fen

    def compare_circumstances(self, seen: Seen) -> None:
        """Positions and locks are rarely what refuses an order: look at them directly."""
        depository, account = self.exchange.depository, seen.account
        for code in depository.instruments:
            balance = account.balance(code)
            name = next(known for known in depository.accounts if known == account.account)
            assert balance.sellable == depository.sellable(name, code)
            here = Seen(self.views, account, seen.actor, code, seen.at_ns)
            assert here.position_tonnes == depository.position(name, code)


def test_a_preview_is_what_the_order_is_answered_whatever_life_brings() -> None:
    met: Counter[str] = Counter()
    for seed in range(10):
        life = Life(seed)
        for _ in range(900):
            life.step()
        met += life.met
    assert met["accepted"] > 50
    assert met["insufficient_cash"] > 50
    assert len(met) > 10


def cases_of(code: str) -> list[tuple[str, Case]]:
    """How the core's own tests bring this refusal about, and a purchase that its class may not serve."""
    found = [(one.name, one.case) for one in test_rejections.CLAIMS if one.code == code]
    found += [(one.name, one.case) for one in test_use_rejections.CLAIMS if one.code == code]
    return (
        [*found, ("a purchase", a_purchase_its_class_may_not_serve)]
        if code == "channel_not_allowed"
        else found
    )


def a_purchase_its_class_may_not_serve() -> tuple[Driver, Command]:
    driver = test_rejections.market()
    driver.adopt(use_channels="I: compliance_offset")
    return driver, order("ben", Side.BUY, 10, 6_800, use=EVENT)


@pytest.mark.parametrize("code", [reason.code for reason in PRE_TRADE])
def test_every_refusal_of_an_order_is_foretold(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entries: list[Entry] = []
    plain_do = Driver.do

    def do(driver: Driver, command: Command, at_ns: int | None = None) -> tuple[Event, ...]:
        events = plain_do(driver, command, at_ns)
        entries.append(Entry(driver.seq, driver.at_ns, command, events))
        return events

    monkeypatch.setattr(Driver, "do", do)
    foretold = 0
    for name, case in cases_of(code):
        entries.clear()
        driver, command = case()
        if not isinstance(command, SubmitOrder):
            continue
        views = Views()
        views.apply(entries)
        account = views.account(command.account)
        assert account is not None, command
        refused = preview(views, account, command, driver.at_ns).refused
        (told,) = (event for event in driver.do(command) if isinstance(event, Rejected))
        assert refused is not None, name
        assert (refused.code, refused.limit, refused.actual) == (told.code, told.limit, told.actual)
        assert refused.code == code
        foretold += 1
    assert foretold, f"no order is refused with {code}"
