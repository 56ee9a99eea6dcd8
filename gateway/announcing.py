"""What the person who starts an exchange is told, in both languages."""

import sys

from gateway.config import DEFAULT_DATA_DIR, SeedName, Settings
from gateway.lifetime import Say


def say_on_stderr(message: str) -> None:
    """Tell the person who started the process."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - a person is meant


def announce(settings: Settings, url: str, say: Say) -> None:
    """Say where it listens, where the keys are, and what to try."""
    say(f"交易所已就绪 | the exchange is ready: {url}")
    if settings.key_file.exists():
        say(f"密钥与登录口令 | keys and log-ins: {settings.key_file}")
    if settings.seed is SeedName.DEMO:
        option = "" if settings.data_dir == DEFAULT_DATA_DIR else f" --data-dir {settings.data_dir}"
        say("下单试试 | try an order:")
        say(f"  puhui order sell SHCERCIR1 --price 68.00 --quantity 10{option}")
        say(f"  puhui order buy SHCERCIR1 --price 68.00 --quantity 10{option}")
        say(f"  puhui account --as buyer{option}")
    say("Ctrl-C 停止 | Ctrl-C stops")
