"""People who log in: whom each acts for, what they may do, and how they prove who they are.

Everybody is in the database and in memory, as keys are. Changes are made one after the other: written first, with
what was done and by whom beside it, then in memory. No text form of anything here contains a secret.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.access.keys import Scope
from gateway.access.permits import Permit, spend
from gateway.access.seal import Seal

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

ONE_TIME_S: Final = 24 * 3_600
"""How long a password that an operator has given is good."""

NS: Final = 1_000_000_000
_WITHOUT_TOTP: Final = "totp_sealed = NULL, totp_confirmed = false, recovery = '{}'::bytea[]"


class PersonExists(Exception):  # noqa: N818 - it states a fact
    """The name is taken, capitals or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody with a password."""

    name: str
    participant: str
    """Who acts when they do."""
    account: str | None
    """The account they act for when a request names none."""
    scopes: frozenset[Scope]
    created_by: str
    created_at_ns: int
    password_hash: str = field(repr=False)
    one_time_until_ns: int | None
    """Until when an operator's password is good; none once they have chosen their own."""
    totp_secret: str | None = field(repr=False)
    totp_sealed: bytes | None = field(repr=False)
    """The same as it is kept, no two of which are alike."""
    totp_confirmed: bool
    """Whether logging in takes a code; before, the secret waits to be confirmed."""
    totp_step: int
    """The last code's step; codes up to it are used up."""
    recovery: tuple[bytes, ...] = field(repr=False)
    disabled_at_ns: int | None
    signed_in_at_ns: int | None
    made_alone_by: str | None
    """The operator who gave them a password with no second person's word, if so it was."""

    def may_enter(self, now_ns: int) -> bool:
        """Whether the right password lets them in."""
        return self.disabled_at_ns is None and (
            self.one_time_until_ns is None or now_ns < self.one_time_until_ns
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class NewPerson:
    """Who somebody is to be."""

    name: str
    participant: str
    account: str | None
    scopes: frozenset[Scope]
    created_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """What is done with somebody's way in, by whom."""

    kind: str
    by: str
    at_ns: int
    reason: str = ""
    permit: Permit | None = None
    """By what it is done; by none where it needs none, or the exchange itself does it."""

    @property
    def made_alone_by(self) -> str | None:
        """On whose word alone it is done."""
        return None if self.permit is None else self.permit.made_alone_by


class People:
    """Everybody, in memory and in table `person`."""

    __slots__ = ("_people", "_pool", "_seal", "_turn")

    def __init__(self, pool: Pool, seal: Seal, people: Mapping[str, Person]) -> None:
        """Use `load`."""
        self._pool = pool
        self._seal = seal
        self._people = dict(people)
        self._turn = asyncio.Lock()

    @classmethod
    async def load(cls, pool: Pool, seal: Seal) -> "People":
        """Read everybody. Raises SealFault when a secret was sealed with another key."""
        rows = await pool.fetch("SELECT * FROM person ORDER BY created_at_ns, name")
        return cls(pool, seal, {row["name"].casefold(): _person(row, seal) for row in rows})

    def find(self, name: str) -> Person | None:
        """Who has that name; disabled ones too."""
        return self._people.get(name.casefold())

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._people)

    def all(self) -> tuple[Person, ...]:
        """Everybody, oldest first."""
        return tuple(self._people.values())

    async def add(
        self, new: NewPerson, password_hash: str, *, one_time_until_ns: int | None, deed: Deed
    ) -> Person:
        """Let somebody in. Raises PersonExists, PermitSpent."""
        async with self._turn, self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "INSERT INTO person (name, participant, account, scopes, created_by, created_at_ns, password_hash,"
                " one_time_until_ns, made_alone_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                " ON CONFLICT DO NOTHING RETURNING *",
                *(new.name, new.participant, new.account, sorted(scope.value for scope in new.scopes)),
                *(new.created_by, deed.at_ns, password_hash, one_time_until_ns, deed.made_alone_by),
            )
            if row is None:
                raise PersonExists(new.name)
            await _note(connection, new.name, deed)
            return self._keep(row)

    async def set_password(self, name: str, password_hash: str, deed: Deed) -> Person:
        """Another password, of one's own choice."""
        return await self._change(name, deed, "password_hash = $2, one_time_until_ns = NULL", password_hash)

    async def reset(
        self, name: str, password_hash: str, *, one_time_until_ns: int | None, remove_totp: bool, deed: Deed
    ) -> Person:
        """A password somebody is given, to be changed in time if there is one. Raises PermitSpent."""
        what = "password_hash = $2, one_time_until_ns = $3, made_alone_by = $4"
        return await self._change(
            name,
            deed,
            f"{what}, {_WITHOUT_TOTP}" if remove_totp else what,
            *(password_hash, one_time_until_ns, deed.made_alone_by),
        )

    async def rehash(self, name: str, before: str, password_hash: str) -> None:
        """The same password, kept with the settings of now, unless it was changed meanwhile."""
        async with self._turn:
            row = await self._pool.fetchrow(
                "UPDATE person SET password_hash = $3 WHERE name = $1 AND password_hash = $2 RETURNING *",
                *(name, before, password_hash),
            )
            if row is not None:
                self._keep(row)

    async def enrol(self, name: str, secret: str, deed: Deed) -> bool:
        """Keep an authenticator's secret that waits to be confirmed; whether none was confirmed meanwhile."""
        sealed = self._seal.seal(secret.encode(), f"totp:{name}")
        changed = await self._change_if("NOT totp_confirmed", name, deed, "totp_sealed = $2", sealed)
        return changed is not None

    async def confirm_enrolment(
        self, person: Person, step: int, recovery: tuple[bytes, ...], deed: Deed
    ) -> bool:
        """From now on logging in takes a code of the secret the person has here; whether that could be.

        It cannot where it was confirmed meanwhile, as by asking twice at once, or another secret has taken its place, as
        by enrolling in two windows.
        """
        what = "totp_confirmed = true, totp_step = $2, recovery = $3"
        values = (step, list(recovery), person.totp_sealed)
        is_same = "NOT totp_confirmed AND totp_sealed = $4"
        return await self._change_if(is_same, person.name, deed, what, *values) is not None

    async def remove_totp(self, name: str, deed: Deed) -> Person:
        """No code any more."""
        return await self._change(name, deed, _WITHOUT_TOTP)

    async def use_step(self, person: Person, step: int) -> bool:
        """Use up a code of the secret the person has here; whether it was not used before, and the secret still counts."""
        once = "totp_step < $2 AND totp_sealed = $3"
        return await self._use("totp_step = $2", once, person.name, step, person.totp_sealed)

    async def use_recovery(self, name: str, digest: bytes) -> bool:
        """Use up a recovery code; whether there was such a one."""
        return await self._use("recovery = array_remove(recovery, $2)", "$2 = ANY(recovery)", name, digest)

    async def disable(self, name: str, deed: Deed) -> Person:
        """Keep somebody out."""
        return await self._change(name, deed, "disabled_at_ns = coalesce(disabled_at_ns, $2)", deed.at_ns)

    async def enable(self, name: str, deed: Deed) -> Person:
        """Let somebody in again. Raises PermitSpent."""
        return await self._change(name, deed, "disabled_at_ns = NULL")

    async def signed_in(self, name: str, at_ns: int) -> Person:
        """Note that somebody has logged in."""
        return await self._change(
            name, Deed(kind="signed_in", by=name, at_ns=at_ns), "signed_in_at_ns = $2", at_ns
        )

    async def _change(self, name: str, deed: Deed, what: str, *values: Any) -> Person:  # noqa: ANN401 - as the column is
        changed = await self._change_if("true", name, deed, what, *values)
        assert changed is not None, f"person {name} vanished"
        return changed

    async def _change_if(
        self,
        condition: str,
        name: str,
        deed: Deed,
        what: str,
        *values: Any,  # noqa: ANN401 - as the column is
    ) -> Person | None:
        async with self._turn, self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                f"UPDATE person SET {what} WHERE name = $1 AND {condition} RETURNING *",  # noqa: S608 - columns named in this module
                name,
                *values,
            )
            if row is None:
                return None
            await _note(connection, name, deed)
            return self._keep(row)

    async def _use(self, what: str, once: str, name: str, *values: Any) -> bool:  # noqa: ANN401 - as the column is
        async with self._turn:
            row = await self._pool.fetchrow(
                f"UPDATE person SET {what} WHERE name = $1 AND {once} RETURNING *",  # noqa: S608 - columns named in this module
                *(name, *values),
            )
            if row is not None:
                self._keep(row)
            return row is not None

    def _keep(self, row: asyncpg.Record) -> Person:
        person = self._people[row["name"].casefold()] = _person(row, self._seal)
        return person


async def _note(connection: Any, name: str, deed: Deed) -> None:  # noqa: ANN401 - a pooled connection
    if deed.permit is not None:
        await spend(connection, deed.permit, name, at_ns=deed.at_ns)
    await connection.execute(
        "INSERT INTO person_event (name, kind, by, reason, at_ns) VALUES ($1, $2, $3, $4, $5)",
        *(name, deed.kind, deed.by, deed.reason, deed.at_ns),
    )


def _person(row: asyncpg.Record, seal: Seal) -> Person:
    sealed = row["totp_sealed"]
    return Person(
        name=row["name"],
        participant=row["participant"],
        account=row["account"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        created_by=row["created_by"],
        created_at_ns=row["created_at_ns"],
        password_hash=row["password_hash"],
        one_time_until_ns=row["one_time_until_ns"],
        totp_secret=None if sealed is None else seal.open(sealed, f"totp:{row['name']}").decode(),
        totp_sealed=sealed,
        totp_confirmed=row["totp_confirmed"],
        totp_step=row["totp_step"],
        recovery=tuple(row["recovery"]),
        disabled_at_ns=row["disabled_at_ns"],
        signed_in_at_ns=row["signed_in_at_ns"],
        made_alone_by=row["made_alone_by"],
    )
