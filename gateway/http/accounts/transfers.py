"""Units between an account's two registry sub-accounts, in and out, and where each transfer stands."""

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import Entry
from gateway.engine.history.history import TransferView
from gateway.engine.told.account_events import transferred
from gateway.formats import quantity_text, time_text
from gateway.http.accounts import choosing
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Language, refusal
from gateway.http.refusals.registry_refusals import refusal_body
from gateway.http.replays import decide, raise_if_refused, replay_headers
from gateway.http.routing import Call, Handler, Reply, Route
from gateway.http.shapes import (
    AccountName,
    Answer,
    ClientId,
    ListingCode,
    Name,
    Page,
    Quantity,
    QuantityIn,
    Request,
    Serials,
    ShortText,
    Time,
)
from settlement.commands import RequestTransferIn, RequestTransferOut
from settlement.events import InstructionKind, LotSlice, TransferRequested
from settlement.lot_choice import LotChoice
from settlement.values import AccountId, AssetCode, LotId

CREATED: Final = 201
LOTS_MOST: Final = 200


class LotRequest(Request):
    """Units of one lot: these serials, or so many tonnes of it."""

    lot: ShortText
    serials: Serials | None = None
    quantity: QuantityIn | None = None


class TransferInRequest(Request):
    """Either `listing` and `quantity`, first in first out by date of issue; or `lots`."""

    client_id: ClientId
    account: AccountName | None = None
    listing: ListingCode | None = None
    quantity: QuantityIn | None = None
    lots: Annotated[list[LotRequest], Field(min_length=1, max_length=LOTS_MOST)] | None = None


class TransferOutRequest(TransferInRequest):
    """Either `listing` and `quantity`, first in first out by date of issue; or `lots`."""


class TransferLot(Answer):
    """Serials of one lot."""

    lot: str
    serials: list[tuple[int, int]]


class Refusal(Answer):
    """Why the registry refused."""

    code: str
    number: Annotated[int, Field(description="On the line to the registry; never changes.")]
    text: Annotated[str, Field(description="In words, Chinese or English.")]


class Transfer(Answer):
    """A transfer between one's two registry sub-accounts."""

    id: Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]
    client_id: ClientId
    account: AccountName
    kind: Literal["transfer_in", "transfer_out"]
    listing: ListingCode
    quantity: Quantity
    lots: list[TransferLot]
    state: Literal["pending", "completed", "failed"]
    reason: Annotated[str | None, Field(description="The code of the refusal, where it failed.")]
    refusal: Annotated[Refusal | None, Field(description="The registry's refusal in words.")]
    created_at: Time
    ended_at: Time | None


class Transfers(Answer):
    """Transfers of one direction, newest first."""

    items: list[Transfer]
    next: str | None


class TransfersQuery(Page):
    """Which transfers."""

    account: AccountName | None = None
    client_id: Name | None = None


async def request_transfer_in(call: Call) -> Reply:
    """Ask the registry to move units in. They are there when the state is `completed`."""
    body: TransferInRequest = call.body
    account = call.account(body.account)
    async with call.services.turns.of(account):
        instrument, lots, asked = await _chosen(call, account, body)
        command = RequestTransferIn(
            participant=call.participant,
            account=account,
            client_id=body.client_id,
            deadline_ns=call.deadline_ns,
            session=call.session,
            instrument=instrument,
            lots=lots,
            asked=asked,
        )
        entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    return Reply(_requested(entry), status=CREATED, headers=replay_headers(replayed=replayed))


async def _chosen(
    call: Call, account: AccountId, body: TransferInRequest
) -> tuple[AssetCode, tuple[LotSlice, ...], str]:
    """Of what, which units, and what was asked for; to be called in the account's turn."""
    if (body.lots is None) == (body.quantity is None) or (body.quantity is None) != (body.listing is None):
        raise refusal(reasons.LOTS_OR_QUANTITY)
    # Whether this is the request of before, the core judges by what was asked; what lies there now is of no account.
    before = await call.services.history.transfer_by_client_id(account, body.client_id)
    first = None if before is None else _lots_of(before)
    if body.lots is None:
        assert body.listing is not None
        assert body.quantity is not None
        lots = first or await choosing.first_in_first_out(call, account, body.listing, body.quantity)
        return AssetCode(body.listing), lots, choosing.asked_by_quantity(body.quantity)
    instrument = choosing.instrument_of(call, body.lots)
    return (
        instrument,
        first or await choosing.named(call, account, body.lots),
        choosing.asked_by_lots(body.lots),
    )


def _lots_of(transfer: TransferView) -> tuple[LotSlice, ...]:
    return tuple(LotSlice(lot_id=LotId(lot), serials=serials) for lot, serials in transfer.lots)


async def request_transfer_out(call: Call) -> Reply:
    """Ask the registry to move units back to the management side. They are committed to that until it has answered."""
    body: TransferOutRequest = call.body
    account = call.account(body.account)
    if (body.lots is None) == (body.quantity is None) or (body.quantity is None) != (body.listing is None):
        raise refusal(reasons.LOTS_OR_QUANTITY)
    lots: tuple[LotChoice, ...] = ()
    if body.lots is None:
        assert body.listing is not None
        instrument = AssetCode(body.listing)
    else:
        instrument, lots = choosing.instrument_of(call, body.lots), choosing.choices(body.lots)
    command = RequestTransferOut(
        participant=call.participant,
        account=account,
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        instrument=instrument,
        quantity_tonnes=body.quantity or 0,
        lots=lots,
    )
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    return Reply(_requested(entry), status=CREATED, headers=replay_headers(replayed=replayed))


def _requested(entry: Entry) -> dict[str, Any]:
    event = next(event for event in entry.events if isinstance(event, TransferRequested))
    return {
        "id": event.instruction_id,
        "client_id": event.client_id,
        "account": event.account,
        "kind": event.kind.value,
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        "lots": [{"lot": part.lot_id, "serials": part.serials} for part in transferred(entry, event)],
        "state": "pending",
        "reason": None,
        "refusal": None,
        "created_at": time_text(entry.at_ns),
        "ended_at": None,
    }


async def get_transfer_in(call: Call) -> Reply:
    """One transfer."""
    return await _get(call, InstructionKind.TRANSFER_IN)


async def get_transfer_out(call: Call) -> Reply:
    """One transfer."""
    return await _get(call, InstructionKind.TRANSFER_OUT)


async def _get(call: Call, kind: InstructionKind) -> Reply:
    found = await call.services.history.transfer(call.path["transfer_id"])
    if found is None or found.kind != kind.value or not call.may_see(found.account):
        raise refusal(reasons.NOT_FOUND, actual=call.path["transfer_id"])
    return Reply(transfer_body(found, call.language))


async def list_transfers_in(call: Call) -> Reply:
    """Transfers in, newest first; or the one with a client id of one's own."""
    return await _list(call, InstructionKind.TRANSFER_IN)


async def list_transfers_out(call: Call) -> Reply:
    """Transfers out, newest first; or the one with a client id of one's own."""
    return await _list(call, InstructionKind.TRANSFER_OUT)


async def _list(call: Call, kind: InstructionKind) -> Reply:
    query: TransfersQuery = call.query or TransfersQuery()
    account = call.own_account(query.account).account
    history = call.services.history
    if query.client_id is not None:
        found = await history.transfer_by_client_id(account, query.client_id)
        is_it = found is not None and found.kind == kind.value
        items = [transfer_body(found, call.language)] if found is not None and is_it else []
        return Reply({"items": items, "next": None})
    page = await history.transfers(account, kind=kind.value, after=query.after, limit=query.limit)
    return Reply(
        {"items": [transfer_body(transfer, call.language) for transfer in page.items], "next": page.next}
    )


def transfer_body(transfer: TransferView, language: Language) -> dict[str, Any]:
    """A transfer as it stands."""
    return {
        "id": transfer.instruction_id,
        "client_id": transfer.client_id,
        "account": transfer.account,
        "kind": transfer.kind,
        "listing": transfer.instrument,
        "quantity": quantity_text(transfer.quantity_tonnes),
        "lots": [{"lot": lot, "serials": serials} for lot, serials in transfer.lots],
        "state": transfer.state,
        "reason": transfer.failure,
        "refusal": refusal_body(transfer.failure, language),
        "created_at": time_text(transfer.at_ns),
        "ended_at": None if transfer.ended_ns is None else time_text(transfer.ended_ns),
    }


def _asking(direction: str, handler: Handler, summary: str, body: type[Request]) -> Route:
    return Route(
        method="POST",
        path=f"/v1/transfers-{direction}",
        handler=handler,
        scope=Scope.TRANSFER,
        kind=ActionKind.TRANSFER,
        summary=summary,
        tag="transfers",
        body=body,
        answer=Transfer,
        status=CREATED,
        leads_to={f"/v1/transfers-{direction}/{{transfer_id}}": "/id"},
    )


_reading = partial(Route, method="GET", scope=Scope.READ, kind=ActionKind.READ, tag="transfers")
_ID: Final = {"transfer_id": "^[a-z0-9-]{1,40}$"}

ROUTES: Final = (
    _asking(
        "in",
        request_transfer_in,
        "Move units from the management into the trading sub-account",
        TransferInRequest,
    ),
    _reading(
        "/v1/transfers-in", list_transfers_in, "Transfers in, newest first", Transfers, query=TransfersQuery
    ),
    _reading(
        "/v1/transfers-in/{transfer_id}",
        get_transfer_in,
        "Where a transfer in stands",
        Transfer,
        path_parameters=_ID,
    ),
    _asking(
        "out",
        request_transfer_out,
        "Move units from the trading back into the management sub-account",
        TransferOutRequest,
    ),
    _reading(
        "/v1/transfers-out",
        list_transfers_out,
        "Transfers out, newest first",
        Transfers,
        query=TransfersQuery,
    ),
    _reading(
        "/v1/transfers-out/{transfer_id}",
        get_transfer_out,
        "Where a transfer out stands",
        Transfer,
        path_parameters=_ID,
    ),
)
