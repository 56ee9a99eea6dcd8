"""Hostile clients at a running exchange: it answers them by name, holds its memory, and serves everybody else.

PUHUI_HOSTILE_SIGNATURES is how many bad signatures the long campaign sends.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import psutil
import pytest
import pytest_asyncio

from tests.gateway.http.raw import BINARY, PING, TEXT, RawConnection, ask, frame, raw, raw_socket
from tests.system.clients import Client, Participant
from tests.system.running import Part, RunningExchange, copy_of, remove, running, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPTIONS: Final = (
    *(
        "--limit",
        "header_s=1.5",
        "--limit",
        "body_s=2",
        "--limit",
        "answer_s=2",
        "--limit",
        "connections=900",
    ),
    *("--limit", "connections_per_address=800", "--quota", "read=none"),
)
SIGNATURES: Final = 4_000
SIGNATURES_SOAK: Final = int(os.environ.get("PUHUI_HOSTILE_SIGNATURES", "1000000"))
MIB: Final = 2**20
GROWTH_MOST_BYTES: Final = 48 * MIB
SLOWER_MOST: Final = 20
"""How many times as long as before an answer may take while an attack lasts. Attacker, honest client and exchange share
the machine; without bounds the answer would not come at all."""
SLOWER_MOST_S: Final = 1.0
SERVED_LEAST: Final = 10
LIMIT_S: Final = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def exchange(
    demonstration: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningExchange]:
    """One exchange for all of them; what one has done to it the next would notice."""
    data_dir = copy_of(demonstration, tmp_path_factory.mktemp("hostile") / "puhui")
    async with running(data_dir, OPTIONS) as made:
        yield made
    remove(data_dir)


class Honest:
    """Somebody who only wants to trade, and how long each answer took."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waits_s: list[float] = []

    async def go_on(self) -> None:
        """Until cancelled. Every answer must be a good one."""
        while True:
            began_s = time.monotonic()
            await self._client.get("/v1/account")
            self._waits_s.append(time.monotonic() - began_s)
            await asyncio.sleep(0.01)

    async def typical_s(self) -> float:
        """How long nine in ten answers took at most since this was last asked, the one under way among them."""
        served = len(self._waits_s)
        await until(lambda: len(self._waits_s) > max(served, SERVED_LEAST), LIMIT_S, "it is served")
        waits_s = sorted(self._waits_s)
        self._waits_s.clear()
        return waits_s[int(0.9 * len(waits_s))]


@asynccontextmanager
async def withstanding(exchange: RunningExchange) -> AsyncIterator[None]:
    """While it lasts an honest client is served about as before, and afterwards the exchange is no larger."""
    process = psutil.Process(exchange.pid(Part.EXCHANGE))
    async with exchange.clients("buyer") as clients:
        honest = Honest(clients["buyer"])
        going_on = asyncio.create_task(honest.go_on())
        before_s, before_bytes = await honest.typical_s(), process.memory_info().rss
        yield
        during_s, grown_bytes = await honest.typical_s(), process.memory_info().rss - before_bytes
        assert not going_on.done(), going_on
        going_on.cancel()
        await asyncio.wait({going_on})
    assert during_s < max(SLOWER_MOST * before_s, SLOWER_MOST_S), (before_s, during_s)
    assert grown_bytes < GROWTH_MOST_BYTES, grown_bytes


async def attack(one: Callable[[RawConnection], Awaitable[int]], url: str, number: int) -> set[int]:
    """So many connections at once; the statuses they were answered with, zero for one that was just closed."""

    async def connect() -> int:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            async with raw(url) as connection:
                return await one(connection)
        return 0

    return set(await asyncio.gather(*(connect() for _ in range(number))))


async def test_headers_byte_by_byte(exchange: RunningExchange) -> None:
    slowly = [bytes([byte]) for byte in b"GET /v1/time HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 400]

    async def loris(slow: RawConnection) -> int:
        return (await slow.pour(slowly, pause_s=0.25)).status

    async with withstanding(exchange):
        assert await attack(loris, exchange.url, 400) == {408}


async def test_no_more_connections_than_there_is_room_for(exchange: RunningExchange) -> None:
    async def hold(held: RawConnection) -> int:
        return (await held.pour([b"GET /v1/ti"])).status

    async with exchange.clients("buyer") as clients:
        await clients["buyer"].get("/v1/account")
        holding = asyncio.create_task(attack(hold, exchange.url, 1_000))
        # The connection it had before is served all the while; others came too late.
        while not holding.done():
            await clients["buyer"].get("/v1/account")
            await asyncio.sleep(0.02)
        assert {408, 503} <= await holding <= {408, 503, 0}


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_giant_bodies(exchange: RunningExchange, is_chunked: bool) -> None:
    piece = b"x" * 65_536
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {2**40}"
    head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n".encode()
    parts = [head, *[b"10000\r\n" + piece + b"\r\n" if is_chunked else piece] * 300]

    async def giant(pouring: RawConnection) -> int:
        return (await pouring.pour(parts)).status

    async with withstanding(exchange):
        assert await attack(giant, exchange.url, 12) == {413}


@pytest.mark.parametrize("line", ["X: y\r\n", f"X-Long: {'y' * 900}\r\n"], ids=["many", "long"])
async def test_floods_of_headers(exchange: RunningExchange, line: str) -> None:
    parts = [b"GET /v1/time HTTP/1.1\r\n", *[line.encode()] * 3_000]

    async def flood(pouring: RawConnection) -> int:
        return (await pouring.pour(parts)).status

    async with withstanding(exchange):
        assert 431 in await attack(flood, exchange.url, 40) <= {431, 0}


async def test_bad_signatures(exchange: RunningExchange) -> None:
    await _bad_signatures(exchange, SIGNATURES)


@pytest.mark.soak
async def test_a_million_bad_signatures(exchange: RunningExchange) -> None:
    await _bad_signatures(exchange, SIGNATURES_SOAK)


async def _bad_signatures(exchange: RunningExchange, number: int) -> None:
    """Unknown keys, foreign ones, signatures of something else, moments long past; a few connections, each in a row."""
    connections, at_once = 8, 25
    buyer = exchange.participant("buyer")

    numbers = iter(range(number))

    async def forge(forger: RawConnection) -> int:
        found = set()
        while several := list(islice(numbers, at_once)):
            await forger.send(*(_forged(buyer, which) for which in several))
            found |= {(await forger.answer()).status for _ in several}
        assert found <= {401, 429}, found
        return 401 if 401 in found else 0

    async with withstanding(exchange):
        assert 401 in await attack(forge, exchange.url, connections)


def _forged(owner: Participant, number: int) -> str:
    heads = owner.signed("GET", "/v1/account")
    match number % 4:
        case 0:
            heads["X-Key"] = f"k-{number}"
        case 1:
            heads["X-Signature"] = owner.signed("GET", f"/v1/other?{number}")["X-Signature"]
        case 2:
            heads["X-Timestamp"] = str(number)
        case _:
            heads["X-Signature"] = f"{number:044d}"
    told = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
    return f"GET /v1/account HTTP/1.1\r\nHost: x\r\n{told}\r\n"


BODIES: Final[dict[str, bytes]] = {
    **{
        f"{depth} deep": b"[" * depth + b"]" * depth
        for depth in (500, 990, 1_000, 1_020, 1_024, 1_030, 30_000)
    },
    **{
        f"{depth} deep in members": b'{"a":' * depth + b"1" + b"}" * depth
        for depth in (490, 980, 1_000, 1_020, 1_024, 9_000)
    },
    "never closed": b"[" * 60_000,
    "half a character": b'{"client_order_id":"\xe4\xb8"}',
    "overlong": b'{"client_order_id":"\xc0\xaf"}',
    "a surrogate": b'{"client_order_id":"\\udc00"}',
    "another coding": '{"client_order_id":"a"}'.encode("utf-16"),
    "a mark before it": b"\xef\xbb\xbf{}",
    "not a number": b'{"price":NaN}',
    "without end": b'{"price":-Infinity}',
    "too large to be one": b'{"price":1e999}',
    "many digits": b'{"price":' + b"9" * 50_000 + b"}",
    "twice": b'{"price":"68.00","price":"69.00"}',
    "twice, one escaped": b'{"price":"68.00","pric\\u0065":"69.00"}',
    "many members": b"{" + b",".join(b'"m%d":0' % number for number in range(6_000)) + b"}",
    "a zero": b'{"price":"68\x00.00"}',
    "nothing": b"",
    "a word": b"true",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_bodies_that_are_no_order(exchange: RunningExchange, body: bytes) -> None:
    buyer = exchange.participant("buyer")
    heads = "".join(
        f"{name}: {value}\r\n" for name, value in buyer.signed("POST", "/v1/orders", body).items()
    )
    answer = await ask(
        exchange.url,
        f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{heads}\r\n",
        body,
    )
    assert (answer.status, answer.json["state"]) == (400, "not_accepted"), answer.body
    assert answer.code
    async with raw_socket(exchange.url) as client:
        await client.send(frame(TEXT, body), frame(TEXT, b'{"op":"ping","id":2}'))
        try:
            body.decode()
        except UnicodeDecodeError:
            assert await client.close_code() == 1007
            return
        refused = await client.message()
        assert (refused["ok"], refused["error"]["status"]) == (False, 400), refused
        assert (await client.message())["ok"], "the connection lives on"


HIDDEN = "GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n"
"""Were it taken for a request of its own, there would be an answer of its own."""
SMUGGLED: Final[dict[str, str]] = {
    "both lengths": f"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "both lengths, turned": f"Transfer-Encoding: chunked\r\nContent-Length: {len(HIDDEN) + 5}\r\n\r\n0\r\n\r\n{HIDDEN}",
    "two lengths": f"Content-Length: 0\r\nContent-Length: {len(HIDDEN)}\r\n\r\n{HIDDEN}",
    "a list of lengths": f"Content-Length: 0, {len(HIDDEN)}\r\n\r\n{HIDDEN}",
    "a signed length": f"Content-Length: +0\r\n\r\n{HIDDEN}",
    "a negative length": f"Content-Length: -1\r\n\r\n{HIDDEN}",
    "a length in hex": f"Content-Length: 0x0\r\n\r\n{HIDDEN}",
    "a length too long": f"Content-Length: {'9' * 40}\r\n\r\n{HIDDEN}",
    "another coding": f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "chunked not last": f"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}",
    "chunked twice": f"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "a coding on two lines": f"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
    "a folded line": f"X-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n{HIDDEN}",
    "a space before the colon": f"Content-Length : 0\r\n\r\n{HIDDEN}",
    "a name with a space": f"Content Length: 0\r\n\r\n{HIDDEN}",
    "a zero in a name": f"X-\0: a\r\n\r\n{HIDDEN}",
    "a zero in a value": f"X-A: a\0b\r\n\r\n{HIDDEN}",
    "a lone return": f"X-A: a\rX-B: b\r\n\r\n{HIDDEN}",
    "no name": f": a\r\n\r\n{HIDDEN}",
    "a chunk that is no number": f"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n{HIDDEN}",
    "a negative chunk": f"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n{HIDDEN}",
    "a chunk too large": f"Transfer-Encoding: chunked\r\n\r\n{'f' * 17}\r\n\r\n{HIDDEN}",
    "a chunk longer than it says": f"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n{HIDDEN}",
    "a chunk in hex with a sign": f"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n{HIDDEN}",
}


@pytest.mark.parametrize("rest", SMUGGLED.values(), ids=SMUGGLED)
async def test_no_request_hides_in_another(exchange: RunningExchange, rest: str) -> None:
    async with raw(exchange.url) as smuggler:
        await smuggler.send("POST /v1/orders HTTP/1.1\r\nHost: x\r\n", rest)
        answer = await smuggler.answer()
        assert answer.status in {400, 431, 413}, answer.body
        assert answer.code in {"http_malformed", "headers_too_large", "body_too_large"}
        await smuggler.ends()


@pytest.mark.parametrize(
    "first",
    [
        "GET  /v1/time HTTP/1.1\r\n\r\n",
        "GET /v1/time HTTP/9.9\r\n\r\n",
        "GET /v1/time HTTP/1.1 \r\n\r\n",
        "G\x00T /v1/time HTTP/1.1\r\n\r\n",
        "GET /v1/\x01time HTTP/1.1\r\n\r\n",
        "GET http://[::1/v1/time HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
async def test_what_is_not_http(exchange: RunningExchange, first: str) -> None:
    async with raw(exchange.url) as stranger:
        await stranger.send(first.encode("latin-1"))
        answer = await stranger.answer()
        assert answer.status in {400, 404}, answer
        assert answer.code in {"http_malformed", "not_found"}
    assert (await ask(exchange.url, "GET /v1/time HTTP/1.1\r\nHost: x\r\n\r\n")).status == 200


NOT_A_FRAME: Final[dict[str, tuple[bytes, int]]] = {
    "compressed": (frame(TEXT, b"\x00" * 100, reserved=4), 1002),
    "reserved": (frame(TEXT, b"{}", reserved=1), 1002),
    "no opcode": (frame(5, b"{}"), 1002),
    "binary": (frame(BINARY, b"{}"), 1003),
    "not text": (frame(TEXT, b"\xff\xfe"), 1007),
    "too large": (frame(TEXT, b"x" * 70_000), 1009),
    "said to be enormous": (b"\x81\xff" + (2**62).to_bytes(8, "big") + b"\0\0\0\0", 1009),
    "too large in pieces": (
        frame(TEXT, b"x" * 6_000, is_final=False) + frame(0, b"x" * 6_000, is_final=False) * 12,
        1009,
    ),
    "a long ping": (frame(PING, b"x" * 200), 1002),
    "a ping in pieces": (frame(PING, b"x", is_final=False), 1002),
    "a continuation of nothing": (frame(0, b"x"), 1002),
    "not masked": (b"\x81\x02{}", 1002),
    "not masked, behind one that is": (frame(TEXT, b'{"op":"ping"}') + b"\x89\x00", 1002),
    "two beginnings": (frame(TEXT, b"x", is_final=False) + frame(TEXT, b"x"), 1002),
}


@pytest.mark.parametrize(("sent", "code"), NOT_A_FRAME.values(), ids=NOT_A_FRAME)
async def test_frames_that_are_none(exchange: RunningExchange, sent: bytes, code: int) -> None:
    async with raw_socket(exchange.url) as client:
        with contextlib.suppress(ConnectionError):
            await client.send(sent)
        assert await client.close_code() == code


async def test_floods_of_frames(exchange: RunningExchange) -> None:
    pieces = frame(TEXT, b"", is_final=False) + frame(0, b"", is_final=False) * 2_000
    storm = b"".join(
        frame(TEXT, f'{{"op":"{op}","id":{number},"channel":"depth"}}'.encode())
        for number in range(300)
        for op in ("subscribe", "resync", "unsubscribe")
    )

    kinds = cycle((pieces, frame(PING, b"x" * 125) * 500, storm))

    async def flood() -> None:
        sent, is_read = next(kinds), next(turns)
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            async with raw_socket(exchange.url) as client, asyncio.timeout(1.5):
                while True:
                    await client.send(sent)
                    await asyncio.sleep(0)
                    if is_read:  # the others do not even read what they are answered
                        await client.connection.reader.read(2**20)

    turns = cycle((True, False))
    async with withstanding(exchange):
        await asyncio.gather(*(flood() for _ in range(12)))
