"""Retirements by purpose, as the public may see them: no figure by which fewer than three participants can be known.

A day's tonnes for a purpose are published once three participants stand behind them; until then they are held over and
join those of the following days. Every figure ever published is such a sum, no tonne is in two of them, and weeks and
cumulative figures add up published ones only: so no difference between any two figures tells of fewer than three.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from settlement.channels import Channel
from settlement.values import ParticipantId, TradingDay

FEWEST: Final = 3
"""Participants behind a published figure: each of them knows itself, and what is left is still not one other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOver:
    """Completed uses for one purpose that no figure tells yet; also as written to a snapshot."""

    purpose: Channel
    since_day: TradingDay
    tonnes: int
    participants: tuple[ParticipantId, ...]
    """Who they are of, in the order they came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetiredTotalsSet:
    """What was used up for a purpose, as of the close of a day."""

    trading_day: TradingDay
    since_day: TradingDay
    """The first day it is of: an earlier one where something had been held over."""
    purpose: Channel
    tonnes: int | None
    """Absent while fewer than three participants would stand behind it: it is held over."""


class RetiredFigures:
    """What is held over, by purpose."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        """Nothing yet."""
        self._held: dict[Channel, HeldOver] = {}

    def add(self, purpose: Channel, participant: ParticipantId, tonnes: int, day: TradingDay) -> None:
        """A use was completed."""
        before = self._held.get(purpose)
        known = () if before is None else before.participants
        self._held[purpose] = HeldOver(
            purpose=purpose,
            since_day=day if before is None else before.since_day,
            tonnes=tonnes if before is None else before.tonnes + tonnes,
            participants=known if participant in known else (*known, participant),
        )

    def publish(self, day: TradingDay) -> Iterator[RetiredTotalsSet]:
        """Everything there is to tell of the day, in the order of purposes; what is told is held over no longer."""
        for purpose in Channel:
            held = self._held.get(purpose)
            if held is None:
                continue
            is_told = len(held.participants) >= FEWEST
            if is_told:
                del self._held[purpose]
            yield RetiredTotalsSet(
                trading_day=day,
                since_day=held.since_day,
                purpose=purpose,
                tonnes=held.tonnes if is_told else None,
            )

    def dump(self) -> tuple[HeldOver, ...]:
        """All of it, for a snapshot, in the order of purposes."""
        return tuple(self._held[purpose] for purpose in Channel if purpose in self._held)

    def load(self, held: tuple[HeldOver, ...]) -> None:
        """Take over what a snapshot tells."""
        self._held.update((one.purpose, one) for one in held)
