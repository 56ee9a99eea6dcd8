"""Mandates as readers see them: who may act for whom, and every one there ever was, folded from journaled events."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.engine.entry import Entry
from gateway.engine.views.handlers import Handler
from settlement.mandate import MandatedAction, MandateEnd, MandateEnded, MandateGranted


@dataclass(frozen=True, kw_only=True, slots=True)
class MandateView:
    """One mandate, in force or over."""

    mandate_id: int
    account: str
    participant: str
    """Who acts."""
    actions: tuple[MandatedAction, ...]
    until_ns: int
    operator: str
    reason: str
    granted_at_ns: int
    ended_at_ns: int | None = None
    end: MandateEnd | None = None
    end_reason: str = ""


class Mandates:
    """All of them, oldest first. Operators grant each one, so they are few."""

    __slots__ = ("_all",)

    def __init__(self, known: Iterable[MandateView] = ()) -> None:
        """Those of a snapshot."""
        self._all = {view.mandate_id: view for view in known}

    @property
    def all(self) -> Mapping[int, MandateView]:
        """Every one by its id."""
        return self._all

    def between(self, participant: str, account: str) -> Iterator[MandateView]:
        """Those in force by which somebody acts for an account."""
        return (
            view
            for view in self._all.values()
            if view.ended_at_ns is None and (view.participant, view.account) == (participant, account)
        )

    def of_delegate(self, participant: str) -> dict[str, set[MandatedAction]]:
        """What somebody may do for whom, by account."""
        found: dict[str, set[MandatedAction]] = {}
        for view in self._all.values():
            if view.ended_at_ns is None and view.participant == participant:
                found.setdefault(view.account, set()).update(view.actions)
        return found

    def handlers(self) -> dict[type, Handler]:
        """What to do about each event."""
        return {MandateGranted: self.grant, MandateEnded: self.end}

    def grant(self, entry: Entry, event: MandateGranted) -> None:
        """One begins."""
        mandate = event.mandate
        self._all[mandate.mandate_id] = MandateView(
            mandate_id=mandate.mandate_id,
            account=mandate.account,
            participant=mandate.participant,
            actions=mandate.actions,
            until_ns=mandate.until_ns,
            operator=event.operator,
            reason=event.reason,
            granted_at_ns=entry.at_ns,
        )

    def end(self, entry: Entry, event: MandateEnded) -> None:
        """One is over."""
        self._all[event.mandate_id] = replace(
            self._all[event.mandate_id], ended_at_ns=entry.at_ns, end=event.end, end_reason=event.reason
        )
