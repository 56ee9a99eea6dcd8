"""What the WebSocket says: the results of its ops and its pushes. Written by hand where they are sent, held against by
tests, and what the AsyncAPI document is made of.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from gateway.http.listed.answers import OrderAnswer, ReplacedOrder, SubmittedOrder
from gateway.http.market.answers import Halt, PhaseName
from gateway.http.negotiated import answers as negotiated_answers
from gateway.http.shapes import Answer, Date, Id, ListingCode, Money, Price, Quantity, SideName, Time

LevelText = tuple[str, str]


class LoggedOn(Answer):
    """Who you are on this connection."""

    participant: str
    account: str | None
    scopes: list[str]
    cancel_on_disconnect: Annotated[int, Field(ge=3, le=300, description="Where it was asked for.")] = 30


class LoggedOut(Answer):
    """The connection may go without leaving a timer behind."""

    logged_out: Literal[True]


class Subscribed(Answer):
    """Pushes of these begin with this answer."""

    channel: str
    listings: Annotated[list[ListingCode], Field(default_factory=list, description="Of a public channel.")]
    resume_from: Annotated[int, Field(description="Of `events`: the last event_id not to be sent.")] = 0


class Unsubscribed(Answer):
    """No more of it."""

    channel: str


class Pong(Answer):
    """The market's time."""

    time_us: int


class DepthPush(Answer):
    """The levels shown, or those that changed: `seq` rises by one; quantity "0" removes a level."""

    ch: Literal["depth"]
    listing: ListingCode
    seq: int
    prev_seq: int | None
    time_us: int
    type: Literal["snapshot", "delta"]
    bids: list[LevelText]
    asks: list[LevelText]
    crc32: Annotated[
        int,
        Field(
            ge=0,
            le=2**32 - 1,
            description="CRC-32 of `price:quantity` of the ten best bids, then the ten best asks, best first, joined by"
            " `|`, of the book as it is after this.",
        ),
    ]


class TradePush(Answer):
    """A listed trade."""

    ch: Literal["trades"]
    listing: ListingCode
    id: Id
    price: Price
    quantity: Quantity
    taker_side: SideName
    time: Time
    time_us: int


class BustPush(Answer):
    """A trade told before was undone."""

    ch: Literal["trades"]
    listing: ListingCode
    id: Id
    busted: Literal[True]
    time: Time
    time_us: int


class TickerPush(Answer):
    """The listing's day in figures."""

    ch: Literal["ticker"]
    listing: ListingCode
    time: Time
    last: Price | None
    open: Price | None
    high: Price | None
    low: Price | None
    close: Price | None
    previous_close: Price | None
    reference: Price | None
    lower: Price | None
    upper: Price | None
    volume: Quantity
    turnover: Money
    trades: int


class StatusPush(Answer):
    """The listing's phase, and whether it is halted."""

    ch: Literal["status"]
    listing: ListingCode
    time: Time
    trading_day: Date | None
    phase: PhaseName
    resume_at: Time | None
    halted: bool
    halt: Halt | None
    kill_switch: Annotated[bool, Field(description="Whether the market takes no orders at all.")]


class EventPush(BaseModel):
    """An event of the account's gapless log, with what its type carries; the same as in `GET /v1/events`."""

    model_config = ConfigDict(extra="allow")

    ch: Literal["events"]
    event_id: Annotated[int, Field(ge=1)]
    type: str
    time: Time


class LivePush(Answer):
    """The log has been told up to now; what follows is new."""

    ch: Literal["events"]
    live: Literal[True]


def _over_stream(answer: type[BaseModel]) -> type[BaseModel]:
    """A REST answer with what a header says there."""
    replayed: Any = (
        Literal[True] | None,
        Field(None, description="Present when the request was known already."),
    )
    return create_model(
        f"{answer.__name__}OverStream", __base__=answer, __doc__=answer.__doc__, replayed=replayed
    )


_NEGOTIATED: Final = _over_stream(negotiated_answers.NegotiatedTransfer)

RESULTS: Final[dict[str, type[BaseModel]]] = {
    "logon": LoggedOn,
    "logout": LoggedOut,
    "subscribe": Subscribed,
    "unsubscribe": Unsubscribed,
    "resync": Subscribed,
    "order.submit": _over_stream(SubmittedOrder),
    "order.replace": _over_stream(ReplacedOrder),
    "order.cancel": OrderAnswer,
    "negotiated.file": _NEGOTIATED,
    "negotiated.confirm": _NEGOTIATED,
    "negotiated.counter": _NEGOTIATED,
    "negotiated.decline": _NEGOTIATED,
    "negotiated.withdraw": _NEGOTIATED,
    "ping": Pong,
}
"""What each op is answered with when it was done."""

PUSHES: Final[dict[str, tuple[type[BaseModel], ...]]] = {
    "depth": (DepthPush,),
    "trades": (TradePush, BustPush),
    "ticker": (TickerPush,),
    "status": (StatusPush,),
    "events": (EventPush, LivePush),
}
"""What each channel says."""
