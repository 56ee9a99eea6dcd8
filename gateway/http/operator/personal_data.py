"""Restricting personal data: whose, by which operator, why, and what stands for them since (PIPL 2021, Art. 47)."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.views.subjects import SubjectView
from gateway.formats import time_text
from gateway.http.approvals import act
from gateway.http.cursors import page_of
from gateway.http.masking import pseudonym
from gateway.http.operator_routes import acting, reading
from gateway.http.refusals import people_reasons, reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    DIGITS_PATTERN,
    Answer,
    Id,
    Name,
    OperatorRequest,
    Page,
    PublicText,
    Text,
    Time,
)
from matching.personal_data import (
    ReleaseSubject,
    RestrictSubject,
    SubjectKind,
    SubjectReleased,
    SubjectRestricted,
)

CREATED: Final = 201
KindName = Literal["person", "participant", "beneficiary"]


class SubjectRequest(OperatorRequest):
    """Whose personal data are to be kept and not processed otherwise, and why."""

    kind: Annotated[
        KindName,
        Field(
            description="`person`: a log-in; `participant`: with its accounts, its people and all it wrote;"
            " `beneficiary`: a name printed on certificates."
        ),
    ]
    name: Annotated[
        PublicText,
        Field(
            min_length=2,
            max_length=200,
            description="The log-in's name, the participant's id, or the name as printed.",
        ),
    ]
    reason: Text


class Subject(Answer):
    """Somebody whose personal data are restricted, or were."""

    subject: Annotated[Id, Field(description="Its number: the same whenever it is restricted again.")]
    kind: KindName
    name: Annotated[str, Field(description="While they are restricted, what stands for it.")]
    pseudonym: Annotated[str, Field(description="What stands for it in every answer.")]
    restricted: bool
    restricted_at: Time
    operator: Annotated[Name, Field(description="Who restricted them last.")]
    reason: str
    released_at: Time | None
    released_by: Name | None
    release_reason: str | None


class Subjects(Answer):
    """Everybody whose personal data were ever restricted, newest first."""

    items: list[Subject]
    next: str | None


async def restrict(call: Call) -> Reply:
    """Keep somebody's personal data and stop processing them otherwise: they are shown under a pseudonym from now on."""
    body: SubjectRequest = call.body
    kind, name = SubjectKind(body.kind), body.name
    if kind is SubjectKind.PERSON:
        person = call.services.sign_ins.people.find(name)
        if person is None:
            raise refusal(people_reasons.PERSON_UNKNOWN, pointer="/name", actual=name)
        name = person.name
    done = await act(
        call, RestrictSubject(operator=call.participant, reason=body.reason, kind=kind, subject=name)
    )
    if isinstance(done, Reply):
        return done
    told = next(event for event in done.events if isinstance(event, SubjectRestricted))
    return Reply(_body(call.services.views.subjects.all[told.number]), status=CREATED)


async def release(call: Call) -> Reply:
    """Process somebody's personal data again; they are shown under their names."""
    number = int(call.path["subject"])
    known = call.services.views.subjects.all.get(number)
    if known is None:
        raise refusal(reasons.NOT_FOUND, actual=str(number))
    command = ReleaseSubject(
        operator=call.participant, reason=call.body.reason, kind=known.kind, subject=known.subject
    )
    done = await act(call, command)
    if isinstance(done, Reply):
        return done
    assert any(isinstance(event, SubjectReleased) for event in done.events), "a release that released nobody"
    return Reply(_body(call.services.views.subjects.all[number]))


async def list_subjects(call: Call) -> Reply:
    """Everybody whose personal data were ever restricted."""
    query: Page = call.query or Page()
    everybody = tuple(call.services.views.subjects.all.values())
    shown, following = page_of(everybody, query.after, query.limit)
    return Reply({"items": [_body(view) for view in shown], "next": following})


def _body(view: SubjectView) -> dict[str, Any]:
    return {
        "subject": str(view.number),
        "kind": view.kind.value,
        "name": view.subject,
        "pseudonym": pseudonym(view),
        "restricted": view.is_restricted,
        "restricted_at": time_text(view.restricted_at_ns),
        "operator": view.operator,
        "reason": view.reason,
        "released_at": None if view.released_at_ns is None else time_text(view.released_at_ns),
        "released_by": view.release_operator or None,
        "release_reason": view.release_reason or None,
    }


ROUTES: Final[tuple[Route, ...]] = (
    acting(
        "/v1/operator/personal-data",
        restrict,
        "Restrict somebody's personal data",
        Subject,
        body=SubjectRequest,
        status=CREATED,
    ),
    reading(
        "/v1/operator/personal-data",
        list_subjects,
        "Whose personal data are restricted",
        Subjects,
        query=Page,
    ),
    acting(
        "/v1/operator/personal-data/{subject}/release",
        release,
        "Process somebody's personal data again",
        Subject,
        path_parameters={"subject": DIGITS_PATTERN},
    ),
)
