"""Negotiated transfers: file, look at what came in and went out, confirm the very terms, counter, decline, withdraw."""

import hashlib
import sys
import uuid
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.cli.acts import number, perform
from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.negotiated_tables import boxes, show_transfer
from gateway.cli.negotiated_templates import (
    SideName,
    from_template,
    kept_terms,
    read_lot,
    template_app,
)
from gateway.cli.trading import BUYER, SELLER, full_price
from gateway.cli.words import NEGOTIATED_STATE, say, term
from gateway.formats import parse_price

PATH: Final = "/v1/negotiated-transfers"


class Decision(StrEnum):
    """What the exchange says to a confirmed transfer."""

    APPROVE = "approve"
    REFUSE = "refuse"


negotiate_app = typer.Typer(no_args_is_help=True, help=say("协议转让", "negotiated transfers"))

IdArgument = Annotated[str, typer.Argument(metavar="ID", help=say("协议转让编号", "the transfer's id"))]
PriceOption = Annotated[str, typer.Option(help=say("价格, 元/吨, 如 68.50", "yuan per tonne, such as 68.50"))]
QuantityOption = Annotated[int, typer.Option(min=1, help=say("数量, 整吨", "whole tonnes"))]
LotOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lot",
        metavar="LOT:SERIALS",
        help=say(
            "指定批次, 可多次: 批次:吨数 或 批次:首-末,首-末 (左闭右开)",
            "a lot to be delivered, more than once: LOT:TONNES or LOT:FIRST-END,FIRST-END (half-open)",
        ),
    ),
]
ExpiresOption = Annotated[
    str | None,
    typer.Option(
        "--expires",
        help=say("有效期至 (RFC 3339); 默认至时段结束", "until then; the session's end if absent"),
    ),
]
ClientIdOption = Annotated[
    str | None,
    typer.Option(help=say("自定编号, 永不重复; 默认随机", "your own id, unique for ever; made up if absent")),
]
AfterOption = Annotated[str | None, typer.Option(help=say("从此游标继续", "go on from this cursor"))]
LimitOption = Annotated[int, typer.Option(min=1, max=500, help=say("每页条数", "how many at most"))]


async def file(
    desk: Desk,
    listing: Annotated[
        str | None, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))
    ] = None,
    *,
    side: Annotated[SideName | None, typer.Option(help=say("己方买卖方向", "one's own side"))] = None,
    price: Annotated[str | None, typer.Option(help=say("价格, 元/吨", "yuan per tonne"))] = None,
    quantity: Annotated[int | None, typer.Option(min=1, help=say("数量, 整吨", "whole tonnes"))] = None,
    counterparty: Annotated[
        str | None,
        typer.Option(help=say("对手方账户; 不填为公开要约", "the other account; open offer if absent")),
    ] = None,
    lot: LotOption = None,
    agreement: Annotated[
        str | None, typer.Option(help=say("双方协议编号", "the parties' own number of the agreement"))
    ] = None,
    expires: ExpiresOption = None,
    template: Annotated[
        str | None,
        typer.Option(help=say("未给出的条件取自此模板", "take what is not given from this template")),
    ] = None,
    client_id: ClientIdOption = None,
) -> None:
    """Propose a transfer; one's cover is held at once."""
    given = kept_terms(listing, side, price, quantity, counterparty=counterparty, lot=lot)
    role = SELLER if side is not SideName.BUY else BUYER
    async with desk.client(role) as client:
        body = (await from_template(client, template) if template is not None else {}) | given
        missing = [name for name in ("listing", "side", "price", "quantity") if name not in body]
        if missing:
            names = ", ".join(missing)
            raise CommandFault(say(f"缺少条件: {names}", f"these terms are missing: {names}"))
        body |= {"client_id": client_id or _client_id()}
        body |= {"agreement_no": agreement} if agreement is not None else {}
        body |= {"expires_at": expires} if expires is not None else {}
        figures = (
            f"{body['listing']} --side {body['side']} --price {body['price']} --quantity {body['quantity']}"
        )
        again = f"puhui negotiate file {figures} … --client-id {body['client_id']}"
        made = (await client.repeat("POST", PATH, body, again=again)).body
    _print(desk, made)


async def inbox(desk: Desk, *, after: AfterOption = None, limit: LimitOption = 50) -> None:
    """Transfers on the other side's terms: what waits for one's answer, and what became of earlier ones."""
    await _box(
        desk,
        BUYER,
        "in",
        title=say("收件箱: 对方所提条件", "inbox: the other side's terms"),
        after=after,
        limit=limit,
    )


async def outbox(desk: Desk, *, after: AfterOption = None, limit: LimitOption = 50) -> None:
    """Transfers on one's own terms."""
    await _box(
        desk,
        SELLER,
        "out",
        title=say("发件箱: 己方所提条件", "outbox: one's own terms"),
        after=after,
        limit=limit,
    )


async def offers(desk: Desk, *, after: AfterOption = None, limit: LimitOption = 50) -> None:
    """What is offered to everyone."""
    await _box(desk, BUYER, "offers", title=say("公开要约", "open offers"), after=after, limit=limit)


async def show(desk: Desk, transfer: IdArgument) -> None:
    """One transfer with every round of terms."""
    async with desk.client(BUYER) as client:
        found = await _read(client, transfer)
    _print(desk, found)


async def confirm(
    desk: Desk,
    transfer: IdArgument,
    *,
    terms_hash: Annotated[
        str | None,
        typer.Option("--terms-hash", help=say("只确认此哈希值的条件", "confirm only the terms of this hash")),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help=say("不再询问", "do not ask"))] = False,
    lot: LotOption = None,
    client_id: ClientIdOption = None,
) -> None:
    """Show the terms that stand, and confirm them by their hash."""
    async with desk.client(BUYER) as client:
        found = await _read(client, transfer)
        quoted = checked_hash(found)
        if terms_hash is not None and terms_hash != quoted:
            raise CommandFault(
                say(f"条件已变: 当前哈希值为 {quoted}", f"the terms are others now: their hash is {quoted}")
            )
        if not desk.output.as_json:
            show_transfer(desk.output, found)
        if not yes and terms_hash is None:
            _ask(quoted)
        body: dict[str, Any] = {"client_id": client_id or _client_id(), "terms_hash": quoted}
        body |= {"lots": [read_lot(text) for text in lot]} if lot else {}
        again = f"puhui negotiate confirm {transfer} --terms-hash {quoted} --client-id {body['client_id']}"
        done = (await client.repeat("POST", f"{PATH}/{transfer}/confirm", body, again=again)).body
    _print(desk, done)


async def counter(
    desk: Desk,
    transfer: IdArgument,
    *,
    price: PriceOption,
    quantity: QuantityOption,
    lot: LotOption = None,
    expires: ExpiresOption = None,
    client_id: ClientIdOption = None,
) -> None:
    """Answer with other terms, whole: lots and expiry that are not given are none."""
    body = _terms(price, quantity, lot, expires, client_id)
    given = f"--price {body['price']} --quantity {quantity} … --client-id {body['client_id']}"
    await _step(desk, BUYER, transfer, "counter", body=body, given=given)


async def decline(desk: Desk, transfer: IdArgument, *, client_id: ClientIdOption = None) -> None:
    """Say no to the other side's terms."""
    body = {"client_id": client_id or _client_id()}
    await _step(desk, BUYER, transfer, "decline", body=body, given=f"--client-id {body['client_id']}")


async def withdraw(desk: Desk, transfer: IdArgument, *, client_id: ClientIdOption = None) -> None:
    """Take back one's own terms."""
    body = {"client_id": client_id or _client_id()}
    await _step(desk, SELLER, transfer, "withdraw", body=body, given=f"--client-id {body['client_id']}")


async def review(
    desk: Desk,
    transfer: IdArgument,
    decision: Annotated[Decision, typer.Argument(help=say("通过或不予通过", "approve or refuse"))],
    *,
    reason: Annotated[str, typer.Option(help=say("理由", "why"))],
) -> None:
    """Decide about a confirmed transfer, as the exchange; may need a second person."""
    target = f"/v1/operator/negotiated-transfers/{number(transfer)}/review"
    done = await perform(desk, target, {"decision": decision.value, "reason": reason})
    if not desk.output.value(done):
        state = term(NEGOTIATED_STATE, done["state"])
        desk.output.line(say(f"协议转让 {transfer}: {state}", f"negotiated transfer {transfer}: {state}"))


async def _step(desk: Desk, role: str, transfer: str, word: str, *, body: dict[str, Any], given: str) -> None:
    again = f"puhui negotiate {word} {number(transfer)} {given}"
    async with desk.client(role) as client:
        done = (await client.repeat("POST", f"{PATH}/{transfer}/{word}", body, again=again)).body
    _print(desk, done)


async def _box(desk: Desk, role: str, box: str, *, title: str, after: str | None, limit: int) -> None:
    async with desk.client(role) as client:
        found = await client.get(PATH, box=box, after=after, limit=limit)
    if not desk.output.value(found):
        boxes(desk.output, title, found["items"])
        if found["next"] is not None:
            desk.output.line(
                say(f"还有更多: --after {found['next']}", f"there are more: --after {found['next']}")
            )


async def _read(client: ExchangeClient, transfer: str) -> dict[str, Any]:
    found: dict[str, Any] = await client.get(f"{PATH}/{number(transfer)}")
    return found


def _print(desk: Desk, transfer: dict[str, Any]) -> None:
    if not desk.output.value(transfer):
        show_transfer(desk.output, transfer)


def checked_hash(found: dict[str, Any]) -> str:
    """The hash to quote, made from the text of the terms and held against what is shown.

    Raises:
        CommandFault: what is shown is not what the hash is of.
    """
    text = str(found["terms_text"])
    quoted = hashlib.sha256(text.encode()).hexdigest()
    terms = dict(line.partition("=")[::2] for line in text.splitlines()[1:])
    shown = {
        "transfer": found["id"],
        "round": str(found["round"]),
        "listing": found["listing"],
        "seller": found["seller"] or "",
        "buyer": found["buyer"] or "",
        "price_fen": str(parse_price(found["price"])),
        "quantity_tonnes": found["quantity"],
    }
    if quoted != found["terms_hash"] or any(terms.get(name) != value for name, value in shown.items()):
        raise CommandFault(
            say(
                "条件与其哈希值不符, 未确认", "the terms are not what their hash is of; nothing was confirmed"
            )
        )
    return quoted


def _ask(quoted: str) -> None:
    if not sys.stdin.isatty():
        raise CommandFault(
            say(
                f"请以 --yes 或 --terms-hash {quoted} 确认",
                f"say --yes, or --terms-hash {quoted}, to confirm these terms",
            )
        )
    typer.confirm(
        say(f"确认以上条件 ({quoted[:12]}…)?", f"confirm these terms ({quoted[:12]}…)?"), abort=True
    )


def _terms(
    price: str, quantity: int, lot: list[str] | None, expires: str | None, client_id: str | None
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "client_id": client_id or _client_id(),
        "price": full_price(price),
        "quantity": str(quantity),
    }
    body |= {"lots": [read_lot(text) for text in lot]} if lot else {}
    return body | ({"expires_at": expires} if expires is not None else {})


def _client_id() -> str:
    return f"cli-{uuid.uuid4().hex[:28]}"


for _name, _run, _help in (
    ("file", file, say("申报", "propose a transfer")),
    ("inbox", inbox, say("待己方答复的", "on the other side's terms")),
    ("outbox", outbox, say("己方申报的", "on one's own terms")),
    ("offers", offers, say("公开要约", "what is offered to everyone")),
    ("show", show, say("详情与各轮条件", "one transfer with every round")),
    ("confirm", confirm, say("确认所见条件", "confirm the very terms shown")),
    ("counter", counter, say("还价", "answer with other terms")),
    ("decline", decline, say("拒绝", "decline the other side's terms")),
    ("withdraw", withdraw, say("撤回", "withdraw one's own terms")),
    ("review", review, say("交易所审核", "decide as the exchange")),
):
    negotiate_app.command(_name, help=_help)(command(_run))
negotiate_app.add_typer(template_app, name="template")
