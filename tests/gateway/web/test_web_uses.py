"""A compliance entity's page: an offset from the year to the certificate in hand, and every other use."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect

from settlement.account import ParticipantKind
from settlement.commands import RegisterLot
from tests.gateway.documents.reading import read_pdf
from tests.gateway.http import test_http_offsets as offsets
from tests.gateway.http.browser import admit
from tests.gateway.http.desk import Desk
from tests.gateway.web.browser import Seats, looked_at, needs_a_browser

pytestmark = [needs_a_browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def entity(market: Desk) -> AsyncIterator[Desk]:
    """An entity with lots of every kind, an obligation of 2025, and twenty tonnes of room under its cap."""
    await market.engine.do(*(RegisterLot(lot=one) for one in offsets.LOTS))
    await offsets.admit(market, "entity", ParticipantKind.COVERED_ENTITY, offsets.LOTS)
    cap = {"base": "verified_emissions", "ratio": "0.05", "enforcement": "hard", "joint_credits": []}
    await offsets.send(market["operator"], "/v1/operator/compliance-years", {**offsets.YEAR, "cap": cap})
    filed = {
        "entity": "entity-person",
        "compliance_year": 2025,
        "verified_emissions": "400",
        "source": "report",
    }
    await offsets.send(market["authority"], "/v1/authority/filings", filed)
    await offsets.send(
        market["operator"],
        "/v1/operator/welfare-accounts",
        {"account": "buyer2", "designated": True, "source": "agreement"},
    )
    await admit(market, "entity", like="seller", participant="entity-person", account="entity")
    yield market


async def confirm(page: Page, typed: str) -> None:
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("button.first")).to_be_disabled()
    await dialog.get_by_role("textbox").fill(typed)
    await dialog.locator("button.first").click()


async def told_of_something_else(page: Page) -> None:
    """An answer that comes when another quantity is written already is not shown as if it were of that one."""
    changed = asyncio.Event()

    async def wait(route: Route) -> None:
        await changed.wait()
        await route.continue_()

    await page.get_by_label(re.compile("^数量（吨）")).fill("5")
    await page.route("**/v1/offsets/quote", wait)
    async with page.expect_response("**/v1/offsets/quote") as answered:
        await page.get_by_role("button", name="预览").click()
        await page.get_by_label(re.compile("^数量（吨）")).fill("6")
        changed.set()
    await (await answered.value).finished()
    await page.unroute("**/v1/offsets/quote")
    await expect(page.get_by_role("button", name="预览")).to_be_enabled()
    await expect(page.get_by_role("button", name="提交履约抵销")).to_have_count(0)


async def test_an_offset_from_the_year_to_the_certificate(seats: Seats, entity: Desk) -> None:
    async with seats.at("uses", "entity") as page:
        await expect(page.locator(".fact", has_text="剩余")).to_contain_text("20 吨")

        # What may not serve is grey, cannot be chosen, and says by which rule.
        second = page.locator("tr.greyed", has_text="SECOND")
        await expect(second).to_contain_text("class_not_eligible")
        await expect(second.get_by_role("textbox")).to_be_disabled()
        await expect(page.locator("tr.greyed")).to_have_count(4)
        await expect(page.get_by_label("批次 ONE")).to_be_enabled()

        # More than the cap leaves, and no figure at all: said before anything is sent.
        await page.get_by_label(re.compile("^数量（吨）")).fill("21")
        await page.get_by_role("button", name="预览").click()
        await expect(page.get_by_role("alert")).to_contain_text("cap_exceeded")
        await page.get_by_label(re.compile("^数量（吨）")).fill("1.5")
        await page.get_by_role("button", name="预览").click()
        await expect(page.locator(".field", has_text="数量").locator(".fault")).to_contain_text("1.5")

        await told_of_something_else(page)

        await page.get_by_label(re.compile("^数量（吨）")).fill("")
        await page.get_by_label("批次 ONE").fill("1000011-1000020, 1000031-1000032")
        await page.get_by_role("button", name="预览").click()
        retired = page.get_by_role("table", name="核对将注销")
        await expect(retired).to_contain_text("1000011–1000020, 1000031–1000032")
        await expect(page.locator(".fact", has_text="本次抵销后剩余")).to_contain_text("8 吨")
        await page.get_by_label("受益人").fill("某某公司")
        await looked_at(page, "offset")
        await page.get_by_role("button", name="提交履约抵销").click()
        await expect(page.get_by_role("dialog")).to_contain_text(
            "以 SHCERCIR1 12 吨抵销 2025 年度配额清缴义务"
        )
        await confirm(page, "12")

        # The registry's answer arrives by the stream alone.
        await expect(page.locator("[aria-current=step]")).to_contain_text("登记平台办理中")
        await offsets.answer_registry(entity)
        await expect(page.locator("[aria-current=step]")).to_contain_text("已完成")
        async with page.expect_download() as loading:
            await page.get_by_role("link", name="下载凭证 PDF").click()
        pdf = (await (await loading.value).path()).read_bytes()
        assert pdf.startswith(b"%PDF-")
        number = (await loading.value).suggested_filename.removesuffix(".pdf")
        printed = read_pdf(pdf).text
        assert number in printed
        assert "某某公司" in printed
        async with page.expect_download() as loading:
            await page.get_by_role("link", name="下载凭证 JSON").click()
        told = json.loads((await (await loading.value).path()).read_bytes())
        assert (told["number"], told["quantity"]) == (number, "12")
        assert told["lots"][0]["serials"] == [[1000011, 1000021], [1000031, 1000033]]
        await looked_at(page, "use-completed")
        await page.get_by_role("link", name="返回列表").click()
        await expect(page.locator("tbody tr", has_text=number)).to_contain_text("履约抵销")
        await expect(page.get_by_role("table", name="使用台账")).to_contain_text("12")


async def test_class_two_is_donated_and_used_otherwise(seats: Seats, entity: Desk) -> None:
    async with seats.at("uses/other", "entity") as page:
        await page.get_by_label("用途").select_option("donation")
        await page.get_by_label("挂牌代码").select_option("SHCERCIIR1")
        await page.get_by_label(re.compile("^数量（吨）")).fill("500")
        beneficiary = page.get_by_label(re.compile("^受益人"))
        assert await beneficiary.get_attribute("maxlength") == "500"
        await beneficiary.fill("某某公益项目")
        await looked_at(page, "use-other")
        await page.get_by_role("button", name="提交").click()
        await confirm(page, "500")
        await expect(page.locator(".field", has_text="数量").locator(".fault")).to_contain_text("500")
        await page.get_by_label(re.compile("^数量（吨）")).fill("30")
        await page.get_by_role("button", name="提交").click()
        await expect(page.get_by_role("dialog")).to_contain_text(
            "公益捐赠：SHCERCIIR1 30 吨，受益人 某某公益项目"
        )
        await confirm(page, "30")
        await expect(page.locator("[aria-current=step]")).to_contain_text("登记平台办理中")
        await offsets.answer_registry(entity)
        await expect(page.locator("[aria-current=step]")).to_contain_text("已完成")
        await expect(page.locator(".fact", has_text="受赠公益账户")).to_contain_text("buyer2")
        units = (await entity["buyer2"].get("/v1/account"))["units"]["SHCERCIIR1"]
        assert units["available"] == "30"
        await page.goto(f"{entity.url}/#/uses/own")
        await expect(page.locator("tbody tr", has_text="公益捐赠").first).to_contain_text("已完成")
        await looked_at(page, "uses-own")
