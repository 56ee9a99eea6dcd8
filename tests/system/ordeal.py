"""A running exchange with everybody at work, killed in parts round after round, and checked after each.

The moments are drawn from a seed, which is printed with what was found; what the exchange is just doing at that moment
is not repeatable, but what must hold afterwards does not depend on it.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.system import checks
from tests.system.clients import Client
from tests.system.load import SPREAD_FEN, STAFF, TRADERS, Load
from tests.system.logs import AccountLog, Follower
from tests.system.running import POLL_S, NotStarted, Part, RunningExchange, running, until
from tests.system.storm import Storm

WHILE_S: Final = (0.2, 1.5)
"""Work before the kill."""
CUT_EACH: Final = 40
"""Events after which one of the two connections that follow an account breaks."""
AFTER_S: Final = 0.3
"""Work after it, where the exchange goes on."""
LIMIT_S: Final = 60.0
REST_LIMIT_S: Final = 120.0
"""Until all movements are answered and the day is closed, however bad the weather."""


class Ordeal:
    """One exchange, killed round after round."""

    def __init__(
        self,
        exchange: RunningExchange,
        clients: dict[str, Client],
        followers: list[Follower],
        seed: int,
        *,
        while_s: tuple[float, float] = WHILE_S,
        spread_fen: int = SPREAD_FEN,
        storm: Storm | None = None,
    ) -> None:
        self.exchange = exchange
        self.clients = clients
        self.seed = seed
        self.chance = random.Random(seed)
        self._while_s = while_s
        self._spread_fen = spread_fen
        self._storm = storm
        self.found: Counter[str] = Counter()
        self.logs = {name: AccountLog(clients[name]) for name in TRADERS}
        self.first_day = ""
        self._followers = followers
        self._round = 0

    async def play(self, part: Part, *, verify: bool) -> None:
        """One round: work, a kill, a recovery, and every check there is."""
        self._round += 1
        after_s = self.chance.uniform(*self._while_s)
        close_after_s = (
            max(0.0, after_s - self.chance.uniform(0.0, 0.5)) if self.chance.random() < 0.75 else None
        )
        before = (await self.clients["operator"].get("/readyz"))["position"]
        if self._storm is not None:
            self._storm.rise()
        load = Load(
            self.clients,
            self.chance,
            f"r{self.seed}-{self._round}",
            close_after_s=close_after_s,
            spread_fen=self._spread_fen,
        )
        began_s = time.monotonic()
        await self._kill_under(load, part, after_s)
        recovered_s = time.monotonic() - began_s - after_s
        await self._check(load, part, before, verify=verify)
        print(  # noqa: T201 - shown with a failure, and in a soak
            f"round {self._round}: {part} killed after {after_s:.3f} s,"
            f" close {'none' if close_after_s is None else f'asked at {close_after_s:.3f} s'},"
            f" {len(load.notes.requests)} requests, back after {recovered_s:.1f} s"
        )

    async def _kill_under(self, load: Load, part: Part, after_s: float) -> None:
        work = asyncio.create_task(load.run())
        try:
            await asyncio.sleep(after_s)
            pid = await self._kill(part)
            self.found[f"kills of the {part}"] += 1
            if part in (Part.EXCHANGE, Part.DATABASE):
                await self._start_again(part)
            else:
                await self._wait_for_another(part, pid)
        finally:
            load.stop.set()
            await asyncio.wait_for(work, LIMIT_S)

    async def _kill(self, part: Part) -> int:
        """At once, unless it has just ended by itself in the storm: then the next one."""
        while True:
            try:
                return self.exchange.kill(part)
            except NotStarted:
                if self._storm is None:
                    raise
            await asyncio.sleep(POLL_S)

    async def _start_again(self, part: Part) -> None:
        """An exchange without its database ends by itself, as a killed one does, and is started by whoever runs it."""
        status = await self.exchange.ended()
        assert status == (1 if part is Part.DATABASE else -9), self.exchange.said()
        await self.exchange.start()

    async def _wait_for_another(self, part: Part, pid: int) -> None:
        """The registry is started again by the exchange, which goes on meanwhile."""
        itself = self.exchange.pid(Part.EXCHANGE)

        def is_back() -> bool:
            # A killed process may have let go of its word and its children, or not yet, at any look.
            try:
                return self.exchange.registry_answers() and self.exchange.pid(part) != pid
            except NotStarted:
                return False

        await until(is_back, LIMIT_S, f"another {part} runs")
        await asyncio.sleep(AFTER_S)
        assert self.exchange.pid(Part.EXCHANGE) == itself

    async def _check(self, load: Load, part: Part, before: int, *, verify: bool) -> None:
        notes = load.notes
        done = [request for kind in ("order", "deposit", "transfer") for request in notes.done(kind)]
        lost = len(notes.open())
        doubts = {request.doubt for request in notes.requests} - {""}
        # Only one that loses its database may be unable to read a first answer again, and say so as a fault.
        assert doubts <= ({"not_ready", "internal_error"} if part is Part.DATABASE else {"not_ready"})
        if self._storm is not None:
            # All comes to rest in the storm; what is looked at afterwards is looked at in peace.
            await checks.at_rest(self.exchange, self.clients, REST_LIMIT_S)
            await self._storm.lie_down()
        self.found["requests"] += len(notes.requests)
        self.found["requests without an answer"] += lost
        self.found.update(await checks.settle_open(notes, self.clients))
        await checks.at_rest(self.exchange, self.clients)
        self.found["promises kept"] += await checks.promises_are_kept(notes, self.clients, before)
        await checks.answers_are_repeated(self.chance.sample(done, min(20, len(done))), self.clients)
        for log in self.logs.values():
            await log.follow()
        for follower in self._followers:
            name = next(name for name in TRADERS if self.clients[name].owner is follower.owner)
            events = self.logs[name].events
            await until(lambda: follower.has_seen(events), LIMIT_S, f"{name} was pushed everything")  # noqa: B023
        self._deposits_are_there(load)
        await checks.ledger_adds_up(self.clients, self.logs)
        await checks.registry_agrees(self.exchange, self.clients)
        if verify:
            await self.verify()

    def _deposits_are_there(self, load: Load) -> None:
        booked = Counter(
            (event["client_id"], event["amount"])
            for log in self.logs.values()
            for event in log.events
            if event["type"] == "cash_deposited"
        )
        for request in load.notes.done("deposit"):
            assert request.body is not None
            assert booked[request.client_id, request.body["amount"]] == 1, request.body

    async def verify(self) -> None:
        """What takes longer as the journal grows."""
        self.found["deliveries"] = await checks.deliveries_happened_once(self.clients, self.logs)
        today = (await self.clients["operator"].get("/v1/operator/day"))["trading_day"]
        self.found["days closed"] = await checks.days_closed_once(self.exchange, self.first_day, today)
        self.found["journal entries"] = await checks.journal_is_whole(self.exchange)

    def summary(self) -> str:
        """What happened, for a person."""
        figures = {
            **self.found,
            **({} if self._storm is None else self._storm.happened),
            "reconnections": sum(follower.connections - 1 for follower in self._followers),
        }
        return f"seed {self.seed}: " + ", ".join(
            f"{what}: {count}" for what, count in sorted(figures.items())
        )


@asynccontextmanager
async def ordeal(
    data_dir: Path,
    seed: int,
    *,
    while_s: tuple[float, float] = WHILE_S,
    spread_fen: int = SPREAD_FEN,
    stormy: bool = False,
) -> AsyncIterator[Ordeal]:
    """An exchange to be killed, with every trader's log followed over two WebSockets of one key, one of which is cut inside
    frames again and again; with a registry that fails by chance while work goes on, if it is stormy.
    """
    options = ["--drill"] if stormy else []
    async with running(data_dir, options) as exchange, exchange.clients(*TRADERS, *STAFF) as clients:
        followers = [
            Follower(clients[name].owner, lambda: exchange.url, cut_each=cut_each)
            for name in TRADERS
            for cut_each in (None, CUT_EACH)
        ]
        tasks = [asyncio.create_task(follower.run()) for follower in followers]
        storm = Storm(exchange, seed) if stormy else None
        if storm is not None:
            tasks.append(asyncio.create_task(storm.run()))
        played = Ordeal(
            exchange, clients, followers, seed, while_s=while_s, spread_fen=spread_fen, storm=storm
        )
        played.first_day = (await clients["operator"].get("/v1/operator/day"))["trading_day"]
        try:
            yield played
        finally:
            print(played.summary())  # noqa: T201 - the same
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
