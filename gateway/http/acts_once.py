"""An act under an id of its sender's own is done once: the same again gets the first answer, also after a restart.

Refusals of what was read and judged are answers, too: one that may have been missed does not change when it is asked
for again. What was not judged (overload, a limit, a process about to stop) is asked anew.
"""

import hashlib
from typing import Any, Final

from gateway.access.acts_asked import Asked
from gateway.engine.entry import AskedAs
from gateway.http.refusals.problems import Fault, Refused, refusal
from gateway.http.replays import REPLAYED
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import OwnId
from settlement.rejections import CLIENT_ID_REUSED

_TOO_MANY: Final = 429
_OURS: Final = 500


def is_named_act(call: Call) -> bool:
    """Whether the request carries an id that the core does not know of."""
    return isinstance(call.body, OwnId) and call.body.client_id is not None


async def answer_once(route: Route, call: Call, target: str, raw: bytes) -> Reply:
    """Have the act done, or tell what was answered when it was. Raises Refused."""
    body: OwnId = call.body
    assert body.client_id is not None, "an act without an id is simply done"
    whose = f"{call.signed_by.caller_id}\n" if route.is_callers_own else ""
    digest = hashlib.sha256(f"{route.method}\n{target}\n{whose}".encode() + raw).digest()
    services = call.services
    async with services.turns.of(f"act|{call.participant}|{body.client_id}"):
        asked = await services.acts_asked.ask(
            call.participant,
            body.client_id,
            digest=digest,
            position=services.sequencer.position,
            at_ns=services.clock.now_ns(),
        )
        if asked.digest != digest:
            raise refusal(CLIENT_ID_REUSED, pointer="/client_id", actual=body.client_id)
        if asked.answer is not None:
            return _again(asked.answer)
        return await _first(route, call, asked)


async def _first(route: Route, call: Call, asked: Asked) -> Reply:
    call.asked_as = AskedAs(participant=asked.participant, client_id=asked.client_id)
    if not asked.is_new:
        call.decided = await call.services.journal.decided_as(call.asked_as)
    acts, now_ns = call.services.acts_asked, call.services.clock.now_ns
    try:
        if not call.decided:
            call.require_in_time()
        reply = await route.handler(call)
    except Refused as refused:
        if refused.state == "not_accepted" and refused.status < _OURS and refused.status != _TOO_MANY:
            await acts.answered(asked, _of_refusal(refused), at_ns=now_ns())
        raise
    await acts.answered(asked, {"status": reply.status, "body": reply.body}, at_ns=now_ns())
    return reply


def _of_refusal(refused: Refused) -> dict[str, Any]:
    return {"faults": [fault.body() for fault in refused.faults]}


def _again(answer: dict[str, Any]) -> Reply:
    if "faults" in answer:
        raise Refused(*(Fault(**fault) for fault in answer["faults"]), headers=REPLAYED)
    return Reply(answer["body"], status=answer["status"], headers=REPLAYED)
