"""A delivery of very many serial ranges, which once was answered 400 or 413 for ever, goes over the line."""

import asyncio

from registry_bridge.http_administration import HttpAdministration
from registry_bridge.http_registry import HttpRegistry
from registry_bridge.registry import AccountKind, Answer, Confirmed, Movement, RefusalCode, Refused, Unknown
from registry_bridge.wire import MAX_BODY_BYTES, movement_json, write
from settlement.lot import MethodologyClass
from tests.registry_bridge.examples import deliver, issue, transfer_in

RANGES = 6_000
FIRST = 1 << 60
"""Long serials make a large body of few ranges."""


async def decided(registry: HttpRegistry, asked: Movement) -> Answer:
    """The final answer, asked for as the bridge does."""
    answer = await registry.move(asked)
    async with asyncio.timeout(60):
        while isinstance(answer, Unknown):
            await asyncio.sleep(0.1)
            answer = await registry.ask(asked.request_id)
    return answer


async def test_a_delivery_in_thousands_of_pieces_is_made(
    registry: HttpRegistry, administration: HttpAdministration
) -> None:
    for account in ("seller", "buyer"):
        await administration.open_account(account, AccountKind.INSTITUTION)
        await registry.bind(account, f"T-{account}")
    await administration.publish_methodology(
        code="SHCER-I", version="V01", methodology_class=MethodologyClass.I, title="t"
    )
    await administration.issue_lot(issue(quantity=2 * RANGES))
    scattered = tuple((first, first + 1) for first in range(1, 2 * RANGES, 2))
    for asked in (transfer_in("in", scattered), deliver("out", scattered)):
        assert isinstance(await decided(registry, asked), Confirmed)
    found = await registry.account("buyer")
    assert found is not None
    assert tuple((one.first, one.end) for one in found.holdings) == scattered
    page = await registry.journal(1)
    assert page.entries[0].legs[0].serials == scattered


async def test_a_movement_larger_than_any_other_request_reaches_the_registry(registry: HttpRegistry) -> None:
    asked = deliver("big", tuple((FIRST + 2 * n, FIRST + 2 * n + 1) for n in range(5 * RANGES)))
    assert len(write(movement_json(asked))) > MAX_BODY_BYTES
    answer = await decided(registry, asked)
    assert isinstance(answer, Refused)
    assert answer.code is RefusalCode.ACCOUNT_UNKNOWN
