"""A real browser on the pages: Debian's Chromium, driven as a person would drive it."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal, Self, TypeAlias

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, WebSocketRoute, async_playwright, expect

from gateway.web.files import BUILT, INDEX
from tests.gateway.http.browser import PASSWORD

ROOT: Final = Path(__file__).resolve().parents[3]
SCREENSHOTS: Final = ROOT / "build" / "screenshots"
"""Looked at by people; made anew by each run."""
AXE: Final = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM: Final = shutil.which("chromium")
WIDE: Final[ViewportSize] = {"width": 1280, "height": 900}
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}

_SWITCHES: Final = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Language = Literal["zh", "en"]
Theme = Literal["light", "dark"]

needs_a_browser: Final = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here; on Debian: apt-get install chromium"
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own, without a window."""
    assert (BUILT / INDEX).is_file(), "the pages are not built: make setup"
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # root's Chromium starts only without one
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*_SWITCHES, *sandbox], chromium_sandbox=not sandbox
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser, *, language: Language = "zh", theme: Theme = "light", size: ViewportSize = WIDE
) -> AsyncIterator[Page]:
    """Somebody with a browser of his own settings. What his page complains about fails the test."""
    context = await browser.new_context(viewport=size, color_scheme=theme, accept_downloads=True)
    await context.add_init_script(
        f"if (!localStorage.getItem('puhui.language')) localStorage.setItem('puhui.language', '{language}')"
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if _is_complaint(message) else None)
    try:
        yield page
    finally:
        await context.close()
    assert complaints == []


def _is_complaint(message: Any) -> bool:
    # The browser itself tells of every refused request and lost socket; pages that expect one are tested for it.
    expected = re.search(r"Failed to load resource|WebSocket connection to", message.text)
    return message.type in {"error", "warning"} and expected is None


class Seats:
    """People who stay at their browsers from one test of a module to the next: a page is loaded once for each.

    Whoever was there when a test failed gets up, so that the next test begins with a page of its own.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._left = AsyncExitStack()
        self._pages: dict[str, Page] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._left.aclose()

    @asynccontextmanager
    async def at(self, place: str, name: str = "") -> AsyncIterator[Page]:
        """That person, or a stranger where nobody is named, before a page that is shown anew."""
        page = self._pages.pop(name, None)
        if page is None:
            page = await self._left.enter_async_context(visitor(self._browser))
            if name:
                await come_in(page, self._url, ELSEWHERE, name)
        await page.goto(f"{self._url}/#/{ELSEWHERE}")
        await expect(page.locator(".lead")).to_be_visible()
        await page.goto(f"{self._url}/#/{place}")
        yield page
        self._pages[name] = page


ELSEWHERE: Final = "complaints"
"""A page on which nothing is kept of the one before."""


async def serious_faults(page: Page) -> list[str]:
    """What axe-core finds on the page as it is shown that keeps people out."""
    if not await page.evaluate("typeof window.axe === 'object'"):
        # By the debugger, since the page's own policy lets no script in from elsewhere.
        await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


async def keep_screenshot(page: Page, name: str) -> None:
    """Keep how the whole page looks, for somebody to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


async def come_in(page: Page, url: str, place: str, name: str) -> None:
    """Open a page as that person, who has signed in before; in Chinese."""
    answer = await page.request.post(f"{url}/v1/session", data={"name": name, "password": PASSWORD})
    assert answer.status == 201, await answer.text()
    await page.goto(f"{url}/#/{place}")


async def sign_in(page: Page, url: str, place: str, name: str, password: str = PASSWORD) -> None:
    """Open a page as that person, who is asked for the password first; in Chinese."""
    await page.goto(f"{url}/#/{place}")
    await page.get_by_label("用户名").fill(name)
    await page.get_by_label("密码").fill(password)
    await page.locator("form").get_by_role("button", name="登录").click()


Look: TypeAlias = tuple[Language, Theme, ViewportSize]
_FEW: Final[tuple[Look, ...]] = (("en", "dark", NARROW), ("zh", "light", WIDE))
_EVERY: Final[tuple[Look, ...]] = tuple(
    (language, theme, size)
    for language in ("en", "zh")
    for theme in ("dark", "light")
    for size in (NARROW, WIDE)
)
LOOKS: Final = _EVERY if os.environ.get("PUHUI_LOOKS") == "every" else _FEW
"""Each language, theme and width; with PUHUI_LOOKS=every all of them together. The last one is how a visitor begins."""


async def looked_at(page: Page, name: str, looks: tuple[Look, ...] = LOOKS) -> None:
    """Keep how a page looks; it fits, and keeps nobody out. Left as it began."""
    for language, theme, size in looks:
        switch = page.get_by_role("button", name="中文" if language == "zh" else "English")
        if await switch.count():
            await switch.click()
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size(size)
        await expect(page.locator(".asking")).to_have_count(0)
        await keep_screenshot(page, f"{name}-{language}-{theme}-{size['width']}")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{name} is {wide} wide"
        assert await serious_faults(page) == []


class Line:
    """A page's line to the exchange, to be cut and mended."""

    def __init__(self) -> None:
        self._open: list[WebSocketRoute] = []
        self._is_cut = False

    async def between(self, page: Page) -> None:
        """Stand between the page and the exchange; before it is opened."""
        await page.route_web_socket("**/v1/ws", self._begin)

    async def cut(self) -> None:
        """Break the newest line, and let no other begin."""
        self._is_cut = True
        await self._open[-1].close(code=1012)

    def mend(self) -> None:
        """Let lines begin again."""
        self._is_cut = False

    async def _begin(self, line: WebSocketRoute) -> None:
        if self._is_cut:
            await line.close(code=1013)
        else:
            self._open.append(line)
            line.connect_to_server()


class Lost:
    """An answer that is lost: what is asked first is taken by the exchange, and the page never hears of it."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, route: Route) -> None:
        """Stand between the page and that address."""
        self.asked += 1
        if self.asked > 1:
            await route.continue_()
            return
        await route.fetch()
        await route.abort()
