"""One suite over two books: the plain list that is the specification, and the fast one. Then both side by side."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.book import OrderBook
from matching.order import Order, OrderId, OrderStatus, Side, TimeInForce
from settlement.values import AccountId, AssetCode, ParticipantId
from tests.matching.naive_book import NaiveBook

Book = OrderBook | NaiveBook
BUY, SELL = Side.BUY, Side.SELL


NOBODY = ParticipantId("nobody")


def resting(order_id: int, side: Side, price_fen: int, tonnes: int, owner: str = "p") -> Order:
    return Order(
        order_id=OrderId(order_id),
        account=AccountId("a"),
        owner=ParticipantId(owner),
        client_order_id=str(order_id),
        listing=AssetCode("U"),
        side=side,
        price_fen=price_fen,
        quantity_tonnes=tonnes,
        remaining_tonnes=tonnes,
        time_in_force=TimeInForce.DAY,
    )


def planned(book: Book, side: Side, price_fen: int, tonnes: int) -> list[tuple[int, int]]:
    matches, own = book.plan(side, price_fen, tonnes, NOBODY)
    assert own == []
    return [(match.resting.order_id, match.quantity_tonnes) for match in matches]


@pytest.fixture(params=[NaiveBook, OrderBook])
def book(request: pytest.FixtureRequest) -> Book:
    """Four sells and three buys, two of each at one price."""
    made: Book = request.param()
    for order in (
        resting(1, SELL, 105, 5),
        resting(2, SELL, 103, 3),
        resting(3, SELL, 103, 4),
        resting(4, SELL, 104, 1),
        resting(5, BUY, 100, 2),
        resting(6, BUY, 101, 6),
        resting(7, BUY, 101, 7),
    ):
        made.add(order)
    made.check()
    return made


def test_an_empty_book_has_nothing() -> None:
    for book in (NaiveBook(), OrderBook()):
        assert len(book) == 0
        assert (book.best(BUY), book.best(SELL), book.get(OrderId(1))) == (None, None, None)
        assert (book.depth(BUY, 5), list(book.orders())) == ([], [])
        assert book.plan(BUY, 10**9, 1, NOBODY) == ([], [])


def test_the_best_price_is_the_lowest_sell_and_the_highest_buy(book: Book) -> None:
    assert (book.best(SELL), book.best(BUY)) == (103, 101)


def test_price_comes_before_time_and_time_before_size(book: Book) -> None:
    assert planned(book, BUY, 105, 13) == [(2, 3), (3, 4), (4, 1), (1, 5)]
    assert planned(book, SELL, 100, 15) == [(6, 6), (7, 7), (5, 2)]


def test_a_limit_is_the_worst_price_taken(book: Book) -> None:
    assert planned(book, BUY, 103, 100) == [(2, 3), (3, 4)]
    assert planned(book, BUY, 102, 100) == []
    assert planned(book, SELL, 101, 100) == [(6, 6), (7, 7)]
    assert planned(book, SELL, 102, 100) == []


def test_the_last_order_met_gives_only_what_is_wanted(book: Book) -> None:
    assert planned(book, BUY, 105, 5) == [(2, 3), (3, 2)]
    assert planned(book, BUY, 105, 3) == [(2, 3)]


def test_planning_changes_nothing(book: Book) -> None:
    before = [replace(order) for order in book.orders()]
    book.plan(BUY, 200, 100, NOBODY)
    assert list(book.orders()) == before


def test_a_partly_filled_order_keeps_its_place(book: Book) -> None:
    first = book.get(OrderId(2))
    assert first is not None
    book.fill(first, 2)
    book.check()
    assert planned(book, BUY, 103, 100) == [(2, 1), (3, 4)]
    assert first.status is OrderStatus.PARTIALLY_FILLED


def test_a_filled_order_leaves_and_so_does_its_level(book: Book) -> None:
    last = book.get(OrderId(4))
    assert last is not None
    book.fill(last, 1)
    book.check()
    assert book.get(OrderId(4)) is None
    assert book.depth(SELL, 5) == [(103, 7), (105, 5)]
    assert len(book) == 6


def test_a_removed_order_leaves_with_what_remained(book: Book) -> None:
    taken = book.get(OrderId(6))
    assert taken is not None
    book.fill(taken, 1)
    book.remove(taken)
    book.check()
    assert book.depth(BUY, 5) == [(101, 7), (100, 2)]
    assert planned(book, SELL, 1, 100) == [(7, 7), (5, 2)]


def test_depth_sums_a_level_and_stops_where_asked(book: Book) -> None:
    assert book.depth(SELL, 2) == [(103, 7), (104, 1)]
    assert book.depth(BUY, 5) == [(101, 13), (100, 2)]
    assert book.depth(BUY, 0) == []


def test_orders_come_in_the_order_that_makes_the_book_again(book: Book) -> None:
    assert [order.order_id for order in book.orders()] == [6, 7, 5, 2, 3, 4, 1]
    again = type(book)()
    for order in book.orders():
        again.add(order)
    again.check()
    assert list(again.orders()) == list(book.orders())


OWNERS = st.sampled_from(["p", "q", "r"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.sampled_from(Side), st.integers(1, 8), st.integers(1, 9), OWNERS),
        st.tuples(st.just("leave"), st.just(BUY), st.integers(0, 40), st.just(0), OWNERS),
        st.tuples(st.just("replace"), st.just(BUY), st.integers(0, 40), st.integers(1, 9), OWNERS),
        st.tuples(st.just("shrink"), st.just(BUY), st.integers(0, 40), st.just(0), OWNERS),
    ),
    max_size=60,
)


def arrive(book: Book, order: Order) -> list[tuple[int, int]]:
    """Match an order against a book and let the rest stand there; whom it met and for how much.

    What it meets of its own owner's leaves.
    """
    met = []
    matches, own = book.plan(order.side, order.price_fen, order.remaining_tonnes, order.owner)
    for mine in own:
        met.append((int(mine.order_id), 0))
        book.remove(mine)
    for match in matches:
        met.append((int(match.resting.order_id), match.quantity_tonnes))
        book.fill(match.resting, match.quantity_tonnes)
        order.fill(match.quantity_tonnes, match.resting.price_fen)
    if order.remaining_tonnes:
        book.add(order)
    return met


def disturb(book: Book, what: str, which: int, price_fen: int) -> list[tuple[int, int]]:
    """Something happens to one of the resting orders: it leaves, comes anew at another price, or shrinks in place."""
    standing = sorted(book.orders(), key=lambda order: order.order_id)
    if not standing:
        return []
    order = standing[which % len(standing)]
    if what == "shrink":
        book.reduce(order, max(order.remaining_tonnes - 1, 1))
        return []
    book.remove(order)
    if what == "leave":
        return []
    order.price_fen = price_fen
    return arrive(book, order)


@given(STEPS)
def test_the_fast_book_is_the_plain_book(steps: list[tuple[str, Side, int, int, str]]) -> None:
    fast, plain = OrderBook(), NaiveBook()
    for number, (what, side, first, second, owner) in enumerate(steps, 1):
        if what == "arrive":
            met = [arrive(book, resting(number, side, first, second, owner)) for book in (fast, plain)]
        else:
            met = [disturb(book, what, first, second) for book in (fast, plain)]
        assert met[0] == met[1]
        fast.check()
        assert list(fast.orders()) == list(plain.orders()), what
        assert len(fast) == len(plain)
        for looked_at in Side:
            assert fast.best(looked_at) == plain.best(looked_at)
            assert fast.depth(looked_at, 3) == plain.depth(looked_at, 3)


def test_ones_own_orders_on_the_way_are_named_and_left_out(book: Book) -> None:
    matches, own = book.plan(BUY, 105, 100, ParticipantId("p"))
    assert (matches, [order.order_id for order in own]) == ([], [2, 3, 4, 1])
    book.add(resting(8, SELL, 103, 2, "q"))
    book.add(resting(9, SELL, 105, 9, "q"))
    matches, own = book.plan(BUY, 105, 3, ParticipantId("p"))
    assert [(match.resting.order_id, match.quantity_tonnes) for match in matches] == [(8, 2), (9, 1)]
    assert [order.order_id for order in own] == [2, 3, 4, 1]


def test_ones_own_orders_behind_the_last_one_met_are_not_in_the_way(book: Book) -> None:
    book.add(resting(8, SELL, 102, 5, "q"))
    matches, own = book.plan(BUY, 105, 5, ParticipantId("p"))
    assert ([match.resting.order_id for match in matches], own) == ([8], [])


def test_a_reduced_order_keeps_its_place(book: Book) -> None:
    first = book.get(OrderId(2))
    assert first is not None
    book.reduce(first, 1)
    book.check()
    assert book.depth(SELL, 1) == [(103, 5)]
    assert planned(book, BUY, 103, 100) == [(2, 1), (3, 4)]


def test_a_crossed_book_is_found() -> None:
    book = OrderBook()
    book.add(resting(1, SELL, 100, 1))
    book.add(resting(2, BUY, 100, 1))
    with pytest.raises(AssertionError, match="crossed"):
        book.check()


def test_a_false_total_an_ended_order_and_a_misplaced_one_are_found() -> None:
    def book_of(order: Order) -> OrderBook:
        book = OrderBook()
        book.add(order)
        return book

    shrunk, ended, moved = (resting(number, SELL, 100, 5) for number in (1, 2, 3))
    books = [book_of(order) for order in (shrunk, ended, moved)]
    shrunk.remaining_tonnes = 4
    ended.status = OrderStatus.CANCELLED
    moved.price_fen = 101
    for book, words in zip(books, (None, "ended", "misplaced"), strict=True):
        with pytest.raises(AssertionError, match=words):
            book.check()
