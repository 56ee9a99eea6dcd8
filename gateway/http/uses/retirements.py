"""Every other use: voluntary offset, voluntary cancellation, donation, damage compensation (Measures 2023, Art. 31, 32)."""

from typing import Annotated, Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import AccountName, ClientId, PurposeName
from gateway.http.uses.requests import CREATED, RETIREMENT, get, list_uses, submit, withdraw
from gateway.http.uses.shapes import (
    USE_PATTERN,
    AcceptedUse,
    CertifiedText,
    UnitsRequest,
    UseAnswer,
    UseAnswers,
    UsesQuery,
    WithdrawRequest,
    wanted_of,
)
from settlement.retirement import RetirementPurpose, Use
from settlement.use_commands import SubmitRetirement
from settlement.values import AccountId


class RetirementRequest(UnitsRequest):
    """Use units up, for a purpose and somebody."""

    client_id: ClientId
    purpose: PurposeName
    beneficiary: CertifiedText
    statement: CertifiedText | None = None
    donate_to: Annotated[
        AccountName | None,
        Field(
            description="A donation's public-welfare account; its units move there instead of being retired."
        ),
    ] = None


async def submit_retirement(call: Call) -> Reply:
    """Use units for anything but compliance. Once the registry has been asked there is no way back."""
    body: RetirementRequest = call.body
    wanted = wanted_of(body)
    command = SubmitRetirement(
        participant=call.participant,
        account=call.account(body.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        use=Use(
            purpose=RetirementPurpose(body.purpose),
            beneficiary=body.beneficiary,
            statement=body.statement or "",
        ),
        instrument=wanted.instrument,
        quantity_tonnes=wanted.quantity_tonnes,
        lots=wanted.lots,
        donate_to=None if body.donate_to is None else AccountId(body.donate_to),
    )
    return await submit(call, command)


async def list_retirements(call: Call) -> Reply:
    """Uses of an account that are no compliance offsets, newest first."""
    return await list_uses(call, RETIREMENT)


async def get_retirement(call: Call) -> Reply:
    """Where a retirement stands."""
    return await get(call, RETIREMENT)


async def withdraw_retirement(call: Call) -> Reply:
    """Take a retirement back while it is held."""
    return await withdraw(call, RETIREMENT)


_ID: Final = {"use_id": USE_PATTERN}

ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/retirements",
        handler=submit_retirement,
        scope=Scope.OFFSET,
        kind=ActionKind.TRANSFER,
        summary="Use units for anything but compliance",
        tag="uses",
        body=RetirementRequest,
        answer=AcceptedUse,
        status=CREATED,
        leads_to={"/v1/retirements/{use_id}": "/id"},
    ),
    Route(
        method="GET",
        path="/v1/retirements",
        handler=list_retirements,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Other uses, newest first",
        tag="uses",
        query=UsesQuery,
        answer=UseAnswers,
    ),
    Route(
        method="GET",
        path="/v1/retirements/{use_id}",
        handler=get_retirement,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Where a retirement stands",
        tag="uses",
        answer=UseAnswer,
        path_parameters=_ID,
    ),
    Route(
        method="POST",
        path="/v1/retirements/{use_id}/withdraw",
        handler=withdraw_retirement,
        scope=Scope.OFFSET,
        kind=ActionKind.TRANSFER,
        summary="Take a retirement back while it is held",
        tag="uses",
        body=WithdrawRequest,
        answer=UseAnswer,
        path_parameters=_ID,
    ),
)
