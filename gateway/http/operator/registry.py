"""The line to the registry in the operator's hands: how it is, comparisons of both sides, and the breaks they find."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.engine.history.custody_history import BreakRecord, ReconciliationRecord
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.replays import raise_if_refused
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    AccountName,
    Answer,
    Date,
    Id,
    Name,
    OperatorRequest,
    Page,
    Ranges,
    Time,
)
from gateway.registry_report import MovementCounts, RegistryReport, RegistrySilent
from matching.acts import ResolveBreak
from matching.events import Reconciled
from settlement.difference import BreakId

CREATED: Final = 201


class Counts(Answer):
    """What was done about movements since the process started."""

    sent: int
    asked: int
    cancelled: int
    confirmed: int
    refused: int
    unknown: Annotated[int, Field(description="Answers that were not final, each counted.")]
    in_flight: Annotated[int, Field(description="Without a final answer now.")]


class Unclear(Answer):
    """A movement that may have been sent and about which nothing final is known."""

    request: str
    since: Time


class Stopped(Answer):
    """A movement about which the registry contradicts itself."""

    request: str
    kind: str
    earlier: str
    later: str


class NoticeFault(Answer):
    """A notice that was taken and could not be acted upon."""

    sequence: int
    kind: str
    code: str
    time: Time


class Registry(Answer):
    """The line to the registry."""

    answers: bool
    circuit: Literal["closed", "half_open", "open"]
    circuit_opened: Annotated[int, Field(description="How often calls were spared, since the start.")]
    variant: Annotated[str | None, Field(description="How movements are carried, by what it promises.")]
    total: Counts
    by_kind: dict[str, Counts]
    unknown_by_reason: dict[str, int]
    unclear: Annotated[list[Unclear], Field(description="Oldest first, the first hundred.")]
    unclear_count: int
    stopped: list[Stopped]
    not_bound: Annotated[int, Field(description="Accounts it refuses to bind at present.")]
    notice_cursor: Annotated[int, Field(description="The last of its notices that was taken.")]
    notice_faults: list[NoticeFault]
    notice_waits_at: Annotated[
        int | None, Field(description="Its notice that is missing or cannot be taken; null when all is well.")
    ]
    journal_entry: Annotated[int, Field(description="The newest entry of its journal that was heard of.")]


class Reconciliation(Answer):
    """A comparison of both sides, as of one sequence number of the registry's journal."""

    id: Id
    time: Time
    trading_day: Date
    on_demand: Annotated[bool, Field(description="Made between times; otherwise the day's own.")]
    as_of: int
    breaks: Annotated[int, Field(description="Differences it found; zero is clean.")]
    open_breaks: Annotated[int, Field(description="Breaks not resolved by then.")]
    digest_here: str
    digest_there: str


class Reconciliations(Answer):
    """Comparisons, newest first."""

    items: list[Reconciliation]
    next: str | None


class Resolution(Answer):
    """Who resolved a break, when and why."""

    operator: Name
    reason: str
    time: Time


class Break(Answer):
    """A difference with the registry."""

    id: Id
    state: Literal["open", "resolved"]
    kind: str
    account: AccountName | None
    registry_account: str | None
    lot: str | None
    only_here: Ranges
    only_there: Ranges
    instruction: str | None
    detail: str
    as_of: int
    found_at: Time
    resolution: Resolution | None


class Breaks(Answer):
    """Breaks, newest first."""

    items: list[Break]
    next: str | None


class BreaksQuery(Page):
    """Which breaks."""

    state: Literal["open", "resolved"] | None = None


class ResolvedBreak(Answer):
    """The break is resolved, and its freezes are lifted."""

    break_: Annotated[Id, Field(alias="break")]
    state: Literal["resolved"]
    reason: str
    time: Time


async def get_registry(call: Call) -> Reply:
    """How the line to the registry is."""
    return Reply(_registry_body(call.services.registry_report(), call))


def _registry_body(report: RegistryReport, call: Call) -> dict[str, Any]:
    custody = call.services.views.custody
    return {
        "answers": report.answers,
        "circuit": report.circuit,
        "circuit_opened": report.circuit_opened,
        "variant": report.variant,
        "total": _counts(report.total),
        "by_kind": {kind: _counts(counts) for kind, counts in report.by_kind.items()},
        "unknown_by_reason": report.unknown_by_reason,
        "unclear": [
            {"request": movement.request_id, "since": time_text(movement.since_ns)}
            for movement in report.unclear
        ],
        "unclear_count": report.unclear_count,
        "stopped": [
            {
                "request": movement.request_id,
                "kind": movement.kind,
                "earlier": movement.earlier,
                "later": movement.later,
            }
            for movement in report.stopped
        ],
        "not_bound": report.not_bound,
        "notice_cursor": custody.notice_cursor,
        "notice_faults": [
            {
                "sequence": fault.sequence,
                "kind": fault.kind,
                "code": fault.fault,
                "time": time_text(fault.at_ns),
            }
            for fault in custody.faults
        ],
        "notice_waits_at": report.notice_waits_at,
        "journal_entry": report.journal_entry,
    }


def _counts(counts: MovementCounts) -> dict[str, int]:
    return {
        "sent": counts.sent,
        "asked": counts.asked,
        "cancelled": counts.cancelled,
        "confirmed": counts.confirmed,
        "refused": counts.refused,
        "unknown": counts.unknown,
        "in_flight": counts.in_flight,
    }


async def list_reconciliations(call: Call) -> Reply:
    """Comparisons with the registry, newest first."""
    query: Page = call.query or Page()
    page = await call.services.history.custody.reconciliations(after=query.after, limit=query.limit)
    return Reply({"items": [_reconciliation(record) for record in page.items], "next": page.next})


async def reconcile(call: Call) -> Reply:
    """Compare both sides now. The market goes on meanwhile; what differs is frozen when the answer comes."""
    try:
        entry = await call.services.reconcile()
    except RegistrySilent:
        raise refusal(reasons.REGISTRY_UNREACHABLE, headers={"Retry-After": "5"}) from None
    raise_if_refused(entry)
    event = next(event for event in entry.events if isinstance(event, Reconciled))
    record = ReconciliationRecord(
        seq=entry.seq,
        at_ns=entry.at_ns,
        trading_day=event.trading_day,
        on_demand=event.on_demand,
        as_of=event.as_of,
        breaks=event.breaks,
        open_breaks=event.open_breaks,
        digest_here=event.digest_here,
        digest_there=event.digest_there,
    )
    return Reply(_reconciliation(record), status=CREATED)


def _reconciliation(record: ReconciliationRecord) -> dict[str, Any]:
    return {
        "id": str(record.seq),
        "time": time_text(record.at_ns),
        "trading_day": record.trading_day,
        "on_demand": record.on_demand,
        "as_of": record.as_of,
        "breaks": record.breaks,
        "open_breaks": record.open_breaks,
        "digest_here": record.digest_here,
        "digest_there": record.digest_there,
    }


async def list_breaks(call: Call) -> Reply:
    """Breaks with the registry, newest first."""
    query: BreaksQuery = call.query or BreaksQuery()
    is_open = None if query.state is None else query.state == "open"
    page = await call.services.history.custody.breaks(is_open=is_open, after=query.after, limit=query.limit)
    return Reply({"items": [_break(record) for record in page.items], "next": page.next})


def _break(record: BreakRecord) -> dict[str, Any]:
    resolution = record.resolution
    return {
        "id": str(record.break_id),
        "state": "open" if resolution is None else "resolved",
        "kind": record.kind,
        "account": record.account,
        "registry_account": record.registry_account,
        "lot": record.lot_id,
        "only_here": record.only_here,
        "only_there": record.only_there,
        "instruction": record.instruction_id,
        "detail": record.detail,
        "as_of": record.as_of,
        "found_at": time_text(record.at_ns),
        "resolution": None
        if resolution is None
        else {
            "operator": resolution.operator,
            "reason": resolution.reason,
            "time": time_text(resolution.at_ns),
        },
    }


async def resolve_break(call: Call) -> Reply:
    """Say that a difference is settled, and how. Exactly the freezes it placed are lifted."""
    number, reason = call.path["break_id"], call.body.reason
    command = ResolveBreak(operator=call.participant, reason=reason, break_id=BreakId(int(number)))
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    time = time_text(done.at_ns)
    return Reply({"break": number, "state": "resolved", "reason": reason, "time": time})


ROUTES: Final = (
    reading("/v1/operator/registry", get_registry, "How the line to the registry is", Registry),
    reading(
        "/v1/operator/reconciliations",
        list_reconciliations,
        "Comparisons with the registry, newest first",
        Reconciliations,
        query=Page,
    ),
    Route(
        method="POST",
        path="/v1/operator/reconciliations",
        handler=reconcile,
        scope=Scope.OPERATE,
        kind=ActionKind.OPERATE,
        summary="Compare both sides now",
        tag="operator",
        body=OperatorRequest,
        body_optional=True,
        answer=Reconciliation,
        status=CREATED,
    ),
    reading(
        "/v1/operator/breaks",
        list_breaks,
        "Breaks with the registry, newest first",
        Breaks,
        query=BreaksQuery,
    ),
    acting(
        "/v1/operator/breaks/{break_id}/resolve",
        resolve_break,
        "Say that a difference is settled, and how",
        ResolvedBreak,
        path_parameters={"break_id": DIGITS_PATTERN},
    ),
)
