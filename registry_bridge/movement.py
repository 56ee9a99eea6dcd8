"""A movement as the exchange asks for it, and what the registry may answer.

A movement carries an id that is never used for anything else; what comes back is `Confirmed`, `Refused` or `Unknown`,
and only `Unknown` may be asked about or sent again, always with the same id. Final answers stay what they are for ever.

Serial ranges are half-open, ascending, and do not touch: ``((1001, 1011),)`` is ten serials, one tonne each. Times are
nanoseconds since the epoch. Accounts, lots and ids are the registry's own names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

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
    asked_by: str = field(default="", compare=False)
    """The request of a participant or operator that it comes of, where that is known; for logs, no part of the movement."""


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
