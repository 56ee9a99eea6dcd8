"""Logs are one JSON line an event, say who speaks, and never carry a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from gateway.logs import HIDDEN, LogFormat, LogLevel, set_up_logs
from gateway.request_ids import SERVING, RequestIds, message_id


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


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_an_error_of_the_database_does_not_show_the_row(lines: io.StringIO, log_format: LogFormat) -> None:
    set_up_logs(log_format, stream=lines)
    refused = asyncpg.CheckViolationError("violates check constraint")
    refused.detail, refused.hint = "Failing row contains (li.hua,\n$argon2id$v=19).", "look at it"
    try:
        try:
            raise refused
        except asyncpg.CheckViolationError as error:
            raise RuntimeError("not kept") from error
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
    told = lines.getvalue()
    assert "li.hua" not in told
    assert "argon2" not in told
    for kept in ("violates check constraint", "look at it", "not kept"):
        assert kept in told


def test_a_line_says_which_request_it_is_for(lines: io.StringIO) -> None:
    set_up_logs(LogFormat.JSON, stream=lines)
    serving = SERVING.set("desk-7")
    try:
        structlog.get_logger("a").info("one")
        logging.getLogger("b").warning("two")
        structlog.get_logger("c").info("three", request_id="another")
    finally:
        SERVING.reset(serving)
    structlog.get_logger("d").info("four")
    structlog.get_logger("e").debug("five")
    assert [line.get("request_id") for line in parsed(lines)] == ["desk-7", "desk-7", "another", None]


def test_the_level_is_as_told(lines: io.StringIO) -> None:
    set_up_logs(LogFormat.JSON, level=LogLevel.ERROR, stream=lines)
    structlog.get_logger("a").warning("one")
    structlog.get_logger("a").error("two")
    assert [line["event"] for line in parsed(lines)] == ["two"]


@pytest.mark.parametrize("given", ["", "-a", "a b", "a\n", "a\x1b[31m", "ä", "a" * 65, '"a"', "a/b", None])
def test_a_name_that_cannot_be_a_requests_is_not_taken(given: str | None) -> None:
    ids = RequestIds()
    assert ids.of(given) != given
    assert ids.of("a" * 64) == "a" * 64
    assert message_id("conn-1", given) == "conn-1"
    assert (message_id("conn-1", 7), message_id("conn-1", "b.2")) == ("conn-1:7", "conn-1:b.2")
