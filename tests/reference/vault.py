"""What the plain market keeps for its participants: accounts, money, units, serials, and what the registry is asked.

An amount is a number in a dictionary, a holding a list of pieces of lots, a movement a list of lists. Everything
happens in the order in which one would do it by hand. Notes (plain tuples) say what has happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    PayWithdrawal,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    RequestTransferOut,
    RequestWithdrawal,
    ResolveInstruction,
    ReturnWithdrawal,
)
from settlement.lot import Lot
from settlement.retirement import Use
from tests.reference.bank import PlainBank

Note = tuple[object, ...]
Answer = str | list[Note]
"""Why a command is refused (a code), or what it has done."""

MONEY = "CNY"
KEPT = ("available", "held", "frozen", "delivering")
BUCKETS = (*KEPT, "retired")
FEES = "fees"
MOST_LEGS = 1_000
MOST_RANGES = 5_000
MOST_PIECES = 10_000


@dataclass
class Piece:
    """Serials of one lot, from the first up to, not including, the end."""

    issued_on: str
    lot_id: str
    first: int
    end: int


@dataclass(eq=False)
class Aside:
    """Serials of an account that somebody has named: nothing else may take them."""

    account: str
    instrument: str
    pieces: list[Piece]


@dataclass(eq=False)
class Trade:
    """One trade whose units and money have not changed hands yet."""

    number: int
    listing: str
    seller: str
    buyer: str
    tonnes: int
    fen: int
    day: str = ""
    next_day: bool = False
    """Whether the buyer may sell these units from the next trading day only."""
    buyer_fee: int = 0
    """Set aside beside the price."""
    seller_fee: int = 0
    """Out of the price."""
    use: Use | None = None
    """What the buyer will have the units retired for."""
    pieces: list[Piece] = field(default_factory=list)
    """Chosen when the registry is asked."""
    parked: bool = False
    """The registry would not be asked; operators retry it or give up."""
    at_once: bool = False
    """Whether the seller may buy with the price before it is settled."""
    waiting: bool = False
    """To be asked for when the buyer's money has come."""
    for_money: bool = False
    """Parked because the sales are that are to bring it."""
    aside: Aside | None = None
    """Which they will be, where they were named."""


@dataclass(eq=False)
class Movement:
    """What the registry has been asked: a transfer in, deliveries that happen together, or what units are used for."""

    name: str
    account: str = ""
    instrument: str = ""
    pieces: list[Piece] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    retirement: str = ""
    use: Use | None = None
    leaves: bool = False
    """Out to the management side."""
    removal: int = 0
    """Because it was corrected."""
    used: str = ""
    """Which use of owned units it is about."""


class Vault:
    """Accounts and everything in them."""

    def __init__(self) -> None:
        self.participants: list[str] = []
        self.kinds: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.registry_accounts: dict[str, str] = {}
        """By trading account."""
        self.used_up: dict[str, list[tuple[int, int]]] = {}
        """Retired or withdrawn, by lot."""
        self.brought: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {}
        """Which serials of a lot an account brought here, whoever has them now."""
        self.named: Callable[[str, str], list[tuple[int, int]]] = lambda _account, _lot: []
        """Which ranges of a lot are frozen where an account has them."""
        self.stopped: Callable[[str], bool] = lambda _account: False
        """Whether an account itself is frozen."""
        self.instruments: dict[str, str] = {}
        self.lots: dict[str, Lot] = {}
        self.amounts: dict[tuple[str, str], dict[str, int]] = {}
        self.brought_in: dict[str, int] = {}
        self.pieces: dict[tuple[str, str], list[Piece]] = {}
        self.here: dict[str, list[tuple[int, int]]] = {}
        self.earmarks: dict[str, str] = {}
        """Accounts whose money is for one purpose."""
        self.spent: dict[str, list[tuple[int, int]]] = {}
        """Serials that were retired, by lot."""
        self.aside: list[Aside] = []
        self.trades: list[Trade] = []
        self.asked: list[Movement] = []
        self.refused: dict[str, Movement] = {}
        """Retirements the registry has refused; their units stay where they are."""
        self.bank = PlainBank()
        self.withdrawals: dict[str, tuple[str, int, str]] = {}
        """Whose money, how much, and whether it waits (``), or how it ended."""
        self.day: str | None = None
        self.settled: list[Trade] = []
        self.charged: list[Trade] = []
        """Of the day at hand."""
        self.failed = 0
        self.locked: dict[tuple[str, str], int] = {}
        """Tonnes bought and received today that may not be sold today, by account and instrument."""

    # ---- amounts ----------------------------------------------------------------------------------------------------

    def amount(self, account: str, asset: str, bucket: str) -> int:
        return self.amounts.get((account, asset), {}).get(bucket, 0)

    def add(self, account: str, asset: str, bucket: str, amount: int) -> None:
        place = self.amounts.setdefault((account, asset), dict.fromkeys(BUCKETS, 0))
        place[bucket] += amount
        # Covers stand here in full: what an account lacks of them until its sales settle is money it has less than none.
        assert place[bucket] >= 0 or (asset, bucket) == (MONEY, "available"), (
            f"the reference took {-amount} of {asset} that {account} does not have {bucket}"
        )

    def move(self, account: str, asset: str, amount: int, before: str, after: str) -> None:
        self.add(account, asset, before, -amount)
        self.add(account, asset, after, amount)

    def bring(self, account: str, asset: str, amount: int) -> None:
        self.add(account, asset, "available", amount)
        self.brought_in[asset] = self.brought_in.get(asset, 0) + amount

    def sellable(self, account: str, instrument: str) -> int:
        free = self.amount(account, instrument, "available") - self.locked.get((account, instrument), 0)
        return max(free, 0)

    def position(self, account: str, instrument: str) -> int:
        """All its owner has, in all accounts and buckets, and has bought without receiving it yet."""
        mine = [other for other in self.owners if self.owners[other] == self.owners[account]]
        have = sum(self.amount(other, instrument, bucket) for other in mine for bucket in KEPT)
        coming = [trade for trade in self.trades if trade.buyer in mine and trade.listing == instrument]
        return have + sum(trade.tonnes for trade in coming)

    def begin_day(self, day: str) -> None:
        self.day = day
        self.locked = {}

    # ---- money that is still to come --------------------------------------------------------------------------------

    def coming(self, account: str, before: int | None = None, *, parked: bool = False) -> int:
        """What an account will receive for sales it may use at once: for those before a trade, parked ones apart or not."""
        return sum(
            trade.fen - trade.seller_fee
            for trade in self.trades
            if trade.seller == account
            and trade.at_once
            and (before is None or trade.number < before)
            and (parked or not trade.parked)
        )

    def buying_power(self, account: str) -> int:
        """What it may buy with: what it has, or what is coming and not yet spent, or both."""
        money = self.amount(account, MONEY, "available")
        return max(money, 0) + max(self.coming(account) + min(money, 0), 0)

    def lacking(self, account: str) -> dict[int, int]:
        """What each purchase of an account lacks, by trade: the newest lack first, after all that is merely open."""
        short = -self.amount(account, MONEY, "available") - self.lacking_open(account)
        found: dict[int, int] = {}
        for trade in reversed(self.trades):
            if trade.buyer == account and short > 0:
                found[trade.number] = min(short, trade.fen + trade.buyer_fee)
                short -= found[trade.number]
        assert short <= 0, f"{account} lacks {short} for nothing"
        return found

    def lacking_open(self, account: str) -> int:
        """What its open orders and negotiated transfers lack."""
        leaving = [fen for whose, fen, end in self.withdrawals.values() if whose == account and not end]
        covers = self.amount(account, MONEY, "held") - sum(leaving)
        return min(max(-self.amount(account, MONEY, "available"), 0), covers)

    def real(self, account: str, asset: str) -> dict[str, int]:
        """What there really is in each bucket: what is lacking is in none."""
        amounts = dict(self.amounts.get((account, asset), dict.fromkeys(BUCKETS, 0)))
        if amounts["available"] < 0:
            amounts["available"] = 0
            amounts["held"] -= self.lacking_open(account)
            amounts["delivering"] -= sum(self.lacking(account).values())
        return amounts

    # ---- who and what -----------------------------------------------------------------------------------------------

    def admit(self, command: RegisterParticipant) -> Answer:
        if command.participant in self.participants:
            return "participant_exists"
        self.participants.append(command.participant)
        self.kinds[command.participant] = command.kind
        return [("admitted", command.participant)]

    def open_account(self, command: OpenAccount) -> Answer:
        if command.owner not in self.participants:
            return "participant_unknown"
        if command.account in self.owners or command.account in ("outside", FEES, "retired"):
            return "account_exists"
        if command.registry_account in self.registry_accounts.values():
            return "registry_account_bound"
        self.owners[command.account] = command.owner
        if command.earmark is not None:
            self.earmarks[command.account] = command.earmark.value
        self.registry_accounts[command.account] = command.registry_account
        return [("opened", command.account)]

    def add_instrument(self, command: AddInstrument) -> Answer:
        code = command.instrument.code
        if code in self.instruments or code == MONEY:
            return "instrument_exists"
        self.instruments[code] = command.instrument.methodology_class
        return [("instrument", code)]

    def register_lot(self, command: RegisterLot) -> Answer:
        lot = command.lot
        if lot.lot_id in self.lots and self.lots[lot.lot_id] != lot:
            return "lot_exists"
        if lot.instrument not in self.instruments:
            return "instrument_unknown"
        if self.instruments[lot.instrument] != lot.methodology_class:
            return "lot_class_differs"
        if not 0 <= lot.serials[0] < lot.serials[1]:
            return "serials_malformed"
        if lot.lot_id in self.lots:
            return []
        self.lots[lot.lot_id] = lot
        return [("lot", lot.lot_id)]

    def deposit(self, command: DepositCash, at_ns: int) -> Answer:
        if command.account not in self.owners:
            return "account_unknown"
        if command.amount_fen < 1:
            return "amount_not_positive"
        if command.bank_reference in self.bank.owner_of:
            return "bank_reference_reused"
        self.bring(command.account, MONEY, command.amount_fen)
        notes = self.bank.book(command.bank_reference, command.account, command.amount_fen, at_ns)
        return [("deposited", command.account, command.amount_fen), *notes]

    def withdraw(self, command: RequestWithdrawal, seq: int) -> Answer:
        if command.amount_fen < 1:
            return "amount_not_positive"
        if self.bank.disputes(command.account):
            return "cash_in_dispute"
        if command.amount_fen > self.real(command.account, MONEY)["available"]:
            return "amount_above_withdrawable"
        self.withdrawals[f"wd-{seq}"] = (command.account, command.amount_fen, "")
        self.move(command.account, MONEY, command.amount_fen, "available", "held")
        return [("to be paid out", f"wd-{seq}", command.account, command.amount_fen)]

    def end_withdrawal(self, command: PayWithdrawal | ReturnWithdrawal, at_ns: int) -> Answer:
        name = command.withdrawal_id
        if command.account not in self.owners:
            return "account_unknown"
        account, fen, end = self.withdrawals.get(name, ("", 0, ""))
        if end:
            return "withdrawal_ended"
        if account != command.account:
            return "withdrawal_unknown"
        if isinstance(command, ReturnWithdrawal):
            self.withdrawals[name] = (account, fen, "returned")
            self.move(account, MONEY, fen, "held", "available")
            return [("not paid out", name, account, fen)]
        if command.bank_reference in self.bank.owner_of:
            return "bank_reference_reused"
        self.withdrawals[name] = (account, fen, "paid")
        self.add(account, MONEY, "held", -fen)
        self.brought_in[MONEY] -= fen
        notes = self.bank.book(command.bank_reference, account, -fen, at_ns)
        return [("paid out", name, account, fen), *notes]

    # ---- transfers in -----------------------------------------------------------------------------------------------

    def no_transfer_in(self, command: RequestTransferIn) -> str | None:
        if command.account in self.earmarks:
            return "account_earmarked"
        if command.instrument not in self.instruments:
            return "instrument_unknown"
        names = [part.lot_id for part in command.lots]
        if not names or len(names) != len(set(names)):
            return "serials_malformed"
        for part in command.lots:
            lot = self.lots.get(part.lot_id)
            if lot is None or lot.instrument != command.instrument:
                return "lot_unknown"
            ranges = list(part.serials)
            if not ranges or any(first < 0 or end <= first for first, end in ranges):
                return "serials_malformed"
            if any(after[0] <= before[1] for before, after in pairwise(ranges)):
                return "serials_malformed"
            if ranges[0][0] < lot.serials[0] or ranges[-1][1] > lot.serials[1]:
                return "serials_malformed"
            if any(
                first < b and a < end for first, end in ranges for a, b in self.spent.get(part.lot_id, [])
            ):
                return "serials_retired"
            for first, end in ranges:
                if any(
                    first < there_end and there < end for there, there_end in self.here.get(part.lot_id, [])
                ):
                    return "serials_already_here"
            if any(self.is_used_up(part.lot_id, *one) for one in ranges):
                return "serials_gone"
            if len(joined(self.here.get(part.lot_id, []))) + len(ranges) > MOST_PIECES:
                return "lot_in_too_many_pieces"
        return None

    def leave(self, pieces: list[Piece]) -> None:
        """These serials are not here any more, and are not expected either."""
        for piece in pieces:
            left: list[tuple[int, int]] = []
            for first, end in self.here[piece.lot_id]:
                parts = ((first, min(end, piece.first)), (max(first, piece.end), end))
                left.extend((begin, stop) for begin, stop in parts if begin < stop)
            self.here[piece.lot_id] = left

    def spend(self, pieces: list[Piece]) -> None:
        """These serials are retired. None of them ever was before."""
        for piece in pieces:
            spent = self.spent.setdefault(piece.lot_id, [])
            assert all(end <= piece.first or piece.end <= first for first, end in spent), f"{piece} twice"
            self.spent[piece.lot_id] = joined([*spent, (piece.first, piece.end)])

    def transfer_in(self, command: RequestTransferIn, seq: int) -> Answer:
        pieces = [
            Piece(self.lots[part.lot_id].issued_on, part.lot_id, first, end)
            for part in command.lots
            for first, end in part.serials
        ]
        for piece in pieces:
            self.here.setdefault(piece.lot_id, []).append((piece.first, piece.end))
        movement = Movement(f"in-{seq}", command.account, command.instrument, pieces)
        self.asked.append(movement)
        return [("transfer asked", command.account, tonnes(pieces), "transfer_in"), told(movement)]

    def come_in(self, account: str, instrument: str, pieces: list[Piece]) -> None:
        """The owner's here, brought by it."""
        self.give(account, instrument, pieces)
        self.bring(account, instrument, tonnes(pieces))
        for piece in pieces:
            place = (account, piece.lot_id)
            self.brought[place] = tuple(joined([*self.brought.get(place, ()), (piece.first, piece.end)]))

    def is_here(self, lot_id: str, first: int, end: int) -> bool:
        return any(first < there_end and there < end for there, there_end in self.here.get(lot_id, []))

    def is_used_up(self, lot_id: str, first: int, end: int) -> bool:
        """Whether any was retired here, or taken out of the world."""
        gone = [*self.used_up.get(lot_id, []), *self.spent.get(lot_id, [])]
        return any(first < b and a < end for a, b in gone)

    def use_up(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            self.used_up.setdefault(piece.lot_id, []).append((piece.first, piece.end))

    # ---- transfers out ----------------------------------------------------------------------------------------------

    def transfer_out(self, command: RequestTransferOut, seq: int) -> Answer:
        account, instrument = command.account, command.instrument
        if instrument not in self.instruments:
            return "instrument_unknown"
        wanted = self.wanted(command)
        if isinstance(wanted, str):
            return wanted
        size = command.quantity_tonnes or sum(end - first for _, ranges in wanted for first, end in ranges)
        if size > self.sellable(account, instrument):
            return "insufficient_units"
        if command.quantity_tonnes:
            pieces = self.take(account, instrument, size)
        else:
            pieces = [
                piece
                for lot_id, ranges in wanted
                for piece in self.take_these(account, instrument, lot_id, ranges)
            ]
        self.move(account, instrument, size, "available", "delivering")
        movement = Movement(f"out-{seq}", account, instrument, pieces, leaves=True)
        self.asked.append(movement)
        return [("transfer asked", account, size, "transfer_out"), told(movement)]

    def wanted(self, command: RequestTransferOut) -> str | list[tuple[str, tuple[tuple[int, int], ...]]]:
        """The serials of each lot that is named; why not, if it cannot be."""
        lots = command.lots
        if not lots:
            return "choice_malformed" if command.quantity_tonnes < 1 else []
        both = [
            one for one in lots if bool(one.serials) == (one.quantity_tonnes > 0) or one.quantity_tonnes < 0
        ]
        if command.quantity_tonnes or both or len({one.lot_id for one in lots}) < len(lots):
            return "choice_malformed"
        found: list[tuple[str, tuple[tuple[int, int], ...]]] = []
        for one in lots:
            lot = self.lots.get(one.lot_id)
            if lot is None or lot.instrument != command.instrument:
                return "lot_unknown"
            ranges = one.serials
            if any(first < 0 or end <= first for first, end in ranges):
                return "serials_malformed"
            if any(after[0] <= before[1] for before, after in pairwise(ranges)):
                return "serials_malformed"
            mine = [
                piece
                for piece in self.pieces.get((command.account, command.instrument), [])
                if piece.lot_id == one.lot_id
            ]
            have = joined([(piece.first, piece.end) for piece in mine])
            if any(not any(a <= first and end <= b for a, b in have) for first, end in ranges):
                return "serials_not_held"
            free = joined([part for piece in mine for part in self.unfrozen(command.account, piece)])
            if any(not any(a <= first and end <= b for a, b in free) for first, end in ranges):
                return "serials_frozen"
            if not ranges:
                if sum(end - first for first, end in free) < one.quantity_tonnes:
                    return "insufficient_units"
                ranges = lowest(free, one.quantity_tonnes)
            found.append((one.lot_id, ranges))
        return found

    def unfrozen(self, account: str, piece: Piece) -> list[tuple[int, int]]:
        """What of a piece no freeze names."""
        left = [(piece.first, piece.end)]
        for first, end in self.named(account, piece.lot_id):
            parts = [part for a, b in left for part in ((a, min(b, first)), (max(a, end), b))]
            left = [(a, b) for a, b in parts if a < b]
        return left

    def take_these(
        self, account: str, instrument: str, lot_id: str, ranges: tuple[tuple[int, int], ...]
    ) -> list[Piece]:
        """These very serials out of an account, which has them."""
        left: list[Piece] = []
        for piece in self.pieces[account, instrument]:
            rest = [(piece.first, piece.end)]
            for first, end in ranges if piece.lot_id == lot_id else ():
                parts = [part for a, b in rest for part in ((a, min(b, first)), (max(a, end), b))]
                rest = [(a, b) for a, b in parts if a < b]
            left.extend(Piece(piece.issued_on, piece.lot_id, a, b) for a, b in rest)
        self.pieces[account, instrument] = left
        return [Piece(self.lots[lot_id].issued_on, lot_id, first, end) for first, end in ranges]

    def reissue(self, lot: Lot) -> None:
        """A lot has another date of issue: wherever its serials are."""
        moving = [trade.pieces for trade in self.trades]
        moving += [aside.pieces for aside in self.aside]
        moving += [movement.pieces for movement in (*self.asked, *self.refused.values())]
        for pieces in (*self.pieces.values(), *moving):
            for piece in pieces:
                if piece.lot_id == lot.lot_id:
                    piece.issued_on = lot.issued_on

    # ---- deliveries -------------------------------------------------------------------------------------------------

    def owe(self, trade: Trade) -> None:
        """A trade: both sides' cover is committed to the other."""
        self.trades.append(trade)
        self.move(trade.seller, trade.listing, trade.tonnes, "held", "delivering")
        self.move(trade.buyer, MONEY, trade.fen + trade.buyer_fee, "held", "delivering")

    def not_asked(self) -> list[Trade]:
        return [trade for trade in self.undoable() if not trade.waiting]

    def undoable(self) -> list[Trade]:
        """Trades the registry has not been asked about."""
        return [trade for trade in self.trades if not trade.pieces and not trade.parked]

    def parked(self) -> list[int]:
        return [trade.number for trade in self.trades if trade.parked]

    def retry_deliveries(self, numbers: tuple[int, ...], seq: int) -> list[Note]:
        """Ask again for parked ones, as if they had never been asked for."""
        trades = [trade for number in numbers for trade in self.trades if trade.number == number]
        for trade in trades:
            trade.parked = False
        return self.ask(trades, seq)

    def give_up(self, trade: Trade, code: str) -> Note:
        """Both sides have theirs again."""
        self.bust(trade)
        return ("failed", trade.number, code)

    def bust(self, trade: Trade) -> None:
        """A trade the registry has not been asked about: both sides have theirs again."""
        self.trades.remove(trade)
        self.move(trade.seller, trade.listing, trade.tonnes, "delivering", "available")
        self.move(trade.buyer, MONEY, trade.fen + trade.buyer_fee, "delivering", "available")
        if trade.aside is not None:
            self.put_back(trade.aside)

    def ask(self, trades: list[Trade], seq: int) -> list[Note]:
        """Choose serials, oldest issue first, and ask for as many deliveries together as a movement may carry."""
        groups: list[list[Trade]] = []
        room, room_for_ranges, first = 0, 0, 1
        failed: list[Note] = []
        for trade in trades:
            if trade.number in self.lacking(trade.buyer):
                trade.waiting = True
                continue
            if not self.can_deliver(trade):
                failed.append(self.give_up(trade, "lot_frozen"))
                continue
            if trade.aside is None:
                trade.pieces = self.take(trade.seller, trade.listing, trade.tonnes)
            else:
                self.aside.remove(trade.aside)
                trade.pieces = trade.aside.pieces
            legs, ranges = legs_and_ranges(trade.pieces)
            if not groups or legs > room or ranges > room_for_ranges:
                groups.append([])
                room, room_for_ranges = MOST_LEGS, MOST_RANGES
            groups[-1].append(trade)
            room -= legs
            room_for_ranges -= ranges
        names = [movement.name for movement in self.asked]
        while f"dvp-{seq}-{first}" in names:
            first += 1
        return failed + [self.send(group, f"dvp-{seq}-{first + index}") for index, group in enumerate(groups)]

    def can_deliver(self, trade: Trade) -> bool:
        """Whether the serials named, or enough of any, are not frozen."""
        if trade.aside is None:
            return self.unfrozen_tonnes(trade.seller, trade.listing) >= trade.tonnes
        return all(
            self.unfrozen(trade.seller, piece) == [(piece.first, piece.end)] for piece in trade.aside.pieces
        )

    def unfrozen_tonnes(self, account: str, instrument: str) -> int:
        return sum(
            end - first
            for piece in self.pieces.get((account, instrument), [])
            for first, end in self.unfrozen(account, piece)
        )

    def send(self, trades: list[Trade], name: str) -> Note:
        movement = Movement(name, trades=trades)
        self.asked.append(movement)
        return told(movement)

    def take(self, account: str, instrument: str, wanted: int) -> list[Piece]:
        """The first serials an account has that are not frozen: by date of issue, then lot, then serial."""
        pieces = self.pieces.get((account, instrument), [])
        # By what the lot says now: a piece that was under way when it was amended does not know.
        pieces.sort(key=lambda piece: (self.lots[piece.lot_id].issued_on, piece.lot_id, piece.first))
        taken: list[Piece] = []
        kept: list[Piece] = []
        for piece in pieces:
            for first, end in sorted(self.unfrozen(account, piece)):
                here = min(wanted, end - first)
                if here:
                    taken.append(Piece(piece.issued_on, piece.lot_id, first, first + here))
                wanted -= here
        assert wanted == 0, f"{account} lacks {wanted} of {instrument}"
        for piece in pieces:
            rest = [(piece.first, piece.end)]
            for one in taken:
                if one.lot_id == piece.lot_id:
                    parts = [part for a, b in rest for part in ((a, min(b, one.first)), (max(a, one.end), b))]
                    rest = [(a, b) for a, b in parts if a < b]
            kept.extend(Piece(piece.issued_on, piece.lot_id, a, b) for a, b in rest)
        self.pieces[account, instrument] = kept
        return taken

    def lying(self, account: str, lot_id: str) -> list[tuple[int, int]]:
        """Serials of a lot that an account has, and that neither anybody nor a freeze has named."""
        pieces = self.pieces.get((account, self.lots[lot_id].instrument), [])
        mine = [piece for piece in pieces if piece.lot_id == lot_id]
        return joined([part for piece in mine for part in self.unfrozen(account, piece)])

    def put_aside(self, account: str, instrument: str, wanted: list[Piece]) -> Aside:
        """Cut these serials out of what the account has lying, and keep them."""
        kept: list[Piece] = []
        for want in wanted:
            left: list[Piece] = []
            for piece in self.pieces[account, instrument]:
                first, end = max(piece.first, want.first), min(piece.end, want.end)
                if piece.lot_id != want.lot_id or first >= end:
                    left.append(piece)
                    continue
                kept.append(Piece(piece.issued_on, piece.lot_id, first, end))
                for begin, stop in ((piece.first, first), (end, piece.end)):
                    if begin < stop:
                        left.append(Piece(piece.issued_on, piece.lot_id, begin, stop))
            self.pieces[account, instrument] = left
        self.aside.append(Aside(account, instrument, kept))
        return self.aside[-1]

    def put_back(self, aside: Aside) -> None:
        self.aside.remove(aside)
        self.give(aside.account, aside.instrument, aside.pieces)

    def give(self, account: str, instrument: str, pieces: list[Piece]) -> None:
        self.pieces.setdefault((account, instrument), []).extend(pieces)

    # ---- the registry's answers -------------------------------------------------------------------------------------

    def answer(self, command: ResolveInstruction, seq: int) -> Answer:
        found = [movement for movement in self.asked if movement.name == command.instruction_id]
        if not found:
            return "instruction_unknown"
        movement = found[0]
        self.asked.remove(movement)
        if command.outcome is Outcome.CONFIRMED:
            return [("confirmed", movement.name), *self.done(movement, seq)]
        code = command.code or "refused"
        return [("refused", movement.name, code, command.leg), *self.undone(movement, code, command.leg, seq)]

    def answers_to_come(self) -> int:
        """How often the registry is still to answer: about deliveries, what they were bought for, and uses."""
        due = [trade for trade in self.trades if not trade.parked]
        uses = [trade for trade in due if trade.use is not None]
        return len(due) + len(uses) + len([asked for asked in self.asked if asked.use or asked.used])

    def done(self, movement: Movement, seq: int) -> list[Note]:
        if movement.use is not None:
            self.leave(movement.pieces)
            self.spend(movement.pieces)
            size = tonnes(movement.pieces)
            self.move(movement.account, movement.instrument, size, "delivering", "retired")
            return [("retired", movement.retirement, movement.account, size, movement.use)]
        if movement.leaves:
            return self.left(movement)
        if not movement.trades:
            self.come_in(movement.account, movement.instrument, movement.pieces)
            return [("arrived", movement.account, movement.instrument, tonnes(movement.pieces))]
        return [note for trade in movement.trades for note in self.settle(trade, seq)]

    def left(self, movement: Movement) -> list[Note]:
        """Out of the exchange; who brought them is forgotten. What was corrected is gone for good."""
        if movement.removal:
            self.use_up(movement.pieces)
        self.leave(movement.pieces)
        size = tonnes(movement.pieces)
        self.add(movement.account, movement.instrument, "delivering", -size)
        self.brought_in[movement.instrument] -= size
        gone = {(piece.lot_id, one) for piece in movement.pieces for one in range(piece.first, piece.end)}
        for (account, lot_id), ranges in list(self.brought.items()):
            left = [(one, one + 1) for first, end in ranges for one in range(first, end)]
            self.brought[account, lot_id] = tuple(
                joined([part for part in left if (lot_id, part[0]) not in gone])
            )
        return [("left", movement.account, movement.instrument, size)]

    def settle(self, trade: Trade, seq: int) -> list[Note]:
        """Units against money, and to each its fee. Units bought for a use go on to it at once, and nowhere else."""
        self.trades.remove(trade)
        self.settled.append(trade)
        self.charged.append(trade)
        self.add(trade.seller, trade.listing, "delivering", -trade.tonnes)
        self.add(trade.buyer, MONEY, "delivering", -trade.fen - trade.buyer_fee)
        self.add(trade.seller, MONEY, "available", trade.fen - trade.seller_fee)
        self.add(FEES, MONEY, "available", trade.buyer_fee + trade.seller_fee)
        settled: Note = ("settled", trade.number)
        if trade.use is not None:
            self.add(trade.buyer, trade.listing, "delivering", trade.tonnes)
            name, retirement = f"use-{seq}-{trade.number}", f"trade-{trade.number}"
            self.asked.append(
                Movement(name, trade.buyer, trade.listing, trade.pieces, [], retirement, trade.use)
            )
            return [settled, told(self.asked[-1])]
        self.add(trade.buyer, trade.listing, "available", trade.tonnes)
        self.give(trade.buyer, trade.listing, trade.pieces)
        if trade.next_day and trade.day == self.day:
            place = (trade.buyer, trade.listing)
            self.locked[place] = self.locked.get(place, 0) + trade.tonnes
        return [settled]

    def retry(self, retirement: str, seq: int) -> Note:
        """Ask again for a retirement that was refused, under a name of its own."""
        movement = self.refused.pop(retirement)
        movement.name = f"use-{seq}"
        self.asked.append(movement)
        return told(movement)

    def undone(self, movement: Movement, code: str, leg: int | None, seq: int) -> list[Note]:
        """A refusal ends the delivery it is about, and asks again for the others; too late is about none."""
        if movement.use is not None:
            self.refused[movement.retirement] = movement
            notes: list[Note] = [("not retired", movement.retirement, code)]
            return [*notes, self.retry(movement.retirement, seq)] if code == "too_late" else notes
        if movement.leaves:
            self.give(movement.account, movement.instrument, movement.pieces)
            size = tonnes(movement.pieces)
            self.move(movement.account, movement.instrument, size, "delivering", "available")
            return [] if movement.removal else [("transfer failed", movement.account, code)]
        if not movement.trades:
            self.leave(movement.pieces)
            return [("transfer failed", movement.account, code)]
        if code == "not_authorised":
            return self.park(movement, leg, seq)
        notes = []
        failed = None
        if code != "too_late":
            only = movement.trades[0] if len(movement.trades) == 1 else None
            failed = only or named(movement.trades, leg)
        if failed is not None:
            self.trades.remove(failed)
            self.move(failed.seller, failed.listing, failed.tonnes, "delivering", "available")
            self.move(failed.buyer, MONEY, failed.fen + failed.buyer_fee, "delivering", "available")
            self.give(failed.seller, failed.listing, failed.pieces)
            notes.append(("failed", failed.number, code))
        others = [trade for trade in movement.trades if trade is not failed]
        middle = 0 if failed is not None or code == "too_late" else len(others) // 2
        again = [part for part in (others[:middle], others[middle:]) if part]
        return notes + [self.send(part, f"dvp-{seq}-{index + 1}") for index, part in enumerate(again)]

    def park(self, movement: Movement, leg: int | None, seq: int) -> list[Note]:
        """The registry would not be asked for the one it names, or for any; the others are asked for again."""
        only = movement.trades[0] if len(movement.trades) == 1 else named(movement.trades, leg)
        parked = [only] if only is not None else movement.trades
        for trade in parked:
            trade.parked = True
            if trade.aside is None:
                self.give(trade.seller, trade.listing, trade.pieces)
            else:
                self.aside.append(trade.aside)
            trade.pieces = []
        others = [trade for trade in movement.trades if trade not in parked]
        notes: list[Note] = [("parked", trade.number) for trade in parked]
        return [*notes, self.send(others, f"dvp-{seq}-1")] if others else notes

    # ---- what there is ----------------------------------------------------------------------------------------------

    def serials(self) -> dict[tuple[str, str], list[tuple[int, int]]]:
        """Whose serials are whose: (account, lot) to ranges that neither overlap nor touch."""
        found: dict[tuple[str, str], list[tuple[int, int]]] = {}
        whose = [(account, piece) for (account, _), pieces in self.pieces.items() for piece in pieces]
        whose += [(aside.account, piece) for aside in self.aside for piece in aside.pieces]
        for account, piece in whose:
            found.setdefault((account, piece.lot_id), []).append((piece.first, piece.end))
        return {place: joined(ranges) for place, ranges in found.items()}


def tonnes(pieces: list[Piece]) -> int:
    return sum(piece.end - piece.first for piece in pieces)


def lowest(ranges: list[tuple[int, int]], wanted: int) -> tuple[tuple[int, int], ...]:
    """The lowest so many serials of these."""
    found: list[tuple[int, int]] = []
    for first, end in ranges:
        here = min(wanted, end - first)
        if here:
            found.append((first, first + here))
        wanted -= here
    return tuple(found)


def joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same serials in as few ranges as can be."""
    found: list[tuple[int, int]] = []
    for first, end in sorted(ranges):
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found


def legs_and_ranges(pieces: list[Piece]) -> tuple[int, int]:
    """How many lots these are of, and how many ranges of serials they make."""
    lots = {piece.lot_id for piece in pieces}
    ranges = [joined([(one.first, one.end) for one in pieces if one.lot_id == lot]) for lot in lots]
    return len(lots), sum(map(len, ranges))


def named(trades: list[Trade], leg: int | None) -> Trade | None:
    """The trade a leg belongs to. A leg is one lot of one delivery, counted 1, 2, 3 … through the movement."""
    counted = 0
    for trade in trades:
        legs = len({piece.lot_id for piece in trade.pieces})
        if leg is not None and counted < leg <= counted + legs:
            return trade
        counted += legs
    return None


def told(movement: Movement) -> Note:
    """What the registry is asked, as a note: lot, tonnes and trade of each leg, and the use of what it is to retire."""
    legs: list[tuple[str, int, int | None]] = []
    groups: list[tuple[int | None, list[Piece]]] = [(trade.number, trade.pieces) for trade in movement.trades]
    groups = groups or [(None, movement.pieces)]
    for number, pieces in groups:
        by_lot: dict[str, int] = {}
        for piece in pieces:
            by_lot[piece.lot_id] = by_lot.get(piece.lot_id, 0) + piece.end - piece.first
        legs.extend((lot_id, amount, number) for lot_id, amount in by_lot.items())
    if movement.use is not None:
        return ("asked to retire", movement.name, tuple(legs), movement.retirement, movement.use)
    if movement.used:
        return ("asked to use", movement.name, tuple(legs), movement.used)
    return ("asked", movement.name, tuple(legs))
