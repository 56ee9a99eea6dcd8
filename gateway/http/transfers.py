"""Units from the registry's management sub-account into the trading sub-account, and where that stands."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import Entry
from gateway.engine.history import TransferView
from gateway.formats import quantity_text, time_text
from gateway.http import reasons
from gateway.http.problems import refusal
from gateway.http.replays import decide, raise_if_refused, replay_headers
from gateway.http.routing import Call, Reply, Route
from gateway.http.services import HoldingsUnknown
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
from settlement import serials as ranges
from settlement.commands import RequestTransferIn
from settlement.events import InstructionKind, LotSlice, TransferRequested
from settlement.rejections import INSTRUMENT_UNKNOWN, INSUFFICIENT_UNITS, LOT_UNKNOWN
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
    instrument, lots = await _chosen(call, account, body)
    command = RequestTransferIn(
        participant=call.participant,
        account=account,
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        instrument=instrument,
        lots=lots,
        asked=str(lots),
    )
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    return Reply(_requested(entry), status=CREATED, headers=replay_headers(replayed=replayed))


async def _chosen(
    call: Call, account: AccountId, body: TransferInRequest
) -> tuple[AssetCode, tuple[LotSlice, ...]]:
    if (body.lots is None) == (body.quantity is None) or (body.quantity is None) != (body.listing is None):
        raise refusal(reasons.LOTS_OR_QUANTITY)
    # The same request a second time means the serials chosen the first time, whatever lies there now.
    before = await call.services.history.transfer_by_client_id(account, body.client_id)
    if before is not None and _asks_the_same(body, before):
        return AssetCode(before.instrument), tuple(
            LotSlice(lot_id=LotId(lot), serials=serials) for lot, serials in before.lots
        )
    if body.lots is None:
        assert body.listing is not None
        assert body.quantity is not None
        return AssetCode(body.listing), await _first_in_first_out(call, account, body.listing, body.quantity)
    return _instrument_of(call, body.lots), await _named(call, account, body.lots)


def _asks_the_same(body: TransferInRequest, before: TransferView) -> bool:
    if body.lots is None:
        return (body.listing, body.quantity) == (before.instrument, before.quantity_tonnes)
    wanted = [(part.lot, part.quantity or ranges.count(_serials(part))) for part in body.lots]
    return wanted == [(lot, ranges.count(serials)) for lot, serials in before.lots] and all(
        part.serials is None or _serials(part) == serials
        for part, (_, serials) in zip(body.lots, before.lots, strict=True)
    )


def _serials(part: LotRequest) -> ranges.Serials:
    return tuple((first, end) for first, end in part.serials or ())


async def _holdings(call: Call, account: AccountId) -> tuple[LotSlice, ...]:
    # Whose account it is must be clear before the registry is asked about it.
    call.own_account(account)
    try:
        there = await call.services.management_holdings(account)
    except HoldingsUnknown:
        raise refusal(reasons.REGISTRY_UNREACHABLE, headers={"Retry-After": "5"}) from None
    on_their_way = [
        leg
        for instruction in call.services.views.pending_instructions.values()
        for leg in instruction.legs
        if instruction.kind is InstructionKind.TRANSFER_IN and leg.from_account == account
    ]
    left = (
        LotSlice(
            lot_id=part.lot_id,
            serials=_without(
                part.serials, [leg.serials for leg in on_their_way if leg.lot_id == part.lot_id]
            ),
        )
        for part in there
    )
    return tuple(part for part in left if part.serials)


def _without(serials: ranges.Serials, taken: list[ranges.Serials]) -> ranges.Serials:
    """What is left; unlike `serials.difference`, what is taken need not be there any more."""
    cuts = sorted(cut for part in taken for cut in part)
    left: list[ranges.SerialRange] = []
    for start, end in serials:
        first = start
        for cut_first, cut_end in cuts:
            if cut_end <= first or cut_first >= end:
                continue
            if first < cut_first:
                left.append((first, cut_first))
            first = cut_end
        if first < end:
            left.append((first, end))
    return tuple(left)


async def _first_in_first_out(
    call: Call, account: AccountId, listing: str, quantity_tonnes: int
) -> tuple[LotSlice, ...]:
    views = call.services.views
    if listing not in views.instruments:
        raise refusal(INSTRUMENT_UNKNOWN, actual=listing)
    known = views.lots_known
    there = [part for part in await _holdings(call, account) if part.lot_id in known]
    held = [part for part in there if known[part.lot_id].instrument == listing]
    total = sum(ranges.count(part.serials) for part in held)
    if total < quantity_tonnes:
        raise refusal(INSUFFICIENT_UNITS, limit=total, actual=quantity_tonnes)
    chosen: list[LotSlice] = []
    wanted = quantity_tonnes
    for part in sorted(held, key=lambda part: known[part.lot_id].delivery_order):
        if not wanted:
            break
        taken, _ = ranges.take_first(part.serials, min(wanted, ranges.count(part.serials)))
        chosen.append(LotSlice(lot_id=part.lot_id, serials=taken))
        wanted -= ranges.count(taken)
    return tuple(chosen)


def _instrument_of(call: Call, lots: list[LotRequest]) -> AssetCode:
    lot = call.services.views.lots_known.get(LotId(lots[0].lot))
    if lot is None:
        raise refusal(LOT_UNKNOWN, pointer="/lots/0/lot", actual=lots[0].lot)
    return lot.instrument


async def _named(call: Call, account: AccountId, lots: list[LotRequest]) -> tuple[LotSlice, ...]:
    there: dict[str, ranges.Serials] | None = None
    chosen: list[LotSlice] = []
    for index, part in enumerate(lots):
        if (part.serials is None) == (part.quantity is None):
            raise refusal(reasons.LOTS_OR_QUANTITY, pointer=f"/lots/{index}")
        serials = _serials(part)
        if part.quantity is not None:
            if there is None:
                there = {slice_.lot_id: slice_.serials for slice_ in await _holdings(call, account)}
            found = there.get(part.lot, ())
            if ranges.count(found) < part.quantity:
                raise refusal(
                    INSUFFICIENT_UNITS,
                    pointer=f"/lots/{index}/quantity",
                    limit=ranges.count(found),
                    actual=part.quantity,
                )
            serials, _ = ranges.take_first(found, part.quantity)
        chosen.append(LotSlice(lot_id=LotId(part.lot), serials=serials))
    return tuple(chosen)


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
