"""The order ticket before the order is entered: what it would be answered, hold and cost."""

from typing import Annotated, Any

import typer

from gateway.cli.command import Desk
from gateway.cli.output import Output
from gateway.cli.words import SIDE, say, term

PreviewOption = Annotated[
    bool,
    typer.Option(
        "--preview", help=say("只试算, 不下单", "only tell what it would cost and be answered; place nothing")
    ),
]


async def show_preview(desk: Desk, role: str, body: dict[str, Any]) -> None:
    """Ask what this order would be answered and print it. Nothing is placed and no client id is spent."""
    async with desk.client(role) as client:
        told = (await client.change("POST", "/v1/orders/preview", body)).body
    if not desk.output.value(told):
        _print(desk.output, told)


def _print(output: Output, told: dict[str, Any]) -> None:
    buying = told["side"] == "buy"
    cover = "cash" if buying else "units"
    output.table(
        say(
            f"试算: {term(SIDE, told['side'])} {told['listing']} {told['quantity']} 吨, 限价 {told['price']} 元/吨",
            f"preview: {term(SIDE, told['side'])} {told['quantity']} t {told['listing']} at \u00a5{told['price']}",
        ),
        say(
            f"#成交金额|#手续费|#{'最多支付' if buying else '至少收入'}|#将冻结|#可用|#剩余",
            f"#turnover|#fee|#{'costs at most' if buying else 'brings at least'}|#to hold|#available|#left",
        ).split("|"),
        [
            (
                told["turnover"],
                told["fee"],
                told["total"],
                told["hold"][cover],
                told["available"][cover],
                told["left"][cover],
            )
        ],
    )
    if told["accepted"]:
        output.line(say("会被接受; 未下单", "would be accepted; nothing was placed"))
    else:
        output.line(f"{told['code']}: {told['reason']}")
