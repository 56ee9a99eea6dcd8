"""Records an order flow: `python -m benchmarks.flow --kind thin|busy --commands N --seed S --out FILE.jsonl.gz`.

The same kind, length and seed give the same bytes. Who sends what depends on what is open, so the flow is recorded
against the plain reference market; played again on the same openings it finds everything as it was.

`thin` imitates the listed market of a carbon product, a few hundred orders on a good day:
- four participants, one of whom sells almost everything, as an issue of reductions starts with its project's owner;
- limits scattered around the reference price (buyers lower, sellers higher), most of them on whole yuan or tenths;
- round sizes from 10 to 1,000 tonnes; day orders nearly always; one order in twelve taken back;
- the mistakes people make: prices outside the band, sizes above the maximum, the same request sent twice.

`busy` imitates one share on an electronic equity exchange:
- Poisson arrivals of limit orders, marketable orders and cancels, the cancels in proportion to what is open, so that
  the book finds its own size (Cont, Stoikov and Talreja, A stochastic model for order book dynamics, 2010);
- limits a geometric number of ticks from the touch, most of them at it or next to it;
- mostly round lots, and marketable orders (here immediate-or-cancel) that seldom walk through the book (Hautsch and
  Huang, Limit order flow, market impact and optimal order sizes: evidence from NASDAQ TotalView-ITCH data, 2011);
- 80 to 90 % of limit orders cancelled, a third of the cancels soon after the order (Hasbrouck and Saar, Technology
  and liquidity provision: the blurring of traditional definitions, 2009), some too late to find it open.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final, Literal

from benchmarks.founding import CLASS_ONE, CLASS_TWO, REFERENCE_FEN, Opening, Openings
from benchmarks.lines import CancelLine, Line, OrderLine, write, yuan
from benchmarks.replay import Player

BUSY_TRADERS: Final = tuple(f"t{number:02}" for number in range(1, 21))

OPENINGS: Final[dict[str, Openings]] = {
    "thin": {
        "seller": Opening(cash_fen=10_000_000, units_tonnes={CLASS_ONE: 20_000_000, CLASS_TWO: 20_000_000}),
        "buyer": Opening(cash_fen=200_000_000_000),
        "buyer2": Opening(cash_fen=200_000_000_000),
        "entity": Opening(
            cash_fen=200_000_000_000, units_tonnes={CLASS_ONE: 2_000_000, CLASS_TWO: 2_000_000}
        ),
    },
    "busy": {
        trader: Opening(cash_fen=100_000_000_000, units_tonnes={CLASS_ONE: 10_000_000})
        for trader in BUSY_TRADERS
    },
}
"""What the accounts of a flow must have so that cover is never what stops them, however long it is."""

DEMO_OPENINGS: Final[Openings] = {
    "seller": Opening(cash_fen=10_000_000, units_tonnes={CLASS_ONE: 100_000, CLASS_TWO: 50_000}),
    "buyer": Opening(cash_fen=1_000_000_000),
    "buyer2": Opening(cash_fen=1_000_000_000),
    "entity": Opening(cash_fen=1_000_000_000, units_tonnes={CLASS_ONE: 500, CLASS_TWO: 500}),
}
"""The same four as the demonstration has them: a long `thin` flow runs them out of cover, which is a test too."""

SideName = Literal["buy", "sell"]
TifName = Literal["day", "ioc", "fok"]


class Recorder:
    """Chance, the reference market the flow is recorded against, and the lines so far."""

    def __init__(self, kind: str, seed: int, mean_gap_us: int) -> None:
        """Nothing sent yet."""
        # Only `random()` of a seeded generator is promised to be the same in every version of Python.
        self._random = Random(f"{kind} {seed}").random
        self.player = Player(OPENINGS[kind])
        self._mean_gap_us = mean_gap_us
        self.at_us = 0
        self._sent = 0
        self.open: list[tuple[str, str]] = []
        """Orders that were open when last looked at, oldest first save where one was taken out."""

    def chance(self) -> float:
        """A number from 0 up to 1."""
        return self._random()

    def below(self, end: int) -> int:
        """A whole number from 0 up to that."""
        return int(self._random() * end)

    def geometric(self, stop: float) -> int:
        """How often one goes on, when each time one stops with that probability."""
        count = 0
        while self._random() >= stop:
            count += 1
        return count

    def one_of(self, *weighted: tuple[int, int]) -> int:
        """A value, by its weight out of the sum of all."""
        left = self.below(sum(weight for weight, _ in weighted))
        for weight, value in weighted:
            left -= weight
            if left < 0:
                return value
        raise AssertionError("the weights do not add up")

    def side(self) -> SideName:
        """Either."""
        return "buy" if self._random() < 0.5 else "sell"

    def order(
        self, account: str, listing: str, side: SideName, price_fen: int, tonnes: int, *, tif: TifName
    ) -> OrderLine:
        """An order, sent."""
        self._sent += 1
        line: OrderLine = {
            "at_us": self._later(),
            "account": account,
            "client_order_id": f"o{self._sent:07}",
            "listing": listing,
            "side": side,
            "type": "limit",
            "price": yuan(price_fen),
            "quantity": str(tonnes),
            "time_in_force": tif,
        }
        self.player.play(line)
        if self.player.is_open(account, line["client_order_id"]):
            self.open.append((account, line["client_order_id"]))
        return line

    def again(self, line: OrderLine) -> OrderLine:
        """The very same order once more, as a client does that has missed the answer."""
        repeated: OrderLine = {**line, "at_us": self._later()}
        self.player.play(repeated)
        return repeated

    def cancel(self, account: str, client_order_id: str) -> CancelLine:
        """A cancel, sent."""
        line: CancelLine = {"at_us": self._later(), "account": account, "cancel": client_order_id}
        self.player.play(line)
        return line

    def take_open(self, among_newest: int | None = None) -> tuple[str, str] | None:
        """An order that is open, by chance: of all, or of the newest. None when there is none."""
        while self.open:
            count = len(self.open)
            window = count if among_newest is None else min(among_newest, count)
            place = count - 1 - self.below(window)
            chosen, self.open[place] = self.open[place], self.open[-1]
            self.open.pop()
            if self.player.is_open(*chosen):
                return chosen
        return None

    def best(self, listing: str, side: SideName) -> int | None:
        """The best price of a side."""
        levels = self.player.market.listings[listing].book[side]
        return (max(levels) if side == "buy" else min(levels)) if levels else None

    def _later(self) -> int:
        # Exponential gaps to within a thousandth of their mean, by trials alone: no logarithm that may differ.
        self.at_us += self.geometric(0.02) * self._mean_gap_us // 49 + self.below(self._mean_gap_us // 49 + 1)
        return self.at_us


# ---- thin -----------------------------------------------------------------------------------------------------------


def thin(recorder: Recorder) -> Iterator[Line]:
    """A thin carbon market, for ever."""
    last: OrderLine | None = None
    while True:
        draw = recorder.chance()
        if draw < 0.08 and (chosen := recorder.take_open()) is not None:
            yield recorder.cancel(*chosen)
        elif draw < 0.085 and last is not None:
            yield recorder.again(last)
        else:
            last = _thin_order(recorder)
            yield last


def _thin_order(recorder: Recorder) -> OrderLine:
    side = recorder.side()
    accounts = ("buyer", "buyer2", "entity") if side == "buy" else ("seller",) * 12 + ("entity",)
    account = accounts[recorder.below(len(accounts))]
    listing = CLASS_ONE if recorder.chance() < 0.8 else CLASS_TWO
    price_fen, tonnes = _thin_price(recorder, side), _thin_size(recorder)
    mistake = recorder.chance()
    if mistake < 0.01:
        price_fen = REFERENCE_FEN * (12 if side == "buy" else 8) // 10
    elif mistake < 0.015:
        tonnes = 100_000
    tif: TifName = "day"
    if (draw := recorder.chance()) < 0.03:
        tif = "ioc" if draw < 0.02 else "fok"
    return recorder.order(account, listing, side, price_fen, tonnes, tif=tif)


def _thin_price(recorder: Recorder, side: SideName) -> int:
    # The sum of four even draws is as good as a bell here; people round what they come upon.
    scatter_fen = int(sum(recorder.chance() - 0.5 for _ in range(4)) * 300)
    wished_fen = REFERENCE_FEN + scatter_fen + (-60 if side == "buy" else 60)
    step_fen = recorder.one_of((35, 100), (20, 50), (35, 10), (10, 1))
    return (wished_fen + step_fen // 2) // step_fen * step_fen


def _thin_size(recorder: Recorder) -> int:
    round_tonnes = recorder.one_of((20, 10), (20, 50), (30, 100), (15, 200), (10, 500), (5, 1_000))
    return round_tonnes if recorder.chance() < 0.9 else 1 + recorder.below(999)


# ---- busy -----------------------------------------------------------------------------------------------------------

BUSY_OPEN_ORDERS: Final = 1_000
"""About as many orders are open once the book has found its size."""

BUSY_MARKETABLE: Final = 0.14
"""Marketable orders to one limit order. Each takes about one resting order away; the rest is left to cancels."""


def busy(recorder: Recorder) -> Iterator[Line]:
    """One busy share, for ever."""
    gone: tuple[str, str] | None = None
    while True:
        cancels = len(recorder.open) * (1 - BUSY_MARKETABLE) / BUSY_OPEN_ORDERS
        draw = recorder.chance() * (1 + BUSY_MARKETABLE + cancels)
        trader = BUSY_TRADERS[recorder.below(len(BUSY_TRADERS))]
        if draw < 1:
            yield _busy_limit(recorder, trader)
        elif draw < 1 + BUSY_MARKETABLE:
            yield _busy_marketable(recorder, trader)
        elif gone is not None and recorder.chance() < 0.01:
            yield recorder.cancel(*gone)
        else:
            gone = recorder.take_open(among_newest=20 if recorder.chance() < 0.35 else None)
            if gone is not None:
                yield recorder.cancel(*gone)


def _busy_limit(recorder: Recorder, trader: str) -> OrderLine:
    side = recorder.side()
    bid, ask = recorder.best(CLASS_ONE, "buy"), recorder.best(CLASS_ONE, "sell")
    away = recorder.geometric(0.15) - 1  # one tick inside the touch, at it, behind it
    if side == "buy":
        touch_fen = bid if bid is not None else (ask or REFERENCE_FEN) - 2
        price_fen = touch_fen - away if ask is None else min(touch_fen - away, ask - 1)
    else:
        touch_fen = ask if ask is not None else (bid or REFERENCE_FEN) + 2
        price_fen = touch_fen + away if bid is None else max(touch_fen + away, bid + 1)
    return recorder.order(trader, CLASS_ONE, side, _in_band(price_fen), _busy_size(recorder), tif="day")


def _busy_marketable(recorder: Recorder, trader: str) -> OrderLine:
    side = recorder.side()
    facing_fen = recorder.best(CLASS_ONE, "sell" if side == "buy" else "buy") or REFERENCE_FEN
    through = recorder.geometric(0.7)
    price_fen = facing_fen + through if side == "buy" else facing_fen - through
    return recorder.order(trader, CLASS_ONE, side, _in_band(price_fen), _busy_size(recorder), tif="ioc")


def _busy_size(recorder: Recorder) -> int:
    return recorder.one_of((60, 100), (13, 200), (6, 300), (6, 500), (15, 1 + recorder.below(99)))


def _in_band(price_fen: int) -> int:
    return min(max(price_fen, REFERENCE_FEN * 9 // 10), REFERENCE_FEN * 11 // 10)


# ---- recording ------------------------------------------------------------------------------------------------------

KINDS: Final[dict[str, tuple[Callable[[Recorder], Iterator[Line]], int]]] = {
    "thin": (thin, 20_000_000),
    "busy": (busy, 500),
}
"""Who records a kind, and its mean gap between lines in microseconds."""


def record(kind: str, commands: int, seed: int) -> Iterator[Line]:
    """That many lines of a flow of that kind."""
    return islice(KINDS[kind][0](_recorder(kind, seed)), commands)


def _recorder(kind: str, seed: int) -> Recorder:
    return Recorder(kind, seed, KINDS[kind][1])


def main() -> None:
    """Record one flow into a file, and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flow", description="Record an order flow.")
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    recorder = _recorder(asked.kind, asked.seed)
    write(asked.out, islice(KINDS[asked.kind][0](recorder), asked.commands))
    counts = Counter(recorder.player.outcomes)
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    end = recorder.player.end()
    print(f"{asked.out}: {told}; {len(end.trades)} trades, {len(end.open_orders)} orders open at the end")


if __name__ == "__main__":
    main()
