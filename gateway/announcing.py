"""What the person who starts an exchange is told, in both languages."""

import sys

from gateway.config import DEFAULT_DATA_DIR, SeedName, Settings
from gateway.engine.views.calendar_end import CalendarEnd
from gateway.lifetime import Say


def say_on_stderr(message: str) -> None:
    """Tell the person who started the process."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - a person is meant


def announce(settings: Settings, url: str, calendar: CalendarEnd, say: Say) -> None:
    """Say where it listens, whether the calendar is about to run out, where the keys are, and what to try."""
    say(f"交易所已就绪 | the exchange is ready: {url}")
    if calendar.last_day is None:
        say(
            "交易日历未含今日, 请公布 | no trading days are announced for today and after: puhui operator calendar announce"
        )
    elif calendar.is_soon:
        say(
            f"交易日历只公布到 {calendar.last_day} | trading days are announced until {calendar.last_day} only: "
            "puhui operator calendar announce"
        )
    if settings.key_file.exists():
        say(f"密钥与登录密码 | keys and log-ins: {settings.key_file}")
    if settings.seed is SeedName.DEMO:
        option = "" if settings.data_dir == DEFAULT_DATA_DIR else f" --data-dir {settings.data_dir}"
        say("下单试试 | try an order:")
        say(f"  puhui order sell SHCERCIR1 --price 68.00 --quantity 10{option}")
        say(f"  puhui order buy SHCERCIR1 --price 68.00 --quantity 10{option}")
        say(f"  puhui account --as buyer{option}")
    say("Ctrl-C 停止 | Ctrl-C stops")
