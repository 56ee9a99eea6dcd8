"""Certificates: for who has one, in JSON and on paper; and the public check, which shows no personal data.

The digest is what only the holder of a certificate knows. The public check never tells it, only whether the one it is
given is right: so nobody can put a true digest on a certificate of his own making, and with the right one the holder
may also ask whether the beneficiary is as printed.
"""

from html import escape
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.keys import Scope
from gateway.access.limits import ActionKind
from gateway.documents.certificate import PURPOSE, certificate_document
from gateway.engine.views.uses import UseView
from gateway.formats import NS, exact_time_text, quantity_text, time_text
from gateway.http.accounts.transfers import TransferLot
from gateway.http.printing import PDF, printed
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.refusals.use_reasons import CERTIFICATE_UNKNOWN, NOT_CERTIFIED
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    AccountName,
    Answer,
    ClassName,
    Date,
    ListingCode,
    Name,
    Quantity,
    Request,
    Time,
)
from gateway.http.uses.requests import OFFSET, RETIREMENT, find
from gateway.http.uses.shapes import USE_PATTERN, ChannelName
from settlement.certificate import Certificate, CertifiedLot, canonical_text, is_number

HTML: Final = "text/html; charset=utf-8"
NUMBER_PATTERN: Final = "^[A-Za-z0-9-]{1,64}$"
PURCHASE_PATTERN: Final = "^trade-[1-9][0-9]{0,17}$"
DIGEST_PATTERN: Final = "^[0-9a-fA-F]{64}$"
PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class CertifiedLotBody(Answer):
    """What was used of one lot."""

    lot: str
    class_: Annotated[ClassName, Field(alias="class")]
    methodology: str
    methodology_version: str
    origin: Literal["project", "scenario", "points_converted"]
    project: str
    period_from: Date
    period_to: Date
    serials: list[tuple[int, int]]


class CertificateBody(Answer):
    """A certificate, whole. The digest is SHA-256 over `canonical_text` in UTF-8."""

    number: str
    reference: str
    entity: Name
    account: AccountName
    purpose: ChannelName
    compliance_year: int | None
    beneficiary: str
    statement: str
    listing: ListingCode
    quantity: Quantity
    lots: list[CertifiedLotBody]
    donated_to: AccountName | None
    accepted_at: Annotated[str, Field(description="With nanoseconds, as the digest has it.")]
    completed_at: str
    deadline: str | None
    counts_although_late: bool
    movement: Annotated[str, Field(description="The registry's movement that did it.")]
    trading_day: Date
    digest_algorithm: Literal["sha256"]
    digest: Digest
    canonical_text: str
    check_url: str


class CertificateQuery(Request):
    """In which form."""

    format: Literal["json", "pdf"] = "json"


class CheckQuery(Request):
    """What is printed on the certificate at hand."""

    digest: Annotated[str | None, Field(pattern=DIGEST_PATTERN)] = None
    beneficiary: Annotated[
        str | None, Field(max_length=500, description="Compared only where the digest is right.")
    ] = None


class CertificateCheck(Answer):
    """What the exchange certified under that number, without persons. Compare it with what is printed."""

    number: str
    issued: Literal[True]
    digest_matches: Annotated[
        bool | None, Field(description="False: forged or altered. None where no digest was given.")
    ]
    beneficiary_matches: Annotated[
        bool | None, Field(description="None unless the digest is right and a beneficiary was given.")
    ]
    purpose: ChannelName
    compliance_year: int | None
    retired: Annotated[bool, Field(description="False where the units moved to a public-welfare account.")]
    listing: ListingCode
    class_: Annotated[ClassName, Field(alias="class")]
    quantity: Quantity
    lots: list[TransferLot]
    completed_at: Annotated[Time, Field(description="To the second.")]
    counts_although_late: bool


def check_url(base: str, certificate: Certificate) -> str:
    """Where a certificate can be checked by whoever holds it."""
    return f"{base}/v1/certificates/{certificate.number}?digest={certificate.digest}"


async def offset_certificate(call: Call) -> Reply:
    """The certificate of a completed offset."""
    return await _of_use(call, await find(call, OFFSET))


async def retirement_certificate(call: Call) -> Reply:
    """The certificate of a completed use."""
    return await _of_use(call, await find(call, RETIREMENT))


async def _of_use(call: Call, use: UseView) -> Reply:
    found = await call.services.history.uses.certificate_of(use.use_id)
    if found is None:
        raise refusal(NOT_CERTIFIED, actual=use.state)
    return await _in_form(call, found)


async def purchase_certificate(call: Call) -> Reply:
    """The certificate of a purchase that was for a use."""
    reference = call.path["reference"]
    found = await call.services.history.uses.certificate_of(reference)
    if found is None or not call.may_see(found.says.account):
        raise refusal(reasons.NOT_FOUND, actual=reference)
    return await _in_form(call, found)


async def _in_form(call: Call, certificate: Certificate) -> Reply:
    query: CertificateQuery = call.query or CertificateQuery()
    url = check_url(call.services.public_url, certificate)
    if query.format == "json":
        return Reply(certificate_body(certificate, url))
    return await printed(call, certificate_document(certificate, url), certificate.number)


def certificate_body(certificate: Certificate, url: str) -> dict[str, Any]:
    """A certificate as its holder gets it."""
    says = certificate.says
    return {
        "number": certificate.number,
        "reference": says.reference,
        "entity": says.entity,
        "account": says.account,
        "purpose": says.purpose.value,
        "compliance_year": says.compliance_year,
        "beneficiary": says.beneficiary,
        "statement": says.statement,
        "listing": says.instrument,
        "quantity": quantity_text(says.quantity_tonnes),
        "lots": [_lot_body(lot) for lot in says.lots],
        "donated_to": says.donated_to,
        "accepted_at": exact_time_text(says.accepted_at_ns),
        "completed_at": exact_time_text(says.completed_at_ns),
        "deadline": None if says.deadline_ns is None else exact_time_text(says.deadline_ns),
        "counts_although_late": says.counts_although_late,
        "movement": says.instruction_id,
        "trading_day": says.trading_day,
        "digest_algorithm": "sha256",
        "digest": certificate.digest,
        "canonical_text": canonical_text(certificate.number, says),
        "check_url": url,
    }


def _lot_body(lot: CertifiedLot) -> dict[str, Any]:
    return {
        "lot": lot.lot_id,
        "class": lot.methodology_class.value,
        "methodology": lot.methodology,
        "methodology_version": lot.methodology_version,
        "origin": lot.origin.value,
        "project": lot.project,
        "period_from": lot.period_from,
        "period_to": lot.period_to,
        "serials": lot.serials,
    }


async def check(call: Call) -> Reply:
    """Whether a certificate is ours, and what it certified: to be compared with what is printed. JSON, or a page."""
    number = call.path["number"]
    query: CheckQuery = call.query or CheckQuery()
    found = await call.services.history.uses.certificate(number) if is_number(number) else None
    as_page = "text/html" in call.headers.get("Accept", "")
    if found is None:
        if as_page:
            return _page(_UNKNOWN, [("编号 Number", number)], status=404)
        raise refusal(CERTIFICATE_UNKNOWN, actual=number)
    body = _check_body(found, query)
    return _check_page(found, body) if as_page else Reply(body)


def _check_body(certificate: Certificate, query: CheckQuery) -> dict[str, Any]:
    says = certificate.says
    matches = None if query.digest is None else query.digest.lower() == certificate.digest
    return {
        "number": certificate.number,
        "issued": True,
        "digest_matches": matches,
        "beneficiary_matches": query.beneficiary == says.beneficiary
        if matches and query.beneficiary is not None
        else None,
        "purpose": says.purpose.value,
        "compliance_year": says.compliance_year,
        "retired": says.donated_to is None,
        "listing": says.instrument,
        "class": says.lots[0].methodology_class.value,
        "quantity": quantity_text(says.quantity_tonnes),
        "lots": [{"lot": lot.lot_id, "serials": lot.serials} for lot in says.lots],
        # To the second: whoever would guess the rest of what the digest is over has the nanoseconds to guess, too.
        "completed_at": time_text(says.completed_at_ns // NS * NS),
        "counts_although_late": says.counts_although_late,
    }


_UNKNOWN: Final = ("没有签发过该编号的凭证", "No certificate of this number has been issued", "bad")
_VERDICTS: Final = {
    True: ("摘要相符：本凭证由本所签发", "The digest is right: this certificate is ours", "good"),
    False: ("摘要不符：凭证系伪造或经篡改", "The digest is wrong: forged or altered", "bad"),
    None: ("该编号已签发；请用摘要核验", "The number was issued; check the digest, too", "open"),
}
_STYLE: Final = (
    "body{font-family:sans-serif;max-width:42em;margin:2em auto;padding:0 1em}th{text-align:left;font-weight:normal;"
    "padding-right:2em;vertical-align:top}.good{color:#14532d}.bad{color:#991b1b}.open{color:#713f12}"
)


def _check_page(certificate: Certificate, body: dict[str, Any]) -> Reply:
    says = certificate.says
    zh, en = PURPOSE[says.purpose]
    lots = "; ".join(
        f"{lot.lot_id} " + " ".join(f"[{first}, {end})" for first, end in lot.serials) for lot in says.lots
    )
    rows = [
        ("编号 Number", certificate.number),
        ("用途 Purpose", f"{zh} {en}"),
        ("履约年度 Compliance year", str(says.compliance_year or "–")),
        ("数量 Quantity", f"{says.quantity_tonnes} t, {says.instrument} (class {body['class']})"),
        ("批次与序列号 Lots and serials", lots),
        ("完成时间 Completed", str(body["completed_at"])),
        ("已注销 Retired", "是 yes" if body["retired"] else "已捐赠 donated"),
    ]
    if body["beneficiary_matches"] is not None:
        rows.append(("受益人相符 Beneficiary agrees", "是 yes" if body["beneficiary_matches"] else "否 NO"))
    return _page(_VERDICTS[body["digest_matches"]], rows)


def _page(verdict: tuple[str, str, str], rows: list[tuple[str, str]], *, status: int = 200) -> Reply:
    zh, en, kind = verdict
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    text = (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(zh)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f'<body><h1 class="{kind}">{escape(zh)}</h1><p class="{kind}">{escape(en)}</p><table>{table}</table>'
        "<p>请将本页内容与凭证逐项核对。 Compare this page with the certificate, line by line.</p></body></html>"
    )
    return Reply(
        text.encode(), status=status, headers={"Content-Security-Policy": PAGE_POLICY}, content_type=HTML
    )


ROUTES: Final = (
    *(
        Route(
            method="GET",
            path=f"/v1/{kind}s/{{use_id}}/certificate",
            handler=handler,
            scope=Scope.READ,
            kind=ActionKind.READ,
            summary=f"The certificate of a completed {kind}, in JSON or as a PDF",
            tag="uses",
            query=CertificateQuery,
            answer=CertificateBody,
            also=(PDF,),
            path_parameters={"use_id": USE_PATTERN},
        )
        for kind, handler in ((OFFSET, offset_certificate), (RETIREMENT, retirement_certificate))
    ),
    Route(
        method="GET",
        path="/v1/purchases/{reference}/certificate",
        handler=purchase_certificate,
        scope=Scope.READ,
        kind=ActionKind.READ,
        summary="The certificate of a purchase that was for a use, in JSON or as a PDF",
        tag="uses",
        query=CertificateQuery,
        answer=CertificateBody,
        also=(PDF,),
        path_parameters={"reference": PURCHASE_PATTERN},
    ),
    Route(
        method="GET",
        path="/v1/certificates/{number}",
        handler=check,
        scope="public",
        kind=ActionKind.CHECK,
        summary="Check a certificate",
        tag="uses",
        query=CheckQuery,
        answer=CertificateCheck,
        also=("text/html",),
        path_parameters={"number": NUMBER_PATTERN},
    ),
)
