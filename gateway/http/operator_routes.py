"""What routes of the operator share: who may call them, how often, and that an act may wait for a second person."""

from typing import Any

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.http.approvals import ACCEPTED, ApprovalAnswer
from gateway.http.operator_acts import ReasonRequest
from gateway.http.routing import Handler, Route
from gateway.http.shapes import Answer, Request


def reading(path: str, handler: Handler, summary: str, answer: type[Answer], **more: Any) -> Route:  # noqa: ANN401 - as Route takes them
    """A look at something."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        scope=Scope.OPERATE,
        kind=ActionKind.READ,
        summary=summary,
        tag="operator",
        answer=answer,
        **more,
    )


def acting(
    path: str,
    handler: Handler,
    summary: str,
    answer: type[Answer],
    body: type[Request] = ReasonRequest,
    **more: Any,  # noqa: ANN401 - as Route takes them
) -> Route:
    """An act, for a reason."""
    return Route(
        method="POST",
        path=path,
        handler=handler,
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        summary=summary,
        tag="operator",
        body=body,
        answer=answer,
        otherwise={ACCEPTED: ApprovalAnswer},
        **more,
    )
