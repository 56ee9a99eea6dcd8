"""The port to the registry platform: what the exchange may ask of it, and the values that pass through.

The registry's record is final proof of ownership. A movement carries an id that is never used for anything else; what
comes back is `Confirmed`, `Refused` or `Unknown`, and only `Unknown` may be asked about or sent again, always with the
same id. Serial ranges are half-open, ascending, and do not touch: ``((1001, 1011),)`` is ten serials, one tonne each.
Times are nanoseconds since the epoch. Accounts, lots and ids are the registry's own names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from registry_bridge.capabilities import Capabilities
from settlement.lot import MethodologyClass, Origin
from settlement.serials import Serials

MAX_LEGS = 1_000
"""Legs in one movement at most; a day's delivery is as many movements as it needs."""

MAX_RANGES = 100_000
"""Serial ranges in one movement at most, over all its legs: the largest order, every tonne of it a range of its own."""


class SubAccount(Enum):
    """The two parts of a registry account (管理科目, 交易科目)."""

    MANAGEMENT = "management"
    TRADING = "trading"


class MovementKind(Enum):
    """What a movement does, and so which way its legs may run."""

    TRANSFER_IN = "transfer_in"
    """Own management to own trading sub-account."""
    TRANSFER_OUT = "transfer_out"
    """Own trading to own management sub-account."""
    DELIVER = "deliver"
    """Trading sub-account to another account's trading sub-account."""
    RETIRE = "retire"
    """Trading sub-account to nowhere, for ever (注销)."""


class RetirementPurpose(Enum):
    """What retired tonnes were used for (Art. 29)."""

    COMPLIANCE_OFFSET = "compliance_offset"
    VOLUNTARY_OFFSET = "voluntary_offset"
    VOLUNTARY_CANCELLATION = "voluntary_cancellation"
    DONATION = "donation"
    DAMAGE_COMPENSATION = "damage_compensation"


class AccountKind(Enum):
    """Institution or individual (Art. 10)."""

    INSTITUTION = "institution"
    INDIVIDUAL = "individual"


class RefusalCode(Enum):
    """Why the registry refused, by its name on the line. New ones are only ever added at the end."""

    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_FROZEN = "account_frozen"
    LOT_UNKNOWN = "lot_unknown"
    LOT_FROZEN = "lot_frozen"
    SERIALS_NOT_HELD = "serials_not_held"
    CLASS_NOT_ELIGIBLE = "class_not_eligible"
    ALREADY_RETIRED = "already_retired"
    NOT_AUTHORISED = "not_authorised"
    MALFORMED = "malformed"
    TOO_LATE = "too_late"
    CANCELLED = "cancelled"
    ALREADY_BOUND = "already_bound"
    ACCOUNT_CLOSED = "account_closed"

    @property
    def number(self) -> int:
        """The refusal's number on the line, by its place here; never changes."""
        return list(RefusalCode).index(self) + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class MovementLeg:
    """Serials of one lot from one place to another, a retirement's to nowhere; numbered 1, 2, 3 … in a movement."""

    leg: int
    lot: str
    serials: Serials
    from_account: str
    from_sub_account: SubAccount
    to_account: str | None
    to_sub_account: SubAccount | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetirementTerms:
    """What a retirement is for; the year only for a compliance offset."""

    purpose: RetirementPurpose
    compliance_year: int | None
    beneficiary: str
    statement: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """A request to move units: all legs or none. The trading day is an ISO date."""

    request_id: str
    """The idempotency key, for ever."""
    kind: MovementKind
    not_after_ns: int
    """Judged by the registry's clock; after it an unseen request is refused for ever."""
    trading_day: str
    legs: tuple[MovementLeg, ...]
    retirement: RetirementTerms | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed:
    """The movement happened. Final."""

    request_id: str
    movement_id: str
    digest: str
    """SHA-256 of the movement's content as the registry understood it (`wire.movement_digest`)."""
    registry_time_ns: int = field(compare=False)
    """The registry's clock beside the answer; the same answer asked for later carries a later time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The movement did not happen and never will under this id. Final."""

    request_id: str
    code: RefusalCode
    leg: int | None
    """The first leg at fault, where one is."""
    registry_time_ns: int = field(compare=False)


class UnknownReason(Enum):
    """Why nothing is known yet."""

    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    GARBAGE = "garbage"
    SIGNATURE_INVALID = "signature_invalid"
    NOT_ADMITTED = "not_admitted"
    """401, 403, 400, 413, 422: our key, clock, rights or form; says nothing of the movement, but someone must look."""
    CODE_UNKNOWN = "code_unknown"
    STILL_OPEN = "still_open"
    """The registry says `accepted`: it will decide later."""
    NOT_SEEN = "not_seen"
    """Asked, and not found: unless the deadline has passed by the registry's clock, it may still arrive."""
    CIRCUIT_OPEN = "circuit_open"
    """Never left us: the line is given a rest, since the registry did not answer lately."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """Nothing final is known. Moves nothing; ask, or send again with the same id."""

    request_id: str
    why: UnknownReason
    detail: str = ""
    registry_time_ns: int = 0
    """The registry's clock as it was when it had not seen the request."""


FinalAnswer = Confirmed | Refused
Answer = Confirmed | Refused | Unknown


class RegistryUnavailable(Exception):  # noqa: N818 - it states a fact, like every refusal here
    """A call that only reads (or binds) could not be answered; it may be repeated."""

    def __init__(self, why: UnknownReason, detail: str = "") -> None:
        super().__init__(f"{why.value}: {detail}" if detail else why.value)
        self.why = why
        self.detail = detail


class RequestIdReused(Exception):  # noqa: N818 - it states a fact, like every refusal here
    """The registry knows this id with other content: two histories use one id, which a person must look into."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request id {request_id} was used before with other content")
        self.request_id = request_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """Serials of a lot in one sub-account."""

    sub_account: SubAccount
    lot: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryAccount:
    """An account as the registry tells it; holdings ordered by sub-account, lot and serial; closed for good if at all."""

    account: str
    kind: AccountKind
    frozen: bool
    trading_account: str | None
    """The exchange's account bound to it."""
    holdings: tuple[Holding, ...]
    closed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """One registry account bound to one trading account of the exchange, for ever."""

    account: str
    trading_account: str
    bound_at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BindingRefused:
    """`account_unknown`, `account_closed`, `account_frozen` or `already_bound` (either side to another)."""

    account: str
    code: RefusalCode


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryLot:
    """A lot's reference data: one issue of one methodology for one monitoring period, in ISO dates."""

    sequence: int
    lot: str
    methodology: str
    methodology_version: str
    methodology_class: MethodologyClass
    origin: Origin
    project: str
    applicant: str
    period_start: str
    period_end: str
    issue_batch: str
    issued_on: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LotPage:
    """Lots after a sequence number; `next` is where to go on, None when there are no more now."""

    lots: tuple[RegistryLot, ...]
    next: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionRange:
    """Serials of a lot in an account's trading sub-account."""

    account: str
    lot: str
    first: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionTotals:
    """What all pages together must add up to."""

    accounts: int
    lots: int
    tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionPage:
    """Part of all trading positions as of a sequence number, ordered by account, lot and serial."""

    as_of: int
    positions: tuple[PositionRange, ...]
    next: str | None
    totals: PositionTotals
    digest: str
    """`reconcile.PositionDigest` over all pages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """Something that touched a trading sub-account, as the registry's own journal has it."""

    sequence: int
    movement_id: str
    request_id: str | None
    """None when the owner moved it at the platform."""
    kind: MovementKind
    trading_day: str
    decided_at_ns: int
    digest: str
    legs: tuple[MovementLeg, ...]
    retirement: RetirementTerms | None


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalPage:
    """Journal entries after a sequence number, gapless."""

    entries: tuple[JournalEntry, ...]
    next: int | None


class NoticeKind(Enum):
    """What the registry tells unasked."""

    LOT_ISSUED = "lot_issued"
    LOT_CHANGED = "lot_changed"
    """Reference data was amended: read the lot again. Class, methodology and serials never change."""
    ACCOUNT_RESTRICTED = "account_restricted"
    LOT_FROZEN = "lot_frozen"
    UNFROZEN = "unfrozen"
    CORRECTED = "corrected"
    """Serials from abnormal data (Art. 22), wherever they are; the account is the applicant they were issued to.

    Those in a trading sub-account stay there until the exchange moves them out, at which they are withdrawn.
    """
    TRANSFERRED_IN = "transferred_in"
    ACCOUNT_CLOSED = "account_closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """A fact of the platform; which fields are set depends on the kind."""

    sequence: int
    kind: NoticeKind
    at_ns: int
    account: str | None = None
    lot: str | None = None
    serials: Serials = ()
    reason: str = ""
    journal_sequence: int | None = None
    """The journal entry it belongs to, for `transferred_in`; for `corrected` the newest one when it was made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticePage:
    """Notices after a sequence number, gapless."""

    notices: tuple[Notice, ...]
    next: int | None


class Registry(Protocol):
    """The registry platform, as the exchange sees it.

    `move`, `ask` and `cancel` never raise for what the line does: that is `Unknown`. They raise
    `RequestIdReused`. The others raise `RegistryUnavailable` and may be repeated.
    """

    async def move(self, movement: Movement) -> Answer:
        """Ask for the movement; the same request may be sent any number of times."""

    async def ask(self, request_id: str) -> Answer:
        """What became of a request; `NOT_SEEN` states the registry's clock, by which it may be final."""

    async def cancel(self, request_id: str) -> Answer:
        """Refuse the id for ever if it is undecided; otherwise the decision it had."""

    async def account(self, account: str) -> RegistryAccount | None:
        """An account with all its holdings, or None when there is none."""

    async def bind(self, account: str, trading_account: str) -> Binding | BindingRefused:
        """Bind a trading account of the exchange; binding the same two again gives the first binding."""

    async def lots(self, after: int = 0) -> LotPage:
        """Lots issued after a sequence number."""

    async def positions(self, as_of: int | None = None, after: str | None = None) -> PositionPage:
        """Trading positions as of a sequence number (the newest when None), by cursor."""

    async def journal(self, after: int = 0) -> JournalPage:
        """Everything that touched a trading sub-account after a sequence number."""

    async def notices(self, after: int = 0) -> NoticePage:
        """Notices after a sequence number."""

    async def time(self) -> int:
        """The registry's clock in nanoseconds."""

    async def capabilities(self) -> Capabilities:
        """What the registry promises."""
