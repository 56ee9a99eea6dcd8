"""Money neither appears nor vanishes: what the bank has brought and not taken is in the accounts, or was paid in fees.

Lives with everything that moves money: orders, bargains, closes, settlements that fail, purchases for uses, fees as the
rule book has them just then, withdrawals paid and returned, bank statements, and crashes in between. Most of them are
kept going, so that much is traded and settled; every fourth is as hostile as it comes. The sum is kept from what was told
alone, never from a balance, and compared to the fen after every command and every crash. PUHUI_CONSERVATION_SEED chooses
another seed, PUHUI_CONSERVATION_COMMANDS how many commands the lives of `make soak` have together.
"""

import os
from collections import Counter
from typing import Final

import pytest

from settlement.events import CashDeposited, DeliverySettled, WithdrawalPaid
from settlement.values import CASH, FEES, AccountId
from tests.simulation.busy import Busy
from tests.simulation.run import Simulation

SEED: Final = int(os.environ.get("PUHUI_CONSERVATION_SEED", "20261125"))
SOAK_COMMANDS: Final = int(os.environ.get("PUHUI_CONSERVATION_COMMANDS", "100000"))

LIFE: Final = 3_000
"""Commands of one life."""
KINDS: Final = (
    "crashes",
    "CashDeposited",
    "Traded",
    "NegotiatedTransferExecuted",
    "DeliverySettled",
    "DeliveryFailed",
    "MovementRefused",
    "WithdrawalRequested",
    "WithdrawalPaid",
    "WithdrawalReturned",
    "BankStatementRecorded",
    "DayClosed",
)
"""What has to be met."""


class Counted(Simulation):
    """A life whose money is counted from the door."""

    def __init__(self, seed: int, *, busy: bool) -> None:
        super().__init__(seed)
        if busy:
            self.hostile = Busy(seed, self.reference)
        self.money_fen: Counter[str] = Counter()
        """`in`, `out` and `fees`, as told."""
        self.met: Counter[str] = Counter()
        self.crashed = 0
        self._told = 0

    def step(self) -> None:
        super().step()
        self._hear()
        self.compare_money()

    def crash(self) -> None:
        self._hear()
        super().crash()
        self._told = 0
        self.crashed += 1
        self.compare_money()

    def _hear(self) -> None:
        """What came of the commands since it was last heard."""
        for step in self.since[self._told :]:
            for event in step.events:
                self.met[type(event).__name__] += 1
                match event:
                    case CashDeposited():
                        self.money_fen["in"] += event.amount_fen
                    case WithdrawalPaid():
                        self.money_fen["out"] += event.amount_fen
                    case DeliverySettled():
                        self.money_fen["fees"] += event.buyer_fee_fen + event.seller_fee_fen
                    case _:
                        pass
        self._told = len(self.since)

    def compare_money(self) -> None:
        """Deposits without withdrawals are all balances and the fees, to the fen; the core's ledger says the same."""
        ledger = self.exchange.depository.ledger
        owned_fen = 0
        for account in self.exchange.depository.accounts:
            balance = ledger.balance(account, CASH)
            buckets = (balance.available, balance.held, balance.delivering, balance.frozen)
            assert min(buckets) >= 0, f"{account}: {balance}"
            owned_fen += sum(buckets)
        told = self.money_fen
        assert told["in"] - told["out"] == owned_fen + told["fees"], (
            f"after {self.done}: {told}, {owned_fen} owned"
        )
        assert ledger.balance(AccountId(FEES), CASH).available == told["fees"]


def live(commands: int) -> tuple[Counter[str], Counter[str]]:
    """Lives of so many commands together; what they met, and the money they were told of."""
    met, money_fen = Counter[str](), Counter[str]()
    for number in range(-(-commands // LIFE)):
        life = Counted(SEED + number, busy=number % 4 != 3)
        life.run(min(LIFE, commands - number * LIFE))
        life.check()
        met += life.met
        met["crashes"] += life.crashed
        met["commands"] += life.done
        money_fen += life.money_fen
    for kind in KINDS:
        assert met[kind], f"no {kind} in any life"
    assert met["DeliverySettled"] * 100 > commands, "hardly anything was settled"
    assert money_fen["fees"] > 0
    return met, money_fen


def test_money_is_conserved_whatever_happens() -> None:
    live(4 * LIFE)


@pytest.mark.soak
def test_money_is_conserved_for_long() -> None:
    met, money_fen = live(SOAK_COMMANDS)
    print({kind: met[kind] for kind in ("commands", *KINDS)}, dict(money_fen))  # noqa: T201 - what the soak has met
