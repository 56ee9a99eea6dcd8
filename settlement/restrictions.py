"""What is frozen at the moment, and how much of each account that is.

Freezes are kept one by one, so that lifting one leaves the others. What they name of an account's serials is worked
out from the serials it has; the depository posts the tonnes of it from `AVAILABLE` to `FROZEN` at the end of every
command (`custody`). Places where that may have changed are noted here as it happens, so that nothing is walked for
nothing.
"""

from collections.abc import Iterator

from settlement import serials
from settlement.account import Account
from settlement.freeze import Freeze, FreezeId, FreezeSource
from settlement.lot import Lot
from settlement.serials import NONE, Serials
from settlement.values import AccountId, AssetCode, LotId


class Restrictions:
    """Every freeze in force."""

    __slots__ = ("_accounts", "_bound", "_by_lot", "_lots", "_stopped", "freezes", "newly_stopped", "stirred")

    def __init__(
        self, accounts: dict[AccountId, Account], bound: dict[str, AccountId], lots: dict[LotId, Lot]
    ) -> None:
        """Nothing frozen. Accounts, by both their names, and lots are the depository's own, read here."""
        self._accounts = accounts
        self._bound = bound
        self._lots = lots
        self.freezes: dict[FreezeId, Freeze] = {}
        self._by_lot: dict[LotId, dict[FreezeId, Freeze]] = {}
        self._stopped: dict[str, int] = {}
        self.newly_stopped: dict[AccountId, None] = {}
        """Accounts frozen by the command at hand, whose orders are still to be taken back."""
        self.stirred: dict[tuple[AccountId, AssetCode], None] = {}
        """Places where what is frozen may have changed by the command at hand."""

    def place(self, freeze: Freeze) -> None:
        """Freeze what it names. Whose units it touches is for the caller to stir."""
        assert freeze.freeze_id not in self.freezes, f"{freeze.freeze_id} freezes twice"
        self.freezes[freeze.freeze_id] = freeze
        if freeze.lot_id is not None:
            self._by_lot.setdefault(freeze.lot_id, {})[freeze.freeze_id] = freeze
            return
        assert freeze.registry_account is not None, f"{freeze.freeze_id} names nothing"
        self._stopped[freeze.registry_account] = self._stopped.get(freeze.registry_account, 0) + 1
        account = self.bound_to(freeze.registry_account)
        if account is not None:
            self.newly_stopped[account] = None

    def lift(self, freeze_id: FreezeId) -> Freeze:
        """End one freeze; others of the same target go on."""
        freeze = self.freezes.pop(freeze_id)
        if freeze.lot_id is not None:
            del self._by_lot[freeze.lot_id][freeze_id]
            if not self._by_lot[freeze.lot_id]:
                del self._by_lot[freeze.lot_id]
            return freeze
        assert freeze.registry_account is not None, f"{freeze.freeze_id} names nothing"
        self._stopped[freeze.registry_account] -= 1
        if not self._stopped[freeze.registry_account]:
            del self._stopped[freeze.registry_account]
        return freeze

    def find(self, source: FreezeSource, target: tuple[str | None, LotId | None, Serials]) -> FreezeId | None:
        """The oldest freeze of that source and of exactly that target."""
        return next(
            (
                freeze_id
                for freeze_id, freeze in self.freezes.items()
                if freeze.source is source and freeze.target == target
            ),
            None,
        )

    def bound_to(self, registry_account: str | None) -> AccountId | None:
        """The trading account of a registry account; none while none is opened."""
        return None if registry_account is None else self._bound.get(registry_account)

    def stops(self, account: AccountId) -> bool:
        """Whether the account itself is frozen."""
        return bool(self._stopped) and self._accounts[account].registry_account in self._stopped

    def touches(self, lot_id: LotId) -> bool:
        """Whether any freeze names the lot, or serials of it."""
        return lot_id in self._by_lot

    @property
    def names_units(self) -> bool:
        """Whether any units are frozen, or would be if somebody had them."""
        return bool(self._by_lot)

    def frozen(self, account: AccountId, lot_id: LotId, held: Serials) -> Serials:
        """Which of these serials, which the account has, are frozen there."""
        named = NONE
        for freeze in self._by_lot.get(lot_id, {}).values():
            mine = self._accounts[account].registry_account
            if freeze.registry_account not in (None, mine):
                continue
            if not freeze.serials:
                return held
            named = serials.merged(named, freeze.serials)
        return serials.intersection(held, named)

    def lots_of(self, instrument: AssetCode) -> Iterator[LotId]:
        """Lots of an instrument that freezes name, as far as they are known here."""
        return (
            lot_id
            for lot_id in self._by_lot
            if (lot := self._lots.get(lot_id)) is not None and lot.instrument == instrument
        )

    def stir(self, account: AccountId, lot_id: LotId) -> None:
        """Note that the account's serials of a lot, or what is frozen of them, are others now."""
        self.stirred[account, self._lots[lot_id].instrument] = None

    def check(self) -> None:
        """Freezes are indexed as they are, and nothing is left to be followed up."""
        by_lot = {freeze_id: lot_id for lot_id, freezes in self._by_lot.items() for freeze_id in freezes}
        for freeze_id, freeze in self.freezes.items():
            assert by_lot.pop(freeze_id, None) == freeze.lot_id, freeze
        assert not by_lot, f"lifted freezes: {by_lot}"
        stopped = [freeze.registry_account for freeze in self.freezes.values() if freeze.stops_account]
        assert self._stopped == {account: stopped.count(account) for account in stopped}
        assert not self.stirred, f"left as it was: {self.stirred}"
        assert not self.newly_stopped, f"left trading: {self.newly_stopped}"
