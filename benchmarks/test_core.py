"""How long the pure core takes for one command of each kind, and for whole recorded flows.

Times are of this process's own processor time, and each is told also as a multiple of storing into a plain dictionary,
measured in the same run: a ratio says more than microseconds when machines differ. Nothing here asserts a speed.

    .venv/bin/pytest benchmarks/test_core.py --benchmark-only --timeout=0
"""

from collections.abc import Callable, Generator
from dataclasses import replace
from random import Random
from statistics import median
from time import process_time, process_time_ns
from typing import Any

import pytest

from benchmarks.flow import KINDS, OPENINGS, record
from benchmarks.founding import CLASS_ONE, OPENS_NS, REFERENCE_FEN, founding
from benchmarks.replay import command_of
from matching.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from matching.events import Event, OrderCancelled, OrderReplaced, OrderRested, Traded
from matching.exchange import Exchange
from matching.order import OrderId, Side, TimeInForce
from matching.state import Stamp
from settlement.values import AccountId, ParticipantId

RESTING = (10, 1_000, 100_000)
ROUNDS = 2_000
FLOW_COMMANDS = 20_000
TOUCH_FEN = 10
"""Resting orders keep that far from the reference price, so that the middle is free for what is measured."""

pytestmark = pytest.mark.benchmark(timer=process_time, warmup=False)


class Bench:
    """A founded exchange with orders resting on both sides, and a hand that stamps its commands."""

    def __init__(self, resting: int) -> None:
        self.exchange = Exchange()
        self.seq = 0
        self.random = Random(resting)
        for command in founding(OPENINGS["busy"]):
            self.do(command)
        for _ in range(resting):
            self.do(self.resting_order())

    def do(self, command: Command) -> tuple[Event, ...]:
        return self.exchange.apply(command, self.stamp())

    def stamp(self) -> Stamp:
        self.seq += 1
        return Stamp(seq=self.seq, at_ns=OPENS_NS + self.seq)

    def order(
        self, trader: int, side: Side, price_fen: int, tonnes: int, *, ioc: bool = False
    ) -> SubmitOrder:
        return SubmitOrder(
            participant=ParticipantId(f"t{trader:02}"),
            account=AccountId(f"t{trader:02}"),
            client_id=f"c{self.seq}",
            listing=CLASS_ONE,
            side=side,
            price_fen=price_fen,
            quantity_tonnes=tonnes,
            time_in_force=TimeInForce.IOC if ioc else TimeInForce.DAY,
        )

    def resting_order(self) -> SubmitOrder:
        away_fen = self.random.randrange(TOUCH_FEN, REFERENCE_FEN // 10)
        side = self.random.choice((Side.BUY, Side.SELL))
        price_fen = REFERENCE_FEN - away_fen if side is Side.BUY else REFERENCE_FEN + away_fen
        return self.order(self.random.randrange(1, 21), side, price_fen, self.random.randrange(1, 10))

    def cancel(self, order: SubmitOrder, order_id: int) -> CancelOrder:
        return CancelOrder(participant=order.participant, account=order.account, order_id=OrderId(order_id))

    def replace(
        self,
        order: SubmitOrder,
        order_id: int,
        *,
        price_fen: int | None = None,
        quantity_tonnes: int | None = None,
    ) -> ReplaceOrder:
        return ReplaceOrder(
            participant=order.participant,
            account=order.account,
            client_id=f"r{self.seq}",
            order_id=OrderId(order_id),
            price_fen=price_fen,
            quantity_tonnes=quantity_tonnes,
        )


Prepared = tuple[tuple[Command, Stamp], dict[str, Any]]


def rest(bench: Bench) -> Generator[Command, None, None]:
    """An order that meets nobody and rests; taken out again before the next."""
    while True:
        order = bench.resting_order()
        try:
            yield order
        finally:
            bench.do(bench.cancel(order, bench.seq))


def match(bench: Bench) -> Generator[Command, None, None]:
    """An order that fills the one order at the best price, and is filled by it."""
    while True:
        bench.do(bench.order(1, Side.SELL, REFERENCE_FEN, 5))
        yield bench.order(2, Side.BUY, REFERENCE_FEN, 5)


def cancel(bench: Bench) -> Generator[Command, None, None]:
    """One resting order taken back."""
    while True:
        order = bench.resting_order()
        bench.do(order)
        yield bench.cancel(order, bench.seq)


def replace_in_place(bench: Bench) -> Generator[Command, None, None]:
    """A resting order made smaller at its price: it keeps its place. Taken out again before the next."""
    while True:
        order = replace(bench.resting_order(), quantity_tonnes=10)
        bench.do(order)
        order_id = bench.seq
        try:
            yield bench.replace(order, order_id, quantity_tonnes=6)
        finally:
            bench.do(bench.cancel(order, order_id))


def replace_anew(bench: Bench) -> Generator[Command, None, None]:
    """A resting order moved by a fen away from the middle: it comes anew, behind the others there. Taken out again."""
    while True:
        order = bench.resting_order()
        bench.do(order)
        order_id = bench.seq
        away_fen = -1 if order.side is Side.BUY else 1
        try:
            yield bench.replace(order, order_id, price_fen=order.price_fen + away_fen)
        finally:
            bench.do(bench.cancel(order, order_id))


def ioc(bench: Bench) -> Generator[Command, None, None]:
    """An order that takes what the best price has, and lets go of the rest of itself."""
    while True:
        bench.do(bench.order(1, Side.SELL, REFERENCE_FEN, 5))
        yield bench.order(2, Side.BUY, REFERENCE_FEN, 8, ioc=True)


OPERATIONS: dict[Callable[[Bench], Generator[Command, None, None]], type[Event]] = {
    rest: OrderRested,
    match: Traded,
    cancel: OrderCancelled,
    replace_in_place: OrderReplaced,
    replace_anew: OrderRested,
    ioc: OrderCancelled,
}
"""Each kind of command, and the event that shows it did what it is called."""


@pytest.fixture(scope="module", params=RESTING, ids=lambda resting: f"{resting}-resting")
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_one_command(
    benchmark: Any, bench: Bench, operation: Callable[[Bench], Generator[Command, None, None]]
) -> None:
    commands = operation(bench)

    def prepare() -> Prepared:
        command = next(commands)
        return (command, bench.stamp()), {}

    events = benchmark.pedantic(bench.exchange.apply, setup=prepare, rounds=ROUNDS)
    assert any(isinstance(event, OPERATIONS[operation]) for event in events), events
    commands.close()  # leaves the book as it was found
    benchmark.extra_info["resting_orders"] = len(bench.exchange.trading.open_orders)
    tell_ratio(benchmark)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_whole_flow(benchmark: Any, kind: str) -> None:
    stamped = stamped_flow(kind)

    def prepare() -> tuple[tuple[Exchange], dict[str, Any]]:
        exchange = Exchange()
        for seq, command in enumerate(founding(OPENINGS[kind]), 1):
            exchange.apply(command, Stamp(seq=seq, at_ns=OPENS_NS))
        return (exchange,), {}

    def play(exchange: Exchange) -> int:
        return sum(len(exchange.apply(command, stamp)) for command, stamp in stamped)

    events = benchmark.pedantic(play, setup=prepare, rounds=3)
    assert events > FLOW_COMMANDS
    benchmark.extra_info["events_per_command"] = events / FLOW_COMMANDS
    if benchmark.stats is not None:
        benchmark.extra_info["commands_per_second"] = round(FLOW_COMMANDS / benchmark.stats.stats.min)
    tell_ratio(benchmark, FLOW_COMMANDS)


def stamped_flow(kind: str) -> list[tuple[Command, Stamp]]:
    """A flow's commands as the sequencer would stamp them. An order's id is the number of its command."""
    founded = sum(1 for _ in founding(OPENINGS[kind]))
    order_ids: dict[tuple[str, str], OrderId] = {}
    stamped: list[tuple[Command, Stamp]] = []
    for seq, line in enumerate(record(kind, FLOW_COMMANDS, seed=1), founded + 1):
        if "cancel" not in line:
            order_ids.setdefault((line["account"], line["client_order_id"]), OrderId(seq))
        stamp = Stamp(seq=seq, at_ns=OPENS_NS + line["at_us"] * 1_000)
        stamped.append((command_of(line, order_ids), stamp))
    return stamped


def tell_ratio(benchmark: Any, commands: int = 1) -> None:
    """Add what a plain dictionary takes here and now, and how many times that one command is."""
    if benchmark.stats is None:  # measuring is switched off
        return
    dict_ns = dict_store_ns()
    benchmark.extra_info["dict_store_ns"] = round(dict_ns, 1)
    benchmark.extra_info["times_a_dict_store"] = round(
        benchmark.stats.stats.median / commands * 1e9 / dict_ns, 1
    )


def dict_store_ns() -> float:
    """Nanoseconds to replace one of a hundred thousand values, the loop around it included."""
    keys = [f"key-{number}" for number in range(100_000)]
    Random(1).shuffle(keys)
    table = dict.fromkeys(keys, 0)
    measured = []
    for _ in range(5):
        began_ns = process_time_ns()
        for key in keys:
            table[key] = 1
        measured.append((process_time_ns() - began_ns) / len(keys))
    return median(measured)
