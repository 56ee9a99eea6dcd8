"""Whose personal data are restricted, as readers see it, folded from journaled events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.engine.entry import Entry
from gateway.engine.views.handlers import Handler
from matching.personal_data import SubjectKind, SubjectReleased, SubjectRestricted


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectView:
    """One subject, restricted or released again."""

    number: int
    kind: SubjectKind
    subject: str
    """As it is written everywhere: not to be shown while it is restricted."""
    operator: str
    reason: str
    restricted_at_ns: int
    released_at_ns: int | None = None
    release_operator: str = ""
    release_reason: str = ""

    @property
    def is_restricted(self) -> bool:
        """Whether its data are kept and not processed otherwise."""
        return self.released_at_ns is None


class Subjects:
    """All there ever were, by number. Operators name each one, so they are few."""

    __slots__ = ("_all", "_restricted", "changes")

    def __init__(self, known: Iterable[SubjectView] = ()) -> None:
        """Those of a snapshot."""
        self._all = {view.number: view for view in known}
        self._restricted = {(view.kind, view.subject) for view in self._all.values() if view.is_restricted}
        self.changes = 0
        """Rises with every change, for whoever keeps something made of them."""

    @property
    def all(self) -> Mapping[int, SubjectView]:
        """Every one by its number."""
        return self._all

    def is_restricted(self, kind: SubjectKind, subject: str) -> bool:
        """Whether somebody's data are kept and not processed otherwise."""
        return (kind, subject) in self._restricted

    def handlers(self) -> dict[type, Handler]:
        """What to do about each event."""
        return {SubjectRestricted: self._restrict, SubjectReleased: self._release}

    def _restrict(self, entry: Entry, event: SubjectRestricted) -> None:
        self.changes += 1
        self._restricted.add((event.kind, event.subject))
        self._all[event.number] = SubjectView(
            number=event.number,
            kind=event.kind,
            subject=event.subject,
            operator=event.operator,
            reason=event.reason,
            restricted_at_ns=entry.at_ns,
        )

    def _release(self, entry: Entry, event: SubjectReleased) -> None:
        self.changes += 1
        self._restricted.remove((event.kind, event.subject))
        self._all[event.number] = replace(
            self._all[event.number],
            released_at_ns=entry.at_ns,
            release_operator=event.operator,
            release_reason=event.reason,
        )
