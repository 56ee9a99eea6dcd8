"""One's own sign-in and the bank's clerk in a real browser: an authenticator enrolled and then needed; money reported."""

import re

import pyotp
import pytest
from playwright.async_api import Browser, expect

from settlement.commands import RequestWithdrawal
from settlement.values import AccountId, ParticipantId
from tests.gateway.bank.files import csv
from tests.gateway.http.browser import PASSWORD, admit
from tests.gateway.http.desk import Desk
from tests.gateway.http.test_http_bank_statements import date_at_the_bank, reported
from tests.gateway.web.browser import Lost, keep_screenshot, looked_at, needs_a_browser, sign_in, visitor

pytestmark = [needs_a_browser, pytest.mark.asyncio(loop_scope="session")]

NEXT_PASSWORD = "another horse, battery and staple"


async def test_an_authenticator_is_enrolled_and_then_needed(browser: Browser, market: Desk) -> None:
    await admit(market, "operator2")
    async with visitor(browser) as page:
        await sign_in(page, market.url, "me", "operator2")
        panel = page.locator(".panel", has_text="动态验证码（双因素）")
        await panel.get_by_label("现密码").fill("not the password")
        await panel.get_by_role("button", name="开始启用").click()
        await expect(panel.get_by_role("alert")).to_contain_text("sign_in_refused")
        await panel.get_by_label("现密码").fill(PASSWORD)
        await panel.get_by_role("button", name="开始启用").click()
        await expect(panel.locator("svg.qr")).to_be_visible()
        await looked_at(page, "me-enrolling")
        secret = re.sub(r"\s", "", await panel.locator(".totp-secret").inner_text())
        at_s = market.machine.now_ns() // 1_000_000_000
        await panel.get_by_label("六位验证码").fill(pyotp.TOTP(secret).at(at_s))
        await panel.get_by_role("button", name="启用").click()
        await expect(panel.locator(".codes li")).to_have_count(10)
        recovery = await panel.locator(".codes code").first.inner_text()
        await keep_screenshot(page, "me-recovery-codes")
        await panel.get_by_role("button", name="已保存").click()
        await expect(panel).to_contain_text("已启用")
        await page.locator(".who").get_by_role("button").click()
        await expect(page.locator(".card").first).to_be_visible()

        await sign_in(page, market.url, "sign-in", "operator2")
        await page.get_by_label("动态验证码或恢复码").fill(recovery)
        await page.locator("form").get_by_role("button", name="登录").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("交易所操作台")


async def test_a_password_is_changed_and_other_sessions_are_ended(browser: Browser, market: Desk) -> None:
    await admit(market, "supervisor")
    async with visitor(browser) as elsewhere, visitor(browser) as page:
        await sign_in(elsewhere, market.url, "me", "supervisor")
        await expect(elsewhere.locator(".panel")).to_have_count(4)
        await sign_in(page, market.url, "me", "supervisor")
        sessions = page.locator(".panel", has_text="登录记录").locator("tbody tr")
        await expect(sessions).to_have_count(2)
        await looked_at(page, "me")
        await page.set_viewport_size({"width": 1280, "height": 900})
        await sessions.get_by_role("button").click()
        await page.get_by_role("dialog").get_by_role("button", name="退出").click()
        await expect(sessions).to_have_count(1)
        await elsewhere.reload()
        await expect(elsewhere.get_by_role("link", name="登录")).to_be_visible()

        panel = page.locator(".panel", has_text="新密码")
        await panel.get_by_label("现密码").fill(PASSWORD)
        await panel.get_by_label("新密码").fill("supervisor12")
        await panel.get_by_label("新密码").fill(NEXT_PASSWORD)
        await panel.get_by_role("button", name="修改密码").click()
        await expect(page.locator(".news")).to_contain_text("密码已修改")


async def test_somebody_new_chooses_a_password_first(browser: Browser, market: Desk) -> None:
    body = {"person": "newcomer", "participant": "office", "scopes": ["supervise"]}
    given = (await market["operator"].send("POST", "/v1/operator/people", body)).json()["one_time_password"]
    async with visitor(browser) as page:
        await sign_in(page, market.url, "desk/day", "newcomer", given)
        await expect(page.get_by_role("heading", level=1)).to_have_text("修改密码")
        await page.get_by_label("现密码").fill(given)
        await page.get_by_label("新密码").fill(NEXT_PASSWORD)
        await page.get_by_role("button", name="修改密码").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("监督查阅")


async def test_the_banks_clerk_pays_books_and_hands_in_a_statement(browser: Browser, market: Desk) -> None:
    await admit(market, "bank")
    asking = RequestWithdrawal(
        participant=ParticipantId("buyer-person"),
        account=AccountId("buyer"),
        client_id="w1",
        deadline_ns=None,
        session="",
        amount_fen=12_345,
    )
    await market.engine.sequencer.submit(asking)
    async with visitor(browser) as page:
        await sign_in(page, market.url, "sign-in", "bank")
        await expect(page.get_by_role("heading", level=1)).to_have_text("结算银行")
        await looked_at(page, "bank")
        row = page.locator("tr", has_text="wd-")
        await expect(row).to_contain_text("¥123.45")
        await row.get_by_role("button", name="已支付").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("银行流水号").fill("PAY-1")
        await dialog.get_by_label("请输入“123.45”确认").fill("123.45")
        await dialog.get_by_role("button", name="已支付").click()
        await expect(row).to_have_count(0)

        form = page.locator(".panel", has_text="登记入金")
        await form.get_by_label("交易账户").fill("buyer")
        await form.get_by_label("金额").fill("1000")
        await form.get_by_label("银行流水号").fill("IN-1")
        await form.get_by_role("button", name="入账").click()
        await expect(form.get_by_label("金额")).to_have_attribute("aria-invalid", "true")
        await form.get_by_label("金额").fill("1000.00")
        await form.get_by_role("button", name="入账").click()
        await expect(page.locator(".news")).to_contain_text("已入账：buyer，¥1,000.00")

        handing = page.locator(".panel", has_text="递交对账单")
        await handing.get_by_label("格式").select_option("csv")
        lines = [*await reported(market), ("PAY-1", -12_345), ("NOBODY", 100)]
        content = csv(lines, day=date_at_the_bank(market))
        await handing.get_by_label("文件").set_input_files(
            {"name": "day.csv", "mimeType": "text/csv", "buffer": content}
        )
        # Its answer is lost, and asked for again: it is taken once.
        lost = Lost()
        await page.route("**/v1/bank/statements", lost.take)
        await handing.get_by_role("button", name="递交并核对").click()
        await expect(handing.get_by_role("alert")).to_contain_text("结果尚不明确")
        await expect(page.locator(".news")).to_contain_text("1 处差异")
        assert lost.asked == 2
        await expect(handing.locator("tbody tr")).to_have_count(1)
