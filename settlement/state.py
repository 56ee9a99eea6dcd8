"""All the depository knows, as written to a snapshot."""

from dataclasses import dataclass

from settlement.account import Account, Participant
from settlement.custody import CustodyState
from settlement.delivery import Delivery, DeliveryState
from settlement.events import Instruction, LotSlice
from settlement.holdings import HoldingState, RetiredState
from settlement.instrument import Instrument
from settlement.ledger import BalanceState
from settlement.lot import Lot
from settlement.mandate import Mandate
from settlement.obligations import DayTally
from settlement.proceeds import LackingState
from settlement.retirement import Use
from settlement.retirements import RetirementRecord
from settlement.treasury import TreasuryState
from settlement.use import UseRecord
from settlement.values import AccountId, AssetCode, TradeId, TradeMethod, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRecord:
    """One pending delivery, as written to a snapshot."""

    trade_id: TradeId
    trading_day: TradingDay
    instrument: AssetCode
    seller: AccountId
    buyer: AccountId
    quantity_tonnes: int
    amount_fen: int
    resale_next_day: bool
    buyer_fee_fen: int
    seller_fee_fen: int
    use: Use | None
    method: TradeMethod
    lots: tuple[LotSlice, ...]
    proceeds_at_once: bool
    lacking_fen: int
    state: DeliveryState


@dataclass(frozen=True, kw_only=True, slots=True)
class LockState:
    """Units bought today that may not be sold before the next day, as written to a snapshot."""

    account: AccountId
    instrument: AssetCode
    quantity_tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DepositoryState:
    """All the depository knows, as written to a snapshot."""

    participants: tuple[Participant, ...]
    accounts: tuple[Account, ...]
    instruments: tuple[Instrument, ...]
    lots: tuple[Lot, ...]
    balances: tuple[BalanceState, ...]
    holdings: tuple[HoldingState, ...]
    deliveries: tuple[DeliveryRecord, ...]
    instructions: tuple[Instruction, ...]
    treasury: TreasuryState
    locked: tuple[LockState, ...]
    retirements: tuple[RetirementRecord, ...]
    custody: CustodyState
    mandates: tuple[Mandate, ...]
    uses: tuple[UseRecord, ...]
    retired: tuple[RetiredState, ...]
    tally: DayTally
    lacking: tuple[LackingState, ...]


def record_of(delivery: Delivery) -> DeliveryRecord:
    """A delivery as a snapshot keeps it."""
    return DeliveryRecord(
        trade_id=delivery.trade_id,
        trading_day=delivery.trading_day,
        instrument=delivery.instrument,
        seller=delivery.seller,
        buyer=delivery.buyer,
        quantity_tonnes=delivery.quantity_tonnes,
        amount_fen=delivery.amount_fen,
        resale_next_day=delivery.resale_next_day,
        buyer_fee_fen=delivery.buyer_fee_fen,
        seller_fee_fen=delivery.seller_fee_fen,
        use=delivery.use,
        method=delivery.method,
        lots=delivery.lots,
        proceeds_at_once=delivery.proceeds_at_once,
        lacking_fen=delivery.lacking_fen,
        state=delivery.state,
    )


def delivery_of(record: DeliveryRecord) -> Delivery:
    """The delivery a snapshot kept."""
    return Delivery(
        trade_id=record.trade_id,
        trading_day=record.trading_day,
        instrument=record.instrument,
        seller=record.seller,
        buyer=record.buyer,
        quantity_tonnes=record.quantity_tonnes,
        amount_fen=record.amount_fen,
        resale_next_day=record.resale_next_day,
        buyer_fee_fen=record.buyer_fee_fen,
        seller_fee_fen=record.seller_fee_fen,
        use=record.use,
        method=record.method,
        lots=record.lots,
        proceeds_at_once=record.proceeds_at_once,
        lacking_fen=record.lacking_fen,
        state=record.state,
    )
