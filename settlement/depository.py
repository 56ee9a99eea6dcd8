"""The depository: accounts, cover and obligations. What trading rests on.

Matching calls `hold`, `release` and `book_trade` after it has made sure that they must succeed. What comes from
outside (participants, accounts, lots, deposits) is judged here: guards first, then changes. Every change of a
balance leaves a `Posted`.
"""

from typing import Final

from settlement import rejections, serials, use_rejections
from settlement.account import Account, Participant, ParticipantKind
from settlement.commands import (
    AddInstrument,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    RequestTransferOut,
    ResolveInstruction,
)
from settlement.corrections import CorrectionEvent
from settlement.custody import Custody
from settlement.custody_rejections import ACCOUNT_FROZEN, SERIALS_GONE
from settlement.delivery import Delivery
from settlement.events import (
    AccountOpened,
    Bucket,
    InstrumentAdded,
    LotRegistered,
    LotSlice,
    ParticipantRegistered,
    Posted,
)
from settlement.holdings import Holdings, RetiredState
from settlement.instrument import Instrument
from settlement.ledger import Ledger
from settlement.lot import Lot
from settlement.lot_choice import LotChoice
from settlement.mandate import MandatedAction
from settlement.mandates import Mandates
from settlement.movements import Movements, ResolvedEvent
from settlement.rejections import Rejection
from settlement.restrictions import Restrictions
from settlement.state import DepositoryState, LockState, delivery_of, record_of
from settlement.treasury import Treasury
from settlement.unit_choice import UnitChoice
from settlement.values import (
    CASH,
    RESERVED,
    AccountId,
    AssetCode,
    LotId,
    ParticipantId,
)

MAX_PIECES: Final = 10_000
"""Serial ranges in which a lot may lie here by what comes in: each costs everybody who trades units of that lot."""


class Depository:
    """Who owns what, what is promised to whom, and what the registry has been asked."""

    __slots__ = (
        "_accounts_of",
        "_registry_accounts",
        "accounts",
        "choice",
        "custody",
        "holdings",
        "instruments",
        "ledger",
        "lots",
        "mandates",
        "movements",
        "participants",
        "proceeds",
        "treasury",
    )

    def __init__(self) -> None:
        """Nobody, nothing."""
        self.participants: dict[ParticipantId, Participant] = {}
        self.accounts: dict[AccountId, Account] = {}
        self.instruments: dict[AssetCode, Instrument] = {}
        self.lots: dict[LotId, Lot] = {}
        self._accounts_of: dict[ParticipantId, list[AccountId]] = {}
        self._registry_accounts: dict[str, AccountId] = {}
        self.mandates = Mandates(self.accounts)
        self._keep(Ledger())

    def _keep(self, ledger: Ledger) -> None:
        """Build everything that rests on this ledger."""
        self.ledger = ledger
        restrictions = Restrictions(self.accounts, self._registry_accounts, self.lots)
        self.holdings = Holdings(self.lots, restrictions)
        self.movements = Movements(self.ledger, self.holdings, self.lots)
        self.proceeds = self.movements.obligations.proceeds
        self.treasury = Treasury(self.ledger)
        self.choice = UnitChoice(self.holdings, restrictions, self.lots)
        self.custody = Custody(
            self.accounts,
            self.instruments,
            self.lots,
            self.ledger,
            self.holdings,
            self.movements,
            restrictions,
        )

    # ---- what matching asks -------------------------------------------------------------------------------------

    @property
    def is_stirred(self) -> bool:
        """Whether anything is to be brought into order at the end of the command."""
        return self.custody.is_stirred or self.proceeds.is_stirred

    def buying_power(self, account: AccountId) -> int:
        """Fen the account may buy with: what is available, and what its sales will bring in where that may be used."""
        return self.ledger.available(account, CASH) + self.proceeds.usable(account)

    def hold(self, account: AccountId, asset: AssetCode, amount: int) -> tuple[Posted, ...]:
        """Set cover aside: available → held. The caller has asked whether it is there, or is still to come."""
        there = amount if asset != CASH else amount - self.proceeds.lend(account, amount)
        return self.ledger.move(account, asset, there, (Bucket.AVAILABLE, Bucket.HELD))

    def release(self, account: AccountId, asset: AssetCode, amount: int) -> tuple[Posted, ...]:
        """Give cover back: held → available. Of money, what was lacking goes first."""
        there = amount if asset != CASH else amount - self.proceeds.give_up(account, amount)
        return self.ledger.move(account, asset, there, (Bucket.HELD, Bucket.AVAILABLE))

    def book_trade(self, delivery: Delivery) -> tuple[Posted, ...]:
        """Commit both legs of a trade out of their cover: held → delivering, units and money."""
        self.movements.obligations.take_on(delivery)
        buyer, fen = delivery.buyer, delivery.committed_fen
        if self.proceeds.lacking_open(buyer):
            held_fen = self.ledger.balance(buyer, CASH).held - self.treasury.held_fen(buyer)
            fen = self.proceeds.commit(delivery, held_fen)
        committing = (Bucket.HELD, Bucket.DELIVERING)
        return (
            *self.ledger.move(delivery.seller, delivery.instrument, delivery.quantity_tonnes, committing),
            *self.ledger.move(buyer, CASH, fen, committing),
        )

    def sellable(self, account: AccountId, instrument: AssetCode) -> int:
        """Tonnes the account may offer now: what is available, less what it bought today under T+1.

        Units are not told apart here: where some are frozen, those bought today are taken to be among the others.
        """
        locked = self.movements.obligations.locked.get((account, instrument), 0)
        return max(self.ledger.available(account, instrument) - locked, 0)

    def accounts_beside(self, account: AccountId) -> list[AccountId]:
        """Every account of the participant who owns this one, this one included; not to be altered by the caller."""
        return self._accounts_of[self.accounts[account].owner]

    def position(self, account: AccountId, instrument: AssetCode) -> int:
        """Tonnes the account's owner has in all accounts, in whatever bucket, and has bought without receiving yet."""
        incoming = self.movements.obligations.incoming
        return sum(
            self.ledger.balance(one, instrument).owned + incoming.get((one, instrument), 0)
            for one in self.accounts_beside(account)
        )

    def kind_of(self, account: AccountId) -> ParticipantKind:
        """What kind of participant owns the account."""
        return self.participants[self.accounts[account].owner].kind

    def refuse_frozen(self, account: AccountId) -> Rejection | None:
        """Whether an authority has frozen the account itself; the reason when so."""
        return ACCOUNT_FROZEN.because(actual=account) if self.custody.restrictions.stops(account) else None

    def choose(
        self, account: AccountId, instrument: AssetCode, quantity: int, lots: tuple[LotChoice, ...]
    ) -> Rejection | tuple[LotSlice, ...]:
        """Free serials of an account: so many tonnes first in, first out, or those of the lots named."""
        return self.choice.choose(account, instrument, (quantity, lots), self.sellable(account, instrument))

    # ---- what comes from outside --------------------------------------------------------------------------------

    def register_participant(self, command: RegisterParticipant) -> Rejection | tuple[ParticipantRegistered]:
        """Admit someone."""
        if command.participant in self.participants:
            return rejections.PARTICIPANT_EXISTS.because(actual=command.participant)
        # From here the command must succeed.
        self.participants[command.participant] = Participant(
            participant=command.participant, kind=command.kind
        )
        return (ParticipantRegistered(participant=command.participant, kind=command.kind),)

    def open_account(self, command: OpenAccount) -> Rejection | tuple[AccountOpened]:
        """Open a trading account and bind it to one registry account (Art. 10)."""
        if command.owner not in self.participants:
            return rejections.PARTICIPANT_UNKNOWN.because(actual=command.owner)
        if command.account in self.accounts or command.account in RESERVED:
            return rejections.ACCOUNT_EXISTS.because(actual=command.account)
        if command.registry_account in self._registry_accounts:
            return rejections.REGISTRY_ACCOUNT_BOUND.because(actual=command.registry_account)
        # From here the command must succeed.
        self._registry_accounts[command.registry_account] = command.account
        self.custody.notices.is_due = bool(self.custody.notices.arrivals)
        self.accounts[command.account] = Account(
            account=command.account,
            owner=command.owner,
            registry_account=command.registry_account,
            earmark=command.earmark,
        )
        self._accounts_of.setdefault(command.owner, []).append(command.account)
        return (
            AccountOpened(
                account=command.account,
                owner=command.owner,
                registry_account=command.registry_account,
                earmark=command.earmark,
            ),
        )

    def add_instrument(self, command: AddInstrument) -> Rejection | tuple[InstrumentAdded]:
        """Make a code known."""
        code = command.instrument.code
        if code in self.instruments or code == CASH:
            return rejections.INSTRUMENT_EXISTS.because(actual=code)
        # From here the command must succeed.
        self.instruments[code] = command.instrument
        return (InstrumentAdded(instrument=command.instrument),)

    def register_lot(self, command: RegisterLot) -> Rejection | tuple[LotRegistered, ...]:
        """Learn of a lot. The same again changes nothing; another one under the same name is refused."""
        lot = command.lot
        known = self.lots.get(lot.lot_id)
        instrument = self.instruments.get(lot.instrument)
        if known is not None and known != lot:
            return rejections.LOT_EXISTS.because(actual=lot.lot_id)
        if instrument is None:
            return rejections.INSTRUMENT_UNKNOWN.because(actual=lot.instrument)
        if instrument.methodology_class is not lot.methodology_class:
            return rejections.LOT_CLASS_DIFFERS.because(
                limit=instrument.methodology_class, actual=lot.methodology_class
            )
        if not lot.can_be:
            return rejections.SERIALS_MALFORMED.because(actual=lot.lot_id)
        # From here the command must succeed.
        if known is not None:
            return ()
        self.lots[lot.lot_id] = lot
        self.custody.notices.is_due = bool(self.custody.notices.arrivals)
        return (LotRegistered(lot=lot),)

    def refuse_transfer_out(self, command: RequestTransferOut) -> Rejection | tuple[LotSlice, ...]:
        """What, if anything, forbids asking the registry to take these units back; else their serials."""
        refused = self.mandates.refuse(command.participant, command.account, MandatedAction.TRANSFER)
        if refused is not None:
            return refused
        if command.instrument not in self.instruments:
            return rejections.INSTRUMENT_UNKNOWN.because(actual=command.instrument)
        return self.choose(command.account, command.instrument, command.quantity_tonnes, command.lots)

    def refuse_transfer_in(self, command: RequestTransferIn) -> Rejection | None:
        """What, if anything, forbids asking the registry for these units."""
        refused = self.mandates.refuse(command.participant, command.account, MandatedAction.TRANSFER)
        if refused is not None:
            return refused
        if self.accounts[command.account].earmark is not None:
            return use_rejections.ACCOUNT_EARMARKED.because(actual=command.account)
        if command.instrument not in self.instruments:
            return rejections.INSTRUMENT_UNKNOWN.because(actual=command.instrument)
        if not command.lots or len({part.lot_id for part in command.lots}) != len(command.lots):
            return rejections.SERIALS_MALFORMED.because(actual="lots")
        for part in command.lots:
            refused = self._refuse_slice(command.instrument, part)
            if refused is not None:
                return refused
        return None

    def _refuse_slice(self, instrument: AssetCode, part: LotSlice) -> Rejection | None:
        lot = self.lots.get(part.lot_id)
        if lot is None or lot.instrument != instrument:
            return rejections.LOT_UNKNOWN.because(actual=part.lot_id)
        if not part.serials or not serials.is_well_formed(part.serials):
            return rejections.SERIALS_MALFORMED.because(actual=part.lot_id)
        if not serials.contains((lot.serials,), part.serials):
            first, end = lot.serials
            return rejections.SERIALS_MALFORMED.because(limit=(first, end - 1), actual=part.lot_id)
        if self.holdings.is_retired(part.lot_id, part.serials):
            return use_rejections.SERIALS_RETIRED.because(actual=part.lot_id)
        if self.holdings.is_here(part.lot_id, part.serials):
            return rejections.SERIALS_ALREADY_HERE.because(actual=part.lot_id)
        if self.movements.transfers.are_gone(part.lot_id, part.serials):
            return SERIALS_GONE.because(actual=part.lot_id)
        pieces = self.holdings.pieces(part.lot_id) + len(part.serials)
        if pieces > MAX_PIECES:
            return rejections.LOT_IN_TOO_MANY_PIECES.because(limit=MAX_PIECES, actual=pieces)
        return None

    def resolve(
        self, command: ResolveInstruction, seq: int, not_after_ns: int
    ) -> Rejection | tuple[ResolvedEvent | CorrectionEvent, ...]:
        """Book the registry's final answer, and what follows from it for corrected units on their way out."""
        instruction = self.movements.instructions.get(command.instruction_id)
        events = self.movements.resolve(command, seq, not_after_ns)
        if instruction is None or isinstance(events, Rejection):
            return events
        self.custody.notices.is_due = bool(self.custody.notices.arrivals)
        if instruction.removal_id is None:
            return events
        code = None if command.outcome is Outcome.CONFIRMED else command.code or "refused"
        return (*events, *self.custody.corrections.answered(instruction, code))

    # ---- soundness and snapshots --------------------------------------------------------------------------------

    def check(self) -> None:
        """Ledger, holdings and movements are sound, and what accounts own in tonnes is what they hold in serials."""
        self.ledger.check()
        self.movements.check()
        self.treasury.check()
        self.holdings.check(self.movements.slices_in_flight())
        self.custody.check()
        self.movements.transfers.provenance.check(
            [LotSlice(lot_id=one.lot_id, serials=one.serials) for one in self.holdings.everything()]
        )
        held: dict[tuple[AccountId, AssetCode], int] = {}
        for holding in self.holdings.everything():
            place = (holding.account, self.lots[holding.lot_id].instrument)
            held[place] = held.get(place, 0) + serials.count(holding.serials)
        for place, tonnes in self.movements.under_way():
            held[place] = held.get(place, 0) + tonnes
        for account in self.ledger.accounts():
            for asset, balance in self.ledger.assets(account):
                if asset != CASH:
                    have = held.pop((account, asset), 0)
                    assert have == balance.owned, f"{account} owns {balance.owned} of {asset}, holds {have}"
        assert not any(held.values()), f"serials without tonnes: {held}"

    def dump(self) -> DepositoryState:
        """All of it, for a snapshot."""
        return DepositoryState(
            participants=tuple(self.participants.values()),
            accounts=tuple(self.accounts.values()),
            instruments=tuple(self.instruments.values()),
            lots=tuple(self.lots.values()),
            balances=self.ledger.dump(),
            holdings=tuple(self.holdings.everything()),
            deliveries=tuple(record_of(delivery) for delivery in self.movements.deliveries.values()),
            instructions=tuple(self.movements.instructions.values()),
            treasury=self.treasury.dump(),
            locked=tuple(
                LockState(account=account, instrument=instrument, quantity_tonnes=tonnes)
                for (account, instrument), tonnes in self.movements.obligations.locked.items()
            ),
            retirements=tuple(self.movements.retirements.records()),
            custody=self.custody.dump(),
            mandates=tuple(self.mandates.in_force.values()),
            uses=tuple(self.movements.uses.records()),
            retired=tuple(
                RetiredState(lot_id=lot_id, serials=gone) for lot_id, gone in self.holdings.retired.items()
            ),
            tally=self.movements.obligations.tally,
            lacking=self.proceeds.dump(),
        )

    @classmethod
    def load(cls, state: DepositoryState) -> "Depository":
        """The depository that snapshot was taken of."""
        depository = cls()
        depository.participants.update((known.participant, known) for known in state.participants)
        depository.accounts.update((known.account, known) for known in state.accounts)
        for known in state.accounts:
            depository._accounts_of.setdefault(known.owner, []).append(known.account)
        depository._registry_accounts.update(
            (known.registry_account, known.account) for known in state.accounts
        )
        depository.mandates.load(state.mandates)
        depository.instruments.update((known.code, known) for known in state.instruments)
        depository.lots.update((known.lot_id, known) for known in state.lots)
        depository._keep(Ledger.load(state.balances))
        for holding in state.holdings:
            part = (LotSlice(lot_id=holding.lot_id, serials=holding.serials),)
            depository.holdings.expect(part)
            depository.holdings.give(holding.account, part)
        for record in state.deliveries:
            delivery = delivery_of(record)
            depository.movements.obligations.take_on(delivery)
            depository.proceeds.adopt(delivery)
        depository.proceeds.load(state.lacking)
        for account, named in depository.movements.obligations.named():
            depository.holdings.set_aside(account, (named,))
        for instruction in state.instructions:
            depository.movements.instructions[instruction.instruction_id] = instruction
        depository.movements.retirements.load(state.retirements)
        depository.movements.uses.load(state.uses)
        depository.holdings.retired.update((gone.lot_id, gone.serials) for gone in state.retired)
        for part_in_flight in depository.movements.slices_in_flight():
            depository.holdings.expect((part_in_flight,))
        depository.treasury.load(state.treasury)
        depository.movements.obligations.tally = state.tally
        for lock in state.locked:
            depository.movements.obligations.locked[lock.account, lock.instrument] = lock.quantity_tonnes
        depository.custody.load(state.custody)
        return depository
