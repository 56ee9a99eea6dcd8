"""The reference registry's door: who is let in, what is bounded, and that every answer is signed."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from gateway.postgres.embedded import EmbeddedPostgres
from registry_bridge.capabilities import WHOLE_PROTOCOL
from registry_bridge.http_administration import AdministrationRefused, HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.keys import load_signer, load_verifier
from registry_bridge.reference import answers
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    RefusalCode,
    Refused,
    RegistryUnavailable,
    Unknown,
    UnknownReason,
)
from registry_bridge.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    NotAuthentic,
    check_answer,
    signed_headers,
)
from registry_bridge.wire import MAX_BODY_BYTES, MAX_MOVEMENT_BYTES, movement_json, write
from registry_bridge.wire_capabilities import CapabilitiesBody
from settlement.lot import MethodologyClass
from tests.registry_bridge.conftest import Service
from tests.registry_bridge.examples import DAY, deliver, issue, transfer_in

TIME = "/registry/v1/time"


class Caller:
    """Speaks to the service with another HTTP library and says exactly what a test wants said."""

    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self._service = service
        self._client = client
        self._registry = load_verifier(service.keys / "registry.pub")
        self._last_ms = 0

    async def call(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        key: str = EXCHANGE_KEY,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer, whose signature is checked on the way."""
        made = self.sign(method, target, body, key=key) if headers is None else headers
        answer = await self._client.request(method, target, content=body, headers=made)
        outcome = check_answer(
            self._registry,
            status=answer.status_code,
            target=target,
            timestamp=answer.headers.get(TIMESTAMP_HEADER),
            signature=answer.headers.get(SIGNATURE_HEADER),
            body=answer.content,
            request_signature=made.get(SIGNATURE_HEADER, ""),
        )
        assert not isinstance(outcome, NotAuthentic), outcome
        said = json.loads(answer.content)
        assert said["registry_time"].endswith("+08:00")
        return answer.status_code, said

    def sign(
        self, method: str, target: str, body: bytes = b"", *, key: str = EXCHANGE_KEY, skew_ms: int = 0
    ) -> dict[str, str]:
        self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
        signer = load_signer(self._service.keys / f"{key}.pem")
        return signed_headers(
            signer, key=key, method=method, target=target, timestamp_ms=self._last_ms + skew_ms, body=body
        )


@pytest.fixture
async def caller(service: Service) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        yield Caller(service, client)


async def test_a_signed_request_is_answered_signed(caller: Caller) -> None:
    assert await caller.call("GET", TIME) == (200, {"registry_time": "2026-11-22T14:30:00.000000+08:00"})


async def test_it_says_what_it_promises(caller: Caller) -> None:
    status, said = await caller.call("GET", "/registry/v1/capabilities")
    assert (status, CapabilitiesBody.model_validate_json(write(said)).value()) == (200, WHOLE_PROTOCOL)


async def test_a_401_says_which_part_failed(caller: Caller) -> None:
    good = caller.sign("GET", TIME)
    assert (await caller.call("GET", TIME, headers=good))[0] == 200
    cases = [
        ({}, "header_missing"),
        (good, "signature_replayed"),
        (good | {"X-Key": "nobody"}, "key_unknown"),
        (good | {"X-Timestamp": "now"}, "timestamp_malformed"),
        (caller.sign("GET", TIME, skew_ms=-60_000), "clock_skew"),
        (caller.sign("POST", TIME), "signature_wrong"),
        (caller.sign("GET", TIME + "?a=1"), "signature_wrong"),
        (caller.sign("GET", TIME, b"body"), "signature_wrong"),
        (caller.sign("GET", TIME, key=ADMIN_KEY) | {"X-Key": EXCHANGE_KEY}, "signature_wrong"),
    ]
    for headers, fault in cases:
        status, said = await caller.call("GET", TIME, headers=headers)
        assert (status, said["code"], said["detail"]) == (401, "not_authenticated", fault)
        if fault == "clock_skew":
            assert -61_000 < said["skew_ms"] < -59_000


async def test_a_signature_that_is_none_is_refused(caller: Caller, service: Service) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        headers = caller.sign("GET", TIME) | {"X-Signature": "not base64"}
        answer = await client.get(TIME, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (401, "signature_malformed")


async def test_each_key_opens_its_own_side_only(caller: Caller) -> None:
    status, said = await caller.call("GET", TIME, key=ADMIN_KEY)
    assert (status, said["code"]) == (403, "not_permitted")
    body = write({"account": "a", "kind": "institution"})
    status, said = await caller.call("POST", "/registry/admin/v1/accounts", body)
    assert (status, said["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/registry/v1/nothing"),
        ("PUT", "/registry/v1/movements"),
        ("DELETE", "/registry/v1/movements/d1"),
        ("PUT", "/registry/v1/movements/d1"),
    ],
)
async def test_what_is_no_call_is_not_taken_for_a_missing_movement(
    caller: Caller, method: str, target: str
) -> None:
    status, said = await caller.call(method, target)
    assert (status, said["code"]) == (404, "no_such_call")


@pytest.mark.parametrize(
    "target",
    [
        "/registry/v1/movements/%2e%2e",
        "/registry/v1/movements/a%20b",
        "/registry/v1/movements/" + "x" * 65,
        "/registry/v1/movements?after=-1",
        "/registry/v1/movements?after=1&after=2",
        "/registry/v1/movements?before=1",
        "/registry/v1/lots?after=" + "9" * 30,
        "/registry/v1/positions?after=%00",
        "/registry/v1/positions?after=W10=",
        "/registry/v1/positions?as_of=x",
        "/registry/v1/accounts/a?after=" + base64.urlsafe_b64encode(b'["a","\\u0000",1]').decode(),
    ],
)
async def test_malformed_questions_are_refused(caller: Caller, target: str) -> None:
    status, said = await caller.call("GET", target)
    assert (status, said["code"]) == (400, "malformed"), said


async def test_a_malformed_movement_decides_nothing(caller: Caller) -> None:
    body = movement_json(deliver("d1", ((1, 2),))) | {"price": 1}
    status, said = await caller.call("POST", "/registry/v1/movements", write(body))
    assert (status, said["code"]) == (400, "malformed")
    assert said["detail"] == "price: extra_forbidden"
    assert (await caller.call("GET", "/registry/v1/movements/d1"))[0] == 404


async def test_a_body_has_a_bound(caller: Caller) -> None:
    for path, limit_bytes in (("movements", MAX_MOVEMENT_BYTES), ("accounts/a/binding", MAX_BODY_BYTES)):
        for size, wanted in ((limit_bytes, (400, "malformed")), (limit_bytes + 1, (413, "too_large"))):
            status, said = await caller.call("POST", f"/registry/v1/{path}", b" " * size)
            assert (status, said["code"]) == wanted


async def test_bodies_at_a_time_have_a_bound(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_BYTES_IN_FLIGHT", MAX_MOVEMENT_BYTES - 1)
    status, said = await caller.call("POST", "/registry/v1/movements", b"{}")
    assert (status, said["code"]) == (503, "overloaded")
    assert (await caller.call("GET", TIME))[0] == 200


async def test_too_many_at_once_are_turned_away(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_IN_FLIGHT", 0)
    status, said = await caller.call("GET", TIME)
    assert (status, said["code"]) == (503, "overloaded")


async def test_positions_of_the_future_are_not_told(caller: Caller) -> None:
    status, said = await caller.call("GET", "/registry/v1/positions?as_of=1")
    assert (status, said["code"]) == (404, "not_yet")


async def test_health_is_asked_without_a_signature(service: Service) -> None:
    async with httpx.AsyncClient(base_url=service.url) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def filled(administration: HttpAdministration) -> None:
    await administration.open_account("seller", AccountKind.INSTITUTION)
    await administration.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await administration.issue_lot(issue())


async def test_administration_may_be_repeated(administration: HttpAdministration) -> None:
    await filled(administration)
    await filled(administration)
    transfer: dict[str, Any] = {
        "transfer_id": "t1",
        "account": "seller",
        "lot": "LOT-1",
        "trading_day": DAY,
        "serials": ((1, 11),),
    }
    first = await administration.transfer_by_owner(**transfer)
    assert isinstance(first, Confirmed) and await administration.transfer_by_owner(**transfer) == first
    with pytest.raises(AdministrationRefused, match="request_id_reused"):
        await administration.transfer_by_owner(**transfer | {"serials": ((1, 12),)})
    late = await administration.transfer_by_owner(**transfer | {"transfer_id": "t2"})
    assert isinstance(late, Refused) and late.code is RefusalCode.SERIALS_NOT_HELD


async def test_a_name_has_one_content(administration: HttpAdministration) -> None:
    await filled(administration)
    with pytest.raises(AdministrationRefused, match="name_taken"):
        await administration.open_account("seller", AccountKind.INDIVIDUAL)
    with pytest.raises(AdministrationRefused, match="name_taken"):
        await administration.publish_methodology(
            code="SHCER-I", version="V01", methodology_class=MethodologyClass.II, title="t"
        )
    with pytest.raises(AdministrationRefused, match="name_taken"):
        await administration.issue_lot(issue(quantity=5))


async def test_what_is_not_known_is_said(administration: HttpAdministration) -> None:
    await filled(administration)
    with pytest.raises(AdministrationRefused, match="name_unknown"):
        await administration.issue_lot(issue("LOT-9", methodology="NONE"))
    with pytest.raises(AdministrationRefused, match="name_unknown"):
        await administration.freeze(account="nobody", reason="Order")
    with pytest.raises(AdministrationRefused, match="name_unknown"):
        await administration.freeze(lot="NONE", reason="Order")
    number = await administration.freeze(lot="LOT-1", serials=((1, 5),), reason="Order")
    await administration.unfreeze(number, "Lifted")
    with pytest.raises(AdministrationRefused, match="name_unknown"):
        await administration.unfreeze(number, "Lifted")
    with pytest.raises(AdministrationRefused, match="malformed"):
        await administration.freeze(account="seller", lot="LOT-1", reason="Order")


async def test_a_lot_ascends(administration: HttpAdministration) -> None:
    await filled(administration)
    with pytest.raises(AdministrationRefused, match="malformed"):
        await administration.issue_lot(issue("LOT-2", quantity=0))


async def test_a_database_that_is_gone_is_no_answer(
    service: Service,
    registry: HttpRegistry,
    administration: HttpAdministration,
    postgres: EmbeddedPostgres,
) -> None:
    await filled(administration)
    connection = await asyncpg.connect(service.database)
    name = await connection.fetchval("select current_database()")
    await connection.close()
    server = await asyncpg.connect(postgres.dsn)
    try:
        await server.execute(f'alter database "{name}" allow_connections false')
        await server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
        )
        answer = await registry.move(transfer_in("x", ((1, 2),)))
        assert isinstance(answer, Unknown) and answer.why is UnknownReason.OVERLOADED
        with pytest.raises(RegistryUnavailable):
            await registry.lots()
        await server.execute(f'alter database "{name}" allow_connections true')
    finally:
        await server.close()
    assert (await registry.lots()).lots[0].lot == "LOT-1"
