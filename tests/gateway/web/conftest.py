"""An exchange with a day behind it for all tests of a module, and one browser to look at them all."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from gateway.engine.tables.settlement_postings import SettlementPostings
from gateway.formats import price_text
from gateway.http.services import HttpSettings
from gateway.postgres.embedded import EmbeddedPostgres
from matching.commands import AddListing
from matching.listing import Listing
from settlement.commands import AddInstrument
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass
from settlement.values import AssetCode
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_bulletins import close, trade
from tests.gateway.web.browser import Seats, chromium
from tests.postgres_fixture import fresh_database


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def market(postgres: EmbeddedPostgres, exchange_schema: str) -> AsyncIterator[Desk]:
    """Yesterday closed with trades at three prices; today a few more, and orders on either side."""
    async with (
        fresh_database(postgres, exchange_schema) as dsn,
        desk(dsn, settings=HttpSettings(quotas={}), projections=(SettlementPostings(),)) as made,
    ):
        second = AssetCode("SHCERCIIR1")
        await made.engine.do(
            AddInstrument(instrument=Instrument(code=second, methodology_class=MethodologyClass.II)),
            AddListing(listing=Listing(code=second, first_reference_price_fen=6_800, demonstration=True)),
        )
        for number, (price, quantity) in enumerate((("68.00", "100"), ("69.50", "50"), ("67.00", "150"))):
            await trade(made, number, price, quantity)
        await close(made)
        await trade(made, 10, "68.20", "40")
        for level in range(5):
            for side, price_fen in (("buy", 6_790 - 10 * level), ("sell", 6_850 + 10 * level)):
                who = "buyer" if side == "buy" else "seller"
                text = price_text(price_fen)
                given = {"side": side, "price": text, "quantity": str(20 + 15 * level)}
                assert (await made[who].order(f"rest-{side}-{level}", **given)).status_code == 201
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seats(browser: Browser, market: Desk) -> AsyncIterator[Seats]:
    """People who stay at their browsers for all tests of the module."""
    async with Seats(browser, market.url) as made:
        yield made
