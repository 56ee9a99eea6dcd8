"""The exchange's client of the command line: signs, bounds every wait, and never leaves an outcome in doubt unsaid.

Reading may be repeated, and is. What changes something carries a client id; it is sent again only when the exchange
itself said that nothing was done. After a lost answer an order is looked up by that id: found, it is shown; not found
past its own deadline, it never happened and never will, because the exchange refuses it from then on.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from gateway.cli.faults import OutcomeUnknown, Refused, ServerSilent
from gateway.cli.identity import Credentials
from gateway.cli.words import language, say
from gateway.formats import NS, parse_time, time_text
from registry_bridge.signing import signed_headers

TIMEOUT_S: Final = 10
"""For one request, from connecting to the last byte."""

TRIES: Final = 4
BACK_OFF_S: Final = (0.2, 0.5, 1.0)
RETRY_AFTER_LIMIT_S: Final = 10
ORDER_LIFE_S: Final = 10
"""An order not decided within this time is refused by the exchange, so that its fate can always be learnt."""

LOOK_UP_LIMIT_S: Final = 20
BODY_LIMIT_BYTES: Final = 16 * 1024 * 1024
_NOT_FOUND: Final = 404
_FILES: Final = ("application/pdf", "text/csv")
"""Answers that are files, and not JSON."""

_PROBLEM: Final = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the exchange said: the parsed body, and whether it was an earlier answer again."""

    body: Any
    replayed: bool = False


class ExchangeClient:
    """Speaks to one exchange, as one key or as the public."""

    def __init__(self, session: aiohttp.ClientSession, url: str, credentials: Credentials | None) -> None:
        self.url = url
        self._session = session
        self._credentials = credentials

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, credentials: Credentials | None) -> AsyncIterator["ExchangeClient"]:
        """A client, for as long as the context lasts."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            yield cls(session, url, credentials)

    async def get(self, path: str, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON
        """Read; repeated a few times while the exchange is silent or busy.

        Raises:
            Refused: it said no.
            ServerSilent: it said nothing, every time.
        """
        given = {name: str(value) for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        for attempt in range(TRIES):
            try:
                return (await self.once("GET", target)).body
            except ServerSilent:
                if attempt + 1 == TRIES:
                    raise
            except Refused as refusal:
                if attempt + 1 == TRIES or not refusal.may_be_sent_again:
                    raise
                await asyncio.sleep(_retry_after_s(refusal))
                continue
            await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
        raise AssertionError("the loop returns or raises")

    async def change(
        self, method: str, target: str, body: dict[str, Any] | None = None, *, deadline: str | None = None
    ) -> Answer:
        """Change something; repeated only when the exchange said that nothing was done and to try again.

        Raises:
            Refused, ServerSilent: as `get`; after ServerSilent the outcome is open.
        """
        for _ in range(TRIES - 1):
            try:
                return await self.once(method, target, body, deadline=deadline)
            except Refused as refusal:
                if not refusal.may_be_sent_again:
                    raise
                await asyncio.sleep(_retry_after_s(refusal))
        return await self.once(method, target, body, deadline=deadline)

    async def repeat(
        self, method: str, target: str, body: dict[str, Any], *, again: str, client_id: str | None = None
    ) -> Answer:
        """Change something under a client id, and ask the same again while no answer tells what became of it.

        `again` is the command that asks once more; the id is the body's own unless another is given.

        Raises:
            Refused: it was not done, finally.
            OutcomeUnknown: nothing can be learnt for now.
        """
        for pause_s in (*BACK_OFF_S, None):
            try:
                return await self.change(method, target, body)
            except ServerSilent:
                pass  # asked again below
            except Refused as refusal:
                if refusal.outcome_is_known:
                    raise
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        raise OutcomeUnknown(client_id or body["client_id"], again)

    async def place_order(self, body: dict[str, Any]) -> Answer:
        """Submit an order and learn what became of it, also when the answer is lost.

        Raises:
            Refused: it was not accepted, finally.
            OutcomeUnknown: nothing can be learnt for now.
        """
        now = await self.get("/v1/time")
        deadline = time_text(parse_time(now["time"]) + ORDER_LIFE_S * NS)
        try:
            return await self.change("POST", "/v1/orders", body, deadline=deadline)
        except ServerSilent:
            return await self._look_up(body, deadline)
        except Refused as refusal:
            if refusal.outcome_is_known:
                raise
            return await self._look_up(body, deadline)

    async def _look_up(self, body: dict[str, Any], deadline: str) -> Answer:
        client_id = body["client_order_id"]
        query = {"client_order_id": client_id}
        if body.get("account"):
            query["account"] = body["account"]
        target = f"/v1/orders?{urlencode(query)}"
        give_up_s = time.monotonic() + LOOK_UP_LIMIT_S
        while time.monotonic() < give_up_s:
            # The time is read first: only a look-up made after the deadline is final.
            is_final = await self._is_past(deadline)
            try:
                return Answer(body=as_order((await self.once("GET", target)).body), replayed=True)
            except Refused as refusal:
                if refusal.http_status == _NOT_FOUND and is_final:
                    raise Refused(_NOT_FOUND, _never_happened(client_id, deadline)) from None
                if refusal.http_status != _NOT_FOUND and not refusal.may_be_sent_again:
                    break
            except ServerSilent:
                pass  # asked again until the time is up
            await asyncio.sleep(BACK_OFF_S[-1])
        raise OutcomeUnknown(client_id, f"puhui orders --client-order-id {client_id}")

    async def _is_past(self, deadline: str) -> bool:
        try:
            now = (await self.once("GET", "/v1/time")).body["time"]
        except (ServerSilent, Refused):
            return False
        return parse_time(now) > parse_time(deadline)

    async def once(
        self, method: str, target: str, body: dict[str, Any] | None = None, *, deadline: str | None = None
    ) -> Answer:
        """One request, one answer. Raises as `get`, without repeating anything."""
        content = b"" if body is None else orjson.dumps(body)
        headers = self._headers(method, target, content, deadline)
        try:
            async with self._session.request(
                method,
                URL(self.url + target, encoded=True),
                data=content or None,
                headers=headers,
                allow_redirects=False,
            ) as response:
                raw = await _read(response)
                return _judge(response, raw)
        except aiohttp.ClientConnectorError:
            raise ServerSilent(
                say(
                    f"{self.url} 没有交易所在运行; 用 puhui serve --demo 启动",
                    f"no exchange is running at {self.url}; start one with puhui serve --demo",
                )
            ) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerSilent(
                say(
                    f"{self.url} 没有答复 ({type(error).__name__})",
                    f"{self.url} gave no answer ({type(error).__name__})",
                )
            ) from None

    def _headers(self, method: str, target: str, content: bytes, deadline: str | None) -> dict[str, str]:
        headers = {"Accept-Language": "en" if language() == "en" else "zh-CN"}
        if content:
            headers["Content-Type"] = "application/json"
        if deadline is not None:
            headers["X-Deadline"] = deadline
        if self._credentials is not None:
            headers |= sign(self._credentials, method, target, content)
        return headers


def sign(credentials: Credentials, method: str, target: str, content: bytes) -> dict[str, str]:
    """The three headers of a request signed now."""
    return signed_headers(
        credentials.signer,
        key=credentials.key,
        method=method,
        target=target,
        timestamp_ms=time.time_ns() // 1_000_000,
        body=content,
    )


def as_order(found: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """An answer to a look-up in the shape in which orders are answered."""
    return found if "order" in found else {"order": found, "trades": []}


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        content += chunk
        if len(content) > BODY_LIMIT_BYTES:
            raise ServerSilent(say("答复过大", "the answer is too large"))
    return bytes(content)


def _judge(response: aiohttp.ClientResponse, raw: bytes) -> Answer:
    if response.status < _PROBLEM and response.content_type in _FILES:
        return Answer(body=raw, replayed=False)
    try:
        body = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        body = None
        if response.status < _PROBLEM:
            raise ServerSilent(say("答复不是 JSON", "the answer is not JSON")) from None
    if response.status < _PROBLEM:
        return Answer(body=body, replayed=response.headers.get("Idempotent-Replayed") == "true")
    problem = body if isinstance(body, dict) else {"detail": f"HTTP {response.status}", "state": "unknown"}
    if "Retry-After" in response.headers:
        problem.setdefault("retry_after_s", response.headers["Retry-After"])
    raise Refused(response.status, problem)


def _retry_after_s(refusal: Refused) -> float:
    text = str(refusal.problem.get("retry_after_s", ""))
    return min(float(text), RETRY_AFTER_LIMIT_S) if text.isdecimal() else BACK_OFF_S[-1]


def _never_happened(client_id: str, deadline: str) -> dict[str, Any]:
    return {
        "code": "order_not_accepted",
        "state": "not_accepted",
        "detail": say(
            f"委托 {client_id} 未被受理: 截止时间 {deadline} 之后查无此单, 此结论为最终",
            f"order {client_id} was not accepted: it is not there past its deadline {deadline}, and that is final",
        ),
    }
