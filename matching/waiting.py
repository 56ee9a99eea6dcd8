"""An act of an operator that waits for its second person, in the shape a snapshot keeps: a field for each kind."""

from dataclasses import dataclass
from typing import assert_never

from matching.acts import (
    DecideClaim,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
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
    review: ReviewNegotiatedTransfer | None = None

    @property
    def act(self) -> AnyAct:
        """The one act it is about."""
        trading = (self.halt, self.resume, self.restrict, self.lift, self.bust, self.rules, self.review)
        custody = (self.freeze, self.lift_freeze, self.claim, self.difference, self.retry, self.unwind)
        return next(act for act in (*trading, *custody) if act is not None)


def waiting_act(approval_id: int, act: AnyAct) -> WaitingAct:  # noqa: C901 - one line an act
    """The act under the field of its own kind."""
    match act:
        case HaltTrading():
            return WaitingAct(approval_id=approval_id, halt=act)
        case ResumeTrading():
            return WaitingAct(approval_id=approval_id, resume=act)
        case RestrictAccount():
            return WaitingAct(approval_id=approval_id, restrict=act)
        case LiftRestriction():
            return WaitingAct(approval_id=approval_id, lift=act)
        case BustTrade():
            return WaitingAct(approval_id=approval_id, bust=act)
        case AdoptRules():
            return WaitingAct(approval_id=approval_id, rules=act)
        case ReviewNegotiatedTransfer():
            return WaitingAct(approval_id=approval_id, review=act)
        case PlaceFreeze():
            return WaitingAct(approval_id=approval_id, freeze=act)
        case LiftFreeze():
            return WaitingAct(approval_id=approval_id, lift_freeze=act)
        case DecideClaim():
            return WaitingAct(approval_id=approval_id, claim=act)
        case ResolveBreak():
            return WaitingAct(approval_id=approval_id, difference=act)
        case RetryDeliveries():
            return WaitingAct(approval_id=approval_id, retry=act)
        case UnwindDelivery():
            return WaitingAct(approval_id=approval_id, unwind=act)
        case RetryRetirement() | RetryRemoval():
            raise AssertionError("asking a registry again waits for nobody")
        case _:
            assert_never(act)
