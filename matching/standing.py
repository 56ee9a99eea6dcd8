"""Who and what may trade at the moment: halted listings, restricted accounts. Both last until they are lifted."""

from dataclasses import dataclass

from settlement.values import AccountId, AssetCode


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingState:
    """What is halted or restricted and why, as written to a snapshot."""

    halts: tuple[tuple[AssetCode | None, str], ...]
    restrictions: tuple[tuple[AccountId, str], ...]


class Standing:
    """Halts by listing (None is the whole market) and restrictions by account, each with its reason."""

    __slots__ = ("halts", "restrictions")

    def __init__(self) -> None:
        """Everything may trade."""
        self.halts: dict[AssetCode | None, str] = {}
        self.restrictions: dict[AccountId, str] = {}

    def is_halted(self, listing: AssetCode) -> bool:
        """Whether the listing, or the whole market, is halted."""
        return bool(self.halts) and (listing in self.halts or None in self.halts)

    def dump(self) -> StandingState:
        """All of it, for a snapshot."""
        return StandingState(halts=tuple(self.halts.items()), restrictions=tuple(self.restrictions.items()))

    def load(self, state: StandingState) -> None:
        """Take over what a snapshot tells."""
        self.halts.update(state.halts)
        self.restrictions.update(state.restrictions)
