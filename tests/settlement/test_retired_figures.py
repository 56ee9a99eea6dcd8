"""Retirements by purpose: whatever is published, and however figures are combined, three stand behind a difference."""

import random
from itertools import combinations

import pytest

from settlement.channels import Channel
from settlement.retired_figures import FEWEST, RetiredFigures, RetiredTotalsSet
from settlement.values import ParticipantId, TradingDay

OFFSET, DONATION = Channel.VOLUNTARY_OFFSET, Channel.DONATION


def day(number: int) -> TradingDay:
    return TradingDay(f"2026-11-{number:02}")


def told(figures: RetiredFigures, number: int) -> list[tuple[Channel, str, int | None]]:
    return [(one.purpose, one.since_day, one.tonnes) for one in figures.publish(day(number))]


def test_a_figure_waits_until_three_stand_behind_it() -> None:
    figures = RetiredFigures()
    assert told(figures, 1) == []
    figures.add(OFFSET, ParticipantId("anna"), 10, day(1))
    figures.add(OFFSET, ParticipantId("anna"), 5, day(1))
    assert told(figures, 1) == [(OFFSET, day(1), None)]
    figures.add(OFFSET, ParticipantId("ben"), 7, day(2))
    assert told(figures, 2) == [(OFFSET, day(1), None)]
    assert told(figures, 3) == [(OFFSET, day(1), None)]
    figures.add(OFFSET, ParticipantId("cara"), 1, day(4))
    assert told(figures, 4) == [(OFFSET, day(1), 23)]
    assert told(figures, 5) == []


def test_purposes_do_not_help_one_another() -> None:
    figures = RetiredFigures()
    for name in ("anna", "ben", "cara"):
        figures.add(OFFSET, ParticipantId(name), 1, day(1))
    figures.add(DONATION, ParticipantId("dora"), 100, day(1))
    assert told(figures, 1) == [(OFFSET, day(1), 3), (DONATION, day(1), None)]


def test_what_waits_survives_a_snapshot() -> None:
    figures, again = RetiredFigures(), RetiredFigures()
    figures.add(OFFSET, ParticipantId("anna"), 10, day(1))
    figures.add(DONATION, ParticipantId("ben"), 3, day(2))
    again.load(figures.dump())
    assert again.dump() == figures.dump()
    for one in (figures, again):
        one.add(OFFSET, ParticipantId("ben"), 1, day(3))
        one.add(OFFSET, ParticipantId("cara"), 1, day(3))
    assert told(again, 3) == told(figures, 3) == [(OFFSET, day(1), 12), (DONATION, day(2), None)]


@pytest.mark.parametrize("seed", range(20))
def test_no_difference_of_figures_tells_of_fewer_than_three(seed: int) -> None:
    chance = random.Random(seed)
    figures = RetiredFigures()
    waiting: dict[Channel, list[tuple[ParticipantId, int]]] = {channel: [] for channel in Channel}
    behind: dict[Channel, list[set[tuple[ParticipantId, int]]]] = {channel: [] for channel in Channel}
    number = 0
    for today in range(1, 29):
        for _ in range(chance.choice((0, 0, 1, 2, 5))):
            channel = chance.choice(list(Channel))
            who, tonnes = ParticipantId(f"p{chance.randrange(6)}"), chance.randint(1, 900)
            figures.add(channel, who, tonnes, day(today))
            waiting[channel].append((who, tonnes))
        for one in figures.publish(day(today)):
            assert isinstance(one, RetiredTotalsSet)
            uses = waiting[one.purpose]
            if one.tonnes is None:
                assert len({who for who, _ in uses}) < FEWEST
                continue
            assert one.tonnes == sum(tonnes for _, tonnes in uses)
            # The names of uses, so that a use in two figures would show.
            behind[one.purpose].append({(who, number := number + 1) for who, _ in uses})
            waiting[one.purpose] = []
    for cells in behind.values():
        # Any sum of figures less any other is made of whole cells: between every two sums, weeks or totals.
        for first, second in combinations(range(len(cells) + 1), 2):
            difference = set().union(*cells[:second]) - set().union(*cells[:first])
            assert len({who for who, _ in difference}) >= FEWEST
    held = {one.purpose: one.tonnes for one in figures.dump()}
    assert held == {channel: sum(tonnes for _, tonnes in uses) for channel, uses in waiting.items() if uses}
