"""The program `puhui`: its commands, and nothing of what they do."""

from importlib.metadata import version as installed_version
from typing import Annotated, Final

import typer

from gateway.cli import (
    acts,
    backup,
    bank_statements,
    cash,
    compliance,
    custody,
    keys,
    market_data,
    negotiate,
    operator,
    order_file,
    people,
    permits,
    published,
    registry,
    registry_books,
    registry_drill,
    registry_lots,
    rules,
    serve,
    setup,
    standing,
    statement_proof,
    supervise,
    tools,
    trading,
    transfers,
    uses,
    verify,
)
from gateway.cli.command import command
from gateway.cli.settings import SettingsCommand
from gateway.cli.words import say
from gateway.logs import LogLevel, set_up_logs

DISTRIBUTION: Final = "puhui-exchange"

app = typer.Typer(
    name="puhui",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=say("上海碳普惠减排量交易所", "the exchange for Shanghai's carbon-inclusion reductions"),
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"puhui {installed_version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help=say("打印版本", "print the version")
        ),
    ] = False,
) -> None:
    """The exchange for Shanghai's carbon-inclusion reductions."""


app.command(
    "serve", cls=SettingsCommand, help=say("运行交易所, 直到 Ctrl-C", "run the exchange until Ctrl-C")
)(serve.serve)
app.command(
    "config",
    cls=SettingsCommand,
    help=say("显示 serve 的现行设置及来源", "what serve would run with, and whence each setting comes"),
)(serve.show_config)
trading.order_app.command("batch", help=say("按文件批量委托", "hand in every order of a file"))(
    command(order_file.batch)
)
app.add_typer(trading.order_app, name="order")
app.command("cancel", help=say("撤单", "cancel an order"))(command(trading.cancel))
app.command("orders", help=say("我的委托", "my orders"))(command(trading.orders))
app.command("account", help=say("资金, 减排量与批次", "cash, units and lots"))(command(trading.account))
app.command(
    "cancel-all-after", help=say("断线保护: 到时撤销全部委托", "cancel all orders unless this comes again")
)(command(standing.cancel_all_after))
app.command("events", help=say("账户事件日志", "the account's event log"))(command(standing.events))
app.command("limits", help=say("限额与剩余", "how much may be done, and what is left"))(
    command(standing.limits)
)
app.command("mandates", help=say("我的委托授权", "mandates one gave or has"))(command(people.own_mandates))
app.command("status", help=say("市场状态", "the market's phase, halts and kill switch"))(
    command(standing.status)
)
app.command("candles", help=say("K 线", "candles of the listed trades"))(command(standing.candles))
app.add_typer(negotiate.negotiate_app, name="negotiate")
app.command("depth", help=say("行情深度", "the best price levels"))(command(market_data.depth))
app.command("watch", help=say("实时行情", "the market live"))(command(market_data.watch))
app.command("rules", help=say("任一时刻的规则手册", "the rule book of any moment"))(command(rules.rules))
app.command("bulletin", help=say("行情日报与周报", "the table of a closed day or week"))(
    command(published.bulletin)
)
app.command("statement", help=say("账户日结单", "what a closed day did to an account"))(
    command(published.statement)
)
app.command("digests", help=say("每日日志摘要", "the journal's digest of each closed day"))(
    command(published.digests)
)
app.command("verify-statement", help=say("核验结单", "check a statement, and that it was issued"))(
    command(statement_proof.verify_statement)
)
app.command("rotate-key", help=say("轮换自己的密钥", "replace the key one acts with by another"))(
    command(keys.rotate_own_key)
)
app.command("sign", help=tools.SIGN_HELP)(command(tools.sign))
app.command("explain", help=say("解释错误代码", "explain a code"))(tools.explain)
app.command("verify", help=say("逐条核对日志摘要链", "walk the journal's digests"))(verify.verify)
app.command("backup", help=say("备份, 运行中亦可", "copy all a restart needs, while the exchange runs"))(
    backup.backup
)
app.command("restore", help=say("由备份恢复至空目录", "put a backup back into an empty place"))(
    backup.restore
)
app.command("transfer-in", help=say("划入减排量", "move units into the trading sub-account"))(
    command(transfers.transfer_in)
)
app.command("transfer-out", help=say("划出减排量", "move units back to the management sub-account"))(
    command(transfers.transfer_out)
)
app.command("withdraw", help=say("出金", "have money paid out"))(command(cash.withdraw))
app.command("withdrawals", help=say("我的出金", "my withdrawals"))(command(cash.withdrawals))
app.add_typer(cash.bank_app, name="bank")
app.add_typer(uses.offset_app, name="offset")
app.command("retire", help=say("其他用途: 抵消, 注销, 捐赠, 赔偿", "every other use of units"))(
    command(uses.retire)
)
app.command("uses", help=say("使用台账", "what was used up, by year and purpose"))(command(uses.uses))
app.add_typer(compliance.certificate_app, name="certificate")
app.add_typer(compliance.authority_app, name="authority")
compliance.add_to(operator.operator_app)
acts.add_to(operator.operator_app)
custody.add_to(operator.operator_app)
setup.add_to(operator.operator_app)
keys.add_to(operator.operator_app)
people.add_to(operator.operator_app)
permits.add_to(operator.operator_app)
bank_statements.add_to(operator.operator_app)
operator.operator_app.add_typer(rules.rules_app, name="rules")
supervise.add_to(operator.operator_app)
app.add_typer(operator.operator_app, name="operator")
app.add_typer(supervise.supervise_app, name="supervise")
registry_lots.add_to(registry.registry_app)
registry_books.add_to(registry.registry_app)
registry.registry_app.add_typer(registry_drill.fault_app, name="fault")
app.add_typer(registry.registry_app, name="registry")


def main() -> None:
    """Run the command line. What a command prints is its answer: lines of the log go elsewhere, and only what is wrong."""
    set_up_logs(level=LogLevel.WARNING, process="puhui")
    app()
