"""The client against a server that sends exactly the bytes a test says, signed or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from registry_bridge import http_line, http_registry
from registry_bridge.back_off import BackOff
from registry_bridge.capabilities import WHOLE_PROTOCOL
from registry_bridge.circuit import CircuitSettings, CircuitState
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.registry import (
    MAX_LEGS,
    MAX_RANGES,
    Answer,
    Binding,
    BindingRefused,
    Confirmed,
    JournalEntry,
    JournalPage,
    Movement,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    RequestIdReused,
    Unknown,
    UnknownReason,
)
from registry_bridge.signing import Ed25519Signer, signed_answer_headers
from registry_bridge.wire import (
    MAX_MOVEMENT_BYTES,
    WireError,
    answer_json,
    format_instant,
    movement_digest,
    movement_json,
    write,
)
from registry_bridge.wire_pages import journal_json
from tests.registry_bridge.examples import DEADLINE_NS, NOW_NS, deliver

ASKED = deliver("d1", ((1, 11),))
OURS, THEIRS, OTHER = (Ed25519Signer(Ed25519PrivateKey.generate()) for _ in range(3))
CONFIRMED = Confirmed(
    request_id="d1", movement_id="M1", digest=movement_digest(ASKED), registry_time_ns=NOW_NS
)
DONE = answer_json(CONFIRMED, NOW_NS)
REFUSED = answer_json(
    Refused(request_id="d1", code=RefusalCode.LOT_FROZEN, leg=1, registry_time_ns=0), NOW_NS
)


class Request:
    """A request as it came, byte for byte."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.decode().split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])
        }
        self.body = body


Respond = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


class FaultyServer:
    """Answers each request the way the next step says; the last step stays."""

    def __init__(self, *steps: Respond) -> None:
        self._steps = list(steps)
        self.requests: list[Request] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = Request(head[:-4], b"")
                request.body = await reader.readexactly(int(request.headers.get("content-length", 0)))
                self.requests.append(request)
                step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
                await step(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client hung up, or the step did
        finally:
            writer.close()


def http(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Length: {len(body)}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def signature(request: Request, status: int, body: bytes, signer: Ed25519Signer = THEIRS) -> dict[str, str]:
    return signed_answer_headers(
        signer,
        status=status,
        target=request.target,
        timestamp_ms=NOW_NS // 1_000_000,
        body=body,
        request_signature=request.headers["x-signature"],
    )


def says(status: int, body: dict[str, Any] | bytes, signer: Ed25519Signer | None = THEIRS) -> Respond:
    raw = body if isinstance(body, bytes) else write(body)

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(http(status, raw, signature(request, status, raw, signer) if signer else {}))
        await writer.drain()

    return respond


def sends(raw: bytes) -> Respond:
    """Any bytes at all, and then hangs up."""

    async def respond(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        raise ConnectionResetError

    return respond


async def silent(_request: Request, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


def problem(code: str, at_ns: int = NOW_NS) -> dict[str, Any]:
    return {"code": code, "registry_time": format_instant(at_ns)}


@asynccontextmanager
async def facing(
    *steps: Respond,
    timeout_s: float = 5.0,
    total_timeout_s: float = 5.0,
    circuit: CircuitSettings = CircuitSettings(failures=1_000_000),  # noqa: B008 - it is frozen
) -> AsyncIterator[tuple[HttpRegistry, FaultyServer]]:
    faulty = FaultyServer(*steps)
    server = await asyncio.start_server(faulty.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = LineSettings(
        url=f"http://127.0.0.1:{port}",
        key="exchange",
        signer=OURS,
        verifier=THEIRS.verifier(),
        timeout_s=timeout_s,
        total_timeout_s=total_timeout_s,
        circuit=circuit,
    )
    async with server, connect(settings, lambda: NOW_NS) as registry:
        yield registry, faulty


async def moved(*steps: Respond, timeout_s: float = 5.0) -> Answer:
    async with facing(*steps, timeout_s=timeout_s) as (registry, _):
        return await registry.move(ASKED)


def why(answer: Answer) -> UnknownReason:
    assert isinstance(answer, Unknown), answer
    return answer.why


async def test_completed_is_confirmed() -> None:
    assert await moved(says(200, DONE)) == CONFIRMED


async def test_refused_by_name_is_refused() -> None:
    assert await moved(says(200, REFUSED)) == Refused(
        request_id="d1", code=RefusalCode.LOT_FROZEN, leg=1, registry_time_ns=0
    )


async def test_accepted_is_still_open() -> None:
    body = DONE | {"state": "accepted", "movement_id": None, "digest": None}
    assert why(await moved(says(202, body))) is UnknownReason.STILL_OPEN


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, problem("broken"), UnknownReason.SERVER_ERROR),
        (502, b"<html>Bad gateway</html>", UnknownReason.GARBAGE),
        (503, problem("overloaded"), UnknownReason.OVERLOADED),
        (429, problem("overloaded"), UnknownReason.OVERLOADED),
        (401, problem("not_authenticated"), UnknownReason.NOT_ADMITTED),
        (403, problem("not_permitted"), UnknownReason.NOT_ADMITTED),
        (400, problem("malformed"), UnknownReason.NOT_ADMITTED),
        (404, problem("not_found", DEADLINE_NS + 1), UnknownReason.NOT_ADMITTED),
        (409, problem("in_progress"), UnknownReason.NOT_ADMITTED),
        (302, problem("elsewhere"), UnknownReason.GARBAGE),
        (200, b"", UnknownReason.GARBAGE),
        (200, b"null", UnknownReason.GARBAGE),
        (200, b"{", UnknownReason.GARBAGE),
        (200, b"\xff" * 100, UnknownReason.GARBAGE),
        (200, DONE | {"extra": 1}, UnknownReason.GARBAGE),
        (200, DONE | {"state": "perhaps"}, UnknownReason.GARBAGE),
        (200, DONE | {"request_id": "d2"}, UnknownReason.GARBAGE),
        (200, DONE | {"registry_time": None}, UnknownReason.GARBAGE),
        (200, DONE | {"movement_id": None}, UnknownReason.GARBAGE),
        (200, REFUSED | {"movement_id": "M1"}, UnknownReason.GARBAGE),
        (200, REFUSED | {"code": "bad_weather", "number": 77}, UnknownReason.CODE_UNKNOWN),
        (200, REFUSED | {"number": 1}, UnknownReason.CODE_UNKNOWN),
        (201, DONE, UnknownReason.GARBAGE),
    ],
)
async def test_everything_else_that_is_signed_is_unknown(
    status: int, body: Any, expected: UnknownReason
) -> None:
    assert why(await moved(says(status, body))) is expected


@pytest.mark.parametrize("signer", [None, OTHER])
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, DONE, UnknownReason.SIGNATURE_INVALID),
        (200, REFUSED, UnknownReason.SIGNATURE_INVALID),
        (404, problem("not_found", DEADLINE_NS + 1), UnknownReason.SIGNATURE_INVALID),
        (409, problem("request_id_reused"), UnknownReason.SIGNATURE_INVALID),
        (500, problem("broken"), UnknownReason.SERVER_ERROR),
        (502, b"<html>", UnknownReason.SERVER_ERROR),
        (503, b"busy", UnknownReason.OVERLOADED),
    ],
)
async def test_without_the_registrys_signature_nothing_is_final(
    signer: Ed25519Signer | None, status: int, body: Any, expected: UnknownReason
) -> None:
    assert why(await moved(says(status, body, signer))) is expected


GOOD = http(200, write(DONE), {})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 64,
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 2 + b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        GOOD[: len(GOOD) // 2],
        GOOD,
    ],
)
async def test_bytes_that_are_no_signed_answer_are_unknown(raw: bytes) -> None:
    assert why(await moved(sends(raw))) in {
        UnknownReason.CONNECTION_LOST,
        UnknownReason.GARBAGE,
        UnknownReason.SIGNATURE_INVALID,
    }


async def test_every_torn_answer_is_unknown() -> None:
    """A signed answer cut off after any number of bytes."""

    def torn(length: int) -> Respond:
        async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
            body = write(DONE)
            writer.write(http(200, body, signature(request, 200, body))[:length])
            await writer.drain()
            raise ConnectionResetError

        return respond

    lengths = range(0, len(GOOD) + 120, 9)
    async with facing(*(torn(length) for length in lengths)) as (registry, _):
        for _ in lengths:
            assert isinstance(await registry.move(ASKED), Unknown)


@pytest.mark.parametrize("position", range(0, len(write(DONE)), 7))
async def test_a_changed_byte_is_unknown(position: int) -> None:
    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        body = bytearray(write(DONE))
        headers = signature(request, 200, bytes(body))
        body[position] ^= 1
        writer.write(http(200, bytes(body), headers))
        await writer.drain()

    assert why(await moved(respond)) is UnknownReason.SIGNATURE_INVALID


async def test_an_answer_to_another_request_is_unknown() -> None:
    """A true, signed answer of the registry, kept by someone on the line and played again."""
    kept: list[bytes] = []

    async def keep(request: Request, writer: asyncio.StreamWriter) -> None:
        body = write(DONE)
        kept.append(http(200, body, signature(request, 200, body)))
        writer.write(kept[0])
        await writer.drain()

    async def replay(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(kept[0])
        await writer.drain()

    async with facing(keep, replay) as (registry, _):
        assert await registry.move(ASKED) == CONFIRMED
        assert why(await registry.move(ASKED)) is UnknownReason.SIGNATURE_INVALID


async def test_silence_is_a_time_out() -> None:
    assert why(await moved(silent, timeout_s=0.05)) is UnknownReason.TIMED_OUT


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "MAX_ANSWER_BYTES", 1_000)
    assert why(await moved(says(200, b" " * 1_001))) is UnknownReason.GARBAGE


async def test_no_server_is_a_lost_connection() -> None:
    settings = LineSettings(url="http://127.0.0.1:9", key="k", signer=OURS, verifier=THEIRS.verifier())
    async with connect(settings) as registry:
        assert why(await registry.move(ASKED)) is UnknownReason.CONNECTION_LOST
        assert why(await registry.ask("d1")) is UnknownReason.CONNECTION_LOST
        assert why(await registry.cancel("d1")) is UnknownReason.CONNECTION_LOST
        with pytest.raises(RegistryUnavailable):
            await registry.time()


async def test_a_question_the_line_repeated_is_asked_anew_and_is_nobodys_fault() -> None:
    """The client signs once and may send twice on a connection that drops; the registry refuses the second."""
    replayed = problem("not_authenticated") | {"detail": "signature_replayed"}
    async with facing(says(200, DONE), sends(b""), says(401, replayed), says(200, DONE)) as (
        registry,
        server,
    ):
        assert await registry.ask("d1") == CONFIRMED
        assert why(await registry.ask("d1")) is UnknownReason.CONNECTION_LOST
        assert await registry.ask("d1") == CONFIRMED
    signatures = [request.headers["x-signature"] for request in server.requests]
    assert signatures[1] == signatures[2] != signatures[3]


async def test_a_movement_is_sent_once_though_the_connection_drops() -> None:
    """HTTP clients may repeat other methods by themselves on a connection that was kept alive."""
    async with facing(says(200, DONE), sends(b""), says(200, DONE)) as (registry, faulty):
        assert await registry.move(ASKED) == CONFIRMED
        assert isinstance(await registry.move(ASKED), Unknown)
    assert [request.method for request in faulty.requests] == ["POST", "POST"]


async def test_an_id_used_with_other_content_is_a_fault_of_ours() -> None:
    with pytest.raises(RequestIdReused, match="d1"):
        await moved(says(409, problem("request_id_reused")))


@pytest.mark.parametrize("at_ns", [DEADLINE_NS, DEADLINE_NS + 1])
async def test_not_found_states_the_registrys_clock(at_ns: int) -> None:
    async with facing(says(404, problem("not_found", at_ns))) as (registry, _):
        assert await registry.ask("d1") == Unknown(
            request_id="d1", why=UnknownReason.NOT_SEEN, registry_time_ns=at_ns
        )


async def test_only_a_movement_that_is_not_found_was_not_seen() -> None:
    async with facing(says(404, problem("no_such_call"))) as (registry, _):
        assert why(await registry.ask("d1")) is UnknownReason.NOT_ADMITTED


PROMISES = {
    "idempotent_ids": True,
    "final_answers": True,
    "platform_clock": False,
    "cancel_tombstone": True,
    "journal": True,
}


async def test_promises_are_read_by_name() -> None:
    async with facing(says(200, PROMISES | {"registry_time": format_instant(NOW_NS)})) as (registry, server):
        assert await registry.capabilities() == replace(WHOLE_PROTOCOL, platform_clock=False)
    assert server.requests[0].target == "/registry/v1/capabilities"


async def test_a_promise_left_out_is_not_made() -> None:
    body = {name: value for name, value in PROMISES.items() if name != "final_answers"}
    async with facing(says(200, body | {"registry_time": format_instant(NOW_NS)})) as (registry, _):
        with pytest.raises(RegistryUnavailable):
            await registry.capabilities()


async def test_a_connection_is_used_again() -> None:
    async with facing(says(200, DONE)) as (registry, server):
        for _ in range(5):
            await registry.move(ASKED)
    assert (len(server.requests), server.connections) == (5, 1)


async def test_a_platform_that_does_not_answer_is_given_a_rest() -> None:
    circuit = CircuitSettings(failures=3, rest=BackOff(first_s=0.05, longest_s=0.05))
    steps = [sends(b"")] * 3
    async with facing(*steps, says(200, DONE), circuit=circuit) as (registry, server):
        for _ in range(3):
            assert why(await registry.move(ASKED)) is not UnknownReason.CIRCUIT_OPEN
        assert registry.circuit.state is CircuitState.OPEN
        assert why(await registry.move(ASKED)) is UnknownReason.CIRCUIT_OPEN
        with pytest.raises(RegistryUnavailable, match="circuit_open"):
            await registry.time()
        assert len(server.requests) == 3
        answer: Answer = Unknown(request_id="d1", why=UnknownReason.CIRCUIT_OPEN)
        async with asyncio.timeout(5):
            while isinstance(answer, Unknown):
                await asyncio.sleep(0.01)
                answer = await registry.move(ASKED)
        assert (answer, registry.circuit.state, registry.circuit.opened) == (
            CONFIRMED,
            CircuitState.CLOSED,
            1,
        )
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("status", "opens"), [(500, True), (503, True), (429, True), (404, False), (401, False)]
)
async def test_a_signed_answer_opens_the_circuit_only_when_the_platform_is_ill(
    status: int, opens: bool
) -> None:
    circuit = CircuitSettings(failures=2)
    async with facing(says(status, problem("no")), circuit=circuit) as (registry, _):
        await registry.move(ASKED)
        await registry.move(ASKED)
        assert (registry.circuit.state is CircuitState.OPEN) is opens


async def test_pages_are_read_within_a_total_time() -> None:
    async with facing(silent, timeout_s=5.0, total_timeout_s=0.05) as (registry, _):
        with pytest.raises(RegistryUnavailable, match="timed_out"):
            await registry.account("a")


async def test_a_question_is_signed_over_the_very_bytes_sent() -> None:
    async with facing(says(200, DONE)) as (registry, faulty):
        await registry.ask("a:b.c-d_e")
    assert faulty.requests[0].target == "/registry/v1/movements/a:b.c-d_e"


async def test_two_calls_in_one_millisecond_have_two_signatures() -> None:
    async with facing(says(200, DONE)) as (registry, faulty):
        await asyncio.gather(*(registry.ask("d1") for _ in range(5)))
    assert len({request.headers["x-signature"] for request in faulty.requests}) == 5


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, b""), (500, problem("broken")), (401, problem("no")), (500, b"?")],
)
async def test_reading_calls_raise_what_may_be_repeated(status: int, body: Any) -> None:
    async with facing(says(status, body)) as (registry, _):
        for call in (
            registry.time(),
            registry.lots(),
            registry.notices(),
            registry.journal(),
            registry.positions(),
            registry.account("a"),
            registry.bind("a", "b"),
        ):
            with pytest.raises(RegistryUnavailable):
                await call


async def test_holdings_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry_bridge.http_registry.MAX_ACCOUNT_PAGES", 3)
    page = {
        "account": "a",
        "kind": "individual",
        "frozen": False,
        "trading_account": None,
        "holdings": [],
        "next": "again",
        "registry_time": format_instant(NOW_NS),
    }
    async with facing(says(200, page)) as (registry, faulty):
        with pytest.raises(RegistryUnavailable, match="without end"):
            await registry.account("a")
    assert [request.target.partition("?")[2] for request in faulty.requests] == [
        "",
        "after=again",
        "after=again",
    ]


NOWHERE = {"items": [], "next": 7, "registry_time": format_instant(NOW_NS)}


async def test_pages_that_lead_nowhere_are_refused() -> None:
    totals = {"accounts": 0, "lots": 0, "tonnes": 0}
    positions = NOWHERE | {"as_of": 7, "next": "again", "totals": totals, "digest": "0" * 64}
    async with facing(says(200, NOWHERE)) as (registry, _):
        for call in (registry.lots, registry.journal, registry.notices):
            assert (await call(6)).next == 7
            with pytest.raises(RegistryUnavailable, match="after 7"):
                await call(7)
    async with facing(says(200, positions)) as (registry, _):
        with pytest.raises(RegistryUnavailable, match="no positions"):
            await registry.positions()


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", ""])
async def test_an_id_that_could_be_something_else_in_a_path_is_a_fault_of_ours(name: str) -> None:
    async with facing(says(200, DONE)) as (registry, faulty):
        with pytest.raises(WireError):
            await registry.ask(name)
    assert faulty.requests == []


@pytest.mark.parametrize("name", ["..", "R 1", "沪碳普惠-1", "a/b", "r" * 65])
async def test_an_account_that_can_have_no_such_name_there_is_unknown(name: str) -> None:
    async with facing(says(200, DONE)) as (registry, faulty):
        assert await registry.account(name) is None
        assert await registry.account_state(name) is None
        refused = await registry.bind(name, "t")
    assert isinstance(refused, BindingRefused) and refused.code is RefusalCode.ACCOUNT_UNKNOWN
    assert faulty.requests == []


async def test_an_answer_about_another_account_says_nothing() -> None:
    registry_time = format_instant(NOW_NS)
    page = {
        "account": "b",
        "kind": "individual",
        "frozen": False,
        "trading_account": None,
        "holdings": [],
        "next": None,
        "registry_time": registry_time,
    }
    async with facing(says(200, page)) as (registry, _):
        for read in (registry.account, registry.account_state):
            assert await read("b") is not None
            with pytest.raises(RegistryUnavailable, match="b instead of a"):
                await read("a")
    bound = {
        "account": "b",
        "trading_account": "t",
        "bound_at": registry_time,
        "registry_time": registry_time,
    }
    async with facing(says(200, bound)) as (registry, _):
        assert isinstance(await registry.bind("b", "t"), Binding)
        for pair in (("a", "t"), ("b", "u")):
            with pytest.raises(RegistryUnavailable, match="instead of"):
                await registry.bind(*pair)


@pytest.mark.parametrize(
    ("sequences", "following"), [((8, 8), None), ((9, 8), None), ((7, 8), None), ((8, 9), 8)]
)
async def test_no_entry_of_the_journal_is_read_twice(
    sequences: tuple[int, ...], following: int | None
) -> None:
    entries = tuple(replace(ENTRY, sequence=sequence) for sequence in sequences)
    page = journal_json(JournalPage(entries=entries, next=following))
    async with facing(says(200, page | {"registry_time": format_instant(NOW_NS)})) as (registry, _):
        with pytest.raises(RegistryUnavailable, match="garbage"):
            await registry.journal(7)


ENTRY = JournalEntry(
    sequence=8,
    movement_id="M1",
    request_id="d1",
    kind=ASKED.kind,
    trading_day=ASKED.trading_day,
    decided_at_ns=NOW_NS,
    digest=movement_digest(ASKED),
    legs=ASKED.legs,
    retirement=None,
)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://u:p@x", "http://x/path", "http://x?a=1"])
def test_the_url_is_scheme_host_and_port(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        LineSettings(url=url, key="k", signer=OURS, verifier=THEIRS.verifier())


def scattered(ranges: int, first: int = 0) -> Movement:
    """A delivery of one tonne in each of so many ranges."""
    return deliver("d1", tuple((first + 2 * n, first + 2 * n + 1) for n in range(ranges)))


def foreign_text() -> Movement:
    return replace(ASKED, legs=tuple(replace(leg, lot="no id") for leg in ASKED.legs))


@pytest.mark.parametrize("asked", [scattered(MAX_RANGES + 1), foreign_text(), replace(ASKED, legs=())])
async def test_what_can_never_be_admitted_is_never_sent(asked: Movement) -> None:
    """Sent again and again it would be answered 400 for ever, and its day could not close."""
    async with facing(says(200, DONE)) as (registry, server):
        with capture_logs() as told:
            first, again = await registry.move(asked), await registry.move(asked)
    assert isinstance(first, Refused)
    assert (first, first.code, server.requests) == (again, RefusalCode.MALFORMED, [])
    assert {(line["event"], line["movement"]) for line in told} == {("movement_never_sent", "d1")}


async def test_a_body_beyond_the_bound_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_registry, "MAX_MOVEMENT_BYTES", len(write(movement_json(ASKED))) - 1)
    async with facing(says(200, DONE)) as (registry, server):
        answer = await registry.move(ASKED)
    assert isinstance(answer, Refused)
    assert not server.requests


def test_every_movement_within_the_ranges_fits_into_a_body() -> None:
    ours = scattered(MAX_RANGES, first=(1 << 62) - 3 * MAX_RANGES)
    legs = len(write(movement_json(ASKED))) * MAX_LEGS
    assert len(write(movement_json(ours))) + legs < MAX_MOVEMENT_BYTES


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422])
async def test_what_is_not_admitted_is_not_final(status: int) -> None:
    async with facing(says(status, problem("malformed"))) as (registry, _):
        answer = await registry.move(ASKED)
    assert isinstance(answer, Unknown)
    assert answer.why is UnknownReason.NOT_ADMITTED
