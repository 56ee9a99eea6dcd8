"""Operators' acts about units in custody: freezes of their own, claims, removals, breaks, parked deliveries."""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

from matching.acts import (
    DecideClaim,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    UnwindDelivery,
)
from matching.day_cycle import DayCycle
from matching.events import Event
from settlement import serials
from settlement.custody_events import DeliveriesRetried, DeliveryUnwound
from settlement.custody_rejections import (
    BREAK_NOT_OPEN,
    CLAIM_NOT_OPEN,
    DELIVERY_NOT_COVERED,
    DELIVERY_NOT_PARKED,
    FREEZE_MALFORMED,
    FREEZE_UNKNOWN,
    REMOVAL_NOT_REFUSED,
)
from settlement.delivery import DeliveryStep
from settlement.depository import Depository
from settlement.freeze import Freeze, FreezeId, FreezeSource
from settlement.rejections import ACCOUNT_UNKNOWN, LOT_UNKNOWN, SERIALS_MALFORMED, Rejection
from settlement.values import TradeId

CustodyAct: TypeAlias = (
    PlaceFreeze | LiftFreeze | DecideClaim | RetryRemoval | ResolveBreak | RetryDeliveries | UnwindDelivery
)

UNWOUND = "unwound"
"""Why a delivery failed that operators gave up on."""


class CustodyActs:
    """Judges and does them. Who may, and with whom, is decided before."""

    __slots__ = ("_cycle", "_depository")

    def __init__(self, depository: Depository, cycle: DayCycle) -> None:
        """Depository and cycle are the exchange's own."""
        self._depository = depository
        self._cycle = cycle

    # ---- guards -------------------------------------------------------------------------------------------------

    def refuse(self, act: CustodyAct) -> Rejection | None:
        """Why an act cannot be done now; None when it can."""
        custody = self._depository.custody
        match act:
            case PlaceFreeze():
                return self._refuse_freeze(act)
            case LiftFreeze():
                freeze = custody.restrictions.freezes.get(act.freeze_id)
                ours = freeze is not None and freeze.source is FreezeSource.OPERATOR
                return None if ours else FREEZE_UNKNOWN.because(actual=act.freeze_id)
            case DecideClaim():
                possible = custody.corrections.can_decide(act.claim_id, act.decision)
                return None if possible else CLAIM_NOT_OPEN.because(actual=str(act.claim_id))
            case RetryRemoval():
                refused = custody.corrections.is_refused(act.removal_id)
                return None if refused else REMOVAL_NOT_REFUSED.because(actual=str(act.removal_id))
            case ResolveBreak():
                is_open = act.break_id in custody.breaks.open
                return None if is_open else BREAK_NOT_OPEN.because(actual=str(act.break_id))
            case RetryDeliveries():
                return self._refuse_parked(self._named(act)) or self._refuse_uncovered(self._named(act))
            case UnwindDelivery():
                return self._refuse_parked((act.trade_id,))
            case _:
                assert_never(act)

    def _refuse_freeze(self, act: PlaceFreeze) -> Rejection | None:
        if (act.account is None and act.lot_id is None) or (act.serials and act.lot_id is None):
            return FREEZE_MALFORMED.because()
        if act.account is not None and act.account not in self._depository.accounts:
            return ACCOUNT_UNKNOWN.because(actual=act.account)
        if act.lot_id is None:
            return None
        lot = self._depository.lots.get(act.lot_id)
        if lot is None:
            return LOT_UNKNOWN.because(actual=act.lot_id)
        within = serials.is_well_formed(act.serials) and serials.contains((lot.serials,), act.serials)
        return None if within else SERIALS_MALFORMED.because(actual=act.lot_id)

    def _refuse_parked(self, trade_ids: tuple[TradeId, ...]) -> Rejection | None:
        obligations = self._depository.movements.obligations
        if not trade_ids or len(set(trade_ids)) != len(trade_ids):
            return DELIVERY_NOT_PARKED.because()
        for trade_id in trade_ids:
            if not obligations.is_parked(trade_id):
                return DELIVERY_NOT_PARKED.because(actual=str(trade_id))
        return None

    def _refuse_uncovered(self, trade_ids: tuple[TradeId, ...]) -> Rejection | None:
        obligations = self._depository.movements.obligations
        lacking = next((one for one in trade_ids if obligations.lacks_proceeds(one)), None)
        return None if lacking is None else DELIVERY_NOT_COVERED.because(actual=str(lacking))

    def _named(self, act: RetryDeliveries) -> tuple[TradeId, ...]:
        """Those it names, or all that are parked by the registry's word: what lacks money waits for that."""
        parked = self._depository.movements.obligations.parked()
        return act.trade_ids or tuple(one.trade_id for one in parked if not one.lacking_fen)

    # ---- deeds --------------------------------------------------------------------------------------------------

    def do(self, act: CustodyAct) -> Iterable[Event]:
        """Do an act that nothing forbids."""
        custody, operator, reason = self._depository.custody, act.operator, act.reason
        match act:
            case PlaceFreeze():
                return (custody.freezing.place(self._freeze(act)),)
            case LiftFreeze():
                return (custody.freezing.lift(act.freeze_id, reason),)
            case DecideClaim():
                return tuple(custody.corrections.decide(act.claim_id, act.decision, operator, reason))
            case RetryRemoval():
                custody.corrections.retry(act.removal_id)
                return ()
            case ResolveBreak():
                return tuple(custody.breaks.resolve(act.break_id, operator, reason))
            case RetryDeliveries():
                return self._retry(act)
            case UnwindDelivery():
                return self._unwind(act)
            case _:
                assert_never(act)

    def _freeze(self, act: PlaceFreeze) -> Freeze:
        account = None if act.account is None else self._depository.accounts[act.account].registry_account
        return Freeze(
            freeze_id=FreezeId(f"act-{self._cycle.stamp.seq}"),
            source=FreezeSource.OPERATOR,
            registry_account=account,
            lot_id=act.lot_id,
            serials=act.serials,
            reason=act.reason,
        )

    def _retry(self, act: RetryDeliveries) -> Iterable[Event]:
        trade_ids = self._named(act)
        retried = DeliveriesRetried(trade_ids=trade_ids, operator=act.operator, reason=act.reason)
        seq, not_after_ns = self._cycle.stamp.seq, self._cycle.not_after_ns()
        return (retried, *self._depository.movements.retry(trade_ids, seq, not_after_ns))

    def _unwind(self, act: UnwindDelivery) -> Iterable[Event]:
        obligations = self._depository.movements.obligations
        unwound = DeliveryUnwound(trade_id=act.trade_id, operator=act.operator, reason=act.reason)
        delivery = obligations.pending[act.trade_id]
        return (unwound, *obligations.fail(delivery, (), UNWOUND, DeliveryStep.UNWIND))
