"""People as operators see them: letting somebody in, giving a new password, keeping somebody out."""

from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.access.people import NewPerson, Person, PersonExists
from gateway.formats import time_text
from gateway.http import people_reasons
from gateway.http.access_keys import ScopeName, require_known
from gateway.http.problems import refusal
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.shapes import NAME_PATTERN, AccountName, Answer, Name, OperatorRequest, Text, Time

CREATED: Final = 201


class PersonRequest(OperatorRequest):
    """Somebody to be let in."""

    person: Name
    participant: Name
    account: AccountName | None = None
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=10)]


class ReasonRequest(OperatorRequest):
    """Why."""

    reason: Text


class ResetRequest(ReasonRequest):
    """Why, and whether the authenticator is lost, too."""

    remove_totp: bool = False


class PersonAnswer(Answer):
    """Somebody who logs in."""

    person: Name
    participant: Name
    account: AccountName | None
    scopes: list[ScopeName]
    created_at: Time
    created_by: Name
    must_change_password: bool
    totp: bool
    disabled_at: Time | None
    signed_in_at: Time | None


class PersonWithPassword(PersonAnswer):
    """Somebody who was just given a password."""

    one_time_password: Annotated[
        str, Field(description="Shown this once; good for a day, and changed at the first log-in.")
    ]


class PeopleAnswer(Answer):
    """Everybody, oldest first."""

    items: list[PersonAnswer]
    next: None


async def add_person(call: Call) -> Reply:
    """Let somebody in, with a one-time password."""
    body: PersonRequest = call.body
    require_known(call, body)
    new = NewPerson(
        name=body.person,
        participant=body.participant,
        account=body.account,
        scopes=frozenset(Scope(scope) for scope in body.scopes),
        created_by=call.participant,
    )
    try:
        person, password = await call.services.sign_ins.add(new)
    except PersonExists:
        raise refusal(people_reasons.PERSON_EXISTS, pointer="/person", actual=body.person) from None
    return Reply({**_body(person), "one_time_password": password}, status=CREATED)


async def list_people(call: Call) -> Reply:
    """Everybody who logs in, disabled ones too."""
    everybody = call.services.sign_ins.people.all()
    return Reply({"items": [_body(person) for person in everybody], "next": None})


async def reset_person(call: Call) -> Reply:
    """Give somebody a one-time password; whatever sessions they have end."""
    body: ResetRequest = call.body
    person, password = await call.services.sign_ins.reset(
        _find(call), by=call.participant, reason=body.reason, remove_totp=body.remove_totp
    )
    return Reply({**_body(person), "one_time_password": password})


async def disable_person(call: Call) -> Reply:
    """Keep somebody out, at once and on every open connection."""
    sign_ins = call.services.sign_ins
    return Reply(_body(await sign_ins.disable(_find(call), by=call.participant, reason=call.body.reason)))


async def enable_person(call: Call) -> Reply:
    """Let somebody in again."""
    sign_ins = call.services.sign_ins
    return Reply(_body(await sign_ins.enable(_find(call), by=call.participant, reason=call.body.reason)))


def _find(call: Call) -> Person:
    name = call.path["person"]
    person = call.services.sign_ins.people.find(name)
    if person is None:
        raise refusal(people_reasons.PERSON_UNKNOWN, actual=name)
    return person


def _body(person: Person) -> dict[str, Any]:
    return {
        "person": person.name,
        "participant": person.participant,
        "account": person.account,
        "scopes": sorted(person.scopes),
        "created_at": time_text(person.created_at_ns),
        "created_by": person.created_by,
        "must_change_password": person.one_time_until_ns is not None,
        "totp": person.totp_confirmed,
        "disabled_at": None if person.disabled_at_ns is None else time_text(person.disabled_at_ns),
        "signed_in_at": None if person.signed_in_at_ns is None else time_text(person.signed_in_at_ns),
    }


_of_operators: Final = partial(Route, scope=Scope.OPERATE, kind=ActionKind.OPERATE, tag="operator")
_act: Final = partial(_of_operators, method="POST", path_parameters={"person": NAME_PATTERN})

ROUTES: Final = (
    _of_operators(
        "/v1/operator/people",
        add_person,
        "Let somebody log in",
        PersonWithPassword,
        method="POST",
        body=PersonRequest,
        status=CREATED,
        leads_to={"/v1/operator/people/{person}": "/person"},
    ),
    _of_operators(
        "/v1/operator/people",
        list_people,
        "Everybody who logs in",
        PeopleAnswer,
        method="GET",
        or_scopes=SUPERVISED,
    ),
    _act(
        "/v1/operator/people/{person}/reset",
        reset_person,
        "Give somebody a new password",
        PersonWithPassword,
        body=ResetRequest,
    ),
    _act(
        "/v1/operator/people/{person}/disable",
        disable_person,
        "Keep somebody out",
        PersonAnswer,
        body=ReasonRequest,
    ),
    _act(
        "/v1/operator/people/{person}/enable",
        enable_person,
        "Let somebody in again",
        PersonAnswer,
        body=ReasonRequest,
    ),
)
