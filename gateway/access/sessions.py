"""Sessions of people who have logged in: a random token in a cookie, of which the exchange keeps the digest alone.

A session ends by itself when nothing came by it for half an hour, or half a day after it began; at once when its
person logs out, ends it from elsewhere, changes the password, or is reset or disabled by an operator. Who must know
that it ended (open WebSockets) is told.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import asyncpg

from gateway.access.keys import Scope
from gateway.access.people import People, Person

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

NS: Final = 1_000_000_000
OF_ONE_MOST: Final = 20
"""Sessions of one person; one more ends the oldest."""
AGENT_MOST: Final = 200
DAY_S: Final = 24 * 3_600
KEPT_S: Final = 184 * DAY_S
"""How long ended sessions stay in the database, with the address and the program they came by: the six months for which
a network's logs are to be kept (Cybersecurity Law, 2016, Art. 21), and no longer, as they are about persons (Personal
Information Protection Law, 2021, Art. 19)."""

_FORGET: Final = "DELETE FROM person_session WHERE least(ended_at_ns, ends_at_ns) < $1"
_PLACES: Final = "SELECT name, address FROM person_session GROUP BY name, address ORDER BY max(created_at_ns)"
_TOKEN_BYTES: Final = 32
_WRITE_EACH_S: Final = 60
"""How often at most the database is told that a session was used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionTimes:
    """How long a session may last."""

    idle_s: int = 30 * 60
    whole_s: int = 12 * 3_600


@dataclass(kw_only=True, slots=True, eq=False)
class PersonSession:
    """One log-in of a person."""

    session: str
    """Its public name; the token is known to the cookie alone."""
    person: str
    participant: str
    account: str | None
    scopes: frozenset[Scope]
    made_alone_by: str | None
    """As of its person: whoever is given another password has to begin another."""
    must_change_password: bool
    address: str
    agent: str
    created_at_ns: int
    ends_at_ns: int
    seen_at_ns: int
    written_at_ns: int
    token_digest: bytes = field(repr=False)
    ended_at_ns: int | None = None

    @property
    def caller_id(self) -> str:
        """Its person and its name, as the journal and logs have it."""
        return f"{self.person}:{self.session}"

    @property
    def program(self) -> str:
        """The page it has open; another session is another."""
        return self.caller_id


class Sessions:
    """Every open session, in memory and in table `person_session`."""

    __slots__ = ("_by_digest", "_listeners", "_of", "_pool", "times")

    def __init__(self, pool: Pool, sessions: Iterable[PersonSession], times: SessionTimes) -> None:
        """Use `load`."""
        self._pool = pool
        self.times = times
        self._by_digest: dict[bytes, PersonSession] = {}
        self._of: dict[str, dict[str, PersonSession]] = {}
        self._listeners: list[Callable[[PersonSession], None]] = []
        for session in sessions:
            self._keep(session)

    @classmethod
    async def load(
        cls, pool: Pool, people: People, *, now_ns: int, times: SessionTimes | None = None
    ) -> "Sessions":
        """Read the open ones, and let go of those that ended long ago."""
        await pool.execute(_FORGET, now_ns - KEPT_S * NS)
        rows = await pool.fetch(
            "SELECT * FROM person_session WHERE ended_at_ns IS NULL AND ends_at_ns > $1 ORDER BY created_at_ns",
            now_ns,
        )
        return cls(pool, [_session(row, people) for row in rows], times or SessionTimes())

    async def forget_daily(self, now_ns: Callable[[], int], *, each_s: float = DAY_S) -> None:
        """Do so every day until cancelled."""
        while True:
            await asyncio.sleep(each_s)
            await self.forget_old(now_ns())

    async def forget_old(self, now_ns: int) -> None:
        """Let go of the records of sessions that ended long ago."""
        await self._pool.execute(_FORGET, now_ns - KEPT_S * NS)

    async def places(self) -> list[tuple[str, str]]:
        """Who has logged in from where, as far as it is kept; oldest first."""
        return [(row["name"], row["address"]) for row in await self._pool.fetch(_PLACES)]

    def on_end(self, listener: Callable[[PersonSession], None]) -> None:
        """Tell the listener of every session that is ended by somebody."""
        self._listeners.append(listener)

    async def begin(
        self, person: Person, *, address: str, agent: str, now_ns: int
    ) -> tuple[str, PersonSession]:
        """A new session and its token, which is nowhere else; durable when this returns."""
        token = base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).decode().rstrip("=")
        session = PersonSession(
            session=f"s-{secrets.token_hex(8)}",
            person=person.name,
            participant=person.participant,
            account=person.account,
            scopes=person.scopes,
            made_alone_by=person.made_alone_by,
            must_change_password=person.one_time_until_ns is not None,
            address=address,
            agent=agent[:AGENT_MOST],
            created_at_ns=now_ns,
            ends_at_ns=now_ns + self.times.whole_s * NS,
            seen_at_ns=now_ns,
            written_at_ns=now_ns,
            token_digest=_digest(token),
        )
        await self._insert(session)
        self._keep(session)
        kept = self.of(person.name, now_ns)[:OF_ONE_MOST]
        others = [one for one in self._of[person.name].values() if one not in kept]
        await self._end(others, by="exchange", at_ns=now_ns)
        return token, session

    def find(self, token: str) -> PersonSession | None:
        """The session of a token; run out or not."""
        return self._by_digest.get(_digest(token))

    def is_good(self, session: PersonSession, now_ns: int) -> bool:
        """Whether it may still be used."""
        return (
            session.ended_at_ns is None
            and now_ns < session.ends_at_ns
            and now_ns < session.seen_at_ns + self.times.idle_s * NS
        )

    def of(self, person: str, now_ns: int) -> list[PersonSession]:
        """A person's open sessions, newest first."""
        good = [session for session in self._of.get(person, {}).values() if self.is_good(session, now_ns)]
        return good[::-1]

    async def touch(self, session: PersonSession, now_ns: int) -> None:
        """It was used just now."""
        session.seen_at_ns = max(session.seen_at_ns, now_ns)
        if now_ns - session.written_at_ns >= _WRITE_EACH_S * NS:
            session.written_at_ns = now_ns
            await self._pool.execute(
                "UPDATE person_session SET seen_at_ns = $2 WHERE session = $1", session.session, now_ns
            )

    async def end(self, session: PersonSession, *, by: str, at_ns: int) -> None:
        """End a session for good; the same again changes nothing."""
        await self._end([session], by=by, at_ns=at_ns)

    async def end_all(self, person: str, *, by: str, at_ns: int, but: PersonSession | None = None) -> None:
        """End all of a person's sessions, or all but one."""
        ending = [session for session in self._of.get(person, {}).values() if session is not but]
        await self._end(ending, by=by, at_ns=at_ns)

    async def _end(self, sessions: list[PersonSession], *, by: str, at_ns: int) -> None:
        ending = [session for session in sessions if session.ended_at_ns is None]
        if not ending:
            return
        await self._pool.execute(
            "UPDATE person_session SET ended_at_ns = $2, ended_by = $3"
            " WHERE session = ANY($1::text[]) AND ended_at_ns IS NULL",
            *([session.session for session in ending], at_ns, by),
        )
        for session in ending:
            session.ended_at_ns = at_ns
            self._by_digest.pop(session.token_digest, None)
            self._of[session.person].pop(session.session, None)
            for listener in self._listeners:
                listener(session)

    def _keep(self, session: PersonSession) -> None:
        self._by_digest[session.token_digest] = session
        self._of.setdefault(session.person, {})[session.session] = session

    async def _insert(self, session: PersonSession) -> None:
        await self._pool.execute(
            "INSERT INTO person_session (session, token_digest, name, must_change, address, agent, created_at_ns,"
            " seen_at_ns, ends_at_ns) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            *(session.session, session.token_digest, session.person, session.must_change_password),
            *(session.address, session.agent, session.created_at_ns, session.seen_at_ns, session.ends_at_ns),
        )


def csrf_of(token: str) -> str:
    """What a page proves with that it is ours: made of the session's token, and telling nothing about it."""
    return base64.urlsafe_b64encode(hmac.digest(token.encode(), b"csrf", "sha256")).decode().rstrip("=")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _session(row: asyncpg.Record, people: People) -> PersonSession:
    person = people.find(row["name"])
    assert person is not None, f"session {row['session']} is nobody's"
    return PersonSession(
        session=row["session"],
        person=person.name,
        participant=person.participant,
        account=person.account,
        scopes=person.scopes,
        made_alone_by=person.made_alone_by,
        must_change_password=row["must_change"],
        address=row["address"],
        agent=row["agent"],
        created_at_ns=row["created_at_ns"],
        ends_at_ns=row["ends_at_ns"],
        seen_at_ns=row["seen_at_ns"],
        written_at_ns=row["seen_at_ns"],
        token_digest=row["token_digest"],
    )
