"""Look at the market: the depth of a listing once, or everything as it happens."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Final

import aiohttp
import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.cli.command import Desk
from gateway.cli.faults import CommandFault, ServerSilent
from gateway.cli.live_book import LiveBook, OutOfStep
from gateway.cli.names import require_code
from gateway.cli.output import Output, print_json
from gateway.cli.words import PHASE, SIDE, say, term

LEVELS: Final = 5
TRADES_SHOWN: Final = 8
HALTED: Final = "halted"
"""Shown in a phase's place."""

SILENCE_LIMIT_S: Final = 30
"""The connection is asked for a sign of life this often; one that gives none is lost."""

ListingArgument = Annotated[
    str, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))
]


async def depth(
    desk: Desk,
    listing: ListingArgument,
    *,
    levels: Annotated[int, typer.Option(min=1, max=50, help=say("档数", "price levels a side"))] = LEVELS,
) -> None:
    """The best price levels of a listing."""
    async with desk.client(None) as client:
        found = await client.get(f"/v1/listings/{require_code(listing)}/depth", levels=levels)
    if not desk.output.value(found):
        desk.output.console.print(_depth_table(listing, found["bids"], found["asks"]))


async def watch(
    desk: Desk,
    listing: Annotated[
        str | None, typer.Argument(help=say("产品代码; 默认全部", "code; all when absent"))
    ] = None,
    *,
    count: Annotated[
        int | None, typer.Option(min=1, help=say("收到这么多条后结束", "end after so many messages"))
    ] = None,
) -> None:
    """Depth, trades and phases as they happen, until Ctrl-C."""
    async with desk.client(None) as client:
        known = [entry["listing"] for entry in (await client.get("/v1/listings"))["items"]]
    if listing is not None and listing not in known:
        names = ", ".join(known)
        raise CommandFault(
            say(f"没有产品 {listing}; 有: {names}", f"there is no listing {listing}; there are {names}")
        )
    screen = Screen([listing] if listing is not None else known)
    url = desk.target.find_url()
    if desk.output.as_json:
        await _print_messages(_messages(url, screen.listings), count)
    else:
        await _show(desk.output, url, screen, count)


class Screen:
    """What a person watching sees: a book for each listing, the last trades, the phase."""

    def __init__(self, listings: list[str]) -> None:
        """Empty books of those listings."""
        self.listings = listings
        self.phases: dict[str, str] = {}
        self._books = {listing: LiveBook() for listing in listings}
        self._trades: deque[dict[str, Any]] = deque(maxlen=TRADES_SHOWN)

    def take(self, message: dict[str, Any]) -> None:
        """Take in one push. Raises OutOfStep as `LiveBook.apply`."""
        match message.get("ch"):
            case "depth" if message["listing"] in self._books:
                self._books[message["listing"]].apply(message)
            case "trades" if "price" in message:
                self._trades.append(message)
            case "status" if "phase" in message:
                phase = HALTED if message.get("halted") else message["phase"]
                self.phases[message.get("listing", "")] = phase
            case _:
                pass  # a channel added later is not ours to show

    def render(self) -> Group:
        """Everything, as it stands."""
        tables = [
            _depth_table(self._title(name), book.bids(LEVELS), book.asks(LEVELS))
            for name, book in self._books.items()
        ]
        return Group(*tables, self._trade_table(), Text(say("Ctrl-C 结束", "Ctrl-C ends"), style="dim"))

    def _title(self, listing: str) -> str:
        phase = self.phases.get(listing)
        return listing if phase is None else f"{listing}  {term({**PHASE, HALTED: '暂停交易'}, phase)}"

    def _trade_table(self) -> Table:
        table = Table(title=say("最近成交", "last trades"), title_justify="left", box=SIMPLE_HEAD)
        columns = say("时间|产品|方向|价格|数量", "time|listing|taker|price|quantity").split("|")
        for column in columns:
            table.add_column(column)
        for trade in reversed(self._trades):
            taker = trade.get("taker_side")
            table.add_row(
                str(trade.get("time", ""))[11:23],
                str(trade.get("listing", "")),
                "" if taker is None else term(SIDE, taker),
                str(trade["price"]),
                str(trade["quantity"]),
            )
        return table


async def _show(output: Output, url: str, screen: Screen, count: int | None) -> None:
    """Show until interrupted. A book that is out of step begins anew, from the snapshot of a new connection."""
    seen = 0
    with Live(screen.render(), console=output.console, refresh_per_second=8) as live:
        while True:
            async with aclosing(_messages(url, screen.listings)) as messages:
                async for message in messages:
                    seen += 1
                    try:
                        screen.take(message)
                    except OutOfStep:
                        break
                    live.update(screen.render())
                    if seen == count:
                        return


async def _print_messages(messages: AsyncIterator[dict[str, Any]], count: int | None) -> None:
    seen = 0
    async for message in messages:
        print_json(message, one_line=True)
        seen += 1
        if seen == count:
            return


async def _messages(url: str, listings: list[str]) -> AsyncGenerator[dict[str, Any]]:
    """Every push of the public channels of these listings.

    Raises:
        ServerSilent: the connection could not be made, or was lost; the reason the exchange gave is told.
    """
    timeout = aiohttp.ClientTimeout(total=SILENCE_LIMIT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(f"{url}/v1/ws", heartbeat=SILENCE_LIMIT_S, timeout=_CLOSE_TIMEOUT) as socket,
        ):
            for number, (channel, listing) in enumerate(
                (channel, listing) for listing in listings for channel in ("depth", "trades", "status")
            ):
                request = {"op": "subscribe", "id": str(number), "channel": channel, "listing": listing}
                await socket.send_str(orjson.dumps(request).decode())
            async for frame in socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    message = orjson.loads(frame.data)
                    _check_answer(message)
                    if "ch" in message:
                        yield message
            raise ServerSilent(
                say(f"连接已断开 ({socket.close_code})", f"the connection ended ({socket.close_code})")
            )
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServerSilent(
            say(f"无法连接 {url}", f"cannot connect to {url}") + f" ({type(error).__name__})"
        ) from None


_CLOSE_TIMEOUT: Final = aiohttp.ClientWSTimeout(ws_close=2)


def _check_answer(message: dict[str, Any]) -> None:
    if message.get("ok") is False:
        error = message.get("error", {})
        raise CommandFault(f"{error.get('detail') or error.get('title')} [{error.get('code')}]")


def _depth_table(title: str, bids: list[Any], asks: list[Any]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column(say("买量 (吨)", "bid t"), justify="right")
    table.add_column(say("买价", "bid"), justify="right", style="red")
    table.add_column(say("卖价", "ask"), justify="right", style="green")
    table.add_column(say("卖量 (吨)", "ask t"), justify="right")
    for row in range(max(len(bids), len(asks), 1)):
        bid_price, bid_quantity = bids[row] if row < len(bids) else ("", "")
        ask_price, ask_quantity = asks[row] if row < len(asks) else ("", "")
        table.add_row(str(bid_quantity), str(bid_price), str(ask_price), str(ask_quantity))
    return table
