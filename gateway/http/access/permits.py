"""Ways in that a second person has agreed to: done once, by who asked for them, to whom alone their secret is told."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.access.permits import Permit
from gateway.engine.views.approvals import PermitView
from gateway.formats import time_text
from gateway.http.access.key_rotation import make_or_rotate
from gateway.http.access.keys import Key
from gateway.http.access.people import PersonAnswer, give_password, let_in, make_person
from gateway.http.approvals import Approval, ApproveRequest, Deed, asked_for, body_of, require_made_by_two
from gateway.http.operator_routes import reading
from gateway.http.refusals.access_reasons import PERMIT_UNKNOWN, PERMIT_WAITS
from gateway.http.refusals.problems import refusal
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.shapes import DIGITS_PATTERN, Answer, Name, Time
from matching.access import AccessDeed, PermitAccess

_DEEDS: Final[Mapping[AccessDeed, Deed]] = {
    AccessDeed.ISSUE_KEY: make_or_rotate,
    AccessDeed.ADD_PERSON: make_person,
    AccessDeed.RESET_PERSON: give_password,
    AccessDeed.ENABLE_PERSON: let_in,
}


class PermitAnswer(Answer):
    """What may be done, and by when."""

    approval: Approval
    approved_by: Name
    approved_at: Time
    good_until: Time


class Permits(Answer):
    """Everything that was permitted and is not done, oldest first."""

    items: list[PermitAnswer]
    next: None


class UsedPermit(Answer):
    """What was done: a key, or a person, with what they come in by."""

    approval: Approval
    key: Key | None
    person: PersonAnswer | None
    secret: Annotated[
        str | None,
        Field(
            description="Shown this once: an HMAC key's secret in base64, or a one-time password good for a day."
        ),
    ]


async def list_permits(call: Call) -> Reply:
    """What a second person agreed to about access within the last day, and is not done."""
    now_ns = call.services.clock.now_ns()
    good = [view for view in call.services.views.permits.values() if view.good_until_ns > now_ns]
    spent = await call.services.keys.permits_spent(view.asked.approval_id for view in good)
    items = [await _body(call, view) for view in good if view.asked.approval_id not in spent]
    return Reply({"items": items, "next": None})


async def _body(call: Call, view: PermitView) -> dict[str, Any]:
    return {
        "approval": body_of(*await asked_for(call, view.asked.approval_id), "approved"),
        "approved_by": view.approved_by,
        "approved_at": time_text(view.approved_at_ns),
        "good_until": time_text(view.good_until_ns),
    }


async def use_permit(call: Call) -> Reply:
    """Do what a second person agreed to: by who asked for it, once, within a day of the approval."""
    require_made_by_two(call)
    view = _own(call, int(call.path["approval_id"]))
    asked, command = await asked_for(call, view.asked.approval_id)
    assert isinstance(command, PermitAccess), "what was permitted is about access"
    permit = Permit(number=asked.approval_id, made_alone_by=None)
    made, secret = await _DEEDS[command.deed](call, command, permit)
    is_key = command.deed is AccessDeed.ISSUE_KEY
    return Reply(
        {
            "approval": body_of(asked, command, "done"),
            "key": made if is_key else None,
            "person": None if is_key else made,
            "secret": secret,
        }
    )


def _own(call: Call, number: int) -> PermitView:
    views = call.services.views
    if number in views.approvals:
        raise refusal(PERMIT_WAITS, actual=str(number))
    view = views.permits.get(number)
    is_own = view is not None and view.asked.operator == call.participant
    if view is None or not is_own or view.good_until_ns <= call.services.clock.now_ns():
        raise refusal(PERMIT_UNKNOWN, actual=str(number))
    return view


ROUTES: Final = (
    reading(
        "/v1/operator/permits",
        list_permits,
        "Ways in that may be made now",
        Permits,
        or_scopes=SUPERVISED | {Scope.APPROVE},
    ),
    Route(
        "/v1/operator/permits/{approval_id}/use",
        use_permit,
        "Do once what a second person agreed to",
        UsedPermit,
        method="POST",
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        tag="operator",
        body=ApproveRequest,
        body_optional=True,
        path_parameters={"approval_id": DIGITS_PATTERN},
    ),
)
