"""What sales are still to bring in, and what has been bought on the strength of it.

Where the rules of a sale say so (`sale_proceeds = when_traded`), its seller may buy with what it will receive before it
has settled. The ledger stays the truth of what there is: such a purchase *lacks* money, beside the ledger, and this is
the account of what each purchase and all open orders of an account lack together.

An account's own money always goes first, and never lies idle while anything lacks it: to its oldest purchase, then to
what is open. So a purchase leans on others for no more than its account does not have. The registry is asked to deliver
a purchase only when it lacks nothing: delivery versus payment is as strict as ever, and a chain of purchases settles one
after the other.

A purchase may lean on older sales of its account only (trades are numbered in their order). So no two ever wait for each
other; and when a sale comes to nothing, the purchases that the older sales left can no longer pay, newest first, do too.

    what the purchases up to one lack  ≤  what older sales will bring in                 it waits
                                       ≤  the same, with those that are parked           it is parked
                                       >  that                                           it fails
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from settlement.delivery import Delivery, DeliveryState
from settlement.events import Bucket, Posted, ProceedsChanged
from settlement.ledger import Ledger
from settlement.values import CASH, AccountId, TradeId


@dataclass(frozen=True, kw_only=True, slots=True)
class LackingState:
    """What an account's open orders lack, as written to a snapshot."""

    account: AccountId
    amount_fen: int


@dataclass(kw_only=True, slots=True)
class _Book:
    """What one account will receive and what it lacks."""

    sales: dict[TradeId, Delivery]
    """Not settled, usable at once, oldest first; parked ones too."""
    purchases: dict[TradeId, Delivery]
    """Those that lack money, oldest first."""
    due_fen: int = 0
    """Of the sales that are not parked."""
    purchases_fen: int = 0
    """What the purchases lack together."""
    open_fen: int = 0
    """What open orders and negotiated transfers lack together."""
    is_doubtful: bool = False
    """Whether anything but a new sale or purchase has happened since the purchases were last held against the sales."""

    @property
    def pledged_fen(self) -> int:
        return self.purchases_fen + self.open_fen


class Proceeds:
    """What every account will receive for what it has sold, and what leans on it."""

    __slots__ = ("_before", "_books", "_ledger", "_queue", "_stirred", "covered")

    def __init__(self, ledger: Ledger) -> None:
        """Nothing sold. The ledger is the depository's own."""
        self._ledger = ledger
        self._books: dict[AccountId, _Book] = {}
        self._stirred: set[AccountId] = set()
        self._queue: list[AccountId] = []
        """The same accounts as a heap."""
        self._before: dict[AccountId, tuple[int, int]] = {}
        self.covered: list[Delivery] = []
        """Purchases the registry is to be asked for now that they lack nothing."""

    # ---- what is asked ------------------------------------------------------------------------------------------

    def figures(self, account: AccountId) -> tuple[int, int]:
        """What the account's unsettled sales will bring in, and what leans on that, fen."""
        book = self._books.get(account)
        return (0, 0) if book is None else (book.due_fen, book.pledged_fen)

    def usable(self, account: AccountId) -> int:
        """Fen that the account may still buy with beyond what it has."""
        due_fen, pledged_fen = self.figures(account)
        return max(due_fen - pledged_fen, 0)

    def lacking_open(self, account: AccountId) -> int:
        """What the account's open orders and negotiated transfers lack together, fen."""
        book = self._books.get(account)
        return 0 if book is None else book.open_fen

    def is_overdrawn(self, account: AccountId) -> bool:
        """Whether something open leans on more than is coming: some of it has to be taken back."""
        due_fen, pledged_fen = self.figures(account)
        return pledged_fen > due_fen and self.lacking_open(account) > 0

    @property
    def is_stirred(self) -> bool:
        """Whether anything is to be brought into order at the end of the command."""
        return bool(self._before)

    def next_stirred(self) -> AccountId | None:
        """An account that is to be looked at, the first by name; it is looked at once for what has happened so far."""
        if not self._queue:
            return None
        account = heappop(self._queue)
        self._stirred.discard(account)
        return account

    # ---- what happens to sales ----------------------------------------------------------------------------------

    def expect(self, sale: Delivery) -> None:
        """A trade, whose seller may buy with what it brings in."""
        if sale.proceeds_at_once:
            self._stir(sale.seller).sales[sale.trade_id] = sale
            self._count(sale, 1)

    def done(self, sale: Delivery) -> None:
        """It has settled, or never will. Its state is still the one before."""
        if sale.proceeds_at_once:
            book = self._stir(sale.seller)
            del book.sales[sale.trade_id]
            book.is_doubtful = True
            self._count(sale, -1)

    def set_aside(self, sale: Delivery) -> None:
        """It is about to be parked: nothing leans on it any more."""
        if sale.proceeds_at_once:
            self._stir(sale.seller).is_doubtful = True
            self._count(sale, -1)

    def resume(self, sale: Delivery) -> None:
        """It was parked, and is tried again."""
        if sale.lacking_fen:
            self._books[sale.buyer].is_doubtful = True
        if sale.proceeds_at_once:
            self._stir(sale.seller)
            self._count(sale, 1)

    def _count(self, sale: Delivery, sign: int) -> None:
        if sale.state is not DeliveryState.PARKED:
            self._books[sale.seller].due_fen += sign * sale.proceeds_fen

    # ---- what happens to cover ----------------------------------------------------------------------------------

    def look_at(self, account: AccountId) -> None:
        """Money has come to the account: what lacks some is served at the end of the command."""
        if account in self._books:
            self._stir(account)

    def lend(self, account: AccountId, amount_fen: int) -> int:
        """How much of a cover the account does not have; it is lacking from now on."""
        lacking_fen = amount_fen - self._ledger.available(account, CASH)
        if lacking_fen <= 0:
            return 0
        assert lacking_fen <= self.usable(account), (
            f"{account} lacks {lacking_fen} fen that nothing will bring"
        )
        self._stir(account).open_fen += lacking_fen
        return lacking_fen

    def give_up(self, account: AccountId, amount_fen: int) -> int:
        """How much of a cover given back was lacking, and is so no more."""
        given_up_fen = min(amount_fen, self.lacking_open(account))
        if given_up_fen:
            self._stir(account).open_fen -= given_up_fen
        return given_up_fen

    def commit(self, purchase: Delivery, held_fen: int) -> int:
        """How much of a trade's price is there, out of so much held for what is open; the rest it lacks."""
        there_fen = min(purchase.committed_fen, held_fen)
        lacking_fen = purchase.committed_fen - there_fen
        if lacking_fen:
            book = self._stir(purchase.buyer)
            assert lacking_fen <= book.open_fen, f"trade {purchase.trade_id} lacks what no order did"
            book.open_fen -= lacking_fen
            purchase.lacking_fen = lacking_fen
            self._enter(book, purchase)
        return there_fen

    def let_go(self, purchase: Delivery) -> None:
        """It has come to nothing."""
        if not purchase.lacking_fen:
            return
        book = self._stir(purchase.buyer)
        del book.purchases[purchase.trade_id]
        book.purchases_fen -= purchase.lacking_fen
        purchase.lacking_fen = 0

    # ---- bringing one account into order ------------------------------------------------------------------------

    def serve(self, account: AccountId) -> Iterator[Posted]:
        """Give what the account has to what lacks it: the oldest purchase first, then what is open."""
        book = self._books[account]
        available_fen = self._ledger.available(account, CASH)
        while available_fen and book.purchases:
            purchase = next(iter(book.purchases.values()))
            part_fen = min(available_fen, purchase.lacking_fen)
            available_fen -= part_fen
            yield from self._ledger.move(account, CASH, part_fen, (Bucket.AVAILABLE, Bucket.DELIVERING))
            purchase.lacking_fen -= part_fen
            book.purchases_fen -= part_fen
            if not purchase.lacking_fen:
                del book.purchases[purchase.trade_id]
                if purchase.state is not DeliveryState.PENDING:
                    self.covered.append(purchase)
        part_fen = min(available_fen, book.open_fen)
        book.open_fen -= part_fen
        yield from self._ledger.move(account, CASH, part_fen, (Bucket.AVAILABLE, Bucket.HELD))

    def no_longer_covered(self, account: AccountId) -> Iterator[tuple[Delivery, bool]]:
        """The same as `without_cover`, but only after what can leave a purchase uncovered: a sale ended, or was parked.

        A purchase is newer than every sale there is when it is made, and leans on no more than they bring in; a new
        sale only adds to that. So a busy day's many sales are not walked with every trade.
        """
        book = self._books[account]
        if book.is_doubtful:
            book.is_doubtful = False
            yield from self.without_cover(account)

    def without_cover(self, account: AccountId) -> Iterator[tuple[Delivery, bool]]:
        """Purchases that older sales cannot pay, oldest first; and whether they still might, once parked ones settle.

        The caller lets each that cannot go before it asks for the next one: what it had serves those that remain.
        """
        book = self._books[account]
        sales = iter(list(book.sales.values()))
        sale = next(sales, None)
        lacking_fen = counted_fen = all_fen = 0
        for purchase in list(book.purchases.values()):
            while sale is not None and sale.trade_id < purchase.trade_id:
                all_fen += sale.proceeds_fen
                counted_fen += 0 if sale.state is DeliveryState.PARKED else sale.proceeds_fen
                sale = next(sales, None)
            if not purchase.lacking_fen:
                continue  # what another one left has paid it
            if lacking_fen + purchase.lacking_fen > all_fen:
                yield purchase, False
                continue
            lacking_fen += purchase.lacking_fen
            if lacking_fen > counted_fen and purchase.state is not DeliveryState.PARKED:
                yield purchase, True

    def told(self) -> Iterator[ProceedsChanged]:
        """Whose figures the command has changed, once, when everything is in order."""
        for account in sorted(self._before):
            figures = self.figures(account)
            if figures != self._before[account]:
                yield ProceedsChanged(account=account, due_fen=figures[0], pledged_fen=figures[1])
            book = self._books[account]
            if not (book.sales or book.pledged_fen):
                del self._books[account]
        self._before.clear()

    # ---- soundness and snapshots --------------------------------------------------------------------------------

    def check(self, pending: list[Delivery]) -> None:
        """Everything adds up; nothing is left undone; never does more lean on sales than they bring in."""
        assert not self._before, f"left as it was: {self._before}"
        assert not self._stirred, f"not looked at: {self._stirred}"
        assert not self.covered, f"covered and not asked for: {self.covered}"
        sales = [sale for sale in pending if sale.proceeds_at_once]
        assert sales == sorted(
            (sale for book in self._books.values() for sale in book.sales.values()), key=_number
        )
        lacking = [purchase for purchase in pending if purchase.lacking_fen]
        assert lacking == sorted(
            (one for book in self._books.values() for one in book.purchases.values()), key=_number
        )
        for account, book in self._books.items():
            self._check_book(account, book)

    def _check_book(self, account: AccountId, book: _Book) -> None:
        counted = [sale for sale in book.sales.values() if sale.state is not DeliveryState.PARKED]
        assert book.due_fen == sum(sale.proceeds_fen for sale in counted), account
        assert book.purchases_fen == sum(one.lacking_fen for one in book.purchases.values()), account
        assert not any(self.without_cover(account)), f"{account} has bought what it cannot pay"
        assert not self.is_overdrawn(account), f"{account} has ordered what it cannot pay"
        idle_fen = self._ledger.available(account, CASH)
        assert not (idle_fen and book.pledged_fen), f"{account} lacks {book.pledged_fen}, has {idle_fen} idle"
        for purchase in book.purchases.values():
            assert purchase.state is not DeliveryState.INSTRUCTED, f"{purchase} is asked for and not paid"

    def dump(self) -> tuple[LackingState, ...]:
        """What is not written with the deliveries, for a snapshot."""
        return tuple(
            LackingState(account=account, amount_fen=book.open_fen)
            for account, book in sorted(self._books.items())
            if book.open_fen
        )

    def load(self, state: tuple[LackingState, ...]) -> None:
        """Take over what a snapshot tells; the deliveries have been taken on."""
        for line in state:
            self._book(line.account).open_fen = line.amount_fen
        self._stirred.clear()
        self._queue.clear()
        self._before.clear()

    def adopt(self, purchase: Delivery) -> None:
        """Take over a delivery of a snapshot that lacks money."""
        if purchase.lacking_fen:
            self._enter(self._book(purchase.buyer), purchase)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _enter(self, book: _Book, purchase: Delivery) -> None:
        book.purchases[purchase.trade_id] = purchase
        book.purchases_fen += purchase.lacking_fen

    def _book(self, account: AccountId) -> _Book:
        book = self._books.get(account)
        if book is None:
            book = self._books[account] = _Book(sales={}, purchases={})
        return book

    def _stir(self, account: AccountId) -> _Book:
        """The account's book, which the command is about to change."""
        book = self._book(account)
        self._before.setdefault(account, (book.due_fen, book.pledged_fen))
        if account not in self._stirred:
            self._stirred.add(account)
            heappush(self._queue, account)
        return book


def _number(delivery: Delivery) -> TradeId:
    return delivery.trade_id
