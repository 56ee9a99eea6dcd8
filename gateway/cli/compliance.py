"""Compliance years, the authority's filings, public-welfare accounts, and the check of a certificate."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import orjson
import typer

from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.names import require_name
from gateway.cli.operator import OPERATOR
from gateway.cli.words import USE_PURPOSE, say, term
from gateway.formats import parse_time
from settlement.certificate import CertificateNumber, CertifiedLot, Statement, digest_of
from settlement.channels import Channel
from settlement.compliance_year import CapBase, Enforcement
from settlement.lot import MethodologyClass, Origin
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradingDay

AUTHORITY: Final = "authority"

year_app = typer.Typer(no_args_is_help=True, help=say("履约年度", "compliance years"))
authority_app = typer.Typer(no_args_is_help=True, help=say("主管部门", "the competent authority"))
certificate_app = typer.Typer(no_args_is_help=True, help=say("凭证核验", "certificates"))

SourceOption = Annotated[str, typer.Option(help=say("依据", "on whose word"))]


class YearAct(StrEnum):
    """What to do with an account."""

    ADD = "add"
    REMOVE = "remove"


async def show_years(desk: Desk) -> None:
    """Every compliance year and its rules in force."""
    async with desk.client(None) as client:
        found = await client.get("/v1/compliance-years")
    if desk.output.value(found):
        return
    desk.output.table(
        say("履约年度", "compliance years"),
        say("年度|开始|截止|上限|来源|依据", "year|opens|deadline|cap|origins|source").split("|"),
        (
            (
                year["compliance_year"],
                year["opens"],
                year["deadline"],
                _cap_text(year["cap"]),
                ", ".join(year["origins"]) or None,
                year["source"],
            )
            for year in found["items"]
        ),
    )


def _cap_text(cap: dict[str, Any] | None) -> str | None:
    return None if cap is None else f"{cap['ratio']} × {cap['base']} ({cap['enforcement']})"


OpensOption: TypeAlias = Annotated[
    str, typer.Option(help=say("开始时间, RFC 3339", "when it opens, RFC 3339"))
]
DeadlineOption: TypeAlias = Annotated[
    str, typer.Option(help=say("截止时间, 含时刻", "the deadline with its time of day, RFC 3339"))
]
RatioOption: TypeAlias = Annotated[
    str | None, typer.Option(help=say("上限比例, 如 0.05", "the cap's ratio, such as 0.05"))
]
BaseOption: TypeAlias = Annotated[CapBase, typer.Option(help=say("上限基数", "what the cap is a share of"))]
EnforcementOption: TypeAlias = Annotated[
    Enforcement, typer.Option(help=say("软性或硬性", "told, or enforced"))
]
JointOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        help=say("合并计算的其他信用, 可重复", "another credit under the same cap; may be repeated")
    ),
]
MethodologyOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help=say("可用方法学, 可重复", "an eligible methodology; may be repeated")),
]
OriginOption: TypeAlias = Annotated[
    list[Origin] | None, typer.Option(help=say("可用来源, 可重复", "an eligible origin; may be repeated"))
]
FromOption: TypeAlias = Annotated[
    str | None, typer.Option(help=say("监测期起", "first day of a monitoring period"))
]
ToOption: TypeAlias = Annotated[
    str | None, typer.Option(help=say("监测期止", "last day of a monitoring period"))
]
ExcludeOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LOT[=ENTITY]",
        help=say("排除的批次 (仅对某单位), 可重复", "a lot that may not serve (an entity); may be repeated"),
    ),
]
EffectiveOption: TypeAlias = Annotated[
    str | None, typer.Option(help=say("生效时间, 默认立即", "when it takes effect; at once if absent"))
]


async def set_year(
    desk: Desk,
    year: Annotated[int, typer.Argument(help=say("履约年度", "the compliance year"))],
    *,
    opens: OpensOption,
    deadline: DeadlineOption,
    source: SourceOption,
    cap_ratio: RatioOption = None,
    cap_base: BaseOption = CapBase.VERIFIED_EMISSIONS,
    enforcement: EnforcementOption = Enforcement.SOFT,
    joint: JointOption = None,
    methodology: MethodologyOption = None,
    origin: OriginOption = None,
    period_from: FromOption = None,
    period_to: ToOption = None,
    exclude: ExcludeOption = None,
    effective_from: EffectiveOption = None,
) -> None:
    """Announce the rules of a compliance year, or a later version of them."""
    body: dict[str, Any] = {
        "compliance_year": year,
        "opens": opens,
        "deadline": deadline,
        "source": source,
        "methodologies": methodology or [],
        "origins": [one.value for one in origin or []],
        "exclusions": [_exclusion(text, source) for text in exclude or []],
    }
    given = {"period_from": period_from, "period_to": period_to, "effective_from": effective_from}
    body.update((name, value) for name, value in given.items() if value is not None)
    if cap_ratio is not None:
        body["cap"] = {
            "base": cap_base.value,
            "ratio": cap_ratio,
            "enforcement": enforcement.value,
            "joint_credits": joint or [],
        }
    done = await _post(desk, OPERATOR, "/v1/operator/compliance-years", body)
    if not desk.output.value(done):
        desk.output.line(
            say(
                f"{year} 年度规则已公布, 截止 {done['deadline']}",
                f"{year} is announced, deadline {done['deadline']}",
            )
        )


def _exclusion(text: str, source: str) -> dict[str, Any]:
    lot, _, entity = text.partition("=")
    return {"lot": lot, "reason": source} | ({"entity": entity} if entity else {})


async def welfare(
    desk: Desk,
    act: Annotated[YearAct, typer.Argument(help=say("指定或取消", "add or remove"))],
    account: Annotated[str, typer.Argument(help=say("交易账户", "the account"))],
    *,
    source: SourceOption,
) -> None:
    """Let an account receive donations, or no longer."""
    body = {"account": account, "designated": act is YearAct.ADD, "source": source}
    done = await _post(desk, OPERATOR, "/v1/operator/welfare-accounts", body)
    if not desk.output.value(done):
        desk.output.line(
            say(f"{account} 可接受捐赠", f"{account} may receive donations")
            if done["designated"]
            else say(f"{account} 不再接受捐赠", f"{account} receives donations no longer")
        )


async def file_emissions(
    desk: Desk,
    entity: Annotated[str, typer.Argument(help=say("纳管单位", "the entity"))],
    *,
    year: Annotated[int, typer.Option(help=say("履约年度", "the compliance year"))],
    source: SourceOption,
    emissions: Annotated[
        int | None, typer.Option(min=0, help=say("核定排放量, 吨", "verified emissions, tonnes"))
    ] = None,
    allowances: Annotated[
        int | None, typer.Option(min=0, help=say("发放配额, 吨", "issued allowances, tonnes"))
    ] = None,
    credit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CREDIT=TONNES", help=say("已用其他信用, 可重复", "another credit used; may be repeated")
        ),
    ] = None,
) -> None:
    """File what a cap is a share of; it replaces what was filed before."""
    body: dict[str, Any] = {"entity": entity, "compliance_year": year, "source": source}
    if emissions is not None:
        body["verified_emissions"] = str(emissions)
    if allowances is not None:
        body["issued_allowances"] = str(allowances)
    pairs = [text.partition("=") for text in credit or []]
    body["other_credits"] = [{"credit": name, "quantity": tonnes} for name, _, tonnes in pairs]
    done = await _post(desk, AUTHORITY, "/v1/authority/filings", body)
    if not desk.output.value(done):
        desk.output.line(say(f"已报备 {entity} {year} 年度", f"{entity} {year} is filed"))


async def check(
    desk: Desk,
    certificate: Annotated[
        str, typer.Argument(help=say("凭证编号, 或 JSON 凭证文件", "a number, or a certificate's JSON file"))
    ],
    *,
    digest: Annotated[str | None, typer.Option(help=say("印刷的摘要", "the digest that is printed"))] = None,
    beneficiary: Annotated[
        str | None, typer.Option(help=say("印刷的受益人", "the beneficiary that is printed"))
    ] = None,
) -> None:
    """Whether a certificate is ours and unaltered; ends with an error when it is not."""
    number, digest, beneficiary = _at_hand(certificate, digest, beneficiary)
    async with desk.client(None) as client:
        target = f"/v1/certificates/{require_name(number, '凭证编号', 'number of a certificate')}"
        told = await client.get(target, digest=digest, beneficiary=beneficiary)
    if told["digest_matches"] is False or told["beneficiary_matches"] is False:
        raise CommandFault(
            say(f"凭证 {number} 系伪造或经篡改", f"certificate {number} is forged or has been altered")
        )
    if desk.output.value(told):
        return
    desk.output.line(
        say(f"凭证 {number} 由本所签发", f"certificate {number} is ours")
        + f": {told['quantity']} t {told['listing']}, {term(USE_PURPOSE, told['purpose'])}"
    )
    for lot in told["lots"]:
        ranges = " ".join(f"[{first}, {end})" for first, end in lot["serials"])
        desk.output.line(f"  {lot['lot']} {ranges}")
    if told["digest_matches"] is None:
        desk.output.line(say("未给出摘要: 请与凭证逐项核对", "no digest was given: compare it line by line"))


def _at_hand(
    certificate: str, digest: str | None, beneficiary: str | None
) -> tuple[str, str | None, str | None]:
    path = Path(certificate)
    return _read_certificate(path) if path.is_file() else (certificate, digest, beneficiary)


def _read_certificate(path: Path) -> tuple[str, str, str]:
    """Number, digest and beneficiary of a certificate in JSON whose digest is that of what it says.

    Raises:
        CommandFault: it is none, or it was altered.
    """
    try:
        told = orjson.loads(path.read_bytes())
        number, says = CertificateNumber(told["number"]), _statement(told)
        digest, beneficiary = str(told["digest"]), str(told["beneficiary"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise CommandFault(say(f"{path} 不是凭证: {error}", f"{path} is no certificate: {error}")) from None
    if digest_of(number, says) != digest:
        raise CommandFault(
            say(f"{path} 的内容与摘要不符: 经篡改", f"what {path} says is not what its digest is of: altered")
        )
    return number, digest, beneficiary


def _statement(told: dict[str, Any]) -> Statement:
    deadline, year = told["deadline"], told["compliance_year"]
    return Statement(
        reference=str(told["reference"]),
        entity=ParticipantId(told["entity"]),
        account=AccountId(told["account"]),
        purpose=Channel(told["purpose"]),
        compliance_year=None if year is None else int(year),
        beneficiary=str(told["beneficiary"]),
        statement=str(told["statement"]),
        instrument=AssetCode(told["listing"]),
        quantity_tonnes=int(told["quantity"]),
        lots=tuple(_lot(lot) for lot in told["lots"]),
        donated_to=told["donated_to"],
        accepted_at_ns=parse_time(told["accepted_at"]),
        completed_at_ns=parse_time(told["completed_at"]),
        deadline_ns=None if deadline is None else parse_time(deadline),
        instruction_id=InstructionId(told["movement"]),
        trading_day=TradingDay(told["trading_day"]),
    )


def _lot(told: dict[str, Any]) -> CertifiedLot:
    return CertifiedLot(
        lot_id=LotId(told["lot"]),
        methodology_class=MethodologyClass(told["class"]),
        methodology=str(told["methodology"]),
        methodology_version=str(told["methodology_version"]),
        origin=Origin(told["origin"]),
        project=str(told["project"]),
        period_from=str(told["period_from"]),
        period_to=str(told["period_to"]),
        serials=tuple((int(first), int(end)) for first, end in told["serials"]),
    )


async def _post(desk: Desk, role: str, target: str, body: dict[str, Any]) -> dict[str, Any]:
    async with desk.client(role) as client:
        done: dict[str, Any] = (await client.change("POST", target, body)).body
    return done


year_app.command("show", help=say("查看", "every year and its rules"))(command(show_years))
year_app.command("set", help=say("公布", "announce a year's rules, or a later version"))(command(set_year))
authority_app.command("file", help=say("报备核定排放量", "file verified emissions"))(command(file_emissions))
certificate_app.command("check", help=say("核验凭证", "check a certificate"))(command(check))


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    app.add_typer(year_app, name="compliance-year")
    app.command("welfare-account", help=say("公益账户", "let an account receive donations"))(command(welfare))
