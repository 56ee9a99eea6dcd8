"""An act of an operator that waits for its second person, in the shape a snapshot keeps: a field for each kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from matching.access import PermitAccess
from matching.acts import (
    DecideClaim,
    GoOnWithoutRegistry,
    GrantMandate,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
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
    ReviewNegotiatedTransfer,
)
from matching.personal_data import ReleaseSubject, RestrictSubject
from matching.safety_commands import LiftKillSwitch, ThrowKillSwitch


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingAct:
    """An act that waits for its second person, as written to a snapshot."""

    approval_id: int
    halt: HaltTrading | None = None
    resume: ResumeTrading | None = None
    restrict: RestrictAccount | None = None
    lift: LiftRestriction | None = None
    bust: BustTrade | None = None
    rules: AdoptRules | None = None
    freeze: PlaceFreeze | None = None
    lift_freeze: LiftFreeze | None = None
    claim: DecideClaim | None = None
    difference: ResolveBreak | None = None
    retry: RetryDeliveries | None = None
    unwind: UnwindDelivery | None = None
    cash: SettleCashBreak | None = None
    review: ReviewNegotiatedTransfer | None = None
    mandate: GrantMandate | None = None
    kill: ThrowKillSwitch | None = None
    lift_kill: LiftKillSwitch | None = None
    restrict_data: RestrictSubject | None = None
    release_data: ReleaseSubject | None = None
    permit: PermitAccess | None = None
    statement: SupersedeBankStatement | None = None
    without_registry: GoOnWithoutRegistry | None = None

    @property
    def act(self) -> AnyAct:
        """The one act it is about."""
        acts: Iterator[AnyAct | None] = (getattr(self, field) for field in FIELD_OF.values())
        return next(act for act in acts if act is not None)


FIELD_OF: Final[dict[type[AnyAct], str]] = {
    HaltTrading: "halt",
    ResumeTrading: "resume",
    RestrictAccount: "restrict",
    LiftRestriction: "lift",
    BustTrade: "bust",
    AdoptRules: "rules",
    PlaceFreeze: "freeze",
    LiftFreeze: "lift_freeze",
    DecideClaim: "claim",
    ResolveBreak: "difference",
    RetryDeliveries: "retry",
    UnwindDelivery: "unwind",
    SettleCashBreak: "cash",
    ReviewNegotiatedTransfer: "review",
    GrantMandate: "mandate",
    ThrowKillSwitch: "kill",
    LiftKillSwitch: "lift_kill",
    RestrictSubject: "restrict_data",
    ReleaseSubject: "release_data",
    PermitAccess: "permit",
    SupersedeBankStatement: "statement",
    GoOnWithoutRegistry: "without_registry",
}
"""Kind of act → its field. Asking a registry again is not here: it waits for nobody."""


def waiting_act(approval_id: int, act: AnyAct) -> WaitingAct:
    """The act under the field of its own kind."""
    field: dict[str, Any] = {FIELD_OF[type(act)]: act}
    return WaitingAct(approval_id=approval_id, **field)
