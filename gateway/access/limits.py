"""How much of each kind of action an account may do: one bucket per account and kind, for REST and WebSocket alike.

A bucket of `quota` per `window_s` is kept as a single instant (the generic cell rate algorithm): each action moves it
on by window / quota, and it may lie at most one window ahead of now. Cancels have a bucket of their own, so that
whoever has used up the right to send orders can still take them back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.access.callers import Caller
from gateway.access.lockout import network_of

NS: Final = 1_000_000_000
_SWEEP_AT: Final = 50_000


class ActionKind(StrEnum):
    """What is counted together."""

    ORDER = "order"
    CANCEL = "cancel"
    NEGOTIATE = "negotiate"
    TRANSFER = "transfer"
    """Units and money in and out."""
    READ = "read"
    OPERATE = "operate"
    PUBLIC = "public"
    """Calls without a key, by address."""
    LOGIN = "login"
    """Log-ins by address, and whatever else has a password judged."""
    CHECK = "check"
    """Checks of certificates, by address: a person makes few, who guesses makes many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """So many actions in so many seconds; as many at once after a pause of that length."""

    quota: int
    window_s: int = 1


DEFAULT_QUOTAS: Final[Mapping[ActionKind, Quota]] = {
    ActionKind.ORDER: Quota(quota=500),
    ActionKind.CANCEL: Quota(quota=1_000),
    ActionKind.NEGOTIATE: Quota(quota=50),
    ActionKind.TRANSFER: Quota(quota=50),
    ActionKind.READ: Quota(quota=500),
    ActionKind.OPERATE: Quota(quota=200),
    ActionKind.PUBLIC: Quota(quota=500),
    ActionKind.LOGIN: Quota(quota=10),
    ActionKind.CHECK: Quota(quota=20),
}
"""Generous: they bound a runaway program, not a busy one."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a bucket says to one action."""

    remaining: int
    reset_s: int
    """Seconds until the bucket is full again, rounded up."""
    retry_after_s: int = 0
    """Seconds to wait, rounded up; zero when the action may go on."""


class RateLimits:
    """All buckets. An absent quota means no limit for that kind."""

    __slots__ = ("_full_at_ns", "quotas")

    def __init__(self, quotas: Mapping[ActionKind, Quota]) -> None:
        """Every bucket begins full."""
        self.quotas = dict(quotas)
        self._full_at_ns: dict[tuple[str, ActionKind], int] = {}

    def take(self, owner: str, kind: ActionKind, now_ns: int, cost: int = 1) -> Allowance | None:
        """Take `cost` from the owner's bucket if it is there; none when the kind has no limit."""
        quota = self.quotas.get(kind)
        if quota is None:
            return None
        window_ns = quota.window_s * NS
        each_ns = window_ns // quota.quota
        before_ns = max(self._full_at_ns.get((owner, kind), 0), now_ns)
        after_ns = before_ns + each_ns * cost
        if after_ns - now_ns > window_ns and before_ns > now_ns:
            return Allowance(
                (window_ns - (before_ns - now_ns)) // each_ns,
                _up(before_ns - now_ns),
                max(1, _up(min(after_ns - now_ns - window_ns, before_ns - now_ns))),
            )
        if len(self._full_at_ns) >= _SWEEP_AT:
            self._sweep(now_ns)
        self._full_at_ns[owner, kind] = after_ns
        return Allowance(max(0, (window_ns - (after_ns - now_ns)) // each_ns), _up(after_ns - now_ns))

    def look(self, owner: str, kind: ActionKind, now_ns: int) -> Allowance | None:
        """How a bucket stands, taking nothing."""
        return self.take(owner, kind, now_ns, cost=0)

    def _sweep(self, now_ns: int) -> None:
        """Forget buckets that are full again; they are as good as new ones."""
        self._full_at_ns = {bucket: at_ns for bucket, at_ns in self._full_at_ns.items() if at_ns > now_ns}


def bucket_of(caller: Caller) -> str:
    """Whose buckets a caller takes from: the account's; the participant's where no account is named to it.

    Accounts and participants are named apart, and some alike: neither takes from the other's.
    """
    return f"participant {caller.participant}" if caller.account is None else f"account {caller.account}"


def bucket_of_stranger(address: str) -> str:
    """Whose buckets somebody takes from who has not said who they are: those of where they come from."""
    return f"address {network_of(address)}"


def _up(length_ns: int) -> int:
    return -(-length_ns // NS)
