"""A person at a browser: keeps the cookie, sends the CSRF token, and says which page it comes from."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from gateway.access.keys import Scope
from gateway.access.people import NewPerson
from tests.gateway.http.desk import ACCOUNTS, PARTICIPANTS, SCOPES, Desk, hold_to_contract

PASSWORD = "correct horse battery staple"
COOKIE = "puhui_session"


class Browser:
    """One browser with its cookie jar."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.http = http
        self.csrf: str | None = None
        self.session: dict[str, Any] = {}

    @property
    def token(self) -> str | None:
        return self.http.cookies.get(COOKIE)

    async def send(
        self, method: str, target: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {} if method == "GET" else {"Origin": self.url}
        if method != "GET" and self.csrf is not None:
            sent["X-CSRF-Token"] = self.csrf
        content = None if body is None else orjson.dumps(body)
        answer = await self.http.request(
            method, self.url + target, content=content, headers=sent | dict(headers or {})
        )
        hold_to_contract(method, target, answer)
        return answer

    async def sign_in(self, name: str, password: str = PASSWORD, code: str | None = None) -> httpx.Response:
        given = {"name": name, "password": password} | ({} if code is None else {"code": code})
        answer = await self.send("POST", "/v1/session", given)
        if answer.status_code == 201:
            self._keep(answer)
        return answer

    async def ok(self, method: str, target: str, body: Any = None) -> Any:
        answer = await self.send(method, target, body)
        assert answer.status_code < 300, answer.text
        if target in {"/v1/session", "/v1/session/password"} and method != "DELETE":
            self._keep(answer)
        return answer.json()

    async def refused(
        self, method: str, target: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        answer = await self.send(method, target, body, headers=headers)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    def _keep(self, answer: httpx.Response) -> None:
        self.session = answer.json()
        self.csrf = self.session["csrf"]


async def admit(
    exchange: Desk,
    name: str,
    *,
    like: str = "",
    scopes: frozenset[Scope] | None = None,
    password: str = PASSWORD,
    participant: str | None = None,
    account: str | None = None,
) -> None:
    """Let somebody in who may do what the person with that key may, for that account where one is named."""
    like = like or name
    new = NewPerson(
        name=name,
        participant=participant or PARTICIPANTS.get(like, like),
        account=account or ACCOUNTS.get(like),
        scopes=SCOPES[like] if scopes is None else scopes,
        created_by="test",
    )
    await exchange.services.sign_ins.add(new, password=password)


@asynccontextmanager
async def browser(
    exchange: Desk, name: str | None = None, *, password: str = PASSWORD, address: str | None = None
) -> AsyncIterator[Browser]:
    """A browser; logged in where somebody is named, and at another address of this machine where that is."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    async with httpx.AsyncClient(timeout=20, transport=transport) as http:
        opened = Browser(exchange.url, http)
        if name is not None:
            answer = await opened.sign_in(name, password)
            assert answer.status_code == 201, answer.text
        yield opened
