"""People as operators see them: letting somebody in, giving a new password, keeping somebody out."""

from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.access.people import NewPerson, Person, PersonExists
from gateway.access.permits import Permit
from gateway.formats import time_text
from gateway.http.access.keys import MADE_ALONE_BY, ScopeName, require_known
from gateway.http.approvals import ACCEPTED, ApprovalAnswer, Deed, permitted, spending
from gateway.http.refusals import people_reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import SUPERVISED, Call, Reply, Route
from gateway.http.shapes import (
    NAME_PATTERN,
    AccountName,
    Answer,
    Name,
    OperatorRequest,
    ReasonForTwo,
    Text,
    Time,
)
from matching.access import AccessDeed, PermitAccess
from settlement.values import AccountId, ParticipantId

CREATED: Final = 201


class PersonRequest(OperatorRequest):
    """Somebody to be let in."""

    person: Name
    participant: Name
    account: AccountName | None = None
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=10)]
    reason: ReasonForTwo = None


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
    made_alone_by: Annotated[Name | None, Field(description=MADE_ALONE_BY)]


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
    """Let somebody in, with a one-time password; where the rule book asks for two persons, once another has agreed."""
    body: PersonRequest = call.body
    _require_new(call, body.person)
    require_known(call, body)
    command = PermitAccess(
        operator=call.participant,
        reason=body.reason or "",
        deed=AccessDeed.ADD_PERSON,
        person=body.person,
        participant=ParticipantId(body.participant),
        account=None if body.account is None else AccountId(body.account),
        scopes=tuple(sorted(set(body.scopes))),
    )
    return await _with_password(call, command, make_person, status=CREATED)


async def make_person(call: Call, command: PermitAccess, permit: Permit) -> tuple[dict[str, Any], str | None]:
    """The person who was permitted, and their one-time password. Raises Refused."""
    require_known(call, command)
    assert command.person is not None, "nobody was permitted"
    new = NewPerson(
        name=command.person,
        participant=command.participant,
        account=command.account,
        scopes=frozenset(Scope(scope) for scope in command.scopes),
        created_by=call.participant,
    )
    try:
        with spending():
            person, password = await call.services.sign_ins.add(new, permit=permit)
    except PersonExists:
        raise refusal(people_reasons.PERSON_EXISTS, pointer="/person", actual=command.person) from None
    return _body(person), password


async def list_people(call: Call) -> Reply:
    """Everybody who logs in, disabled ones too."""
    everybody = call.services.sign_ins.people.all()
    return Reply({"items": [_body(person) for person in everybody], "next": None})


async def reset_person(call: Call) -> Reply:
    """Give somebody a one-time password; whatever sessions they have end. It may take a second person."""
    body: ResetRequest = call.body
    command = _about(call, AccessDeed.RESET_PERSON, body.reason, remove_totp=body.remove_totp)
    return await _with_password(call, command, give_password)


async def give_password(
    call: Call, command: PermitAccess, permit: Permit
) -> tuple[dict[str, Any], str | None]:
    """The person whose reset was permitted, and their one-time password. Raises Refused."""
    with spending():
        person, password = await call.services.sign_ins.reset(
            _find(call, command.person),
            by=call.participant,
            reason=command.reason,
            remove_totp=command.remove_totp is True,
            permit=permit,
        )
    return _body(person), password


async def disable_person(call: Call) -> Reply:
    """Keep somebody out, at once and on every open connection."""
    person = _find(call, call.path["person"])
    disabled = await call.services.sign_ins.disable(person, by=call.participant, reason=call.body.reason)
    return Reply(_body(disabled))


async def enable_person(call: Call) -> Reply:
    """Let somebody in again. It may take a second person."""
    command = _about(call, AccessDeed.ENABLE_PERSON, call.body.reason)
    permit = await permitted(call, command)
    if isinstance(permit, Reply):
        return permit
    person, _ = await let_in(call, command, permit)
    return Reply(person)


async def let_in(call: Call, command: PermitAccess, permit: Permit) -> tuple[dict[str, Any], str | None]:
    """The person who was permitted to come in again. Raises Refused."""
    with spending():
        person = await call.services.sign_ins.enable(
            _find(call, command.person), by=call.participant, reason=command.reason, permit=permit
        )
    return _body(person), None


async def _with_password(call: Call, command: PermitAccess, make: Deed, status: int = 200) -> Reply:
    permit = await permitted(call, command)
    if isinstance(permit, Reply):
        return permit
    person, password = await make(call, command, permit)
    return Reply({**person, "one_time_password": password}, status=status)


def _about(call: Call, deed: AccessDeed, reason: str, *, remove_totp: bool | None = None) -> PermitAccess:
    """A deed about the person in the address, with all that a second person has to know of them."""
    person = _find(call, call.path["person"])
    return PermitAccess(
        operator=call.participant,
        reason=reason,
        deed=deed,
        person=person.name,
        participant=ParticipantId(person.participant),
        account=None if person.account is None else AccountId(person.account),
        scopes=tuple(sorted(person.scopes)),
        remove_totp=remove_totp,
    )


def _require_new(call: Call, name: str) -> None:
    if call.services.sign_ins.people.find(name) is not None:
        raise refusal(people_reasons.PERSON_EXISTS, pointer="/person", actual=name)


def _find(call: Call, name: str | None) -> Person:
    person = None if name is None else call.services.sign_ins.people.find(name)
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
        "made_alone_by": person.made_alone_by,
    }


_MAY_WAIT: Final = {ACCEPTED: ApprovalAnswer}
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
        otherwise=_MAY_WAIT,
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
        otherwise=_MAY_WAIT,
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
        otherwise=_MAY_WAIT,
    ),
)
