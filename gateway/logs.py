"""How the processes say what they do: one line an event on standard error, JSON for machines or plain for people.

What the libraries say through `logging` goes the same way. Nothing secret belongs in a log; should a field of such
a name get there all the same, its value is replaced before it is written.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from enum import StrEnum
from io import StringIO
from typing import Any, Final, TextIO

import orjson
import structlog

from gateway.request_ids import SERVING

SECRET_NAMES: Final = frozenset(
    {
        "authorization",
        "cookie",
        "database_url",
        "dsn",
        "password",
        "secret",
        "set-cookie",
        "signature",
        "x-signature",
    }
)
"""Names of fields whose value is never written."""

HIDDEN: Final = "(hidden)"


class LogFormat(StrEnum):
    """For whom the lines are."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """From which level on lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Replace what stands in fields of secret names."""
    for name in event:
        if name.lower() in SECRET_NAMES:
            event[name] = HIDDEN
    return event


def name_request(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's signature
    """Say which request is being served, where one is and the line does not say so itself."""
    request_id = SERVING.get()
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def set_up_logs(
    log_format: LogFormat | None = None,
    *,
    level: LogLevel = LogLevel.INFO,
    process: str = "exchange",
    stream: TextIO | None = None,
) -> None:
    """Send everything to standard error; plain when a person watches and nothing else was asked for."""
    stream = stream or sys.stderr
    if log_format is None:
        log_format = LogFormat.CONSOLE if stream.isatty() else LogFormat.JSON
    shared: list[structlog.typing.Processor] = [
        name_request,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(log_format, colours=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.contextvars.bind_contextvars(process=process)


_DETAIL: Final = re.compile(
    r"^DETAIL: .*?(?=^HINT: |^(?:[\w.]+: |Traceback|  )|\Z)", re.MULTILINE | re.DOTALL
)


def without_rows(text: str) -> str:
    """An error's text without what PostgreSQL adds of the row it is about, which may hold anything: names, hashes, seals."""
    return _DETAIL.sub("", text)


def _hide_rows(
    _logger: Any,  # noqa: ANN401 - structlog's signature
    _method: str,
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    for trace in event.get("exception") or ():
        trace["exc_value"] = without_rows(trace["exc_value"])
    return event


def _plain_traceback(stream: TextIO, exc_info: Any) -> None:  # noqa: ANN401 - structlog's signature
    told = StringIO()
    structlog.dev.plain_traceback(told, exc_info)
    stream.write(without_rows(told.getvalue()))


def _rendering(log_format: LogFormat, *, colours: bool) -> list[structlog.typing.Processor]:
    # Variables of the frames stay out of tracebacks: they hold headers, bodies and keys, under any name.
    if log_format is LogFormat.CONSOLE:
        return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_plain_traceback)]
    return [
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        _hide_rows,
        structlog.processors.JSONRenderer(lambda event, **_: orjson.dumps(event, default=str).decode()),
    ]
