"""Compliance years: announced by the operator, filed by the authority, read by everyone."""

from functools import partial
from typing import Any, Final

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.formats import quantity_text, time_text
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.replays import raise_if_refused
from gateway.http.routing import Call, Reply, Route
from gateway.http.uses.compliance_year_shapes import (
    CapRequest,
    FilingAnswer,
    FilingRequest,
    WelfareAccounts,
    WelfareAnswer,
    WelfareRequest,
    YearAnswer,
    YearRequest,
    YearsAnswer,
    ratio_text,
)
from matching.commands import Command
from settlement.compliance_year import (
    Cap,
    CapBase,
    ComplianceYear,
    CreditsUsed,
    Enforcement,
    Exclusion,
    Filing,
)
from settlement.lot import Origin
from settlement.use_commands import AdoptComplianceYear, DesignateWelfareAccount, FileVerifiedEmissions
from settlement.use_events import ComplianceYearAdopted
from settlement.values import AccountId, LotId, ParticipantId

CREATED: Final = 201


async def _do(call: Call, command: Command) -> Any:  # noqa: ANN401 - the entry
    entry = await call.submit(command)
    raise_if_refused(entry)
    return entry


async def adopt_year(call: Call) -> Reply:
    """Announce the rules of a compliance year, or a later version of them."""
    body: YearRequest = call.body
    terms = ComplianceYear(
        year=body.compliance_year,
        opens_ns=body.opens,
        deadline_ns=body.deadline,
        cap=None if body.cap is None else _cap(body.cap),
        methodologies=tuple(body.methodologies),
        period_from=body.period_from or "",
        period_to=body.period_to or "",
        origins=tuple(Origin(origin) for origin in body.origins),
        exclusions=tuple(
            Exclusion(
                lot_id=LotId(one.lot),
                entity=None if one.entity is None else ParticipantId(one.entity),
                reason=one.reason,
            )
            for one in body.exclusions
        ),
        effective_from_ns=body.effective_from or 0,
        source=body.source,
        certainty=body.certainty,
    )
    entry = await _do(call, AdoptComplianceYear(operator=call.participant, terms=terms))
    adopted = next(event for event in entry.events if isinstance(event, ComplianceYearAdopted))
    return Reply(year_body(adopted.terms), status=CREATED)


def _cap(cap: CapRequest) -> Cap:
    numerator, denominator = cap.ratio
    return Cap(
        base=CapBase(cap.base),
        ratio_numerator=numerator,
        ratio_denominator=denominator,
        enforcement=Enforcement(cap.enforcement),
        joint_credits=tuple(cap.joint_credits),
    )


def year_body(terms: ComplianceYear) -> dict[str, Any]:
    """The rules of a year as everyone may read them."""
    cap = terms.cap
    return {
        "compliance_year": terms.year,
        "opens": time_text(terms.opens_ns),
        "deadline": time_text(terms.deadline_ns),
        "cap": None
        if cap is None
        else {
            "base": cap.base.value,
            "ratio": ratio_text(cap.ratio_numerator, cap.ratio_denominator),
            "enforcement": cap.enforcement.value,
            "joint_credits": list(cap.joint_credits),
        },
        "methodologies": list(terms.methodologies),
        "period_from": terms.period_from or None,
        "period_to": terms.period_to or None,
        "origins": [origin.value for origin in terms.origins],
        "exclusions": [
            {"lot": one.lot_id, "reason": one.reason} for one in terms.exclusions if one.entity is None
        ],
        "effective_from": time_text(terms.effective_from_ns),
        "source": terms.source,
        "certainty": terms.certainty,
    }


async def list_years(call: Call) -> Reply:
    """Every compliance year announced, with the rules in force now."""
    years = call.services.views.uses.years_in_force(call.services.clock.now_ns())
    return Reply({"items": [year_body(terms) for terms in years.values()], "next": None})


async def get_year(call: Call) -> Reply:
    """The rules of one compliance year."""
    year = call.path["year"]
    terms = call.services.views.uses.years.in_force(int(year), call.services.clock.now_ns())
    if terms is None:
        raise refusal(reasons.NOT_FOUND, actual=year)
    return Reply(year_body(terms))


async def file_emissions(call: Call) -> Reply:
    """File what a cap is a share of, and other credits used, for one entity and year."""
    body: FilingRequest = call.body
    filing = Filing(
        entity=ParticipantId(body.entity),
        year=body.compliance_year,
        verified_emissions_tonnes=body.verified_emissions,
        issued_allowances_tonnes=body.issued_allowances,
        other_credits=tuple(
            CreditsUsed(credit=one.credit, tonnes=one.quantity) for one in body.other_credits
        ),
        source=body.source,
    )
    entry = await _do(call, FileVerifiedEmissions(authority=call.participant, filing=filing))
    answer = {
        "entity": filing.entity,
        "compliance_year": filing.year,
        "verified_emissions": _tonnes(filing.verified_emissions_tonnes),
        "issued_allowances": _tonnes(filing.issued_allowances_tonnes),
        "other_credits": [
            {"credit": used.credit, "quantity": quantity_text(used.tonnes)} for used in filing.other_credits
        ],
        "source": filing.source,
        "time": time_text(entry.at_ns),
    }
    return Reply(answer, status=CREATED)


def _tonnes(tonnes: int | None) -> str | None:
    return None if tonnes is None else quantity_text(tonnes)


async def designate_welfare(call: Call) -> Reply:
    """Let an account receive donations, or no longer."""
    body: WelfareRequest = call.body
    command = DesignateWelfareAccount(
        operator=call.participant,
        account=AccountId(body.account),
        designated=body.designated,
        source=body.source,
    )
    entry = await _do(call, command)
    answer = {"account": body.account, "designated": body.designated, "time": time_text(entry.at_ns)}
    return Reply(answer, status=CREATED)


async def list_welfare(call: Call) -> Reply:
    """Accounts that may receive donations."""
    return Reply({"items": list(call.services.views.uses.welfare_accounts), "next": None})


_act = partial(Route, method="POST", kind=ActionKind.OPERATE, tag="operator", status=CREATED)


_read = partial(Route, method="GET", scope="public", kind=ActionKind.PUBLIC, tag="uses")

ROUTES: Final = (
    _act(
        "/v1/operator/compliance-years",
        adopt_year,
        "Announce a compliance year's rules",
        scope=Scope.OPERATE,
        body=YearRequest,
        answer=YearAnswer,
    ),
    _act(
        "/v1/operator/welfare-accounts",
        designate_welfare,
        "Let an account receive donations",
        scope=Scope.OPERATE,
        body=WelfareRequest,
        answer=WelfareAnswer,
    ),
    _act(
        "/v1/authority/filings",
        file_emissions,
        "File an entity's verified emissions",
        scope=Scope.AUTHORITY,
        body=FilingRequest,
        answer=FilingAnswer,
    ),
    _read("/v1/compliance-years", list_years, "Compliance years and their rules", answer=YearsAnswer),
    _read(
        "/v1/compliance-years/{year}",
        get_year,
        "The rules of one compliance year",
        answer=YearAnswer,
        path_parameters={"year": "^2[0-9]{3}$"},
    ),
    _read(
        "/v1/welfare-accounts",
        list_welfare,
        "Accounts that may receive donations",
        answer=WelfareAccounts,
    ),
)
