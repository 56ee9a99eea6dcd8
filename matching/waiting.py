"""An act of an operator that waits for its second person, in the shape a snapshot keeps: a field for each kind."""

from dataclasses import dataclass
from typing import assert_never

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
    review: ReviewNegotiatedTransfer | None = None

    @property
    def act(self) -> AnyAct:
        """The one act it is about."""
        kinds = (self.halt, self.resume, self.restrict, self.lift, self.bust, self.rules, self.review)
        return next(act for act in kinds if act is not None)


def waiting_act(approval_id: int, act: AnyAct) -> WaitingAct:
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
        case RetryRetirement():
            raise AssertionError("asking a registry again waits for nobody")
        case _:
            assert_never(act)
