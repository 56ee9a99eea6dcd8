"""Commands about units in custody, in plain names: notices, freezes, corrections, breaks, transfers out, parked trades."""

from matching.acts import (
    DecideClaim,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    UnwindDelivery,
)
from matching.events import Event
from settlement.claim import ClaimDecision, ClaimId
from settlement.commands import ReportBreaks, RequestTransferOut, TakeNotice
from settlement.difference import BreakId, BreakKind, Difference
from settlement.freeze import FreezeId
from settlement.lot import Lot
from settlement.lot_choice import LotChoice
from settlement.notice import Notice, NoticeKind
from settlement.removal import RemovalId
from settlement.serials import NONE, Serials
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradeId
from tests.matching.driver import LISTING, OLGA, Driver, owner_of

OPERATOR = ParticipantId(OLGA)


class Registry:
    """The platform's own voice: numbers its notices, and says them to one exchange."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def says(
        self,
        kind: NoticeKind,
        account: str | None = None,
        lot_name: str | None = None,
        serials: Serials = NONE,
        *,
        lot: Lot | None = None,
    ) -> tuple[Event, ...]:
        """The next notice, taken."""
        sequence = self.driver.exchange.depository.custody.notices.cursor + 1
        return self.driver.accepted(notice(sequence, kind, account, lot_name, serials, lot=lot))


def notice(
    sequence: int,
    kind: NoticeKind,
    account: str | None = None,
    lot_name: str | None = None,
    serials: Serials = NONE,
    *,
    lot: Lot | None = None,
) -> TakeNotice:
    """A `TakeNotice`; the account is named as the exchange names it."""
    return TakeNotice(
        notice=Notice(
            sequence=sequence,
            kind=kind,
            registry_account=None if account is None else f"registry-{account}",
            lot_id=None if lot_name is None else LotId(lot_name),
            serials=serials,
            lot=lot,
            reason="the platform's",
        )
    )


def transfer_out(
    account: str,
    tonnes: int = 0,
    *lots: LotChoice,
    client_id: str = "out",
    instrument: str = LISTING,
    participant: str | None = None,
) -> RequestTransferOut:
    """A `RequestTransferOut` by the account's owner."""
    return RequestTransferOut(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        instrument=AssetCode(instrument),
        quantity_tonnes=tonnes,
        lots=lots,
    )


def some(lot_name: str, *serials: tuple[int, int], tonnes: int = 0) -> LotChoice:
    """Serials of a lot, or tonnes of it."""
    return LotChoice(lot_id=LotId(lot_name), serials=serials, quantity_tonnes=tonnes)


def freeze(
    account: str | None = None, lot_name: str | None = None, serials: Serials = NONE, *, operator: str = OLGA
) -> PlaceFreeze:
    """A `PlaceFreeze`."""
    return PlaceFreeze(
        operator=ParticipantId(operator),
        reason="a test",
        account=None if account is None else AccountId(account),
        lot_id=None if lot_name is None else LotId(lot_name),
        serials=serials,
    )


def thaw(freeze_id: str) -> LiftFreeze:
    """A `LiftFreeze`."""
    return LiftFreeze(operator=OPERATOR, reason="a test", freeze_id=FreezeId(freeze_id))


def decide(claim_id: int, decision: ClaimDecision) -> DecideClaim:
    """A `DecideClaim`."""
    return DecideClaim(operator=OPERATOR, reason="a test", claim_id=ClaimId(claim_id), decision=decision)


def retry_removal(removal_id: int) -> RetryRemoval:
    """A `RetryRemoval`."""
    return RetryRemoval(operator=OPERATOR, reason="a test", removal_id=RemovalId(removal_id))


def differs(
    kind: BreakKind = BreakKind.RANGE_DIFFERS,
    account: str | None = None,
    lot_name: str | None = None,
    *,
    here: Serials = NONE,
    there: Serials = NONE,
    instruction: str | None = None,
    detail: str = "",
) -> Difference:
    """A `Difference`."""
    return Difference(
        kind=kind,
        registry_account=None if account is None else f"registry-{account}",
        lot_id=None if lot_name is None else LotId(lot_name),
        only_here=here,
        only_there=there,
        instruction_id=None if instruction is None else InstructionId(instruction),
        detail=detail,
    )


def report(*differences: Difference) -> ReportBreaks:
    """A `ReportBreaks`."""
    return ReportBreaks(as_of=7, differences=differences)


def settle_break(break_id: int) -> ResolveBreak:
    """A `ResolveBreak`."""
    return ResolveBreak(operator=OPERATOR, reason="counted again", break_id=BreakId(break_id))


def retry_deliveries(*trade_ids: int) -> RetryDeliveries:
    """A `RetryDeliveries`; of all that are parked when none is named."""
    return RetryDeliveries(
        operator=OPERATOR, reason="a test", trade_ids=tuple(TradeId(one) for one in trade_ids)
    )


def unwind(trade_id: int) -> UnwindDelivery:
    """An `UnwindDelivery`."""
    return UnwindDelivery(operator=OPERATOR, reason="a test", trade_id=TradeId(trade_id))
