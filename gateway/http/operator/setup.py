"""What an operator sets up: participants, accounts, listings, rules and trading days."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.formats import price_text, time_text
from gateway.http.approvals import ACCEPTED, ApprovalAnswer, act
from gateway.http.replays import raise_if_refused
from gateway.http.routing import Call, Handler, Reply, Route
from gateway.http.shapes import (
    AccountName,
    Answer,
    ClassName,
    Date,
    DateIn,
    ListingCode,
    Name,
    OperatorRequest,
    Price,
    PriceIn,
    PurposeName,
    Request,
    ShortText,
    Text,
    Time,
    TimeIn,
)
from matching.calendar import Announcement
from matching.commands import AddListing, AdoptRules, AnnounceCalendar, Command
from matching.events import RulesAdopted
from matching.listing import Listing
from matching.rulebook import Certainty, RuleChange
from settlement.account import ParticipantKind
from settlement.commands import AddInstrument, OpenAccount, RegisterParticipant
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass
from settlement.retirement import RetirementPurpose
from settlement.values import AccountId, AssetCode, ParticipantId, TradingDay

CREATED: Final = 201
RULES_MOST: Final = 200
DAYS_MOST: Final = 800
VALUE_MOST: Final = 2**53
RULE_LIMIT_BYTES: Final = 256 * 1_024


class ParticipantRequest(OperatorRequest):
    """Someone to be admitted."""

    participant: Name
    kind: Literal[
        "project_applicant",
        "scenario_applicant",
        "rights_provider",
        "covered_entity",
        "institution",
        "individual",
    ]


class ParticipantAnswer(Answer):
    """Admitted."""

    participant: Name
    kind: str
    time: Time


class AccountRequest(OperatorRequest):
    """A trading account, bound to one registry account for good."""

    account: AccountName
    owner: Name
    registry_account: ShortText
    earmark: Annotated[
        PurposeName | None, Field(description="Its money only buys units to be retired for this purpose.")
    ] = None


class AccountAnswer(Answer):
    """Opened."""

    account: AccountName
    owner: Name
    registry_account: str
    earmark: PurposeName | None
    time: Time


class ListingRequest(OperatorRequest):
    """A code to be listed; its instrument is made known with it."""

    listing: ListingCode
    class_: Annotated[ClassName, Field(alias="class")]
    first_reference_price: PriceIn
    demonstration: bool = False


class ListingAnswer(Answer):
    """Listed."""

    listing: ListingCode
    class_: Annotated[ClassName, Field(alias="class")]
    first_reference_price: Price
    demonstration: bool
    time: Time


class RuleRequest(Request):
    """One dated value."""

    parameter: Name
    value: Annotated[int, Field(ge=0, le=VALUE_MOST)] | Text
    effective_from: TimeIn
    source: Text
    certainty: Literal["official", "neighbour", "conflicting", "assumed", "demonstration"]
    listing: ListingCode | None = None


class RulesRequest(OperatorRequest):
    """Values to enter the rule book together, as one version."""

    reason: Annotated[
        Text | None, Field(description="Why; the first value's source when absent. An emergency needs one.")
    ] = None
    emergency: Annotated[bool, Field(description="Without the notice the rule book asks for.")] = False
    changes: Annotated[list[RuleRequest], Field(min_length=1, max_length=RULES_MOST)]


class RulesAdoptedAnswer(Answer):
    """Adopted."""

    version: int
    time: Time


class CalendarRequest(OperatorRequest):
    """Every trading day of a period."""

    first_day: DateIn
    last_day: DateIn
    trading_days: Annotated[list[DateIn], Field(max_length=DAYS_MOST)]
    source: Text


class CalendarAnnouncedAnswer(Answer):
    """Announced."""

    first_day: Date
    last_day: Date
    trading_days: int
    time: Time


async def _do(call: Call, command: Command) -> str:
    """Have it decided: when it was, as a text. Raises Refused when it was refused."""
    entry = await call.submit(command)
    raise_if_refused(entry)
    return time_text(entry.at_ns)


async def register_participant(call: Call) -> Reply:
    """Admit someone."""
    body: ParticipantRequest = call.body
    command = RegisterParticipant(
        participant=ParticipantId(body.participant), kind=ParticipantKind(body.kind)
    )
    done = await _do(call, command)
    return Reply({"participant": body.participant, "kind": body.kind, "time": done}, status=CREATED)


async def open_account(call: Call) -> Reply:
    """Open a trading account."""
    body: AccountRequest = call.body
    command = OpenAccount(
        account=AccountId(body.account),
        owner=ParticipantId(body.owner),
        registry_account=body.registry_account,
        earmark=None if body.earmark is None else RetirementPurpose(body.earmark),
    )
    done = await _do(call, command)
    answer = {
        "account": body.account,
        "owner": body.owner,
        "registry_account": body.registry_account,
        "earmark": body.earmark,
        "time": done,
    }
    return Reply(answer, status=CREATED)


async def add_listing(call: Call) -> Reply:
    """List a code."""
    body: ListingRequest = call.body
    code = AssetCode(body.listing)
    methodology_class = MethodologyClass(body.class_)
    if call.services.views.instruments.get(code) is not methodology_class:
        await _do(call, AddInstrument(instrument=Instrument(code=code, methodology_class=methodology_class)))
    listing = Listing(
        code=code, first_reference_price_fen=body.first_reference_price, demonstration=body.demonstration
    )
    done = await _do(call, AddListing(listing=listing))
    answer = {
        "listing": code,
        "class": methodology_class.value,
        "first_reference_price": price_text(body.first_reference_price),
        "demonstration": body.demonstration,
        "time": done,
    }
    return Reply(answer, status=CREATED)


async def adopt_rules(call: Call) -> Reply:
    """Enter dated values into the rule book."""
    body: RulesRequest = call.body
    changes = tuple(
        RuleChange(
            parameter=change.parameter,
            value=change.value,
            effective_from_ns=change.effective_from,
            source=change.source,
            certainty=Certainty(change.certainty),
            listing=None if change.listing is None else AssetCode(change.listing),
        )
        for change in body.changes
    )
    reason = body.reason or ("" if body.emergency else body.changes[0].source)
    command = AdoptRules(operator=call.participant, reason=reason, changes=changes, emergency=body.emergency)
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    adopted = next(event for event in done.events if isinstance(event, RulesAdopted))
    return Reply({"version": adopted.version, "time": time_text(done.at_ns)}, status=CREATED)


async def announce_calendar(call: Call) -> Reply:
    """Announce the trading days of a period."""
    body: CalendarRequest = call.body
    announcement = Announcement(
        first_day=TradingDay(body.first_day),
        last_day=TradingDay(body.last_day),
        trading_days=tuple(TradingDay(day) for day in body.trading_days),
        source=body.source,
    )
    command = AnnounceCalendar(announcement=announcement)
    done = await _do(call, command)
    answer = {
        "first_day": body.first_day,
        "last_day": body.last_day,
        "trading_days": len(body.trading_days),
        "time": done,
    }
    return Reply(answer, status=CREATED)


def _act(
    path: str,
    handler: Handler,
    summary: str,
    body: type[Request],
    answer: type[Answer],
    **more: Any,  # noqa: ANN401 - as Route takes them
) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        summary=summary,
        tag="operator",
        body=body,
        answer=answer,
        status=CREATED,
        limit_bytes=RULE_LIMIT_BYTES,
        **more,
    )


ROUTES: Final = (
    _act(
        "/v1/operator/participants",
        register_participant,
        "Admit a participant",
        ParticipantRequest,
        ParticipantAnswer,
    ),
    _act("/v1/operator/accounts", open_account, "Open a trading account", AccountRequest, AccountAnswer),
    _act("/v1/operator/listings", add_listing, "List a code for trading", ListingRequest, ListingAnswer),
    _act(
        "/v1/operator/rules",
        adopt_rules,
        "Enter dated rules",
        RulesRequest,
        RulesAdoptedAnswer,
        otherwise={ACCEPTED: ApprovalAnswer},
    ),
    _act(
        "/v1/operator/calendar",
        announce_calendar,
        "Announce trading days",
        CalendarRequest,
        CalendarAnnouncedAnswer,
    ),
)
