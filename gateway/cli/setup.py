"""Setting a market up: participants, accounts, keys, listings and the calendar of the next year."""

import base64
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.access.keys import Scope
from gateway.cli.acts import perform
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.operator import OPERATOR
from gateway.cli.trading import full_price
from gateway.cli.words import say, term
from gateway.config import write_private
from settlement.account import ParticipantKind
from settlement.lot import MethodologyClass

PARTICIPANT_KIND: Final = {
    "project_applicant": "减排项目申请主体",
    "scenario_applicant": "减排场景申请主体",
    "rights_provider": "权益提供方",
    "covered_entity": "纳入配额管理单位",
    "institution": "机构",
    "individual": "个人",
}
"""Kinds of participant, as people read them."""

OutOption = Annotated[
    Path | None,
    typer.Option(help=say("写入新密钥的文件 (0600)", "new file for the secret the exchange makes (0600)")),
]
WhyOption = Annotated[
    str,
    typer.Option("--reason", help=say("理由, 须双人复核时必填", "why; needed where it takes two persons")),
]
ParticipantArgument = Annotated[str, typer.Argument(help=say("交易主体", "the participant"))]


async def add_participant(
    desk: Desk,
    participant: ParticipantArgument,
    *,
    kind: Annotated[ParticipantKind, typer.Option(help=say("主体类型", "what kind"))],
) -> None:
    """Admit a participant."""
    body = {"participant": participant, "kind": kind.value}
    done = await perform(desk, "/v1/operator/participants", body)
    if not desk.output.value(done):
        name = term(PARTICIPANT_KIND, kind.value)
        desk.output.line(say(f"已接纳 {participant} ({name})", f"{participant} is admitted ({name})"))


async def add_account(
    desk: Desk,
    account: Annotated[str, typer.Argument(help=say("交易账户", "the trading account"))],
    *,
    owner: Annotated[str, typer.Option(help=say("所属交易主体", "the participant that owns it"))],
    registry_account: Annotated[
        str, typer.Option(help=say("绑定的登记账户", "the registry account it is bound to, for good"))
    ],
) -> None:
    """Open a trading account, bound to a registry account."""
    body = {"account": account, "owner": owner, "registry_account": registry_account}
    done = await perform(desk, "/v1/operator/accounts", body)
    if not desk.output.value(done):
        desk.output.line(
            say(
                f"已为 {owner} 开立账户 {account}, 绑定登记账户 {registry_account}",
                f"account {account} of {owner} is open, bound to registry account {registry_account}",
            )
        )


async def add_listing(
    desk: Desk,
    listing: Annotated[str, typer.Argument(help=say("产品代码, 如 SHCERCIR1", "code, such as SHCERCIR1"))],
    *,
    methodology_class: Annotated[
        MethodologyClass, typer.Option("--class", help=say("方法学类别", "its class"))
    ],
    reference_price: Annotated[
        str, typer.Option(help=say("首日基准价, 元/吨", "reference price of its first day, yuan per tonne"))
    ],
    demonstration: Annotated[
        bool, typer.Option("--demonstration", help=say("仅供演示", "made up for demonstrations"))
    ] = False,
) -> None:
    """List a code for trading; its instrument is made known with it."""
    body = {
        "listing": listing,
        "class": methodology_class.value,
        "first_reference_price": full_price(reference_price),
        "demonstration": demonstration,
    }
    done = await perform(desk, "/v1/operator/listings", body)
    if not desk.output.value(done):
        price = done["first_reference_price"]
        desk.output.line(
            say(
                f"已挂牌 {listing}, 首日基准价 {price} 元/吨",
                f"{listing} is listed, first reference ¥{price}",
            )
        )


async def add_key(
    desk: Desk,
    participant: ParticipantArgument,
    *,
    scope: Annotated[list[Scope], typer.Option(help=say("权限, 可重复", "what it may do; may be repeated"))],
    account: Annotated[
        str | None, typer.Option(help=say("密钥所代表的账户", "the account it acts for"))
    ] = None,
    out: OutOption = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            help=say("对方的 Ed25519 公钥 PEM", "an Ed25519 public key, PEM, of which we hold no secret")
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR",
            help=say(
                "只可从该网络使用, 可重复", "a network it may be used from, and no other; may be repeated"
            ),
        ),
    ] = None,
    label: Annotated[str, typer.Option(help=say("备注", "a remark"))] = "",
    reason: WhyOption = "",
) -> None:
    """Make a key: for a public key, or with a secret of the exchange's making that goes into a file and nowhere else."""
    body: dict[str, Any] = {
        "participant": participant,
        "scopes": [one.value for one in scope],
        "label": label,
        "networks": network or [],
        **({} if account is None else {"account": account}),
        **({"reason": reason} if reason else {}),
    }
    if (out is None) is (public_key is None):
        raise CommandFault(
            say("请给出 --out 或 --public-key, 二者之一", "give --out or --public-key, one of the two")
        )
    if out is not None:
        require_new(out)
        body["algorithm"] = "hmac-sha256"
    if public_key is not None:
        body |= {"algorithm": "ed25519", "public_key": _raw_public_key(public_key)}
    done = await perform(desk, "/v1/operator/keys", body)
    secret = done.pop("secret")
    if out is not None:
        write_private(out, f"{secret}\n".encode())
    show_key(desk, done, out)


def show_key(desk: Desk, key: dict[str, Any], out: Path | None) -> None:
    """Tell how a key just made is named on the command line."""
    if desk.output.value(key):
        return
    file = say("<私钥文件>", "<private key file>") if out is None else str(out)
    options = f"--key {key['key']} --secret-file {file}"
    participant = key["participant"]
    desk.output.line(say(f"{participant} 的密钥: {options}", f"key of {participant}: {options}"))


async def keys(desk: Desk) -> None:
    """Every key, without secrets."""
    async with desk.client(OPERATOR) as client:
        found = await client.get("/v1/operator/keys")
    if desk.output.value(found):
        return
    desk.output.table(
        say("密钥", "keys"),
        say(
            "密钥|主体|账户|权限|网络|备注|注销", "key|participant|account|scopes|networks|label|revoked"
        ).split("|"),
        (
            (
                key["key"],
                key["participant"],
                key["account"],
                " ".join(key["scopes"]),
                " ".join(key["networks"]),
                key["label"],
                key["revoked_at"],
            )
            for key in found["items"]
        ),
    )


async def revoke_key(
    desk: Desk, name: Annotated[str, typer.Argument(metavar="KEY", help=say("密钥名", "the key's name"))]
) -> None:
    """Revoke a key for good."""
    if not name.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise CommandFault(say(f"{name} 不是密钥名", f"{name} is no key's name"))
    async with desk.client(OPERATOR) as client:
        done = (await client.change("DELETE", f"/v1/operator/keys/{name}")).body
    if not desk.output.value(done):
        desk.output.line(say(f"密钥 {name} 已注销", f"key {name} is revoked"))


async def announce_calendar(
    desk: Desk,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=say(
                "日历 TOML: first_day, last_day, source, closure",
                "TOML: first_day, last_day, source, closure",
            ),
        ),
    ],
) -> None:
    """Announce a period's trading days: Monday to Friday but for the closures the file names."""
    from gateway.markets.loader import MarketFileFault, read_calendar

    try:
        announcement = read_calendar(file).announcement
    except (MarketFileFault, OSError) as fault:
        raise CommandFault(str(fault)) from None
    body = {
        "first_day": announcement.first_day,
        "last_day": announcement.last_day,
        "trading_days": list(announcement.trading_days),
        "source": announcement.source,
    }
    done = await perform(desk, "/v1/operator/calendar", body)
    if not desk.output.value(done):
        first, last, days = done["first_day"], done["last_day"], done["trading_days"]
        desk.output.line(
            say(
                f"已公布 {first} 至 {last} 的 {days} 个交易日",
                f"announced: {days} trading days, {first} to {last}",
            )
        )


def require_new(path: Path) -> None:
    """Refuse a file that is there, or has no place to be in. Raises CommandFault."""
    # Before the key is made: a secret that cannot be written is lost.
    if path.exists() or not path.parent.is_dir():
        raise CommandFault(
            say(f"{path} 已存在, 或其目录不存在", f"{path} exists already, or its directory does not")
        )


def _raw_public_key(path: Path) -> str:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise CommandFault(f"{path}: {error.strerror}") from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise CommandFault(say(f"{path} 不是 Ed25519 公钥", f"{path} holds no Ed25519 public key"))
    return base64.b64encode(key.public_bytes_raw()).decode()


def add_to(app: typer.Typer) -> None:
    """Add these commands to the operator's."""
    for group, explained, acts in (
        (
            "participant",
            say("交易主体", "participants"),
            (("add", add_participant, say("接纳主体", "admit one")),),
        ),
        (
            "account",
            say("交易账户", "trading accounts"),
            (("add", add_account, say("开立账户", "open one")),),
        ),
        ("listing", say("挂牌产品", "listings"), (("add", add_listing, say("挂牌产品", "list a code")),)),
        (
            "key",
            say("访问密钥", "keys"),
            (
                ("add", add_key, say("签发密钥", "make one")),
                ("list", keys, say("全部密钥", "all of them, without secrets")),
                ("revoke", revoke_key, say("注销密钥", "revoke one for good")),
            ),
        ),
        (
            "calendar",
            say("交易日历", "trading days"),
            (("announce", announce_calendar, say("公布交易日", "announce a period's trading days")),),
        ),
    ):
        typed = typer.Typer(no_args_is_help=True, help=explained)
        for name, run, told in acts:
            typed.command(name, help=told)(command(run))
        app.add_typer(typed, name=group)
