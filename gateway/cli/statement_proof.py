"""Checking a statement somebody shows: by itself, page for page, and whether the exchange has issued it."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from gateway.cli.command import Desk
from gateway.cli.faults import CommandFault
from gateway.cli.words import say

MOST_BYTES: Final = 200_000_000
"""Of a file that is read; a statement has fewer."""

_PDF: Final = b"%PDF-"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What a statement says of itself, once its own digest was found right."""

    form: str
    account: str
    trading_day: str
    digest: str
    """Of the statement, as the exchange's journal has it."""
    proves_content: bool
    """Whether that digest is over what the file says. A table's own is over the table: whoever alters one can make it
    anew, and name the digest of a statement that was issued."""


async def verify_statement(
    desk: Desk,
    file: Annotated[
        Path, typer.Argument(help=say("结单文件: JSON, CSV 或 PDF", "the statement: JSON, CSV or PDF"))
    ],
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help=say("只核对文件本身", "check the file by itself only"))
    ] = False,
) -> None:
    """Whether a statement's digest is right, and the exchange has issued it."""
    proof = proof_of(_read(file))
    issued: bool | None = None
    if not offline:
        async with desk.client(None) as client:
            issued = (await client.get(f"/v1/statements/{proof.trading_day}/{proof.digest}"))["issued"]
    if issued is False:
        raise CommandFault(
            say(
                f"{file}: 摘要自洽, 但本所未出具过该结单",
                f"{file}: its digest fits what it says, but the exchange has issued no such statement",
            )
        )
    told = {
        "form": proof.form,
        "account": proof.account,
        "trading_day": proof.trading_day,
        "digest": proof.digest,
        "issued": issued,
        "proves_content": proof.proves_content,
    }
    if not desk.output.value(told):
        desk.output.line(f"{proof.account} {proof.trading_day} SHA-256 {proof.digest}")
        desk.output.line(_verdict(proof, issued=issued))


def _verdict(proof: Proof, *, issued: bool | None) -> str:
    if issued is None:
        return say("摘要正确; 未向交易所核对", "its digest is right; the exchange was not asked")
    if proof.proves_content:
        return say("摘要正确, 系本所出具", "its digest is right, and the exchange has issued it")
    return say(
        "所载摘要系本所出具; 但表格可被改动后重算, 内容须以 JSON 或 PDF 核验",
        "the exchange has issued the statement it names; but a table can be altered and added up anew:"
        " only the JSON or the PDF proves what it says",
    )


def proof_of(content: bytes) -> Proof:
    """Check a statement by itself, in whichever form it is. Raises CommandFault with what is wrong."""
    read: Callable[[bytes], Proof] = _from_csv
    if content.startswith(_PDF):
        read = _from_pdf
    elif content.lstrip().startswith(b"{"):
        read = _from_json
    try:
        return read(content)
    except (ValueError, KeyError, TypeError, IndexError, csv.Error):
        raise CommandFault(say("这不是可读的结单", "this cannot be read as a statement")) from None


def _from_json(content: bytes) -> Proof:
    return _of_body(orjson.loads(content), "json")


def _of_body(body: dict[str, Any], form: str) -> Proof:
    from gateway.engine.history.statement_body import digest_of

    expected = digest_of(body)
    if expected != body["digest"]:
        raise _wrong_digest(expected, body["digest"])
    return Proof(
        form=form,
        account=body["account"],
        trading_day=body["trading_day"],
        digest=expected,
        proves_content=True,
    )


def _from_csv(content: bytes) -> Proof:
    text = content.decode()
    lines = text.splitlines(keepends=True)
    *_, told, last = csv.reader(StringIO(text, newline=""))
    expected = sha256("".join(lines[:-1]).encode()).hexdigest()
    if (told[1], last[1]) != ("digest", "table_digest"):
        raise ValueError("no digest at its end")
    if expected != last[2]:
        raise _wrong_digest(expected, last[2])
    return Proof(form="csv", account=told[6], trading_day=told[0], digest=told[2], proves_content=False)


def _from_pdf(content: bytes) -> Proof:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    from gateway.documents.statement import ATTACHED, statement_document
    from gateway.documents.typesetting import typeset

    try:
        reader = PdfReader(BytesIO(content))
        body = orjson.loads(reader.attachments[ATTACHED][0])
        proof = _of_body(body, "pdf")
        printed = typeset(statement_document(body))
        if printed != content and _text(reader) != _text(PdfReader(BytesIO(printed))):
            raise CommandFault(
                say(
                    "页面内容与所附结单不符 (或由其他版本印制)",
                    "its pages say something else than the statement attached to it (or another release printed them)",
                )
            )
    except PyPdfError as error:
        raise ValueError(str(error)) from error
    return proof


def _text(reader: Any) -> str:  # noqa: ANN401 - pypdf's
    return "\f".join(page.extract_text() for page in reader.pages)


def _wrong_digest(expected: str, told: object) -> CommandFault:
    return CommandFault(
        say(
            f"摘要不符, 内容被改动: 应为 {expected}, 载明 {told}",
            f"altered: the digest over what it says is {expected}, it tells {told}",
        )
    )


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise CommandFault(say(f"{file} 过大", f"{file} is too large"))
        return file.read_bytes()
    except OSError as error:
        raise CommandFault(f"{file}: {error.strerror}") from None
