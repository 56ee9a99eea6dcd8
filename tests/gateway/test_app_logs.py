"""Logs are one JSON line an event, say who speaks, and never carry a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gateway.logs import HIDDEN, LogFormat, set_up_logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def parsed(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line(lines: io.StringIO) -> None:
    set_up_logs(LogFormat.JSON, stream=lines)
    structlog.get_logger("sequencer").info("opened", seq=7)
    (line,) = parsed(lines)
    assert (line["event"], line["seq"], line["logger"], line["level"], line["process"]) == (
        "opened",
        7,
        "sequencer",
        "info",
        "exchange",
    )
    assert line["timestamp"].endswith("Z")


def test_what_libraries_say_goes_the_same_way(lines: io.StringIO) -> None:
    set_up_logs(LogFormat.JSON, stream=lines)
    logging.getLogger("asyncio").warning("slow: %s", "callback")
    (line,) = parsed(lines)
    assert (line["event"], line["logger"], line["level"]) == ("slow: callback", "asyncio", "warning")


def test_a_secret_is_not_written(lines: io.StringIO) -> None:
    set_up_logs(LogFormat.JSON, stream=lines)
    structlog.get_logger().info(
        "request", **{"X-Signature": "c2VjcmV0"}, secret="c2VjcmV0", path="/v1/orders"
    )
    (line,) = parsed(lines)
    assert (line["X-Signature"], line["secret"], line["path"]) == (HIDDEN, HIDDEN, "/v1/orders")
    assert "c2VjcmV0" not in lines.getvalue()


def test_a_person_gets_plain_lines(lines: io.StringIO) -> None:
    set_up_logs(LogFormat.CONSOLE, stream=lines)
    structlog.get_logger().info("opened", seq=7)
    assert "opened" in lines.getvalue()
    assert "seq=7" in lines.getvalue()


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_traceback_does_not_show_what_variables_held(lines: io.StringIO, log_format: LogFormat) -> None:
    set_up_logs(log_format, stream=lines)

    def fail() -> None:
        headers = {"X-Signature": "c2VjcmV0"}
        raise RuntimeError(f"{len(headers)} header")

    try:
        fail()
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
    assert "1 header" in lines.getvalue()
    assert "in fail" in lines.getvalue() or '"name":"fail"' in lines.getvalue()
    assert "c2VjcmV0" not in lines.getvalue()
