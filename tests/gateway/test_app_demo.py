"""The demonstration is exactly what the contract says, also when its seeding is interrupted anywhere."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from gateway.config import SettingsFault
from gateway.demo import (
    CLASS_ONE,
    CLASS_TWO,
    ISSUES,
    PLAYERS,
    TRADERS,
    Seed,
    SeedFault,
    is_planted,
    keep_year_open,
)
from gateway.engine.entry import Entry
from gateway.engine.views.views import Views
from gateway.formats import parse_time, time_text
from gateway.founding import found
from gateway.markets.loader import load_market
from matching.calendar import midnight_ns
from matching.commands import Command
from matching.exchange import Exchange
from matching.state import Stamp
from settlement.commands import Outcome, RequestTransferIn, ResolveInstruction
from settlement.lot import Lot, MethodologyClass
from settlement.values import TradingDay

NOW_NS = midnight_ns(TradingDay("2026-11-22")) + 50_000_000_000_000


class Interrupted(Exception):  # noqa: N818 - what happens
    """The process ends here."""


class House:
    """Core and views without a database, and a platform that confirms everything at once."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.views = Views()
        self.seq = 0
        self.now_ns = NOW_NS
        self.left = 10_000
        """Calls until it is interrupted."""
        self.outcome = Outcome.CONFIRMED
        self.accounts: set[str] = set()
        self.methodologies: dict[tuple[str, str], MethodologyClass] = {}
        self.lots: dict[str, tuple[Lot, str]] = {}
        self.bindings: dict[str, str] = {}

    def count(self) -> None:
        if not self.left:
            raise Interrupted
        self.left -= 1

    async def submit(self, command: Command) -> Entry:
        self.count()
        entry = self.apply(command)
        if isinstance(command, RequestTransferIn):
            for instruction in self.exchange.pending_instructions():
                self.apply(
                    ResolveInstruction(
                        instruction_id=instruction.instruction_id,
                        outcome=self.outcome,
                        code=None if self.outcome is Outcome.CONFIRMED else "account_frozen",
                    )
                )
        return entry

    def apply(self, command: Command) -> Entry:
        self.seq += 1
        entry = Entry(
            self.seq,
            self.now_ns,
            command,
            self.exchange.apply(command, Stamp(seq=self.seq, at_ns=self.now_ns)),
        )
        self.views.apply([entry])
        return entry

    async def open_account(self, registry_account: str) -> None:
        self.count()
        self.accounts.add(registry_account)

    async def publish_methodology(
        self, *, code: str, version: str, methodology_class: MethodologyClass, title: str
    ) -> None:
        self.count()
        self.methodologies[code, version] = methodology_class

    async def issue_lot(self, lot: Lot, applicant: str) -> None:
        self.count()
        assert applicant in self.accounts
        assert self.methodologies[lot.methodology, lot.methodology_version] is lot.methodology_class
        self.lots[lot.lot_id] = (lot, applicant)

    async def bind(self, registry_account: str, trading_account: str) -> None:
        self.count()
        self.bindings[registry_account] = trading_account

    async def plant(self) -> None:
        if self.views.rule_book.version == 0:
            left, self.left = self.left, 10_000
            await found(load_market("always-open"), self.views, self.submit)
            self.left = left
        await Seed(submit=self.submit, views=self.views, platform=self, now_ns=lambda: self.now_ns).plant()


def check_everything(house: House) -> None:
    house.exchange.check()
    views = house.views
    assert is_planted(views)
    cash = {trader.name: account_of(views, trader.account).cash.available for trader in TRADERS}
    assert cash == {
        "seller": 100_000_00,
        "buyer": 10_000_000_00,
        "buyer2": 10_000_000_00,
        "entity": 10_000_000_00,
    }
    seller, entity = account_of(views, "A-seller"), account_of(views, "A-entity")
    assert {code: units.available for code, units in seller.units.items()} == {
        CLASS_ONE: 100_000,
        CLASS_TWO: 50_000,
    }
    assert {code: units.available for code, units in entity.units.items()} == {CLASS_ONE: 500, CLASS_TWO: 500}
    assert sorted(seller.serials) == ["DEMO-I-1", "DEMO-I-2", "DEMO-II-1"]
    assert {code: listing.reference_fen for code, listing in views.listings.items()} == {
        CLASS_ONE: 68_00,
        CLASS_TWO: 68_00,
    }
    assert [code for code, listing in views.listings.items() if listing.demonstration] == [CLASS_TWO]
    assert views.market.trading_day == "2026-11-22"
    assert house.bindings == {trader.registry_account: trader.account for trader in TRADERS}


def account_of(views: Views, account: str) -> Any:
    found_account = views.account(account)
    assert found_account is not None
    return found_account


async def test_the_seed_is_what_the_contract_says() -> None:
    house = House()
    await house.plant()
    check_everything(house)
    left_in_management = sum(
        issue.lot.serials[1] - issue.lot.serials[0] - issue.trading_tonnes
        for issue in ISSUES
        if issue.owner.name == "seller" and issue.lot.instrument == CLASS_ONE
    )
    assert left_in_management == 20_000


async def test_an_interrupted_seed_goes_on_where_it_stopped() -> None:
    whole = House()
    await whole.plant()
    steps = 10_000 - whole.left
    for interrupted_after in range(steps):
        house = House()
        house.left = interrupted_after
        with pytest.raises(Interrupted):
            await house.plant()
        assert not is_planted(house.views)
        house.left = 10_000
        await house.plant()
        check_everything(house)


async def test_planting_twice_changes_nothing() -> None:
    house = House()
    await house.plant()
    await house.plant()
    check_everything(house)


def open_until(house: House) -> list[str]:
    return [time_text(terms.deadline_ns)[:19] for terms in house.views.uses.years.versions]


async def test_its_compliance_year_is_open_whenever_it_is_started() -> None:
    house = House()
    await house.plant()
    assert open_until(house) == ["2026-12-31T17:00:00"], "what the contract says"
    ends_ns = house.views.uses.years.versions[0].deadline_ns
    house.now_ns = ends_ns
    await keep_year_open(house.views, house.submit, ends_ns)
    assert len(open_until(house)) == 1, "open to the last moment"
    for later in ("2026-12-31T23:59:59+08:00", "2028-02-29T00:00:00+08:00", "2028-06-15T09:00:00+08:00"):
        house.now_ns = parse_time(later)
        await keep_year_open(house.views, house.submit, house.now_ns)
    assert open_until(house)[1:] == ["2027-12-31T17:00:00", "2028-12-31T17:00:00"]


async def test_a_registry_that_refuses_is_told() -> None:
    house = House()
    house.outcome = Outcome.REFUSED
    with pytest.raises(SeedFault, match="refused to move DEMO-I-1"):
        await house.plant()


async def test_another_market_cannot_be_founded_over_one() -> None:
    house = House()
    await house.plant()
    with pytest.raises(SettingsFault, match="not founded as market shanghai"):
        await found(load_market("shanghai"), house.views, house.submit)
    position = house.seq
    await found(load_market("always-open"), house.views, house.submit)
    assert house.seq == position, "the same market is founded once"


def test_nobody_shares_a_name_or_an_account() -> None:
    names = [player.name for player in PLAYERS]
    assert names == [
        "seller",
        "buyer",
        "buyer2",
        "entity",
        "bank",
        "operator",
        "operator2",
        "supervisor",
        "authority",
    ]
    distinct: list[Callable[[Any], str]] = [
        lambda trader: trader.account,
        lambda trader: trader.registry_account,
    ]
    for name_of in distinct:
        assert len({name_of(trader) for trader in TRADERS}) == len(TRADERS)


def test_the_serials_of_the_lots_do_not_meet() -> None:
    ranges = sorted(issue.lot.serials for issue in ISSUES)
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
