"""What a call answers with, before the door signs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A status and a body; the clock and the signature are added on the way out."""

    body: Mapping[str, Any]
    status: int = 200


class Problem(Exception):  # noqa: N818 - it is raised as an answer, not as an error of ours
    """An answer other than what was asked for."""

    def __init__(self, status: int, code: str, detail: str = "", **more: Any) -> None:  # noqa: ANN401
        super().__init__(code)
        self.reply = Reply(status=status, body={"code": code, "detail": detail, **more})


ReplyHandler = Callable[[web.Request, bytes], Awaitable[Reply]]
