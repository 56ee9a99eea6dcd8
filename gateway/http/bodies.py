"""Reading a request's body: no larger than its route allows, no slower than a limit, and unambiguous JSON only.

What is refused: invalid UTF-8, NaN, surrogates, nesting beyond what anybody means, and a member given twice (whose
meaning would depend on the reader). All are a client's doing and answered with a problem, never with a fault of ours.
"""

import asyncio
import json
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestPayloadError

from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal

DEPTH_MOST: Final = 32
"""Lists and objects within one another; no shape of ours has more than five."""


async def read_body(request: web.Request, limit_bytes: int, *, timeout_s: float) -> bytes:
    """The whole body, as it was sent. Refused when it is larger than the limit, before more than that has been read."""
    encoding = request.headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise refusal(reasons.CONTENT_ENCODING, actual=encoding[:64], header="Content-Encoding")
    length = request.content_length
    if length is not None and length > limit_bytes:
        raise refusal(reasons.BODY_TOO_LARGE, limit=limit_bytes, actual=length)
    content = request.content
    if content.is_eof() and content.exception() is None:
        body = content.read_nowait()
    else:
        body = await _gather(request, limit_bytes, timeout_s)
    if len(body) > limit_bytes:
        raise refusal(reasons.BODY_TOO_LARGE, limit=limit_bytes, actual=len(body))
    return body


async def _gather(request: web.Request, limit_bytes: int, timeout_s: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            while part := await request.content.readany():
                parts.append(part)
                size += len(part)
                if size > limit_bytes:
                    break
    except TimeoutError:
        raise refusal(reasons.BODY_TOO_SLOW) from None
    except web.HTTPException:
        raise
    except (
        ValueError,
        ConnectionError,
        web.PayloadAccessError,
        RequestPayloadError,
        BadHttpMessage,
    ) as error:
        # A client that has gone is among these: not to be taken for a database that has.
        raise refusal(reasons.HTTP_MALFORMED, actual=type(error).__name__) from None
    return b"".join(parts)


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - it is JSON
    """The JSON value, with every member given once."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refusal(reasons.MALFORMED_JSON, actual=_place(error)) from None
    # Valid JSON has one colon per member, and perhaps some inside texts; no member can hide behind equal counts.
    if text.count(b":") != _members(value, 0):
        _refuse_duplicates(text)
    return value


def _place(error: orjson.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def _members(value: object, depth: int) -> int:
    """How many members there are in all of it; refused when it is nested deeper than anybody means."""
    if depth > DEPTH_MOST:
        raise refusal(reasons.MALFORMED_JSON, limit=f"{DEPTH_MOST} levels")
    if type(value) is dict:
        inner = sum(_members(item, depth + 1) for item in value.values() if type(item) in _NESTING)
        return len(value) + inner
    if type(value) is list:
        return sum(_members(item, depth + 1) for item in value if type(item) in _NESTING)
    return 0


_NESTING: Final = (dict, list)


def _refuse_duplicates(text: bytes) -> None:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        seen: dict[str, object] = {}
        for name, value in pairs:
            if name in seen:
                raise refusal(reasons.DUPLICATE_FIELD, actual=name[:64])
            seen[name] = value
        return seen

    try:
        json.loads(text, object_pairs_hook=unique)
    except (RecursionError, ValueError):
        raise refusal(reasons.MALFORMED_JSON) from None
