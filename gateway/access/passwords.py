"""Passwords: what one must be, and how it is kept and judged (argon2id).

Judging one takes a twentieth of a second and 19 MiB on purpose. That is done in threads of its own, few at a time and
few waiting, so that a flood of log-ins slows log-ins and nothing else.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from gateway.engine.sequencer import Overloaded

T = TypeVar("T")

SHORTEST: Final = 12
LONGEST: Final = 128
"""Characters. Longer ones protect no better, and must be hashed all the same."""

THREADS: Final = 2
WAITING_MOST: Final = 32
"""Passwords being judged or waiting for it; one more is refused."""

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that is easily read as something else."""

STRENGTH: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1_024, parallelism=1, type=Type.ID)
"""OWASP's argon2id settings of 2024; what was made with others is made anew at the next log-in."""


def generated(groups: int = 4, each: int = 5) -> str:
    """A text nobody can guess and a person can type: almost five bits a character."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(each)) for _ in range(groups))


def is_sound(password: str, name: str) -> bool:
    """Whether it may be somebody's password: long enough, not endless, not the name."""
    plain = _normal(password)
    return SHORTEST <= len(plain) <= LONGEST and plain.casefold() != name.casefold() and len(set(plain)) > 1


def _normal(password: str) -> str:
    """The same characters, however the keyboard composed them."""
    return unicodedata.normalize("NFKC", password)


class Passwords:
    """Hashes and judges passwords, a few at a time."""

    __slots__ = ("_hasher", "_nobodys", "_threads", "_under_way", "_waiting_most")

    def __init__(
        self, hasher: PasswordHasher = STRENGTH, *, threads: int = THREADS, waiting_most: int = WAITING_MOST
    ) -> None:
        """With threads of its own."""
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._under_way = 0
        self._waiting_most = waiting_most
        self._nobodys = hasher.hash(secrets.token_hex(16))

    async def hash(self, password: str) -> str:
        """As it is kept. Raises Overloaded when too many wait."""
        return await self._in_turn(lambda: self._hasher.hash(_normal(password)))

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Where there is none it takes as long, and is not.

        Raises:
            Overloaded: too many wait.
        """
        judged = await self._in_turn(lambda: self._verify(kept or self._nobodys, _normal(password)))
        return judged and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was made with other settings than those of now."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except InvalidHashError as error:
            raise AssertionError("a stored password hash is none") from error
        except VerificationError:
            return False

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._waiting_most:
            raise Overloaded(f"{self._under_way} passwords wait to be judged")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1
