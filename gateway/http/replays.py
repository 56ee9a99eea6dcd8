"""Having a command decided, and giving the first answer again where it was decided before."""

from collections.abc import Mapping
from typing import Final

from gateway.engine.entry import Entry
from gateway.http.refusals.catalogue import CATALOGUE
from gateway.http.refusals.problems import Refused, refusal
from gateway.http.services import Services
from matching.commands import AdvanceTime, Command
from matching.events import Rejected, Replayed
from settlement.rejections import CLIENT_ID_REUSED

REPLAYED: Final[Mapping[str, str]] = {"Idempotent-Replayed": "true"}


async def decide(services: Services, command: Command) -> tuple[Entry, bool]:
    """The entry that decides a participant's command, and whether it is an earlier one.

    A caller that goes away does not take the command back: it is in the queue from the first step on.
    """
    entry = await services.sequencer.submit(command)
    if type(entry.events[-1]) is not Replayed:
        return entry, False
    return await first_answer(services, entry), True


async def first_answer(services: Services, entry: Entry) -> Entry:
    """The entry that decided first what this one says was decided before."""
    last = entry.events[-1]
    assert type(last) is Replayed, f"entry {entry.seq} was not decided before"
    first = await services.journal.entry(last.first_seq)
    assert first is not None, f"entry {last.first_seq} is known to the core and not in the journal"
    return first


def replay_headers(*, replayed: bool) -> Mapping[str, str] | None:
    """The header that tells a repeated answer from a first one."""
    return REPLAYED if replayed else None


def refused_by(
    event: Rejected, *, client_id: str = "/client_id", in_path: str | None = None, replayed: bool = False
) -> Refused:
    """The core's refusal as a problem.

    `client_id` is where the request at hand carries the client's own id; `in_path` is a pointer to what stands in its
    address, and not in its body.
    """
    reason = CATALOGUE[event.code]
    pointer = client_id if event.code == CLIENT_ID_REUSED.code else None
    if in_path is not None and reason.pointer == in_path:
        pointer = ""
    return refusal(
        reason,
        limit=event.limit,
        actual=event.actual,
        pointer=pointer,
        headers=replay_headers(replayed=replayed),
    )


def raise_if_refused(entry: Entry, *, replayed: bool = False) -> None:
    """Raises Refused when the entry's command was refused."""
    last = entry.events[-1] if entry.events else None
    if isinstance(last, Rejected):
        raise refused_by(last, replayed=replayed)


async def settle(services: Services) -> None:
    """Wait until everything submitted before this call is durable and in the views.

    Time passing is the command that changes nothing by itself; behind it, all before it has been decided. It is
    journaled like any other, so it is sent only when something is under way.
    """
    if not services.sequencer.is_idle:
        await services.sequencer.submit(AdvanceTime())
