"""Use units: compliance offsets, every other use, and the accounts of what was used."""

import asyncio
import re
import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.cli.client import ExchangeClient
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.output import Output, write_new
from gateway.cli.words import USE_PURPOSE, USE_STATE, say, term
from settlement.retirement import RetirementPurpose

ENTITY: Final = "entity"
POLL_S: Final = 0.25
UNDER_WAY: Final = ("held", "retiring")

_USE: Final = re.compile(r"(offset|retirement)-[1-9][0-9]*|trade-[1-9][0-9]*", re.ASCII)
_LOT: Final = re.compile(r"(?P<lot>[^=@]+)(=(?P<tonnes>[1-9]\d*)|@(?P<serials>\d+-\d+(,\d+-\d+)*))", re.ASCII)

offset_app = typer.Typer(
    no_args_is_help=True, help=say("履约抵销 (仅 I 类)", "compliance offsets (Class I only)")
)

YearOption = Annotated[int, typer.Option("--year", help=say("履约年度", "the compliance year"))]
QuantityOption = Annotated[
    int | None, typer.Option(min=1, help=say("数量, 整吨, 先签发者先用", "whole tonnes, oldest first"))
]
LotOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lot",
        metavar="LOT=TONNES|LOT@FIRST-END",
        help=say(
            "指定批次的数量或序列号 (左闭右开); 可重复",
            "tonnes or serials (half-open) of a lot; may be repeated",
        ),
    ),
]
ListingOption = Annotated[str | None, typer.Option(help=say("产品代码", "the listing's code"))]
AccountOption = Annotated[
    str | None, typer.Option(help=say("交易账户, 默认为密钥所属", "account; the key's own if absent"))
]
BeneficiaryOption = Annotated[
    str | None, typer.Option(help=say("受益人, 印在凭证上", "the beneficiary, as the certificate will say"))
]
StatementOption = Annotated[str | None, typer.Option(help=say("声明", "a statement"))]
ClientIdOption = Annotated[
    str | None,
    typer.Option(help=say("自定编号, 永不重复; 默认随机", "your own id, unique for ever; made up if absent")),
]
TimeoutOption = Annotated[
    int,
    typer.Option("--timeout", min=0, help=say("最多等登记平台多少秒", "wait for the registry at most")),
]
UseArgument = Annotated[str, typer.Argument(help=say("业务编号, 如 offset-42", "its id, such as offset-42"))]


async def quote(
    desk: Desk,
    *,
    year: YearOption,
    quantity: QuantityOption = None,
    lot: LotOption = None,
    listing: ListingOption = None,
    account: AccountOption = None,
) -> None:
    """What an offset would take, and every rule that says no. Nothing is held by asking."""
    body = {"compliance_year": year, **_units(quantity, lot, listing, account)}
    async with desk.client(ENTITY) as client:
        told = (await client.change("POST", "/v1/offsets/quote", body)).body
    if desk.output.value(told):
        return
    desk.output.table(
        say(f"{year} 年度抵销试算", f"offset of {year}, quoted"),
        say(
            "批次|类别|#可用|#将注销|序列号|不可用的原因", "lot|class|#available|#to retire|serials|why not"
        ).split("|"),
        (
            (
                line["lot"],
                line["class"],
                line["available"],
                line["quantity"],
                _ranges(line["serials"]),
                line["reason"],
            )
            for line in told["lots"]
        ),
    )
    _print_cap(desk.output, told["cap"])
    if told["accepted"]:
        desk.output.line(say(f"可提交: {told['quantity']} 吨", f"would be accepted: {told['quantity']} t"))
    else:
        desk.output.line(f"{told['code']}: {told['reason']}")


async def submit(
    desk: Desk,
    *,
    year: YearOption,
    quantity: QuantityOption = None,
    lot: LotOption = None,
    listing: ListingOption = None,
    beneficiary: BeneficiaryOption = None,
    statement: StatementOption = None,
    account: AccountOption = None,
    client_id: ClientIdOption = None,
    timeout_s: TimeoutOption = 30,
) -> None:
    """Use Class I units against an obligation, and wait for the registry. It cannot be undone."""
    body = {
        "client_id": client_id or _client_id(),
        "compliance_year": year,
        **_units(quantity, lot, listing, account),
        **_told(beneficiary=beneficiary, statement=statement),
    }
    again = f"puhui offset submit --year {year} … --client-id {body['client_id']}"
    await _use(desk, "/v1/offsets", body, again, timeout_s)


async def retire(
    desk: Desk,
    purpose: Annotated[RetirementPurpose, typer.Argument(help=say("用途", "what for"))],
    *,
    beneficiary: Annotated[
        str, typer.Option(help=say("受益人, 印在凭证上", "the beneficiary, as the certificate will say"))
    ],
    quantity: QuantityOption = None,
    lot: LotOption = None,
    listing: ListingOption = None,
    statement: StatementOption = None,
    donate_to: Annotated[
        str | None, typer.Option(help=say("受赠的公益账户", "the public-welfare account of a donation"))
    ] = None,
    account: AccountOption = None,
    client_id: ClientIdOption = None,
    timeout_s: TimeoutOption = 30,
) -> None:
    """Use units for anything but compliance, and wait for the registry. It cannot be undone."""
    body = {
        "client_id": client_id or _client_id(),
        "purpose": purpose.value,
        "beneficiary": beneficiary,
        **_units(quantity, lot, listing, account),
        **_told(statement=statement, donate_to=donate_to),
    }
    again = f"puhui retire {purpose.value} … --client-id {body['client_id']}"
    await _use(desk, "/v1/retirements", body, again, timeout_s)


async def show(
    desk: Desk,
    use: Annotated[
        str | None, typer.Argument(help=say("业务编号; 默认列出全部", "its id; all of them when absent"))
    ] = None,
    *,
    other: Annotated[
        bool, typer.Option("--other", help=say("列出其他用途", "list the uses that are no offsets"))
    ] = False,
) -> None:
    """Offsets, or one use, as they stand."""
    async with desk.client(ENTITY) as client:
        if use is not None:
            found: Any = {"items": [await client.get(_target(use))]}
        else:
            found = await client.get("/v1/retirements" if other else "/v1/offsets")
    if desk.output.value(found if use is None else found["items"][0]):
        return
    desk.output.table(
        say("减排量使用", "uses of units"),
        say(
            "编号|用途|年度|#吨|产品|状态|凭证|时间", "id|purpose|year|#tonnes|listing|state|certificate|time"
        ).split("|"),
        (
            (
                one["id"],
                term(USE_PURPOSE, one["purpose"]),
                one["compliance_year"],
                one["quantity"],
                one["listing"],
                term(USE_STATE, one["state"]),
                one["certificate"],
                one["created_at"],
            )
            for one in found["items"]
        ),
    )


async def withdraw(desk: Desk, use: UseArgument, *, client_id: ClientIdOption = None) -> None:
    """Take a use back while it is held."""
    body = {"client_id": client_id or _client_id()}
    target = f"{_target(use)}/withdraw"
    again = f"puhui offset withdraw {use} --client-id {body['client_id']}"
    async with desk.client(ENTITY) as client:
        done = (await client.repeat("POST", target, body, again=again)).body
    if not desk.output.value(done):
        desk.output.line(say(f"已撤回 {use}", f"{use} is taken back"))


async def certificate(
    desk: Desk,
    use: UseArgument,
    *,
    out: Annotated[
        Path | None,
        typer.Option(help=say("写入 PDF 文件", "new file for the PDF; JSON is printed if absent")),
    ] = None,
) -> None:
    """The certificate of a completed use: as a PDF with --out, otherwise as JSON."""
    target = f"{_target(use)}/certificate"
    async with desk.client(ENTITY) as client:
        told = await client.get(target)
        if out is not None:
            content = await client.get(target, format="pdf")
            write_new(out, content)
    if desk.output.value(told):
        return
    if out is None:
        desk.output.line(told["canonical_text"].rstrip())
        desk.output.line(f"SHA-256 {told['digest']}")
    else:
        desk.output.line(
            say(f"凭证 {told['number']} 已写入 {out}", f"certificate {told['number']} is in {out}")
        )


async def uses(
    desk: Desk,
    *,
    year: Annotated[int | None, typer.Option(help=say("年度", "of one year"))] = None,
) -> None:
    """Accounts of use: what was used up, by year and purpose, and how one stands towards each year's cap."""
    async with desk.client(ENTITY) as client:
        found = await client.get("/v1/uses", year=year)
    if desk.output.value(found):
        return
    desk.output.table(
        say("使用台账", "accounts of use"),
        say("单位|年度|用途|类别|#吨|#凭证", "entity|year|purpose|class|#tonnes|#certificates").split("|"),
        (
            (
                line["entity"],
                line["year"],
                term(USE_PURPOSE, line["purpose"]),
                line["class"],
                line["completed"],
                line["uses"],
            )
            for line in found["items"]
        ),
    )
    for standing in found["compliance"]:
        told = f"{standing['compliance_year']}: {standing['completed']} + {standing['under_way']} t"
        desk.output.line(say(f"履约 {told} (已完成 + 办理中)", f"compliance {told} (completed + under way)"))
        _print_cap(desk.output, standing["cap"])


async def _use(desk: Desk, target: str, body: dict[str, Any], again: str, timeout_s: int) -> None:
    async with desk.client(ENTITY) as client:
        asked = (await client.repeat("POST", target, body, again=again)).body
        done = await _ended(client, f"{target}/{asked['id']}", asked, timeout_s)
    if done["state"] == "refused":
        raise CommandFault(
            say(
                f"登记平台拒绝: {done['reason']}", f"the registry refused: {done['reason']}; all is as before"
            )
        )
    if desk.output.value(done):
        return
    state = term(USE_STATE, done["state"])
    desk.output.line(f"{done['id']}: {done['quantity']} t {done['listing']}, {state}")
    for lot in done["lots"]:
        desk.output.line(f"  {lot['lot']} {_ranges(lot['serials'])}")
    if done["certificate"]:
        desk.output.line(
            say(
                f"凭证 {done['certificate']}: puhui offset certificate {done['id']} --out 凭证.pdf",
                f"certificate {done['certificate']}: puhui offset certificate {done['id']} --out certificate.pdf",
            )
        )


async def _ended(client: ExchangeClient, target: str, use: dict[str, Any], timeout_s: int) -> dict[str, Any]:
    end_s = asyncio.get_running_loop().time() + timeout_s
    while use["state"] in UNDER_WAY and asyncio.get_running_loop().time() < end_s:
        await asyncio.sleep(POLL_S)
        use = await client.get(target)
    return use


def _target(use: str) -> str:
    if _USE.fullmatch(use) is None:
        raise CommandFault(say(f"{use} 不是业务编号", f"{use} is no id of a use"))
    kind = use.partition("-")[0]
    return f"/v1/purchases/{use}" if kind == "trade" else f"/v1/{kind}s/{use}"


def _units(
    quantity: int | None, lots: list[str] | None, listing: str | None, account: str | None
) -> dict[str, Any]:
    units: dict[str, Any] = _told(listing=listing, account=account)
    if quantity is not None:
        units["quantity"] = str(quantity)
    if lots:
        units["lots"] = [_lot(text) for text in lots]
    return units


def _lot(text: str) -> dict[str, Any]:
    found = _LOT.fullmatch(text)
    if found is None:
        raise CommandFault(
            say(f"{text} 应为 批次=吨数 或 批次@起-止", f"{text} is neither LOT=TONNES nor LOT@FIRST-END")
        )
    if found["tonnes"] is not None:
        return {"lot": found["lot"], "quantity": found["tonnes"]}
    pairs = (part.split("-") for part in found["serials"].split(","))
    return {"lot": found["lot"], "serials": [[int(first), int(end)] for first, end in pairs]}


def _told(**given: str | None) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _ranges(serials: list[list[int]]) -> str:
    return " ".join(f"[{first}, {end})" for first, end in serials)


def _print_cap(output: Output, cap: dict[str, Any] | None) -> None:
    if cap is None or cap["enforcement"] is None:
        output.line(say("抵销上限: 未设", "cap: none"))
        return
    limit, left = cap["limit"] or "?", cap["left"] or "?"
    told = f"{limit} t; {cap['used']} + {cap['other_credits']} t; {left} t"
    output.line(say(f"抵销上限; 已用 + 其他; 剩余: {told}", f"cap; used + others; left: {told}"))


def _client_id() -> str:
    return f"cli-{uuid.uuid4().hex[:28]}"


for _name, _run, _explained in (
    ("quote", quote, say("试算", "what an offset would take")),
    ("submit", submit, say("提交", "submit an offset")),
    ("show", show, say("查看", "offsets, or one use, as they stand")),
    ("withdraw", withdraw, say("撤回", "take a use back while it is held")),
    ("certificate", certificate, say("凭证", "the certificate of a completed use")),
):
    offset_app.command(_name, help=_explained)(command(_run))
