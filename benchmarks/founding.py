"""Everything that must be told to a market before a flow can be played on it: rules, participants, money, units.

The same commands found the core, the plain reference market, and (said over its API) a running exchange.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.markets.loader import load_market
from matching.calendar import midnight_ns
from matching.commands import AddListing, Command, OpenDay
from matching.listing import Listing
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradingDay

CLASS_ONE: Final = AssetCode("SHCERCIR1")
CLASS_TWO: Final = AssetCode("SHCERCIIR1")
CLASSES: Final = {CLASS_ONE: MethodologyClass.I, CLASS_TWO: MethodologyClass.II}
REFERENCE_FEN: Final = 6_800
DAY: Final = TradingDay("2026-11-23")
OPENS_NS: Final = midnight_ns(DAY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What one account has before the flow begins."""

    cash_fen: int = 0
    units_tonnes: Mapping[AssetCode, int] = field(default_factory=dict)


Openings = Mapping[str, Opening]
"""By account role, the name a flow uses for an account."""


def founding(openings: Openings) -> Iterator[Command]:
    """The commands, in order, that make an always-open market with these accounts; their numbers begin at 1."""
    told = 0
    for command in _founding(openings):
        told += 1
        yield command
        if isinstance(command, RequestTransferIn):
            name = InstructionId(f"in-{told}")
            told += 1
            yield ResolveInstruction(instruction_id=name, outcome=Outcome.CONFIRMED)


def _founding(openings: Openings) -> Iterator[Command]:
    market = load_market("always-open")
    yield market.rules
    yield from market.calendars
    for code, methodology_class in CLASSES.items():
        yield AddInstrument(instrument=Instrument(code=code, methodology_class=methodology_class))
        yield AddListing(listing=Listing(code=code, first_reference_price_fen=REFERENCE_FEN))
    yield OpenDay(trading_day=DAY)
    for role, opening in openings.items():
        yield from _admit(role, opening)


def _admit(role: str, opening: Opening) -> Iterator[Command]:
    participant, account = ParticipantId(role), AccountId(role)
    yield RegisterParticipant(participant=participant, kind=ParticipantKind.INSTITUTION)
    yield OpenAccount(account=account, owner=participant, registry_account=f"R-{role}")
    if opening.cash_fen:
        yield DepositCash(
            participant=ParticipantId("bank"),
            account=account,
            client_id=f"opening-{role}",
            amount_fen=opening.cash_fen,
            bank_reference=f"opening-{role}",
        )
    for code, tonnes in opening.units_tonnes.items():
        lot = _lot(LotId(f"L-{role}-{code}"), code, tonnes)
        yield RegisterLot(lot=lot)
        yield RequestTransferIn(
            participant=participant,
            account=account,
            client_id=f"opening-{code}",
            instrument=code,
            lots=(LotSlice(lot_id=lot.lot_id, serials=(lot.serials,)),),
            asked="the whole lot",
        )


def _lot(lot_id: LotId, code: AssetCode, tonnes: int) -> Lot:
    return Lot(
        lot_id=lot_id,
        instrument=code,
        methodology_class=CLASSES[code],
        methodology="SHCER02020022024II",
        methodology_version="1",
        origin=Origin.PROJECT,
        project="a roof of solar cells",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch="1",
        issued_on="2025-01-01",
        serials=(1, tonnes + 1),
    )
