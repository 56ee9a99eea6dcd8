"""The desk of operators and supervisors in a real browser: the day opened and closed, halts by two persons, what is parked."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from gateway.engine.history.issuing import Issuer
from gateway.engine.views.views import Views
from matching.commands import AdvanceClose, OpenDay, RecordReconciliation
from settlement.commands import Outcome, ReportBreaks, ResolveInstruction, TakeNotice
from settlement.difference import BreakKind, Difference
from settlement.notice import Notice, NoticeKind
from settlement.values import InstructionId, LotId, TradingDay
from tests.gateway.bank.files import csv
from tests.gateway.engine.world import DAY, LOT, adopting, setting_up
from tests.gateway.http.browser import admit
from tests.gateway.http.desk import Desk, desk
from tests.gateway.http.test_http_bank_statements import date_at_the_bank, reported
from tests.gateway.http.test_http_bulletins import statements_told, trade
from tests.gateway.web.browser import (
    NARROW,
    Seats,
    keep_screenshot,
    looked_at,
    needs_a_browser,
    serious_faults,
)

pytestmark = [needs_a_browser, pytest.mark.asyncio(loop_scope="session")]

SECTIONS: Final = (
    "day",
    "approvals",
    "restrictions",
    "settlement",
    "differences",
    "money",
    "registry",
    "members",
    "access",
    "compliance",
    "rules",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def staff(market: Desk) -> None:
    """Two operators, a supervisor and the bank's clerk may sign in; a halt waits for a second person."""
    for name in ("operator", "operator2", "supervisor", "bank"):
        await admit(market, name)
    await market.engine.do(adopting(("two_person_acts", "halt")))


@asynccontextmanager
async def at_desk(seats: Seats, name: str, section: str = "day") -> AsyncIterator[Page]:
    async with seats.at(f"desk/{section}", name) as page:
        await expect(page.locator(".sections")).to_be_visible()
        yield page


async def section(page: Page, name: str) -> None:
    await page.locator(f'.sections a[href="#/desk/{name}"]').click()


async def act(page: Page, button: str, *, reason: str | None = None, typed: str | None = None) -> None:
    """Press the button, say why, type what is asked for again, and have it done."""
    await page.get_by_role("button", name=button, exact=True).first.click()
    dialog = page.get_by_role("dialog")
    send = dialog.locator('button[type="submit"]')
    if reason is not None:
        await dialog.get_by_label("理由").fill(reason)
    if typed is not None:
        await expect(send).to_be_disabled()
        await dialog.get_by_label(f"请输入“{typed}”确认").fill(typed)
    await send.click()
    await expect(dialog).to_have_count(0)


async def test_a_halt_waits_for_a_second_person_at_another_browser(seats: Seats, market: Desk) -> None:
    async with at_desk(seats, "operator") as page, at_desk(seats, "operator2") as other:
        await act(page, "暂停交易：SHCERCIR1", reason="价格异常波动", typed="SHCERCIR1")
        await expect(page.locator(".news")).to_contain_text("待另一人复核后生效")
        await section(page, "approvals")
        await expect(page.locator(".waiting li")).to_contain_text("须由另一人复核")
        await expect(page.locator(".waiting").get_by_role("button").first).to_be_disabled()

        await section(other, "approvals")
        await expect(other.locator("main")).to_be_focused()
        waiting = other.locator(".waiting li")
        for said in ("暂停交易", "SHCERCIR1", "价格异常波动", "operator"):
            await expect(waiting).to_contain_text(said)
        await keep_screenshot(other, "desk-approvals-waiting")
        await waiting.get_by_role("button", name="同意").first.click()
        await other.get_by_role("dialog").get_by_role("button", name="同意").click()
        await expect(other.locator(".news")).to_contain_text("已同意并执行：暂停交易")
        await expect(other.locator(".waiting")).to_have_count(0)

        await section(page, "day")
        row = page.locator("tr", has_text="SHCERCIR1")
        await expect(row).to_contain_text("价格异常波动")

        # What is begun stays what it is while the row behind it becomes another one.
        await page.get_by_role("button", name="恢复交易：SHCERCIR1").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("理由").fill("已查明")
        await dialog.get_by_label("请输入“SHCERCIR1”确认").fill("SHCERCIR1")
        resume = "/v1/operator/listings/SHCERCIR1/resume"
        assert (await market["operator2"].send("POST", resume, {"reason": "已查明"})).status_code == 200
        await expect(row).to_contain_text("正常")
        await dialog.get_by_role("button", name="恢复交易").click()
        await expect(dialog).to_contain_text("not_halted")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(row).to_contain_text("正常")


async def test_what_is_refused_is_told_where_it_was_written(seats: Seats) -> None:
    async with at_desk(seats, "operator", "members") as page:
        await page.get_by_role("button", name="开立账户").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("交易账户").fill("no blanks")
        await dialog.get_by_label("所属主体").fill("buyer-person")
        await dialog.get_by_label("登记账户").fill("R-9")
        await dialog.get_by_role("button", name="开立账户").click()
        field = dialog.get_by_label("交易账户")
        await expect(field).to_have_attribute("aria-invalid", "true")
        await expect(field).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(page.get_by_role("button", name="开立账户")).to_be_focused()


async def test_a_break_is_resolved_and_its_reason_kept(seats: Seats, market: Desk) -> None:
    found = Difference(
        kind=BreakKind.RANGE_DIFFERS,
        registry_account="R-buyer2",
        lot_id=LotId(LOT.lot_id),
        only_there=((5, 9),),
        detail="seen by a test",
    )
    await market.engine.sequencer.submit(ReportBreaks(as_of=7, differences=(found,)))
    async with at_desk(seats, "operator", "differences") as page:
        row = page.locator("tr", has_text="seen by a test")
        for said in ("序列号不一致", "buyer2", "5–8"):
            await expect(row).to_contain_text(said)
        await section(page, "restrictions")
        await expect(page.locator("tr", has_text="核对差异").first).to_contain_text("buyer2")
        await section(page, "differences")
        await row.get_by_role("button").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("理由").fill("平台已更正")
        await dialog.get_by_role("button", name="销号").click()
        await expect(row).to_have_count(0)
        await page.get_by_role("button", name="全部").first.click()
        await expect(row).to_contain_text("平台已更正")


async def test_a_key_is_made_and_its_secret_shown_once(seats: Seats) -> None:
    async with at_desk(seats, "operator", "access") as page:
        await page.get_by_role("button", name="签发密钥").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("交易主体").fill("buyer-person")
        await dialog.get_by_label("查询").check()
        await dialog.get_by_label("限用网络").fill("203.0.113.0/24, 203.0.113.9/24")
        await dialog.get_by_label("理由").fill("接入合同")
        await dialog.get_by_role("button", name="签发密钥").click()
        await expect(dialog.locator(".fault")).to_contain_text("CIDR")
        await dialog.get_by_label("限用网络").fill("203.0.113.0/24 2001:db8::/32")
        await dialog.get_by_role("button", name="签发密钥").click()
        await expect(dialog).to_contain_text("仅显示这一次")
        secret = await dialog.locator(".secret code").inner_text()
        assert len(secret) > 40
        for _ in range(2):
            await page.keyboard.press("Escape")
        await expect(dialog.locator(".secret")).to_be_visible()
        await dialog.get_by_role("button", name="已保存").click()
        await expect(page.locator(".secret")).to_have_count(
            0
        )  # it is out of sight a moment before it is gone
        assert secret not in await page.content()
        row = page.locator("tr", has_text="203.0.113.0/24")
        await expect(row).to_contain_text("2001:db8::/32")
        await expect(row.locator("td", has_text=re.compile("^operator$"))).to_be_visible()  # by one alone
        old = await row.locator(".code").first.inner_text()
        await row.get_by_role("button", name="轮换").click()
        await dialog.get_by_label("理由").fill("定期轮换")
        await dialog.get_by_role("button", name="轮换").click()
        await expect(dialog).to_contain_text("仅显示这一次")
        assert await dialog.locator(".secret code").inner_text() != secret
        new = await dialog.locator(".secret dt").first.inner_text()
        await dialog.get_by_role("button", name="已保存").click()
        before = page.locator("tr", has_text=old)
        await expect(before).to_have_count(0)
        await page.get_by_role("button", name="全部").first.click()
        await expect(before).to_contain_text(new)
        await expect(before.get_by_role("button", name="轮换")).to_be_disabled()


async def test_somebody_is_let_in_by_two_persons(seats: Seats, market: Desk) -> None:
    await market.engine.do(adopting(("two_person_acts", "halt, add_person")))
    async with at_desk(seats, "operator", "access") as page:
        await page.get_by_role("button", name="新增人员").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("用户名").fill("li.hua")
        await dialog.get_by_label("交易主体").fill("buyer-person")
        await dialog.get_by_label("查询").check()
        await dialog.get_by_label("理由").fill("入职")
        await dialog.get_by_role("button", name="新增人员").click()
        await expect(page.locator(".news")).to_contain_text("待另一人复核")
        async with at_desk(seats, "operator2", "approvals") as other:
            waiting = other.get_by_role("listitem").filter(has_text="新增登录人员")
            await expect(waiting).to_contain_text("li.hua")
            await expect(waiting).to_contain_text("入职")
            await waiting.get_by_role("button", name="同意").first.click()
            await other.get_by_role("dialog").get_by_role("button", name="同意", exact=True).click()
            await expect(other.locator(".news")).to_contain_text("由 operator 办理")
            await section(other, "access")
            await expect(other.get_by_role("button", name="办理")).to_be_disabled()
        await section(page, "approvals")
        await section(page, "access")
        await page.get_by_role("button", name="办理").click()
        await dialog.get_by_role("button", name="办理", exact=True).click()
        await expect(dialog).to_contain_text("仅显示这一次")
        password = await dialog.locator(".secret code").inner_text()
        await dialog.get_by_role("button", name="已保存").click()
        await expect(page.get_by_role("button", name="办理")).to_have_count(0)
        await expect(page.locator("tr", has_text="li.hua")).to_contain_text("待修改密码")
        await expect(page.locator(".secret")).to_have_count(0)
        assert password not in await page.content()


async def fill_in(page: Page, button: str, **given: str) -> None:
    """Press the button, fill in the dialog, and have it done; what has to be typed again is the first that is given."""
    await page.get_by_role("button", name=button, exact=True).first.click()
    dialog = page.get_by_role("dialog")
    for label, text in given.items():
        field = dialog.get_by_label(re.compile(f"^{label}"))
        if await field.evaluate("field => field.tagName") == "SELECT":
            await field.select_option(text)
        else:
            await field.fill(text)
    await dialog.get_by_label(re.compile("^请输入“")).fill(next(iter(given.values())))
    await dialog.locator('button[type="submit"]').click()
    await expect(dialog).to_have_count(0)


async def test_a_code_is_listed_and_has_a_rule_of_its_own(seats: Seats, market: Desk) -> None:
    async with at_desk(seats, "operator", "rules") as page:
        await fill_in(page, "核准挂牌", 挂牌代码="SHCERCIR9", 首个参考价="70.00")
        await expect(page.locator(".news")).to_contain_text("SHCERCIR9 已核准挂牌")
        row = page.get_by_role("table", name="挂牌代码").locator("tr", has_text="SHCERCIR9")
        await expect(row).to_contain_text("I 类")
        rule = {"规则": "band_basis_points", "值": "500", "生效日期": "2026-12-31T00:00:00"}
        await fill_in(page, "登记该代码的规则：SHCERCIR9", **rule, 出处="第 7 号公告", 理由="试行")
        waiting = page.get_by_role("table", name="待生效的规则").locator("tr", has_text="SHCERCIR9")
        await expect(waiting).to_contain_text("5.00%")
        upcoming = (await market.public("/v1/rules")).json()["upcoming"]
        assert [(one["listing"], one["value"]) for one in upcoming] == [("SHCERCIR9", 500)]


async def test_days_are_announced_but_for_those_named(seats: Seats, market: Desk) -> None:
    async with at_desk(seats, "operator", "rules") as page:
        await page.get_by_role("button", name="公布交易日").click()
        dialog = page.get_by_role("dialog")
        for label, value in (("首日", "2035-01-01"), ("末日", "2035-01-07"), ("出处", "第 9 号通知")):
            await dialog.get_by_label(label).fill(value)
        closed = dialog.get_by_label("休市日")
        send = dialog.get_by_role("button", name="公布交易日")
        # A day that is none would be one of trading if it were passed over.
        await closed.fill("2035-01-01、2035-1-2")
        await send.click()
        await expect(closed).to_have_attribute("aria-invalid", "true")
        await closed.fill("2035-01-01、2035-01-02")
        await send.click()
        await expect(dialog).to_have_count(0)
        days = (await market.public("/v1/calendar?from=2035-01-01&to=2035-01-07")).json()["items"]
        assert [day["date"][8:] for day in days if day["trading_day"]] == ["03", "04", "05"]


async def test_a_year_is_announced_then_changed_and_a_welfare_account_designated(
    seats: Seats, market: Desk
) -> None:
    async with at_desk(seats, "operator", "compliance") as page:
        terms = {"受理开始": "2026-11-01T00:00:00", "截止时间": "2027-06-30T17:00:00", "出处": "第 8 号通知"}
        cap = {"抵销上限的基数": "verified_emissions", "抵销上限比例": "0.05"}
        await fill_in(page, "公布履约年度", 年度="2026", **terms, **cap)
        row = page.get_by_role("table", name="履约年度").locator("tr", has_text="2026")
        await expect(row.first).to_contain_text("核定排放量的 0.05（强制）")
        # A later version begins with what stands.
        await fill_in(
            page, "公布新版本：2026", 年度="2026", 抵销上限比例="0.03", 限定方法学="SHCER-01", 出处="更正"
        )
        await expect(row.first).to_contain_text("核定排放量的 0.03（强制）")
        (year,) = (await market.public("/v1/compliance-years")).json()["items"]
        assert (year["deadline"][:19], year["methodologies"]) == ("2027-06-30T17:00:00", ["SHCER-01"])
        accounts = page.get_by_role("table", name="公益账户")
        await page.get_by_role("button", name="指定公益账户").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("交易账户").fill("buyer2")
        await dialog.get_by_label("出处").fill("协议")
        await dialog.get_by_role("button", name="指定公益账户").click()
        await expect(accounts).to_contain_text("buyer2")


async def test_a_supervisor_sees_everything_and_can_do_nothing(seats: Seats) -> None:
    async with at_desk(seats, "supervisor") as page:
        await expect(page.get_by_role("heading", level=1)).to_have_text("监督查阅")
        for name in (*SECTIONS, "oversight"):
            await section(page, name)
            await expect(page.locator(".asking")).to_have_count(0)
            await expect(page.get_by_role("alert")).to_have_count(0)
            await expect(page.locator('main button:not([aria-pressed], [type="submit"])')).to_have_count(0)
        row = page.locator("tr", has_text="68.20")
        await expect(row).to_contain_text("seller (seller-person)")
        await expect(row).to_contain_text("buyer (buyer-person)")
        await looked_at(page, "desk-supervisor")
        await page.get_by_label("查阅理由").fill("日常检查")
        await page.get_by_role("button", name="查阅", exact=True).click()
        await page.get_by_role("button", name="查阅记录").click()
        await expect(page.locator("tbody tr", has_text="日常检查").first).to_contain_text("/v1/supervise/")


async def something_of_everything(market: Desk) -> None:
    """What every part of the desk has something to show of."""
    await market.engine.do(
        adopting(("two_person_acts", "halt, bust_trade"), ("mandate_kinds", "institution"))
    )
    found = Difference(
        kind=BreakKind.MISSING_HERE,
        registry_account="R-buyer2",
        lot_id=LotId(LOT.lot_id),
        only_there=((5, 9),),
    )
    notice = Notice(
        sequence=1,
        kind=NoticeKind.CORRECTED,
        registry_account="R-seller",
        lot_id=LotId(LOT.lot_id),
        serials=((90_000, 90_008),),
        reason="监测数据有误",
    )
    await market.engine.do(ReportBreaks(as_of=8, differences=(found,)), TakeNotice(notice=notice))
    trades = (await market.public("/v1/listings/SHCERCIR1/trades?limit=1")).json()["items"]
    why = {"reason": "程序失控，依应急预案处置"}
    lines = [*(await reported(market))[1:], ("NOBODY", 100)]
    statement = {"format": "csv", "content": csv(lines, day=date_at_the_bank(market)).decode()}
    mandate = {"account": "buyer", "participant": "seller-person", "actions": ["trade"]}
    for who, target, body in (
        ("operator2", f"operator/trades/{trades[0]['id']}/bust", why),
        (
            "operator",
            "operator/kill-switches",
            {"scope": "participant", "subject": "buyer2-person", "act": "throw"},
        ),
        ("operator", "operator/restrictions", {"account": "buyer2", "act": "restrict"}),
        ("operator", "operator/mandates", mandate | {"until": "2027-06-30T00:00:00.000000+08:00"}),
        ("buyer", "cash/withdrawals", {"client_id": "out-1", "amount": "123456.78"}),
        ("bank", "bank/statements", statement),
    ):
        answer = await market[who].send("POST", f"/v1/{target}", body | why if who == "operator" else body)
        assert answer.status_code < 300, answer.text


async def test_nobody_is_kept_out_of_the_desk(seats: Seats, market: Desk) -> None:
    await something_of_everything(market)
    async with at_desk(seats, "operator") as page:
        for name in SECTIONS:
            await page.set_viewport_size({"width": 1280, "height": 900})
            await section(page, name)
            if name == "money":
                await statement_read(page)
            await looked_at(page, f"desk-{name}")
        await dialog_looked_at(page)


async def statement_read(page: Page) -> None:
    """A statement opened line by line: what agrees, what does not, and why."""
    await page.get_by_role("button", name=re.compile("^逐笔：")).click()
    lines = page.locator(".panel", has_text="对账单 2026-11-23-1 逐笔")
    await expect(lines.locator("tbody tr", has_text="NOBODY")).to_contain_text("✗ 交易所未入账")
    await expect(lines.locator("tbody tr", has_text="first-seller")).to_contain_text("✗ 银行无此笔")
    await expect(lines.locator("tbody tr", has_text="first-buyer2")).to_contain_text("✓ 一致")


async def dialog_looked_at(page: Page) -> None:
    """The longest of the dialogs, on a narrow screen."""
    await section(page, "access")
    await page.locator(".panel-head").get_by_role("button").last.click()
    await page.set_viewport_size(NARROW)
    await keep_screenshot(page, "desk-dialog-390")
    assert await serious_faults(page) == []


async def test_the_day_is_opened_and_closed_step_by_step(browser: Browser, database: str) -> None:
    async with desk(database, set_up=False) as exchange:
        commands = setting_up()
        at = next(number for number, command in enumerate(commands) if isinstance(command, OpenDay))
        await exchange.engine.do(*commands[:at], adopting(("two_person_acts", "halt")))
        await admit(exchange, "operator")
        async with Seats(browser, exchange.url) as seats, at_desk(seats, "operator") as page:
            await page.get_by_role("button", name="拨动时钟").click()
            await page.get_by_role("dialog").get_by_label("拨至").fill(f"{DAY}T10:05:00")
            await page.get_by_role("dialog").get_by_role("button", name="拨动时钟").click()
            await expect(page.locator(".news")).to_contain_text(f"时钟已拨至 {DAY} 10:05:00")
            await act(page, "开市")
            await expect(page.locator(".fact", has_text="交易日").first).to_contain_text(DAY)
            await exchange.engine.do(*commands[at + 1 :])
            await answer_all(exchange, Outcome.CONFIRMED)
            await trade(exchange, 1, "68.00", "10")
            async with page.expect_request("**/v1/operator/day/close") as sent:
                await act(page, "闭市", typed=DAY)
            assert f'"trading_day":"{DAY}"' in ((await sent.value).post_data or "")
            await expect(page.locator(".close-said")).to_contain_text("步：")
            await close_seen(page, exchange)
            await expect(page.locator(".close-said")).to_have_text(f"{DAY} 已闭市。")
            await expect(page.locator(".close-panel tbody tr")).to_have_count(10)
            await expect(page.locator(".step-done")).to_have_count(10)
            await keep_screenshot(page, "desk-day-closed")
            await retried(page, exchange)


async def answer_all(exchange: Desk, outcome: Outcome, code: str = "") -> None:
    for name in tuple(exchange.engine.views.pending_instructions):
        await exchange.engine.sequencer.submit(
            ResolveInstruction(instruction_id=InstructionId(name), outcome=outcome, code=code)
        )


async def close_seen(page: Page, exchange: Desk) -> None:
    """The close goes on; the page shows each step that has something to wait for, to the end."""
    submit, views = exchange.engine.sequencer.submit, exchange.engine.views
    issue = Issuer(exchange.engine.history.statements, views)
    day = TradingDay(DAY)
    await until_step(exchange, "registry")
    await expect(page.locator(".close-said")).to_contain_text("登记划转")
    await answer_all(exchange, Outcome.REFUSED, "not_authorised")
    await until_step(exchange, "publication")
    await expect(page.locator(".close-waits")).to_contain_text("1 笔交收已搁置")
    await keep_screenshot(page, "desk-day-closing")
    await submit(AdvanceClose(trading_day=day, portion=1_000))
    while issued := statements_told(views):
        await submit(await issue(day, issued - 1))
    await until_step(exchange, "reconcile")
    await expect(page.locator(".close-said")).to_contain_text("资金与持有量核对")
    await submit(RecordReconciliation(trading_day=day, breaks=0, digest_here="same", digest_there="same"))
    await until_step(exchange, None)


async def until_step(exchange: Desk, name: str | None) -> None:
    """Advance until that step is at hand; none for the end."""
    for _ in range(50):
        if step_at_hand(exchange.engine.views) == name:
            return
        await exchange.engine.sequencer.submit(AdvanceClose(trading_day=TradingDay(DAY), portion=1_000))
    raise AssertionError(f"the close does not reach {name}")


def step_at_hand(views: Views) -> str | None:
    close = views.market.close
    assert close is not None
    step: Any = close.at_hand
    return None if step is None else step.name


async def retried(page: Page, exchange: Desk) -> None:
    """What was parked is asked for again, and settles."""
    await section(page, "settlement")
    row = page.locator("tr", has_text="not_authorised")
    await expect(row).to_contain_text("seller")
    await act(page, "全部重试", reason="平台已恢复授权")
    await expect(row).to_have_count(0)
    await answer_all(exchange, Outcome.CONFIRMED)
    (made,) = (await exchange["buyer"].get("/v1/trades"))["items"]
    assert made["settlement"]["state"] == "settled"
