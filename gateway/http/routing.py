"""The route table's row, and what a handler is given and gives back.

A route says everything about a call in one place: address, scope, shapes, limit. The dispatcher enforces it, the
OpenAPI document is written from it, and a test walks it; a route without a scope cannot be written.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from gateway.access.callers import Caller
from gateway.access.keys import Scope
from gateway.access.limits import ActionKind, Allowance
from gateway.access.sessions import PersonSession
from gateway.engine.entry import AskedAs, Entry
from gateway.engine.sequencer import TooLate
from gateway.engine.views.account_views import AccountView
from gateway.engine.views.views import Views
from gateway.http.masking import Mask
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Language, refusal
from gateway.http.services import Services
from gateway.http.shapes import Request
from matching.commands import Command
from matching.personal_data import SubjectKind
from settlement.rejections import ACCOUNT_UNKNOWN, DEADLINE_PASSED, NOT_YOUR_ACCOUNT
from settlement.values import AccountId, ParticipantId

KIB: Final = 1_024
BODY_LIMIT: Final = 64 * KIB
BATCH_BODY_LIMIT: Final = 256 * KIB

SECURITY_HEADERS: Final = {
    "Server": "puhui",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""What every answer carries; a page says more about what it may load."""

SUPERVISED: Final = frozenset({Scope.SUPERVISE})
"""For `or_scopes` of what a supervisor may look at, too."""


_OF_THE_CORE: Final = {ActionKind.ORDER, ActionKind.CANCEL, ActionKind.NEGOTIATE, ActionKind.TRANSFER}
"""Kinds of action whose client ids and deadlines the core judges."""


class NoQuery(Request):
    """A call that takes no parameters."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a JSON value, or bytes of another type."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] | None = None
    content_type: str = "application/json"


def may_see(views: Views, caller: Caller, account: str) -> bool:
    """Whether an account is the caller's own, or one it acts for by a mandate, or the caller a supervisor."""
    view = views.account(account)
    if view is None:
        return False
    if Scope.SUPERVISE in caller.scopes:
        return True
    is_owners = view.owner == caller.participant or any(views.mandates.between(caller.participant, account))
    return is_owners and not views.subjects.is_restricted(SubjectKind.PARTICIPANT, view.owner)


@dataclass(slots=True)
class Call:
    """One request, judged and read."""

    services: Services
    caller: Caller | None
    path: Mapping[str, str]
    headers: Mapping[str, str]
    query: Any
    """The route's query model."""
    body: Any
    """The route's body model; none where it has none."""
    deadline_ns: int | None
    session: str
    """Which connection it came by, for the journal: `rest:<key>` or `ws:<connection>:<key>`; a person's session stands
    there as `<person>:<session>`."""
    remote: str
    """The address it came from."""
    language: Language
    request_id: str
    take: Callable[[int], object]
    """Takes more from the rate limit of this kind of action; refuses when it is not there."""
    asked_as: AskedAs | None = None
    """Of an act asked for under an id: which."""
    decided: list[Entry] = field(default_factory=list)
    """Of an act asked for before and not known to be done: what was decided of it then."""
    mask: Mask | None = None
    """What stands for whoever's personal data are restricted; for what does not leave as JSON or CSV."""

    @property
    def signed_by(self) -> Caller:
        """Who calls; a route that is not public always has somebody."""
        assert self.caller is not None, "a public route asked who is calling"
        return self.caller

    @property
    def own_session(self) -> PersonSession:
        """The session it came by; of a route that is for people alone."""
        assert isinstance(self.caller, PersonSession), "a route for programs too asked for a session"
        return self.caller

    @property
    def participant(self) -> ParticipantId:
        """Who acts."""
        return ParticipantId(self.signed_by.participant)

    def require_in_time(self) -> None:
        """Refuse a request whose own deadline is over. Raises Refused."""
        now_ns = self.services.clock.now_ns()
        if self.deadline_ns is not None and now_ns > self.deadline_ns:
            raise refusal(DEADLINE_PASSED, limit=self.deadline_ns, actual=now_ns)

    async def submit(self, command: Command) -> Entry:
        """Have an act decided by the core, not after the request's deadline; returns after the commit.

        An act that was asked for before, and whose answer nobody knows, may have been decided then: that entry is it,
        whatever would be asked for today.
        Raises Refused.
        """
        before = next((entry for entry in self.decided if type(entry.command) is type(command)), None)
        if before is not None:
            self.decided.remove(before)
            return before
        try:
            return await self.services.sequencer.submit(
                command, deadline_ns=self.deadline_ns, asked_as=self.asked_as
            )
        except TooLate as late:
            raise refusal(DEADLINE_PASSED, limit=self.deadline_ns, actual=late.at_ns) from None

    def account(self, named: str | None) -> AccountId:
        """The account a request is for: the one it names, else the key's own. Whose it is, the core judges.

        One that is not there is refused as another's would be, so that nobody learns which accounts there are.
        """
        if named is not None and self.services.views.account(named) is None:
            raise refusal(NOT_YOUR_ACCOUNT, actual=named)
        return self._meant(named)

    def _meant(self, named: str | None) -> AccountId:
        account = named if named is not None else self.signed_by.account
        if account is None:
            raise refusal(reasons.ACCOUNT_MISSING, pointer="/account")
        return AccountId(account)

    def may_see(self, account: str) -> bool:
        """Whether an account is the caller's own, or one it acts for by a mandate, or the caller a supervisor."""
        return may_see(self.services.views, self.signed_by, account)

    def own_account(self, named: str | None) -> AccountView:
        """An account to be read by who may see it. Raises Refused."""
        account = self._meant(named)
        view = self.services.views.account(account)
        if view is not None and self.may_see(account):
            return view
        # Whether another's account exists is not told to those who may not see it.
        reason = ACCOUNT_UNKNOWN if view is None and named is None else NOT_YOUR_ACCOUNT
        raise refusal(reason, pointer="", parameter="account", actual=account)


Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API. What several of a module's routes share, its `partial` of this class says once."""

    path: str
    handler: Handler
    summary: str
    answer: type[BaseModel] | None
    """The answer's shape; none where it is not JSON."""
    _: KW_ONLY
    method: Literal["GET", "POST", "DELETE", "PATCH", "PUT"]
    scope: Scope | Literal["public", "any"]
    """What the caller must be allowed to do; `any` caller will do, or the call is public."""
    kind: ActionKind
    tag: str
    or_scopes: frozenset[Scope] = frozenset()
    """Any of which will do as well: a supervisor looks at what operators look at."""
    by: Literal["either", "key", "session"] = "either"
    """Whether it is for programs that sign, for people who have logged in, or for both."""
    while_password_must_change: bool = False
    """Whether somebody may call it who has to change a one-time password first."""
    limited: bool = True
    """Whether its rate is limited: all but what an operator's own tools watch by."""
    status: int = 200
    body: type[Request] | None = None
    body_optional: bool = False
    """Whether no body at all means an empty object."""
    query: type[Request] = NoQuery
    limit_bytes: int = BODY_LIMIT
    content_type: str = "application/json"
    otherwise: Mapping[int, type[BaseModel]] = field(default_factory=dict)
    """Other good answers: status → shape."""
    before_shape: Callable[[Services, object], None] | None = None
    """Refuses a body for what it says, before its shape is judged: a rule that holds whatever else is wrong."""
    also: tuple[str, ...] = ()
    """Other content types of the good answer."""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    """Name in the path → pattern it must match; whatever does not match is not found."""
    or_answer: type[BaseModel] | None = None
    """Another shape of the good answer, where a parameter asks for one thing and not for a list."""
    leads_to: Mapping[str, str] = field(default_factory=dict)
    """Beginning of other calls' paths, with the parameter it ends in → pointer to what this answer says of it."""
    is_callers_own: bool = False
    """Whether an answer asked for again is for the key that asked first alone, and not for others of its participant."""
    core_knows_ids: bool | None = None
    """Whether its ids and deadlines are the core's to judge; where nothing is said, the kind of action tells."""

    @property
    def is_fenced_here(self) -> bool:
        """Whether a deadline is judged before the handler; the core judges it where it has to know a repeated id first."""
        if self.method == "GET":
            return False
        return not (self.kind in _OF_THE_CORE if self.core_knows_ids is None else self.core_knows_ids)

    @property
    def is_public(self) -> bool:
        """Whether no key is needed."""
        return self.scope == "public"


def allowance_headers(kind: ActionKind, policy: str, allowance: Allowance) -> dict[str, str]:
    """The rate-limit headers of an answer."""
    headers = {
        "RateLimit-Policy": policy,
        "RateLimit": f'"{kind.value}";r={allowance.remaining};t={allowance.reset_s}',
    }
    if allowance.retry_after_s:
        headers["Retry-After"] = str(allowance.retry_after_s)
    return headers
