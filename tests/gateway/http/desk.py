"""A whole exchange behind a real socket for the tests of its public face, and people who sign what they send."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from aiohttp import web

from gateway.access.acts_asked import ActsAsked
from gateway.access.authenticate import Authenticator
from gateway.access.keys import Algorithm, KeyStore, NewKey, Scope
from gateway.access.limits import RateLimits
from gateway.access.networks import read_network
from gateway.access.seal import Seal
from gateway.access.sign_in import people_signing_in
from gateway.engine.clock import ManualClock
from gateway.engine.entry import Entry
from gateway.engine.history.oversight import Oversight
from gateway.engine.looks import Looks
from gateway.engine.tables.journal import Projection
from gateway.engine.templates import Templates
from gateway.http.app import ROUTES, make_app, make_runner
from gateway.http.routing import Route
from gateway.http.services import HoldingsUnknown, HttpSettings, Services
from gateway.metrics import Metrics
from gateway.registry_report import RegistrySilent
from gateway.web.files import BuiltFile
from matching.commands import RecordReconciliation
from registry_bridge.signing import HmacKey, Signer, signed_headers
from settlement.events import LotSlice
from settlement.values import AccountId, TradingDay
from tests.gateway.engine.world import LOT, START_NS, Engine, engine, setting_up

SCOPES: Mapping[str, frozenset[Scope]] = {
    "seller": frozenset({Scope.READ, Scope.TRADE, Scope.NEGOTIATE, Scope.TRANSFER, Scope.OFFSET}),
    "buyer": frozenset({Scope.READ, Scope.TRADE, Scope.NEGOTIATE, Scope.TRANSFER, Scope.OFFSET}),
    "buyer2": frozenset({Scope.READ, Scope.TRADE, Scope.NEGOTIATE}),
    "reader": frozenset({Scope.READ}),
    "bank": frozenset({Scope.BANK}),
    "operator": frozenset({Scope.OPERATE, Scope.APPROVE}),
    "operator2": frozenset({Scope.OPERATE, Scope.APPROVE}),
    "supervisor": frozenset({Scope.READ, Scope.SUPERVISE}),
    "authority": frozenset({Scope.AUTHORITY}),
}
PARTICIPANTS = {name: f"{name}-person" for name in ("seller", "buyer", "buyer2")} | {"reader": "buyer-person"}
ACCOUNTS = {name: name for name in ("seller", "buyer", "buyer2")} | {"reader": "buyer"}


@dataclass(kw_only=True)
class Person:
    """Someone with a key."""

    url: str
    http: httpx.AsyncClient
    key: str
    signer: Signer
    secret: str = ""
    """As it was issued: base64."""
    language: str | None = None

    def headers(
        self, method: str, target: str, body: bytes, *, timestamp_ms: int | None = None
    ) -> dict[str, str]:
        headers = {} if self.language is None else {"Accept-Language": self.language}
        return headers | signed_headers(
            self.signer,
            key=self.key,
            method=method,
            target=target,
            timestamp_ms=time.time_ns() // 1_000_000 if timestamp_ms is None else timestamp_ms,
            body=body,
        )

    async def send(
        self, method: str, target: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        signed = self.headers(method, target, content)
        answer = await self.http.request(
            method, self.url + target, content=content or None, headers=signed | dict(headers or {})
        )
        hold_to_contract(method, target, answer)
        return answer

    async def get(self, target: str) -> Any:
        answer = await self.send("GET", target)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def order(self, client_id: str, **given: str) -> httpx.Response:
        return await self.send("POST", "/v1/orders", order_body(client_id, **given))


async def until(condition: Callable[[], bool], *, within_s: float = 10.0) -> None:
    """Wait for what must come; a test that waits in vain fails."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0)


def order_body(client_id: str, **given: str) -> dict[str, str]:
    plain = {"listing": "SHCERCIR1", "side": "buy", "type": "limit", "price": "68.00", "quantity": "10"}
    return plain | {"client_order_id": client_id, "time_in_force": "day"} | given


def route_of(method: str, path: str) -> Route | None:
    for route in ROUTES:
        parts, wanted = path.split("/"), route.path.split("/")
        if route.method == method and len(parts) == len(wanted):
            exact = all(w == p for w, p in zip(wanted, parts, strict=True) if not w.startswith("{"))
            if exact and ("{" not in route.path or route_of_exact(method, path) is None):
                return route
    return None


def route_of_exact(method: str, path: str) -> Route | None:
    return next((route for route in ROUTES if (route.method, route.path) == (method, path)), None)


def hold_to_contract(method: str, target: str, answer: httpx.Response) -> None:
    """Every good answer has the shape that its route promises; every other one is a problem document."""
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.text
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert problem["code"] == problem["errors"][0]["code"]
        assert problem["request_id"] == answer.headers["X-Request-Id"]
        return
    path = target.partition("?")[0]
    route = route_of(method, path)
    assert route is not None, target
    if path == "/v1/orders" and method == "GET" and "client_order_id=" in target:
        return
    if answer.status_code in route.otherwise:
        route.otherwise[answer.status_code].model_validate_json(answer.content)
        return
    assert answer.status_code == route.status
    if route.answer is not None and not answer.headers["Content-Type"].startswith(route.also or "nothing"):
        route.answer.model_validate_json(answer.content)


class MachineClock:
    """The machine's clock as people's log-ins are judged by it; a test may move it forward."""

    def __init__(self) -> None:
        self.ahead_s = 0

    def now_ns(self) -> int:
        return time.time_ns() + self.ahead_s * 1_000_000_000


@dataclass(kw_only=True)
class Desk:
    """The exchange and everybody at it."""

    engine: Engine
    services: Services
    url: str
    http: httpx.AsyncClient
    runner: web.AppRunner
    people: dict[str, Person] = field(default_factory=dict)
    holdings: dict[str, tuple[LotSlice, ...]] = field(default_factory=dict)
    registry_is_silent: bool = False
    machine: MachineClock = field(default_factory=MachineClock)

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    async def public(self, target: str, *, language: str | None = None) -> httpx.Response:
        headers = {} if language is None else {"Accept-Language": language}
        answer = await self.http.get(self.url + target, headers=headers)
        if target.startswith("/v1"):
            hold_to_contract("GET", target, answer)
        return answer

    async def person(
        self,
        name: str,
        scopes: frozenset[Scope],
        *,
        account: str | None,
        participant: str,
        networks: Sequence[str] = (),
    ) -> Person:
        new = NewKey(
            participant=participant,
            account=account,
            algorithm=Algorithm.HMAC_SHA256,
            scopes=scopes,
            label=name,
            created_by="test",
            networks=tuple(read_network(network) for network in networks),
        )
        issued = await self.services.keys.issue(new, at_ns=START_NS)
        assert issued.secret is not None
        signer = HmacKey(base64.b64decode(issued.secret))
        made = self.people[name] = Person(
            url=self.url, http=self.http, key=issued.key.key_id, signer=signer, secret=issued.secret
        )
        return made

    def connections(self) -> float | None:
        return self.services.metrics.registry.get_sample_value("puhui_ws_clients")

    async def stop(self) -> None:
        await self.runner.cleanup()

    async def everything(self) -> Any:
        """All that anybody owns, and where the journal stands; to show that something changed nothing."""
        views = self.engine.views
        return orjson.dumps(
            {
                "accounts": dict(views.accounts()),
                "open": [views.open_orders(name) for name in ("seller", "buyer", "buyer2")],
                "negotiated": views.open_negotiations(),
                "depth": views.depth("SHCERCIR1"),
            },
            option=orjson.OPT_NON_STR_KEYS,
        )


@asynccontextmanager
async def desk(
    dsn: str,
    *,
    settings: HttpSettings | None = None,
    set_up: bool = True,
    clock: ManualClock | None = None,
    market: str = "always-open",
    queue_limit: int = 5_000,
    projections: Sequence[Projection] = (),
    built: Mapping[str, BuiltFile] | None = None,
    public_url: str = "http://127.0.0.1",
) -> AsyncIterator[Desk]:
    """An exchange with a seller of 100,000 t and two buyers of ten million yuan each, behind a socket."""
    settings = settings or HttpSettings()
    machine = MachineClock()
    async with (
        engine(dsn, clock=clock, queue_limit=queue_limit, projections=projections) as running,
        people_signing_in(running.pool, Seal(b"k" * 32), now_ns=machine.now_ns) as sign_ins,
    ):
        if set_up and running.views.position == 0:
            await running.set_up()
        keys = await KeyStore.load(running.pool, Seal(b"k" * 32))
        holdings: dict[str, tuple[LotSlice, ...]] = {}

        async def management_holdings(account: AccountId) -> tuple[LotSlice, ...]:
            if made.registry_is_silent:
                raise HoldingsUnknown
            return holdings.get(account, ())

        async def reconcile() -> Entry:
            if made.registry_is_silent:
                raise RegistrySilent
            recording = RecordReconciliation(
                trading_day=TradingDay(running.views.market.trading_day or ""),
                breaks=0,
                digest_here="same",
                digest_there="same",
                on_demand=True,
            )
            return await running.sequencer.submit(recording)

        services = Services(
            sequencer=running.sequencer,
            journal=running.journal,
            views=running.views,
            history=running.history,
            templates=Templates(running.pool),
            keys=keys,
            acts_asked=ActsAsked(running.pool, Seal(b"k" * 32)),
            sign_ins=sign_ins,
            looks=Looks(running.pool),
            oversight=Oversight(running.pool),
            authenticator=Authenticator(keys, lambda: time.time_ns() // 1_000_000),
            clock=running.clock,
            limits=RateLimits(settings.quotas),
            metrics=Metrics(),
            management_holdings=management_holdings,
            reconcile=reconcile,
            settings=settings,
            public_url=public_url,
        )
        runner = make_runner(make_app(services, built), services, shutdown_s=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with httpx.AsyncClient(timeout=20) as http:
            made = Desk(
                engine=running,
                services=services,
                url=url,
                http=http,
                holdings=holdings,
                runner=runner,
                machine=machine,
            )
            for name, scopes in SCOPES.items():
                participant = PARTICIPANTS.get(name, name)
                await made.person(name, scopes, account=ACCOUNTS.get(name), participant=participant)
            try:
                yield made
            finally:
                await runner.cleanup()


__all__ = ["LOT", "START_NS", "Desk", "Person", "desk", "order_body", "setting_up", "until"]
