"""A daily or weekly bulletin as a document: every listing, and what was used up for which purpose."""

from typing import Any, Final

from gateway.documents.certificate import ISSUER, PURPOSE
from gateway.documents.document import Column, Document, Field, Table
from gateway.formats import parse_time
from settlement.channels import Channel

_LISTING_COLUMNS: Final = (
    ("listing", Column(title=("产品", "Listing"), share=6)),
    ("open", Column(title=("开盘", "Open"), is_figure=True, share=3)),
    ("high", Column(title=("最高", "High"), is_figure=True, share=3)),
    ("low", Column(title=("最低", "Low"), is_figure=True, share=3)),
    ("close", Column(title=("收盘", "Close"), is_figure=True, share=3)),
    ("change", Column(title=("涨跌", "Change"), is_figure=True, share=3)),
    ("listed_volume", Column(title=("挂牌量", "Listed, t"), is_figure=True, share=4)),
    ("listed_turnover", Column(title=("挂牌额", "Listed, CNY"), is_figure=True, share=5)),
    ("negotiated_volume", Column(title=("协议量", "Negotiated, t"), is_figure=True, share=5)),
    ("negotiated_turnover", Column(title=("协议额", "Negotiated, CNY"), is_figure=True, share=5)),
    ("cumulative_volume", Column(title=("累计量", "Cumulative, t"), is_figure=True, share=5)),
    ("cumulative_turnover", Column(title=("累计额", "Cumulative, CNY"), is_figure=True, share=6)),
)
_RETIRED_COLUMNS: Final = (
    Column(title=("用途", "Purpose"), share=6),
    Column(title=("本期公布（吨）", "Told here, t"), is_figure=True, share=3),
    Column(title=("起始日", "Since"), share=3),
    Column(title=("待并入后期", "Held over"), share=4),
    Column(title=("累计（吨）", "Cumulative, t"), is_figure=True, share=3),
)


def bulletin_document(bulletin: dict[str, Any]) -> Document:
    """The page of a bulletin, from what it says as JSON."""
    first, last = bulletin["from"], bulletin["date"]
    is_day = first == last
    return Document(
        issuer=ISSUER,
        title=("交易行情日报", "Daily bulletin") if is_day else ("交易行情周报", "Weekly bulletin"),
        fields=(
            Field(
                label=("交易日", "Trading day") if is_day else ("起止交易日", "Trading days"),
                value=last if is_day else f"{first} – {last}",
            ),
            Field(label=("公布时间", "Published"), value=bulletin["published_at"]),
        ),
        tables=(
            Table(
                title=("行情", "Listings (yuan per tonne)"),
                columns=tuple(column for _, column in _LISTING_COLUMNS),
                rows=tuple(
                    tuple("–" if line[name] is None else line[name] for name, _ in _LISTING_COLUMNS)
                    for line in bulletin["listings"]
                ),
            ),
            Table(
                title=("按用途的使用量", "Used up, by purpose"),
                columns=_RETIRED_COLUMNS,
                rows=tuple(map(_retired, bulletin["retired"])),
            ),
        ),
        notes=(
            (
                "累计含挂牌交易与协议转让。按用途的数量涉及不足三名参与人时不单独公布，并入后期。",
                (
                    "Cumulative figures have both ways of trading. A quantity that fewer than three participants stand behind is"
                    " held over and joins a later bulletin."
                ),
            ),
        ),
        footer=f"{first} – {last}",
        made_at_ns=parse_time(bulletin["published_at"]),
    )


def _retired(line: dict[str, Any]) -> tuple[str, ...]:
    return (
        " ".join(PURPOSE[Channel(line["purpose"])]),
        "–" if line["quantity"] is None else line["quantity"],
        line["since"] or "–",
        "有 yes" if line["held_over"] else "无 no",
        line["cumulative"],
    )
