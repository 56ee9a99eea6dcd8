"""Bringing participants to a running exchange, through the doors an operator, a bank and a platform use."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from benchmarks.founding import CLASS_ONE, CLASSES, Opening, Openings
from gateway.composition.reference_registry import platform
from gateway.demo import METHODOLOGIES
from gateway.formats import money_text
from settlement.lot import Lot, Origin
from settlement.values import AssetCode, LotId
from tests.system.clients import Client, Participant, participant
from tests.system.running import RunningExchange, until

LIMIT_S: Final = 60.0
FIRST_SERIAL: Final = 1_000_000_000
"""Far beyond the demonstration's own."""
SCOPES: Final = ["read", "trade", "negotiate", "offset", "transfer"]


async def found(exchange: RunningExchange, openings: Openings) -> list[Participant]:
    """Admit these participants, each with an account of its own name, money, and units in the trading sub-account."""
    async with exchange.clients("operator", "bank") as staff:
        return await admit(exchange, openings, staff)


async def admit(
    exchange: RunningExchange, openings: Openings, staff: Mapping[str, Client]
) -> list[Participant]:
    """The same, by operators and a bank whose keys are not the demonstration's. `entity` has obligations to meet."""
    await _issue(exchange, openings)
    people = [await _admit(staff, role) for role in openings]
    for role, opening in openings.items():
        await _pay(staff["bank"], role, opening)
    async with exchange.acting(people) as clients:
        await asyncio.gather(*(_bring(clients[role], openings[role]) for role in openings))
        await _have_arrived(clients.values())
    return people


async def _issue(exchange: RunningExchange, openings: Openings) -> None:
    """At the platform: accounts, and a lot for each."""
    async with platform(exchange.data_dir) as reference:
        for number, (role, opening) in enumerate(openings.items()):
            await reference.open_account(f"R-{role}")
            for listing, tonnes in opening.units_tonnes.items():
                await reference.issue_lot(_lot(role, number, listing, tonnes), f"R-{role}")


def _lot(role: str, number: int, listing: AssetCode, tonnes: int) -> Lot:
    """All that the participant has of a class: serials of its own."""
    is_first_class = listing == CLASS_ONE
    code, version, *_ = METHODOLOGIES[0 if is_first_class else 1]
    first = FIRST_SERIAL * (number + 1)
    return Lot(
        lot_id=LotId(f"L-{role}" if is_first_class else f"L-{role}-2"),
        instrument=listing,
        methodology_class=CLASSES[listing],
        methodology=code,
        methodology_version=version,
        origin=Origin.PROJECT,
        project=f"project-{role}",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch="1",
        issued_on="2025-01-01",
        serials=(first, first + tonnes),
    )


async def _admit(staff: Mapping[str, Client], role: str) -> Participant:
    operator = staff["operator"]
    kind = "covered_entity" if role == "entity" else "institution"
    await operator.do("/v1/operator/participants", {"participant": role, "kind": kind})
    account = {"account": role, "owner": role, "registry_account": f"R-{role}"}
    await operator.do("/v1/operator/accounts", account)
    key = {"participant": role, "account": role, "algorithm": "hmac-sha256", "scopes": SCOPES}
    made = await operator.do("/v1/operator/keys", key | {"reason": f"agreement with {role}"})
    if "approval" in made:  # the rule book asks for two persons
        number = made["approval"]["id"]
        await staff["operator2"].do(f"/v1/operator/approvals/{number}/approve", {})
        used = await operator.do(f"/v1/operator/permits/{number}/use", {})
        made = {**used["key"], "secret": used["secret"]}
    return participant(role, made)


async def _pay(bank: Client, role: str, opening: Opening) -> None:
    body = {
        "client_id": f"opening-{role}",
        "account": role,
        "amount": money_text(opening.cash_fen),
        "bank_reference": f"opening-{role}",
    }
    await bank.do("/v1/bank/deposits", body)


async def _bring(client: Client, opening: Opening) -> None:
    """Ask until the exchange has heard of the lot, which it does within seconds of its issue."""
    for listing, tonnes in opening.units_tonnes.items():
        body = {"client_id": f"opening-{listing}", "listing": listing, "quantity": str(tonnes)}

        async def is_taken(body: dict[str, Any] = body) -> bool:
            return (await client.call("POST", "/v1/transfers-in", body)).is_done

        await until(is_taken, LIMIT_S, f"the units of {client.owner.name} are on their way", pause_s=0.5)


async def _have_arrived(clients: Iterable[Client]) -> None:
    for client in clients:

        async def is_here(client: Client = client) -> bool:
            transfers = (await client.get("/v1/transfers-in"))["items"]
            return all(transfer["state"] == "completed" for transfer in transfers)

        await until(is_here, LIMIT_S, f"the units of {client.owner.name} have arrived", pause_s=0.1)
