"""What routes of the operator share: who may call them, how often, and that an act may wait for a second person."""

from functools import partial

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.http.approvals import ACCEPTED, ApprovalAnswer
from gateway.http.routing import SUPERVISED, Route
from gateway.http.shapes import OperatorRequest, Text


class ReasonRequest(OperatorRequest):
    """Why."""

    reason: Text


reading = partial(
    Route,
    method="GET",
    scope=Scope.OPERATE,
    or_scopes=SUPERVISED,
    kind=ActionKind.READ,
    tag="operator",
)
"""A look at something, which a supervisor may take, too."""

acting = partial(
    Route,
    method="POST",
    scope=Scope.OPERATE,
    kind=ActionKind.OPERATE,
    tag="operator",
    body=ReasonRequest,
    otherwise={ACCEPTED: ApprovalAnswer},
)
"""An act, for a reason."""
