"""From freezes to frozen balances: what freezes name of an account's units lies in its `FROZEN` bucket.

A command places and lifts freezes, or moves units that freezes name; at its end each place that it stirred is brought
into order, so that everything that asks what is available is right by construction. Where more is named than is free,
all that is free is frozen: the rest is committed to trades of before, and is frozen as it comes back.
"""

from collections.abc import Iterator

from settlement.custody_events import FreezeLifted, FreezePlaced
from settlement.events import Bucket, Posted
from settlement.freeze import Freeze, FreezeId
from settlement.holdings import Holdings
from settlement.ledger import Ledger
from settlement.lot import Lot
from settlement.restrictions import Restrictions
from settlement.values import AccountId, AssetCode, LotId


class Freezing:
    """Places and lifts freezes, and posts what they name."""

    __slots__ = ("_holdings", "_ledger", "_lots", "_short", "restrictions")

    def __init__(
        self, ledger: Ledger, holdings: Holdings, restrictions: Restrictions, lots: dict[LotId, Lot]
    ) -> None:
        """Nothing frozen. Everything handed in is the depository's own."""
        self._ledger = ledger
        self._holdings = holdings
        self._lots = lots
        self.restrictions = restrictions
        self._short: dict[tuple[AccountId, AssetCode], None] = {}
        """Places where more is named than is free."""

    def place(self, freeze: Freeze) -> FreezePlaced:
        """Freeze what it names."""
        self.restrictions.place(freeze)
        self._stir(freeze)
        return FreezePlaced(freeze=freeze, account=self.restrictions.bound_to(freeze.registry_account))

    def lift(self, freeze_id: FreezeId, reason: str) -> FreezeLifted:
        """End one freeze; others go on."""
        freeze = self.restrictions.lift(freeze_id)
        self._stir(freeze)
        return FreezeLifted(
            freeze=freeze, account=self.restrictions.bound_to(freeze.registry_account), reason=reason
        )

    @property
    def is_stirred(self) -> bool:
        """Whether anything is to be brought into order at the end of the command."""
        return bool(self.restrictions.stirred or self.restrictions.newly_stopped or self._short)

    def take_stopped(self) -> list[AccountId]:
        """Accounts that the command froze, once: their orders are to be taken back."""
        stopped = list(self.restrictions.newly_stopped)
        self.restrictions.newly_stopped.clear()
        return stopped

    def places(self) -> list[tuple[AccountId, AssetCode]]:
        """Where what is frozen may have changed, in the order of account and instrument."""
        return sorted({**self.restrictions.stirred, **self._short})

    def missing(self, place: tuple[AccountId, AssetCode]) -> int:
        """Tonnes that freezes name there beyond what is free: cover of orders is to be released for them."""
        balance = self._ledger.balance(*place)
        return max(self._holdings.frozen_tonnes(*place) - balance.available - balance.frozen, 0)

    def settle(self, place: tuple[AccountId, AssetCode]) -> Iterator[Posted]:
        """Have exactly what freezes name there in the frozen bucket, or all that is free when they name more."""
        account, instrument = place
        balance = self._ledger.balance(account, instrument)
        named = self._holdings.frozen_tonnes(account, instrument)
        wanted = min(named, balance.available + balance.frozen)
        self.restrictions.stirred.pop(place, None)
        self._short.pop(place, None)
        if wanted < named:
            self._short[place] = None
        available, frozen = (account, Bucket.AVAILABLE), (account, Bucket.FROZEN)
        more = wanted - balance.frozen
        if more > 0:
            yield self._ledger.post(instrument, more, source=available, target=frozen)
        elif more < 0:
            yield self._ledger.post(instrument, -more, source=frozen, target=available)

    def is_short(self, account: AccountId, instrument: AssetCode) -> bool:
        """Whether more is named there than is free."""
        return (account, instrument) in self._short

    def load(self, freezes: tuple[Freeze, ...]) -> None:
        """Take over what a snapshot tells; balances and holdings have been taken over."""
        for freeze in freezes:
            self.restrictions.place(freeze)
        self.restrictions.newly_stopped.clear()
        for place in self._named():
            if self.missing(place):
                self._short[place] = None

    def check(self) -> None:
        """What is frozen is exactly what freezes name, or all that is free where more of it is committed."""
        self.restrictions.check()
        named = self._named()
        for account in self._ledger.accounts():
            for asset, balance in self._ledger.assets(account):
                due = named.pop((account, asset), 0)
                free = balance.available + balance.frozen
                assert balance.frozen == min(due, free), (
                    f"{account}: {balance.frozen} of {asset} frozen, {due} named"
                )
                assert self.is_short(account, asset) is (due > free), (
                    f"{account} {asset}: {due} named, {free} free"
                )
        assert not any(named.values()), f"frozen units of nobody: {named}"

    def _named(self) -> dict[tuple[AccountId, AssetCode], int]:
        """What freezes name, by place, wherever anything is."""
        lots = {freeze.lot_id for freeze in self.restrictions.freezes.values() if freeze.lot_id in self._lots}
        places = {
            (account, self._lots[lot_id].instrument)
            for lot_id in lots
            for account in self._holdings.holders(lot_id)
        }
        return {place: self._holdings.frozen_tonnes(*place) for place in sorted(places)}

    def _stir(self, freeze: Freeze) -> None:
        """Whose units it touches has to be looked at."""
        if freeze.lot_id is None or freeze.lot_id not in self._lots:
            return
        mine = self.restrictions.bound_to(freeze.registry_account)
        for account in self._holdings.holders(freeze.lot_id):
            if freeze.registry_account is None or account == mine:
                self.restrictions.stir(account, freeze.lot_id)
