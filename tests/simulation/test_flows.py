"""Recorded flows: the same bytes each time, the statistics they promise, and the core doing what the reference does."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.flow import DEMO_OPENINGS, OPENINGS, record
from benchmarks.founding import OPENS_NS, Openings, founding
from benchmarks.lines import Line, fen, read, write, yuan
from benchmarks.replay import EndState, RestingOrder, command_of, play
from matching.events import OrderAccepted, Rejected, Traded
from matching.exchange import Exchange
from matching.order import OrderId, Side
from matching.state import Stamp
from settlement.values import CASH, AccountId, AssetCode

LINES = 3_000


@pytest.fixture(scope="module", params=["busy", "thin"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def flow(kind: str) -> list[Line]:
    return list(record(kind, LINES, seed=1))


def test_the_same_seed_gives_the_same_bytes(kind: str, flow: list[Line], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("first", "second", "other")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        assert write(path, record(kind, LINES, seed)) == LINES
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second != other
    assert gzip.decompress(first).count(b"\n") == LINES
    assert list(read(paths[0])) == flow


def test_time_never_runs_backwards(flow: list[Line]) -> None:
    times_us = [line["at_us"] for line in flow]
    assert times_us == sorted(times_us)


def test_a_busy_book_cancels_most_of_its_orders() -> None:
    flow = list(record("busy", 10_000, seed=3))
    end = play(flow, OPENINGS["busy"])
    sent = Counter("cancel" if "cancel" in line else line["time_in_force"] for line in flow)
    cancelled = end.outcomes.count("cancelled")
    assert 0.80 <= cancelled / (sent["day"] - len(end.open_orders)) <= 0.92
    assert 0.10 <= sent["ioc"] / sent["day"] <= 0.18
    assert 500 <= len(end.open_orders) <= 1_200


def test_a_thin_market_waits_and_makes_mistakes() -> None:
    flow = list(record("thin", 5_000, seed=3))
    outcomes = Counter(play(flow, OPENINGS["thin"]).outcomes)
    sent = Counter("cancel" if "cancel" in line else line["time_in_force"] for line in flow)
    assert sent["day"] > 0.85 * len(flow)
    assert 0.05 <= sent["cancel"] / len(flow) <= 0.10
    assert {"price_outside_band", "quantity_above_maximum", "replayed", "self_trade"} <= set(outcomes)


def test_prices_are_written_as_the_api_writes_them() -> None:
    assert [yuan(price_fen) for price_fen in (1, 6_805, 10_000)] == ["0.01", "68.05", "100.00"]
    assert all(fen(yuan(price_fen)) == price_fen for price_fen in range(1, 20_000, 7))


def test_the_core_ends_where_the_reference_ends(kind: str, flow: list[Line]) -> None:
    assert played_by_core(flow, OPENINGS[kind]) == play(flow, OPENINGS[kind])


def test_accounts_that_run_out_end_alike() -> None:
    flow = list(record("thin", LINES, seed=5))
    end = play(flow, DEMO_OPENINGS)
    assert end.outcomes.count("insufficient_units") > 100
    assert played_by_core(flow, DEMO_OPENINGS) == end


def played_by_core(flow: list[Line], openings: Openings) -> EndState:
    """The end state of the real core."""
    exchange, seq = Exchange(), 0
    for command in founding(openings):
        seq += 1
        exchange.apply(command, Stamp(seq=seq, at_ns=OPENS_NS))
    state, order_ids = EndState(), dict[tuple[str, str], OrderId]()
    for line in flow:
        seq += 1
        stamp = Stamp(seq=seq, at_ns=OPENS_NS + line["at_us"] * 1_000)
        events = exchange.apply(command_of(line, order_ids), stamp)
        if isinstance(events[0], OrderAccepted) and "cancel" not in line:
            order_ids[line["account"], line["client_order_id"]] = OrderId(seq)
        state.outcomes.append(outcome_of(events[0]))
        state.trades += [
            (event.listing, event.price_fen, event.quantity_tonnes, event.buyer, event.seller)
            for event in events
            if isinstance(event, Traded)
        ]
    exchange.check()
    return stand_of(exchange, openings, state)


def outcome_of(event: object) -> str:
    if isinstance(event, Rejected):
        return event.code
    return {"OrderAccepted": "accepted", "OrderCancelled": "cancelled", "Replayed": "replayed"}[
        type(event).__name__
    ]


def stand_of(exchange: Exchange, openings: Openings, state: EndState) -> EndState:
    """Fill in how the core stands."""
    codes = list(exchange.trading.markets)
    for role in openings:
        state.cash[role] = amounts_of(exchange, role, CASH)
        state.units[role] = {code: amounts_of(exchange, role, code) for code in codes}
    for order in exchange.trading.open_orders.values():
        state.open_orders[order.account, order.client_order_id] = RestingOrder(
            account=order.account,
            listing=order.listing,
            side=order.side.value,
            price_fen=order.price_fen,
            remaining_tonnes=order.remaining_tonnes,
        )
    for code, market in exchange.trading.markets.items():
        state.depth[code] = {side.value: market.book.depth(side, 10**6) for side in Side}
    return state


def amounts_of(exchange: Exchange, account: str, asset: AssetCode) -> dict[str, int]:
    balance = exchange.depository.ledger.balance(AccountId(account), asset)
    return {"available": balance.available, "held": balance.held, "delivering": balance.delivering}
