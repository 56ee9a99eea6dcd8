"""Which units come in or go out: chosen out of what lies in the owner's own management sub-account, or named by the owner.

Nobody can name another's serials: what is named must lie there, too. What is on its way, or here already, is left
out. Whoever asks has the account's turn, so that two requests never choose the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call
from gateway.http.services import HoldingsUnknown
from settlement import serials as ranges
from settlement.events import InstructionKind, LotSlice
from settlement.lot_choice import LotChoice
from settlement.rejections import (
    INSTRUMENT_UNKNOWN,
    INSUFFICIENT_UNITS,
    LOT_UNKNOWN,
    NOT_YOUR_ACCOUNT,
    SERIALS_ALREADY_HERE,
    SERIALS_MALFORMED,
)
from settlement.values import AccountId, AssetCode, LotId


class LotWanted(Protocol):
    """Units of one lot: these serials, or so many tonnes of it."""

    @property
    def lot(self) -> str:
        """Which lot."""
        ...

    @property
    def serials(self) -> list[list[int]] | None:
        """Half-open ranges."""
        ...

    @property
    def quantity(self) -> int | None:
        """Tonnes."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Management:
    """What lies in an account's management sub-account, and what of it is no longer to be had."""

    there: Mapping[str, ranges.Serials]
    taken: Mapping[str, list[ranges.Serials]]
    """On its way, or here."""

    def left(self, lot: str) -> ranges.Serials:
        """What can be chosen of a lot."""
        return _without(self.there.get(lot, ranges.NONE), self.taken.get(lot, []))


def asked_by_quantity(quantity_tonnes: int) -> str:
    """What was asked for, in the one way of writing it."""
    return f"quantity:{quantity_tonnes}"


def asked_by_lots(lots: Sequence[LotWanted]) -> str:
    """The same, where the client named lots."""
    named: list[list[Any]] = [[part.lot, part.serials, part.quantity] for part in lots]
    return f"lots:{orjson.dumps(named).decode()}"


async def look(call: Call, account: AccountId) -> Management:
    """Ask the registry what is there. Raises Refused when it does not answer."""
    # Whose account it is must be clear before the registry is asked about it.
    here = call.services.views.account(account)
    if here is None or not call.may_see(account):
        raise refusal(NOT_YOUR_ACCOUNT, actual=account)
    try:
        there = await call.services.management_holdings(account)
    except HoldingsUnknown:
        raise refusal(reasons.REGISTRY_UNREACHABLE, headers={"Retry-After": "5"}) from None
    # What arrived while the registry answered is here, and no longer on its way: so this is looked at afterwards.
    taken = {lot: [serials] for lot, serials in here.serials.items()}
    for instruction in call.services.views.pending_instructions.values():
        for leg in instruction.legs:
            if instruction.kind is InstructionKind.TRANSFER_IN and leg.from_account == account:
                taken.setdefault(leg.lot_id, []).append(leg.serials)
    return Management(there={part.lot_id: part.serials for part in there}, taken=taken)


async def first_in_first_out(
    call: Call, account: AccountId, listing: str, quantity_tonnes: int
) -> tuple[LotSlice, ...]:
    """So many tonnes of a listing, oldest lots first. Raises Refused."""
    views = call.services.views
    if listing not in views.instruments:
        raise refusal(INSTRUMENT_UNKNOWN, actual=listing)
    known = views.lots_known
    management = await look(call, account)
    lots = [known[lot] for lot in management.there if lot in known and known[lot].instrument == listing]
    parts = [
        (lot.lot_id, management.left(lot.lot_id)) for lot in sorted(lots, key=lambda lot: lot.delivery_order)
    ]
    total = sum(ranges.count(serials) for _, serials in parts)
    if total < quantity_tonnes:
        raise refusal(INSUFFICIENT_UNITS, limit=total, actual=quantity_tonnes)
    chosen: list[LotSlice] = []
    wanted = quantity_tonnes
    for lot_id, serials in parts:
        taken, _ = ranges.take_first(serials, min(wanted, ranges.count(serials)))
        if taken:
            chosen.append(LotSlice(lot_id=lot_id, serials=taken))
            wanted -= ranges.count(taken)
    return tuple(chosen)


def instrument_of(call: Call, lots: Sequence[LotWanted]) -> AssetCode:
    """What the first lot is of; the core judges whether the others are of the same. Raises Refused."""
    known = call.services.views.lots_known
    for index, part in enumerate(lots):
        if part.lot not in known:
            raise refusal(LOT_UNKNOWN, pointer=f"/lots/{index}/lot", actual=part.lot)
    return known[lots[0].lot].instrument


def choices(lots: Sequence[LotWanted]) -> tuple[LotChoice, ...]:
    """The units the client named of its own here. Raises Refused for what is no choice; the rest the core judges."""
    for index, part in enumerate(lots):
        if (part.serials is None) == (part.quantity is None):
            raise refusal(reasons.LOTS_OR_QUANTITY, pointer=f"/lots/{index}")
        if part.serials is not None and not ranges.is_well_formed(_serials(part.serials)):
            raise refusal(SERIALS_MALFORMED, pointer=f"/lots/{index}/serials", actual=part.lot)
    return tuple(
        LotChoice(
            lot_id=LotId(part.lot), serials=_serials(part.serials or []), quantity_tonnes=part.quantity or 0
        )
        for part in lots
    )


async def named(call: Call, account: AccountId, lots: Sequence[LotWanted]) -> tuple[LotSlice, ...]:
    """The units the client named. Raises Refused when they are not to be had, which uses up no client id."""
    for index, part in enumerate(lots):
        if (part.serials is None) == (part.quantity is None):
            raise refusal(reasons.LOTS_OR_QUANTITY, pointer=f"/lots/{index}")
        if part.serials is not None and not ranges.is_well_formed(_serials(part.serials)):
            raise refusal(SERIALS_MALFORMED, pointer=f"/lots/{index}/serials", actual=part.lot)
    management = await look(call, account)
    return tuple(_slice(management, part, f"/lots/{index}") for index, part in enumerate(lots))


def _slice(management: Management, part: LotWanted, pointer: str) -> LotSlice:
    if part.quantity is not None:
        left = management.left(part.lot)
        if (there := ranges.count(left)) < part.quantity:
            raise refusal(
                INSUFFICIENT_UNITS, pointer=f"{pointer}/quantity", limit=there, actual=part.quantity
            )
        return LotSlice(lot_id=LotId(part.lot), serials=ranges.take_first(left, part.quantity)[0])
    assert part.serials is not None, "the client gave neither"
    wanted = _serials(part.serials)
    if any(ranges.overlap(taken, wanted) for taken in management.taken.get(part.lot, [])):
        raise refusal(SERIALS_ALREADY_HERE, pointer=f"{pointer}/serials", actual=part.lot)
    if not ranges.contains(management.there.get(part.lot, ranges.NONE), wanted):
        raise refusal(reasons.SERIALS_NOT_IN_MANAGEMENT, pointer=f"{pointer}/serials", actual=part.lot)
    return LotSlice(lot_id=LotId(part.lot), serials=wanted)


def _serials(pairs: list[list[int]]) -> ranges.Serials:
    return tuple((first, end) for first, end in pairs)


def _without(serials: ranges.Serials, taken: list[ranges.Serials]) -> ranges.Serials:
    """What is left; unlike `serials.difference`, what is taken need not be there any more."""
    cuts = sorted(cut for part in taken for cut in part)
    left: list[ranges.SerialRange] = []
    for start, end in serials:
        first = start
        for cut_first, cut_end in cuts:
            if cut_end <= first or cut_first >= end:
                continue
            if first < cut_first:
                left.append((first, cut_first))
            first = cut_end
        if first < end:
            left.append((first, end))
    return tuple(left)
