"""Negotiated transfers (协议转让): file, confirm, counter, decline, withdraw, and look at one's boxes.

Both sides see one object. An answer is the object as the account's event log tells it of that very step, so that a
repeated request, also after a restart, is answered with the very same words although the transfer has gone on.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.entry import Entry
from gateway.engine.told.negotiated_news import KINDS
from gateway.engine.views.negotiations import STEPS, NegotiationView, Step
from gateway.http.accounts.transfers import LotRequest
from gateway.http.cursors import merge_newest_first
from gateway.http.negotiated.answers import (
    HASH_PATTERN,
    NegotiatedTransfer,
    NegotiatedTransferDetail,
    NegotiatedTransfers,
    detail_body,
    told_body,
    view_body,
)
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.replays import decide, refused_by, replay_headers
from gateway.http.routing import Call, Handler, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    ClientId,
    ListingCode,
    Page,
    PriceIn,
    PublicText,
    QuantityIn,
    Request,
    TimeIn,
)
from matching.events import Rejected
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    NegotiationCommand,
    WithdrawNegotiatedTransfer,
)
from matching.negotiated_events import NegotiatedTransferKnown
from matching.negotiated_rejections import NEGOTIATED_ENDED, NEGOTIATED_UNKNOWN
from matching.order import Side
from matching.terms import MAX_AGREEMENT_NO, NegotiatedId
from settlement import serials as ranges
from settlement.named_lots import MAX_NAMED_LOTS, NamedLot
from settlement.rejections import SERIALS_MALFORMED
from settlement.values import AccountId, AssetCode, LotId

CREATED: Final = 201
KNOWN: Final = 200
BY_ID: Final = "/transfer_id"
"""Where the core's reasons point for the transfer itself, which stands in the address."""

Lots = Annotated[
    list[LotRequest],
    Field(
        min_length=1,
        max_length=MAX_NAMED_LOTS,
        description="The lots to be delivered, by serials or by quantity; together the whole quantity.",
    ),
]


class FileRequest(Request):
    """A proposal to a counterparty, or to everyone where the rule book allows open offers."""

    client_id: ClientId
    listing: ListingCode
    side: Literal["buy", "sell"]
    price: PriceIn
    quantity: QuantityIn
    counterparty: Annotated[
        AccountName | None, Field(description="The other side's account; absent for an open offer.")
    ] = None
    lots: Lots | None = None
    agreement_no: Annotated[
        PublicText | None,
        Field(
            max_length=MAX_AGREEMENT_NO,
            description="The parties' own number: the same agreement filed twice, by either side, is filed once.",
        ),
    ] = None
    expires_at: TimeIn | None = None
    account: AccountName | None = None


class StepRequest(Request):
    """Nothing more need be said."""

    client_id: ClientId
    account: AccountName | None = None


class ConfirmRequest(StepRequest):
    """The hash of the very terms that were read."""

    terms_hash: Annotated[str, Field(pattern=HASH_PATTERN)]
    lots: Annotated[
        Lots | None, Field(description="A seller may name what it delivers where the terms do not.")
    ] = None


class CounterRequest(StepRequest):
    """Other terms, whole: what is absent here is absent in them."""

    price: PriceIn
    quantity: QuantityIn
    lots: Lots | None = None
    expires_at: TimeIn | None = None


class BoxQuery(Page):
    """Which transfers; all of the account's when nothing is given."""

    box: Annotated[
        Literal["in", "out", "offers"] | None,
        Field(
            description="`in`: on the other side's terms; `out`: on one's own; `offers`: open to everyone."
        ),
    ] = None
    state: Annotated[
        Literal["open", "executed", "declined", "withdrawn", "expired", "rejected"] | None,
        Field(description="`open` is whatever has not ended."),
    ] = None
    account: AccountName | None = None


async def file_transfer(call: Call) -> Reply:
    """Propose a transfer; one's cover is held at once. An agreement filed already answers 200 with that object."""
    body: FileRequest = call.body
    command = FileNegotiatedTransfer(
        **_who(call, body),
        listing=AssetCode(body.listing),
        side=Side(body.side),
        price_fen=body.price,
        quantity_tonnes=body.quantity,
        counterparty=None if body.counterparty is None else AccountId(body.counterparty),
        lots=_named(body.lots),
        agreement_no=body.agreement_no or "",
        expires_at_ns=body.expires_at,
    )
    return await _decided(call, command, status=CREATED)


async def confirm_transfer(call: Call) -> Reply:
    """Agree to the terms that were read, by their hash; the answer's state says what became of it at once."""
    body: ConfirmRequest = call.body
    command = ConfirmNegotiatedTransfer(
        **_who(call, body), transfer_id=_id(call), terms_hash=body.terms_hash, lots=_named(body.lots)
    )
    return await _decided(call, command)


async def counter_transfer(call: Call) -> Reply:
    """Answer with other terms: roles turn, one's own cover is held and the other side's released."""
    body: CounterRequest = call.body
    command = CounterNegotiatedTransfer(
        **_who(call, body),
        transfer_id=_id(call),
        price_fen=body.price,
        quantity_tonnes=body.quantity,
        lots=_named(body.lots),
        expires_at_ns=body.expires_at,
    )
    return await _decided(call, command)


async def decline_transfer(call: Call) -> Reply:
    """Say no, as the side whose answer is awaited; the other side's cover is released."""
    return await _decided(call, DeclineNegotiatedTransfer(**_who(call, call.body), transfer_id=_id(call)))


async def withdraw_transfer(call: Call) -> Reply:
    """Take back one's own terms before they are confirmed; one's cover is released."""
    return await _decided(call, WithdrawNegotiatedTransfer(**_who(call, call.body), transfer_id=_id(call)))


def _who(call: Call, body: FileRequest | StepRequest) -> dict[str, Any]:
    return {
        "participant": call.participant,
        "account": call.account(body.account),
        "client_id": body.client_id,
        "deadline_ns": call.deadline_ns,
        "session": call.session,
    }


def _id(call: Call) -> NegotiatedId:
    return NegotiatedId(int(call.path["transfer_id"]))


def _named(lots: Sequence[LotRequest] | None) -> tuple[NamedLot, ...]:
    return tuple(_named_lot(lot, f"/lots/{index}") for index, lot in enumerate(lots or ()))


def _named_lot(lot: LotRequest, pointer: str) -> NamedLot:
    if (lot.serials is None) == (lot.quantity is None):
        raise refusal(reasons.SERIALS_OR_QUANTITY, pointer=pointer)
    if lot.quantity is not None:
        return NamedLot(lot_id=LotId(lot.lot), quantity_tonnes=lot.quantity)
    serials = tuple((first, end) for first, end in lot.serials or ())
    if not ranges.is_well_formed(serials):
        raise refusal(SERIALS_MALFORMED, pointer=f"{pointer}/serials", actual=lot.lot)
    return NamedLot(lot_id=LotId(lot.lot), quantity_tonnes=ranges.count(serials), serials=serials)


async def _decided(call: Call, command: NegotiationCommand, *, status: int = KNOWN) -> Reply:
    """Have it decided, and answer with the object as both sides were told it. Raises Refused."""
    entry, replayed = await decide(call.services, command)
    last = entry.events[-1]
    headers = replay_headers(replayed=replayed)
    if isinstance(last, Rejected):
        raise await _refused(call, command, last, replayed=replayed)
    known = next((event for event in entry.events if isinstance(event, NegotiatedTransferKnown)), None)
    if known is not None:
        found = await find_transfer(call, known.transfer_id)
        assert found is not None, f"transfer {known.transfer_id} is known to the core only"
        return Reply(view_body(found, call.services.views.lots_known), status=KNOWN, headers=headers)
    transfer_id = entry.seq if isinstance(command, FileNegotiatedTransfer) else command.transfer_id
    step = _last_step(entry, transfer_id)
    history = call.services.history.negotiated
    told = await history.told(command.account, entry.seq, KINDS[type(step)], transfer_id)
    return Reply(told_body(told, call.services.views.lots_known), status=status, headers=headers)


async def _refused(call: Call, command: NegotiationCommand, event: Rejected, *, replayed: bool) -> Refused:
    """The refusal; for a transfer of an earlier day, which the core has let go of, with what became of it."""
    if event.code == NEGOTIATED_UNKNOWN.code and not isinstance(command, FileNegotiatedTransfer):
        found = await find_transfer(call, command.transfer_id)
        if found is not None and command.account in found.parties and not found.is_open:
            headers = replay_headers(replayed=replayed)
            return refusal(NEGOTIATED_ENDED, pointer="", actual=found.state.value, headers=headers)
    return refused_by(event, in_path=BY_ID, replayed=replayed)


def _last_step(entry: Entry, transfer_id: int) -> Step:
    """What the entry last did to that transfer. Time alone may have ended others in the same entry."""
    for event in reversed(entry.events):
        if type(event) in STEPS:
            assert isinstance(event, Step)
            if event.transfer_id == transfer_id:
                return event
    raise AssertionError(f"entry {entry.seq} does nothing to transfer {transfer_id}")


async def get_transfer(call: Call) -> Reply:
    """One transfer with every round; for its two sides, and for everybody while it is an open offer."""
    transfer_id = _id(call)
    found = await find_transfer(call, transfer_id)
    if found is None or not _may_see(call, found):
        raise refusal(reasons.NOT_FOUND, actual=str(transfer_id))
    services = call.services
    return Reply(detail_body(found, services.views, services.clock.now_ns()))


async def find_transfer(call: Call, transfer_id: int) -> NegotiationView | None:
    """A transfer, whoever may see it."""
    services = call.services
    return services.views.negotiation(transfer_id) or await services.history.negotiated.transfer(transfer_id)


def _may_see(call: Call, transfer: NegotiationView) -> bool:
    if Scope.SUPERVISE in call.signed_by.scopes or transfer.is_offered_to_all:
        return True
    return any(call.may_see(account) for account in transfer.parties)


async def list_transfers(call: Call) -> Reply:
    """One's negotiated transfers, newest first; or what is offered to everyone."""
    query: BoxQuery = call.query or BoxQuery()
    account = call.own_account(query.account).account
    return await page_of(call, account, query)


async def page_of(call: Call, account: str | None, query: BoxQuery) -> Reply:
    """A page of an account's transfers, or of all of them."""
    services = call.services
    # Looked at before the database: what ends in between is found there.
    live = [transfer for transfer in services.views.open_negotiations() if _is_in(transfer, account, query)]
    stored = None
    if query.box != "offers" and query.state != "open":
        stored = await services.history.negotiated.transfers(
            account, box=query.box, state=query.state, after=query.after, limit=query.limit
        )
    found, following = merge_newest_first(
        live, stored, query.after, query.limit, id_of=lambda transfer: transfer.transfer_id
    )
    lots = services.views.lots_known
    return Reply({"items": [view_body(transfer, lots) for transfer in found], "next": following})


def _is_in(transfer: NegotiationView, account: str | None, query: BoxQuery) -> bool:
    """Whether a transfer that has not ended is in what is asked for."""
    if query.state not in ("open", None):
        return False
    if query.box == "offers":
        return transfer.is_offered_to_all
    if account is None:
        return True
    is_own = transfer.proposed_by == account
    return account in transfer.parties and (query.box is None or is_own == (query.box == "out"))


PATH: Final = "/v1/negotiated-transfers"
_ID: Final = {"transfer_id": DIGITS_PATTERN}


def _step(word: str, handler: Handler, summary: str, body: type[Request]) -> Route:
    return Route(
        method="POST",
        path=f"{PATH}/{{transfer_id}}/{word}",
        handler=handler,
        scope=Scope.NEGOTIATE,
        kind=ActionKind.NEGOTIATE,
        summary=summary,
        tag="negotiated transfers",
        body=body,
        answer=NegotiatedTransfer,
        path_parameters=_ID,
    )


_look = partial(Route, method="GET", scope=Scope.READ, kind=ActionKind.READ, tag="negotiated transfers")

ROUTES: Final = (
    Route(
        method="POST",
        path=PATH,
        handler=file_transfer,
        scope=Scope.NEGOTIATE,
        kind=ActionKind.NEGOTIATE,
        summary="Propose a negotiated transfer",
        tag="negotiated transfers",
        body=FileRequest,
        answer=NegotiatedTransfer,
        status=CREATED,
        leads_to={f"{PATH}/{{transfer_id}}": "/id"},
        otherwise={KNOWN: NegotiatedTransfer},
    ),
    _look(
        PATH, list_transfers, "Own negotiated transfers, newest first", NegotiatedTransfers, query=BoxQuery
    ),
    _look(
        f"{PATH}/{{transfer_id}}",
        get_transfer,
        "One negotiated transfer with every round",
        NegotiatedTransferDetail,
        path_parameters=_ID,
    ),
    _step("confirm", confirm_transfer, "Confirm the very terms that were read", ConfirmRequest),
    _step("counter", counter_transfer, "Answer with other terms", CounterRequest),
    _step("decline", decline_transfer, "Decline the other side's terms", StepRequest),
    _step("withdraw", withdraw_transfer, "Withdraw one's own terms", StepRequest),
)
