"""Reading what a request asks for beside its body: the id in its path, and its query, of which nothing else is allowed."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson
from aiohttp import web

from registry_bridge.wire import WireError, parse_name

_MAX_DIGITS = 18


def id_of(request: web.Request) -> str:
    """The id in the path; WireError when it cannot be one."""
    return parse_name(request.match_info["id"])


def query_of(request: web.Request, *allowed: str) -> dict[str, str]:
    """The query, of which nothing else and nothing twice is allowed."""
    if len(request.query) != len(set(request.query)) or not set(request.query) <= set(allowed):
        raise WireError("query: unknown or repeated")
    return dict(request.query)


def after_of(request: web.Request) -> int:
    """The sequence number after which to go on."""
    return number(query_of(request, "after").get("after", "0"))


def number(text: str) -> int:
    """A sequence number in plain digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise WireError("query: not a sequence number")
    return int(text)


def encode_cursor(cursor: tuple[str, str, int] | None) -> str | None:
    """Where to go on, opaque to the caller."""
    return None if cursor is None else base64.urlsafe_b64encode(orjson.dumps(cursor)).decode("ascii")


def decode_cursor(text: str) -> tuple[str, str, int]:
    """A cursor of ours; WireError for anything else."""
    try:
        parts: Any = orjson.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError):
        raise WireError("query: not a cursor") from None
    match parts:
        case [str() as one, str() as two, int() as first] if -1 <= first < 1 << 62 and "\0" not in one + two:
            return one, two, first
        case _:
            raise WireError("query: not a cursor")
