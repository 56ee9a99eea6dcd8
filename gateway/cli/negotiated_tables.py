"""Negotiated transfers as people read them: a box of many, and one with its lots and rounds."""

from collections.abc import Iterable
from typing import Any

from gateway.cli.output import Output
from gateway.cli.words import NEGOTIATED_CHANGE, NEGOTIATED_REASON, NEGOTIATED_STATE, say, term


def boxes(output: Output, title: str, items: list[dict[str, Any]]) -> None:
    """One line each, newest first."""
    output.table(
        title,
        say(
            "编号|产品|卖方|买方|#价格|#数量|#金额|轮次|状态|待答复|协议编号",
            "id|listing|seller|buyer|#price|#quantity|#amount|round|state|turn|agreement",
        ).split("|"),
        (
            (
                one["id"],
                one["listing"],
                one["seller"],
                one["buyer"],
                one["price"],
                one["quantity"],
                one["amount"],
                one["round"],
                term(NEGOTIATED_STATE, one["state"]),
                one["turn"],
                one["agreement_no"],
            )
            for one in items
        ),
    )


def show_transfer(output: Output, transfer: dict[str, Any]) -> None:
    """The terms that stand, what they name, and how they came about."""
    output.table(
        say(f"协议转让 {transfer['id']}", f"negotiated transfer {transfer['id']}"),
        say("项目|内容", "what|value").split("|"),
        _facts(transfer),
    )
    if transfer["lots"]:
        _lots(output, transfer["lots"])
    if len(transfer.get("rounds", ())) > 1:
        _rounds(output, transfer["rounds"])


def _facts(transfer: dict[str, Any]) -> Iterable[tuple[str, object]]:
    yield say("状态", "state"), term(NEGOTIATED_STATE, transfer["state"])
    if transfer["reason"] is not None:
        yield say("原因", "reason"), term(NEGOTIATED_REASON, transfer["reason"])
    for name, chinese, english in (
        ("limit", "允许", "allowed"),
        ("actual", "实际", "actual"),
        ("review_reason", "交易所审核意见", "the exchange's review"),
    ):
        if transfer[name] is not None:
            yield say(chinese, english), transfer[name]
    if transfer["ended_by"] is not None:
        yield say("由谁", "by"), transfer["ended_by"]
    yield say("产品", "listing"), transfer["listing"]
    yield say("卖方", "seller"), transfer["seller"] or say("(任何人)", "(anybody)")
    yield say("买方", "buyer"), transfer["buyer"] or say("(任何人)", "(anybody)")
    yield say("价格 (元/吨)", "price, ¥/t"), transfer["price"]
    yield say("数量 (吨)", "quantity, t"), transfer["quantity"]
    yield say("金额 (元)", "amount, ¥"), transfer["amount"]
    yield say("批次", "lots"), _how_delivered(transfer)
    yield say("协议编号", "agreement"), transfer["agreement_no"]
    yield say("轮次", "round"), transfer["round"]
    yield say("条件由谁所提", "terms by"), transfer["proposed_by"]
    if transfer["changed"]:
        yield say("本轮改动", "changed"), _changed(transfer["changed"])
    yield say("待谁答复", "turn"), transfer["turn"]
    yield say("有效期至", "expires at"), transfer["expires_at"] or say("时段结束", "the session's end")
    if transfer.get("seconds_left") is not None:
        yield say("剩余秒数", "seconds left"), transfer["seconds_left"]
    if transfer["trade_id"] is not None:
        yield say("成交编号", "trade"), transfer["trade_id"]
    yield say("条件哈希值", "terms hash"), transfer["terms_hash"]


def _how_delivered(transfer: dict[str, Any]) -> str:
    if transfer["lots"]:
        return say("见下表", "see below")
    return say("按签发先后", "first in, first out")


def _changed(names: list[str]) -> str:
    return ", ".join(term(NEGOTIATED_CHANGE, name) for name in names)


def _lots(output: Output, lots: list[dict[str, Any]]) -> None:
    output.table(
        say("指定批次 (序列号左闭右开)", "lots named, serials half-open"),
        say(
            "批次|类别|方法学|项目|监测期|#吨数|序列号",
            "lot|class|methodology|project|period|#quantity|serials",
        ).split("|"),
        (
            (
                lot["lot"],
                lot["class"],
                lot["methodology"],
                lot["project"],
                lot["period"],
                lot["quantity"],
                ", ".join(f"[{first}, {end})" for first, end in lot["serials"]) or say("任意", "any"),
            )
            for lot in lots
        ),
    )


def _rounds(output: Output, rounds: list[dict[str, Any]]) -> None:
    output.table(
        say("各轮条件", "rounds"),
        say(
            "轮次|由谁所提|#价格|#数量|改动|有效期至|时间",
            "round|by|#price|#quantity|changed|expires at|time",
        ).split("|"),
        (
            (
                made["round"],
                made["proposed_by"],
                made["price"],
                made["quantity"],
                _changed(made["changed"]) or None,
                made["expires_at"],
                made["time"],
            )
            for made in rounds
        ),
    )
