"""What authorities say in a table about units in custody, and what is said of that.

registry    freezes anna; freezes L-anna; freezes L-anna 1-20; unfreezes … the same; corrects L-anna 1-20
anna        transfers out 20; transfers out L-anna 5-9
reconciler  finds anna and L-anna apart
operators   resolve break 1; decide claim 1: dismiss (or compensate, freeze, remove); retry deliveries; unwind trade 1
"""

import re

from matching.commands import Command
from matching.events import Event, OrderCancelled
from matching.order import CancelReason
from settlement.claim import ClaimDecision
from settlement.commands import TakeNotice
from settlement.custody_events import (
    BreakOpened,
    BreakResolved,
    ClaimDecided,
    ClaimOpened,
    FrozenUnitsChanged,
    RemovalAsked,
    RemovalCompleted,
)
from settlement.events import (
    DeliveryFailed,
    DeliveryParked,
    InstructionKind,
    TransferCompleted,
    TransferRequested,
)
from settlement.notice import NoticeKind
from settlement.serials import NONE, Serials
from tests.matching.authorities import (
    decide,
    differs,
    notice,
    report,
    retry_deliveries,
    settle_break,
    some,
    transfer_out,
    unwind,
)
from tests.matching.driver import Driver

NAMED = re.compile(r"(\S+?)(?: (\d+)-(\d+))?")


def command(driver: Driver, who: str, words: str) -> Command | None:
    """The command these words are; none when they are about something else."""
    verb, _, rest = words.partition(" ")
    match verb:
        case "freezes" | "unfreezes" | "corrects":
            return _notice(driver, verb, rest)
        case "transfers":
            return _transfer(driver, who, rest.removeprefix("out "))
        case "finds":
            account, _, lot = rest.removesuffix(" apart").partition(" and ")
            return report(differs(account=account, lot_name=lot))
        case "resolve":
            return settle_break(int(rest.removeprefix("break ")))
        case "decide":
            number, _, decision = rest.removeprefix("claim ").partition(": ")
            return decide(int(number), ClaimDecision(decision))
        case "retry":
            return retry_deliveries()
        case "unwind":
            return unwind(int(rest.removeprefix("trade ")))
    return None


def _named(words: str) -> tuple[str, Serials]:
    found = NAMED.fullmatch(words)
    assert found is not None, f"nothing is named by {words!r}"
    return found[1], ((int(found[2]), int(found[3]) + 1),) if found[2] else NONE


def _notice(driver: Driver, verb: str, words: str) -> TakeNotice:
    name, serials = _named(words)
    account = name if name in driver.exchange.depository.accounts else None
    kind = {
        "freezes": NoticeKind.LOT_FROZEN if account is None else NoticeKind.ACCOUNT_RESTRICTED,
        "unfreezes": NoticeKind.UNFROZEN,
        "corrects": NoticeKind.CORRECTED,
    }[verb]
    sequence = driver.exchange.depository.custody.notices.cursor + 1
    return notice(sequence, kind, account, None if account else name, serials)


def _transfer(driver: Driver, who: str, words: str) -> Command:
    if words.isdigit():
        return transfer_out(who, int(words), client_id=driver.next_id())
    name, serials = _named(words)
    return transfer_out(who, 0, some(name, *serials), client_id=driver.next_id())


def word(event: Event) -> str:
    """What is said of an event about custody; nothing of any other."""
    match event:
        case OrderCancelled(reason=CancelReason.FROZEN, account=account, remaining_tonnes=tonnes):
            return f"cancels {tonnes} of {account}"
        case FrozenUnitsChanged(account=account, frozen_tonnes=tonnes):
            return f"{account} has {tonnes} frozen"
        case TransferRequested(kind=InstructionKind.TRANSFER_OUT, quantity_tonnes=tonnes):
            return f"asks the registry to take {tonnes}"
        case TransferCompleted(kind=InstructionKind.TRANSFER_OUT, quantity_tonnes=tonnes):
            return f"{tonnes} leave"
        case RemovalAsked(account=account):
            return f"sends {account}'s back"
        case RemovalCompleted(account=account):
            return f"{account}'s are withdrawn"
        case ClaimOpened(claim=claim):
            return f"claims {claim.quantity_tonnes} from {claim.against}"
        case ClaimDecided(state=state):
            return f"claim {state.value}"
        case BreakOpened():
            return f"opens break {event.case.break_id}"
        case BreakResolved():
            return f"resolves break {event.case.break_id}"
        case DeliveryParked(trade_id=trade_id):
            return f"parks trade {trade_id}"
        case DeliveryFailed(trade_id=trade_id, code=code):
            return f"fails trade {trade_id}: {code}"
        case _:
            return ""
