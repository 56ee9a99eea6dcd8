"""Accounts of use: what each entity has used up, by year and purpose. For offsets the year is the compliance year."""

from collections.abc import Iterator
from dataclasses import dataclass

from settlement.channels import Channel
from settlement.values import ParticipantId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class UseTotal:
    """One line: completed uses only."""

    entity: ParticipantId
    year: int
    """The compliance year of offsets, the calendar year of completion of everything else."""
    channel: Channel
    completed_tonnes: int


class UseAccounts:
    """Tonnes by entity, year and purpose."""

    __slots__ = ("_tonnes",)

    def __init__(self, totals: tuple[UseTotal, ...] = ()) -> None:
        """As a snapshot tells them; none at first."""
        self._tonnes = {(total.entity, total.year, total.channel): total.completed_tonnes for total in totals}

    def completed(self, entity: ParticipantId, year: int, channel: Channel) -> int:
        """Tonnes used up so."""
        return self._tonnes.get((entity, year, channel), 0)

    def add(self, entity: ParticipantId, year: int, channel: Channel, tonnes: int) -> None:
        """A use is complete."""
        self._tonnes[entity, year, channel] = self.completed(entity, year, channel) + tonnes

    def totals(self) -> Iterator[UseTotal]:
        """Every line, in order."""
        for (entity, year, channel), tonnes in sorted(self._tonnes.items()):
            yield UseTotal(entity=entity, year=year, channel=channel, completed_tonnes=tonnes)


def calendar_year(day: TradingDay) -> int:
    """The year of an ISO date."""
    return int(day[:4])
