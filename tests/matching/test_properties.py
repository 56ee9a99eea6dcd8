"""What must hold for any commands: a refusal changes nothing, a snapshot is the exchange, nothing is lost."""

import random
from dataclasses import replace

import pytest

from matching.commands import AdvanceTime
from matching.events import Rejected, Replayed
from matching.exchange import Exchange
from matching.state import Stamp
from settlement import serials
from settlement.events import (
    Bucket,
    CashDeposited,
    DeliverySettled,
    Posted,
    RetirementCompleted,
    TransferCompleted,
)
from settlement.values import CASH, AccountId
from tests.matching.driver import Driver
from tests.matching.random_day import close, commands, market

SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_refused_or_repeated_command_changes_nothing(seed: int) -> None:
    rand = random.Random(seed)
    driver = market(rand)
    refused = accepted = 0
    for command in commands(rand, driver, 150):
        driver.do(AdvanceTime())  # what time brings is not the command's doing
        before = driver.exchange.dump()
        events = driver.do(command)
        if isinstance(events[-1] if events else None, Rejected | Replayed):
            refused += 1
            assert len(events) == 1
            after = driver.exchange.dump()
            assert after.client_ids[: len(before.client_ids)] == before.client_ids
            attempted = {"seq": before.seq, "at_ns": before.at_ns, "client_ids": before.client_ids}
            assert replace(after, **attempted) == before  # type: ignore[arg-type] # fields by name
        else:
            accepted += 1
            assert not any(isinstance(event, Rejected) for event in events[:-1])
    assert min(refused, accepted) > 20, f"seed {seed}: {refused} refused, {accepted} accepted"


@pytest.mark.parametrize("seed", SEEDS)
def test_an_exchange_loaded_from_any_snapshot_decides_the_same(seed: int) -> None:
    rand = random.Random(seed)
    driver = market(rand)
    twin = Exchange.load(driver.exchange.dump())
    for command in commands(rand, driver, 120):
        events = driver.do(command)
        stamp = Stamp(seq=driver.seq, at_ns=driver.at_ns)
        assert twin.apply(command, stamp) == events, f"seed {seed}, {stamp}"
        twin = Exchange.load(twin.dump())
        twin.check()
        assert twin.dump() == driver.exchange.dump(), f"seed {seed}, {stamp}"
        assert twin.next_change_ns == driver.exchange.next_change_ns


@pytest.mark.parametrize("seed", SEEDS)
def test_balances_are_the_sum_of_what_was_posted(seed: int) -> None:
    driver = a_day(seed)
    places: dict[tuple[str, str, Bucket], int] = {}
    for event in driver.events:
        if isinstance(event, Posted):
            for account, bucket, amount in (
                (event.from_account, event.from_bucket, -event.amount),
                (event.to_account, event.to_bucket, event.amount),
            ):
                place = (event.asset, account, bucket)
                places[place] = places.get(place, 0) + amount
    for balance in driver.exchange.dump().depository.balances:
        for bucket in (Bucket.AVAILABLE, Bucket.HELD, Bucket.DELIVERING, Bucket.RETIRED):
            posted = places.get((balance.asset, balance.account, bucket), 0)
            assert getattr(balance, bucket.value) == posted, f"seed {seed}: {balance} {bucket}"


@pytest.mark.parametrize("seed", SEEDS)
def test_all_money_and_all_units_are_still_here(seed: int) -> None:
    driver = a_day(seed)
    state = driver.exchange.dump().depository
    paid_in = sum(event.amount_fen for event in driver.events if isinstance(event, CashDeposited))
    brought_in = sum(event.quantity_tonnes for event in driver.events if isinstance(event, TransferCompleted))
    owned, retired = {True: 0, False: 0}, 0
    for balance in state.balances:
        owned[balance.asset == CASH] += balance.available + balance.held + balance.delivering
        retired += balance.retired
    assert owned == {True: paid_in, False: brought_in - retired}
    assert retired == sum(
        one.quantity_tonnes for one in driver.events if isinstance(one, RetirementCompleted)
    )
    refused = sum(one.quantity_tonnes for one in state.retirements)
    held = sum(serials.count(holding.serials) for holding in state.holdings)
    assert held + refused + retired == brought_in
    assert driver.cash("fees").available == sum(
        one.buyer_fee_fen + one.seller_fee_fen for one in driver.events if isinstance(one, DeliverySettled)
    )
    assert state.deliveries == ()
    assert driver.exchange.depository.ledger.available(AccountId("nobody"), CASH) == 0


def a_day(seed: int) -> Driver:
    """A random day, closed."""
    rand = random.Random(seed)
    driver = market(rand)
    for command in commands(rand, driver, 150):
        driver.do(command)
    close(rand, driver)
    return driver
