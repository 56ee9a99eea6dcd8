"""An account's daily statement as a document: what there was, what happened, what there is, and whose serials."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson

from gateway.documents.certificate import ISSUER
from gateway.documents.document import Attachment, Column, Document, Field, Table, Words
from gateway.documents.statement_orders import TOLD, OrderLine, order_lines
from gateway.formats import money_text, parse_time

ATTACHED: Final = "statement.json"
"""The same statement for programs, in the file."""

SETTLED: Final[dict[str, Words]] = {
    "deposit": ("入金", "deposit"),
    "withdrawal": ("出金", "withdrawal"),
    "delivery": ("交收", "delivery"),
    "fee": ("手续费", "fee"),
    "transfer": ("划转", "transfer"),
    "arrival": ("平台划入", "arrival"),
    "retirement": ("注销", "retirement"),
    "donation": ("捐赠", "donation"),
    "correction": ("修正", "correction"),
}
"""What can settle."""

_SIDE: Final = {"buy": "买 buy", "sell": "卖 sell"}

_OWNED_COLUMNS: Final = (
    Column(title=("项目", "Item"), share=4),
    Column(title=("期初", "Opening"), is_figure=True, share=4),
    Column(title=("变动", "Change"), is_figure=True, share=4),
    Column(title=("期末", "Closing"), is_figure=True, share=4),
)
_SETTLED_COLUMNS: Final = (
    Column(title=("时间", "Time"), share=6),
    Column(title=("类别", "Kind"), share=5),
    Column(title=("编号", "Reference"), share=7),
    Column(title=("产品", "Listing"), share=5),
    Column(title=("吨", "Tonnes"), is_figure=True, share=4),
    Column(title=("金额（元）", "Amount, CNY"), is_figure=True, share=6),
    Column(title=("对方", "Counterparty"), share=5),
)
_ORDER_COLUMNS: Final = (
    Column(title=("时间", "Time"), share=6),
    Column(title=("事项", "Event"), share=6),
    Column(title=("委托编号", "Order"), share=4),
    Column(title=("成交编号", "Trade"), share=4),
    Column(title=("产品", "Listing"), share=5),
    Column(title=("方向", "Side"), share=4),
    Column(title=("价格", "Price"), is_figure=True, share=4),
    Column(title=("数量", "Tonnes"), is_figure=True, share=4),
    Column(title=("剩余", "Remaining"), is_figure=True, share=4),
)
_LOT_COLUMNS: Final = (
    Column(title=("批次", "Lot"), share=5),
    Column(title=("产品", "Listing"), share=4),
    Column(title=("序列号", "Serials"), share=12),
    Column(title=("吨", "Tonnes"), is_figure=True, share=3),
)


def statement_document(body: dict[str, Any]) -> Document:
    """The pages of a statement, from what it says as JSON; the JSON itself is attached, for the digest is over it."""
    return Document(
        issuer=ISSUER,
        title=("账户日结单", "Daily statement of account"),
        fields=tuple(_fields(body)),
        tables=tuple(_tables(body)),
        notes=(
            (
                (
                    "数量以吨二氧化碳当量计；负数表示转出或支付。序列号区间左闭右开。委托与成交之外的事项及机器可读全文见附件 "
                    f"{ATTACHED}。"
                ),
                (
                    "Quantities are tonnes of CO2 equivalent; a minus is what left the account. Serial ranges are half-open. All"
                    f" else the account was told, and the whole statement for programs, is attached as {ATTACHED}."
                ),
            ),
        ),
        footer=f"{body['account']} · {body['trading_day']} · SHA-256 {body['digest']}",
        made_at_ns=parse_time(body["closed_at"]),
        attachment=Attachment(
            name=ATTACHED,
            content=orjson.dumps(body).decode(),
            description="The statement as JSON, which its digest is over",
        ),
    )


def rows_of(body: dict[str, Any]) -> int:
    """How many lines its tables have."""
    return len(body["settled"]) + len(body["events"] or ()) + sum(len(lot["serials"]) for lot in body["lots"])


def _fields(body: dict[str, Any]) -> Iterator[Field]:
    told: tuple[tuple[Words, str, bool], ...] = (
        (("账户 / 参与人", "Account / participant"), f"{body['account']} / {body['participant']}", False),
        (("交易日", "Trading day"), body["trading_day"], False),
        (("结账时间", "Books cut at"), body["closed_at"], False),
        (
            ("日志条目", "Journal entries"),
            f"{body['first_entry']} – {body['last_entry']}",
            False,
        ),
        (("手续费（元）", "Fees, CNY"), body["fees"], False),
        (("日志摘要 SHA-256", "Journal's digest"), body["journal_digest"], True),
        (("结单摘要 SHA-256", "Statement's digest"), body["digest"], True),
    )
    return (Field(label=label, value=value, is_code=is_code) for label, value, is_code in told)


def _tables(body: dict[str, Any]) -> Iterator[Table]:
    yield Table(title=("资产", "What the account owns"), columns=_OWNED_COLUMNS, rows=tuple(_owned(body)))
    yield Table(
        title=("交收明细", "What settled"), columns=_SETTLED_COLUMNS, rows=tuple(_settled(body["settled"]))
    )
    orders = tuple(map(_order, order_lines(body)))
    if orders:
        yield Table(title=("委托与成交", "Orders and trades"), columns=_ORDER_COLUMNS, rows=orders)
    yield Table(title=("期末批次", "Lots at the end"), columns=_LOT_COLUMNS, rows=tuple(_lots(body["lots"])))


def _owned(body: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    opening, closing = body["opening"], body["closing"]
    change_fen = _fen(closing["cash"]) - _fen(opening["cash"])
    yield ("资金 cash, CNY", opening["cash"], money_text(change_fen), closing["cash"])
    for listing in sorted({*opening["units"], *closing["units"]}):
        before, after = (int(of["units"].get(listing, "0")) for of in (opening, closing))
        yield (f"{listing}, t", str(before), str(after - before), str(after))


def _settled(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    received_fen = paid_fen = 0
    for line in lines:
        fen = _fen(line["amount"])
        received_fen, paid_fen = received_fen + max(fen, 0), paid_fen + min(fen, 0)
        yield (
            line["time"][11:19],
            " ".join(SETTLED[line["kind"]]),
            line["reference"],
            line["listing"] or "",
            line["quantity"] or "",
            line["amount"],
            line["counterparty"],
        )
    for words, fen in (("合计收 received", received_fen), ("合计付 paid", paid_fen)):
        yield ("", words, "", "", "", money_text(fen), "")


def _order(line: OrderLine) -> tuple[str, ...]:
    return (
        line.time[11:19],
        " ".join(TOLD[line.kind]),
        line.order,
        line.trade,
        line.listing,
        _SIDE[line.side],
        line.price,
        line.quantity,
        line.remaining,
    )


def _lots(lots: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    total = 0
    for lot in lots:
        total += int(lot["quantity"])
        ranges = " ".join(f"[{first}, {end})" for first, end in lot["serials"])
        yield (lot["lot"], lot["listing"], ranges, lot["quantity"])
    yield ("合计 total", "", "", str(total))


def _fen(amount: str) -> int:
    return int(amount.replace(".", ""))
