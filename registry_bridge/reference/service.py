"""The reference registry over HTTP: the protocol's calls for the exchange."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress

from aiohttp import web

from registry_bridge.capabilities import WHOLE_PROTOCOL
from registry_bridge.reference import admin_routes, drill_routes, feeds, movements, notices
from registry_bridge.reference.answers import Door, Side
from registry_bridge.reference.asking import after_of, decode_cursor, encode_cursor, id_of, number, query_of
from registry_bridge.reference.drill import Drill, LaterInDrill
from registry_bridge.reference.later import Decider, LaterPolicy
from registry_bridge.reference.positions import START, NotYet, Positions
from registry_bridge.reference.replies import Problem, Reply
from registry_bridge.reference.store import Pool, Store
from registry_bridge.registry import BindingRefused, FinalAnswer, LotPage, RefusalCode
from registry_bridge.signing import RequestVerifier, Signer, Verifier
from registry_bridge.wire import (
    MAX_BODY_BYTES,
    MAX_MOVEMENT_BYTES,
    MovementBody,
    accepted_json,
    answer_json,
    format_instant,
    read,
)
from registry_bridge.wire_capabilities import capabilities_json
from registry_bridge.wire_faults import CallName
from registry_bridge.wire_pages import (
    BindBody,
    account_json,
    binding_json,
    journal_json,
    lots_json,
    notices_json,
    positions_json,
)

EXCHANGE_PREFIX = "/registry/v1/"
ADMIN_PREFIX = "/registry/admin/v1/"
AT_ONCE = LaterPolicy()


def make_app(
    pool: Pool,
    *,
    signer: Signer,
    exchange_keys: Mapping[str, Verifier],
    admin_keys: Mapping[str, Verifier],
    clock: Callable[[], int] = time.time_ns,
    wall_clock_ns: Callable[[], int] = time.time_ns,
    later: LaterPolicy = AT_ONCE,
    drill: Drill | None = None,
) -> web.Application:
    """The service, ready to be run.

    Args:
        pool: of the registry's own database, schema applied.
        signer: signs every answer.
        exchange_keys: name to public key of those who may speak the protocol.
        admin_keys: name to public key of the platform's own people; no name may be in both.
        clock: the platform's clock, nanoseconds since the epoch, by which deadlines are judged.
        wall_clock_ns: the machine's clock, by which signatures are judged.
        later: which movements are only accepted at first.
        drill: the fault switch, in a registry that is there for a drill.
    """
    assert not exchange_keys.keys() & admin_keys.keys(), "a key speaks for one side"
    store = Store(pool, clock)
    keys = {**exchange_keys, **admin_keys}
    door = Door(
        store=store,
        signer=signer,
        verifier=RequestVerifier(keys.get),
        sides=(
            Side(prefix=EXCHANGE_PREFIX, keys=frozenset(exchange_keys)),
            Side(prefix=ADMIN_PREFIX, keys=frozenset(admin_keys)),
        ),
        wall_clock_ns=wall_clock_ns,
        drill=drill,
    )
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    decider = Decider(store)
    app.cleanup_ctx.append(_deciding(decider))
    policy = later if drill is None else LaterInDrill(drill.switch, later)
    Calls(store, policy, decider).add_to(app, door)
    admin_routes.AdminCalls(store).add_to(app, door)
    if drill is not None:
        drill_routes.FaultCalls(drill.switch).add_to(app, door)
    app.router.add_get("/healthz", Health(pool).answer)
    app.router.add_route("*", "/{anything:.*}", door.not_found)
    return app


def _deciding(decider: Decider) -> Callable[[web.Application], AsyncIterator[None]]:
    async def decide(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(decider.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return decide


class Health:
    """Whether the service and its database answer; unsigned, says nothing else."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def answer(self, _request: web.Request) -> web.Response:
        """200 when the database answers."""
        await self._pool.fetchval("select 1", timeout=5)
        return web.json_response({"status": "ok"})


class Calls:
    """The exchange's calls, one method each."""

    def __init__(self, store: Store, later: LaterPolicy | LaterInDrill, decider: Decider) -> None:
        self._store = store
        self._later = later
        self._decider = decider
        self._positions = Positions(store.pool)

    def add_to(self, app: web.Application, door: Door) -> None:
        """Add the routes."""
        for call, method, path, handler in (
            (CallName.MOVE, "POST", "movements", self.move),
            (CallName.JOURNAL, "GET", "movements", self.journal),
            (CallName.ASK, "GET", "movements/{id}", self.ask),
            (CallName.CANCEL, "POST", "movements/{id}/cancel", self.cancel),
            (CallName.ACCOUNT, "GET", "accounts/{id}", self.account),
            (CallName.BIND, "POST", "accounts/{id}/binding", self.bind),
            (CallName.LOTS, "GET", "lots", self.lots),
            (CallName.LOTS, "GET", "lots/{id}", self.lot),
            (CallName.NOTICES, "GET", "notices", self.notices),
            (CallName.POSITIONS, "GET", "positions", self.positions),
            (CallName.TIME, "GET", "time", self.time),
            (CallName.CAPABILITIES, "GET", "capabilities", self.capabilities),
        ):
            limit_bytes = MAX_MOVEMENT_BYTES if call is CallName.MOVE else MAX_BODY_BYTES
            behind = door.handle(handler, limit_bytes=limit_bytes, call=call)
            app.router.add_route(method, f"{EXCHANGE_PREFIX}{path}", behind)

    async def move(self, _request: web.Request, body: bytes) -> Reply:
        """Decide a movement, or accept it, or repeat what was decided."""
        movement = read(MovementBody, body).value()
        answer = await movements.receive(
            self._store, movement, decide_after_ms=self._later.decide_after_ms(movement)
        )
        if isinstance(answer, movements.IdReused):
            raise Problem(409, "request_id_reused")
        if isinstance(answer, movements.Accepted):
            self._decider.wake()
        return self._answer(answer)

    async def ask(self, request: web.Request, _body: bytes) -> Reply:
        """What became of a request; 404 carries the clock as it was while nothing could be decided."""
        answer = await movements.find(self._store, id_of(request))
        if isinstance(answer, movements.NotSeen):
            raise Problem(404, "not_found", registry_time=format_instant(answer.registry_time_ns))
        return self._answer(answer)

    async def cancel(self, request: web.Request, _body: bytes) -> Reply:
        """Refuse an id for ever, unless it was decided."""
        return self._answer(await movements.cancel(self._store, id_of(request)))

    def _answer(self, answer: FinalAnswer | movements.Accepted) -> Reply:
        if isinstance(answer, movements.Accepted):
            return Reply(status=202, body=accepted_json(answer.request_id, self._store.now_ns()))
        return Reply(body=answer_json(answer, self._store.now_ns()))

    async def account(self, request: web.Request, _body: bytes) -> Reply:
        """An account and a page of its holdings."""
        query = query_of(request, "after")
        cursor = decode_cursor(query["after"]) if "after" in query else feeds.FIRST_HOLDING
        found = await feeds.account(self._store.pool, id_of(request), cursor)
        if found is None:
            raise Problem(404, "not_found")
        account, after = found
        return Reply(body=account_json(account, encode_cursor(after)))

    async def bind(self, request: web.Request, body: bytes) -> Reply:
        """Bind an account to a trading account of the exchange."""
        binding = await feeds.bind(self._store, id_of(request), read(BindBody, body).trading_account)
        if isinstance(binding, BindingRefused):
            status = 404 if binding.code is RefusalCode.ACCOUNT_UNKNOWN else 409
            raise Problem(status, binding.code.value)
        return Reply(body=binding_json(binding))

    async def lots(self, request: web.Request, _body: bytes) -> Reply:
        """A page of lots."""
        return Reply(body=lots_json(await feeds.lots(self._store.pool, after_of(request))))

    async def lot(self, request: web.Request, _body: bytes) -> Reply:
        """One lot, as a page of one."""
        found = await feeds.lot(self._store.pool, id_of(request))
        if found is None:
            raise Problem(404, "not_found")
        return Reply(body=lots_json(LotPage(lots=(found,), next=None)))

    async def notices(self, request: web.Request, _body: bytes) -> Reply:
        """A page of notices."""
        return Reply(body=notices_json(await notices.notices(self._store.pool, after_of(request))))

    async def journal(self, request: web.Request, _body: bytes) -> Reply:
        """A page of the journal."""
        return Reply(body=journal_json(await feeds.journal(self._store.pool, after_of(request))))

    async def positions(self, request: web.Request, _body: bytes) -> Reply:
        """A page of positions."""
        query = query_of(request, "as_of", "after")
        as_of = number(query["as_of"]) if "as_of" in query else None
        cursor = decode_cursor(query["after"]) if "after" in query else START
        try:
            page, after = await self._positions.page(as_of, cursor)
        except NotYet:
            raise Problem(404, "not_yet") from None
        return Reply(body={**positions_json(page), "next": encode_cursor(after)})

    async def time(self, _request: web.Request, _body: bytes) -> Reply:
        """The platform's clock, which stands in every answer."""
        return Reply(body={})

    async def capabilities(self, _request: web.Request, _body: bytes) -> Reply:
        """What the platform promises: all that the protocol asks for."""
        return Reply(body=capabilities_json(WHOLE_PROTOCOL))
