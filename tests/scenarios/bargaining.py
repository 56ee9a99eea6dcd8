"""What counterparties of negotiated transfers say in a table, and what is said of their transfers.

    sell 100 to ben at 68.00            file; also `buy 100 from anna at 68.00`, and `sell 100 to anyone at 68.00`; behind it
                                        `of L-anna 1-50`, `as A-1` (their agreement), `until 14:30`
    confirm                             the terms as they stand; `confirm the first terms` those of the filing
    counter 90 at 67.50                 other terms
    decline, withdraw                   the end
    let it pass, turn it down           the exchange's review

All of it is about the transfer filed last.
"""

import re

from matching.commands import Command
from matching.events import Event
from matching.negotiated import NegotiatedTransfer
from matching.negotiated_events import (
    NegotiatedTotalsSet,
    NegotiatedTransferConfirmed,
    NegotiatedTransferCountered,
    NegotiatedTransferDeclined,
    NegotiatedTransferExecuted,
    NegotiatedTransferExpired,
    NegotiatedTransferFiled,
    NegotiatedTransferKnown,
    NegotiatedTransferRejected,
    NegotiatedTransferUnderReview,
    NegotiatedTransferWithdrawn,
)
from matching.order import Side
from settlement.events import LotSlice
from settlement.named_lots import NamedLot
from tests.matching.driver import Driver, instant
from tests.matching.negotiating import confirm, counter, file, named, review, say_no, take_back

FILING = re.compile(
    r"(sell|buy) ([\d,]+) (?:to|from) (\S+) at ([\d,.]+)"
    r"(?: of (\S+) (\d+)-(\d+))?(?: as (\S+))?(?: until (\d\d:\d\d))?"
)


def command(driver: Driver, day: str, who: str, words: str) -> Command | None:
    """The command these words are; none when they are about something else."""
    filing = FILING.fullmatch(words)
    if filing is not None:
        return _file(driver, day, who, filing)
    countered = re.fullmatch(r"counter ([\d,]+) at ([\d,.]+)", words)
    if countered is not None:
        number = _last(driver).transfer_id
        tonnes, price_fen = _whole(countered[1]), _whole(countered[2].replace(".", ""))
        return counter(who, number, tonnes, price_fen, client_id=driver.next_id())
    match words:
        case "confirm":
            last = _last(driver)
            return confirm(who, last.transfer_id, last.terms.hash, client_id=driver.next_id())
        case "confirm the first terms":
            (filed,) = (event for event in driver.events if isinstance(event, NegotiatedTransferFiled))
            return confirm(who, filed.transfer_id, filed.terms_hash, client_id=driver.next_id())
        case "decline it":
            return say_no(who, _last(driver).transfer_id, client_id=driver.next_id())
        case "withdraw":
            return take_back(who, _last(driver).transfer_id, client_id=driver.next_id())
        case "let it pass":
            return review(_last(driver).transfer_id, operator=who)
        case "turn it down":
            return review(_last(driver).transfer_id, approved=False, operator=who)
    return None


def _file(driver: Driver, day: str, who: str, words: re.Match[str]) -> Command:
    lots: tuple[NamedLot, ...] = ()
    if words[5] is not None:
        lots = (named(words[5], (int(words[6]), int(words[7]) + 1)),)
    return file(
        who,
        Side(words[1]),
        _whole(words[2]),
        _whole(words[4].replace(".", "")),
        None if words[3] == "anyone" else words[3],
        lots=lots,
        agreement_no=words[8] or "",
        expires_at_ns=None if words[9] is None else instant(day, f"{words[9]}:00"),
        client_id=driver.next_id(),
    )


def _whole(digits: str) -> int:
    return int(digits.replace(",", ""))


def _last(driver: Driver) -> NegotiatedTransfer:
    transfers = driver.exchange.negotiation.transfers
    return max((*transfers.under_way.values(), *transfers.ended.values()), key=lambda one: one.transfer_id)


def word(event: Event, who: str) -> str:
    """What an event says, in words."""
    match event:
        case NegotiatedTransferFiled():
            return "filed"
        case NegotiatedTransferCountered():
            return "countered"
        case NegotiatedTransferConfirmed():
            return "confirmed"
        case NegotiatedTransferUnderReview():
            return "goes to review"
        case NegotiatedTransferExecuted(seller=seller, buyer=buyer, lots=lots):
            price = f"{event.price_fen // 100:,}.{event.price_fen % 100:02}"
            traded = f"trades {event.quantity_tonnes:,} at {price} with {seller if buyer == who else buyer}"
            return f"{traded}{_named(lots)}" if who in (seller, buyer) else f"trade {event.trade_id}"
        case NegotiatedTransferDeclined():
            return "declined"
        case NegotiatedTransferWithdrawn():
            return "withdrawn"
        case NegotiatedTransferExpired(cause=cause):
            return f"expires: {cause}"
        case NegotiatedTransferRejected(code=code):
            return f"ends: {code}"
        case NegotiatedTransferKnown(state=state):
            return f"known: {state}"
        case _:
            return ""


def _named(lots: tuple[LotSlice, ...]) -> str:
    ranges = [f"{part.lot_id} {first}-{end - 1}" for part in lots for first, end in part.serials]
    return f" of {', '.join(ranges)}" if ranges else ""


def told(events: list[Event], what: str) -> str | None:
    """What the close tells of negotiated transfers; none when it is asked for something else."""
    totals = [event for event in events if isinstance(event, NegotiatedTotalsSet)]
    match what:
        case "negotiated volume":
            return " ".join(str(event.volume_tonnes) for event in totals)
        case "negotiated turnover":
            return " ".join(
                f"{event.turnover_fen // 100:,}.{event.turnover_fen % 100:02}" for event in totals
            )
    return None
