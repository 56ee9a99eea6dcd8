"""What the guide tells a client's author to write works as it stands there: Python, a shell with curl, a WebSocket."""

import asyncio
import base64
import json
import re
import shutil
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import websockets

from registry_bridge.signing import HmacKey, signed_headers
from tests.gateway.http.desk import Desk, Person, order_body

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPOSITORY: Final = Path(__file__).resolve().parents[2]
NEEDS_A_SHELL: Final = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in ("bash", "curl", "openssl")), reason="bash, curl and openssl"
)
GUIDE: Final = (REPOSITORY / "docs" / "api.md").read_text()


def recipe(language: str) -> str:
    """The one block of that language which signs."""
    (found,) = [
        block for block in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) if "signature" in block
    ]
    return str(found)


def given(order: dict[str, str], **more: str) -> str:
    return json.dumps(order | more, separators=(",", ":"))


async def run(*command: str, environment: dict[str, str], stdin: bytes = b"") -> Any:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"} | environment,
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(stdin)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def lives(call: Any, own_id: str) -> None:
    """An order is made, found, repeated and taken back by that program's calls."""
    made = (await call("POST", "/v1/orders", given(order_body(own_id), price="62.00")))["order"]
    assert (made["client_order_id"], made["status"]) == (own_id, "new")
    assert await call("GET", f"/v1/orders?client_order_id={own_id}") == made
    again = await call("POST", "/v1/orders", given(order_body(own_id), price="62.00"))
    assert again["order"]["id"] == made["id"]
    assert [one["id"] for one in (await call("GET", "/v1/orders?status=open"))["items"]] == [made["id"]]
    gone = await call("DELETE", f"/v1/orders/{made['id']}")
    assert gone["order"]["status"] == "cancelled"


def environment_of(person: Person) -> dict[str, str]:
    return {"URL": person.url, "KEY": person.key, "SECRET": person.secret}


async def test_the_guides_python_trades(shared: Desk) -> None:
    names: dict[str, Any] = {}
    exec(recipe("python"), names)  # noqa: S102 - it is the guide's own text
    person = shared["buyer"]

    async def call(method: str, path: str, body: str | None = None) -> Any:
        parsed = None if body is None else json.loads(body)
        return await asyncio.to_thread(
            names["call"], person.url, person.key, person.secret, method, path, parsed
        )

    await lives(call, "guide-python")


@NEEDS_A_SHELL
async def test_the_guides_shell_trades(shared: Desk) -> None:
    async def call(method: str, path: str, body: str = "") -> Any:
        script = recipe("bash") + '\ncall "$@"'
        command = ("bash", "-euo", "pipefail", "-c", script, "call", method, path, *([body] if body else []))
        return json.loads(await run(*command, environment=environment_of(shared["buyer"])))

    await lives(call, "guide-shell")


@NEEDS_A_SHELL
async def test_curl_sends_what_the_command_line_has_signed(shared: Desk, tmp_path: Path) -> None:
    person = shared["buyer"]
    entry = {"account": "buyer", "key": person.key, "algorithm": "hmac-sha256", "secret": person.secret}
    demo = {"url": person.url, "participants": {"buyer": {**entry, "scopes": ["read", "trade"]}}}
    (tmp_path / "demo.json").write_text(json.dumps(demo))

    async def call(method: str, path: str, body: str = "") -> Any:
        sign = (sys.executable, "-m", "gateway", "sign", method, path, "--as", "buyer", "--body", body)
        headers = await run(*sign, environment={"PUHUI_DATA_DIR": str(tmp_path)})
        send = ("curl", "-sS", "-H", "@-", "-X", method, person.url + path)
        data = ("-H", "Content-Type: application/json", "--data-binary", body) if body else ()
        return json.loads(await run(*send, *data, environment={}, stdin=headers.encode()))

    made = (await call("POST", "/v1/orders", given(order_body("signed-1"), price="62.00")))["order"]
    assert (await call("DELETE", f"/v1/orders/{made['id']}"))["order"]["status"] == "cancelled"


async def test_httpx_signs_by_an_auth_of_its_own(shared: Desk) -> None:
    person = shared["buyer"]

    class Signed(httpx.Auth):
        requires_request_body = True

        def auth_flow(self, request: httpx.Request) -> Any:
            sent = Person.headers(person, request.method, request.url.raw_path.decode(), request.content)
            request.headers.update(sent)
            yield request

    async with httpx.AsyncClient(base_url=person.url, auth=Signed()) as http:

        async def call(method: str, path: str, body: str | None = None) -> Any:
            answer = await http.request(method, path, content=body)
            answer.raise_for_status()
            return answer.json()

        await lives(call, "by-httpx")


class Connection:
    """A WebSocket of the `websockets` library, which answers by id and pushes between."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.pushed: list[Any] = []
        self._asked = 0

    async def ask(self, op: str, **more: Any) -> Any:
        self._asked += 1
        await self.socket.send(json.dumps({"op": op, "id": str(self._asked), **more}))
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
            if message.get("id") == str(self._asked):
                assert message["ok"], message
                return message["result"]
            self.pushed.append(message)

    async def until(self, holds: Any) -> Any:
        """The first push, of those that came and those to come, of which it holds."""
        while True:
            found = next((push for push in self.pushed if holds(push)), None)
            if found is not None:
                return found
            self.pushed.append(json.loads(await asyncio.wait_for(self.socket.recv(), 10)))


@asynccontextmanager
async def logged_on(shared: Desk, name: str) -> AsyncIterator[Connection]:
    person = shared[name]
    async with websockets.connect(person.url.replace("http", "ws") + "/v1/ws") as socket:
        connection = Connection(socket)
        signer = HmacKey(base64.b64decode(person.secret))
        now_ms = int((await shared.public("/v1/time")).json()["signature_time_ms"])
        signed = signed_headers(
            signer, key=person.key, method="GET", target="/v1/ws", timestamp_ms=now_ms, body=b""
        )
        names = {"key": "X-Key", "timestamp": "X-Timestamp", "signature": "X-Signature"}
        await connection.ask("logon", **{name: signed[header] for name, header in names.items()})
        yield connection


async def test_a_stream_is_followed_cut_and_taken_up_again(shared: Desk) -> None:
    async with logged_on(shared, "buyer") as first:
        await first.ask("subscribe", channel="events")
        await first.ask("subscribe", channel="depth", listing="SHCERCIR1")
        made = await first.ask("order.submit", **order_body("by-stream", price="62.00"))
        told = await first.until(lambda push: push.get("client_order_id") == "by-stream")
        book = await first.until(lambda push: push.get("bids") == [["62.00", "10"]])
        assert book["seq"] > 0
        assert book["crc32"] == zlib.crc32(b"62.00:10")
    gone = await shared["buyer"].send("DELETE", f"/v1/orders/{made['order']['id']}")
    assert gone.status_code == 200
    async with logged_on(shared, "buyer") as second:
        await second.ask("subscribe", channel="events", resume_from=told["event_id"])
        await second.until(lambda push: push.get("live"))
        missed = [push for push in second.pushed if "event_id" in push]
        assert [push["event_id"] for push in missed] == [
            told["event_id"] + number for number in range(1, len(missed) + 1)
        ]
        assert "order_cancelled" in [push["type"] for push in missed]
