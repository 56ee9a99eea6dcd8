"""Lock-out: how many failed log-ins a name and an address may have, within a stretch of time that always ends.

An attempt counts as a failure when it begins and is forgiven when it succeeds; however many come at once, no more are
judged than may fail. Names that nobody has are counted like any other, so that being locked tells nothing.

Anybody can fail in somebody's name. Where a person has logged in before, failures are therefore counted apart from those of
all other places, and who guesses elsewhere keeps nobody from where they usually work.
"""

import ipaddress
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

NS: Final = 1_000_000_000
WINDOW_S: Final = 15 * 60
OF_NAME_MOST: Final = 5
OF_ADDRESS_MOST: Final = 50
"""An office behind one address has many people."""

PLACES_MOST: Final = 20
"""Places of one person that are remembered; one more, and the oldest is forgotten."""

_KEPT_MOST: Final = 50_000
_IPV6_NETWORK: Final = 64
"""Bits: what one subscriber has of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockoutLimits:
    """How many failures, and in how long."""

    of_name: int = OF_NAME_MOST
    of_address: int = OF_ADDRESS_MOST
    window_s: int = WINDOW_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A log-in under way."""

    name: str
    place: str
    """What is counted as one address."""
    keys: tuple[str, str]
    at_ns: int


class Lockout:
    """Failures of late, by name and by address. They are forgotten with the process, and in any case in time."""

    __slots__ = ("_failures", "_limits", "_places")

    def __init__(
        self, limits: LockoutLimits | None = None, logged_in: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Nobody failed yet. `logged_in` are names with the addresses they have logged in from, oldest first."""
        self._limits = limits or LockoutLimits()
        self._failures: dict[str, deque[int]] = {}
        self._places: dict[str, list[str]] = {}
        for name, address in logged_in:
            self._remember(name.casefold(), network_of(address))

    def begin(self, name: str, address: str, now_ns: int) -> Attempt | int:
        """An attempt that may be judged; or how many seconds, rounded up, until one may be."""
        limits = self._limits
        who, place = name.casefold(), network_of(address)
        keys = (_of_name(who, place if place in self._places.get(who, ()) else None), f"address {place}")
        wait_s = max(
            self._wait_s(keys[0], limits.of_name, now_ns), self._wait_s(keys[1], limits.of_address, now_ns)
        )
        if wait_s:
            return wait_s
        for key in keys:
            self._of(key).append(now_ns)
        return Attempt(name=who, place=place, keys=keys, at_ns=now_ns)

    def forgive(self, attempt: Attempt) -> None:
        """It did not fail after all."""
        for key in attempt.keys:
            failures = self._failures.get(key)
            if failures is not None and attempt.at_ns in failures:
                failures.remove(attempt.at_ns)

    def succeed(self, attempt: Attempt) -> None:
        """It succeeded: whatever was wrong with that name before is forgotten; the address keeps its other failures."""
        self.forgive(attempt)
        self._failures.pop(attempt.keys[0], None)
        self._remember(attempt.name, attempt.place)

    def pardon(self, name: str) -> None:
        """Whatever was wrong with that name is forgotten, wherever it was: they have been given another way in."""
        who = name.casefold()
        for place in (None, *self._places.get(who, ())):
            self._failures.pop(_of_name(who, place), None)

    def _remember(self, who: str, place: str) -> None:
        places = self._places.setdefault(who, [])
        if place in places:
            places.remove(place)
        places.append(place)
        del places[:-PLACES_MOST]

    def _wait_s(self, key: str, most: int, now_ns: int) -> int:
        failures = self._failures.get(key)
        if failures is None:
            return 0
        window_ns = self._limits.window_s * NS
        while failures and failures[0] <= now_ns - window_ns:
            failures.popleft()
        if len(failures) < most:
            return 0
        return max(1, -(-(failures[-most] + window_ns - now_ns) // NS))

    def _of(self, key: str) -> deque[int]:
        found = self._failures.get(key)
        if found is None:
            if len(self._failures) >= _KEPT_MOST:
                self._failures.pop(next(iter(self._failures)))
            found = self._failures[key] = deque()
        return found


def _of_name(who: str, place: str | None) -> str:
    return f"name {who}" if place is None else f"name {who} at {place}"


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str:
    """What is counted as one address: of IPv6 the network that one subscriber has, all of whose addresses are theirs."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - the Internet Protocol's
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False))
