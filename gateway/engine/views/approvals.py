"""Acts that wait for a second person, as operators see them, and ways in one has permitted, folded from journaled events."""

from dataclasses import dataclass
from typing import Final, assert_never

from gateway.engine.entry import Entry
from gateway.engine.views.handlers import Handler, plain
from matching.access import AccessDeed, PermitAccess
from matching.acts import (
    DecideClaim,
    GoOnWithoutRegistry,
    GrantMandate,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    RevokeMandate,
    SettleCashBreak,
    SupersedeBankStatement,
    UnwindDelivery,
)
from matching.commands import (
    AdoptRules,
    AnyAct,
    BustTrade,
    HaltTrading,
    LiftRestriction,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    ReviewNegotiatedTransfer,
)
from matching.events import ActApproved, ActDeclined, ApprovalRequested
from matching.personal_data import ReleaseSubject, RestrictSubject
from matching.safety_commands import LiftKillSwitch, ThrowKillSwitch

WHOLE_MARKET = "market"
"""What an act is about that names no listing."""
PERMIT_GOOD_S: Final = 24 * 3_600
"""How long what was permitted may be done: as long as a password is good that an operator has given."""
_NS: Final = 1_000_000_000
_OF_ACCESS: Final = frozenset(deed.value for deed in AccessDeed)


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalView:
    """One act that waits."""

    approval_id: int
    act: str
    """As the rule book names it."""
    subject: str
    """What it is about: a listing, an account, a trade, or the values to be adopted."""
    operator: str
    """Who asked."""
    reason: str
    at_ns: int

    @classmethod
    def of(cls, entry: Entry, event: ApprovalRequested) -> "ApprovalView":
        """The act an entry leaves waiting."""
        command = entry.command
        assert isinstance(command, AnyAct), f"{type(command).__name__} never waits"
        return cls(
            approval_id=event.approval_id,
            act=event.act,
            subject=subject_of(command),
            operator=event.operator,
            reason=event.reason,
            at_ns=entry.at_ns,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PermitView:
    """One act about access that a second person agreed to. Whether it was done since, the tables of access tell."""

    asked: ApprovalView
    approved_by: str
    approved_at_ns: int

    @property
    def good_until_ns(self) -> int:
        """When it can be done no more."""
        return self.approved_at_ns + PERMIT_GOOD_S * _NS


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalsState:
    """What waits and what was permitted, as written to a snapshot."""

    waiting: tuple[ApprovalView, ...] = ()
    permits: tuple[PermitView, ...] = ()


class Approvals:
    """Everything that waits, and what was permitted within the last day; oldest first."""

    __slots__ = ("permits", "waiting")

    def __init__(self, state: ApprovalsState | None = None) -> None:
        """Nothing yet, or what a snapshot tells."""
        known = state or ApprovalsState()
        self.waiting = {view.approval_id: view for view in known.waiting}
        self.permits = {view.asked.approval_id: view for view in known.permits}

    def dump(self) -> ApprovalsState:
        """All of it, for a snapshot."""
        return ApprovalsState(waiting=tuple(self.waiting.values()), permits=tuple(self.permits.values()))

    def handlers(self) -> dict[type, Handler]:
        """What to do about each event."""
        return {
            ApprovalRequested: self.request,
            ActApproved: self.approve,
            ActDeclined: plain(self.decline),
        }

    def request(self, entry: Entry, event: ApprovalRequested) -> None:
        """An act begins to wait."""
        self.waiting[event.approval_id] = ApprovalView.of(entry, event)

    def approve(self, entry: Entry, event: ActApproved) -> None:
        """It waits no more; a way in may be made now."""
        asked = self.waiting.pop(event.approval_id)
        if asked.act not in _OF_ACCESS:
            return
        self.permits = {
            number: permit for number, permit in self.permits.items() if permit.good_until_ns > entry.at_ns
        }
        self.permits[event.approval_id] = PermitView(
            asked=asked, approved_by=event.operator, approved_at_ns=entry.at_ns
        )

    def decline(self, event: ActDeclined) -> None:
        """It waits no more."""
        del self.waiting[event.approval_id]


def subject_of(act: AnyAct) -> str:  # noqa: C901 - one line an act
    """What an act is about, in few words."""
    match act:
        case HaltTrading() | ResumeTrading():
            return act.listing or WHOLE_MARKET
        case RestrictAccount() | LiftRestriction():
            return act.account
        case ThrowKillSwitch() | LiftKillSwitch():
            return act.subject or WHOLE_MARKET
        case RestrictSubject() | ReleaseSubject():
            return f"{act.kind.value} {act.subject}"
        case BustTrade() | UnwindDelivery():
            return str(act.trade_id)
        case RetryRetirement():
            return act.retirement_id
        case PlaceFreeze():
            return " ".join(part for part in (act.account, act.lot_id) if part) or WHOLE_MARKET
        case LiftFreeze():
            return act.freeze_id
        case DecideClaim():
            return f"{act.claim_id}: {act.decision.value}"
        case RetryRemoval():
            return str(act.removal_id)
        case ResolveBreak() | SettleCashBreak():
            return str(act.break_id)
        case SupersedeBankStatement():
            return act.statement_id
        case GoOnWithoutRegistry():
            return act.trading_day
        case RetryDeliveries():
            return ", ".join(map(str, act.trade_ids)) or "all"
        case ReviewNegotiatedTransfer():
            return f"{act.transfer_id} {'approved' if act.approved else 'refused'}"
        case GrantMandate():
            return f"{act.participant} for {act.account}: {', '.join(act.actions)}"
        case RevokeMandate():
            return str(act.mandate_id)
        case PermitAccess():
            return act.person or act.participant
        case AdoptRules():
            return "; ".join(_told(change.parameter, change.value, change.listing) for change in act.changes)
        case _:
            assert_never(act)


def _told(parameter: str, value: int | str, listing: str | None) -> str:
    return f"{parameter} = {value}" if listing is None else f"{parameter} = {value} ({listing})"
