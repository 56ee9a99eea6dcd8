"""Sale proceeds used before they have settled: what leans on what, what is asked for when, and what a failure undoes."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.commands import AdvanceClose, CloseDay
from matching.events import CloseStep, Event, OrderCancelled, Rejected
from matching.exchange import Exchange
from matching.negotiated_events import NegotiatedTransferRejected
from settlement.commands import OpenAccount
from settlement.events import (
    DeliveryFailed,
    DeliveryParked,
    DeliverySettled,
    Instruction,
    MovementInstructed,
    ProceedsChanged,
)
from settlement.retirement import RetirementPurpose
from settlement.values import AccountId, ParticipantId
from tests.matching.authorities import freeze, retry_deliveries, unwind
from tests.matching.driver import (
    EVENT,
    MONDAY,
    TUESDAY,
    Driver,
    bust,
    cancel,
    open_market,
    replace_order,
    returned,
    withdrawal,
)
from tests.matching.negotiating import BUY, SELL, confirm, file

PRICE_FEN = 6_800
TEN_FEN = 10 * PRICE_FEN
NOT_AUTHORISED = "not_authorised"


def market(**rules: int | str) -> Driver:
    """Anna, ben and dora have units and no money; cara has money and no units."""
    driver = open_market(**{"sale_proceeds": "when_traded", **rules})
    for account in ("anna", "ben", "dora"):
        driver.admit(account, tonnes=100)
    driver.admit("cara", fen=10**7)
    return driver


def trade(driver: Driver, seller: str, buyer: str, tonnes: int = 10) -> int:
    """Tonnes change hands at the usual price; the trade's number."""
    driver.sell(seller, tonnes, PRICE_FEN)
    driver.buy(buyer, tonnes, PRICE_FEN)
    return driver.exchange.trading.last_trade_id


def figures(driver: Driver, account: str) -> tuple[int, int]:
    """What is due to an account, and what leans on it."""
    return driver.exchange.depository.proceeds.figures(AccountId(account))


def money(driver: Driver, account: str) -> tuple[int, int, int]:
    """Available, held, delivering."""
    balance = driver.cash(account)
    return balance.available, balance.held, balance.delivering


def code_of(events: Iterable[Event]) -> str:
    (code,) = [event.code for event in events if isinstance(event, Rejected)]
    return code


def settled_by(events: Iterable[Event]) -> list[int]:
    return [event.trade_id for event in events if isinstance(event, DeliverySettled)]


def failed(events: Iterable[Event]) -> dict[int, str]:
    return {event.trade_id: event.code for event in events if isinstance(event, DeliveryFailed)}


def asked(events: Iterable[Event]) -> list[list[int | None]]:
    """Which trades each movement is about that the registry is asked for."""
    return [
        list(dict.fromkeys(leg.trade_id for leg in event.instruction.legs))
        for event in events
        if isinstance(event, MovementInstructed)
    ]


def refusing(
    *trades: int, code: str = "account_closed"
) -> Callable[[Instruction], tuple[str, int | None] | None]:
    """A registry that refuses the deliveries of these trades."""

    def refuse(instruction: Instruction) -> tuple[str, int | None] | None:
        return next(((code, leg.leg) for leg in instruction.legs if leg.trade_id in trades), None)

    return refuse


def to_registry(driver: Driver) -> list[Event]:
    """Begin the close and go on until the registry has been asked."""
    events = list(driver.accepted(CloseDay(trading_day=MONDAY)))
    while driver.exchange.close_step is not CloseStep.REGISTRY:
        events.extend(driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000)))
    return events


def pending(driver: Driver) -> Instruction:
    (instruction,) = driver.exchange.pending_instructions()
    return instruction


# ---- buying with it ---------------------------------------------------------------------------------------------


def test_what_was_sold_for_buys_at_once_and_is_in_no_balance() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    assert figures(driver, "ben") == (TEN_FEN, 0)
    trade(driver, "anna", "ben")
    assert figures(driver, "ben") == (TEN_FEN, TEN_FEN)
    assert money(driver, "ben") == (0, 0, 0)
    assert (driver.units("ben").delivering, driver.units("anna").delivering) == (10, 10)


def test_where_the_rules_want_it_settled_it_buys_nothing() -> None:
    driver = market(sale_proceeds="when_settled")
    trade(driver, "ben", "cara")
    assert code_of(driver.order("ben", BUY, 1, PRICE_FEN)) == "insufficient_cash"
    assert figures(driver, "ben") == (0, 0)
    assert not any(isinstance(event, ProceedsChanged) for event in driver.events)


def test_it_buys_no_more_than_it_will_bring_in() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    (rejected,) = driver.order("ben", BUY, 11, PRICE_FEN)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.limit, rejected.actual) == ("insufficient_cash", TEN_FEN, 11 * PRICE_FEN)
    driver.buy("ben", 4, 6_700)
    (rejected,) = driver.order("ben", BUY, 10, 6_700)
    assert isinstance(rejected, Rejected)
    assert rejected.limit == TEN_FEN - 4 * 6_700


def test_it_never_leaves_before_it_has_settled() -> None:
    driver = market()
    driver.deposit("ben", 500)
    trade(driver, "ben", "cara")
    (rejected,) = driver.do(withdrawal("ben", 501))
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.limit) == ("amount_above_withdrawable", 500)
    driver.accepted(withdrawal("ben", 500, client_id="w2"))
    driver.buy("ben", 10, 6_700)
    assert money(driver, "ben") == (0, 500, 0)
    driver.accepted(returned("ben", f"wd-{driver.seq - 1}"))
    assert money(driver, "ben") == (0, 500, 0)
    assert figures(driver, "ben") == (TEN_FEN, 67_000 - 500)


def test_own_money_goes_first_and_never_lies_idle() -> None:
    driver = market()
    driver.deposit("ben", 50_000)
    trade(driver, "ben", "cara")
    first = driver.buy("ben", 10, 6_700)
    assert money(driver, "ben") == (0, 50_000, 0)
    assert figures(driver, "ben") == (TEN_FEN, 17_000)
    driver.deposit("ben", 10_000)
    assert money(driver, "ben") == (0, 60_000, 0)
    assert figures(driver, "ben") == (TEN_FEN, 7_000)
    driver.deposit("ben", 10_000)
    assert money(driver, "ben") == (3_000, 67_000, 0)
    assert figures(driver, "ben") == (TEN_FEN, 0)
    driver.accepted(cancel("ben", first))
    assert money(driver, "ben") == (70_000, 0, 0)


def test_what_is_traded_has_the_money_before_what_is_open() -> None:
    driver = market()
    driver.deposit("ben", 67_000)
    trade(driver, "ben", "cara")
    driver.buy("ben", 10, 6_700)
    assert figures(driver, "ben") == (TEN_FEN, 0)
    trade(driver, "anna", "ben")
    assert money(driver, "ben") == (0, 0, 67_000)
    assert figures(driver, "ben") == (TEN_FEN, TEN_FEN)


def test_an_order_is_replaced_traded_in_parts_and_given_back() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    order_id = driver.buy("ben", 4, 6_700)
    driver.accepted(replace_order("ben", order_id, quantity_tonnes=8, price_fen=6_750))
    assert figures(driver, "ben") == (TEN_FEN, 54_000)
    assert code_of(driver.do(replace_order("ben", order_id, quantity_tonnes=11, client_id="r2"))) == (
        "insufficient_cash"
    )
    driver.sell("anna", 3, 6_700)
    driver.accepted(replace_order("ben", order_id, quantity_tonnes=5, client_id="r3"))
    assert figures(driver, "ben") == (TEN_FEN, 5 * 6_750)
    driver.accepted(cancel("ben", order_id))
    assert figures(driver, "ben") == (TEN_FEN, 3 * 6_750)
    assert money(driver, "ben") == (0, 0, 0)


def test_what_a_better_price_spares_is_lacking_no_more() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    driver.sell("anna", 5, 6_500)
    driver.buy("ben", 10, 6_800)
    assert figures(driver, "ben") == (TEN_FEN, 5 * 6_500 + 5 * 6_800)


def test_fees_come_out_of_it_and_are_paid_with_it() -> None:
    driver = market(fee_seller_ppm=100_000, fee_buyer_ppm=50_000)
    trade(driver, "ben", "cara")
    assert figures(driver, "ben") == (61_200, 0)
    assert code_of(driver.order("ben", BUY, 9, 6_800)) == "insufficient_cash"
    trade(driver, "anna", "ben", 8)
    assert figures(driver, "ben") == (61_200, 57_120)
    driver.close()
    assert money(driver, "ben") == (61_200 - 57_120, 0, 0)


def test_it_covers_a_negotiated_transfer_and_one_of_those_brings_it_in() -> None:
    driver = market()
    driver.accepted(file("ben", SELL, 10, PRICE_FEN, "cara"))
    transfer = driver.exchange.negotiation.transfers.under_way[driver.seq]  # type: ignore[index]
    driver.accepted(confirm("cara", driver.seq, transfer.terms.hash))
    assert figures(driver, "ben") == (TEN_FEN, 0)
    driver.accepted(file("ben", BUY, 10, PRICE_FEN, "anna", client_id="n2"))
    assert figures(driver, "ben") == (TEN_FEN, TEN_FEN)
    assert code_of(driver.do(file("ben", BUY, 1, PRICE_FEN, "anna", client_id="n3"))) == "insufficient_cash"
    transfer = driver.exchange.negotiation.transfers.under_way[driver.seq - 1]  # type: ignore[index]
    driver.accepted(confirm("anna", driver.seq - 1, transfer.terms.hash))
    events = driver.close()
    assert asked(events) == [[1], [2]]
    assert settled_by(events) == [1, 2]


def test_money_for_one_purpose_is_of_an_account_that_sells_nothing() -> None:
    driver = market()
    driver.accepted(
        OpenAccount(
            account=AccountId("ben-harm"),
            owner=ParticipantId("ben"),
            registry_account="registry-harm",
            earmark=RetirementPurpose.DAMAGE_COMPENSATION,
        )
    )
    trade(driver, "ben", "cara")
    assert code_of(driver.order("ben-harm", SELL, 1, PRICE_FEN)) == "account_earmarked"
    assert code_of(driver.order("ben-harm", BUY, 1, PRICE_FEN)) == "account_earmarked"
    assert figures(driver, "ben-harm") == (0, 0)


def test_the_rules_of_the_sale_decide_and_not_those_of_the_purchase() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    driver.adopt(sale_proceeds="when_settled")
    trade(driver, "dora", "cara")
    assert code_of(driver.order("dora", BUY, 1, PRICE_FEN)) == "insufficient_cash"
    trade(driver, "anna", "ben")
    assert settled_by(driver.close()) == [1, 2, 3]


# ---- settling in order ------------------------------------------------------------------------------------------


def test_a_chain_settles_link_by_link() -> None:
    driver = market()
    for seller, buyer in (("ben", "cara"), ("dora", "ben"), ("anna", "dora")):
        trade(driver, seller, buyer)
    events = to_registry(driver)
    assert asked(events) == [[1]]
    for number in (1, 2):
        events = list(driver.answer(pending(driver)))
        assert settled_by(events) == [number]
        assert asked(events) == [[number + 1]]
    driver.answer(pending(driver))
    driver.close()
    assert [money(driver, who) for who in ("ben", "dora", "anna")] == [(0, 0, 0), (0, 0, 0), (TEN_FEN, 0, 0)]
    assert [driver.units(who).available for who in ("ben", "dora", "cara")] == [100, 100, 10]


def test_the_registry_is_asked_for_nothing_that_lacks_a_fen() -> None:
    driver = market()
    trade(driver, "ben", "cara", 5)
    trade(driver, "ben", "cara", 5)
    trade(driver, "anna", "ben", 10)
    to_registry(driver)
    instruction = pending(driver)
    events = driver.answer(instruction, "account_closed", 2)
    assert failed(events) == {2: "account_closed", 3: "proceeds_lost"}
    events = driver.answer(pending(driver))
    assert settled_by(events) == [1]
    assert money(driver, "ben") == (5 * PRICE_FEN, 0, 0)


def test_several_sales_pay_for_one_purchase_and_one_sale_for_several() -> None:
    driver = market()
    for tonnes in (3, 4, 3):
        trade(driver, "ben", "cara", tonnes)
    trade(driver, "anna", "ben", 10)
    trade(driver, "dora", "anna", 6)
    trade(driver, "dora", "anna", 4)
    events = driver.close()
    assert asked(events) == [[1, 2, 3], [4], [5, 6]]
    assert settled_by(events) == [1, 2, 3, 4, 5, 6]
    assert [figures(driver, who) for who in ("anna", "ben", "dora")] == [(0, 0)] * 3


def test_as_traded_it_goes_on_with_every_answer() -> None:
    driver = market(settlement_cycle="as_traded")
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    sale = pending(driver)
    assert driver.exchange.depository.movements.unresolved() == 2
    events = driver.answer(sale)
    assert asked(events) == [[2]]
    assert settled_by(driver.answer(pending(driver))) == [2]
    assert money(driver, "anna") == (TEN_FEN, 0, 0)


def test_money_from_elsewhere_settles_it_sooner() -> None:
    driver = market(settlement_cycle="as_traded")
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    sale = pending(driver)
    events = driver.deposit("ben", TEN_FEN)
    assert asked(events) == [[2]]
    driver.answer(sale, "account_closed")
    assert settled_by(driver.answer(pending(driver))) == [2]


def test_what_is_bought_for_a_use_is_retired_in_the_end() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    driver.sell("anna", 10, PRICE_FEN)
    driver.buy("ben", 10, PRICE_FEN, EVENT)
    driver.close()
    assert driver.units("ben").retired == 10


def test_two_that_buy_from_each_other_never_wait_for_each_other() -> None:
    driver = market()
    for number in range(1, 6):
        seller, buyer = (
            ("ben", "cara") if number == 1 else ("dora", "ben") if number % 2 == 0 else ("ben", "dora")
        )
        assert trade(driver, seller, buyer) == number
    events = driver.close()
    assert settled_by(events) == [1, 2, 3, 4, 5]
    assert asked(events) == [[1], [2], [3], [4], [5]]


# ---- when a sale comes to nothing -------------------------------------------------------------------------------


def test_a_sale_that_fails_takes_its_chain_with_it_and_nothing_else() -> None:
    driver = market()
    for seller, buyer in (("ben", "cara"), ("dora", "ben"), ("anna", "dora"), ("anna", "cara")):
        trade(driver, seller, buyer)
    events = driver.close(refuse=refusing(1))
    assert failed(events) == {1: "account_closed", 2: "proceeds_lost", 3: "proceeds_lost"}
    assert settled_by(events) == [4]
    assert [driver.units(who).available for who in ("anna", "ben", "dora")] == [90, 100, 100]
    assert money(driver, "cara") == (10**7 - TEN_FEN, 0, 0)
    assert [figures(driver, who) for who in ("anna", "ben", "dora")] == [(0, 0)] * 3


def test_the_newest_purchases_go_and_the_older_ones_stay() -> None:
    driver = market()
    trade(driver, "ben", "cara", 5)
    trade(driver, "ben", "cara", 5)
    for _ in range(2):
        trade(driver, "anna", "ben", 5)
    events = driver.close(refuse=refusing(1))
    assert failed(events) == {1: "account_closed", 4: "proceeds_lost"}
    assert settled_by(events) == [2, 3]


def test_what_one_that_goes_had_pays_for_one_that_stays() -> None:
    driver = market()
    driver.deposit("ben", 4 * PRICE_FEN)
    trade(driver, "ben", "cara", 6)
    trade(driver, "anna", "ben", 10)
    trade(driver, "ben", "cara", 2)
    trade(driver, "anna", "ben", 2)
    events = driver.close(refuse=refusing(1))
    assert failed(events) == {1: "account_closed", 2: "proceeds_lost"}
    assert settled_by(events) == [3, 4]


def test_a_later_sale_does_not_save_an_older_purchase() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    trade(driver, "ben", "cara")
    events = driver.close(refuse=refusing(1))
    assert failed(events) == {1: "account_closed", 2: "proceeds_lost"}
    assert money(driver, "ben") == (TEN_FEN, 0, 0)


def test_a_sale_undone_takes_back_what_is_open_the_newest_first() -> None:
    driver = market()
    driver.deposit("ben", 30_000)
    trade(driver, "ben", "cara")
    driver.accepted(file("ben", BUY, 1, 6_000, "anna"))
    orders = [driver.buy("ben", 6, 6_700), driver.buy("ben", 6, 6_700)]
    events = driver.accepted(bust(1))
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [(one.order_id, one.reason) for one in cancelled] == [
        (orders[1], "proceeds_lost"),
        (orders[0], "proceeds_lost"),
    ]
    assert money(driver, "ben") == (24_000, 6_000, 0)


def test_a_negotiated_transfer_goes_when_no_order_is_left() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    driver.accepted(file("ben", BUY, 10, 6_000, "anna"))
    events = driver.accepted(bust(1))
    (rejected,) = [event for event in events if isinstance(event, NegotiatedTransferRejected)]
    assert rejected.code == "proceeds_lost"
    assert figures(driver, "ben") == (0, 0)


def test_a_sale_undone_takes_the_trades_that_leaned_on_it() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    assert failed(driver.accepted(bust(1))) == {2: "proceeds_lost"}
    assert driver.units("anna").available == 100


def test_a_purchase_undone_gives_back_what_it_leaned_on() -> None:
    driver = market()
    driver.deposit("ben", 8_000)
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    driver.accepted(bust(2))
    assert money(driver, "ben") == (8_000, 0, 0)
    assert (figures(driver, "ben"), figures(driver, "anna")) == ((TEN_FEN, 0), (0, 0))


def test_frozen_units_of_the_seller_end_what_leans_on_them() -> None:
    driver = market()
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    driver.accepted(freeze(lot_name="L-ben"))
    events = driver.close()
    assert failed(events) == {1: "lot_frozen", 2: "proceeds_lost"}


# ---- when a sale is parked --------------------------------------------------------------------------------------


def parked_with_its_sale() -> Driver:
    driver = market()
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    trade(driver, "dora", "cara")
    events = driver.close(refuse=refusing(1, code=NOT_AUTHORISED))
    codes = {event.trade_id: event.code for event in events if isinstance(event, DeliveryParked)}
    assert codes == {1: NOT_AUTHORISED, 2: "proceeds_parked"}
    assert settled_by(events) == [3]
    assert driver.exchange.trading_day == TUESDAY
    return driver


def test_a_parked_sale_parks_what_leans_on_it_and_the_close_goes_on() -> None:
    driver = parked_with_its_sale()
    assert figures(driver, "ben") == (0, TEN_FEN)
    assert driver.units("anna").delivering == 10
    assert code_of(driver.order("ben", BUY, 1, PRICE_FEN)) == "insufficient_cash"
    driver.close()


def test_retried_and_settled_it_pays_for_what_was_parked_with_it() -> None:
    driver = parked_with_its_sale()
    driver.accepted(retry_deliveries())
    assert asked(driver.answer(pending(driver))) == [[2]]
    assert settled_by(driver.answer(pending(driver))) == [2]
    assert money(driver, "anna") == (TEN_FEN, 0, 0)


def test_what_lacks_money_is_not_retried() -> None:
    driver = parked_with_its_sale()
    assert code_of(driver.do(retry_deliveries(2))) == "delivery_not_covered"
    assert code_of(driver.do(retry_deliveries(1, 2))) == "delivery_not_covered"


def test_unwound_it_takes_what_was_parked_with_it() -> None:
    driver = parked_with_its_sale()
    assert failed(driver.accepted(unwind(1))) == {1: "unwound", 2: "proceeds_lost"}
    assert [driver.units(who).available for who in ("anna", "ben")] == [100, 100]


def test_what_is_parked_for_money_can_be_unwound_by_itself() -> None:
    driver = parked_with_its_sale()
    assert failed(driver.accepted(unwind(2))) == {2: "unwound"}
    assert figures(driver, "ben") == (0, 0)


def test_a_deposit_takes_it_out_of_the_park() -> None:
    driver = parked_with_its_sale()
    assert asked(driver.deposit("ben", TEN_FEN)) == [[2]]
    assert settled_by(driver.answer(pending(driver))) == [2]
    assert driver.exchange.depository.movements.obligations.is_parked(1)  # type: ignore[arg-type]


def test_a_parked_sale_takes_back_what_is_open() -> None:
    driver = market(settlement_cycle="as_traded")
    trade(driver, "ben", "cara")
    order_id = driver.buy("ben", 10, 6_700)
    events = driver.answer(pending(driver), NOT_AUTHORISED)
    (cancelled,) = [event for event in events if isinstance(event, OrderCancelled)]
    assert (cancelled.order_id, cancelled.reason) == (order_id, "proceeds_lost")


# ---- soundness --------------------------------------------------------------------------------------------------


def test_figures_are_told_whenever_they_change_and_only_then() -> None:
    driver = market()
    driver.deposit("ben", 8_000)
    trade(driver, "ben", "cara")
    trade(driver, "anna", "ben")
    driver.close()
    told = [
        (event.due_fen, event.pledged_fen)
        for event in driver.events
        if isinstance(event, ProceedsChanged) and event.account == "ben"
    ]
    assert told == [(TEN_FEN, 0), (TEN_FEN, TEN_FEN - 8_000), (0, 0)]


@pytest.mark.parametrize("parked", [False, True])
def test_a_snapshot_keeps_it_and_goes_on_alike(*, parked: bool) -> None:
    driver = parked_with_its_sale() if parked else market()
    trade(driver, "dora", "cara")
    driver.deposit("dora", 8_000)
    trade(driver, "anna", "dora", 5)
    driver.buy("dora", 5, 6_700)
    state = driver.exchange.dump()
    other = Driver(Exchange.load(state), driver.at_ns)
    other.exchange.check()
    assert other.exchange.dump() == state
    other.ids = driver.ids
    assert other.close(refuse=refusing(4, 1)) == driver.close(refuse=refusing(4, 1))


ACCOUNTS = ("anna", "ben", "dora")


@settings(max_examples=40, deadline=None)
@given(
    wishes=st.lists(
        st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from((*ACCOUNTS, "cara")), st.integers(1, 9)),
        max_size=25,
    ),
    refused=st.sets(st.integers(1, 25), max_size=4),
    cash=st.integers(0, 3),
    as_traded=st.booleans(),
)
def test_after_the_close_nothing_leans_on_anything(
    *, wishes: list[tuple[str, str, int]], refused: set[int], cash: int, as_traded: bool
) -> None:
    """Whoever can pay settles; who cannot had sold before, and lost it; money is neither made nor lost."""
    driver = market(settlement_cycle="as_traded" if as_traded else "end_of_day")
    for account in ACCOUNTS if cash else ():
        driver.deposit(account, cash * PRICE_FEN)
    sides: dict[int, tuple[str, str]] = {}
    for seller, buyer, tonnes in wishes:
        if seller == buyer or driver.exchange.depository.buying_power(AccountId(buyer)) < tonnes * PRICE_FEN:
            continue
        sides[trade(driver, seller, buyer, tonnes)] = (seller, buyer)
    events = driver.close(refuse=refusing(*refused))
    lost, settled = failed(events), settled_by(events)
    assert sorted([*lost, *settled]) == sorted(sides)
    assert refused & sides.keys() <= lost.keys()
    assert {number for number, code in lost.items() if code != "proceeds_lost"} <= refused
    for number, code in lost.items():
        buyer = sides[number][1]
        sold = [one for one in lost if one < number and sides[one][0] == buyer]
        assert code != "proceeds_lost" or sold, f"{number} fails for nothing"
    assert [figures(driver, who) for who in ACCOUNTS] == [(0, 0)] * 3
    everybody = [driver.cash(who) for who in (*ACCOUNTS, "cara")]
    assert all((one.held, one.delivering) == (0, 0) for one in everybody)
    assert sum(one.available for one in everybody) == 10**7 + 3 * cash * PRICE_FEN
