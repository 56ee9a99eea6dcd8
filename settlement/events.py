"""What the settlement core says has happened. Past participles; frozen; whole numbers.

A figure's unit is the last word of its name, save `amount` of an asset: fen where the asset is cash, tonnes
otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from settlement.account import ParticipantKind
from settlement.instrument import Instrument
from settlement.lot import Lot
from settlement.removal import RemovalId
from settlement.retirement import ComplianceUse, RetirementId, RetirementPurpose, Use, UseId
from settlement.serials import Serials
from settlement.values import (
    AccountId,
    AssetCode,
    InstructionId,
    LotId,
    ParticipantId,
    TradeId,
    TradeMethod,
    TradingDay,
    WithdrawalId,
)


class Bucket(StrEnum):
    """The part of an account an amount is in."""

    AVAILABLE = "available"
    HELD = "held"
    """Cover of an open order, a filing or a request: still the owner's, not usable twice."""
    FROZEN = "frozen"
    """Named by a freeze and not committed to anything: still the owner's, not to be sold, used or moved."""
    DELIVERING = "delivering"
    """Committed to a counterparty or the registry; comes back only if that fails."""
    RETIRED = "retired"
    """Used and cancelled (Art. 35). There is no way out."""
    OUTSIDE = "outside"
    """Not at the exchange. The only bucket that may be negative."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """An amount moved between two places. Every change of every balance is one of these."""

    asset: AssetCode
    amount: int
    from_account: AccountId
    from_bucket: Bucket
    to_account: AccountId
    to_bucket: Bucket


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantRegistered:
    """Someone was admitted."""

    participant: ParticipantId
    kind: ParticipantKind


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountOpened:
    """A trading account exists and is bound to its registry account."""

    account: AccountId
    owner: ParticipantId
    registry_account: str
    earmark: RetirementPurpose | None = None
    """The one purpose its money may buy units for; None for an ordinary account."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstrumentAdded:
    """A code is known."""

    instrument: Instrument


@dataclass(frozen=True, kw_only=True, slots=True)
class LotRegistered:
    """The exchange learnt of a lot from the registry."""

    lot: Lot


@dataclass(frozen=True, kw_only=True, slots=True)
class CashDeposited:
    """The settlement bank reported money received for an account."""

    account: AccountId
    amount_fen: int
    bank_reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalRequested:
    """Money is held until the settlement bank has paid it out, or has said that it cannot."""

    withdrawal_id: WithdrawalId
    account: AccountId
    amount_fen: int
    client_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalPaid:
    """The settlement bank has paid it out; it is no longer at the exchange. Final."""

    withdrawal_id: WithdrawalId
    account: AccountId
    amount_fen: int
    bank_reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawalReturned:
    """The settlement bank could not pay it out; it is available again. Final."""

    withdrawal_id: WithdrawalId
    account: AccountId
    amount_fen: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LotSlice:
    """Serials of one lot."""

    lot_id: LotId
    serials: Serials


class InstructionKind(StrEnum):
    """What the registry is asked to do."""

    TRANSFER_IN = "transfer_in"
    """From the owner's management sub-account into its trading sub-account."""
    TRANSFER_OUT = "transfer_out"
    DELIVER = "deliver"
    """From the seller's trading sub-account into the buyer's."""
    RETIRE = "retire"
    """Out of the owner's trading sub-account, cancelled for a purpose, for good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstructionLeg:
    """One range-set of one lot from one registry account to another; all legs of an instruction happen or none."""

    leg: int
    """1, 2, 3 …: how a refusal names the leg it is about."""
    lot_id: LotId
    serials: Serials
    from_account: AccountId
    to_account: AccountId
    trade_id: TradeId | None = None
    """The delivery this leg is part of, for `DELIVER`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """A movement asked of the registry. Pending instructions are the outbox; the id is the idempotency key."""

    instruction_id: InstructionId
    kind: InstructionKind
    trading_day: TradingDay
    not_after_ns: int
    """Judged by the registry's clock: an unseen request arriving later is refused there for good."""
    legs: tuple[InstructionLeg, ...]
    retirement_id: RetirementId | None = None
    """Which retirement this asks for, for `RETIRE`."""
    removal_id: RemovalId | None = None
    """Which removal of corrected units this asks for, for `TRANSFER_OUT`; absent where the owner asked itself."""
    use: Use | None = None
    """What the units are retired for, for `RETIRE`."""
    compliance: ComplianceUse | None = None
    """The compliance year they are retired for, for `RETIRE`: Class I lots only."""
    use_id: UseId | None = None
    """Which use of units already owned this asks for: a `RETIRE`, or a `DELIVER` of a donation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MovementInstructed:
    """The registry is to be asked for this; it is pending until confirmed or refused."""

    instruction: Instruction


@dataclass(frozen=True, kw_only=True, slots=True)
class MovementConfirmed:
    """The registry has done it. Final."""

    instruction_id: InstructionId


@dataclass(frozen=True, kw_only=True, slots=True)
class MovementRefused:
    """The registry has refused it, by name. Final: the same id never succeeds later."""

    instruction_id: InstructionId
    code: str
    leg: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferRequested:
    """A participant asked to move units between its two registry sub-accounts. The instruction has the same number."""

    account: AccountId
    instruction_id: InstructionId
    kind: InstructionKind
    instrument: AssetCode
    quantity_tonnes: int
    client_id: str
    lots: tuple[LotSlice, ...] = ()
    """The serials chosen, or named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferCompleted:
    """The units arrived (or left)."""

    account: AccountId
    instruction_id: InstructionId
    kind: InstructionKind
    instrument: AssetCode
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferFailed:
    """The registry refused; everything is as before."""

    account: AccountId
    instruction_id: InstructionId
    kind: InstructionKind
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliverySettled:
    """Units and money changed hands against each other, in one step."""

    trade_id: TradeId
    trading_day: TradingDay
    """The day of the trade."""
    instrument: AssetCode
    seller: AccountId
    buyer: AccountId
    quantity_tonnes: int
    amount_fen: int
    lots: tuple[LotSlice, ...]
    buyer_fee_fen: int = 0
    """Paid by the buyer beside the amount."""
    seller_fee_fen: int = 0
    """Paid by the seller out of the amount."""
    use: Use | None = None
    """What the units were bought to be retired for; they are committed to that and never available."""
    method: TradeMethod = TradeMethod.LISTED


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryFailed:
    """This delivery came to nothing: units and money went back to their owners.

    The code is the registry's refusal, `lot_frozen` where the seller's units were frozen before it was asked,
    `unwound` where operators gave up on a parked one, or `proceeds_lost` where the buyer lacks what a sale of its own
    did not bring in.
    """

    trade_id: TradeId
    trading_day: TradingDay
    instrument: AssetCode
    seller: AccountId
    buyer: AccountId
    quantity_tonnes: int
    amount_fen: int
    code: str
    method: TradeMethod = TradeMethod.LISTED


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryParked:
    """The registry would not be asked by us at all: both legs stay committed until operators retry it or give up.

    `proceeds_parked` is for a purchase that lacks money which parked sales are to bring in. No instruction was refused,
    so none is named, and it goes on by itself when the money comes.
    """

    trade_id: TradeId
    seller: AccountId
    buyer: AccountId
    instrument: AssetCode
    quantity_tonnes: int
    instruction_id: InstructionId
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProceedsChanged:
    """What an account will receive for unsettled sales, and what it has ordered and bought on the strength of that.

    Both as they are at the end of the command. None of it is in any balance.
    """

    account: AccountId
    due_fen: int
    """What sales that may be used at once will bring in, the seller's fees deducted; parked ones apart."""
    pledged_fen: int
    """What its purchases and open orders lack."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetirementCompleted:
    """Units were retired. Final: they never move again (Art. 35)."""

    retirement_id: RetirementId
    account: AccountId
    instrument: AssetCode
    quantity_tonnes: int
    use: Use
    lots: tuple[LotSlice, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RetirementRefused:
    """The registry refused to retire; the units stay committed until it is asked again."""

    retirement_id: RetirementId
    account: AccountId
    instrument: AssetCode
    quantity_tonnes: int
    use: Use
    code: str


MovementEvent: TypeAlias = (
    Posted
    | MovementInstructed
    | MovementConfirmed
    | MovementRefused
    | TransferRequested
    | TransferCompleted
    | TransferFailed
    | DeliverySettled
    | DeliveryFailed
    | DeliveryParked
    | ProceedsChanged
    | RetirementCompleted
    | RetirementRefused
)
"""Everything said of movements and of what they change."""

AnySettlementEvent: TypeAlias = (
    MovementEvent
    | ParticipantRegistered
    | AccountOpened
    | InstrumentAdded
    | LotRegistered
    | CashDeposited
    | WithdrawalRequested
    | WithdrawalPaid
    | WithdrawalReturned
)
"""Everything settlement can say, custody apart."""
