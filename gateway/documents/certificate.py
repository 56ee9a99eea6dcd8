"""A certificate of a completed use as a document: what it says, in both languages, on one page."""

from typing import Final

from gateway.documents.document import Check, Column, Document, Field, Table, Words
from gateway.formats import exact_time_text
from settlement.certificate import Certificate, CertifiedLot
from settlement.channels import Channel

ISSUER: Final[Words] = ("碳普惠减排量交易所", "puhui exchange")

PURPOSE: Final[dict[Channel, Words]] = {
    Channel.COMPLIANCE_OFFSET: ("履约抵销", "compliance offset"),
    Channel.VOLUNTARY_OFFSET: ("自愿碳抵消", "voluntary offset"),
    Channel.VOLUNTARY_CANCELLATION: ("自愿碳注销", "voluntary cancellation"),
    Channel.DONATION: ("公益捐赠", "donation"),
    Channel.DAMAGE_COMPENSATION: ("生态环境损害赔偿", "environmental damage compensation"),
}

LOTS_SHOWN: Final = 24
RANGES_SHOWN: Final = 60
"""More of either do not fit a page that can be read; the certificate in JSON has them all."""

_ORIGIN: Final = {"project": "项目", "scenario": "场景", "points_converted": "碳积分转换"}


def certificate_document(certificate: Certificate, check_url: str) -> Document:
    """The page. It says everything the digest is over, so that whoever holds it can compute the digest."""
    says = certificate.says
    zh, en = PURPOSE[says.purpose]
    return Document(
        issuer=ISSUER,
        title=(f"碳普惠减排量{zh}凭证", f"Certificate of carbon-inclusion reductions used: {en}"),
        fields=tuple(_fields(certificate)),
        tables=(_lots(says.lots),),
        notes=tuple(_notes(certificate)),
        footer=f"{certificate.number} · SHA-256 {certificate.digest}",
        made_at_ns=says.completed_at_ns,
        check=Check(
            url=check_url,
            caption=("扫码核验真伪：摘要须相符，内容须一致", "Scan to check: digest and content must agree"),
        ),
        is_one_page=True,
    )


def _fields(certificate: Certificate) -> list[Field]:
    says = certificate.says
    zh, en = PURPOSE[says.purpose]
    told: list[tuple[Words, str | None, bool]] = [
        (("凭证编号", "Number"), certificate.number, True),
        (("用途", "Purpose"), f"{zh} · {en}", False),
        (
            ("履约年度", "Compliance year"),
            None if says.compliance_year is None else str(says.compliance_year),
            False,
        ),
        (
            ("数量", "Quantity"),
            f"{says.quantity_tonnes} 吨二氧化碳当量 (tCO2e) · {says.instrument}",
            False,
        ),
        (("使用单位 / 账户", "Entity / account"), f"{says.entity} / {says.account}", False),
        (("受益人", "Beneficiary"), says.beneficiary, False),
        (("声明", "Statement"), says.statement or None, False),
        (("受赠公益账户", "Donated to"), says.donated_to, False),
        (("受理时间", "Accepted"), exact_time_text(says.accepted_at_ns), False),
        (("登记确认时间", "Confirmed by the registry"), exact_time_text(says.completed_at_ns), False),
        (
            ("履约截止时间", "Deadline"),
            None if says.deadline_ns is None else exact_time_text(says.deadline_ns),
            False,
        ),
        (
            ("业务 / 划转编号 / 交易日", "Reference / movement / trading day"),
            f"{says.reference} / {says.instruction_id} / {says.trading_day}",
            True,
        ),
        (("摘要 SHA-256", "Digest, SHA-256"), certificate.digest, True),
    ]
    return [
        Field(label=label, value=value, is_code=is_code)
        for label, value, is_code in told
        if value is not None
    ]


def _lots(lots: tuple[CertifiedLot, ...]) -> Table:
    shown: list[tuple[str, ...]] = []
    ranges_left = RANGES_SHOWN
    for lot in lots[:LOTS_SHOWN]:
        ranges = lot.serials[: max(1, ranges_left)]
        ranges_left -= len(ranges)
        shown.append(_row(lot, ranges))
    if len(lots) > LOTS_SHOWN:
        shown.append((f"… +{len(lots) - LOTS_SHOWN}", "", "", "", "", "", ""))
    return Table(
        title=("批次与序列号", "Lots and serials (one serial is one tonne, ranges half-open)"),
        columns=(
            Column(title=("批次", "Lot"), share=5),
            Column(title=("类别", "Class"), share=2),
            Column(title=("方法学", "Methodology"), share=6),
            Column(title=("来源", "Origin"), share=5),
            Column(title=("监测期", "Monitoring period"), share=5),
            Column(title=("序列号", "Serials"), share=7),
            Column(title=("吨", "Tonnes"), is_figure=True, share=3),
        ),
        rows=tuple(shown),
    )


def _row(lot: CertifiedLot, ranges: tuple[tuple[int, int], ...]) -> tuple[str, ...]:
    told = " ".join(f"[{first}, {end})" for first, end in ranges)
    more = len(lot.serials) - len(ranges)
    return (
        lot.lot_id,
        lot.methodology_class.value,
        f"{lot.methodology} v{lot.methodology_version}",
        f"{_ORIGIN[lot.origin.value]} {lot.project}",
        f"{lot.period_from} / {lot.period_to}",
        f"{told} … +{more}" if more else told,
        str(sum(end - first for first, end in lot.serials)),
    )


def _notes(certificate: Certificate) -> list[Words]:
    says = certificate.says
    notes: list[Words] = []
    if says.donated_to is None:
        notes.append(
            (
                "上述减排量已在登记平台注销，不可重复使用（沪环规〔2023〕7 号第三十五条）。",
                "These reductions are retired at the registry and can never be used again (Measures 2023, Art. 35).",
            )
        )
    else:
        notes.append(
            (
                "上述减排量已划转至公益账户（沪环规〔2023〕7 号第三十一条）。",
                "These reductions have moved to the public-welfare account (Measures 2023, Art. 31).",
            )
        )
    if says.counts_although_late:
        notes.append(
            (
                "本笔于截止时间前受理、截止后由登记平台确认，计入该履约年度。",
                "Accepted before the deadline and confirmed by the registry after it: it counts for the year.",
            )
        )
    return notes
