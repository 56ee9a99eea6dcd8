"""Readers see what is durable, in full and no more than fits."""

import json
from dataclasses import replace
from typing import get_args

import pytest

from gateway.engine.entry import Entry
from gateway.engine.told.account_events import render
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders
from gateway.engine.views.views import Views
from matching.commands import AdvanceTime, Command, RetryRetirement
from matching.events import Event
from matching.exchange import Exchange
from matching.order import Side, TimeInForce
from matching.session import Phase
from matching.state import Stamp
from settlement.commands import Outcome
from settlement.retirement import RetirementId, RetirementPurpose, Use
from settlement.serials import Serials
from settlement.values import ParticipantId
from tests.gateway.engine.world import (
    CASH_FEN,
    LISTING,
    START_NS,
    UNITS,
    adopting,
    cancel,
    confirmations,
    order,
    setting_up,
)


class Read:
    """A core whose entries the views follow, one commit at a time."""

    def __init__(self, *, recent_orders: int = 100) -> None:
        self.exchange, self.views = Exchange(), Views(recent_orders=recent_orders)
        self.seq = 0
        entries = [entry for command in setting_up() for entry in self.do(command)]
        self.do(*confirmations(entries))

    def do(self, *commands: Command) -> list[Entry]:
        entries = []
        for command in commands:
            self.seq += 1
            stamp = Stamp(seq=self.seq, at_ns=START_NS + self.seq)
            entries.append(Entry(self.seq, stamp.at_ns, command, self.exchange.apply(command, stamp)))
        self.views.apply(entries)
        return entries


def test_every_event_has_its_place_in_the_views() -> None:
    assert Views()._handlers.keys() == set(get_args(Event))


def test_a_new_exchange_shows_what_was_set_up() -> None:
    read = Read()
    views = read.views
    assert views.position == read.seq
    assert (views.market.trading_day, views.market.phase, views.market.close) == (
        "2026-11-23",
        Phase.CONTINUOUS,
        None,
    )
    listing = views.listings[LISTING]
    assert (listing.reference_fen, listing.lower_fen, listing.upper_fen) == (6_800, 6_120, 7_480)
    assert (listing.last_fen, listing.volume_tonnes) == (None, 0)
    seller = views.account("seller")
    assert seller is not None
    assert (seller.owner, seller.registry_account) == ("seller-person", "R-seller")
    assert seller.units[LISTING].available == UNITS
    assert seller.withdrawable_fen == CASH_FEN
    (lot,) = views.lots("seller")
    assert (lot.serials, lot.quantity_tonnes, lot.available_tonnes) == (((1, UNITS + 1),), UNITS, UNITS)
    assert views.lots("buyer") == views.lots("nobody") == []
    assert views.account("nobody") is None
    rules = views.rules(START_NS, LISTING)
    assert rules is not None
    assert rules.tick_fen == 1
    assert views.participants.get("nobody") is None
    assert views.calendar.is_trading_day(views.market.trading_day)  # type: ignore[arg-type] # a str to readers


def test_a_book_is_followed_level_by_level() -> None:
    read = Read()
    read.do(order("seller", Side.SELL, 6_810, 5), order("seller", Side.SELL, 6_820, 5))
    read.do(order("seller", Side.SELL, 6_810, 3))
    read.do(order("buyer", Side.BUY, 6_790, 7))
    depth = read.views.depth(LISTING)
    assert depth.seq == 3
    assert depth.asks == ((6_810, 8), (6_820, 5))
    assert depth.bids == ((6_790, 7),)
    assert read.views.depth(LISTING, 1).asks == ((6_810, 8),)
    read.do(order("buyer2", Side.BUY, 6_815, 10))
    (change,) = read.views.depth_changes
    assert (change.seq, change.bids, change.asks) == (4, ((6_815, 2),), ((6_810, 0),))
    assert change.at_ns == START_NS + read.seq
    read.do(cancel("buyer2", read.seq))
    (change,) = read.views.depth_changes
    assert (change.seq, change.bids, change.asks) == (5, ((6_815, 0),), ())
    read.do(AdvanceTime())
    assert read.views.depth_changes == ()
    read.do(order("buyer2", Side.BUY, 6_815, 10, time_in_force=TimeInForce.IOC))
    assert read.views.depth_changes == ()
    with pytest.raises(KeyError):
        read.views.depth("OTHER")


def test_an_order_is_followed_from_acceptance_to_its_end() -> None:
    read = Read()
    (entry,) = read.do(order("seller", Side.SELL, 6_810, 5, client_id="mine"))
    view = read.views.order(entry.seq)
    assert view is not None
    assert (view.status, view.filled_tonnes, view.is_open, view.participant) == (
        "new",
        0,
        True,
        "seller-person",
    )
    assert read.views.order_by_client_id("seller", "mine") is view
    read.do(order("buyer", Side.BUY, 6_810, 2))
    assert (view.status, view.filled_tonnes, view.turnover_fen) == ("partially_filled", 2, 13_620)
    assert read.views.open_orders("seller") == (view,)
    read.do(cancel("seller", entry.seq))
    assert (view.status, view.remaining_tonnes, view.reason) == ("cancelled", 3, "requested")
    assert read.views.open_orders("seller") == ()
    assert read.views.order(entry.seq) is read.views.order_by_client_id("seller", "mine") is view
    listing = read.views.listings[LISTING]
    assert (listing.last_fen, listing.open_fen, listing.volume_tonnes, listing.turnover_fen) == (
        6_810,
        6_810,
        2,
        13_620,
    )
    buyer = read.views.account("buyer")
    assert buyer is not None
    assert buyer.units[LISTING].bought_today == 2
    assert buyer.cash.delivering == 13_620


def test_memory_of_ended_orders_is_bounded() -> None:
    read = Read(recent_orders=3)
    ended = []
    for number in range(10):
        (entry,) = read.do(
            order("buyer", Side.BUY, 6_700, 1, client_id=f"n{number}", time_in_force=TimeInForce.IOC)
        )
        ended.append(entry.seq)
    assert [read.views.order(seq) is not None for seq in ended] == [False] * 7 + [True] * 3
    assert read.views.order_by_client_id("buyer", "n6") is None
    assert read.views.order_by_client_id("buyer", "n7") is not None
    assert len(read.views._orders._by_client_id) == 3


# --- uses -----------------------------------------------------------------------------------------


USE = Use(purpose=RetirementPurpose.DONATION, beneficiary="a school", statement="in memory")


def bought_for_a_use(read: Read, *, resale_next_day: str = "no") -> list[Entry]:
    """Four of ten tonnes that are on sale are bought to be used, and delivered at once."""
    rules = (("fee_buyer_ppm", 800), ("settlement_cycle", "as_traded"), ("resale_next_day", resale_next_day))
    read.do(adopting(*rules, from_ns=START_NS + read.seq + 1))
    read.do(order("seller", Side.SELL, 6_800, 10))
    return read.do(*confirmations(read.do(order("buyer", Side.BUY, 6_800, 4, use=USE))))


def shown(read: Read) -> tuple[int, int, int, int]:
    account = read.views.account("buyer")
    assert account is not None
    units = account.units[LISTING]
    return units.available, units.delivering, units.retired, units.bought_today


def lots_shown(read: Read) -> list[tuple[Serials, int]]:
    return [(line.serials, line.available_tonnes) for line in read.views.lots("buyer")]


@pytest.mark.parametrize("resale_next_day", ["yes", "no"])
def test_units_bought_for_a_use_are_delivering_until_they_are_retired(resale_next_day: str) -> None:
    read = Read()
    delivered = bought_for_a_use(read, resale_next_day=resale_next_day)
    assert shown(read) == (0, 4, 0, 0)
    assert lots_shown(read) == [(((1, 5),), 0)]
    read.do(*confirmations(delivered))
    assert shown(read) == (0, 0, 4, 0)
    assert lots_shown(read) == []
    assert read.views.pending_instructions == {}


def test_a_refused_retirement_stays_allocated_until_it_is_asked_again() -> None:
    read = Read()
    delivered = bought_for_a_use(read)
    read.do(*(replace(one, outcome=Outcome.REFUSED, code="frozen") for one in confirmations(delivered)))
    for views in (read.views, Views(state=read.views.dump())):
        read.views = views
        assert shown(read) == (0, 4, 0, 0)
        assert lots_shown(read) == [(((1, 5),), 0)]
        assert Views(state=views.dump()).dump() == views.dump()
    retry = RetryRetirement(
        operator=ParticipantId("olga"), reason="thawed", retirement_id=RetirementId("trade-1")
    )
    asked = read.do(retry)
    assert lots_shown(read) == [(((1, 5),), 0)]
    read.do(*confirmations(asked))
    assert shown(read) == (0, 0, 4, 0)
    assert lots_shown(read) == []
    assert read.views.dump().accounts.refused_retirements == ()


def test_what_goes_to_the_fees_is_in_nobodys_account() -> None:
    read = Read()
    bought_for_a_use(read)
    buyer = read.views.account("buyer")
    assert buyer is not None
    assert (buyer.cash.available, buyer.cash.held, buyer.cash.delivering) == (CASH_FEN - 27_221, 0, 0)
    assert read.views.account("fees") is None


def test_owners_are_told_of_their_retirements() -> None:
    read = Read()
    delivered = bought_for_a_use(read)
    asked = confirmations(delivered)
    refused = read.do(*(replace(one, outcome=Outcome.REFUSED, code="frozen") for one in asked))
    retry = RetryRetirement(
        operator=ParticipantId("olga"), reason="thawed", retirement_id=RetirementId("trade-1")
    )
    completed = read.do(*confirmations(read.do(retry)))
    told = {
        "retirement_id": "trade-1",
        "listing": LISTING,
        "quantity": "4",
        "purpose": "donation",
        "beneficiary": "a school",
        "statement": "in memory",
    }
    ((account, kind, body),) = render(refused[0], OpenOrders(), Negotiations())
    assert (account, kind, json.loads(body)) == ("buyer", "retirement_refused", {**told, "reason": "frozen"})
    (account, kind, body), (_, certified, _) = render(completed[0], OpenOrders(), Negotiations())
    assert (account, kind, certified) == ("buyer", "retirement_completed", "certificate_issued")
    assert json.loads(body) == {**told, "lots": [{"lot": "LOT-1", "serials": [[1, 5]]}]}
