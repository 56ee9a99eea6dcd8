"""Acts of operators about units and money in custody, and what every act of an operator carries.

Acts about trading stand beside its other commands.
"""

from dataclasses import dataclass

from settlement.bank_statement import CashBreakId
from settlement.claim import ClaimDecision, ClaimId
from settlement.difference import BreakId
from settlement.freeze import FreezeId
from settlement.mandate import MandatedAction, MandateId
from settlement.removal import RemovalId
from settlement.serials import NONE, Serials
from settlement.values import AccountId, LotId, ParticipantId, TradeId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """What every act of an operator carries that is outside the ordinary course of a day."""

    operator: ParticipantId
    reason: str

    @property
    def name(self) -> str:
        """As the rule book names it where it asks for a second person; empty for what never needs one."""
        raise AssertionError("every act has a name")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceFreeze(Act):
    """Freeze an account, a lot, serials of a lot, or a lot in one account, on the exchange's own word."""

    account: AccountId | None = None
    lot_id: LotId | None = None
    serials: Serials = NONE

    @property
    def name(self) -> str:
        """Its name."""
        return "place_freeze"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftFreeze(Act):
    """End a freeze that an operator placed. Any other ends where it came from."""

    freeze_id: FreezeId

    @property
    def name(self) -> str:
        """Its name."""
        return "lift_freeze"


@dataclass(frozen=True, kw_only=True, slots=True)
class DecideClaim(Act):
    """Decide what becomes of corrected units that somebody else has by now (Measures 2023, Art. 22)."""

    claim_id: ClaimId
    decision: ClaimDecision

    @property
    def name(self) -> str:
        """Its name."""
        return "decide_claim"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryRemoval(Act):
    """Have the registry asked again for the removal of corrected units that it refused."""

    removal_id: RemovalId

    @property
    def name(self) -> str:
        """Asking again needs no second person."""
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveBreak(Act):
    """Say that a difference with the registry is settled, and how: exactly its freezes are lifted."""

    break_id: BreakId

    @property
    def name(self) -> str:
        """Its name."""
        return "resolve_break"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryDeliveries(Act):
    """Have the registry asked again for parked deliveries: those named, or all there are."""

    trade_ids: tuple[TradeId, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return "retry_deliveries"


@dataclass(frozen=True, kw_only=True, slots=True)
class UnwindDelivery(Act):
    """Give up on a parked delivery: both sides get back what was theirs."""

    trade_id: TradeId

    @property
    def name(self) -> str:
        """Its name."""
        return "unwind_delivery"


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleCashBreak(Act):
    """Say that a difference with the settlement bank's money is settled, and how: its account can withdraw again."""

    break_id: CashBreakId

    @property
    def name(self) -> str:
        """Its name."""
        return "settle_cash_break"


@dataclass(frozen=True, kw_only=True, slots=True)
class SupersedeBankStatement(Act):
    """Have the bank statement that was imported last be as if it had never come: it was of another day, or wrong."""

    statement_id: str

    @property
    def name(self) -> str:
        """Its name."""
        return "supersede_bank_statement"


@dataclass(frozen=True, kw_only=True, slots=True)
class GoOnWithoutRegistry(Act):
    """Let a close go on without what the registry has not answered, or without comparing with it.

    Nothing is given up: what was asked stays asked, both legs committed, and ends with the answer, whatever day it is then.
    """

    trading_day: TradingDay

    @property
    def name(self) -> str:
        """Its name."""
        return "go_on_without_registry"


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantMandate(Act):
    """Let a participant act for another's account (Measures 2023, Art. 30); the reason names the owner's written will."""

    account: AccountId
    participant: ParticipantId
    actions: tuple[MandatedAction, ...]
    until_ns: int

    @property
    def name(self) -> str:
        """Its name."""
        return "grant_mandate"


@dataclass(frozen=True, kw_only=True, slots=True)
class RevokeMandate(Act):
    """End a mandate at once, and with it whatever its participant has open in the account."""

    mandate_id: MandateId

    @property
    def name(self) -> str:
        """It protects the owner, and so waits for nobody."""
        return ""
