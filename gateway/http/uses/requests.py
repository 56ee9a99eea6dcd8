"""What is asked about uses, offsets and all others in the same way: submit, look, withdraw."""

from typing import Final

from gateway.engine.entry import Entry
from gateway.engine.history.use_history import as_it_stands
from gateway.engine.views.uses import HELD, RETIRING, UseView
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.replays import decide, raise_if_refused, replay_headers
from gateway.http.routing import Call, Reply
from gateway.http.uses.shapes import UsesQuery, WithdrawRequest, cap_body, use_body
from settlement.retirement import UseId
from settlement.use_commands import SubmitOffset, SubmitRetirement, WithdrawUse
from settlement.use_events import UseAccepted, UseInstructed, UseWithdrawn

CREATED: Final = 201
OFFSET: Final = "offset"
RETIREMENT: Final = "retirement"


async def submit(call: Call, command: SubmitOffset | SubmitRetirement) -> Reply:
    """Have a use decided: 201 once it is held, or being retired already."""
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    accepted, view = _accepted(entry)
    body = {**use_body(view), "cap": cap_body(accepted.cap)}
    return Reply(body, status=CREATED, headers=replay_headers(replayed=replayed))


def _accepted(entry: Entry) -> tuple[UseAccepted, UseView]:
    # Others may have become due in the same entry: this one is the one that was accepted.
    accepted = next(event for event in entry.events if isinstance(event, UseAccepted))
    asked = any(
        isinstance(event, UseInstructed) and event.use_id == accepted.use_id for event in entry.events
    )
    return accepted, UseView.of(entry, accepted, RETIRING if asked else HELD)


async def get(call: Call, kind: str) -> Reply:
    """One use."""
    return Reply(use_body(await find(call, kind)))


async def find(call: Call, kind: str) -> UseView:
    """The use a path names, which the caller may see. Raises Refused."""
    use_id = call.path["use_id"]
    found = await call.services.history.uses.use(use_id) if use_id.startswith(f"{kind}-") else None
    if found is None or not call.may_see(found.account):
        raise refusal(reasons.NOT_FOUND, actual=use_id)
    return as_it_stands(found, call.services.views.uses.state_of(found.use_id))


async def list_uses(call: Call, kind: str) -> Reply:
    """An account's uses of one kind, newest first; or the one with a client id of one's own."""
    query: UsesQuery = call.query or UsesQuery()
    account = call.own_account(query.account).account
    history, uses = call.services.history.uses, call.services.views.uses
    if query.client_id is not None:
        found = await history.use_by_client_id(account, query.client_id)
        of_kind = found is not None and found.use_id.startswith(f"{kind}-")
        items = [found] if found is not None and of_kind else []
        following = None
    else:
        page = await history.uses(account, offsets=kind == OFFSET, after=query.after, limit=query.limit)
        items, following = list(page.items), page.next
    bodies = [use_body(as_it_stands(use, uses.state_of(use.use_id))) for use in items]
    return Reply({"items": bodies, "next": following})


async def withdraw(call: Call, kind: str) -> Reply:
    """Take back a use that is still held: its units are available again."""
    body: WithdrawRequest = call.body
    use_id = call.path["use_id"]
    if not use_id.startswith(f"{kind}-"):
        raise refusal(reasons.NOT_FOUND, actual=use_id)
    command = WithdrawUse(
        participant=call.participant,
        account=call.account(body.account),
        client_id=body.client_id,
        deadline_ns=call.deadline_ns,
        session=call.session,
        use_id=UseId(use_id),
    )
    entry, replayed = await decide(call.services, command)
    raise_if_refused(entry, replayed=replayed)
    assert any(isinstance(event, UseWithdrawn) for event in entry.events), "it was withdrawn"
    found = await call.services.history.uses.use(use_id)
    assert found is not None, f"{use_id} was withdrawn and is not on record"
    return Reply(use_body(found), headers=replay_headers(replayed=replayed))
