"""The reference registry's fault switch, for drills: make the exchange's calls fail on purpose, and stop it."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.cli.command import DataDirOption, JsonOption
from gateway.cli.output import Output
from gateway.cli.registry_desk import at_the_platform, look
from gateway.cli.words import say

fault_app = typer.Typer(
    no_args_is_help=True,
    help=say("故障演练 (仅限 serve --drill)", "faults for a drill (only with serve --drill)"),
)

MILLION = 1_000_000


class KindName(StrEnum):
    """What goes wrong; before means that the call is not done, after that it is."""

    SLOW = "slow"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DUPLICATE = "duplicate"
    GARBAGE = "garbage"
    WRONG_SIGNATURE = "wrong_signature"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    RESTART_BEFORE = "restart_before"
    RESTART_AFTER = "restart_after"
    ACCEPT_LATER = "accept_later"


class CallWord(StrEnum):
    """The exchange's calls."""

    MOVE = "move"
    ASK = "ask"
    CANCEL = "cancel"
    JOURNAL = "journal"
    ACCOUNT = "account"
    BIND = "bind"
    LOTS = "lots"
    NOTICES = "notices"
    POSITIONS = "positions"
    TIME = "time"
    CAPABILITIES = "capabilities"


class MovementWord(StrEnum):
    """Kinds of movement."""

    TRANSFER_IN = "transfer_in"
    TRANSFER_OUT = "transfer_out"
    DELIVER = "deliver"
    RETIRE = "retire"


@fault_app.command("set", help=say("设置故障", "arm a fault"))
def set_fault(
    kind: Annotated[KindName, typer.Argument(help=say("故障", "what goes wrong"))],
    *,
    call: Annotated[
        CallWord | None, typer.Option(help=say("哪种调用; 默认全部", "which call; any if absent"))
    ] = None,
    movement: Annotated[
        MovementWord | None, typer.Option(help=say("哪种划转", "only movements of this kind"))
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help=say("次数; 默认直到清除", "how often; until cleared if absent"))
    ] = None,
    chance_ppm: Annotated[
        int, typer.Option(min=1, max=MILLION, help=say("概率, 百万分之几", "how likely, out of a million"))
    ] = MILLION,
    seed: Annotated[int, typer.Option(min=0, help=say("随机种子", "what chance comes from"))] = 0,
    delay_ms: Annotated[
        int, typer.Option(min=0, help=say("延迟毫秒 (slow, accept_later)", "for slow and accept_later"))
    ] = 0,
    status: Annotated[int, typer.Option(min=500, max=599, help=say("状态码 (error_*)", "for error_*"))] = 500,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Arm a fault. The first armed one that fits a call and has not run out happens to it."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - registry_bridge is met in the composition only
        number = await platform.set_fault(
            kind=kind.value,
            call=call and call.value,
            movement_kind=movement and movement.value,
            count=count,
            probability_ppm=chance_ppm,
            seed=seed,
            delay_ms=delay_ms,
            status=status,
        )
        return {"fault": number, "kind": kind.value}

    at_the_platform(act, data_dir, as_json=as_json)


@fault_app.command("show", help=say("查看故障", "the faults that are set"))
def show_faults(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """The faults that are set, and how often each has happened."""

    async def show(platform: Any, output: Output) -> None:  # noqa: ANN401 - as above
        found = await platform.faults()
        rows = [
            (
                one.fault,
                one.order.kind.value,
                one.order.call and one.order.call.value,
                one.order.movement_kind and one.order.movement_kind.value,
                one.order.count,
                one.order.probability_ppm,
                one.happened,
            )
            for one in found
        ]
        names = ("fault", "kind", "call", "movement", "count", "chance_ppm", "happened")
        if not output.value([dict(zip(names, row, strict=True)) for row in rows]):
            columns = say(
                "#编号|故障|调用|划转|#次数|#概率ppm|#已发生",
                "#number|kind|call|movement|#count|#ppm|#happened",
            ).split("|")
            output.table(say("故障", "faults"), columns, rows)

    look(show, data_dir, as_json=as_json)


@fault_app.command("clear", help=say("清除全部故障", "disarm all faults"))
def clear_faults(*, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Disarm all faults."""

    async def act(platform: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        await platform.clear_faults()
        return {"cleared": True}

    at_the_platform(act, data_dir, as_json=as_json)
