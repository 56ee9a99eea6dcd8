"""Units from the registry's management sub-account into the trading sub-account, and where that stands."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import Entry
from gateway.engine.history import TransferView
from gateway.formats import quantity_text, time_text
from gateway.http import choosing, reasons
from gateway.http.problems import refusal
from gateway.http.replays import decide, raise_if_refused, replay_headers
from gateway.http.routing import Call, Reply, Route
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
from settlement.commands import RequestTransferIn
from settlement.events import LotSlice, TransferRequested
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


class TransferLot(Answer):
    """Serials of one lot."""

    lot: str
    serials: list[tuple[int, int]]


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
    reason: Annotated[str | None, Field(description="The registry's code, where it refused.")]
    created_at: Time
    ended_at: Time | None


class Transfers(Answer):
    """Transfers, newest first."""

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


def _requested(entry: Entry) -> dict[str, Any]:
    command = entry.command
    assert isinstance(command, RequestTransferIn), f"{type(command).__name__} is no transfer in"
    event = next(event for event in entry.events if isinstance(event, TransferRequested))
    return {
        "id": event.instruction_id,
        "client_id": event.client_id,
        "account": event.account,
        "kind": event.kind.value,
        "listing": event.instrument,
        "quantity": quantity_text(event.quantity_tonnes),
        "lots": [{"lot": part.lot_id, "serials": part.serials} for part in command.lots],
        "state": "pending",
        "reason": None,
        "created_at": time_text(entry.at_ns),
        "ended_at": None,
    }


async def get_transfer_in(call: Call) -> Reply:
    """One transfer."""
    found = await call.services.history.transfer(call.path["transfer_id"])
    if found is None or found.kind != "transfer_in" or not _may_see(call, found.account):
        raise refusal(reasons.NOT_FOUND, actual=call.path["transfer_id"])
    return Reply(transfer_body(found))


def _may_see(call: Call, account: str) -> bool:
    view = call.services.views.account(account)
    key = call.signed_by
    return view is not None and (view.owner == key.participant or Scope.SUPERVISE in key.scopes)


async def list_transfers_in(call: Call) -> Reply:
    """Transfers in, newest first; or the one with a client id of one's own."""
    query: TransfersQuery = call.query or TransfersQuery()
    account = call.own_account(query.account).account
    history = call.services.history
    if query.client_id is not None:
        found = await history.transfer_by_client_id(account, query.client_id)
        items = [] if found is None else [transfer_body(found)]
        return Reply({"items": items, "next": None})
    page = await history.transfers(account, kind="transfer_in", after=query.after, limit=query.limit)
    return Reply({"items": [transfer_body(transfer) for transfer in page.items], "next": page.next})


def transfer_body(transfer: TransferView) -> dict[str, Any]:
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
        "created_at": time_text(transfer.at_ns),
        "ended_at": None if transfer.ended_ns is None else time_text(transfer.ended_ns),
    }


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/transfers-in",
        handler=request_transfer_in,
        scope=Scope.TRANSFER,
        kind=ActionKind.TRANSFER,
        summary="Move units from the management into the trading sub-account",
        tag="transfers",
        body=TransferInRequest,
        answer=Transfer,
        status=CREATED,
    ),
    Route(
        method="GET",
        path="/v1/transfers-in",
        handler=list_transfers_in,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Transfers in, newest first",
        tag="transfers",
        query=TransfersQuery,
        answer=Transfers,
    ),
    Route(
        method="GET",
        path="/v1/transfers-in/{transfer_id}",
        handler=get_transfer_in,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Where a transfer stands",
        tag="transfers",
        answer=Transfer,
        path_parameters={"transfer_id": "^[a-z0-9-]{1,40}$"},
    ),
)
