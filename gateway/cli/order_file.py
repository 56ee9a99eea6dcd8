"""Orders from a file, CSV or one JSON object a line: read whole before anything is sent, then handed in twenty at a time.

An order without an id of its own gets one from the file's content and its line, so that the same file again is the same orders:
a command that was interrupted is simply given once more.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk
from gateway.cli.faults import NOT_DONE, NOT_KNOWN, CommandFault
from gateway.cli.output import Output
from gateway.cli.progress import progress_bar
from gateway.cli.trading import full_price
from gateway.cli.words import ORDER_STATUS, SIDE, say, term
from gateway.config_file import nearest

TRADER: Final = "buyer"
AT_ONCE: Final = 20
"""Orders of one request: what the exchange takes."""
MOST_ORDERS: Final = 10_000
MOST_BYTES: Final = 8 * 1_024 * 1_024
ROUNDS: Final = 5
"""How often what was not taken for want of room is handed in again."""

_REQUIRED: Final = ("listing", "side", "price", "quantity")
_FIELDS: Final = (*_REQUIRED, "client_order_id", "time_in_force", "account")
_OF_JSON: Final = (*_FIELDS, "type", "use")

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help=say(
            "CSV (首行为列名: listing, side, price, quantity, 可有 client_order_id, time_in_force, account) 或每行一个 JSON 的 .jsonl",
            "CSV with a head (listing, side, price, quantity; perhaps client_order_id, time_in_force, account), or .jsonl with an "
            "object a line",
        ),
    ),
]


async def batch(desk: Desk, file: FileArgument) -> None:
    """Hand in every order of a file; status 0 when all were accepted. The same file again is the same orders."""
    orders = read_orders(file)
    results: dict[str, dict[str, Any]] = {}
    async with desk.client(TRADER) as client:
        with progress_bar(desk.output) as bar:
            task = bar.add_task(say("委托", "orders"), total=len(orders))
            for first in range(0, len(orders), AT_ONCE):
                await _hand_in(client, orders[first : first + AT_ONCE], results, f"puhui order batch {file}")
                bar.update(task, completed=len(results))
    _show(desk.output, [results[order["client_order_id"]] for order in orders])


async def _hand_in(
    client: ExchangeClient, orders: list[dict[str, Any]], results: dict[str, dict[str, Any]], again: str
) -> None:
    """Have these decided; what the exchange had no room for, or cannot tell of, is asked again under the same ids."""
    for _ in range(ROUNDS):
        ids = [order["client_order_id"] for order in orders]
        answer = await client.repeat(
            "POST", "/v1/orders/batch", {"orders": orders}, again=again, client_id=ids[0]
        )
        results.update(
            {
                own: {"client_order_id": own, **found}
                for own, found in zip(ids, answer.body["results"], strict=True)
            }
        )
        orders = [order for order in orders if _is_open(results[order["client_order_id"]])]
        if not orders:
            return


def _is_open(result: dict[str, Any]) -> bool:
    error = result.get("error", {})
    return error.get("state") == "unknown" or error.get("retryable") is True


def _show(output: Output, results: list[dict[str, Any]]) -> None:
    refused = [result for result in results if not result["ok"]]
    unknown = sum(result["error"].get("state") == "unknown" for result in refused)
    counts = {"accepted": len(results) - len(refused), "refused": len(refused) - unknown, "unknown": unknown}
    if not output.value({**counts, "results": results}):
        _tell(output, counts, results)
    if refused:
        raise typer.Exit(NOT_KNOWN if unknown else NOT_DONE)


def _tell(output: Output, counts: dict[str, int], results: list[dict[str, Any]]) -> None:
    accepted, refused, unknown = counts.values()
    output.line(
        say(
            f"受理 {accepted}, 未受理 {refused}, 结果未知 {unknown}",
            f"{accepted} accepted, {refused} refused, {unknown} unknown",
        )
    )
    statuses = Counter(result["order"]["status"] for result in results if result["ok"])
    for status, count in statuses.items():
        output.line(f"  {term(ORDER_STATUS, status)}: {count}")
    rows = [
        (one["client_order_id"], one["error"]["code"], one["error"]["title"])
        for one in results
        if not one["ok"]
    ]
    if rows:
        columns = say("自定编号|代码|原因", "own id|code|reason").split("|")
        output.table(say("未受理的委托", "orders not accepted"), columns, rows)


def read_orders(path: Path) -> list[dict[str, Any]]:
    """The orders of a file, as the exchange takes them.

    Raises:
        CommandFault: it cannot be read, or a line of it is no order; nothing may be sent then.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandFault(say(f"{path} 不是 UTF-8 文件", f"{path} is not in UTF-8")) from None
    mark = hashlib.sha256(content).hexdigest()[:16]
    of_json = path.suffix in {".jsonl", ".ndjson", ".json"}
    rows = _of_json(path, text) if of_json else _of_csv(path, text)
    orders = [_order(f"{path}:{line}", f"file-{mark}-{line}", row) for line, row in rows]
    ids = Counter(order["client_order_id"] for order in orders)
    twice = next((own for own, count in ids.items() if count > 1), None)
    if twice is not None:
        raise CommandFault(say(f"{path}: 编号 {twice} 重复", f"{path}: the id {twice} is there twice"))
    if not 0 < len(orders) <= MOST_ORDERS:
        raise CommandFault(
            say(
                f"{path} 应有 1 至 {MOST_ORDERS} 笔委托, 实有 {len(orders)}",
                f"{path} has {len(orders)} orders, of 1 to {MOST_ORDERS}",
            )
        )
    return orders


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CommandFault(f"{path}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise CommandFault(say(f"{path} 超过 {MOST_BYTES} 字节", f"{path} is longer than {MOST_BYTES} bytes"))
    return content


def _of_csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines(), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise CommandFault(
                    say(
                        f"{path}:{reader.line_num} 列数与首行不符",
                        f"{path}:{reader.line_num} has not as many columns as the head",
                    )
                )
            yield reader.line_num, {name: value for name, value in row.items() if value}
    except csv.Error as error:
        raise CommandFault(f"{path}:{reader.line_num} {error}") from None


def _of_json(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Lines end where JSON Lines has it: a text in one may hold other signs that part lines.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise CommandFault(f"{path}:{number} {error}") from None
        if not isinstance(row, dict):
            raise CommandFault(say(f"{path}:{number} 不是 JSON 对象", f"{path}:{number} is no JSON object"))
        yield number, row


def _order(place: str, own_id: str, row: dict[str, Any]) -> dict[str, Any]:
    known = _OF_JSON if "use" in row or "type" in row else _FIELDS
    for name in row:
        if name not in known:
            meant = nearest(name, known)
            hint = "" if meant is None else say(f", 是否指 {meant}?", f"; did you mean {meant}?")
            raise CommandFault(say(f"{place} 没有字段 {name}", f"{place}: there is no field {name}") + hint)
    for name in _REQUIRED:
        if name not in row:
            raise CommandFault(say(f"{place} 缺少 {name}", f"{place}: {name} is missing"))
    if row["side"] not in SIDE:
        raise CommandFault(
            say(
                f"{place} side 应为 buy 或 sell, 实为 {row['side']}",
                f"{place}: side is {row['side']}, and has to be buy or sell",
            )
        )
    quantity = str(row["quantity"])
    if not (quantity.isascii() and quantity.isdecimal()):
        raise CommandFault(
            say(
                f"{place} quantity 应为整吨, 实为 {quantity}",
                f"{place}: quantity is {quantity}, and has to be whole tonnes",
            )
        )
    try:
        price = full_price(str(row["price"]))
    except CommandFault as fault:
        raise CommandFault(f"{place}: {fault}") from None
    usual = {"client_order_id": own_id, "type": "limit", "time_in_force": "day"}
    return {**usual, **row, "price": price, "quantity": quantity}
