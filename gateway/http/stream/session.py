"""One WebSocket connection: reads requests, answers them, and lets its outbox do the sending.

Requests are taken in the order they come, and orders enter the exchange in that order; their answers come when they
are durable, and may overtake each other.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from gateway.access.callers import Caller
from gateway.access.keys import Scope
from gateway.access.limits import ActionKind, bucket_of
from gateway.http.bodies import parse_json
from gateway.http.dispatch import Dispatcher, require_scope
from gateway.http.listed import orders, replacement
from gateway.http.reading import read_model
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import Language, Refused, refusal, render
from gateway.http.routing import Call, Handler, Reply, may_see
from gateway.http.services import Services
from gateway.http.stream.guard import ConnectionGuard
from gateway.http.stream.hub import CHANNELS, PRIVATE_CHANNEL, EventFollower, Hub
from gateway.http.stream.in_flight import SIGNED_TARGET, InFlight
from gateway.http.stream.negotiated_ops import NEGOTIATED
from gateway.http.stream.ops import (
    OPS,
    CancelOp,
    Logon,
    Logout,
    NegotiatedOp,
    NegotiatedStepOp,
    PageLogon,
    ReplaceOp,
    Resync,
    SubmitOp,
    Subscribe,
    Unsubscribe,
    request_id_of,
    require_public,
    shape_of,
)
from gateway.http.stream.outbox import Outbox
from gateway.http.stream.pace import Pace
from gateway.http.stream.topics import ListingTopic
from gateway.request_ids import SERVING, message_id
from matching.rejections import LISTING_UNKNOWN


class Session:
    """A client's connection, from its first request to its end."""

    def __init__(
        self,
        services: Services,
        dispatcher: Dispatcher,
        hub: Hub,
        socket: web.WebSocketResponse,
        *,
        name: str,
        language: Language,
        remote: str,
        headers: Mapping[str, str],
        is_paused: Callable[[], bool],
    ) -> None:
        """Connected, subscribed to nothing, logged on as nobody. The name is that of no other connection."""
        self.services = services
        self.socket = socket
        self.caller: Caller | None = None
        self._is_admitting = False
        self._name = name
        self._dispatcher = dispatcher
        self._hub = hub
        self._language: Language = language
        self.remote = remote
        self._idle_since_s = time.monotonic()
        self._pace = Pace(services.settings.ws_messages_per_s)
        self._headers = headers
        settings = services.settings
        self.outbox = Outbox(
            socket,
            is_paused=is_paused,
            limit=settings.ws_queue,
            conflate_at=settings.ws_conflate_at,
            on_conflated=services.metrics.stream.conflated.inc,
        )
        self.guard = ConnectionGuard(services.sequencer, self._name)
        self._topics: set[ListingTopic] = set()
        self._follower: EventFollower | None = None
        self._in_flight = InFlight(dispatcher, settings.ws_in_flight, self._reply, self._refuse)

    async def read(self) -> None:
        """Take requests until the client goes."""
        async for frame in self.socket:
            if frame.type is not WSMsgType.TEXT:
                await self.socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"text_only")
                break
            await self._take(frame.data.encode("utf-8", "surrogatepass"))
            ahead_s = self._pace.step()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)

    def leave(self) -> None:
        """The connection is over: forget every subscription. Orders on their way are decided all the same."""
        for topic in self._topics:
            topic.remove(self.outbox)
        self._topics.clear()
        self._hub.unfollow(self._follower)
        self._in_flight.cancel()

    @property
    def is_quiet(self) -> bool:
        """Whether all it asked for is answered, and every answer sent."""
        return self._in_flight.is_empty and self.outbox.is_empty

    def idle_s(self) -> float:
        """For how long it has been neither logged on nor subscribed to anything."""
        if self.caller is not None or self._topics:
            self._idle_since_s = time.monotonic()
        return time.monotonic() - self._idle_since_s

    def may_stay(self) -> bool:
        """Whether the key, or the person's session, that this connection logged on with may still be used."""
        return self.caller is None or self._dispatcher.identity.is_good(self.caller)

    def may_follow(self) -> bool:
        """Whether the account whose events it follows may still be seen."""
        follower, caller = self._follower, self.caller
        return follower is None or caller is None or may_see(self.services.views, caller, follower.account)

    async def _take(self, raw: bytes) -> None:
        message: Any = None
        SERVING.set(self._name)  # whatever it starts keeps the id of the message
        try:
            if self.caller is None:  # every message of a stranger counts, whatever it says
                self._dispatcher.take_of_stranger(self.remote)
            message = parse_json(raw)
            if not isinstance(message, dict):
                raise refusal(reasons.WRONG_TYPE, limit="object", actual=type(message).__name__)
            SERVING.set(message_id(self._name, message.get("id")))
            op = message.get("op")
            shape = shape_of(op, message)
            if shape is None:
                raise refusal(reasons.UNKNOWN_OP, pointer="/op", limit=", ".join(OPS), actual=str(op)[:64])
            request = read_model(shape, message)
            if self.services.following is not None:
                require_public(request)
            await self._handle(request, message.get("id"))
        except Refused as refused:
            self._refuse(request_id_of(message), refused)

    async def _handle(self, request: Any, request_id: str | int | None) -> None:  # noqa: ANN401 - one of OPS
        match request:
            case SubmitOp() | ReplaceOp():
                self._submit(request, request_id)
            case CancelOp():
                self._cancel(request, request_id)
            case NegotiatedOp():
                self._negotiate(request, request_id)
            case _:
                if self.caller is not None:
                    self._dispatcher.take(bucket_of(self.caller), ActionKind.READ, 1)
                await self._handle_other(request, request_id)

    async def _handle_other(self, request: Any, request_id: str | int | None) -> None:  # noqa: ANN401 - one of OPS
        match request:
            case Subscribe():
                self._subscribe(request, request_id)
            case Unsubscribe():
                self._unsubscribe(request, request_id)
            case Resync():
                self._resync(request, request_id)
            case Logon() | PageLogon():
                await self._logon(request, request_id)
            case Logout():
                self._in_flight.start(lambda: self._logout(request_id), request_id)
                if self.caller is not None:
                    self.guard.goodbye()  # from here on, also if the connection ends before the task has begun
            case _:
                self._answer(request_id, {"time_us": self.services.clock.now_ns() // 1_000})

    async def _logon(self, request: Logon | PageLogon, request_id: str | int | None) -> None:
        if self.caller is not None or self._is_admitting:
            raise refusal(reasons.ALREADY_LOGGED_ON)
        identity = self._dispatcher.identity
        if isinstance(request, PageLogon):
            caller = identity.by_page(self._headers, request.csrf)
        else:
            signed = (request.key, str(request.timestamp), request.signature)
            caller = await identity.by_covered_signature(
                "GET", SIGNED_TARGET, signed, b"", remote=self.remote
            )
        if isinstance(request, PageLogon) or request.cancel_on_disconnect is None:
            self._admit(caller, request_id)
            return
        require_scope(caller, Scope.TRADE)
        grace_s = request.cancel_on_disconnect
        self._in_flight.start(lambda: self._admit_watched(caller, grace_s, request_id), request_id)
        self._is_admitting = True

    async def _admit_watched(self, caller: Caller, grace_s: int, request_id: str | int | None) -> None:
        try:
            await self.guard.watch(caller, grace_s)
        finally:
            self._is_admitting = False
        self._admit(caller, request_id, cancel_on_disconnect=grace_s)

    def _admit(self, caller: Caller, request_id: str | int | None, **more: int) -> None:
        self.caller = caller
        who = {"participant": caller.participant, "account": caller.account, "scopes": sorted(caller.scopes)}
        self._answer(request_id, {**who, **more})

    async def _logout(self, request_id: str | int | None) -> None:
        if self.caller is None:
            raise refusal(reasons.NOT_LOGGED_ON)
        self.caller = None
        self._hub.unfollow(self._follower)
        self._follower = None
        self.guard.goodbye()
        await self.guard.end()
        self._answer(request_id, {"logged_out": True})

    def _require(self, scope: Scope, kind: ActionKind | None) -> None:
        """Refuse whoever is not logged on or lacks the scope; take from the bucket of that kind."""
        caller = self.caller
        if caller is None or not self.may_stay():
            raise refusal(reasons.NOT_LOGGED_ON)
        self._dispatcher.identity.seen(caller)
        require_scope(caller, scope)
        if kind is not None:
            self.services.admission.require(kind)
            self._dispatcher.take(bucket_of(caller), kind, 1)

    def _call(self, kind: ActionKind, **given: Any) -> Call:  # noqa: ANN401 - as Call takes them
        caller = self.caller
        assert caller is not None
        return Call(
            services=self.services,
            caller=caller,
            remote=self.remote,
            headers={},
            session=f"ws:{self._name}:{caller.caller_id}",
            language=self._language,
            request_id=SERVING.get(),
            take=lambda cost: self._dispatcher.take(bucket_of(caller), kind, cost),
            **given,
        )

    # --- orders ----------------------------------------------------------------------------------------------------

    def _submit(self, request: SubmitOp | ReplaceOp, request_id: str | int | None) -> None:
        self._require(Scope.TRADE, ActionKind.ORDER)
        path = {"order_id": request.order_id} if isinstance(request, ReplaceOp) else {}
        call = self._call(ActionKind.ORDER, path=path, query=None, body=request, deadline_ns=request.deadline)
        if isinstance(request, SubmitOp):
            self._in_flight.hand_in(call, request, request_id)
        else:
            handle = replacement.replace_order
            self._in_flight.start(lambda: self._answer_handled(handle, call, request_id), request_id)

    async def _answer_handled(self, handle: Handler, call: Call, request_id: str | int | None) -> None:
        self._reply(request_id, await handle(call))

    def _cancel(self, request: CancelOp, request_id: str | int | None) -> None:
        self._require(Scope.TRADE, ActionKind.CANCEL)
        call = self._call(
            ActionKind.CANCEL,
            path={"order_id": request.order_id},
            query=orders.AccountQuery(account=request.account),
            body=None,
            deadline_ns=request.deadline,
        )

        async def cancel() -> None:
            reply = await orders.cancel_order(call)
            self._answer(request_id, reply.body)

        self._in_flight.start(cancel, request_id)

    def _negotiate(self, request: NegotiatedOp, request_id: str | int | None) -> None:
        self._require(Scope.NEGOTIATE, ActionKind.NEGOTIATE)
        path = {"transfer_id": request.transfer_id} if isinstance(request, NegotiatedStepOp) else {}
        call = self._call(
            ActionKind.NEGOTIATE, path=path, query=None, body=request, deadline_ns=request.deadline
        )
        self._in_flight.start(
            lambda: self._answer_handled(NEGOTIATED[type(request)], call, request_id), request_id
        )

    # --- channels --------------------------------------------------------------------------------------------------

    def _subscribe(self, request: Subscribe, request_id: str | int | None) -> None:
        if request.channel == PRIVATE_CHANNEL:
            self._follow(request, request_id)
            return
        topics = [
            topic for topic in self._named(request.channel, request.listing) if topic not in self._topics
        ]
        if not topics:
            raise refusal(reasons.ALREADY_SUBSCRIBED, pointer="/channel", actual=request.channel)
        self._answer(
            request_id, {"channel": request.channel, "listings": [topic.listing for topic in topics]}
        )
        for topic in topics:
            self._topics.add(topic)
            topic.add(self.outbox)

    def _unsubscribe(self, request: Unsubscribe, request_id: str | int | None) -> None:
        if request.channel == PRIVATE_CHANNEL:
            if self._follower is None:
                raise refusal(reasons.NOT_SUBSCRIBED, pointer="/channel", actual=request.channel)
            self._hub.unfollow(self._follower)
            self._follower = None
        else:
            for topic in self._subscribed(request.channel, request.listing):
                self._topics.discard(topic)
                topic.remove(self.outbox)
        self._answer(request_id, {"channel": request.channel})

    def _resync(self, request: Resync, request_id: str | int | None) -> None:
        if request.channel == "trades":
            raise refusal(
                reasons.UNKNOWN_CHANNEL, pointer="/channel", limit="depth, ticker, status", actual="trades"
            )
        topics = self._subscribed(request.channel, request.listing)
        self._answer(
            request_id, {"channel": request.channel, "listings": [topic.listing for topic in topics]}
        )
        for topic in topics:
            self.outbox.refresh(topic)

    def _named(self, channel: str, listing: str | None) -> list[ListingTopic]:
        if channel not in CHANNELS:
            known = ", ".join((*CHANNELS, PRIVATE_CHANNEL))
            raise refusal(reasons.UNKNOWN_CHANNEL, pointer="/channel", limit=known, actual=channel)
        listings = self.services.views.listings
        if listing is not None and listing not in listings:
            raise refusal(LISTING_UNKNOWN, actual=listing)
        return [self._hub.topic(channel, code) for code in ((listing,) if listing is not None else listings)]

    def _subscribed(self, channel: str, listing: str | None) -> list[ListingTopic]:
        topics = [topic for topic in self._named(channel, listing) if topic in self._topics]
        if not topics:
            raise refusal(reasons.NOT_SUBSCRIBED, pointer="/channel", actual=channel)
        return topics

    def _follow(self, request: Subscribe, request_id: str | int | None) -> None:
        self._require(Scope.READ, None)
        if self._follower is not None:
            raise refusal(reasons.ALREADY_SUBSCRIBED, pointer="/channel", actual=request.channel)
        call = self._call(ActionKind.READ, path={}, query=None, body=None, deadline_ns=None)
        account = call.own_account(request.account).account
        # Told of new events from here on, so that none can fall between the reading and the going live.
        follower = self._follower = EventFollower(self.outbox, account, 0)
        self._hub.follow(follower)
        resume_from = None if request.resume_from is None else int(request.resume_from)
        self._in_flight.start(lambda: self._replay(follower, resume_from, request_id), request_id)

    async def _replay(
        self, follower: EventFollower, resume_from: int | None, request_id: str | int | None
    ) -> None:
        await self._hub.note_follower(self.caller, follower.account)
        try:
            last = max(await self.services.history.last_event_id(follower.account), follower.newest)
            if resume_from is not None and resume_from > last:
                raise refusal(reasons.RESUME_AHEAD, pointer="/resume_from", limit=last, actual=resume_from)
        except Exception:
            self._hub.unfollow(follower)
            if self._follower is follower:  # it may have been let go for another meanwhile
                self._follower = None
            raise
        follower.last_sent = last if resume_from is None else resume_from
        self._answer(request_id, {"channel": PRIVATE_CHANNEL, "resume_from": follower.last_sent})
        await follower.catch_up(self.services.history, self._hub.event_text)

    # --- answers ---------------------------------------------------------------------------------------------------

    def _reply(self, request_id: str | int | None, reply: Reply) -> None:
        replayed = {"replayed": True} if reply.headers is not None else {}
        self._answer(request_id, {**reply.body, **replayed})

    def _answer(self, request_id: str | int | None, result: dict[str, Any]) -> None:
        self.outbox.answer(self._hub.text_of({"id": request_id, "ok": True, "result": result}))

    def _refuse(self, request_id: str | int | None, refused: Refused) -> None:
        self.services.metrics.door.refusals.labels(refused.faults[0].code).inc()
        problem = render(
            refused,
            language=self._language,
            request_id=SERVING.get(),
            now_ns=self.services.clock.now_ns(),
        )
        self.outbox.send(self._hub.text_of({"id": request_id, "ok": False, "error": problem}))
