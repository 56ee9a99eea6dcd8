"""What the supervisor's own routes take and answer."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.http.accounts import account
from gateway.http.shapes import (
    AccountName,
    Answer,
    Date,
    DateIn,
    Id,
    ListingCode,
    Money,
    Name,
    Page,
    Price,
    Quantity,
    Request,
    SideName,
    Time,
)

StatusName = Literal["open", "filled", "cancelled", "expired", "rejected"]
ENTRIES_MOST: Final = 500


class SupervisedOrdersQuery(Page):
    """Whose orders, of which listing, status and trading day."""

    account: AccountName | None = None
    listing: ListingCode | None = None
    status: StatusName | None = None
    trading_day: Annotated[DateIn | None, Field(description="On which they came in.")] = None


class SupervisedTradesQuery(Page):
    """Whose trades, of which listing and method, or of which trading day."""

    account: AccountName | None = None
    listing: ListingCode | None = None
    method: Literal["listed", "negotiated"] | None = None
    trading_day: Annotated[
        DateIn | None, Field(description="With it, listing and method are left to the reader.")
    ] = None


class SupervisedStatementsQuery(Page):
    """An account's statements, or a day's; the newest day's where nothing is said."""

    account: AccountName | None = None
    trading_day: DateIn | None = None


class JournalQuery(Request):
    """From where in the journal."""

    after: Annotated[int, Field(ge=0, le=2**62, description="The last entry already known.")] = 0
    limit: Annotated[int, Field(ge=1, le=ENTRIES_MOST)] = 100


class TradeSide(Answer):
    """Who bought, or sold."""

    account: AccountName
    participant: Name
    order: Annotated[Id | None, Field(description="Of a listed trade.")]


class SupervisedSettlement(Answer):
    """Where a trade's delivery stands."""

    state: str
    settled_at: Time | None
    reason: str | None
    lots: list[dict[str, Any]]


class SupervisedTrade(Answer):
    """A trade with both its sides."""

    id: Id
    method: Literal["listed", "negotiated"]
    listing: ListingCode
    price: Price
    quantity: Quantity
    amount: Money
    time: Time
    trading_day: Date
    taker_side: SideName | None
    negotiated_transfer: Id | None
    buyer: TradeSide
    seller: TradeSide
    settlement: SupervisedSettlement


class SupervisedTrades(Answer):
    """Trades, newest first."""

    items: list[SupervisedTrade]
    next: str | None


class SupervisedAccounts(Answer):
    """Accounts with their money and units, newest first."""

    items: list[account.Account]
    next: str | None


class Movement(Answer):
    """A movement the registry was asked for and has not answered for good."""

    movement: str
    kind: Literal["transfer_in", "transfer_out", "deliver", "retire"]
    trading_day: Date
    not_after: Annotated[Time, Field(description="By the registry's clock.")]
    legs: int
    quantity: Quantity
    accounts: Annotated[list[AccountName], Field(description="Whose units move, the first ten.")]


class Movements(Answer):
    """Movements, newest first."""

    items: list[Movement]
    next: str | None


class IssuedStatement(Answer):
    """That a statement was given out."""

    trading_day: Date
    account: AccountName
    digest: str


class IssuedStatements(Answer):
    """Statements."""

    items: list[IssuedStatement]
    next: str | None


class JournalLine(Answer):
    """One entry of the journal, in few words."""

    entry: int
    time: Time
    command: Annotated[str, Field(description="Its name.")]
    events: Annotated[list[str], Field(description="Their names, in order.")]
    digest: Annotated[str, Field(description="SHA-256 over this entry and all before it, in hex.")]


class JournalLines(Answer):
    """Entries, oldest first."""

    items: list[JournalLine]
    next: Annotated[str | None, Field(description="The entry to go on after.")]


class JournalEntry(Answer):
    """One entry as it was decided and recorded."""

    entry: int
    time: Time
    command: Annotated[list[Any], Field(description="Its name, and what it says.")]
    events: Annotated[list[Any], Field(description="Each with its name and what it says.")]
    digest: str


class SupervisorLook(Answer):
    """One look of a supervisor."""

    look: Id
    time: Time
    by: Annotated[str, Field(description="Who looked.")]
    caller: Annotated[str, Field(description="With which key, or as which person in which session.")]
    target: Annotated[str, Field(description="The address asked for, with its query.")]
    reason: str | None


class SupervisorLooks(Answer):
    """Looks, newest first."""

    items: list[SupervisorLook]
    next: str | None
