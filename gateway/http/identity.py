"""Who makes a request: a program that signed it, or a person whose session's cookie came with it.

A request that carries any of the signature's headers is judged by them alone. Else the cookie counts; and since a
browser sends a cookie whoever made it ask, whatever changes something must show besides that it comes from our page:
by the session's CSRF token, and by its Origin where the browser tells one.
"""

import hmac
import time
from collections.abc import Mapping
from typing import Final, TypeAlias

from gateway.access.authenticate import NotAdmitted
from gateway.access.callers import Caller
from gateway.access.key_ends import KeyExpired, KeyRevoked, KeyRotated, end_of
from gateway.access.keys import AccessKey
from gateway.access.networks import is_within
from gateway.access.sessions import PersonSession, csrf_of
from gateway.http.access.cookies import CSRF_HEADER, SessionCookie
from gateway.http.refusals import people_reasons, reasons
from gateway.http.refusals.access_reasons import ADDRESS_NOT_ALLOWED, KEY_ROTATED
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.routing import Route
from gateway.http.services import Services
from matching.personal_data import SubjectKind
from matching.personal_data_rejections import SUBJECT_RESTRICTED
from registry_bridge.signing import (
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    WINDOW_MS,
    NotAuthentic,
    SignatureFault,
)
from settlement.rejections import Reason

_SIGNATURE_REASONS: Final[dict[SignatureFault, tuple[Reason, str]]] = {
    SignatureFault.HEADER_MISSING: (reasons.UNAUTHENTICATED, KEY_HEADER),
    SignatureFault.KEY_UNKNOWN: (reasons.KEY_UNKNOWN, KEY_HEADER),
    SignatureFault.TIMESTAMP_MALFORMED: (reasons.TIMESTAMP_MALFORMED, TIMESTAMP_HEADER),
    SignatureFault.CLOCK_SKEW: (reasons.TIMESTAMP_OUTSIDE_WINDOW, TIMESTAMP_HEADER),
    SignatureFault.SIGNATURE_MALFORMED: (reasons.SIGNATURE_MALFORMED, SIGNATURE_HEADER),
    SignatureFault.SIGNATURE_WRONG: (reasons.SIGNATURE_INVALID, SIGNATURE_HEADER),
    SignatureFault.SIGNATURE_REPLAYED: (reasons.SIGNATURE_REPLAYED, SIGNATURE_HEADER),
    SignatureFault.SIGNATURES_TOO_MANY: (reasons.OVERLOADED, SIGNATURE_HEADER),
}

_SIGNED_BY: Final = (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)

Signed: TypeAlias = tuple[str | None, str | None, str | None]
"""What a request bears as its key, timestamp and signature."""


def signed_of(headers: Mapping[str, str]) -> Signed:
    """What these headers bear of the three that sign a request."""
    return headers.get(KEY_HEADER), headers.get(TIMESTAMP_HEADER), headers.get(SIGNATURE_HEADER)


class DateNotCovered(Exception):  # noqa: N818 - it states a fact
    """A signature is good, and the date it bears has to be noted before it is accepted."""


class Identity:
    """Tells who makes a request; refuses who is not who they say."""

    __slots__ = ("_services", "cookie")

    def __init__(self, services: Services) -> None:
        """By these keys and sessions."""
        self._services = services
        self.cookie = SessionCookie(services.public_url)

    async def of(
        self, route: Route, target: str, headers: Mapping[str, str], body: bytes, *, remote: str
    ) -> Caller:
        """Who asks for this route from that address. Raises Refused, which names the part that failed."""
        is_signed = any(name in headers for name in _SIGNED_BY)
        if route.by == "key" or (route.by == "either" and (is_signed or not self.cookie.is_there(headers))):
            signed = signed_of(headers)
            return await self.by_covered_signature(route.method, target, signed, body, remote=remote)
        token, session = self._session(headers)
        self.require_own_page(headers)
        if route.method != "GET":
            self._require_csrf(token, headers.get(CSRF_HEADER))
        if session.must_change_password and not route.while_password_must_change:
            raise refusal(people_reasons.PASSWORD_CHANGE_NEEDED)
        await self._services.sign_ins.sessions.touch(session, self._services.sign_ins.now_ns())
        if session.ended_at_ns is not None:  # by somebody, while its use was written down
            raise _unauthenticated(people_reasons.SESSION_EXPIRED, "Cookie")
        return session

    async def by_covered_signature(
        self, method: str, target: str, signed: Signed, body: bytes, *, remote: str
    ) -> AccessKey:
        """Who signed, once the signature's date is noted where it has to be. Raises Refused."""
        try:
            return self.by_signature(method, target, signed, body, remote=remote)
        except DateNotCovered:
            await self._services.authenticator.cover(signed[1])
        return self.by_signature(method, target, signed, body, remote=remote)

    def by_signature(
        self, method: str, target: str, signed: Signed, body: bytes, *, remote: str
    ) -> AccessKey:
        """Who signed, from an address its key is for.

        Raises Refused, which names the part that failed, and DateNotCovered.
        """
        found = self._services.authenticator.check(
            method=method, target=target, key=signed[0], timestamp=signed[1], signature=signed[2], body=body
        )
        if isinstance(found, AccessKey):
            if found.networks and not is_within(remote, found.networks):
                # Told only to who could sign, and so has the key.
                raise refusal(ADDRESS_NOT_ALLOWED, actual=remote[:64], header=KEY_HEADER)
            self._require_unrestricted(found)
            return found
        if isinstance(found, NotAuthentic) and found.fault is SignatureFault.DATE_NOT_COVERED:
            raise DateNotCovered
        raise _not_admitted(found, signed)

    def by_page(self, headers: Mapping[str, str], csrf: str) -> Caller:
        """Whose page opened a WebSocket: its cookie, its Origin, its CSRF token. Raises Refused."""
        token, session = self._session(headers)
        if "Origin" not in headers:
            raise refusal(people_reasons.ORIGIN_FOREIGN, header="Origin")
        self.require_own_page(headers)
        self._require_csrf(token, csrf)
        if session.must_change_password:
            raise refusal(people_reasons.PASSWORD_CHANGE_NEEDED)
        return session

    def claimed(self, headers: Mapping[str, str]) -> Caller | None:
        """Who it would be, were everything in order; before anything is judged."""
        key = self._services.keys.find(headers.get(KEY_HEADER, ""))
        if key is not None:
            return key
        token = self.cookie.read(headers)
        return None if token is None else self._services.sign_ins.sessions.find(token)

    def is_good(self, caller: Caller) -> bool:
        """Whether somebody who was let in earlier may stay."""
        if self._is_restricted(caller):
            return False
        if isinstance(caller, PersonSession):
            sign_ins = self._services.sign_ins
            return sign_ins.sessions.is_good(caller, sign_ins.now_ns())
        key = self._services.keys.find(caller.caller_id)
        return key is not None and end_of(key, time.time_ns()) is None

    def _session(self, headers: Mapping[str, str]) -> tuple[str, PersonSession]:
        if not self.cookie.is_there(headers):
            raise _unauthenticated(reasons.UNAUTHENTICATED, "Cookie")
        sign_ins = self._services.sign_ins
        token = self.cookie.read(headers)
        session = None if token is None else sign_ins.sessions.find(token)
        if token is None or session is None:
            raise _unauthenticated(people_reasons.SESSION_UNKNOWN, "Cookie")
        if not sign_ins.sessions.is_good(session, sign_ins.now_ns()):
            raise _unauthenticated(people_reasons.SESSION_EXPIRED, "Cookie")
        self._require_unrestricted(session)
        return token, session

    def _require_unrestricted(self, caller: Caller) -> None:
        """Refuse whoever's personal data are restricted: nothing is done with them that they ask for."""
        if self._is_restricted(caller):
            raise refusal(SUBJECT_RESTRICTED)

    def _is_restricted(self, caller: Caller) -> bool:
        subjects = self._services.views.subjects
        if subjects.is_restricted(SubjectKind.PARTICIPANT, caller.participant):
            return True
        return isinstance(caller, PersonSession) and subjects.is_restricted(SubjectKind.PERSON, caller.person)

    def seen(self, caller: Caller) -> None:
        """Somebody who was let in earlier asks for something: a person's session is in use."""
        if isinstance(caller, PersonSession):
            caller.seen_at_ns = max(caller.seen_at_ns, self._services.sign_ins.now_ns())

    def require_own_page(self, headers: Mapping[str, str]) -> None:
        """Refuse what another site's page has sent."""
        origin = headers.get("Origin")
        if origin is not None and not self.cookie.is_own(origin, headers):
            raise refusal(people_reasons.ORIGIN_FOREIGN, actual=origin[:128], header="Origin")

    @staticmethod
    def _require_csrf(token: str, given: str | None) -> None:
        if given is None:
            raise refusal(people_reasons.CSRF_MISSING, header=CSRF_HEADER)
        if not hmac.compare_digest(given.encode(errors="replace"), csrf_of(token).encode()):
            raise refusal(people_reasons.CSRF_WRONG, header=CSRF_HEADER)


def _not_admitted(found: NotAdmitted, signed: Signed) -> Refused:
    if isinstance(found, KeyRevoked):
        return _unauthenticated(reasons.KEY_REVOKED, KEY_HEADER, actual=found.at_ns)
    if isinstance(found, KeyExpired):
        return _unauthenticated(reasons.KEY_EXPIRED, KEY_HEADER, actual=found.at_ns)
    if isinstance(found, KeyRotated):
        return _unauthenticated(KEY_ROTATED, KEY_HEADER, actual=found.by_key)
    assert isinstance(found, NotAuthentic)
    reason, header = _SIGNATURE_REASONS[found.fault]
    if found.fault is SignatureFault.HEADER_MISSING:
        header = next(name for name, value in zip(_SIGNED_BY, signed, strict=True) if value is None)
    if found.fault is SignatureFault.CLOCK_SKEW:
        assert found.skew_ms is not None
        refused = _unauthenticated(reason, header, limit=WINDOW_MS, actual=found.skew_ms)
    else:
        refused = _unauthenticated(reason, header)
    if found.skew_ms is not None:
        refused.extra["clock_skew_ms"] = found.skew_ms
    return refused


def _unauthenticated(
    reason: Reason, header: str, *, limit: int | None = None, actual: int | str | None = None
) -> Refused:
    return refusal(
        reason,
        limit=limit,
        actual=actual,
        header=header,
        headers={"WWW-Authenticate": 'Puhui-Signature realm="puhui"'},
    )
