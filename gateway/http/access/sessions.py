"""People's way in: log-in and log-out, one's own sessions, password and authenticator."""

from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.limits import ActionKind
from gateway.access.people import Person
from gateway.access.second_factor import enrolment_uri
from gateway.access.sessions import PersonSession, csrf_of
from gateway.access.sign_in import (
    CodeNeeded,
    Credentials,
    Locked,
    NotSignedIn,
    Origin,
    WeakPassword,
    WrongCredentials,
)
from gateway.formats import time_text
from gateway.http.access.cookies import SessionCookie
from gateway.http.access.keys import ScopeName
from gateway.http.refusals import people_reasons, reasons
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import AccountName, Answer, Name, SecretRequest, Time

CREATED: Final = 201
SESSION_PATTERN: Final = "^s-[0-9a-f]{16}$"

PasswordIn = Annotated[str, Field(min_length=1, max_length=256)]
Code = Annotated[
    str,
    Field(
        pattern=r"^([0-9]{6}|[A-Za-z0-9]{6}-[A-Za-z0-9]{6})$",
        description="Six digits of the authenticator, or a recovery code.",
    ),
]


class SignInRequest(SecretRequest):
    """Who it is."""

    name: Name
    password: PasswordIn
    code: Code | None = None


class PasswordRequest(SecretRequest):
    """Another password."""

    password: PasswordIn
    new_password: PasswordIn


class EnrolRequest(SecretRequest):
    """The password again, before the way in is changed."""

    password: PasswordIn


class TotpConfirmRequest(SecretRequest):
    """What the authenticator shows."""

    code: Annotated[str, Field(pattern="^[0-9]{6}$")]


class RemoveTotpRequest(SecretRequest):
    """Password and code again, before the way in is made weaker."""

    password: PasswordIn
    code: Code


class SessionAccount(Answer):
    """An account that may be acted for."""

    account: AccountName
    owner: Name
    own: bool
    actions: Annotated[
        list[str] | None, Field(description="What a mandate lets one do there; none for one's own.")
    ]


class SessionAnswer(Answer):
    """Who is logged in, and what they may do."""

    person: Name
    participant: Name
    account: Annotated[AccountName | None, Field(description="The one meant when a request names none.")]
    accounts: list[SessionAccount]
    scopes: list[ScopeName]
    csrf: Annotated[str, Field(description="To be sent as X-CSRF-Token with whatever changes something.")]
    session: Name
    created_at: Time
    expires_at: Time
    idle_after_s: int
    must_change_password: bool
    totp: bool


class SessionEnded(Answer):
    """Logged out."""

    ended: Literal[True]


class SessionItem(Answer):
    """One of a person's sessions."""

    session: Name
    created_at: Time
    seen_at: Time
    expires_at: Time
    address: str
    agent: str
    current: bool


class SessionItems(Answer):
    """Every open one, newest first."""

    items: list[SessionItem]
    next: None


class Enrolment(Answer):
    """What the authenticator is given."""

    secret: Annotated[str, Field(description="Base32.")]
    uri: Annotated[str, Field(description="otpauth, to be shown as a QR code.")]


class RecoveryCodes(Answer):
    """Each good once, in the place of a code; shown this once."""

    recovery_codes: list[str]


def _refused(found: NotSignedIn) -> Refused:
    match found:
        case Locked():
            wait = str(found.retry_after_s)
            return refusal(people_reasons.SIGN_IN_LOCKED, pointer="", headers={"Retry-After": wait})
        case CodeNeeded():
            return refusal(people_reasons.CODE_NEEDED, pointer="/code")
        case WrongCredentials():
            return refusal(people_reasons.SIGN_IN_REFUSED)


def _cookie(call: Call) -> SessionCookie:
    return SessionCookie(call.services.public_url)


def _require_own_page(call: Call) -> None:
    origin = call.headers.get("Origin")
    if origin is not None and not _cookie(call).is_own(origin, call.headers):
        raise refusal(people_reasons.ORIGIN_FOREIGN, actual=origin[:128], header="Origin")


_OUTCOMES: Final[dict[type, str]] = {
    tuple: "done",
    Locked: "locked",
    CodeNeeded: "code_needed",
    WrongCredentials: "refused",
}
"""As they are counted."""


async def sign_in(call: Call) -> Reply:
    """Log in: a session begins, and its cookie is set. A session the browser had before ends."""
    body: SignInRequest = call.body
    _require_own_page(call)
    given = Credentials(name=body.name, password=body.password, code=body.code)
    sign_ins = call.services.sign_ins
    found = await sign_ins.sign_in(given, _origin(call))
    call.services.metrics.door.sign_ins.labels(_OUTCOMES[type(found)]).inc()
    if not isinstance(found, tuple):
        raise _refused(found)
    await _end_earlier(call)
    return _begun(call, *found, status=CREATED)


def _origin(call: Call) -> Origin:
    agent = call.headers.get("User-Agent", "").encode("ascii", "replace").decode()
    return Origin(address=call.remote, agent="".join(letter for letter in agent if letter.isprintable()))


async def _end_earlier(call: Call) -> None:
    token = _cookie(call).read(call.headers)
    sessions = call.services.sign_ins.sessions
    earlier = None if token is None else sessions.find(token)
    if earlier is not None:
        await sessions.end(earlier, by=earlier.person, at_ns=call.services.sign_ins.now_ns())


def _begun(call: Call, token: str, session: PersonSession, *, status: int = 200) -> Reply:
    return Reply(_body(call, token, session), status=status, headers=_cookie(call).set(token))


def _body(call: Call, token: str, session: PersonSession) -> dict[str, Any]:
    views = call.services.views
    own = [view for view in views.accounts().values() if view.owner == session.participant]
    entrusted = views.mandates.of_delegate(session.participant)
    return {
        "person": session.person,
        "participant": session.participant,
        "account": session.account,
        "accounts": [
            {"account": view.account, "owner": view.owner, "own": True, "actions": None} for view in own
        ]
        + [
            {
                "account": account,
                "owner": views.accounts()[account].owner,
                "own": False,
                "actions": sorted(actions),
            }
            for account, actions in entrusted.items()
        ],
        "scopes": sorted(session.scopes),
        "csrf": csrf_of(token),
        "session": session.session,
        "created_at": time_text(session.created_at_ns),
        "expires_at": time_text(session.ends_at_ns),
        "idle_after_s": call.services.sign_ins.sessions.times.idle_s,
        "must_change_password": session.must_change_password,
        "totp": _person(call, session).totp_confirmed,
    }


def _person(call: Call, session: PersonSession) -> Person:
    person = call.services.sign_ins.people.find(session.person)
    assert person is not None, "a person is never removed"
    return person


def _token(call: Call) -> str:
    token = _cookie(call).read(call.headers)
    assert token is not None, "a session came with its cookie"
    return token


async def who_am_i(call: Call) -> Reply:
    """Who is logged in, with the token that changes are to carry."""
    return Reply(_body(call, _token(call), call.own_session))


async def sign_out(call: Call) -> Reply:
    """Log out: the session ends, and with it its WebSockets."""
    sign_ins, session = call.services.sign_ins, call.own_session
    await sign_ins.sessions.end(session, by=session.person, at_ns=sign_ins.now_ns())
    return Reply({"ended": True}, headers=_cookie(call).remove())


async def list_sessions(call: Call) -> Reply:
    """One's own open sessions."""
    sign_ins = call.services.sign_ins
    own = sign_ins.sessions.of(call.own_session.person, sign_ins.now_ns())
    return Reply({"items": [_item(call, session) for session in own], "next": None})


async def end_session(call: Call) -> Reply:
    """End one of one's own sessions, wherever it is."""
    sign_ins, name = call.services.sign_ins, call.path["session"]
    own = sign_ins.sessions.of(call.own_session.person, sign_ins.now_ns())
    found = next((session for session in own if session.session == name), None)
    if found is None:
        raise refusal(reasons.NOT_FOUND, actual=name)
    item = _item(call, found)
    await sign_ins.sessions.end(found, by=found.person, at_ns=sign_ins.now_ns())
    return Reply(item)


def _item(call: Call, session: PersonSession) -> dict[str, Any]:
    return {
        "session": session.session,
        "created_at": time_text(session.created_at_ns),
        "seen_at": time_text(session.seen_at_ns),
        "expires_at": time_text(session.ends_at_ns),
        "address": session.address,
        "agent": session.agent,
        "current": session is call.caller,
    }


async def _prove(call: Call, password: str, code: str | None = None) -> Person:
    """Who it is, proved once more; by a code too where one is given. Raises Refused."""
    given = Credentials(name=call.own_session.person, password=password, code=code)
    found = await call.services.sign_ins.prove(given, call.remote)
    if not isinstance(found, Person):
        raise _refused(found)
    return found


async def change_password(call: Call) -> Reply:
    """Choose another password. All of one's sessions end, and a new one begins with this answer."""
    body: PasswordRequest = call.body
    sign_ins = call.services.sign_ins
    person = await _prove(call, body.password)
    changed = await sign_ins.change_password(person, body.password, body.new_password)
    if isinstance(changed, WeakPassword):
        raise refusal(people_reasons.PASSWORD_TOO_WEAK, limit="12..128 characters", pointer="/new_password")
    origin = _origin(call)
    begun = await sign_ins.sessions.begin(
        changed, address=origin.address, agent=origin.agent, now_ns=sign_ins.now_ns()
    )
    return _begun(call, *begun)


async def begin_totp(call: Call) -> Reply:
    """Begin to enrol an authenticator; logging in takes its codes once one is confirmed."""
    if _person(call, call.own_session).totp_confirmed:
        raise refusal(people_reasons.TOTP_ENROLLED)
    person = await _prove(call, call.body.password)
    secret = await call.services.sign_ins.enrol(person)
    if secret is None:
        raise refusal(people_reasons.TOTP_ENROLLED)
    return Reply({"secret": secret, "uri": enrolment_uri(secret, person.name)})


async def confirm_totp(call: Call) -> Reply:
    """Show that the authenticator has the secret. From now on logging in takes its codes."""
    person = _person(call, call.own_session)
    if person.totp_confirmed:
        raise refusal(people_reasons.TOTP_ENROLLED)
    if person.totp_secret is None:
        raise refusal(people_reasons.TOTP_NOT_BEGUN)
    codes = await call.services.sign_ins.confirm_enrolment(person, call.body.code)
    if isinstance(codes, WrongCredentials):
        raise refusal(people_reasons.SIGN_IN_REFUSED, pointer="/code")
    return Reply({"recovery_codes": list(codes)})


async def remove_totp(call: Call) -> Reply:
    """Log in without an authenticator again."""
    if not _person(call, call.own_session).totp_confirmed:
        raise refusal(people_reasons.TOTP_NOT_BEGUN)
    person = await _prove(call, call.body.password, call.body.code)
    await call.services.sign_ins.remove_totp(person)
    return Reply(_body(call, _token(call), call.own_session))


_for_people: Final = partial(Route, scope="any", by="session", tag="people")
_reading: Final = partial(_for_people, method="GET", kind=ActionKind.READ)
_ending: Final = partial(_for_people, method="DELETE", kind=ActionKind.READ)
_judging: Final = partial(_for_people, method="POST", kind=ActionKind.LOGIN)

ROUTES: Final = (
    Route(
        "/v1/session",
        sign_in,
        "Log in",
        SessionAnswer,
        method="POST",
        scope="public",
        kind=ActionKind.LOGIN,
        tag="people",
        body=SignInRequest,
        status=CREATED,
    ),
    _reading("/v1/session", who_am_i, "Who is logged in", SessionAnswer, while_password_must_change=True),
    _ending("/v1/session", sign_out, "Log out", SessionEnded, while_password_must_change=True),
    _judging(
        "/v1/session/password",
        change_password,
        "Change one's password",
        SessionAnswer,
        body=PasswordRequest,
        while_password_must_change=True,
    ),
    _judging("/v1/session/totp", begin_totp, "Begin to enrol an authenticator", Enrolment, body=EnrolRequest),
    _judging(
        "/v1/session/totp/confirm",
        confirm_totp,
        "Finish enrolling it",
        RecoveryCodes,
        body=TotpConfirmRequest,
    ),
    _judging("/v1/session/totp/remove", remove_totp, "Remove it", SessionAnswer, body=RemoveTotpRequest),
    _reading("/v1/sessions", list_sessions, "One's own sessions", SessionItems),
    _ending(
        "/v1/sessions/{session}",
        end_session,
        "End one of them",
        SessionItem,
        path_parameters={"session": SESSION_PATTERN},
    ),
)
