"""A small depository to test on: two sellers, two buyers, lots of different age, and trades by one call."""

from typing import TypeVar

from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    RequestTransferOut,
    ResolveInstruction,
)
from settlement.delivery import Delivery
from settlement.depository import Depository
from settlement.events import Instruction, LotSlice, MovementInstructed
from settlement.instrument import Instrument
from settlement.lot import Lot, MethodologyClass, Origin
from settlement.movements import ResolvedEvent
from settlement.rejections import Rejection
from settlement.retirement import RetirementPurpose, Use
from settlement.serials import Serials
from settlement.values import CASH, AccountId, AssetCode, LotId, ParticipantId, TradeId, TradingDay

UNITS, OTHER_UNITS = AssetCode("U"), AssetCode("V")
DAY = TradingDay("2026-11-23")
SELLER, BUYER = AccountId("seller"), AccountId("buyer")
EVENT = Use(
    purpose=RetirementPurpose.VOLUNTARY_OFFSET,
    beneficiary="a meeting of 300",
    statement="made carbon neutral",
)


def lot(
    name: str,
    serials: tuple[int, int] = (1, 101),
    issued_on: str = "2025-01-01",
    instrument: AssetCode = UNITS,
    methodology_class: MethodologyClass = MethodologyClass.I,
) -> Lot:
    return Lot(
        lot_id=LotId(name),
        instrument=instrument,
        methodology_class=methodology_class,
        methodology="M",
        methodology_version="1",
        origin=Origin.SCENARIO,
        project="bicycles",
        period_from="2024-01-01",
        period_to="2024-12-31",
        batch="1",
        issued_on=issued_on,
        serials=serials,
    )


def part(name: str, *serials: tuple[int, int]) -> LotSlice:
    return LotSlice(lot_id=LotId(name), serials=serials)


T = TypeVar("T")


class House:
    """A depository with a seller and a buyer, and numbers that count."""

    def __init__(self) -> None:
        self.depository = Depository()
        self.movements = self.depository.movements
        self.seq = 0
        self.trades = 0
        for code, kind in ((UNITS, MethodologyClass.I), (OTHER_UNITS, MethodologyClass.II)):
            instrument = Instrument(code=code, methodology_class=kind)
            sound(self.depository.add_instrument(AddInstrument(instrument=instrument)))
        for account in (SELLER, BUYER):
            self.admit(account)
        self.deposit(BUYER, 1_000_000, "opening")

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def admit(self, account: AccountId) -> None:
        owner = ParticipantId(f"{account}-owner")
        kind = ParticipantKind.INDIVIDUAL
        sound(self.depository.register_participant(RegisterParticipant(participant=owner, kind=kind)))
        opened = OpenAccount(account=account, owner=owner, registry_account=f"registry-{account}")
        sound(self.depository.open_account(opened))

    def deposit(self, account: AccountId, fen: int, reference: str) -> None:
        sound(self.depository.treasury.deposit(deposit(account, fen, reference)))

    def ask_for(self, account: AccountId, *lots: LotSlice) -> Instruction:
        """A transfer in under way."""
        command = transfer_in(account, *lots)
        assert self.depository.refuse_transfer_in(command) is None
        events = self.movements.transfers.request_in(command, self.next_seq(), DAY, 99)
        self.depository.check()
        (instruction,) = instructed(events)
        return instruction

    def leave(self, account: AccountId, tonnes: int) -> Instruction:
        """A transfer out under way, of the account's oldest serials."""
        command = transfer_out(account, tonnes)
        chosen = self.depository.refuse_transfer_out(command)
        assert not isinstance(chosen, Rejection), chosen
        events = self.movements.transfers.request_out(command, chosen, self.next_seq(), DAY, 99)
        self.depository.check()
        (instruction,) = instructed(events)
        return instruction

    def bring(self, account: AccountId, name: str, serials: tuple[int, int], issued_on: str) -> None:
        """A whole new lot in an account."""
        sound(self.depository.register_lot(RegisterLot(lot=lot(name, serials, issued_on))))
        self.answer(self.ask_for(account, part(name, serials)))

    def trade(
        self,
        tonnes: int,
        fen_per_tonne: int = 10,
        *,
        use: Use | None = None,
        fees: tuple[int, int] = (0, 0),
        resale_next_day: bool = False,
    ) -> TradeId:
        """A delivery from the seller to the buyer, pending."""
        trade_id = self.trade_unchecked(
            tonnes, fen_per_tonne, use=use, fees=fees, resale_next_day=resale_next_day
        )
        self.depository.check()
        return trade_id

    def trade_unchecked(
        self,
        tonnes: int,
        fen_per_tonne: int = 10,
        *,
        resale_next_day: bool = False,
        use: Use | None = None,
        fees: tuple[int, int] = (0, 0),
    ) -> TradeId:
        """The same, for a test that makes thousands. Fees are the buyer's and the seller's."""
        self.trades += 1
        amount_fen = tonnes * fen_per_tonne
        self.depository.hold(SELLER, UNITS, tonnes)
        self.depository.hold(BUYER, CASH, amount_fen + fees[0])
        delivery = Delivery(
            trade_id=TradeId(self.trades),
            trading_day=DAY,
            instrument=UNITS,
            seller=SELLER,
            buyer=BUYER,
            quantity_tonnes=tonnes,
            amount_fen=amount_fen,
            resale_next_day=resale_next_day,
            buyer_fee_fen=fees[0],
            seller_fee_fen=fees[1],
            use=use,
        )
        self.depository.book_trade(delivery)
        return delivery.trade_id

    def instruct(self) -> list[Instruction]:
        """Every pending delivery, asked of the registry."""
        events = self.movements.instruct(list(self.movements.uninstructed()), self.next_seq(), 99)
        self.depository.check()
        return instructed(events)

    def answer(
        self, instruction: Instruction, code: str | None = None, leg: int | None = None
    ) -> tuple[ResolvedEvent, ...]:
        """The registry's final word."""
        command = ResolveInstruction(
            instruction_id=instruction.instruction_id,
            outcome=Outcome.CONFIRMED if code is None else Outcome.REFUSED,
            code=code,
            leg=leg,
        )
        events = sound(self.movements.resolve(command, self.next_seq(), 99 + self.seq))
        self.depository.check()
        return events

    def reload(self) -> None:
        """Go on from a snapshot."""
        before = self.depository.dump()
        self.depository = Depository.load(before)
        self.movements = self.depository.movements
        self.depository.check()
        assert self.depository.dump() == before

    def holdings(self, account: AccountId) -> dict[str, Serials]:
        return {str(of.lot_id): of.serials for of in self.depository.holdings.of(account, UNITS)}

    def buckets(self, account: AccountId, asset: AssetCode) -> tuple[int, int, int]:
        balance = self.depository.ledger.balance(account, asset)
        return (balance.available, balance.held, balance.delivering)


def sound(answer: Rejection | tuple[T, ...]) -> tuple[T, ...]:
    assert not isinstance(answer, Rejection), answer
    return answer


def instructed(events: tuple[ResolvedEvent, ...]) -> list[Instruction]:
    return [event.instruction for event in events if isinstance(event, MovementInstructed)]


def deposit(account: AccountId, fen: int, reference: str) -> DepositCash:
    return DepositCash(
        participant=ParticipantId("bank"),
        account=account,
        client_id=reference,
        amount_fen=fen,
        bank_reference=reference,
    )


def transfer_in(account: AccountId, *lots: LotSlice, instrument: AssetCode = UNITS) -> RequestTransferIn:
    return RequestTransferIn(
        participant=ParticipantId(f"{account}-owner"),
        account=account,
        client_id="t",
        instrument=instrument,
        lots=lots,
        asked=str(lots),
    )


def transfer_out(account: AccountId, tonnes: int) -> RequestTransferOut:
    return RequestTransferOut(
        participant=ParticipantId(f"{account}-owner"),
        account=account,
        client_id="o",
        instrument=UNITS,
        quantity_tonnes=tonnes,
    )
