"""What readers and accounts are told of replaced orders, halts, restrictions, undone trades and waiting acts."""

from typing import Any

import orjson
import pytest

from gateway.engine.codec import StateCodec
from gateway.engine.told import account_events
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders
from gateway.engine.views.views import Views, ViewsState
from matching.commands import (
    AdoptRules,
    AnyAct,
    ApproveAct,
    BustTrade,
    CloseDay,
    DeclineAct,
    HaltTrading,
    LiftRestriction,
    ReplaceOrder,
    RestrictAccount,
    ResumeTrading,
)
from matching.events import Rejected, Traded
from matching.order import OrderId, Side
from matching.rulebook import Certainty, RuleChange
from settlement.values import AccountId, ParticipantId, TradeId
from tests.gateway.engine.test_engine_views import Read
from tests.gateway.engine.world import DAY, LISTING, START_NS, confirmations, engine, order

FIRST, SECOND = ParticipantId("first"), ParticipantId("second")


class Told(Read):
    """A core followed by the views and by the account log, as the journal writes it."""

    def __init__(self) -> None:
        self.orders = OpenOrders()
        self.negotiations = Negotiations()
        self.lines: list[tuple[str, str, dict[str, Any]]] = []
        super().__init__()

    def do(self, *commands: Any) -> Any:
        entries = super().do(*commands)
        for entry in entries:
            for account, kind, body in account_events.render(entry, self.orders, self.negotiations):
                self.lines.append((account, kind, orjson.loads(body)))
            self.orders.take_ended()
            self.exchange.check()
        return entries

    def refuses(self, command: Any) -> str:
        (entry,) = self.do(command)
        assert isinstance(entry.events[-1], Rejected)
        return entry.events[-1].code

    def act(self, act: AnyAct) -> int:
        """Do it, with a second person's word if one is needed; its approval, if there was one."""
        (entry,) = self.do(act)
        assert not isinstance(entry.events[-1], Rejected), entry.events
        if entry.seq in self.views.approvals:
            self.do(ApproveAct(operator=SECOND, approval_id=entry.seq))
        return int(entry.seq)

    def rule(self, parameter: str, value: int | str) -> None:
        change = RuleChange(
            parameter=parameter,
            value=value,
            effective_from_ns=START_NS + self.seq + 1,
            source="a test",
            certainty=Certainty.OFFICIAL,
        )
        self.act(AdoptRules(operator=FIRST, reason="a test", changes=(change,)))

    def trade(self, price_fen: int, quantity_tonnes: int) -> TradeId:
        self.do(order("seller", Side.SELL, price_fen, quantity_tonnes))
        (entry,) = self.do(order("buyer", Side.BUY, price_fen, quantity_tonnes))
        return next(event.trade_id for event in entry.events if isinstance(event, Traded))

    def bought_today(self) -> int:
        buyer = self.views.account("buyer")
        assert buyer is not None
        return buyer.units[LISTING].bought_today

    def told(self, account: str) -> tuple[str, dict[str, Any]]:
        """The last line of an account's log."""
        return next((kind, body) for name, kind, body in reversed(self.lines) if name == account)


@pytest.fixture
def read() -> Told:
    return Told()


def replacing(
    order_id: int, client_id: str, *, price_fen: int | None = None, quantity_tonnes: int | None = None
) -> ReplaceOrder:
    return ReplaceOrder(
        participant=ParticipantId("buyer-person"),
        account=AccountId("buyer"),
        client_id=client_id,
        order_id=OrderId(order_id),
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
    )


def test_the_book_follows_replaced_orders_level_by_level(read: Told) -> None:
    (entry,) = read.do(order("buyer", Side.BUY, 6_700, 10))
    read.do(replacing(entry.seq, "r1", quantity_tonnes=4))
    (change,) = read.views.depth_changes
    assert change.bids == ((6_700, 4),)
    assert read.told("buyer")[1]["kept_priority"] is True
    read.do(replacing(entry.seq, "r2", price_fen=6_750))
    (change,) = read.views.depth_changes
    assert change.bids == ((6_750, 4), (6_700, 0))
    read.do(order("seller", Side.SELL, 6_800, 3))
    read.do(replacing(entry.seq, "r3", price_fen=6_800, quantity_tonnes=9))
    (change,) = read.views.depth_changes
    assert (change.bids, change.asks) == (((6_800, 6), (6_750, 0)), ((6_800, 0),))
    view = read.views.order(entry.seq)
    assert view is not None
    assert (view.price_fen, view.quantity_tonnes, view.remaining_tonnes, view.filled_tonnes) == (
        6_800,
        9,
        6,
        3,
    )
    assert (view.status, view.turnover_fen) == ("partially_filled", 3 * 6_800)


def test_a_replaced_order_is_told_with_all_that_its_answer_needs(read: Told) -> None:
    (entry,) = read.do(order("buyer", Side.BUY, 6_700, 10, client_id="mine"))
    read.do(order("seller", Side.SELL, 6_700, 3))
    read.do(replacing(entry.seq, "r1", price_fen=6_750, quantity_tonnes=8))
    kind, body = read.told("buyer")
    assert kind == account_events.ORDER_REPLACED
    assert body == {
        "order_id": str(entry.seq),
        "client_order_id": "mine",
        "participant": "buyer-person",
        "listing": LISTING,
        "side": "buy",
        "price": "67.50",
        "quantity": "8",
        "remaining": "5",
        "status": "partially_filled",
        "time_in_force": "day",
        "created_at": "2026-11-23T10:00:00.000000+08:00",
        "price_before": "67.00",
        "remaining_before": "7",
        "kept_priority": False,
        "turnover": "201.00",
    }


def test_halts_are_the_listings_or_the_markets(read: Told) -> None:
    read.act(HaltTrading(operator=FIRST, reason="market", listing=None))
    halt = read.views.halt_of(LISTING)
    assert halt is not None
    assert (halt.listing, halt.reason, halt.at_ns) == (None, "market", START_NS + read.seq)
    read.act(HaltTrading(operator=FIRST, reason="listing", listing=LISTING))
    halt = read.views.halt_of(LISTING)
    assert halt is not None
    assert halt.reason == "listing"
    read.act(ResumeTrading(operator=FIRST, reason="over", listing=None))
    assert set(read.views.halts) == {LISTING}
    read.act(ResumeTrading(operator=FIRST, reason="over", listing=LISTING))
    assert read.views.halt_of(LISTING) is None


def test_a_restriction_is_seen_on_the_account_and_in_its_log(read: Told) -> None:
    read.do(order("buyer", Side.BUY, 6_700, 10))
    read.act(RestrictAccount(operator=FIRST, reason="inquiry", account=AccountId("buyer")))
    view = read.views.account("buyer")
    assert view is not None
    assert view.restriction is not None
    assert view.restriction.reason == "inquiry"
    assert view.cash.held == 0
    kinds = [(kind, body.get("reason")) for account, kind, body in read.lines if account == "buyer"]
    assert kinds[-2:] == [("account_restricted", "inquiry"), ("order_cancelled", "restricted")]
    read.act(LiftRestriction(operator=FIRST, reason="cleared", account=AccountId("buyer")))
    again = read.views.account("buyer")
    assert again is not None
    assert again.restriction is None
    assert read.told("buyer") == ("restriction_lifted", {"reason": "cleared"})


def test_an_undone_trade_leaves_no_trace_in_balances_and_prices(read: Told) -> None:
    before = [read.views.account(name) for name in ("seller", "buyer")]
    cash = [view.cash.available for view in before if view is not None]
    first = read.trade(6_800, 10)
    second = read.trade(6_900, 5)
    assert read.bought_today() == 15
    read.act(BustTrade(operator=FIRST, reason="typing error", trade_id=second))
    listing = read.views.listings[LISTING]
    assert (listing.last_fen, listing.high_fen, listing.volume_tonnes, listing.trades) == (
        6_800,
        6_800,
        10,
        1,
    )
    assert read.bought_today() == 10
    read.act(BustTrade(operator=FIRST, reason="typing error", trade_id=first))
    assert (listing.last_fen, listing.open_fen, listing.volume_tonnes, listing.turnover_fen) == (
        None,
        None,
        0,
        0,
    )
    assert (read.bought_today(), listing.trades) == (0, 0)
    assert [view.cash.available for view in before if view is not None] == cash
    for account, side in (("buyer", "buy"), ("seller", "sell")):
        kind, body = read.told(account)
        assert (kind, body["trade_id"], body["side"], body["reason"]) == (
            "trade_busted",
            str(first),
            side,
            "typing error",
        )


def test_units_bought_today_stay_so_after_delivery_until_the_date_rolls(read: Told) -> None:
    read.rule("settlement_cycle", "as_traded")
    read.do(order("seller", Side.SELL, 6_800, 10))
    entries = read.do(order("buyer", Side.BUY, 6_800, 10))
    read.do(*confirmations(entries))
    buyer = read.views.account("buyer")
    assert buyer is not None
    assert (buyer.units[LISTING].available, read.bought_today()) == (10, 10)
    assert read.refuses(order("buyer", Side.SELL, 6_900, 1)) == "insufficient_units"


def test_where_resale_is_free_nothing_counts_as_bought_today(read: Told) -> None:
    before = read.trade(6_800, 10)
    read.rule("resale_next_day", "no")
    free = read.trade(6_800, 5)
    assert read.bought_today() == 10
    for trade_id, left in ((free, 10), (before, 0)):
        read.act(BustTrade(operator=FIRST, reason="x", trade_id=trade_id))
        assert read.bought_today() == left


def test_a_large_holder_is_told_when_the_threshold_is_passed(read: Told) -> None:
    read.rule("large_holder_alerts", "institution 12")
    read.trade(6_800, 10)
    assert "large_holder_noted" not in {kind for _, kind, _ in read.lines}
    read.trade(6_800, 3)
    body = next(body for account, kind, body in read.lines if kind == "large_holder_noted")
    assert body == {"listing": LISTING, "position": "13", "threshold": "12"}


def test_what_waits_is_listed_until_it_is_decided(read: Told) -> None:
    trade_id = read.trade(6_800, 10)
    bust = BustTrade(operator=FIRST, reason="typing error", trade_id=trade_id)
    first, second = (read.do(bust)[0].seq for _ in range(2))
    assert [(view.approval_id, view.act, view.subject) for view in read.views.approvals.values()] == [
        (first, "bust_trade", str(trade_id)),
        (second, "bust_trade", str(trade_id)),
    ]
    read.do(DeclineAct(operator=FIRST, approval_id=first, reason="once is enough"))
    assert list(read.views.approvals) == [second]
    read.do(ApproveAct(operator=SECOND, approval_id=second))
    assert not read.views.approvals


def test_a_snapshot_of_the_views_tells_all_of_it(read: Told) -> None:
    read.rule("two_person_acts", "halt, bust_trade")
    read.do(HaltTrading(operator=FIRST, reason="waits", listing=LISTING))
    read.act(RestrictAccount(operator=FIRST, reason="inquiry", account=AccountId("buyer2")))
    read.trade(6_800, 10)
    read.rule("resale_next_day", "no")
    free = read.trade(6_800, 5)
    read.act(HaltTrading(operator=FIRST, reason="market", listing=None))
    states = StateCodec(ViewsState)
    raw = states.encode(read.views.dump())
    again = Views(state=states.decode(raw))
    assert states.encode(again.dump()) == raw
    assert again.halt_of(LISTING) == read.views.halt_of(LISTING)
    assert again.approvals == read.views.approvals
    read.views = again
    read.act(BustTrade(operator=FIRST, reason="x", trade_id=free))
    assert read.bought_today() == 10


async def test_an_undone_trade_is_kept_with_its_reason_and_the_rows_hold(database: str) -> None:
    async with engine(database) as made:
        await made.set_up()
        await made.do(order("seller", Side.SELL, 6_800, 10), order("buyer", Side.BUY, 6_800, 10))
        (asked,) = await made.do(BustTrade(operator=FIRST, reason="typing error", trade_id=TradeId(1)))
        await made.do(ApproveAct(operator=SECOND, approval_id=asked.seq))
        (entry,) = await made.do(order("buyer", Side.BUY, 6_700, 10))
        (changed,) = await made.do(replacing(entry.seq, "r1", price_fen=6_750, quantity_tonnes=6))
        told = await made.history.account_event("buyer", changed.seq, account_events.ORDER_REPLACED)
        assert told is not None
        assert orjson.loads(told.body)["price"] == "67.50"
        assert await made.history.account_event("buyer", changed.seq, "order_accepted") is None
        trade = await made.history.trade(1)
        assert trade is not None
        assert (trade.settlement, trade.failure, trade.lots) == ("busted", "typing error", ())
        await made.do(CloseDay(trading_day=DAY))
    async with engine(database) as again:
        view = again.views.order(entry.seq)
        assert view is not None
        assert (view.price_fen, view.quantity_tonnes) == (6_750, 6)
