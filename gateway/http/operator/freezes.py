"""Freezes in the operator's hands: what stops somebody or something, on whose word, and those placed by ourselves."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.views.custody import FreezeView
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply
from gateway.http.shapes import AccountName, Answer, OperatorRequest, Ranges, Serials, ShortText, Text, Time
from matching.acts import LiftFreeze, PlaceFreeze
from settlement import serials as ranges
from settlement.custody_events import FreezeLifted, FreezePlaced
from settlement.custody_rejections import FREEZE_MALFORMED
from settlement.freeze import Freeze, FreezeId
from settlement.values import AccountId, LotId

_FREEZE_PATTERN: Final = "^[a-z]{1,16}-[0-9]{1,18}(-[a-z]{1,16})?$"

SourceName = Literal["registry", "break", "claim", "correction", "operator"]


class FreezeAnswer(Answer):
    """A freeze in force, and on whose word."""

    id: Annotated[str, Field(pattern=_FREEZE_PATTERN)]
    source: SourceName
    stops: Annotated[Literal["account", "units"], Field(description="Everything of an account, or units.")]
    account: AccountName | None
    registry_account: str | None
    lot: str | None
    serials: Ranges
    reason: str
    since: Time


class RestrictedAccount(Answer):
    """An account that an operator restricted."""

    account: AccountName
    reason: str
    since: Time


class Restrictions(Answer):
    """Everything that stops somebody or something, on whoever's word."""

    accounts: list[RestrictedAccount]
    items: Annotated[list[FreezeAnswer], Field(description="Freezes in force, oldest first.")]
    next: None


class FreezeRequest(OperatorRequest):
    """An account; or a lot, or serials of it, everywhere or in one account."""

    account: AccountName | None = None
    lot: ShortText | None = None
    serials: Serials | None = None
    reason: Text


class Placed(Answer):
    """The freeze is in force."""

    freeze: FreezeAnswer


class Lifted(Answer):
    """The freeze is over; others of the same units go on."""

    id: str
    state: Literal["lifted"]
    reason: str
    time: Time


async def list_restrictions(call: Call) -> Reply:
    """Accounts restricted by operators, and every freeze with its source."""
    views = call.services.views
    accounts = [
        {
            "account": view.account,
            "reason": view.restriction.reason,
            "since": time_text(view.restriction.at_ns),
        }
        for view in views.accounts().values()
        if view.restriction is not None
    ]
    freezes = [_freeze(view) for view in views.custody.freezes.values()]
    return Reply({"accounts": accounts, "items": freezes, "next": None})


def _freeze(view: FreezeView) -> dict[str, Any]:
    return _freeze_body(view.freeze, view.account, view.at_ns)


def _freeze_body(freeze: Freeze, account: str | None, at_ns: int) -> dict[str, Any]:
    return {
        "id": freeze.freeze_id,
        "source": freeze.source.value,
        "stops": "account" if freeze.stops_account else "units",
        "account": account,
        "registry_account": freeze.registry_account,
        "lot": freeze.lot_id,
        "serials": freeze.serials,
        "reason": freeze.reason,
        "since": time_text(at_ns),
    }


async def place_freeze(call: Call) -> Reply:
    """Freeze an account, a lot, serials of it, or a lot in one account, on the exchange's own word."""
    body: FreezeRequest = call.body
    serials = tuple((first, end) for first, end in body.serials or [])
    if not ranges.is_well_formed(serials):
        raise refusal(FREEZE_MALFORMED, pointer="/serials")
    command = PlaceFreeze(
        operator=call.participant,
        reason=body.reason,
        account=None if body.account is None else AccountId(body.account),
        lot_id=None if body.lot is None else LotId(body.lot),
        serials=serials,
    )
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    event = next(event for event in done.events if isinstance(event, FreezePlaced))
    return Reply({"freeze": _freeze_body(event.freeze, event.account, done.at_ns)})


async def lift_freeze(call: Call) -> Reply:
    """End a freeze that an operator placed; any other ends where it came from."""
    freeze_id, reason = FreezeId(call.path["freeze_id"]), call.body.reason
    done = await act(call, LiftFreeze(operator=call.participant, reason=reason, freeze_id=freeze_id))
    if isinstance(done, Reply):
        return done
    assert any(isinstance(event, FreezeLifted) for event in done.events), "lifted, and nothing said of it"
    time = time_text(done.at_ns)
    return Reply({"id": freeze_id, "state": "lifted", "reason": reason, "time": time})


ROUTES: Final = (
    reading(
        "/v1/operator/restrictions",
        list_restrictions,
        "Restricted accounts, and every freeze with its source",
        Restrictions,
    ),
    acting("/v1/operator/freezes", place_freeze, "Freeze an account or units", Placed, body=FreezeRequest),
    acting(
        "/v1/operator/freezes/{freeze_id}/lift",
        lift_freeze,
        "End a freeze by an operator",
        Lifted,
        path_parameters={"freeze_id": _FREEZE_PATTERN},
    ),
)
