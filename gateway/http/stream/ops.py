"""What a client may ask over the WebSocket, and how it is read."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.http.listed.orders import OrderRequest
from gateway.http.listed.replacement import ReplaceRequest
from gateway.http.negotiated.transfers import ConfirmRequest, CounterRequest, FileRequest, StepRequest
from gateway.http.refusals.door_reasons import PUBLIC_ONLY
from gateway.http.refusals.problems import refusal
from gateway.http.shapes import DIGITS_PATTERN, AccountName, ListingCode, Request, SecretRequest, TimeIn
from gateway.http.stream.hub import PRIVATE_CHANNEL

RequestId = Annotated[str, Field(max_length=64)] | Annotated[int, Field(ge=0, le=2**53)]
"""Chosen by the client, given back with the answer."""


class Op(Request):
    """Every request has an op, and an id if an answer is to be told from others."""

    op: str
    id: RequestId | None = None


class Logon(Op, SecretRequest):
    """Sign once for the connection: `GET`, `/v1/ws`, and an empty body."""

    op: Literal["logon"]
    key: Annotated[str, Field(max_length=64)]
    timestamp: Annotated[str, Field(max_length=20)] | int
    signature: Annotated[str, Field(max_length=128)]
    cancel_on_disconnect: (
        Annotated[
            int,
            Field(
                ge=3,
                le=300,
                strict=True,
                description="Should this connection be lost without a logout, cancel the account's open listed orders after"
                " so many seconds, unless the key has logged on with `cancel_on_disconnect` again by then.",
            ),
        ]
        | None
    ) = None


class Logout(Op):
    """Go without leaving a timer behind: nothing is cancelled. The connection stays, as a stranger's."""

    op: Literal["logout"]


class PageLogon(Op, SecretRequest):
    """Log on as the person whose session's cookie came with the handshake; the csrf token is the session's."""

    op: Literal["logon"]
    csrf: Annotated[str, Field(max_length=64)]


class Subscribe(Op):
    """A channel; of one listing, or of all where none is named. `resume_from` and `account` are for `events`."""

    op: Literal["subscribe"]
    channel: Annotated[str, Field(max_length=32)]
    listing: ListingCode | None = None
    resume_from: (
        Annotated[int, Field(ge=0, le=2**53)] | Annotated[str, Field(pattern="^[0-9]{1,15}$")] | None
    ) = None
    account: AccountName | None = None


class Unsubscribe(Op):
    """No more of a channel."""

    op: Literal["unsubscribe"]
    channel: Annotated[str, Field(max_length=32)]
    listing: ListingCode | None = None


class Resync(Op):
    """A snapshot again, of a public channel that is subscribed."""

    op: Literal["resync"]
    channel: Annotated[str, Field(max_length=32)] = "depth"
    listing: ListingCode | None = None


class SubmitOp(OrderRequest):
    """An order: the fields of the REST body, and what X-Deadline is there."""

    op: Literal["order.submit"]
    id: RequestId | None = None
    deadline: TimeIn | None = None


class ReplaceOp(ReplaceRequest):
    """Replace an order: the fields of the REST body, which order, and what X-Deadline is there."""

    op: Literal["order.replace"]
    id: RequestId | None = None
    order_id: Annotated[str, Field(pattern=DIGITS_PATTERN)]
    deadline: TimeIn | None = None


class CancelOp(Op):
    """Cancel an order."""

    op: Literal["order.cancel"]
    order_id: Annotated[str, Field(pattern=DIGITS_PATTERN)]
    account: AccountName | None = None
    deadline: TimeIn | None = None


class NegotiatedOp(Request):
    """A step of a negotiated transfer: the fields of the REST body, and what X-Deadline is there."""

    id: RequestId | None = None
    deadline: TimeIn | None = None


class NegotiatedStepOp(NegotiatedOp):
    """Of a transfer that was filed."""

    transfer_id: Annotated[str, Field(pattern=DIGITS_PATTERN)]


class FileOp(FileRequest, NegotiatedOp):
    """Propose a transfer."""

    op: Literal["negotiated.file"]


class ConfirmOp(ConfirmRequest, NegotiatedStepOp):
    """Confirm the very terms that were read."""

    op: Literal["negotiated.confirm"]


class CounterOp(CounterRequest, NegotiatedStepOp):
    """Answer with other terms."""

    op: Literal["negotiated.counter"]


class DeclineOp(StepRequest, NegotiatedStepOp):
    """Decline the other side's terms."""

    op: Literal["negotiated.decline"]


class WithdrawOp(StepRequest, NegotiatedStepOp):
    """Withdraw one's own terms."""

    op: Literal["negotiated.withdraw"]


class Ping(Op):
    """Is anybody there."""

    op: Literal["ping"]


OPS: Final[dict[str, type[Request]]] = {
    "logon": Logon,
    "logout": Logout,
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "resync": Resync,
    "order.submit": SubmitOp,
    "order.replace": ReplaceOp,
    "order.cancel": CancelOp,
    "negotiated.file": FileOp,
    "negotiated.confirm": ConfirmOp,
    "negotiated.counter": CounterOp,
    "negotiated.decline": DeclineOp,
    "negotiated.withdraw": WithdrawOp,
    "ping": Ping,
}
"""Every op with its shape; a logon has another one for people (`shape_of`)."""


def shape_of(op: Any, message: dict[str, Any]) -> type[Request] | None:  # noqa: ANN401 - whatever the client sent
    """The shape a message must have; none when there is no such op."""
    if op == "logon" and "csrf" in message:
        return PageLogon
    return OPS.get(op) if isinstance(op, str) else None


def require_public(request: Request) -> None:
    """Refuse what is not for everybody, at a process that serves the public only. Raises Refused."""
    is_private = isinstance(request, Subscribe) and request.channel == PRIVATE_CHANNEL
    if is_private or not isinstance(request, Subscribe | Unsubscribe | Resync | Ping):
        raise refusal(PUBLIC_ONLY)


def request_id_of(message: Any) -> str | int | None:  # noqa: ANN401 - whatever the client sent
    """The id to answer with, if it is one."""
    found = message.get("id") if isinstance(message, dict) else None
    try:
        return _REQUEST_ID.validate_python(found, strict=True)
    except ValidationError:
        return None


_REQUEST_ID: Final[TypeAdapter[str | int | None]] = TypeAdapter(RequestId | None)
