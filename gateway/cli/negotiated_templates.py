"""Templates for repeated deals: keep terms under a name, look at them, let one go; and how terms are written down."""

from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.names import require_name
from gateway.cli.trading import SELLER, full_price
from gateway.cli.words import SIDE, say, term

PATH: Final = "/v1/negotiated-templates"

template_app = typer.Typer(no_args_is_help=True, help=say("常用条件模板", "templates for repeated deals"))


class SideName(StrEnum):
    """On which side one is."""

    BUY = "buy"
    SELL = "sell"


NameArgument = Annotated[str, typer.Argument(metavar="NAME", help=say("模板名称", "the template's name"))]


async def save(
    desk: Desk,
    name: NameArgument,
    listing: Annotated[str, typer.Argument(help=say("产品代码", "the listing's code"))],
    *,
    side: Annotated[SideName, typer.Option(help=say("己方买卖方向", "one's own side"))],
    counterparty: Annotated[str | None, typer.Option(help=say("对手方账户", "the other account"))] = None,
    price: Annotated[str | None, typer.Option(help=say("价格, 元/吨", "yuan per tonne"))] = None,
    quantity: Annotated[int | None, typer.Option(min=1, help=say("数量, 整吨", "whole tonnes"))] = None,
    lot: Annotated[
        list[str] | None,
        typer.Option("--lot", metavar="LOT:SERIALS", help=say("指定批次", "lots, as for file")),
    ] = None,
) -> None:
    """Keep terms under a name, in the place of those kept there before."""
    body = kept_terms(listing, side, price, quantity, counterparty=counterparty, lot=lot)
    async with desk.client(SELLER) as client:
        kept = (await client.change("PUT", _target(name), body)).body
    if not desk.output.value(kept):
        desk.output.line(say(f"已保存模板 {name}", f"template {name} is kept"))


async def list_(desk: Desk) -> None:
    """One's templates."""
    async with desk.client(SELLER) as client:
        found = await client.get(PATH)
    if desk.output.value(found):
        return
    desk.output.table(
        say("模板", "templates"),
        say(
            "名称|产品|方向|对手方|#价格|#数量|批次", "name|listing|side|counterparty|#price|#quantity|lots"
        ).split("|"),
        (
            (
                kept["name"],
                kept["listing"],
                term(SIDE, kept["side"]),
                kept["counterparty"],
                kept["price"],
                kept["quantity"],
                ", ".join(lot["lot"] for lot in kept["lots"]) or None,
            )
            for kept in found["items"]
        ),
    )


async def remove(desk: Desk, name: NameArgument) -> None:
    """Let a template go."""
    async with desk.client(SELLER) as client:
        gone = (await client.change("DELETE", _target(name))).body
    if not desk.output.value(gone):
        desk.output.line(say(f"已删除模板 {name}", f"template {name} is gone"))


async def from_template(client: ExchangeClient, name: str) -> dict[str, Any]:
    """What a template says of a filing. Raises CommandFault when there is none of that name."""
    kept = {one["name"]: one for one in (await client.get(PATH))["items"]}
    if name not in kept:
        known = ", ".join(kept) or "-"
        raise CommandFault(
            say(f"没有模板 {name}; 有: {known}", f"there is no template {name}; there are {known}")
        )
    found = kept[name]
    terms = {name: found[name] for name in ("listing", "side", "counterparty", "price", "quantity")}
    lots = [{key: value for key, value in lot.items() if value is not None} for lot in found["lots"]]
    return {key: value for key, value in {**terms, "lots": lots or None}.items() if value is not None}


def kept_terms(
    listing: str | None,
    side: SideName | None,
    price: str | None,
    quantity: int | None,
    *,
    counterparty: str | None,
    lot: list[str] | None,
) -> dict[str, Any]:
    """The terms that were given, as the API has them."""
    given = {
        "listing": listing,
        "side": None if side is None else side.value,
        "price": None if price is None else full_price(price),
        "quantity": None if quantity is None else str(quantity),
        "counterparty": counterparty,
        "lots": [read_lot(text) for text in lot] if lot else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def read_lot(text: str) -> dict[str, Any]:
    """A lot as people write it. Raises CommandFault."""
    name, _, what = text.rpartition(":")
    if name and what.isascii() and what.isdecimal():
        return {"lot": name, "quantity": what}
    ranges = [part.split("-") for part in what.split(",")]
    are_pairs = all(len(ends) == len(_PAIR) and all(map(_is_number, ends)) for ends in ranges)
    if not name or not are_pairs:
        raise CommandFault(
            say(
                f"{text} 应为 批次:吨数 或 批次:首-末,首-末",
                f"{text} is not LOT:TONNES or LOT:FIRST-END,FIRST-END",
            )
        )
    return {"lot": name, "serials": [[int(first), int(end)] for first, end in ranges]}


_PAIR: Final = ("first", "end")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _target(name: str) -> str:
    return f"{PATH}/{require_name(name, '模板名称', 'template name')}"


template_app.command("save", help=say("保存", "keep terms under a name"))(command(save))
template_app.command("list", help=say("列出", "one's templates"))(command(list_))
template_app.command("remove", help=say("删除", "let one go"))(command(remove))
