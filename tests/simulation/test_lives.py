"""Random lives of the core, each held against the reference market after every command.

The lives here make up some forty thousand commands; `make soak` lives ten million.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from matching.agreements import Agreements
from matching.book import OrderBook
from matching.day_prices import DayPrices
from matching.events import Event
from matching.fees import FeeTerms
from matching.negotiated import NegotiatedTransfer
from matching.negotiated_transfers import NegotiatedTransfers
from matching.order import Order
from matching.rejections import REASONS as MATCHING_REASONS
from settlement.freezing import Freezing
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.movements import Movements
from settlement.obligations import Obligations
from settlement.provenance import Provenance
from settlement.reasons import REASONS as SETTLEMENT_REASONS
from settlement.values import AccountId, AssetCode, TradeId, TradingDay
from tests.reference.vault import Note
from tests.simulation import run
from tests.simulation.conftest import COMMANDS, SEEDS
from tests.simulation.notes import notes_of
from tests.simulation.run import LifeFailed, Simulation, live

ROOT = Path(__file__).parents[2]
SOAK_SEEDS = 500


@cache
def lived(seed: int, commands: int) -> Counter[object]:
    """A whole life, lived once for all tests here: what events and rejections it met, by the reference's names."""
    met: Counter[object] = Counter()

    def counting(notes: list[Note]) -> list[Note]:
        met.update(note[1] if note[0] == "rejected" else note[0] for note in notes)
        met.update(note[2] for note in notes if note[0] == "negotiated rejected")
        return notes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "notes_of", lambda events: counting(notes_of(events)))
        assert live(seed, commands).done == commands
    return met


def test_a_life_goes_as_the_reference_says(seed: int, commands: int) -> None:
    assert lived(seed, commands)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(1_000, 1_000 + SOAK_SEEDS, 100))
def test_many_long_lives_go_as_the_reference_says(first: int) -> None:
    for seed in range(first, first + 100):
        print(f"seed {seed}", end=" ", flush=True)  # noqa: T201 - the soak shows where it is
        assert live(seed, 20_000).done == 20_000


def test_lives_meet_every_event_and_every_rejection_there_is() -> None:
    """A simulation that never gets anywhere proves nothing: a few lives reach all there is to reach.

    How few depends on what is rare: they go on until everything has been met, forty at most.
    """
    met: Counter[object] = Counter()
    codes = {reason.code for reason in (*MATCHING_REASONS, *SETTLEMENT_REASONS)}
    notes = {
        "traded",
        "rested",
        "cancelled",
        "expired",
        "all cancelled",
        "replayed",
        "settled",
        "failed",
        "arrived",
    }
    notes |= {"transfer failed", "prices", "band", "phase", "reconciled", "closed"}
    notes |= {"replaced", "halted", "resumed", "restricted", "lifted", "busted", "revised", "large holder"}
    notes |= {"waits", "approved", "declined", "asked to retire", "retired", "not retired"}
    notes |= {"left", "parked", "retried", "unwound", "notice", "lot changed", "came in", "freeze", "thaw"}
    notes |= {"frozen", "removal", "removal asked", "removed", "not removed", "claim", "claim decided"}
    notes |= {"break", "break resolved"}
    notes |= {"use held", "use asked", "use withdrawn", "use refused", "used", "certified"}
    notes |= {"asked to use", "year", "filed", "welfare", "data restricted", "data released"}
    steps = "filed countered confirmed traded declined withdrawn expired rejected known totals reviewed"
    notes |= {f"negotiated {step}" for step in (*steps.split(), "under review")}
    codes -= {"lot_in_too_many_pieces"}  # ten thousand pieces are more than a life has time for
    codes -= {
        "proceeds_lost",
        "delivery_not_covered",
    }  # these are met where there is little money: `test_poor_lives`
    for seed in (*SEEDS, *range(520, 550)):
        met.update(lived(seed, COMMANDS))
        if codes | notes <= set(met):
            return
    raise AssertionError(f"never met: {sorted((codes | notes) - set(met))}")


@cache
def fingerprints() -> list[str]:
    """Of the lives that are lived again in processes of their own."""
    return [live(seed, 1_000).fingerprint() for seed in (7, 8)]


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_a_life_is_the_same_under_any_hash_seed(hash_seed: str) -> None:
    script = (
        "from tests.simulation.run import live\nfor seed in (7, 8): print(live(seed, 1000).fingerprint())\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert told.stdout.split() == fingerprints()


# ---- would it notice? -----------------------------------------------------------------------------------------------


def sloppy_add(book: OrderBook, last: Order) -> None:
    """The youngest order of a level goes first."""
    plain_add(book, last)
    level = book._sides[last.side][-last.price_fen if last.side == "buy" else last.price_fen]
    level.orders.move_to_end(last.order_id, last=False)


def sloppy_dump(ledger: Ledger) -> object:
    """A snapshot that forgets a fen."""
    first, *others = plain_dump(ledger)
    return (replace(first, available=first.available + 1), *others)


def sloppy_forget(holdings: Holdings, slices: object) -> None:
    """Serials that did not come stay expected."""


def sloppy_reduce(book: OrderBook, smaller: Order, quantity_tonnes: int) -> None:
    """An order made smaller loses its place."""
    book.remove(smaller)
    smaller.remaining_tonnes = quantity_tonnes
    book.add(smaller)


def sloppy_begin_day(obligations: Obligations, day: TradingDay) -> None:
    """What was bought yesterday is still not for sale."""
    obligations.tally = replace(obligations.tally, trading_day=day)


def sloppy_without(prices: DayPrices, trade_id: TradeId) -> DayPrices:
    """A busted trade stays in the day's prices."""
    return prices


def sloppy_unresolved(movements: Movements) -> int:
    """The close waits for deliveries and not for what they are for."""
    return len(movements.deliveries)


def sloppy_fee(fee: FeeTerms, turnover_fen: int) -> int:
    """A begun fen of a fee is taken whole."""
    return min(-(-turnover_fen * fee.ppm // 1_000_000), turnover_fen)


def sloppy_missing(freezing: Freezing, place: tuple[AccountId, AssetCode]) -> int:
    """Orders keep cover that is frozen."""
    return 0


def sloppy_forget_provenance(provenance: Provenance, slices: object) -> None:
    """What has left is still somebody's to answer for."""


def sloppy_places(freezing: Freezing) -> list[tuple[AccountId, AssetCode]]:
    """What comes back while more is named than was free stays free."""
    return sorted(freezing.restrictions.stirred)


def sloppy_expire_due(transfers: NegotiatedTransfers, at_ns: int) -> list[Event]:
    """What has expired can still be confirmed."""
    return []


def sloppy_forget_agreement(agreements: Agreements, transfer: NegotiatedTransfer) -> None:
    """An agreement of which nothing came cannot be filed again."""


plain_add, plain_dump = OrderBook.add, Ledger.dump
FAULTS = [
    (OrderBook, "add", sloppy_add),
    (OrderBook, "reduce", sloppy_reduce),
    (Holdings, "forget", sloppy_forget),
    (Obligations, "begin_day", sloppy_begin_day),
    (Movements, "unresolved", sloppy_unresolved),
    (FeeTerms, "of", sloppy_fee),
    (DayPrices, "without", sloppy_without),
    (Freezing, "missing", sloppy_missing),
    (Freezing, "places", sloppy_places),
    (Provenance, "forget", sloppy_forget_provenance),
    (NegotiatedTransfers, "expire_due", sloppy_expire_due),
    (Agreements, "forget", sloppy_forget_agreement),
]


def some_lives() -> None:
    for seed in range(20, 170):
        live(seed, 1_500)


@pytest.mark.parametrize(("place", "name", "fault"), FAULTS, ids=lambda it: getattr(it, "__name__", str(it)))
def test_a_planted_fault_is_told_with_its_seed_and_its_shortest_life(
    place: object, name: str, fault: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, name, fault)
    with pytest.raises(
        LifeFailed, match=r"see it again: pytest tests/simulation --seed \d+ --commands"
    ) as caught:
        some_lives()
    found = re.match(r"seed (\d+) goes wrong after (\d+) commands", str(caught.value))
    assert found is not None
    seed, prefix = int(found[1]), int(found[2])
    Simulation(seed, check_every=1).run(prefix - 1)
    with pytest.raises(AssertionError):
        Simulation(seed, check_every=1).run(prefix)


def test_a_snapshot_that_forgets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Simulation(3)
    while not simulation.exchange.depository.ledger.dump():
        simulation.run(50)
    monkeypatch.setattr(Ledger, "dump", sloppy_dump)
    with pytest.raises(AssertionError, match="what came back is another one"):
        crash_often(simulation)


def crash_often(simulation: Simulation) -> None:
    for _ in range(10):
        simulation.crash()
