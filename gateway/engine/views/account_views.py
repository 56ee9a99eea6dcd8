"""What accounts are shown as: the shapes that readers see, folded from events by `accounts`."""

from dataclasses import dataclass, field

from settlement import serials as ranges
from settlement.lot import Lot
from settlement.retirement import RetirementPurpose
from settlement.serials import Serials
from settlement.values import CASH


@dataclass(kw_only=True, slots=True)
class BalanceView:
    """What an account has of one asset: fen of cash, tonnes of an instrument. Not to be altered by readers."""

    available: int = 0
    held: int = 0
    delivering: int = 0
    retired: int = 0
    bought_today: int = 0
    """Bought on this trading day and not for sale before the next (T+1), delivered or not."""
    frozen: int = 0
    """Taken out of what is available by a freeze."""
    incoming: int = 0
    """Bought and not yet received."""
    received_today: int = 0
    """Received of what was bought today, and not for sale before tomorrow."""

    @property
    def locked(self) -> int:
        """Of what is available or frozen: not for sale today. Some of it may have left by an authority's word."""
        return min(self.received_today, self.available + self.frozen)

    @property
    def sellable(self) -> int:
        """What may be offered now; what was bought today is taken to be among what is not frozen."""
        return max(self.available - self.locked, 0)

    @property
    def owned(self) -> int:
        """Everything that is still the account's."""
        return self.available + self.held + self.frozen + self.delivering


@dataclass(kw_only=True, slots=True)
class LotView:
    """An account's serials of one lot."""

    lot: Lot
    serials: Serials
    quantity_tonnes: int
    free: Serials
    """Those neither committed to a delivery, transfer or use under way, nor frozen."""
    frozen: Serials
    """Which of them a freeze names."""

    @property
    def available_tonnes(self) -> int:
        """How many are free."""
        return ranges.count(self.free)


@dataclass(frozen=True, kw_only=True, slots=True)
class RestrictionView:
    """That an account may not trade."""

    reason: str
    at_ns: int


@dataclass(kw_only=True, slots=True)
class AccountView:
    """One trading account. Not to be altered by readers."""

    account: str
    owner: str
    registry_account: str
    earmark: RetirementPurpose | None = None
    """The one purpose its money is for."""
    cash: BalanceView = field(default_factory=BalanceView)
    """In fen."""
    units: dict[str, BalanceView] = field(default_factory=dict)
    """In tonnes, by instrument."""
    serials: dict[str, Serials] = field(default_factory=dict)
    """By lot."""
    restriction: RestrictionView | None = None
    """Its trading is frozen."""
    disputes: int = 0
    """Open differences between its money here and at the settlement bank."""
    due_fen: int = 0
    """What unsettled sales will bring in that it may buy with already; in no balance."""
    pledged_fen: int = 0
    """What its purchases and open orders lack, and lean on that for."""

    @property
    def withdrawable_fen(self) -> int:
        """What may leave the exchange: proceeds only when they have settled, disputed and earmarked money never."""
        return 0 if self.disputes or self.earmark is not None else self.cash.available

    @property
    def buying_power_fen(self) -> int:
        """What it may buy with: what is available, and proceeds of sales that nothing leans on yet."""
        return self.cash.available + max(self.due_fen - self.pledged_fen, 0)

    def balance(self, asset: str) -> BalanceView:
        """The balance of an asset, made when there was none."""
        if asset == CASH:
            return self.cash
        found = self.units.get(asset)
        if found is None:
            found = self.units[asset] = BalanceView()
        return found
