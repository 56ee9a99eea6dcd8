"""How one movement is carried: pure decisions, from what the platform promises and what it answered last.

The bridge does what is decided here and nothing else, and the model check drives this very code. What the bridge knows
of a movement (`Standing`) is lost when it crashes; that the movement is pending, and may have been sent, is not.

What a promise lets the bridge do (`policy_of`):

    ids idempotent            send the same request again, any number of times
    ids not idempotent        send once, and only what this process knows was never sent; after that only ask
    answers final             a refusal ends it          (as it does where the one copy there is was refused)
    answers not final         a refusal ends it once a tombstone, or the platform's deadline, is behind it
    platform's clock          "not seen", stated past `not_after`, ends it: no copy can succeed any more
    cancel with tombstone     without that clock, cancel what is overdue; a refused id whose refusal is not final as well
    neither                   never give up: ask (and send, where that is safe) until there is a final answer

What follows from an answer (`heard`); our own clock chooses when to cancel, and nothing else:

    answer                            then
    --------------------------------  ---------------------------------------------------------------------
    confirmed                         end
    refused, and that is final        end
    refused, not final                cancel; or, without a cancel, wait and ask
    not seen, past the deadline       end, refused as too late           (by the platform's clock only)
    not seen, overdue here            cancel                             (without the platform's clock only)
    not seen                          send; or, if a copy may be under way that must be the only one, wait and ask
    nothing that can be believed      wait and ask; cancel if it is overdue here and there is no other end

    variant      promises                                      ends
    -----------  --------------------------------------------  -------------------------------------------
    deadline     the platform's clock                          at the latest after `not_after`
    tombstone    a cancel, and no clock of the platform's      at the latest when it is overdue here
    insistent    idempotent ids and final answers only         when the platform has answered
    waiting      less                                          when it was confirmed, else by a person's doing
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

from registry_bridge.capabilities import Capabilities
from registry_bridge.registry import (
    Answer,
    Confirmed,
    FinalAnswer,
    RefusalCode,
    Refused,
    Unknown,
    UnknownReason,
)


class Step(Enum):
    """What the bridge can do about a movement."""

    ASK = "ask"
    SEND = "send"
    CANCEL = "cancel"


class Variant(Enum):
    """The ways of carrying by how they end; see the module."""

    DEADLINE = "deadline"
    TOMBSTONE = "tombstone"
    INSISTENT = "insistent"
    WAITING = "waiting"


class NothingIsSafe(Exception):  # noqa: N818 - it states a fact
    """Ids are not idempotent and the line may send a request twice: whatever is sent could happen twice."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What the bridge may do and believe; see the module."""

    sends_again: bool
    refusal_is_final: bool
    deadline_is_final: bool
    cancels: bool

    @property
    def variant(self) -> Variant:
        """The way of carrying, by how it ends."""
        if self.deadline_is_final:
            return Variant.DEADLINE
        if self.cancels:
            return Variant.TOMBSTONE
        return Variant.INSISTENT if self.sends_again and self.refusal_is_final else Variant.WAITING

    @property
    def always_ends(self) -> bool:
        """Whether every movement gets its final answer, once the line works."""
        return self.variant is not Variant.WAITING


def policy_of(capabilities: Capabilities, *, line_sends_once: bool = True) -> Policy:
    """The safe way of carrying that fits a platform.

    Args:
        capabilities: what the platform promises.
        line_sends_once: whether the line hands over each request at most once. Ours does: movements go by POST.

    Raises:
        NothingIsSafe: no way is.
    """
    if not (capabilities.idempotent_ids or line_sends_once):
        raise NothingIsSafe
    return Policy(
        sends_again=capabilities.idempotent_ids,
        refusal_is_final=capabilities.final_answers or not capabilities.idempotent_ids,
        deadline_is_final=capabilities.platform_clock,
        cancels=capabilities.cancel_tombstone,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Where a movement stands: what comes next, and whether a copy of the request may be under way or there."""

    step: Step
    may_be_there: bool
    waits: bool = False
    """Wait before the step, longer each time."""


def begin(*, is_new: bool) -> Standing:
    """Where a movement begins: what was pending at the start may have been sent, so it is asked about first."""
    return Standing(step=Step.SEND if is_new else Step.ASK, may_be_there=not is_new)


def heard(
    policy: Policy, standing: Standing, answer: Answer, *, not_after_ns: int, overdue: bool
) -> Standing | FinalAnswer:
    """What to do after an answer to the step of ``standing``: where it stands now, or the end.

    Args:
        policy: of the platform.
        standing: where it stood when the call was made.
        answer: to the call.
        not_after_ns: the movement's deadline.
        overdue: whether it is well past by our own clock.
    """
    match answer:
        case Confirmed():
            return answer
        case Refused():
            return _refused(policy, standing, answer, not_after_ns)
        case Unknown(why=UnknownReason.NOT_SEEN):
            return _not_seen(policy, standing, answer, not_after_ns, overdue=overdue)
        case Unknown():
            cancels = standing.step is Step.CANCEL or _gives_up_by_cancel(policy, overdue=overdue)
            return Standing(step=Step.CANCEL if cancels else Step.ASK, may_be_there=True, waits=True)
        case _:
            assert_never(answer)


def _refused(policy: Policy, standing: Standing, answer: Refused, not_after_ns: int) -> Standing | Refused:
    tombstone = policy.cancels and (standing.step is Step.CANCEL or answer.code is RefusalCode.CANCELLED)
    past_deadline = policy.deadline_is_final and answer.registry_time_ns > not_after_ns
    if policy.refusal_is_final or tombstone or past_deadline:
        return answer
    step = Step.CANCEL if policy.cancels else Step.ASK
    return Standing(step=step, may_be_there=True, waits=not policy.cancels)


def _not_seen(
    policy: Policy, standing: Standing, answer: Unknown, not_after_ns: int, *, overdue: bool
) -> Standing | Refused:
    if policy.deadline_is_final and answer.registry_time_ns > not_after_ns:
        return Refused(
            request_id=answer.request_id,
            code=RefusalCode.TOO_LATE,
            leg=None,
            registry_time_ns=answer.registry_time_ns,
        )
    if _gives_up_by_cancel(policy, overdue=overdue):
        return replace(standing, step=Step.CANCEL, waits=False)
    if policy.sends_again or not standing.may_be_there:
        return replace(standing, step=Step.SEND, waits=False)
    return replace(standing, step=Step.ASK, waits=True)


def _gives_up_by_cancel(policy: Policy, *, overdue: bool) -> bool:
    """The platform's own deadline is the better end: it needs nobody to ask for it."""
    return overdue and policy.cancels and not policy.deadline_is_final
