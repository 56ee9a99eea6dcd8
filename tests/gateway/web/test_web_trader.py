"""A trader's page in a real browser: signing in, ordering, seeing the fill arrive, and what a lost line does to it."""

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.gateway.http.browser import admit
from tests.gateway.http.desk import Desk
from tests.gateway.web.browser import (
    Line,
    Lost,
    come_in,
    keep_screenshot,
    needs_a_browser,
    serious_faults,
    sign_in,
    visitor,
)

pytestmark = [needs_a_browser, pytest.mark.asyncio(loop_scope="session")]


async def fill_in(page: Page, price: str, quantity: str) -> None:
    await page.locator(".ticket").get_by_label("价格").fill(price)
    await page.locator(".ticket").get_by_label("数量").fill(quantity)


async def test_a_trader_signs_in_trades_and_signs_out(browser: Browser, market: Desk) -> None:
    await admit(market, "buyer")
    async with visitor(browser) as page:
        await sign_in(page, market.url, "trade", "buyer", "not the password")
        await expect(page.get_by_role("alert")).to_contain_text("sign_in_refused")
        assert await serious_faults(page) == []
        await sign_in(page, market.url, "trade", "buyer")
        await expect(page.locator(".open-orders tbody tr")).to_have_count(5)
        made = await page.locator(".fills tbody tr").count()

        # A click on the ladder fills the ticket and sends nothing.
        await page.locator(".ladder .ask .pick").last.click()
        price = "68.50"
        await expect(page.locator(".ticket").get_by_label("价格")).to_have_value(price)
        await expect(page.locator(".open-orders tbody tr")).to_have_count(5)

        await fill_in(page, price, "4")
        await expect(page.locator(".side").first).to_contain_text("¥274.00")
        await page.get_by_role("button", name="买入", exact=True).click()
        await expect(page.locator(".fills tbody tr")).to_have_count(made + 1)
        await expect(page.locator(".fills tbody tr").first).to_contain_text("¥274.00")
        await expect(page.locator(".fills tbody tr").first).to_contain_text("待交收")

        # Somebody else's act arrives by the stream alone.
        assert (
            await market["seller"].order("into-it", side="sell", price="67.90", quantity="3")
        ).status_code == 201
        await expect(page.locator(".news")).to_have_text("已成交：买入 SHCERCIR1 3 吨，67.90 元/吨")
        await expect(page.locator(".fills tbody tr")).to_have_count(made + 2)
        assert await serious_faults(page) == []
        await keep_screenshot(page, "trade-zh-light-1280")

        await page.get_by_role("button", name="退出").click()
        await expect(page.get_by_role("link", name="登录")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("link", name="登录")).to_be_visible()


async def test_a_large_order_is_typed_again_and_can_be_cancelled(browser: Browser, market: Desk) -> None:
    async with visitor(browser) as page:
        await come_in(page, market.url, "trade", "buyer")
        before = await page.locator(".open-orders tbody tr").count() or 5
        await expect(page.locator(".open-orders tbody tr")).to_have_count(before)
        await fill_in(page, "62.00", "1000")
        await page.get_by_role("button", name="买入", exact=True).click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("买入 SHCERCIR1 1,000 吨，限价 62.00 元/吨")
        send = dialog.get_by_role("button", name="买入")
        await expect(send).to_be_disabled()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(page.locator(".open-orders tbody tr")).to_have_count(before)
        await page.get_by_role("button", name="买入", exact=True).click()
        await dialog.get_by_role("textbox").fill("1000")
        await send.click()
        await expect(page.locator(".open-orders tbody tr")).to_have_count(before + 1)
        # The second half of a double click falls on the row that comes up, and cancels nothing.
        await page.locator(".open-orders").get_by_role("button", name="撤单：").first.dblclick()
        await expect(page.locator(".open-orders tbody tr")).to_have_count(before)
        assert len((await market["buyer"].get("/v1/orders?status=open"))["items"]) == before
        await page.get_by_role("button", name="全部撤单").click()
        await page.get_by_role("button", name="全部撤单").click()
        await expect(page.locator(".open-orders .nothing")).to_be_visible()


async def test_fills_made_while_the_line_was_lost_are_told_when_it_is_back(
    browser: Browser, market: Desk
) -> None:
    async with visitor(browser) as page:
        line = Line()
        await line.between(page)
        await come_in(page, market.url, "trade", "buyer")
        await fill_in(page, "68.30", "6")
        await page.get_by_role("button", name="买入", exact=True).click()
        await expect(page.locator(".open-orders tbody tr")).to_have_count(1)
        await line.cut()
        await expect(page.locator(".line")).to_have_text("连接中断，正在重连")
        assert (
            await market["seller"].order("unseen", side="sell", price="68.30", quantity="6")
        ).status_code == 201
        line.mend()
        await expect(page.locator(".line")).to_have_text("实时", timeout=15_000)
        await expect(page.locator(".news")).to_have_text("已成交：买入 SHCERCIR1 6 吨，68.30 元/吨")
        await expect(page.locator(".open-orders .nothing")).to_be_visible()


async def test_an_order_whose_answer_was_lost_is_found_out_and_placed_once(
    browser: Browser, market: Desk
) -> None:
    lost = Lost()
    async with visitor(browser) as page:
        await come_in(page, market.url, "trade", "buyer")
        await expect(page.locator(".open-orders .nothing")).to_be_visible()
        await page.route("**/v1/orders", lost.take)
        # Digits as a Chinese keyboard writes them, thousands apart as a table has them; what is none is said to be none.
        await fill_in(page, "6e1", "1,00")
        await expect(page.locator(".unreadable")).to_contain_text("最多两位小数")
        await expect(page.locator(".unreadable")).to_contain_text("正整数")
        await fill_in(page, "\uff16\uff12.00", "1,000")
        await page.get_by_role("button", name="买入", exact=True).click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("textbox").fill("\uff11\uff10\uff10\uff10 ")
        await dialog.get_by_role("button", name="买入").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("结果尚不明确")
        await expect(dialog).to_have_count(0)
        await expect(page.locator(".open-orders tbody tr")).to_have_count(1)
        assert lost.asked == 2
        (placed,) = (await market["buyer"].get("/v1/orders?status=open"))["items"]
        assert (placed["price"], placed["quantity"]) == ("62.00", "1000")


async def test_another_page_of_the_browser_signs_in_as_somebody_else(browser: Browser, market: Desk) -> None:
    await admit(market, "seller")
    async with visitor(browser) as page:
        await come_in(page, market.url, "trade", "buyer")
        await fill_in(page, "62.00", "7")
        other = await page.context.new_page()
        await other.goto(f"{market.url}/#/trade")
        await other.get_by_role("button", name="退出").click()
        await expect(page.locator(".session-news")).to_contain_text("登录已结束")
        await sign_in(other, market.url, "trade", "seller")
        await expect(page.locator(".who-name")).to_have_text("seller")
        await expect(page.locator(".holdings")).to_contain_text("账户 seller")
        await expect(page.locator(".ticket").get_by_label("数量")).to_have_value("")
        # An exchange that does not answer has not said that nobody is signed in.
        silent = True

        async def say_nothing(route: Route) -> None:
            nonlocal silent
            await (route.abort() if silent else route.continue_())
            silent = False

        await page.route("**/v1/session", say_nothing)
        await page.reload()
        await expect(page.locator(".holdings")).to_contain_text("账户 seller")
