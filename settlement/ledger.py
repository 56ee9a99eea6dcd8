"""The ledger: one primitive, `post`, moves an amount of an asset between two places.

A place is an account and a bucket. Every asset sums to zero over all places at all times, because a posting takes
from one place exactly what it gives to another; only `OUTSIDE` may be negative, and its minus is what the bank or
the registry owes the accounts here. `RETIRED` has a way in and none out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from settlement.events import Bucket, Posted
from settlement.values import OUTSIDE, AccountId, AssetCode


@dataclass(kw_only=True, slots=True)
class Balance:
    """What one account has of one asset, by bucket."""

    available: int = 0
    held: int = 0
    frozen: int = 0
    delivering: int = 0
    retired: int = 0

    @property
    def owned(self) -> int:
        """Everything that is still the account's."""
        return self.available + self.held + self.frozen + self.delivering


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceState:
    """One balance, as written to a snapshot."""

    account: AccountId
    asset: AssetCode
    available: int
    held: int
    frozen: int
    delivering: int
    retired: int


_NOTHING = Balance()


class Ledger:
    """Balances by account and asset, and what lies outside."""

    __slots__ = ("_balances", "_outside")

    def __init__(self) -> None:
        """An empty ledger: nothing anywhere."""
        self._balances: dict[AccountId, dict[AssetCode, Balance]] = {}
        self._outside: dict[AssetCode, int] = {}

    def balance(self, account: AccountId, asset: AssetCode) -> Balance:
        """What the account has of the asset; not to be altered by the caller."""
        assets = self._balances.get(account)
        return _NOTHING if assets is None else assets.get(asset, _NOTHING)

    def available(self, account: AccountId, asset: AssetCode) -> int:
        """What can be used now, fen or tonnes."""
        return self.balance(account, asset).available

    def post(
        self,
        asset: AssetCode,
        amount: int,
        *,
        source: tuple[AccountId, Bucket],
        target: tuple[AccountId, Bucket],
    ) -> Posted:
        """Move `amount` (above zero) of `asset`; the caller has made sure that it is there.

        Raises AssertionError, before anything has changed, when it is not: that is a fault of ours, never a
        client's.
        """
        if amount <= 0:
            raise AssertionError(f"posting {amount} of {asset}")
        if source[1] is Bucket.RETIRED:
            raise AssertionError(f"a retired tonne of {asset} would move again")
        if source == target:
            raise AssertionError(f"posting {asset} to where it is")
        for account, bucket in (source, target):
            if bucket is Bucket.OUTSIDE and account != OUTSIDE:
                raise AssertionError(f"{account} is not the outside")
        self._take(asset, amount, source)
        self._give(asset, amount, target)
        return Posted(
            asset=asset,
            amount=amount,
            from_account=source[0],
            from_bucket=source[1],
            to_account=target[0],
            to_bucket=target[1],
        )

    def move(
        self, account: AccountId, asset: AssetCode, amount: int, buckets: tuple[Bucket, Bucket]
    ) -> tuple[Posted, ...]:
        """Post from one bucket of an account to another, where there is anything to move."""
        if not amount:
            return ()
        source, target = buckets
        return (self.post(asset, amount, source=(account, source), target=(account, target)),)

    def accounts(self) -> Iterator[AccountId]:
        """Every account that ever had something."""
        return iter(self._balances)

    def assets(self, account: AccountId) -> Iterator[tuple[AssetCode, Balance]]:
        """What an account has, asset by asset."""
        return iter(self._balances.get(account, {}).items())

    def outside(self, asset: AssetCode) -> int:
        """The (negative) counterpart of everything at the exchange."""
        return self._outside.get(asset, 0)

    def check(self) -> None:
        """Walk every balance: nothing negative but the outside, every asset sums to zero."""
        sums = dict(self._outside)
        for account, assets in self._balances.items():
            for asset, balance in assets.items():
                parts = (
                    balance.available,
                    balance.held,
                    balance.frozen,
                    balance.delivering,
                    balance.retired,
                )
                assert min(parts) >= 0, f"{account} has {parts} of {asset}"
                sums[asset] = sums.get(asset, 0) + sum(parts)
        for asset, total in sums.items():
            assert total == 0, f"{asset} sums to {total}"

    def dump(self) -> tuple[BalanceState, ...]:
        """Every balance, in order of account and asset."""
        return tuple(
            BalanceState(
                account=account,
                asset=asset,
                available=balance.available,
                held=balance.held,
                frozen=balance.frozen,
                delivering=balance.delivering,
                retired=balance.retired,
            )
            for account, assets in sorted(self._balances.items())
            for asset, balance in sorted(assets.items())
        )

    @classmethod
    def load(cls, state: tuple[BalanceState, ...]) -> "Ledger":
        """The ledger those balances are of."""
        ledger = cls()
        for line in state:
            balance = Balance(
                available=line.available,
                held=line.held,
                frozen=line.frozen,
                delivering=line.delivering,
                retired=line.retired,
            )
            ledger._balances.setdefault(line.account, {})[line.asset] = balance
            total = balance.owned + balance.retired
            ledger._outside[line.asset] = ledger._outside.get(line.asset, 0) - total
        return ledger

    def _take(self, asset: AssetCode, amount: int, place: tuple[AccountId, Bucket]) -> None:
        account, bucket = place
        if bucket is Bucket.OUTSIDE:
            self._outside[asset] = self._outside.get(asset, 0) - amount
            return
        balance = self.balance(account, asset)
        there: int = getattr(balance, bucket)
        if there < amount:
            raise AssertionError(f"{account} has {there} of {asset} {bucket}, not {amount}")
        setattr(balance, bucket, there - amount)

    def _give(self, asset: AssetCode, amount: int, place: tuple[AccountId, Bucket]) -> None:
        account, bucket = place
        if bucket is Bucket.OUTSIDE:
            self._outside[asset] = self._outside.get(asset, 0) + amount
            return
        assets = self._balances.setdefault(account, {})
        balance = assets.get(asset)
        if balance is None:
            balance = assets[asset] = Balance()
        setattr(balance, bucket, getattr(balance, bucket) + amount)
