"""Who and what may trade at the moment: halted listings, restricted accounts, kill switches. All last until they are lifted."""

from collections.abc import Collection
from dataclasses import dataclass

from matching.safety_commands import KillScope
from settlement.values import AccountId, AssetCode, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingState:
    """What is halted or restricted and why, as written to a snapshot."""

    halts: tuple[tuple[AssetCode | None, str], ...]
    restrictions: tuple[tuple[AccountId, str], ...]
    kills: tuple[tuple[KillScope, str, str], ...] = ()


def killed_by(
    switches: Collection[tuple[KillScope, str]], account: str, owner: str, actor: str
) -> str | None:
    """What the first of the switches that stops an account's orders is on for; None when none does.

    A participant's switch stops whatever it does itself, also for others by mandate, and whatever others do for it.
    """
    places = (
        (KillScope.MARKET, ""),
        (KillScope.PARTICIPANT, owner),
        (KillScope.PARTICIPANT, actor),
        (KillScope.ACCOUNT, account),
    )
    return next((subject or scope for scope, subject in places if (scope, subject) in switches), None)


class Standing:
    """Halts by listing (None is the whole market), restrictions by account, kill switches; each with its reason."""

    __slots__ = ("halts", "kills", "restrictions")

    def __init__(self) -> None:
        """Everything may trade."""
        self.halts: dict[AssetCode | None, str] = {}
        self.restrictions: dict[AccountId, str] = {}
        self.kills: dict[tuple[KillScope, str], str] = {}
        """Kill switches that are on, by whose orders they stop: an account, a participant, or "" for the market."""

    def is_halted(self, listing: AssetCode) -> bool:
        """Whether the listing, or the whole market, is halted."""
        return bool(self.halts) and (listing in self.halts or None in self.halts)

    def killed(self, account: AccountId, owner: ParticipantId, actor: ParticipantId) -> str | None:
        """What the switch is on for that stops an account's orders: itself, owner, who acts, the market; else None."""
        return killed_by(self.kills, account, owner, actor) if self.kills else None

    def dump(self) -> StandingState:
        """All of it, for a snapshot."""
        return StandingState(
            halts=tuple(self.halts.items()),
            restrictions=tuple(self.restrictions.items()),
            kills=tuple((scope, subject, reason) for (scope, subject), reason in self.kills.items()),
        )

    def load(self, state: StandingState) -> None:
        """Take over what a snapshot tells."""
        self.halts.update(state.halts)
        self.restrictions.update(state.restrictions)
        self.kills.update(((scope, subject), reason) for scope, subject, reason in state.kills)
