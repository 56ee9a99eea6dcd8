"""What is another's cannot be read or changed, by any call or op, nor is it told whether it is there.

A covered entity owns one of everything that has an owner. A stranger with every right of a trader names its account
and its objects in every call of the table: each is refused in the very words that answer a name nobody has. A call
that is in neither table below fails the test.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson
import pytest
import pytest_asyncio

from gateway.access.keys import Scope
from gateway.access.sessions import csrf_of
from gateway.engine.clock import ManualClock
from gateway.formats import time_text
from gateway.http.app import ROUTES
from gateway.http.routing import Route
from gateway.http.services import HttpSettings
from gateway.http.stream.ops import OPS
from settlement.account import ParticipantKind
from settlement.commands import AddInstrument, RegisterLot, RegisterParticipant
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass
from settlement.values import LotId, ParticipantId
from tests.gateway.engine.world import START_NS, deposit
from tests.gateway.http.browser import COOKIE
from tests.gateway.http.desk import Desk, desk, order_body
from tests.gateway.http.test_http_access import name_of, signed_in
from tests.gateway.http.test_http_bulletins import close
from tests.gateway.http.test_http_mandates import granted
from tests.gateway.http.test_http_negotiated import filed
from tests.gateway.http.test_http_offsets import LOTS, TWO, YEAR, admit, answer_registry, offset, send
from tests.gateway.http.wire import wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWNER, STRANGER, NOBODY, NO_ID = "covered", "stranger", "nobody", "999999"
TRADERS: Final = {Scope.READ, Scope.TRADE, Scope.NEGOTIATE, Scope.TRANSFER, Scope.OFFSET}
USE: Final = {"purpose": "voluntary_offset", "beneficiary": "x", "listing": "SHCERCIR1", "quantity": "3"}
MOVE: Final = {"lots": [{"lot": "ONE", "quantity": "1"}]}
TERMS: Final = {"listing": "SHCERCIR1", "side": "sell", "price": "68.00", "quantity": "10"}
STEP: Final = {"client_id": "step"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """How one call is tried: its body but for account and ids, and whose ids stand in its path."""

    body: Mapping[str, Any] | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    """Name in the path → which of the owner's objects, a key of `Owned.ids`."""
    parameter: str = "account"
    """How an account is named."""


CASES: Final[Mapping[str, Case]] = {
    "POST /v1/orders": Case(body=order_body("o")),
    "POST /v1/orders/batch": Case(body={"orders": [order_body("o")]}),
    "GET /v1/orders": Case(),
    "GET /v1/orders/{order_id}": Case(path={"order_id": "order"}),
    "DELETE /v1/orders/{order_id}": Case(path={"order_id": "order"}),
    "DELETE /v1/orders": Case(),
    "POST /v1/orders/preview": Case(body=order_body("o")),
    "PATCH /v1/orders/{order_id}": Case(
        body={"client_id": "r", "price": "67.00"}, path={"order_id": "order"}
    ),
    "POST /v1/cancel-all-after": Case(body={"timeout_s": 30}),
    "POST /v1/negotiated-transfers": Case(body={"client_id": "n", **TERMS, "counterparty": "seller"}),
    "GET /v1/negotiated-transfers": Case(),
    "GET /v1/negotiated-transfers/{transfer_id}": Case(path={"transfer_id": "negotiated"}),
    **{
        f"POST /v1/negotiated-transfers/{{transfer_id}}/{word}": Case(
            body={**STEP, **more}, path={"transfer_id": "negotiated"}
        )
        for word, more in (
            ("confirm", {"terms_hash": "0" * 64}),
            ("counter", {"price": "68.00", "quantity": "10"}),
            ("decline", {}),
            ("withdraw", {}),
        )
    },
    "GET /v1/negotiated-templates": Case(),
    "PUT /v1/negotiated-templates/{name}": Case(body=TERMS, path={"name": "template"}),
    "DELETE /v1/negotiated-templates/{name}": Case(path={"name": "template"}),
    "GET /v1/account": Case(),
    "GET /v1/account/lots": Case(),
    "GET /v1/trades": Case(),
    "GET /v1/events": Case(),
    "POST /v1/transfers-in": Case(body={"client_id": "t", **MOVE}),
    "GET /v1/transfers-in": Case(),
    "GET /v1/transfers-in/{transfer_id}": Case(path={"transfer_id": "transfer_in"}),
    "POST /v1/transfers-out": Case(body={"client_id": "t", **MOVE}),
    "GET /v1/transfers-out": Case(),
    "GET /v1/transfers-out/{transfer_id}": Case(path={"transfer_id": "transfer_out"}),
    "POST /v1/offsets/quote": Case(body={"compliance_year": 2025, "listing": "SHCERCIR1", "quantity": "1"}),
    "POST /v1/offsets": Case(body=offset("u")),
    "GET /v1/offsets": Case(),
    "GET /v1/offsets/{use_id}": Case(path={"use_id": "offset"}),
    "POST /v1/offsets/{use_id}/withdraw": Case(body=STEP, path={"use_id": "offset"}),
    "GET /v1/offsets/{use_id}/certificate": Case(path={"use_id": "offset_done"}),
    "GET /v1/uses": Case(parameter="entity"),
    "POST /v1/retirements": Case(body={"client_id": "u", **USE}),
    "GET /v1/retirements": Case(),
    "GET /v1/retirements/{use_id}": Case(path={"use_id": "retirement"}),
    "POST /v1/retirements/{use_id}/withdraw": Case(body=STEP, path={"use_id": "retirement"}),
    "GET /v1/retirements/{use_id}/certificate": Case(path={"use_id": "retirement_done"}),
    "GET /v1/purchases/{reference}/certificate": Case(path={"reference": "purchase"}),
    "POST /v1/cash/withdrawals": Case(body={"client_id": "w", "amount": "1.00"}),
    "GET /v1/cash/withdrawals": Case(),
    "GET /v1/cash/withdrawals/{withdrawal_id}": Case(path={"withdrawal_id": "withdrawal"}),
    "GET /v1/account/statements/{date}": Case(path={"date": "day"}),
    "GET /v1/mandates": Case(),
    "DELETE /v1/sessions/{session}": Case(path={"session": "session"}),
}
"""Every call that is a trader's, and can name what may be another's."""

OF_THE_CALLER_ALONE: Final = {
    "GET /v1/limits",
    "POST /v1/auth/check",
    "POST /v1/auth/rotate",  # names a key, and takes only the one that signs
    "GET /v1/session",
    "DELETE /v1/session",
    "POST /v1/session/password",
    "POST /v1/session/totp",
    "POST /v1/session/totp/confirm",
    "POST /v1/session/totp/remove",
    "GET /v1/sessions",
}
"""Calls in which nobody can be named."""

NOT_AN_ID: Final = {"template", "day"}
"""Names that may be anybody's at once: only the account tells whose is meant."""


OPS_CASES: Final[Mapping[str, Mapping[str, str]]] = {
    "subscribe": {"channel": "events"},
    "order.submit": order_body("o"),
    "order.replace": {"client_id": "r", "price": "67.00", "order_id": "order"},
    "order.cancel": {"order_id": "order"},
    "negotiated.file": {"client_id": "n", **TERMS, "counterparty": "seller"},
    "negotiated.confirm": {"client_id": "n", "terms_hash": "0" * 64, "transfer_id": "negotiated"},
    "negotiated.counter": {"client_id": "n", "price": "68.00", "quantity": "10", "transfer_id": "negotiated"},
    "negotiated.decline": {"client_id": "n", "transfer_id": "negotiated"},
    "negotiated.withdraw": {"client_id": "n", "transfer_id": "negotiated"},
}
"""Ops that name an account, or an object of one."""
OPS_OF_NOBODY: Final = {"logon", "logout", "unsubscribe", "resync", "ping"}


@dataclass(kw_only=True)
class Owned:
    """The exchange, and what of it is the owner's."""

    exchange: Desk
    ids: dict[str, str]
    cookie: Mapping[str, str]
    """The stranger's, logged in."""


def has_an_owner(route: Route) -> bool:
    return route.scope in TRADERS or (route.scope == "any" and name_of(route) not in OF_THE_CALLER_ALONE)


async def everything_owned(exchange: Desk) -> dict[str, str]:
    """One of everything, some of it completed on a day that is closed."""
    entity, operator = exchange[OWNER], exchange["operator"]
    await exchange.engine.do(deposit(OWNER, 10_000_000, "for the entity"))
    ids = {}
    ids["offset_done"] = (await send(entity, "/v1/offsets", offset("o1")))["id"]
    ids["retirement_done"] = (await send(entity, "/v1/retirements", {**USE, "client_id": "r1"}))["id"]
    use = {name: USE[name] for name in ("purpose", "beneficiary")}
    bought = {**order_body("b1", quantity="2"), "use": use}
    await exchange["seller"].order("s1", side="sell", quantity="2")
    trade = (await send(entity, "/v1/orders", bought))["trades"][0]["id"]
    await answer_registry(exchange)
    ids["day"] = await close(exchange)
    ids["purchase"] = f"trade-{trade}"
    ids["order"] = (await send(entity, "/v1/orders", order_body("b2", price="66.00")))["order"]["id"]
    ids["negotiated"] = (await filed(exchange, "n1", who=OWNER, counterparty="buyer"))["id"]
    ids["withdrawal"] = (await send(entity, "/v1/cash/withdrawals", {"client_id": "w1", "amount": "1.00"}))[
        "id"
    ]
    exchange.holdings[OWNER] = (LotSlice(lot_id=LotId("ONE"), serials=((1_000_090, 1_000_101),)),)
    out = {"client_id": "t1", "lots": [{"lot": "ONE", "serials": [[1_000_090, 1_000_100]]}]}
    ids["transfer_out"] = (await send(entity, "/v1/transfers-out", out))["id"]
    await answer_registry(exchange)
    back = {"client_id": "t2", "lots": [{"lot": "ONE", "serials": [[1_000_090, 1_000_092]]}]}
    ids["transfer_in"] = (await send(entity, "/v1/transfers-in", back))["id"]
    ids["offset"] = (await send(entity, "/v1/offsets", offset("o2", quantity="1")))["id"]
    ids["retirement"] = (await send(entity, "/v1/retirements", {**USE, "client_id": "r2"}))["id"]
    template = await entity.send("PUT", "/v1/negotiated-templates/mine", TERMS)
    assert template.status_code == 200, template.text
    ids["template"] = "mine"
    delegate = ParticipantId("delegate-person")
    await exchange.engine.do(
        RegisterParticipant(participant=delegate, kind=ParticipantKind.PROJECT_APPLICANT)
    )
    mandate = {"account": OWNER, "participant": delegate}
    ids["mandate"] = await granted(exchange, **mandate)
    assert (await operator.get("/v1/operator/mandates"))["items"]
    return ids


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owned(module_database: str) -> AsyncIterator[Owned]:
    async with desk(
        module_database, settings=HttpSettings(quotas={}), clock=ManualClock(START_NS)
    ) as exchange:
        await exchange.engine.do(
            AddInstrument(instrument=Instrument(code=TWO, methodology_class=MethodologyClass.II)),
            *(RegisterLot(lot=one) for one in LOTS),
        )
        await admit(exchange, OWNER, ParticipantKind.COVERED_ENTITY, LOTS)
        await admit(exchange, STRANGER, ParticipantKind.COVERED_ENTITY)
        deadline = time_text(START_NS + 40 * 86_400 * 10**9)
        await send(exchange["operator"], "/v1/operator/compliance-years", {**YEAR, "deadline": deadline})
        ids = await everything_owned(exchange)
        _, theirs = await signed_in(exchange, "seller")
        token, _ = await signed_in(exchange, "buyer")
        ids["session"] = theirs.session
        cookie = {"Cookie": f"{COOKIE}={token}", "X-CSRF-Token": csrf_of(token)}
        yield Owned(exchange=exchange, ids=ids, cookie=cookie)


def made_up(real: str) -> str:
    """An id of the same kind that nothing has."""
    head, _, tail = real.rpartition("-")
    return f"{head}-{NO_ID}" if head and tail.isdigit() else NO_ID if real.isdigit() else f"{real}9"


def without_names(answer: Any, names: tuple[str, ...]) -> Any:
    """What was answered, but for whose name was asked for, and when."""
    text = orjson.dumps(answer).decode()
    text = re.sub(r'"(request_id|server_time)":"[^"]*"', r'"\1":""', text)
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, "…")
    return orjson.loads(text)


class Asking:
    """The stranger, and the numbers of its requests: an id of its own is used once."""

    def __init__(self, owned: Owned, route: Route) -> None:
        self.owned, self.route, self.case = owned, route, CASES[name_of(route)]
        self._asked = 0

    @property
    def takes_an_account(self) -> bool:
        shapes = [shape for shape in (self.route.body, self.route.query) if shape is not None]
        return "orders" in (self.case.body or {}) or any(
            self.case.parameter in shape.model_fields for shape in shapes
        )

    async def ask(self, *, account: str | None, ids: Mapping[str, str]) -> tuple[int, Any]:
        """The status and the answer, without the names that were asked for."""
        path, case = self.route.path.format(**ids), self.case
        body = None if case.body is None else self._named(dict(case.body), account)
        if case.body is None and account is not None:
            path += f"?{case.parameter}={account}{'-person' if case.parameter == 'entity' else ''}"
        answer = await self._send(path, body)
        told = without_names(answer.json(), (account or "", *ids.values()))
        assert OWNER not in orjson.dumps(told).decode(), told
        return answer.status_code, told

    def _named(self, body: dict[str, Any], account: str | None) -> dict[str, Any]:
        self._asked += 1
        if "orders" in body:
            return {"orders": [self._named(dict(order), account) for order in body["orders"]]}
        own_id = next((name for name in ("client_id", "client_order_id") if name in body), None)
        if own_id is not None:
            body[own_id] = f"{abs(hash(self.route.path)) % 10**9}-{self.route.method}-{self._asked}"
        return body if account is None else body | {"account": account}

    async def _send(self, target: str, body: Any) -> httpx.Response:
        exchange = self.owned.exchange
        if self.route.by == "session":
            url = exchange.url + target
            return await exchange.http.request(self.route.method, url, headers=self.owned.cookie)
        return await exchange[STRANGER].send(self.route.method, target, body)


def is_nothing(status: int, told: Any) -> bool:
    """Whether an answer gave nothing and did nothing: a refusal, or a list that is empty."""
    if "results" in told:
        return all(not result["ok"] for result in told["results"])
    return status in (403, 404, 409) or (status == 200 and told.get("items") == [])


async def test_every_call_of_traders_has_its_case() -> None:
    assert {name_of(route) for route in ROUTES if has_an_owner(route)} == CASES.keys()
    assert OPS_CASES.keys() | OPS_OF_NOBODY == OPS.keys()


@pytest.mark.parametrize("route", [route for route in ROUTES if has_an_owner(route)], ids=name_of)
async def test_what_is_anothers_is_as_unknown_as_what_nobody_has(owned: Owned, route: Route) -> None:
    exchange, asking = owned.exchange, Asking(owned, route)
    before = await exchange.everything()
    told_before = await exchange.engine.history.last_event_id(OWNER)
    theirs = {name: owned.ids[what] for name, what in asking.case.path.items()}
    tried = 0
    if asking.takes_an_account:
        found = await asking.ask(account=OWNER, ids=theirs)
        assert is_nothing(*found), found
        assert found == await asking.ask(account=NOBODY, ids=theirs)
        tried += 1
    if theirs and not NOT_AN_ID & set(asking.case.path.values()):
        found = await asking.ask(account=None, ids=theirs)
        assert is_nothing(*found), found
        assert found == await asking.ask(
            account=None, ids={name: made_up(real) for name, real in theirs.items()}
        )
        tried += 1
    assert tried, "a case that tries nothing"
    assert await exchange.everything() == before
    assert await exchange.engine.history.last_event_id(OWNER) == told_before


@pytest.mark.parametrize("op", OPS_CASES)
async def test_no_op_reaches_what_is_anothers(owned: Owned, op: str) -> None:
    exchange, given = owned.exchange, dict(OPS_CASES[op])
    before = await exchange.everything()
    named: list[str] = [name for name in ("order_id", "transfer_id") if name in given]
    theirs: dict[str, str] = {name: owned.ids[given[name]] for name in named}
    asked = 0

    async def ask(*, account: str | None, ids: Mapping[str, str]) -> Any:
        nonlocal asked
        asked += 1
        own = {name: f"{op}-{asked}" for name in ("client_id", "client_order_id") if name in given}
        whose = {} if account is None else {"account": account}
        error = await socket.refused(op, **(given | dict(ids) | own | whose))
        assert error["status"] in (403, 404, 409), error
        return without_names(error, (account or "", *ids.values()))

    async with wire(exchange) as socket:
        await socket.logon(exchange[STRANGER])
        assert await ask(account=OWNER, ids=theirs) == await ask(account=NOBODY, ids=theirs)
        if theirs:
            unknown: dict[str, str] = {name: made_up(real) for name, real in theirs.items()}
            assert await ask(account=None, ids=theirs) == await ask(account=None, ids=unknown)
    assert await exchange.everything() == before


async def test_the_owner_itself_finds_all_of_it(owned: Owned) -> None:
    """Or the walk above would prove nothing."""
    for route in ROUTES:
        if route.method != "GET" or name_of(route) not in CASES or route.by == "session":
            continue
        case = CASES[name_of(route)]
        path = route.path.format(**{name: owned.ids[what] for name, what in case.path.items()})
        found = await owned.exchange[OWNER].get(path)
        assert found.get("items") != [] or path == "/v1/trades", path
