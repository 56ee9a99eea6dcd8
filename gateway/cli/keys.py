"""Keys of programs: made, listed, rotated and revoked."""

import base64
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.access.keys import Scope
from gateway.cli.acts import perform
from gateway.cli.command import Desk, command
from gateway.cli.faults import CommandFault
from gateway.cli.names import require_name
from gateway.cli.operator import OPERATOR
from gateway.cli.setup import ParticipantArgument
from gateway.cli.standing import TRADER
from gateway.cli.words import say
from gateway.private_files import write_private

OutOption = Annotated[
    Path | None,
    typer.Option(help=say("写入新密钥的文件 (0600)", "new file for the secret the exchange makes (0600)")),
]
WhyOption = Annotated[
    str,
    typer.Option("--reason", help=say("理由, 须双人复核时必填", "why; needed where it takes two persons")),
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help=say("密钥名", "the key's name"))]
PublicKeyOption = Annotated[
    Path | None,
    typer.Option(
        help=say("对方的 Ed25519 公钥 PEM", "an Ed25519 public key, PEM, of which we hold no secret")
    ),
]
OverlapOption = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help=say(
            "旧密钥继续有效的秒数, 0 为立即失效", "for how long the old one stays good; 0 ends it at once"
        ),
    ),
]


async def add_key(
    desk: Desk,
    participant: ParticipantArgument,
    *,
    scope: Annotated[list[Scope], typer.Option(help=say("权限, 可重复", "what it may do; may be repeated"))],
    account: Annotated[
        str | None, typer.Option(help=say("密钥所代表的账户", "the account it acts for"))
    ] = None,
    out: OutOption = None,
    public_key: PublicKeyOption = None,
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
    _require_one_of(out, public_key)
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
            "密钥|主体|账户|权限|网络|备注|轮换为|至|注销|一人设立",
            "key|participant|account|scopes|networks|label|rotated to|until|revoked|made by one alone",
        ).split("|"),
        (
            (
                key["key"],
                key["participant"],
                key["account"],
                " ".join(key["scopes"]),
                " ".join(key["networks"]),
                key["label"],
                key["rotated_to"],
                key["ends_at"],
                key["revoked_at"],
                key["made_alone_by"],
            )
            for key in found["items"]
        ),
    )


async def revoke_key(
    desk: Desk,
    name: KeyArgument,
    *,
    only: Annotated[
        bool,
        typer.Option(
            "--only",
            help=say("保留轮换所得的新密钥", "let the keys stay that took its place, one after another"),
        ),
    ] = False,
) -> None:
    """Revoke a key for good, and the keys that took its place."""
    target = f"/v1/operator/keys/{_name(name)}{'?only=true' if only else ''}"
    async with desk.client(OPERATOR) as client:
        done = (await client.change("DELETE", target)).body
    if not desk.output.value(done):
        desk.output.line(say(f"密钥 {name} 已注销", f"key {name} is revoked"))


async def rotate_key(
    desk: Desk,
    name: KeyArgument,
    *,
    out: OutOption = None,
    public_key: PublicKeyOption = None,
    overlap: OverlapOption = 0,
    reason: WhyOption = "",
) -> None:
    """Replace a key by another that may do the same; the old one ends at once, or after the overlap."""
    body = {**_rotation(out, public_key, overlap), **({"reason": reason} if reason else {})}
    done = await perform(desk, f"/v1/operator/keys/{_name(name)}/rotate", body)
    _show_rotated(desk, done, out)


async def rotate_own_key(
    desk: Desk,
    *,
    out: OutOption = None,
    public_key: PublicKeyOption = None,
    overlap: OverlapOption = 0,
) -> None:
    """Replace the key one acts with by another that may do the same."""
    name = desk.target.find_credentials(TRADER).key
    own = {"client_id": str(uuid4()), "key": name}
    body = own | _rotation(out, public_key, overlap)
    again = say(f"向交易所询问密钥 {name}", f"ask the exchange what became of key {name}")
    async with desk.client(TRADER) as client:
        done = (await client.repeat("POST", "/v1/auth/rotate", body, again=again)).body
    _show_rotated(desk, done, out)


def _rotation(out: Path | None, public_key: Path | None, overlap_s: int) -> dict[str, Any]:
    _require_one_of(out, public_key)
    if out is not None:
        require_new(out)
    given = {} if public_key is None else {"public_key": _raw_public_key(public_key)}
    return {**given, "overlap_s": overlap_s}


def _show_rotated(desk: Desk, done: dict[str, Any], out: Path | None) -> None:
    secret = done.pop("secret")
    if out is not None and secret is not None:
        write_private(out, f"{secret}\n".encode())
    show_key(desk, done, out)
    if not desk.output.as_json:
        old, until = done["replaced"]["key"], done["replaced"]["ends_at"]
        desk.output.line(say(f"原密钥 {old} 有效至 {until}", f"the old key {old} is good until {until}"))


def _require_one_of(out: Path | None, public_key: Path | None) -> None:
    if (out is None) is (public_key is None):
        raise CommandFault(
            say("请给出 --out 或 --public-key, 二者之一", "give --out or --public-key, one of the two")
        )


def _name(text: str) -> str:
    return require_name(text, "密钥名", "key's name")


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
    typed = typer.Typer(no_args_is_help=True, help=say("访问密钥", "keys"))
    for name, run, told in (
        ("add", add_key, say("签发密钥", "make one")),
        ("list", keys, say("全部密钥", "all of them, without secrets")),
        ("rotate", rotate_key, say("轮换密钥", "replace one by another that may do the same")),
        ("revoke", revoke_key, say("注销密钥", "revoke one for good")),
    ):
        typed.command(name, help=told)(command(run))
    app.add_typer(typed, name="key")
