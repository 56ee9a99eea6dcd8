"""What this side knows of the registry's journal: every movement since the clean close before last, and how it ended.

The registry's journal is held against it (`registry_bridge.journal_watch`), right after a start as well, since it is
folded from journaled events and lies in the snapshot. It is kept from one close that compared clean to the second one
after it:

    clean close            K-1                  K
    ──────────────────────┼────────────────────┼─────────────────▶
    movements answered      kept as `_before`     kept as `_since`
    registry's journal     └ after               └ known_after

A comparison waits for all that the registry had done up to the entry it is dated by. So what was answered after close
K-1 was entered later than `after`; and what was entered later than `known_after` has not been forgotten here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from matching.events import Reconciled
from settlement.commands import Outcome
from settlement.custody_events import BreakResolved
from settlement.difference import BreakKind, Difference

REMEMBERED: Final = 100_000
"""Answered movements remembered at most; beyond that the oldest are forgotten before their time."""

_OF_MOVEMENTS: Final = frozenset({BreakKind.MOVEMENT_ON_ONE_SIDE, BreakKind.CONTRADICTORY_ANSWER})


@dataclass(frozen=True, kw_only=True, slots=True)
class MovementView:
    """A movement this side asked for."""

    instruction_id: str
    seq: int
    """Of the entry that asked for it, which has its legs."""
    outcome: Outcome | None = None
    """None while the registry has not answered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrailState:
    """As written to a snapshot."""

    after: int
    known_after: int
    blind_closes: int
    pending: tuple[MovementView, ...]
    before: tuple[MovementView, ...]
    since: tuple[MovementView, ...]
    settled: tuple[tuple[int, Difference], ...]


NOTHING: Final = TrailState(
    after=0, known_after=0, blind_closes=0, pending=(), before=(), since=(), settled=()
)


class Trail:
    """All of it, by name."""

    __slots__ = ("_before", "_blind_closes", "_known_after", "_pending", "_settled", "_since", "after")

    def __init__(self, state: TrailState = NOTHING) -> None:
        """Nothing yet, or what a snapshot has."""
        self.after = state.after
        """The registry's entry after which every movement here must stand."""
        self._known_after = state.known_after
        self._blind_closes = state.blind_closes
        """Clean closes until nothing that was forgotten before its time can stand after `known_after`."""
        self._pending = {view.instruction_id: view for view in state.pending}
        self._before = {view.instruction_id: view for view in state.before}
        self._since = {view.instruction_id: view for view in state.since}
        self._settled = {difference: as_of for as_of, difference in state.settled}

    @property
    def known_after(self) -> int | None:
        """The registry's entry after which every movement there must be known here; None while that cannot be said."""
        return None if self._blind_closes else self._known_after

    def get(self, instruction_id: str) -> MovementView | None:
        """A movement, unless it was never asked for, or so long ago that it is forgotten."""
        return (
            self._pending.get(instruction_id)
            or self._since.get(instruction_id)
            or self._before.get(instruction_id)
        )

    def answered(self) -> Iterator[MovementView]:
        """Every movement with its final answer, oldest first."""
        return chain(self._before.values(), self._since.values())

    def is_settled(self, difference: Difference) -> bool:
        """Whether a person has resolved a break of this difference; it is not to be opened again."""
        return _identity(difference) in self._settled

    def instruct(self, instruction_id: str, seq: int) -> None:
        """The registry is asked for it by that entry."""
        self._pending[instruction_id] = MovementView(instruction_id=instruction_id, seq=seq)

    def answer(self, instruction_id: str, outcome: Outcome) -> None:
        """The registry's final answer."""
        self._since[instruction_id] = replace(self._pending.pop(instruction_id), outcome=outcome)
        if len(self._before) + len(self._since) > REMEMBERED:
            oldest = self._before or self._since
            self._blind_closes = 2
            del oldest[next(iter(oldest))]

    def reconcile(self, event: Reconciled) -> None:
        """Both sides were compared. A close that found nothing different is where to remember from."""
        if event.on_demand or event.breaks or not event.as_of:
            return
        self.after, self._known_after = self._known_after, event.as_of
        self._blind_closes = max(0, self._blind_closes - 1)
        self._before, self._since = self._since, {}
        self._settled = {
            difference: as_of for difference, as_of in self._settled.items() if as_of > self.after
        }

    def resolve(self, event: BreakResolved) -> None:
        """A person has settled a break."""
        if event.case.difference.kind in _OF_MOVEMENTS:
            self._settled[_identity(event.case.difference)] = event.case.as_of

    def dump(self) -> TrailState:
        """Everything, for a snapshot."""
        return TrailState(
            after=self.after,
            known_after=self._known_after,
            blind_closes=self._blind_closes,
            pending=tuple(self._pending.values()),
            before=tuple(self._before.values()),
            since=tuple(self._since.values()),
            settled=tuple((as_of, difference) for difference, as_of in self._settled.items()),
        )


def _identity(difference: Difference) -> Difference:
    """What makes two differences the same: all but the words, where it names the movement it is about.

    Of several movements that nobody here knows only their words tell one from another.
    """
    return difference if difference.instruction_id is None else replace(difference, detail="")
