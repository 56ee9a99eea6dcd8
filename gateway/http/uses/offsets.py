"""Compliance offsets (履约抵销): quote, submit, look, withdraw. Class I only, by the Measures 2023, Art. 29."""

from typing import Any, Final

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.views.use_pictures import quote_of
from gateway.formats import quantity_text, time_text
from gateway.http.refusals.problems import foreseen, refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.services import Services
from gateway.http.shapes import ClientId
from gateway.http.uses.requests import CREATED, OFFSET, get, list_uses, submit, withdraw
from gateway.http.uses.shapes import (
    USE_PATTERN,
    AcceptedUse,
    CertifiedText,
    Quote,
    UnitsRequest,
    UseAnswer,
    UseAnswers,
    UsesQuery,
    WithdrawRequest,
    YearIn,
    cap_body,
    wanted_of,
)
from settlement import serials
from settlement.lot import MethodologyClass
from settlement.offset import QuoteLine
from settlement.use_commands import SubmitOffset
from settlement.use_rejections import CLASS_NOT_ELIGIBLE


class QuoteRequest(UnitsRequest):
    """What an offset would take."""

    compliance_year: YearIn


class OffsetRequest(UnitsRequest):
    """An offset against the obligation of a compliance year."""

    client_id: ClientId
    compliance_year: YearIn
    beneficiary: CertifiedText | None = None
    statement: CertifiedText | None = None


def refuse_class_two(services: Services, value: object) -> None:
    """Class II is `class_not_eligible` whatever else is wrong with the request, its shape included. Raises Refused."""
    if not isinstance(value, dict):
        return
    views = services.views
    if views.instruments.get(str(value.get("listing"))) is MethodologyClass.II:
        raise refusal(CLASS_NOT_ELIGIBLE, pointer="/listing", limit="I", actual=str(value["listing"]))
    lots = value.get("lots")
    for index, part in enumerate(lots if isinstance(lots, list) else ()):
        known = views.lots_known.get(str(part.get("lot"))) if isinstance(part, dict) else None
        if known is not None and known.methodology_class is MethodologyClass.II:
            raise refusal(CLASS_NOT_ELIGIBLE, pointer=f"/lots/{index}", limit="I", actual=known.lot_id)


async def quote(call: Call) -> Reply:
    """What a submission would be answered now: lot by lot, the cap, and what would be retired in what order."""
    body: QuoteRequest = call.body
    now_ns = call.services.clock.now_ns()
    account = call.own_account(body.account)
    quoted = quote_of(call.services.views, account, body.compliance_year, wanted_of(body), now_ns)
    terms = call.services.views.uses.years.in_force(body.compliance_year, now_ns)
    refused = quoted.refused
    lines = sorted(quoted.lines, key=lambda line: not line.retires)
    return Reply(
        {
            "compliance_year": quoted.compliance_year,
            "accepted": refused is None,
            **foreseen(refused, call.language),
            "listing": quoted.instrument,
            "quantity": quantity_text(quoted.quantity_tonnes),
            "lots": [_line_body(call, line) for line in lines],
            "cap": cap_body(quoted.cap),
            "deadline": None if terms is None else time_text(terms.deadline_ns),
            "time": time_text(now_ns),
        }
    )


def _line_body(call: Call, line: QuoteLine) -> dict[str, Any]:
    lot = call.services.views.lots_known[line.lot_id]
    told = foreseen(line.refused, call.language)
    return {
        "lot": line.lot_id,
        "listing": line.instrument,
        "class": lot.methodology_class.value,
        "available": quantity_text(serials.count(line.held)),
        "eligible": line.refused is None,
        "code": told["code"],
        "reason": told["reason"],
        "quantity": quantity_text(serials.count(line.retires)),
        "serials": line.retires,
    }


async def submit_offset(call: Call) -> Reply:
    """Use Class I units against an obligation. Once the registry has been asked there is no way back."""
    body: OffsetRequest = call.body
    wanted = wanted_of(body)
    command = SubmitOffset(
        participant=call.participant,
        account=call.account(body.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        compliance_year=body.compliance_year,
        instrument=wanted.instrument,
        quantity_tonnes=wanted.quantity_tonnes,
        lots=wanted.lots,
        beneficiary=body.beneficiary or "",
        statement=body.statement or "",
    )
    return await submit(call, command)


async def list_offsets(call: Call) -> Reply:
    """Compliance offsets of an account, newest first."""
    return await list_uses(call, OFFSET)


async def get_offset(call: Call) -> Reply:
    """Where an offset stands."""
    return await get(call, OFFSET)


async def withdraw_offset(call: Call) -> Reply:
    """Take an offset back while it is held."""
    return await withdraw(call, OFFSET)


_ID: Final = {"use_id": USE_PATTERN}

ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/offsets/quote",
        handler=quote,
        scope=Scope.OFFSET,
        kind=ActionKind.READ,
        summary="What a compliance offset would take, and every rule that says no",
        tag="uses",
        body=QuoteRequest,
        answer=Quote,
        before_shape=refuse_class_two,
    ),
    Route(
        method="POST",
        path="/v1/offsets",
        handler=submit_offset,
        scope=Scope.OFFSET,
        kind=ActionKind.TRANSFER,
        summary="Submit a compliance offset",
        tag="uses",
        body=OffsetRequest,
        answer=AcceptedUse,
        status=CREATED,
        leads_to={"/v1/offsets/{use_id}": "/id"},
        before_shape=refuse_class_two,
    ),
    Route(
        method="GET",
        path="/v1/offsets",
        handler=list_offsets,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Compliance offsets, newest first",
        tag="uses",
        query=UsesQuery,
        answer=UseAnswers,
    ),
    Route(
        method="GET",
        path="/v1/offsets/{use_id}",
        handler=get_offset,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Where an offset stands",
        tag="uses",
        answer=UseAnswer,
        path_parameters=_ID,
    ),
    Route(
        method="POST",
        path="/v1/offsets/{use_id}/withdraw",
        handler=withdraw_offset,
        scope=Scope.OFFSET,
        kind=ActionKind.TRANSFER,
        summary="Take an offset back while it is held",
        tag="uses",
        body=WithdrawRequest,
        answer=UseAnswer,
        path_parameters=_ID,
    ),
)
