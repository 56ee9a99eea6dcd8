"""Accounts of use: for the entity its own, for the supervisor everyone's, for the public sums over many."""

from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.history.use_history import UseLine
from gateway.engine.tables.bulletins import YearRetired
from gateway.formats import quantity_text
from gateway.http.looks import with_reason
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import Answer, ClassName, Name, Quantity, Request
from gateway.http.uses.shapes import Cap, ChannelName, cap_body
from settlement.channels import Channel
from settlement.rejections import NOT_YOUR_ACCOUNT


class UseAccountLine(Answer):
    """What one entity has used up in one year for one purpose."""

    entity: Name
    year: Annotated[int, Field(description="The compliance year of offsets, otherwise that of completion.")]
    purpose: ChannelName
    class_: Annotated[ClassName, Field(alias="class")]
    completed: Quantity
    uses: Annotated[int, Field(description="Certificates.")]


class ComplianceStanding(Answer):
    """An entity's place in a compliance year."""

    entity: Name
    compliance_year: int
    completed: Quantity
    under_way: Quantity
    cap: Cap | None


class UseAccountsAnswer(Answer):
    """Accounts of use."""

    items: list[UseAccountLine]
    compliance: list[ComplianceStanding]


class UseAccountsQuery(Request):
    """Whose, and of which year."""

    entity: Name | None = None
    year: Annotated[int | None, Field(ge=2000, le=2999)] = None


class SummaryQuery(Request):
    """Of which year."""

    year: Annotated[int, Field(ge=2000, le=2999)]


class SummaryLine(Answer):
    """What all entities together have used up for one purpose."""

    purpose: ChannelName
    quantity: Annotated[
        Quantity | None,
        Field(description="Told in the year's daily bulletins; None while all of it is held over."),
    ]
    suppressed: Annotated[
        bool, Field(description="Whether something waits until three participants stand behind it.")
    ]


class Summary(Answer):
    """What the bulletins of a year have told of uses, added up."""

    year: int
    items: list[SummaryLine]


async def get_accounts(call: Call) -> Reply:
    """What was used up, by entity, year and purpose: one's own, and everyone's for a supervisor."""
    query: UseAccountsQuery = call.query or UseAccountsQuery()
    sees_all = Scope.SUPERVISE in call.signed_by.scopes
    if not sees_all and query.entity not in (None, call.participant):
        raise refusal(NOT_YOUR_ACCOUNT, pointer="", parameter="entity", actual=query.entity)
    entity = query.entity if sees_all else call.participant
    lines = await call.services.history.uses.lines(entity=entity, year=query.year)
    return Reply(
        {
            "items": [_line_body(line) for line in lines],
            "compliance": _compliance(call, lines, entity, query.year),
        }
    )


def _line_body(line: UseLine) -> dict[str, Any]:
    return {
        "entity": line.entity,
        "year": line.year,
        "purpose": line.purpose.value,
        "class": line.methodology_class,
        "completed": quantity_text(line.quantity_tonnes),
        "uses": line.uses,
    }


def _compliance(
    call: Call, lines: tuple[UseLine, ...], entity: str | None, year: int | None
) -> list[dict[str, Any]]:
    """Every entity and compliance year that something is known of."""
    views, now_ns = call.services.views, call.services.clock.now_ns()
    uses = views.uses
    known = {(str(line.entity), line.year) for line in lines if line.purpose is Channel.COMPLIANCE_OFFSET}
    known |= {(filing.entity, filing.year) for filing in uses.years.filings()}
    known |= {
        (use.entity, use.compliance_year) for use in uses.open.values() if use.compliance_year is not None
    }
    if entity is not None:
        known |= {(entity, announced) for announced in uses.years_in_force(now_ns)}
    completed = {
        (str(line.entity), line.year): line.quantity_tonnes
        for line in lines
        if line.purpose is Channel.COMPLIANCE_OFFSET
    }
    return [
        {
            "entity": who,
            "compliance_year": of,
            "completed": quantity_text(completed.get((who, of), 0)),
            "under_way": quantity_text(uses.under_way(who, of)),
            "cap": cap_body(uses.cap(who, of, now_ns)),
        }
        for who, of in sorted(known)
        if entity in (None, who) and year in (None, of)
    ]


async def get_summary(call: Call) -> Reply:
    """What was used up in a year, by purpose, for the public.

    Sums of what the bulletins have told and nothing newer or finer: two answers, or one and a bulletin, would otherwise
    differ by what a single participant has done.
    """
    year: int = call.query.year
    told = await call.services.history.bulletins.retired_in(year)
    return Reply({"year": year, "items": [_summary_body(line) for line in told]})


def _summary_body(line: YearRetired) -> dict[str, Any]:
    return {
        "purpose": line.purpose,
        "quantity": None if line.tonnes is None else quantity_text(line.tonnes),
        "suppressed": line.is_held_over,
    }


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/uses",
        handler=get_accounts,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="Accounts of use by entity, year and purpose",
        tag="uses",
        query=UseAccountsQuery,
        answer=UseAccountsAnswer,
    ),
    Route(
        method="GET",
        path="/v1/supervise/uses",
        handler=get_accounts,
        scope=Scope.SUPERVISE,
        kind=ActionKind.READ,
        summary="Accounts of use of everyone",
        tag="uses",
        query=with_reason(UseAccountsQuery),
        answer=UseAccountsAnswer,
    ),
    Route(
        method="GET",
        path="/v1/retirements/summary",
        handler=get_summary,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="What the bulletins of a year have told of uses",
        tag="uses",
        query=SummaryQuery,
        answer=Summary,
    ),
)
