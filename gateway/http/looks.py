"""The supervisor's looks: each is written down, with who, what and why, before the answer is given.

Whoever may look at everything is asked what for where it is about somebody whose personal data are restricted: with a
`reason` these are shown as they are, without one they stay pseudonyms.
"""

from typing import Annotated, Any, Final

from pydantic import Field, create_model

from gateway.access.callers import Caller
from gateway.access.keys import Scope
from gateway.engine.looks import Look
from gateway.http.routing import Route
from gateway.http.services import Services
from gateway.http.shapes import Request, Text

_SHOWN: Final = 1_024
"""Characters of an address that are kept."""


def with_reason(query: type[Request]) -> type[Request]:
    """The same query, which may also say why one looks."""
    reason = Annotated[
        Text | None,
        Field(
            description="Why one looks. With it, those whose personal data are restricted are shown as they are."
        ),
    ]
    fields: Any = {"reason": (reason, None)}
    return create_model(f"Supervised{query.__name__}", __base__=query, __doc__=query.__doc__, **fields)


def is_look(route: Route, caller: Caller | None) -> bool:
    """Whether this is a supervisor reading what is not everybody's."""
    return (
        caller is not None
        and Scope.SUPERVISE in caller.scopes
        and route.method == "GET"
        and route.scope != "any"
    )


def reveals(route: Route, query: object) -> bool:
    """Whether the answer shows those whose personal data are restricted as they are."""
    return route.scope is Scope.SUPERVISE and query_reason(query) is not None


async def note_look(services: Services, caller: Caller, target: str, reason: str | None) -> None:
    """Write down what somebody is about to be shown; durable when this returns."""
    look = Look(
        at_ns=services.sign_ins.now_ns(),
        participant=caller.participant,
        caller=caller.caller_id,
        target=target[:_SHOWN],
        reason=reason,
    )
    await services.looks.note(look)


def query_reason(query: object) -> str | None:
    """What a query says one looks for."""
    found = getattr(query, "reason", None)
    return found if isinstance(found, str) else None
