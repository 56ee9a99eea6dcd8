"""Lives of a poor market: what leans on unsettled sales is as the plain reference has it, through crashes too."""

from collections import Counter

import pytest

from matching.events import OrderCancelled, Rejected
from matching.negotiated_events import NegotiatedTransferRejected
from settlement.events import DeliveryFailed, DeliveryParked, ProceedsChanged
from tests.simulation.poor import Poor
from tests.simulation.run import Simulation

SEEDS = range(1, 6)
COMMANDS = 1_200


class PoorLife(Simulation):
    """A life of a poor market, which counts what it meets."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.hostile = Poor(seed, self.reference)
        self.met: Counter[tuple[str, str]] = Counter()

    def step(self) -> None:
        known = len(self.since)
        super().step()
        for event in (event for step in self.since[known:] for event in step.events):
            match event:
                case ProceedsChanged() if event.pledged_fen:
                    self.met["changed", "leaning"] += 1
                case DeliveryFailed() | DeliveryParked() | NegotiatedTransferRejected() | Rejected():
                    self.met[type(event).__name__, event.code] += 1
                case OrderCancelled():
                    self.met["cancelled", event.reason.value] += 1
                case _:
                    pass


def live(seed: int, commands: int) -> PoorLife:
    life = PoorLife(seed)
    try:
        life.run(commands)
        life.check()
    except AssertionError as error:
        raise AssertionError(f"seed {seed} goes wrong after {life.done} commands") from error
    return life


def test_poor_lives_go_as_the_reference_says_and_meet_all_of_it() -> None:
    met: Counter[tuple[str, str]] = Counter()
    for seed in SEEDS:
        met.update(live(seed, COMMANDS).met)
    assert met["changed", "leaning"] > 300 * len(SEEDS)
    for what in (
        ("DeliveryFailed", "proceeds_lost"),
        ("DeliveryParked", "proceeds_parked"),
        ("cancelled", "proceeds_lost"),
        ("NegotiatedTransferRejected", "proceeds_lost"),
        ("Rejected", "delivery_not_covered"),
        ("Rejected", "insufficient_cash"),
    ):
        assert met[what], f"never {what} in {len(SEEDS)} lives"


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_poor_lives_go_as_the_reference_says() -> None:
    for seed in range(1_000, 1_200):
        live(seed, 5_000)
