"""The types request and answer models are made of: figures as texts, ids, times, pages.

A request type reads a text into what the core works with and refuses with one of our own codes, so that every fault
of a body is named at once. Answer types only describe: answers are written by hand and held against them by tests.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway import formats
from gateway.access.networks import Network, read_network

LISTING_PATTERN: Final = "^[A-Z0-9]{1,16}$"
NAME_PATTERN: Final = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
"""Names stand in paths, where whoever is named `..` could never be asked for: none begins with a dot."""
DIGITS_PATTERN: Final = "^[1-9][0-9]{0,17}$"


class Request(BaseModel):
    """A body or a query: every field known, every text a text."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SecretRequest(Request):
    """A body that holds a secret, perhaps under a wrong name: nothing of it is repeated when it is refused."""


class Answer(BaseModel):
    """An answer's shape."""

    model_config = ConfigDict(extra="forbid")


def _refuse(code: str, *, limit: str | None = None, actual: object = None) -> NoReturn:
    raise PydanticCustomError(
        code,
        "{code}",
        {"code": code, "limit": limit, "actual": shown(actual)},
    )


def shown(value: object) -> str | None:
    """A client's own value, short enough to give back."""
    if value is None:
        return None
    text = value[: _SHOWN + 1] if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


_SHOWN: Final = 64


def _reads(parse: Callable[[str], int], code: str, limit: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:  # noqa: ANN401 - whatever the client sent
        if type(value) is str:
            try:
                number = parse(value)
            except ValueError:
                number = 0
            if number > 0:
                return number
        _refuse(code, limit=limit, actual=value)

    return read


def _schema(pattern: str, example: str, description: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "examples": [example], "description": description}
    )


_PRICE_SCHEMA: Final = _schema(formats.PRICE_PATTERN, "68.50", "Yuan per tonne, exactly two decimals.")
_MONEY_SCHEMA: Final = _schema(formats.MONEY_PATTERN, "685.00", "Yuan, exactly two decimals.")
_QUANTITY_SCHEMA: Final = _schema(formats.QUANTITY_PATTERN, "10", "Whole tonnes.")
_TIME_SCHEMA: Final = WithJsonSchema(
    {
        "type": "string",
        "format": "date-time",
        "examples": ["2026-11-23T09:30:00.000000+08:00"],
        "description": "RFC 3339 with microseconds, Shanghai's offset.",
    }
)

# --- what requests are made of; read into fen, tonnes and nanoseconds --------------------------------------------

PriceIn = Annotated[
    int, PlainValidator(_reads(formats.parse_price, "invalid_price", "0.01..99999999.99")), _PRICE_SCHEMA
]
AmountIn = Annotated[
    int,
    PlainValidator(_reads(formats.parse_money, "invalid_amount", "0.01..999999999999.99")),
    _MONEY_SCHEMA,
]
QuantityIn = Annotated[
    int, PlainValidator(_reads(formats.parse_quantity, "invalid_quantity", "1..99999999")), _QUANTITY_SCHEMA
]


def _read_client_id(value: Any) -> str:  # noqa: ANN401 - whatever the client sent
    if type(value) is str:
        try:
            return formats.parse_client_id(value)
        except ValueError:
            pass  # refused below, as every other value is
    _refuse("invalid_client_id", limit="1..36 of A-Za-z0-9._-", actual=value)


def _read_time(value: Any) -> int:  # noqa: ANN401 - whatever the client sent
    if type(value) is str:
        try:
            return formats.parse_time(value)
        except ValueError:
            pass  # refused below, as every other value is
    _refuse("invalid_time", limit="RFC 3339", actual=value)


def _read_date(value: Any) -> str:  # noqa: ANN401 - whatever the client sent
    if type(value) is str:
        try:
            return formats.parse_date(value)
        except ValueError:
            pass  # refused below, as every other value is
    _refuse("invalid_date", limit="YYYY-MM-DD", actual=value)


def _read_network(value: Any) -> Network:  # noqa: ANN401 - whatever the client sent
    if type(value) is str:
        try:
            return read_network(value)
        except ValueError:
            pass  # refused below, as every other value is
    _refuse("invalid_network", limit="CIDR", actual=value)


ClientId = Annotated[
    str,
    PlainValidator(_read_client_id),
    _schema(formats.CLIENT_ID_PATTERN, "order-0001", "The client's own id, unique for ever per account."),
]
TimeIn = Annotated[int, PlainValidator(_read_time), _TIME_SCHEMA]
DateIn = Annotated[
    str,
    PlainValidator(_read_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-23"]}),
]
NetworkIn = Annotated[
    Network,
    PlainValidator(_read_network),
    WithJsonSchema(
        {
            "type": "string",
            "examples": ["203.0.113.0/24"],
            "description": "CIDR, IPv4 or IPv6, or one address.",
        }
    ),
]
ListingCode = Annotated[str, Field(pattern=LISTING_PATTERN, examples=["SHCERCIR1"])]
AccountName = Annotated[str, Field(pattern=NAME_PATTERN)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
# No control characters: the database stores no NUL, and a line break in a log line misleads. Nothing that turns the
# order of letters around either: a second person would read another reason than the one that is kept.
_UNSEEN: Final = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
Text = Annotated[str, Field(min_length=1, max_length=512, pattern=f"^[^{_UNSEEN}]+$")]
ReasonForTwo = Annotated[Text | None, Field(description="Why; needed where a second person has to agree.")]
# Printed on certificates and signed over a line to the registry: no blank ends, so that what is read is what is there.
PublicText = Annotated[
    str, Field(min_length=1, pattern=r"^[^\x00-\x20\x7f\u3000]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f\u3000])?$")
]
ShortText = Annotated[str, Field(min_length=1, max_length=64, pattern=f"^[^{_UNSEEN}]+$")]
BankReference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern="^[!-~]([ -~]*[!-~])?$",
        description="The bank's own, in printable ASCII without spaces at either end, booked once.",
    ),
]
SERIAL_MOST: Final = 2**53
SerialPair = Annotated[
    list[Annotated[int, Field(ge=0, le=SERIAL_MOST)]],
    Field(min_length=2, max_length=2, examples=[[1001, 1011]]),
]
Serials = Annotated[
    list[SerialPair],
    Field(min_length=1, max_length=1_000, description="Half-open ranges of whole-tonne serials."),
]

# --- what answers are made of --------------------------------------------------------------------------------------

_AS_TEXT: Final = PlainSerializer(str)
Price = Annotated[str, Field(pattern=formats.PRICE_PATTERN, examples=["68.50"])]
Money = Annotated[str, Field(pattern=r"^-?(0|[1-9][0-9]*)\.[0-9]{2}$", examples=["685.00"])]
Quantity = Annotated[str, Field(pattern="^(0|[1-9][0-9]*)$", examples=["10"])]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+08:00$"), _TIME_SCHEMA]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", json_schema_extra={"format": "date"})]
Id = Annotated[str, Field(pattern=DIGITS_PATTERN, examples=["4711"])]
Ranges = Annotated[
    list[tuple[int, int]],
    Field(description="Half-open ranges of whole-tonne serials.", examples=[[[1001, 1011]]]),
]
SideName = Literal["buy", "sell"]
ClassName = Literal["I", "II"]
PurposeName = Literal["voluntary_offset", "voluntary_cancellation", "donation", "damage_compensation"]


class Page(Request):
    """A page of a list, by an opaque cursor."""

    after: Annotated[str, Field(max_length=64, description="`next` of the page before.")] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class OwnId(Request):
    """What may carry an id of its sender's own, which the exchange keeps beside the core."""

    client_id: Annotated[
        ClientId | None,
        Field(
            description="The sender's own id, unique for ever per participant: the same request again is told the "
            "first answer. Without one, what the act names is its key: said twice, the second is refused by name."
        ),
    ] = None


class OperatorRequest(OwnId):
    """An act of the operator."""


class ProblemError(Answer):
    """One fault."""

    pointer: str
    code: str
    limit: str | None = None
    actual: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(BaseModel):
    """RFC 9457, with what a program needs to decide what to do next."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError]
    retryable: bool
    state: Literal["not_accepted", "accepted", "unknown"]
    request_id: str
    server_time: Time
