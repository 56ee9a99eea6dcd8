"""Two people at two browsers: a transfer is filed, countered, read again and confirmed, and both see each step arrive."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.gateway.http.browser import admit
from tests.gateway.http.desk import Desk
from tests.gateway.http.test_http_negotiated import done, filed
from tests.gateway.web.browser import Seats, looked_at, needs_a_browser

pytestmark = [needs_a_browser, pytest.mark.asyncio(loop_scope="session")]


def fact(page: Page, name: str) -> Locator:
    return page.locator(".fact", has_text=name).locator("dd")


def changed(page: Page) -> Locator:
    return page.locator("tr.changed")


async def file(page: Page, **given: str) -> None:
    for label, text in given.items():
        await page.get_by_label(re.compile(f"^{label}")).fill(text)
    await page.get_by_role("button", name="提交申报").click()


async def test_two_browsers_negotiate_until_both_see_it_executed(seats: Seats, market: Desk) -> None:
    await admit(market, "seller")
    await admit(market, "buyer")
    async with seats.at("negotiate", "seller") as selling, seats.at("negotiate", "buyer") as buying:
        await expect(buying.locator(".nothing")).to_be_visible()

        await selling.get_by_role("link", name="申报协议转让").click()
        await expect(selling.locator("form")).to_contain_text("±30.00%")
        await expect(selling.locator(".lot-entry")).to_have_count(1)
        # Too far from the reference, and more than there is: said at the field, in the exchange's words.
        await file(selling, 对手方账户="buyer", 价格="120.00", 数量="300", 协议编号="2026-11/7")
        await expect(selling.locator(".field", has_text="价格").locator(".fault")).to_contain_text(
            "47.43..88.08"
        )
        await expect(selling.locator("form")).to_contain_text("47.43 – 88.08 元/吨")
        await expect(selling.get_by_label(re.compile("^价格"))).to_be_focused()
        await selling.get_by_label("批次 LOT-1").fill("1001-1300")
        await file(selling, 价格="71", 有效至="10:30:00")
        await expect(fact(selling, "状态")).to_have_text("待对方答复")

        # It arrives in the other's inbox by the stream alone.
        row = buying.locator("tbody tr", has_text="seller")
        await expect(row).to_contain_text("待我方答复")
        await row.get_by_role("link").click()
        await expect(buying.locator(".terms")).to_contain_text("1001–1300")
        await expect(buying.locator(".more-terms").first).to_contain_text("✓ 与条款文本一致")
        await expect(fact(buying, "剩余时间")).to_have_text(re.compile(r"^00:(30:00|29:\d\d)$"))
        await expect(changed(buying)).to_have_count(0)

        await buying.get_by_role("button", name="还价").click()
        await buying.get_by_label("价格").fill("69.50")
        await buying.get_by_role("button", name="提交还价").click()
        await expect(fact(buying, "状态")).to_have_text("待对方答复")

        # What the counter-offer changed is marked, by word.
        await expect(fact(selling, "状态")).to_have_text("待我方答复")
        await expect(selling.locator(".news")).to_contain_text("已还价，条款有变更")
        await expect(changed(selling)).to_have_count(2)
        await expect(changed(selling).first).to_contain_text(re.compile("71.00.*69.50.*◆ 已变更", re.DOTALL))
        await looked_at(selling, "negotiate-countered")
        shown_hash = await selling.locator(".hash").first.inner_text()

        await selling.get_by_role("button", name="确认条款").click()
        dialog = selling.get_by_role("dialog")
        await expect(dialog).to_contain_text(
            "卖出 SHCERCIR1 300 吨，69.50 元/吨，金额 20,850.00 元，对手方 buyer"
        )
        await expect(dialog.locator(".hash")).to_have_text(shown_hash)
        await expect(dialog.get_by_role("button", name="确认条款")).to_be_disabled()
        await dialog.get_by_role("textbox").fill("300")
        await selling.keyboard.press("Enter")
        for page in (selling, buying):
            await expect(fact(page, "状态")).to_have_text("已成交")
            await expect(page.get_by_role("button", name="还价")).to_have_count(0)
        trade = (await market["buyer"].get("/v1/trades?method=negotiated"))["items"][0]
        assert (trade["price"], trade["quantity"], trade["counterparty"]) == ("69.50", "300", "seller")


async def test_declined_withdrawn_and_gone_are_told(seats: Seats, market: Desk) -> None:
    made = [await filed(market, f"gone-{number}") for number in range(3)]
    async with seats.at("negotiate", "buyer") as page:
        await expect(page.locator("tbody tr")).to_have_count(3)
        await looked_at(page, "negotiate-inbox")
        await page.get_by_role("link", name=f"打开协议转让 {made[0]['id']}").click()
        await page.get_by_role("button", name="拒绝").click()
        await page.get_by_role("alert").get_by_role("button", name="拒绝").click()
        await expect(fact(page, "状态")).to_have_text("已拒绝")

        # The other side takes its terms back while they are looked at: the page says so, and nothing can be confirmed.
        await page.goto(f"{market.url}/#/negotiate/{made[1]['id']}")
        await page.get_by_role("button", name="确认条款").click()
        await done(market, "seller", made[1], "withdraw")
        await expect(fact(page, "状态")).to_have_text("已撤回")
        await expect(page.get_by_role("dialog")).to_have_count(0)

        await page.get_by_role("link", name="返回列表").click()
        await page.get_by_role("button", name="全部").click()
        await expect(page.locator("tbody tr")).to_have_count(4)
        await page.get_by_role("link", name="申报协议转让").click()
        await page.get_by_label("我方方向").select_option("buy")
        await page.get_by_label("批次编号（第 1 个）").fill("LOT-1")
        await page.get_by_label("数量或序列号（第 1 个）").fill("2001-2040")
        await page.get_by_role("button", name="再加一个批次").click()
        await looked_at(page, "negotiate-file")
        # A buyer asks for the very lots; the seller sees them in the terms.
        await file(page, 对手方账户="seller", 价格="68.00", **{"数量（吨）": "40"})
        await expect(page.locator(".terms")).to_contain_text("2001–2040")
        filed_now = (await market["seller"].get("/v1/negotiated-transfers?box=in"))["items"][0]
        assert [(lot["lot"], lot["serials"]) for lot in filed_now["lots"]] == [("LOT-1", [[2001, 2041]])]

        # Another listing has another price; a comma that parts no thousands is not read as one.
        await page.get_by_role("link", name="返回列表").click()
        await page.get_by_role("link", name="申报协议转让").click()
        price = page.get_by_label(re.compile("^价格"))
        await price.fill("70.00")
        await page.get_by_label("挂牌代码").select_option("SHCERCIIR1")
        await expect(price).to_have_value("")
        await file(page, 对手方账户="seller", 价格="68,50", 数量="300")
        await expect(page.locator(".field", has_text="价格").locator(".fault")).to_contain_text("68,50")
