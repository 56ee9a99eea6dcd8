"""Traders, a bank and an operator at work on a running exchange, and a notebook of what each was answered.

Every request stands in the notebook before it is sent. When its answer is lost it stays *open*: nobody knows whether it
was taken, which the exchange has to tell once it runs again.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx

from gateway.formats import price_text
from tests.system.clients import Answer, Client

TRADERS: Final = ("seller", "buyer", "buyer2", "entity")
STAFF: Final = ("bank", "operator")
LISTINGS: Final = ("SHCERCIR1", "SHCERCIIR1")
WORKERS: Final = 2
"""Concurrent requests of each trader."""
PAUSE_S: Final = 0.008
SPREAD_FEN: Final = 25

Kind = Literal["order", "cancel", "deposit", "transfer", "close"]


@dataclass(kw_only=True, slots=True, eq=False)
class Request:
    """Something asked of the exchange, and what it said."""

    by: str
    kind: Kind
    method: str
    target: str
    body: dict[str, Any] | None
    answer: Answer | None = None
    """None while nothing is known, also when the exchange itself does not know."""
    doubt: str = ""
    """What the exchange said when it did not know."""

    async def send(self, client: Client) -> None:
        """Ask. A lost connection leaves it open, and is raised."""
        answer = await client.call(self.method, self.target, self.body)
        if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR and answer.body["state"] == "unknown":
            self.doubt = answer.code
            return
        self.answer = answer

    @property
    def is_done(self) -> bool:
        """Whether the exchange has said that it was done, and is durable."""
        return self.answer is not None and self.answer.is_done

    @property
    def client_id(self) -> str:
        """The sender's own name of it."""
        assert self.body is not None
        return str(self.body["client_order_id" if self.kind == "order" else "client_id"])


@dataclass(slots=True)
class Notebook:
    """Every request of one round, in the order they were sent."""

    requests: list[Request] = field(default_factory=list)

    def note(self, request: Request) -> Request:
        """Before it is sent."""
        self.requests.append(request)
        return request

    def done(self, kind: Kind) -> list[Request]:
        """Those of a kind that were acknowledged."""
        return [request for request in self.requests if request.kind == kind and request.is_done]

    def open(self) -> list[Request]:
        """Those whose outcome is not known."""
        return [request for request in self.requests if request.answer is None]


class Load:
    """Everybody at work, until told to stop or until the exchange is gone."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        chance: random.Random,
        tag: str,
        *,
        close_after_s: float | None = None,
        spread_fen: int = SPREAD_FEN,
    ) -> None:
        """`tag` begins every client id, and is never used twice. The day is closed once, after that time.

        Prices are drawn so far from the middle on either side; the closer, the more orders trade.
        """
        self.notes = Notebook()
        self.stop = asyncio.Event()
        self._clients = clients
        self._chance = chance
        self._tag = tag
        self._count = 0
        self._close_after_s = close_after_s
        self.spread_fen = spread_fen

    async def run(self) -> None:
        """Work. Returns when everybody has stopped."""
        async with asyncio.TaskGroup() as group:
            for name in TRADERS:
                for _ in range(WORKERS):
                    group.create_task(self._work(_Trader(self, self._clients[name])))
            group.create_task(self._work(_Mover(self, self._clients["seller"])))
            group.create_task(self._work(_Bank(self, self._clients["bank"])))
            if self._close_after_s is not None:
                group.create_task(self._close_day(self._close_after_s))

    async def send(self, client: Client, request: Request) -> bool:
        """Note and send; false when the exchange cannot be reached any more."""
        try:
            await self.notes.note(request).send(client)
        except httpx.TransportError:
            return False
        return True

    def name(self) -> str:
        """A client id nobody has used."""
        self._count += 1
        return f"{self._tag}-{self._count}"

    @property
    def chance(self) -> random.Random:
        """Seeded; its order of use depends on the exchange's speed."""
        return self._chance

    async def _work(self, worker: "_Worker") -> None:
        while not self.stop.is_set() and await worker.step():  # noqa: ASYNC110 - a pause, not a wait
            await asyncio.sleep(self._chance.random() * PAUSE_S)

    async def _close_day(self, after_s: float) -> None:
        client = self._clients["operator"]
        await asyncio.sleep(after_s)
        try:
            day = (await client.get("/v1/operator/day"))["trading_day"]
        except httpx.TransportError:
            return
        await self.send(client, closing(day))


def closing(day: str) -> Request:
    """The operator's word that a day ends. It names the day, so that asked twice it ends once."""
    return Request(
        by="operator", kind="close", method="POST", target="/v1/operator/day/close", body={"trading_day": day}
    )


class _Worker(ABC):
    """Somebody who does one thing after the other."""

    def __init__(self, load: Load, client: Client) -> None:
        self.load = load
        self.client = client

    @abstractmethod
    async def step(self) -> bool:
        """Do the next thing; false when the exchange is gone."""


class _Trader(_Worker):
    """Submits, cancels, and now and then repeats itself."""

    def __init__(self, load: Load, client: Client) -> None:
        super().__init__(load, client)
        self._resting: list[str] = []
        self._said: list[Request] = []

    async def step(self) -> bool:
        choice = self.load.chance.random()
        if choice < 0.05 and self._said:
            return await self._repeat(self.load.chance.choice(self._said))
        if choice < 0.25 and self._resting:
            return await self._cancel(self._resting.pop(self.load.chance.randrange(len(self._resting))))
        return await self._submit()

    async def _submit(self) -> bool:
        chance = self.load.chance
        sells = chance.random() < (0.85 if self.client.owner.name == "seller" else 0.15)
        body = {
            "client_order_id": self.load.name(),
            "listing": chance.choice(LISTINGS),
            "side": "sell" if sells else "buy",
            "type": "limit",
            "price": price_text(6_800 + chance.randint(-self.load.spread_fen, self.load.spread_fen)),
            "quantity": str(chance.randint(1, 9)),
            "time_in_force": chance.choice(("day", "day", "day", "ioc", "fok")),
        }
        request = self._asks("order", "POST", "/v1/orders", body)
        if not await self.load.send(self.client, request):
            return False
        if request.is_done:
            assert request.answer is not None
            self._said.append(request)
            order = request.answer.body["order"]
            if order["status"] in ("new", "partially_filled"):
                self._resting.append(order["id"])
        return True

    async def _cancel(self, order_id: str) -> bool:
        return await self.load.send(
            self.client, self._asks("cancel", "DELETE", f"/v1/orders/{order_id}", None)
        )

    async def _repeat(self, before: Request) -> bool:
        """The same request again gets the same answer again."""
        again = self._asks("order", before.method, before.target, before.body)
        try:
            await again.send(self.client)
        except httpx.TransportError:
            return False
        if again.answer is not None and not again.answer.is_later:
            assert before.answer is not None
            assert again.answer.replayed, f"{again.body} was decided twice: {again.answer}"
            assert again.answer.body == before.answer.body
        return True

    def _asks(self, kind: Kind, method: str, target: str, body: dict[str, Any] | None) -> Request:
        return Request(by=self.client.owner.name, kind=kind, method=method, target=target, body=body)


class _Mover(_Worker):
    """Brings units in from the management sub-account."""

    async def step(self) -> bool:
        chance = self.load.chance
        body = {"client_id": self.load.name(), "listing": LISTINGS[0], "quantity": str(chance.randint(1, 5))}
        request = Request(by="seller", kind="transfer", method="POST", target="/v1/transfers-in", body=body)
        await asyncio.sleep(chance.random() * 0.2)
        return await self.load.send(self.client, request)


class _Bank(_Worker):
    """Reports money."""

    async def step(self) -> bool:
        chance = self.load.chance
        name = self.load.name()
        body = {
            "client_id": name,
            "account": f"A-{chance.choice(TRADERS)}",
            "amount": f"{chance.randint(1, 999)}.{chance.randint(0, 99):02d}",
            "bank_reference": f"B-{name}",
        }
        request = Request(by="bank", kind="deposit", method="POST", target="/v1/bank/deposits", body=body)
        await asyncio.sleep(chance.random() * 0.05)
        return await self.load.send(self.client, request)
