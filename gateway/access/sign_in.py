"""Logging in, and proving again who one is: name, password, code, in one place and with one answer to what is wrong.

Whether a name exists, a person is disabled, or which of the parts was wrong cannot be told from the answer, nor from
the time it takes: a password is judged in every case. The one thing that is told is that a code is needed, to whoever
has the password.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from gateway.access.lockout import Attempt, Lockout, LockoutLimits
from gateway.access.passwords import Passwords, generated, is_sound
from gateway.access.people import NS, ONE_TIME_S, Deed, NewPerson, People, Person, Pool
from gateway.access.permits import Permit
from gateway.access.seal import Seal
from gateway.access.second_factor import new_recovery_codes, new_secret, recovery_digest, step_of
from gateway.access.sessions import PersonSession, Sessions, SessionTimes

_log: Final = structlog.get_logger("gateway.access")


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """Too many failures; another attempt may be made so many seconds later."""

    retry_after_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongCredentials:
    """Something was wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeNeeded:
    """The password is right, and a code is needed beside it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeakPassword:
    """It may not be a password."""


NotSignedIn: TypeAlias = Locked | WrongCredentials | CodeNeeded


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What somebody gives to prove who they are."""

    name: str
    password: str
    code: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a request comes from, as far as it can be known."""

    address: str
    agent: str


class SignIns:
    """The way in for people, and everything that may be done to it."""

    def __init__(
        self,
        people: People,
        sessions: Sessions,
        passwords: Passwords,
        lockout: Lockout,
        now_ns: Callable[[], int],
    ) -> None:
        """`now_ns` reads the machine's clock, also where the market's is moved by hand."""
        self.people = people
        self.sessions = sessions
        self.now_ns = now_ns
        self._passwords = passwords
        self._lockout = lockout
        self.is_kept_out: Callable[[Person], bool] = lambda _: False
        """Whether somebody may not log in for what the exchange knows of them, such as that their data are restricted."""

    # --- in and out ------------------------------------------------------------------------------------------------

    async def sign_in(self, given: Credentials, origin: Origin) -> tuple[str, PersonSession] | NotSignedIn:
        """A new session and its token; or why not.

        Raises:
            Overloaded: too many log in at once.
        """
        attempt = self._lockout.begin(given.name, origin.address, self.now_ns())
        if isinstance(attempt, int):
            return Locked(retry_after_s=attempt)
        judged = await self._judge(given, attempt)
        found = await self._with_code(judged, given) if isinstance(judged, Person) else judged
        if isinstance(found, WrongCredentials):
            _log.info("log-in refused", address=origin.address)
            return found
        if isinstance(found, CodeNeeded):
            self._lockout.forgive(attempt)
            return found
        self._lockout.succeed(attempt)
        kept = await self._keep_up_to_date(found, given.password)
        now_ns = self.now_ns()
        token, session = await self.sessions.begin(
            found, address=origin.address, agent=origin.agent, now_ns=now_ns
        )
        after = await self.people.signed_in(found.name, now_ns)
        if not after.may_enter(now_ns) or after.password_hash != kept:
            # Disabled, or another password, while this one was judged: what ended their sessions ends this one too.
            await self.sessions.end(session, by="exchange", at_ns=now_ns)
            return WrongCredentials()
        return token, session

    async def prove(self, given: Credentials, address: str) -> Person | NotSignedIn:
        """Who it is who has logged in already: by password, and by a code where one is given.

        Wrong ones count as failed log-ins do.

        Raises:
            Overloaded: too many passwords are being judged.
        """
        attempt = self._lockout.begin(given.name, address, self.now_ns())
        if isinstance(attempt, int):
            return Locked(retry_after_s=attempt)
        judged = await self._judge(given, attempt)
        if not isinstance(judged, Person):
            return judged
        found = judged if given.code is None else await self._with_code(judged, given)
        if isinstance(found, Person):
            self._lockout.succeed(attempt)
        return found

    async def _judge(self, given: Credentials, attempt: Attempt) -> Person | WrongCredentials:
        """Whose name and password these are. A code is judged only after them."""
        person = self.people.find(given.name)
        try:
            fits = await self._passwords.fits(
                None if person is None else person.password_hash, given.password
            )
        except BaseException:
            self._lockout.forgive(attempt)  # it was not judged
            raise
        may_enter = person is not None and person.may_enter(self.now_ns()) and not self.is_kept_out(person)
        if person is None or not fits or not may_enter:
            return WrongCredentials()
        return person

    async def _with_code(self, person: Person, given: Credentials) -> Person | WrongCredentials | CodeNeeded:
        """The same person, when no code is needed or this one is good; it is used up by this."""
        if not person.totp_confirmed:
            return person
        if given.code is None:
            return CodeNeeded()
        assert person.totp_secret is not None, "a code is needed where there is a secret"
        if not given.code.isdecimal():
            is_good = await self.people.use_recovery(person.name, recovery_digest(given.code))
            return person if is_good else WrongCredentials()
        step = step_of(person.totp_secret, given.code, now_ns=self.now_ns(), after=person.totp_step)
        if step is None or not await self.people.use_step(person, step):
            return WrongCredentials()
        return person

    async def _keep_up_to_date(self, person: Person, password: str) -> str:
        """The password's hash, made anew if the settings have changed since."""
        if not self._passwords.is_outdated(person.password_hash):
            return person.password_hash
        anew = await self._passwords.hash(password)
        await self.people.rehash(person.name, person.password_hash, anew)
        return anew

    # --- one's own way in ------------------------------------------------------------------------------------------

    async def change_password(self, person: Person, before: str, password: str) -> Person | WeakPassword:
        """Choose another password, after one was proved; every session of the person ends.

        Raises:
            Overloaded: too many passwords are being judged.
        """
        if not is_sound(password, person.name) or password == before:
            return WeakPassword()
        kept = await self._passwords.hash(password)
        deed = Deed(kind="password_changed", by=person.name, at_ns=self.now_ns())
        changed = await self.people.set_password(person.name, kept, deed)
        await self.sessions.end_all(person.name, by=person.name, at_ns=deed.at_ns)
        return changed

    async def enrol(self, person: Person) -> str | None:
        """A new authenticator's secret; it counts from its confirmation on. None when one was confirmed meanwhile."""
        secret = new_secret()
        deed = Deed(kind="totp_begun", by=person.name, at_ns=self.now_ns())
        return secret if await self.people.enrol(person.name, secret, deed) else None

    async def confirm_enrolment(self, person: Person, code: str) -> tuple[str, ...] | WrongCredentials:
        """Recovery codes, when the code shows that the authenticator has the secret."""
        assert person.totp_secret is not None, "an enrolment has begun"
        step = step_of(person.totp_secret, code, now_ns=self.now_ns(), after=person.totp_step)
        if step is None:
            return WrongCredentials()
        codes = new_recovery_codes()
        digests = tuple(recovery_digest(one) for one in codes)
        deed = Deed(kind="totp_confirmed", by=person.name, at_ns=self.now_ns())
        is_first = await self.people.confirm_enrolment(person, step, digests, deed)
        return codes if is_first else WrongCredentials()

    async def remove_totp(self, person: Person) -> Person:
        """Log in without a code again."""
        deed = Deed(kind="totp_removed", by=person.name, at_ns=self.now_ns())
        return await self.people.remove_totp(person.name, deed)

    # --- what operators do -----------------------------------------------------------------------------------------

    async def add(
        self, new: NewPerson, *, password: str | None = None, permit: Permit | None = None
    ) -> tuple[Person, str]:
        """Let somebody in with a password that must be changed within a day; or with the one given.

        Raises:
            PersonExists: the name is taken.
            PermitSpent: what permits it was used before.
            Overloaded: too many passwords are being judged.
        """
        first = password or generated()
        now_ns = self.now_ns()
        kept = await self._passwords.hash(first)
        until_ns = None if password is not None else now_ns + ONE_TIME_S * NS
        deed = Deed(kind="added", by=new.created_by, at_ns=now_ns, permit=permit)
        return await self.people.add(new, kept, one_time_until_ns=until_ns, deed=deed), first

    async def reset(
        self,
        person: Person,
        *,
        by: str,
        reason: str,
        remove_totp: bool,
        password: str | None = None,
        permit: Permit | None = None,
    ) -> tuple[Person, str]:
        """Give somebody a password that must be changed within a day, or the one given; their sessions end.

        Raises:
            PermitSpent: what permits it was used before.
            Overloaded: too many passwords are being judged.
        """
        first = password or generated()
        kept = await self._passwords.hash(first)
        now_ns = self.now_ns()
        until_ns = None if password is not None else now_ns + ONE_TIME_S * NS
        deed = Deed(
            kind="reset_without_totp" if remove_totp else "reset",
            by=by,
            at_ns=now_ns,
            reason=reason,
            permit=permit,
        )
        changed = await self.people.reset(
            person.name, kept, one_time_until_ns=until_ns, remove_totp=remove_totp, deed=deed
        )
        self._lockout.pardon(person.name)
        await self.sessions.end_all(person.name, by=by, at_ns=now_ns)
        return changed, first

    async def disable(self, person: Person, *, by: str, reason: str) -> Person:
        """Keep somebody out, from this on; their sessions end."""
        deed = Deed(kind="disabled", by=by, at_ns=self.now_ns(), reason=reason)
        changed = await self.people.disable(person.name, deed)
        await self.sessions.end_all(person.name, by=by, at_ns=deed.at_ns)
        return changed

    async def enable(self, person: Person, *, by: str, reason: str, permit: Permit | None = None) -> Person:
        """Let somebody in again. Raises PermitSpent."""
        return await self.people.enable(
            person.name, Deed(kind="enabled", by=by, at_ns=self.now_ns(), reason=reason, permit=permit)
        )


@asynccontextmanager
async def people_signing_in(
    pool: Pool,
    seal: Seal,
    *,
    now_ns: Callable[[], int] = time.time_ns,
    times: SessionTimes | None = None,
    limits: LockoutLimits | None = None,
) -> AsyncIterator[SignIns]:
    """The way in for the people of a database; its threads go at the end."""
    people = await People.load(pool, seal)
    sessions = await Sessions.load(pool, people, now_ns=now_ns(), times=times)
    lockout = Lockout(limits, await sessions.places())
    passwords = Passwords()
    try:
        yield SignIns(people, sessions, passwords, lockout, now_ns)
    finally:
        passwords.close()
