"""A trader's account in a real browser: units and money in and out, statements to take along, an order replaced."""

import hashlib
import json
import re

import pytest
from playwright.async_api import expect

from settlement.account import ParticipantKind
from settlement.commands import RegisterParticipant
from settlement.values import ParticipantId
from tests.gateway.http import test_http_mandates as mandates
from tests.gateway.http.browser import admit
from tests.gateway.http.desk import Desk
from tests.gateway.http.test_http_offsets import answer_registry
from tests.gateway.web.browser import Seats, looked_at, needs_a_browser

pytestmark = [needs_a_browser, pytest.mark.asyncio(loop_scope="session")]

QUANTITY = re.compile("^数量（吨）")


async def test_units_leave_for_the_management_account(seats: Seats, market: Desk) -> None:
    await admit(market, "seller")
    async with seats.at("account", "seller") as page:
        lots = page.get_by_role("table", name="持有批次与序列号")
        await expect(lots).to_contain_text("LOT-1")
        await looked_at(page, "account-holdings")

        await page.get_by_role("button", name="减排量划转").click()
        await page.get_by_label(QUANTITY).fill("1000000")
        await page.get_by_role("button", name="提交").click()
        await expect(page.locator(".field", has_text="数量").locator(".fault")).to_contain_text("1000000")
        await page.get_by_label(QUANTITY).fill("")
        await page.get_by_label("批次 LOT-1").fill("90001-90010")
        await page.get_by_role("button", name="提交").click()
        row = page.locator("tbody tr", has_text="90001–90010")
        await expect(row).to_contain_text("登记平台办理中")
        await answer_registry(market)
        await expect(row).to_contain_text("已完成")
        await looked_at(page, "account-transfers")


async def test_money_is_withdrawn_and_the_bank_pays(seats: Seats, market: Desk) -> None:
    async with seats.at("account/cash", "seller") as page:
        await expect(page.get_by_role("table", name="入金记录")).to_contain_text("first-seller")
        amount = page.get_by_label(re.compile("^金额"))
        dialog = page.get_by_role("dialog")
        for wrong, told in (("99999999999", "99999999999.00"), ("1.234", "1.234")):
            await amount.fill(wrong)
            await page.get_by_role("button", name="申请出金").click()
            await dialog.get_by_role("textbox").fill(told)
            await page.keyboard.press("Enter")
            await expect(page.locator(".field", has_text="金额").locator(".fault")).to_contain_text(told)
        await amount.fill("250")
        await page.get_by_role("button", name="申请出金").click()
        await expect(dialog).to_contain_text("从账户 seller 出金 ¥250.00")
        await dialog.get_by_role("textbox").fill("250.00")
        await page.keyboard.press("Enter")
        row = page.get_by_role("table", name="出金记录").locator("tbody tr")
        await expect(row).to_contain_text("待支付")
        (held,) = (await market["seller"].get("/v1/cash/withdrawals"))["items"]
        paid = {"client_id": "paid-1", "bank_reference": "OUT-1"}
        answer = await market["bank"].send("POST", f"/v1/bank/withdrawals/{held['id']}/paid", paid)
        assert answer.status_code == 200, answer.text
        await expect(row).to_contain_text("已支付")
        await expect(row).to_contain_text("OUT-1")
        # In another language it is asked again; what was told stays where no answer comes.
        await page.route(re.compile("/v1/cash/withdrawals"), lambda route: route.abort())
        await page.get_by_role("button", name="English").click()
        lost = page.locator(".panel", has_text="OUT-1").get_by_role("alert")
        await expect(lost).to_contain_text("could not be reached")
        await page.unroute_all()
        await lost.get_by_role("button", name="Try again").click()
        await expect(lost).to_have_count(0)
        await page.get_by_role("button", name="中文").click()
        await looked_at(page, "account-cash")


async def test_a_statement_is_read_and_taken_along_in_three_forms(seats: Seats) -> None:
    async with seats.at("account/statements", "seller") as page:
        digest = await page.locator(".hash").inner_text()
        assert re.fullmatch("[0-9a-f]{64}", digest)
        await expect(page.get_by_role("table", name="当日交收")).to_contain_text("交收")
        files = {}
        for form in ("PDF", "CSV", "JSON"):
            async with page.expect_download() as loading:
                await page.get_by_role("link", name=f"下载 {form}").click()
            files[form] = (await (await loading.value).path()).read_bytes()
        assert files["PDF"].startswith(b"%PDF-")
        assert digest in files["CSV"].decode()
        told = json.loads(files["JSON"])
        assert told.pop("digest") == digest
        text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == digest
        await looked_at(page, "account-statements")


async def test_what_would_be_refused_is_said_beforehand_and_an_order_is_replaced(
    seats: Seats, market: Desk
) -> None:
    async with seats.at("trade", "seller") as page:
        rows = page.locator(".open-orders tbody tr")
        await expect(rows).to_have_count(5)
        ticket, buy, sell = page.locator(".ticket"), page.locator(".side").first, page.locator(".side").nth(1)
        await ticket.get_by_label("价格").fill("99.00")
        await ticket.get_by_label("数量").fill("10")
        await expect(sell.locator(".foreseen")).to_contain_text("price_outside_band")
        await ticket.get_by_label("价格").fill("69.10")
        await expect(sell.locator(".foreseen")).to_have_count(0)
        await expect(buy).to_contain_text("¥691.00")

        await rows.first.get_by_role("button", name="改单").click()
        form = page.locator(".replacing")
        await form.get_by_label("价格").fill("99")
        await form.get_by_role("button", name="改单").click()
        await expect(form.locator(".fault")).to_contain_text("99.00")
        await form.get_by_label("价格").fill("69.3")
        await form.get_by_label("数量").fill("17")
        await form.get_by_role("button", name="改单").click()
        await expect(form).to_have_count(0)
        await expect(page.locator(".open-orders tbody tr", has_text="69.30")).to_contain_text("17")
        await expect(rows).to_have_count(5)

        await page.get_by_role("button", name="自选 SHCERCIR1").click()
        await page.get_by_role("button", name="自选代码").click()
        await expect(page.locator(".card")).to_have_count(1)
        await looked_at(page, "trade")


async def test_a_delegate_chooses_for_whom_it_trades(seats: Seats, market: Desk) -> None:
    delegate = ParticipantId("delegate-person")
    await market.engine.do(RegisterParticipant(participant=delegate, kind=ParticipantKind.PROJECT_APPLICANT))
    for account in ("seller", "buyer"):
        await mandates.granted(market, account=account)
    await admit(market, "delegate", scopes=mandates.TRADING, participant=delegate)
    async with seats.at("trade", "delegate") as page:
        choice = page.get_by_label("操作账户")
        rows = page.locator(".open-orders tbody tr")
        await choice.select_option("seller")
        await expect(page.locator(".holdings")).to_contain_text("账户 seller")
        await expect(rows.first).to_contain_text("卖出")
        await choice.select_option("buyer")
        await expect(page.locator(".holdings")).to_contain_text("账户 buyer")
        await expect(rows.first).to_contain_text("买入")
        await page.locator(".ticket").get_by_label("价格").fill("66.60")
        await page.locator(".ticket").get_by_label("数量").fill("3")
        # Foretold for the account acted for: it has bought already, and what it would hold of its money.
        await expect(page.locator(".side").nth(1).locator(".foreseen")).to_contain_text("self_trade")
        await expect(page.locator(".side").first).to_contain_text("¥199.80")
        await page.get_by_role("button", name="买入", exact=True).click()
        await expect(page.locator(".open-orders tbody tr", has_text="66.60")).to_have_count(1)
        orders = (await market["buyer"].get("/v1/orders?status=open"))["items"]
        (placed,) = [order for order in orders if order["price"] == "66.60"]
        assert (placed["account"], placed["participant"]) == ("buyer", delegate)
