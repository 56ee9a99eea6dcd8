"""A day of random commands, many of them faulty; run as a program it prints what came of them as two digests."""

import random
import sys
from collections.abc import Iterator
from hashlib import blake2b

from matching.commands import (
    AddListing,
    AdvanceClose,
    AdvanceTime,
    CancelOrder,
    CancelOrders,
    CloseDay,
    Command,
    OpenDay,
    RecordReconciliation,
    RetryRetirement,
    SubmitOrder,
)
from matching.events import CloseStep, Rejected
from matching.listing import Listing
from matching.order import OrderId, Side, TimeInForce
from matching.session import NS
from settlement.commands import RegisterLot
from settlement.events import LotSlice
from settlement.retirement import RetirementId
from settlement.values import AccountId, AssetCode, LotId, ParticipantId
from tests.matching.driver import (
    CLASS_II,
    EVENT,
    LISTING,
    OLGA,
    OTTO,
    TUESDAY,
    Driver,
    adopt,
    approve,
    bust,
    change,
    decline,
    deposit,
    halt,
    lift,
    lot,
    open_market,
    owner_of,
    replace_order,
    resolve,
    restrict,
    resume,
    statements_due,
    transfer_in,
)
from tests.matching.negotiating import confirm, counter, file, named, review, say_no, take_back

ACCOUNTS = ("anna-1", "anna-2", "ben", "cara", "nobody")


def market(rand: random.Random) -> Driver:
    """A market with four accounts of three owners, two listings, and rules of changing kinds."""
    driver = open_market(
        fee_buyer_ppm=rand.choice((0, 800, 33_333)),
        fee_buyer_minimum_fen=rand.choice((0, 0, 40_000)),
        fee_buyer_cap_fen=rand.choice(("none", "none", 50_000)),
        fee_seller_ppm=rand.choice((0, 800, 33_333)),
        fee_seller_minimum_fen=rand.choice((0, 0, 40_000)),
        fee_payer=rand.choice(("both", "both", "buyer")),
        tick_fen=rand.choice((1, 5)),
        lot_tonnes=rand.choice((1, 10)),
        band_rounding=rand.choice(("half_up", "inward")),
        close_threshold_tonnes=rand.choice((0, 100)),
        closing_method=rand.choice(("average", "last_five")),
        self_trade=rand.choice(("reject_incoming", "cancel_resting")),
        settlement_cycle=rand.choice(("end_of_day", "as_traded")),
        resale_next_day=rand.choice(("yes", "no")),
        sale_proceeds=rand.choice(("when_settled", "when_traded")),
        large_holder_alerts="institution 1000",
        two_person_acts=rand.choice(("none", "bust_trade, halt")),
        negotiated_open_offers="yes",
        negotiated_review=rand.choice(("off", "all")),
    )
    driver.accepted(AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=500)))
    for account in ACCOUNTS[:-1]:
        driver.admit(account, fen=rand.randrange(1, 10**8), tonnes=rand.randrange(500, 2_000))
    driver.accepted(RegisterLot(lot=lot("more", (1, 401))))
    return driver


def an_order(rand: random.Random, driver: Driver) -> Command:
    account = rand.choice(ACCOUNTS[:-1] * 10 + ACCOUNTS)
    return SubmitOrder(
        participant=ParticipantId(owner_of(rand.choice((account,) * 100 + ACCOUNTS))),
        account=AccountId(account),
        client_id=f"{rand.randrange(2_000)}",
        deadline_ns=rand.choice((None, driver.at_ns + rand.randrange(-1, 20))),
        listing=AssetCode(rand.choice((LISTING,) * 30 + (CLASS_II, "X"))),
        side=rand.choice(tuple(Side)),
        price_fen=rand.choice((rand.randrange(6_750, 6_855, 5),) * 9 + (rand.randrange(6_000, 7_600),)),
        quantity_tonnes=rand.choice((rand.randrange(10, 100, 10),) * 9 + (rand.randrange(-1, 30), 10**6)),
        time_in_force=rand.choice(tuple(TimeInForce)),
        use=rand.choice((None, None, None, EVENT)),
    )


def a_cancel(rand: random.Random, driver: Driver) -> Command:
    open_orders = driver.exchange.trading.open_orders
    chosen = rand.choice((*open_orders.values(), None))
    account = rand.choice(ACCOUNTS) if chosen is None or rand.random() < 0.1 else chosen.account
    participant, of = ParticipantId(owner_of(account)), AccountId(account)
    if rand.random() < 0.05:
        side = rand.choice((None, *Side))
        return CancelOrders(participant=participant, account=of, side=side)
    order_id = OrderId(rand.randrange(1, driver.seq + 2)) if chosen is None else chosen.order_id
    return CancelOrder(participant=participant, account=of, order_id=order_id)


def a_change(rand: random.Random, driver: Driver) -> Command:
    """Another price or quantity for an open order."""
    chosen = rand.choice((*driver.exchange.trading.open_orders.values(), None))
    account = ACCOUNTS[0] if chosen is None else chosen.account
    filled = 0 if chosen is None else chosen.quantity_tonnes - chosen.remaining_tonnes
    return replace_order(
        account,
        driver.seq if chosen is None else chosen.order_id,
        price_fen=rand.choice((None, rand.randrange(6_750, 6_855, 5))),
        quantity_tonnes=rand.choice((None, filled, filled + 10, filled + rand.randrange(10, 90, 10))),
        client_id=f"{rand.randrange(2_000)}",
    )


def an_act(rand: random.Random, driver: Driver) -> Command:
    """What an operator does out of the ordinary; a halt or a restriction is mostly lifted again."""
    standing, waiting = driver.exchange.trading.standing, driver.exchange.operations.waiting
    if waiting and rand.random() < 0.5:
        second = rand.choice((approve, approve, decline))
        return second(rand.choice(list(waiting)), operator=rand.choice((OLGA, OTTO, OTTO)))
    if standing.halts and rand.random() < 0.8:
        return resume(rand.choice(list(standing.halts)))
    if standing.restrictions and rand.random() < 0.6:
        return lift(rand.choice(list(standing.restrictions)))
    account, listing = rand.choice(ACCOUNTS), rand.choice((None, LISTING, CLASS_II, "X"))
    last_trade = driver.exchange.trading.last_trade_id
    return rand.choice(
        (
            halt(listing),
            resume(listing),
            restrict(account),
            lift(account),
            bust(last_trade - rand.randrange(4)),
            bust(last_trade),
            bust(last_trade - 1),
        )
    )


def a_deal(rand: random.Random, driver: Driver) -> Command:
    """Something said of a negotiated transfer: a filing, or an answer by whoever."""
    under_way = driver.exchange.negotiation.transfers.under_way
    account, client_id = rand.choice(ACCOUNTS[:-1]), f"{rand.randrange(2_000)}"
    if not under_way or rand.random() < 0.4:
        side, price_fen = rand.choice(tuple(Side)), rand.randrange(6_700, 6_900, 5)
        lots = rand.choice(((), (named(f"L-{account}", tonnes=10),)))
        return file(
            account,
            side,
            10,
            price_fen,
            rand.choice((*ACCOUNTS, None)),
            lots=lots,
            agreement_no=rand.choice(("", "1", "2")),
            expires_at_ns=rand.choice((None, driver.at_ns + rand.randrange(3 * NS))),
            client_id=client_id,
        )
    one = rand.choice(list(under_way.values()))
    asked = one.terms.account_of(one.proposer.opposite) or account
    account = rand.choice((account, asked, asked, asked))
    return rand.choice(
        (
            confirm(account, one.transfer_id, one.terms.hash, client_id=client_id),
            confirm(account, one.transfer_id, one.terms.hash, client_id=client_id),
            counter(account, one.transfer_id, 10, rand.randrange(6_700, 6_900, 5), client_id=client_id),
            say_no(account, one.transfer_id, client_id=client_id),
            take_back(one.terms.account_of(one.proposer) or account, one.transfer_id, client_id=client_id),
            review(one.transfer_id, approved=rand.random() < 0.7),
        )
    )


def another(rand: random.Random, driver: Driver) -> Command:
    """Something that is neither an order nor a cancel."""
    day = driver.exchange.trading_day
    assert day is not None
    first = rand.randrange(0, 420)
    serials = ((first, first + rand.randrange(0, 40)),)
    pending = driver.exchange.pending_instructions()
    asked = rand.choice([one.instruction_id for one in pending] or ["in-0"])
    retirements = driver.exchange.depository.movements.retirements
    refused = [
        one.retirement_id for one in retirements.records() if retirements.is_refused(one.retirement_id)
    ]
    return rand.choice(
        (
            deposit(rand.choice(ACCOUNTS), rand.randrange(-1, 10**6), client_id=str(rand.randrange(40))),
            transfer_in(
                rand.choice(ACCOUNTS),
                (LotSlice(lot_id=LotId("more"), serials=serials),),
                client_id=str(first),
            ),
            resolve(asked, rand.choice((None, None, "frozen", "too_late")), rand.choice((None, 1, 2))),
            RetryRetirement(
                operator=ParticipantId("olga"),
                reason="a test",
                retirement_id=rand.choice(refused or [RetirementId("trade-1")]),
            ),
            AdvanceTime(),
            OpenDay(trading_day=TUESDAY),
            CloseDay(trading_day=TUESDAY),
            AdvanceClose(trading_day=day, portion=rand.randrange(0, 4)),
            RecordReconciliation(trading_day=day, breaks=0, digest_here="a", digest_there="a"),
            adopt(change("fee_buyer_ppm", rand.choice((0, 5_000, -1)), driver.at_ns + rand.randrange(9))),
            adopt(
                change(
                    "band_basis_points",
                    rand.choice((1_000, 500, -1)),
                    driver.at_ns + rand.randrange(-1, 50),
                )
            ),
        )
    )


def commands(rand: random.Random, driver: Driver, number: int) -> Iterator[Command]:
    """That many commands, each made for the state the exchange is in when it is asked for."""
    for _ in range(number):
        driver.at_ns += rand.choice((0, 1, 7, NS))
        kinds = (an_order, a_cancel, a_change, an_act, a_deal, another)
        kind = rand.choices(kinds, (60, 10, 10, 4, 6, 10))[0]
        yield kind(rand, driver)


def close(rand: random.Random, driver: Driver) -> None:
    """Close the day, with a registry that refuses some and is late for others."""
    day = driver.exchange.trading_day
    assert day is not None
    if driver.exchange.close_step is None:
        driver.accepted(CloseDay(trading_day=day))
    while driver.exchange.trading_day == day:
        driver.accepted(AdvanceClose(trading_day=day, portion=rand.randrange(1, 9)))
        if driver.exchange.close_step is CloseStep.REGISTRY:
            for instruction in driver.exchange.pending_instructions():
                refusal = rand.choice((None, None, "frozen", "too_late"))
                driver.accepted(resolve(instruction.instruction_id, refusal, rand.choice((None, 1, 3))))
        for command in statements_due(driver.exchange, rand.randrange(1, 9)):
            driver.accepted(command)
        if driver.exchange.close_step is CloseStep.RECONCILE:
            driver.accepted(
                RecordReconciliation(trading_day=day, breaks=0, digest_here="a", digest_there="a")
            )


def main(seed: int) -> None:
    """Print the digests of all events and of the last state, and how many commands of what fate there were."""
    rand = random.Random(seed)
    driver = market(rand)
    for _ in range(2):
        for command in commands(rand, driver, 300):
            driver.do(command)
        close(rand, driver)
    refused = sum(isinstance(event, Rejected) for event in driver.events)
    for told in (driver.events, driver.exchange.dump()):
        print(blake2b(repr(told).encode(), digest_size=16).hexdigest())  # noqa: T201 - what it is for
    print(driver.seq, len(driver.events), refused)  # noqa: T201 - the same


if __name__ == "__main__":
    main(int(sys.argv[1]))
