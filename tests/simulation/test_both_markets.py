"""One suite for two markets: the plain one that is the specification, and the core. Both must pass every test.

Tests speak commands and read notes, the plain tuples both can be told in; see the reference market.
"""

from abc import ABC, abstractmethod

import pytest

from matching.commands import (
    AddListing,
    AdvanceClose,
    AdvanceTime,
    AnnounceCalendar,
    ApproveAct,
    BustTrade,
    CancelOrders,
    CloseDay,
    Command,
    DeclineAct,
    HaltTrading,
    LiftRestriction,
    OpenDay,
    RecordReconciliation,
    ReplaceOrder,
    RestrictAccount,
    ResumeTrading,
    RetryRetirement,
    SubmitOrder,
)
from matching.exchange import Exchange
from matching.listing import Listing
from matching.order import OrderId, Side, TimeInForce
from matching.rule_values import RuleValue
from matching.state import Stamp
from settlement.account import ParticipantKind
from settlement.commands import (
    AddInstrument,
    DepositCash,
    OpenAccount,
    Outcome,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.retirement import RetirementId, Use
from settlement.values import AccountId, AssetCode, InstructionId, LotId, ParticipantId, TradeId
from tests.reference.market import Market
from tests.reference.vault import FEES, MONEY, Note
from tests.simulation import universe
from tests.simulation.notes import notes_of
from tests.simulation.universe import CLASS_ONE, CLASSES, FIRST_DAY, USES, adopt, change

BUY, SELL = Side.BUY, Side.SELL
SHOWN = ("available", "held", "delivering", "retired")
RULES: dict[str, RuleValue] = {
    "hours": universe.ALWAYS,
    "close_by_clock": "no",
    "matching_mode": "price_time",
    "tick_fen": 1,
    "lot_tonnes": 1,
    "listed_min_tonnes": 1,
    "listed_max_tonnes": 1_000,
    "band_basis_points": 1_000,
    "band_rounding": "half_up",
    "self_trade": "reject_incoming",
    "closing_method": "average",
    "close_threshold_tonnes": 0,
    "settlement_cycle": "end_of_day",
    "resale_next_day": "no",
    "sale_proceeds": "when_settled",
    "participant_kinds": universe.ALL_KINDS,
    "position_limits": "none",
    "large_holder_alerts": "none",
    "fee_payer": "both",
    "fee_buyer_ppm": 0,
    "fee_buyer_minimum_fen": 0,
    "fee_buyer_cap_fen": "none",
    "fee_seller_ppm": 0,
    "fee_seller_minimum_fen": 0,
    "fee_seller_cap_fen": "none",
    "negotiated_min_tonnes": 1,
    "negotiated_band_tiers": "3000 below 500000; none",
    "negotiated_reference": "same_day_close",
    "negotiated_open_offers": "no",
    "negotiated_review": "off",
    "negotiated_max_filed": 200,
    "negotiated_max_rounds": 20,
    "settlement_account": "DEMO-SETTLEMENT-1",
    "retention_years": 20,
    "notice_s": 0,
    "two_person_acts": "none",
    "mandate_kinds": "project_applicant, scenario_applicant",
    "transfers_until": "none",
    "correction_policy": "claim_only",
    "depth_levels": 5,
    "registry_patience_s": 60,
    "use_channels": universe.CHANNELS,
    "use_withdrawal_s": 0,
}


class AnyMarket(ABC):
    """What both markets can be asked, and the words the tests use."""

    def __init__(self) -> None:
        self.seq = 0
        self.at_ns = universe.BEGINS_NS
        self.ids = 0
        self.opened: list[str] = []

    @abstractmethod
    def decide(self, command: Command) -> list[Note]:
        """Obey or refuse one command; what has happened."""

    @abstractmethod
    def sellable(self, account: str) -> int:
        """Tonnes of class one the account may offer now."""

    @abstractmethod
    def amounts(self, account: str, asset: str) -> tuple[int, int, int, int]:
        """What is available, held, delivering and retired."""

    @abstractmethod
    def book(self) -> list[tuple[str, int, int]]:
        """Side, price and tonnes of each level of class one."""

    def tell(self, command: Command) -> list[Note]:
        self.seq += 1
        return self.decide(command)

    def found(self, **rules: RuleValue) -> None:
        """A day at a reference of 68.00: anna with 500 t, ben with money, cara with both in two accounts."""
        self.tell(adopt(*(change(name, value) for name, value in {**RULES, **rules}.items())))
        self.tell(AnnounceCalendar(announcement=universe.announcement("2026-11-16", 28)))
        self.tell(AddInstrument(instrument=Instrument(code=CLASS_ONE, methodology_class=CLASSES[CLASS_ONE])))
        self.tell(AddListing(listing=Listing(code=CLASS_ONE, first_reference_price_fen=6_800)))
        self.tell(OpenDay(trading_day=FIRST_DAY))
        for account, tonnes in (("anna", 500), ("ben", 0), ("cara-1", 100), ("cara-2", 0)):
            self.admit(account, tonnes)

    def admit(self, account: str, tonnes: int) -> None:
        self.opened.append(account)
        owner, of = ParticipantId(account[:4]), AccountId(account)
        self.tell(RegisterParticipant(participant=owner, kind=ParticipantKind.INSTITUTION))
        self.tell(OpenAccount(account=of, owner=owner, registry_account=f"registry-{account}"))
        self.tell(
            DepositCash(
                participant=ParticipantId("bank"),
                account=of,
                client_id="d",
                amount_fen=10_000_000,
                bank_reference=account,
            )
        )
        if tonnes:
            lot = universe.lot(f"L-{account}", CLASS_ONE, (0, tonnes), "2025-01-01")
            self.tell(RegisterLot(lot=lot))
            self.tell(
                RequestTransferIn(
                    participant=owner,
                    account=of,
                    client_id="t",
                    instrument=CLASS_ONE,
                    lots=(LotSlice(lot_id=LotId(lot.lot_id), serials=((0, tonnes),)),),
                    asked=f"quantity:{tonnes}",
                )
            )
            self.answer(f"in-{self.seq}")

    def answer(self, name: str, code: str | None = None) -> list[Note]:
        outcome = Outcome.CONFIRMED if code is None else Outcome.REFUSED
        return self.tell(ResolveInstruction(instruction_id=InstructionId(name), outcome=outcome, code=code))

    def order(
        self,
        account: str,
        side: Side,
        tonnes: int,
        price_fen: int,
        time_in_force: TimeInForce = TimeInForce.DAY,
        *,
        use: Use | None = None,
    ) -> list[Note]:
        self.ids += 1
        return self.tell(
            SubmitOrder(
                participant=ParticipantId(account[:4]),
                account=AccountId(account),
                client_id=str(self.ids),
                listing=CLASS_ONE,
                side=side,
                price_fen=price_fen,
                quantity_tonnes=tonnes,
                time_in_force=time_in_force,
                use=use,
            )
        )

    def replace(
        self, account: str, order_id: int, price_fen: int | None = None, tonnes: int | None = None
    ) -> list[Note]:
        self.ids += 1
        return self.tell(
            ReplaceOrder(
                participant=ParticipantId(account[:4]),
                account=AccountId(account),
                client_id=str(self.ids),
                order_id=OrderId(order_id),
                price_fen=price_fen,
                quantity_tonnes=tonnes,
            )
        )

    def close(self) -> list[Note]:
        """The whole close of the first day; the registry confirms everything."""
        notes = self.tell(CloseDay(trading_day=FIRST_DAY))
        reconciled = RecordReconciliation(trading_day=FIRST_DAY, breaks=0, digest_here="", digest_there="")
        while notes[-1] != ("phase", "2026-11-24", "closed", "continuous"):
            more = self.tell(AdvanceClose(trading_day=FIRST_DAY, portion=100))
            for note in more:
                if note[0] == "asked":
                    settled = self.answer(str(note[1]))
                    notes.extend(settled)
                    for retirement in (one for one in settled if one[0] == "asked to retire"):
                        notes.extend(self.answer(str(retirement[1])))
            notes.extend(more)
            if more[-1][:3] == ("step", "publication", 1):
                notes.extend(self.tell(universe.issuing_to(self.opened)))
                notes.extend(self.tell(reconciled))
        return notes


class ThePlainOne(AnyMarket):
    """The reference."""

    def __init__(self) -> None:
        super().__init__()
        self.market = Market()

    def decide(self, command: Command) -> list[Note]:
        return self.market.do(command, self.seq, self.at_ns)

    def sellable(self, account: str) -> int:
        return self.market.vault.sellable(account, CLASS_ONE)

    def amounts(self, account: str, asset: str) -> tuple[int, int, int, int]:
        available, held, delivering, retired = (
            self.market.vault.amount(account, asset, bucket) for bucket in SHOWN
        )
        return available, held, delivering, retired

    def book(self) -> list[tuple[str, int, int]]:
        listing = self.market.listings[CLASS_ONE]
        return [(side.value, *level) for side in Side for level in listing.depth(side.value)]


class TheCore(AnyMarket):
    """The real one."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()

    def decide(self, command: Command) -> list[Note]:
        events = self.exchange.apply(command, Stamp(seq=self.seq, at_ns=self.at_ns))
        self.exchange.check()
        return notes_of(events)

    def sellable(self, account: str) -> int:
        return self.exchange.depository.sellable(AccountId(account), CLASS_ONE)

    def amounts(self, account: str, asset: str) -> tuple[int, int, int, int]:
        balance = self.exchange.depository.ledger.balance(AccountId(account), AssetCode(asset))
        return balance.available, balance.held, balance.delivering, balance.retired

    def book(self) -> list[tuple[str, int, int]]:
        book = self.exchange.trading.markets[CLASS_ONE].book
        return [(side.value, *level) for side in Side for level in book.depth(side, 100)]


@pytest.fixture(params=[ThePlainOne, TheCore])
def market(request: pytest.FixtureRequest) -> AnyMarket:
    made: AnyMarket = request.param()
    return made


OLGA, OTTO = ParticipantId("olga"), ParticipantId("otto")


def halt(listing: AssetCode | None = CLASS_ONE) -> HaltTrading:
    return HaltTrading(operator=OLGA, reason="a test", listing=listing)


def resume(listing: AssetCode | None = CLASS_ONE) -> ResumeTrading:
    return ResumeTrading(operator=OLGA, reason="a test", listing=listing)


def bust(number: int) -> BustTrade:
    return BustTrade(operator=OLGA, reason="a test", trade_id=TradeId(number))


def codes(notes: list[Note]) -> list[object]:
    return [note[1] for note in notes if note[0] == "rejected"]


# ---- replacing --------------------------------------------------------------------------------------------------


def test_less_at_the_same_price_keeps_the_place(market: AnyMarket) -> None:
    market.found()
    market.order("anna", SELL, 10, 6_800)
    first = market.seq
    market.order("cara-1", SELL, 10, 6_800)
    assert market.replace("anna", first, tonnes=4) == [("replaced", first, 6_800, 4, True)]
    notes = market.order("ben", BUY, 5, 6_800)
    assert [note[3:] for note in notes if note[0] == "traded"] == [(4, "ben", "anna"), (1, "ben", "cara-1")]


@pytest.mark.parametrize(("price_fen", "tonnes"), [(None, 11), (6_801, None), (6_801, 5)])
def test_anything_else_comes_anew(market: AnyMarket, price_fen: int | None, tonnes: int | None) -> None:
    market.found()
    market.order("anna", SELL, 10, 6_800)
    first = market.seq
    market.order("cara-1", SELL, 10, 6_800)
    new = (price_fen or 6_800, tonnes or 10)
    assert market.replace("anna", first, price_fen, tonnes) == [
        ("replaced", first, *new, False),
        ("rested", first, new[1]),
    ]
    traded = [note for note in market.order("ben", BUY, 10, 6_810) if note[0] == "traded"]
    assert [note[5] for note in traded] == ["cara-1"]


def test_a_change_may_trade(market: AnyMarket) -> None:
    market.found()
    market.order("anna", SELL, 4, 6_850)
    market.order("ben", BUY, 10, 6_800)
    bid = market.seq
    assert market.replace("ben", bid, price_fen=6_900) == [
        ("replaced", bid, 6_900, 10, False),
        ("traded", CLASS_ONE, 6_850, 4, "ben", "anna"),
        ("rested", bid, 6),
    ]
    assert codes(market.replace("ben", bid, tonnes=4)) == ["quantity_already_filled"]
    assert codes(market.replace("ben", bid, tonnes=10)) == ["nothing_to_replace"]
    assert codes(market.replace("anna", bid, tonnes=9)) == ["order_not_open"]
    assert market.replace("ben", bid, tonnes=9) == [("replaced", bid, 6_900, 5, True)]
    assert market.book() == [("buy", 6_900, 5)]


# ---- self-trades ------------------------------------------------------------------------------------------------


def test_ones_own_order_refuses_the_incoming_one(market: AnyMarket) -> None:
    market.found()
    market.order("cara-1", SELL, 10, 6_800)
    assert codes(market.order("cara-2", BUY, 10, 6_800)) == ["self_trade"]


def test_or_goes_where_the_rules_say_so(market: AnyMarket) -> None:
    market.found(self_trade="cancel_resting")
    market.order("cara-1", SELL, 10, 6_790)
    own = market.seq
    market.order("anna", SELL, 5, 6_800)
    fok = market.order("cara-2", BUY, 6, 6_800, TimeInForce.FOK)
    assert fok == [("accepted", market.seq), ("cancelled", market.seq, 6, "fok_unfilled")]
    assert market.order("cara-2", BUY, 6, 6_800) == [
        ("accepted", market.seq),
        ("cancelled", own, 10, "self_trade"),
        ("traded", CLASS_ONE, 6_800, 5, "cara-2", "anna"),
        ("rested", market.seq, 1),
    ]


# ---- controls ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listing", [None, CLASS_ONE])
def test_a_halt_takes_no_orders_and_lets_them_go(market: AnyMarket, listing: AssetCode | None) -> None:
    market.found()
    market.order("anna", SELL, 10, 6_800)
    first = market.seq
    assert market.tell(halt(listing)) == [("halted", listing)]
    assert codes(market.tell(halt(listing))) == ["listing_halted"]
    assert codes(market.order("ben", BUY, 1, 6_800)) == ["listing_halted"]
    assert codes(market.replace("anna", first, tonnes=5)) == ["listing_halted"]
    everything = CancelOrders(participant=ParticipantId("anna"), account=AccountId("anna"))
    assert market.tell(everything)[0] == ("cancelled", first, 10, "requested")
    assert market.tell(resume(listing)) == [("resumed", listing)]
    assert codes(market.tell(resume(listing))) == ["not_halted"]
    assert codes(market.order("ben", BUY, 1, 6_800)) == []


def test_a_restriction_takes_orders_back_and_none_in(market: AnyMarket) -> None:
    market.found()
    market.order("anna", SELL, 10, 6_800)
    first = market.seq
    restricted = RestrictAccount(operator=OLGA, reason="a test", account=AccountId("anna"))
    assert market.tell(restricted) == [("restricted", "anna"), ("cancelled", first, 10, "restricted")]
    assert codes(market.order("anna", SELL, 1, 6_800)) == ["account_restricted"]
    market.tell(LiftRestriction(operator=OLGA, reason="a test", account=AccountId("anna")))
    assert codes(market.order("anna", SELL, 500, 6_800)) == []


def test_a_bust_undoes_a_trade_before_it_is_asked_for(market: AnyMarket) -> None:
    market.found()
    for price_fen in (6_800, 7_000):
        market.order("anna", SELL, 10, price_fen)
        market.order("ben", BUY, 10, price_fen)
    assert market.tell(bust(2)) == [
        ("busted", 2),
        ("revised", CLASS_ONE, 6_800, 6_800, 6_800, 6_800, 10, 68_000),
    ]
    assert market.sellable("anna") == 490
    assert codes(market.tell(bust(2))) == ["trade_not_pending"]
    notes = market.close()
    assert ("prices", CLASS_ONE, 6_800, 6_800, 6_800, 6_800, 10, 68_000) in notes
    assert [note for note in notes if note[0] == "settled"] == [("settled", 1)]
    assert codes(market.tell(bust(1))) == ["trade_not_pending"]


def test_a_narrower_band_takes_back_what_it_leaves_outside(market: AnyMarket) -> None:
    market.found()
    market.order("anna", SELL, 10, 7_400)
    first = market.seq
    market.order("anna", SELL, 10, 7_000)
    notes = market.tell(adopt(change("band_basis_points", 500, market.at_ns)))
    assert notes == [
        ("rules", 2),
        ("band", CLASS_ONE, 6_800, 6_460, 7_140),
        ("cancelled", first, 10, "outside_band"),
    ]


# ---- who, how much, when ----------------------------------------------------------------------------------------


def test_only_kinds_that_are_admitted_trade(market: AnyMarket) -> None:
    market.found(participant_kinds="individual")
    assert codes(market.order("ben", BUY, 1, 6_800)) == ["kind_not_admitted"]


def test_a_limit_counts_what_is_owned_coming_and_bid_for_in_all_accounts(market: AnyMarket) -> None:
    market.found(position_limits="institution 130")
    market.order("anna", SELL, 10, 6_800)
    market.order("cara-2", BUY, 10, 6_800)
    market.order("cara-1", BUY, 10, 6_700)
    bid = market.seq
    assert codes(market.order("cara-2", BUY, 11, 6_700)) == ["position_limit_exceeded"]
    assert codes(market.replace("cara-1", bid, tonnes=21)) == ["position_limit_exceeded"]
    assert codes(market.replace("cara-1", bid, tonnes=20)) == []
    assert codes(market.order("cara-2", BUY, 1, 6_700)) == ["position_limit_exceeded"]


def test_a_large_holder_is_told_of_once(market: AnyMarket) -> None:
    market.found(large_holder_alerts="institution 20")
    market.order("anna", SELL, 40, 6_800)
    told = [market.order("ben", BUY, tonnes, 6_800) for tonnes in (19, 1, 5)]
    large = [[note for note in notes if note[0] == "large holder"] for notes in told]
    assert large == [[], [("large holder", "ben", CLASS_ONE, 20, 20)], []]


@pytest.mark.parametrize(("resale_next_day", "today"), [("yes", 0), ("no", 10)])
def test_what_is_bought_and_received_today(market: AnyMarket, resale_next_day: str, today: int) -> None:
    market.found(settlement_cycle="as_traded", resale_next_day=resale_next_day)
    market.order("anna", SELL, 10, 6_800)
    notes = market.order("ben", BUY, 10, 6_800)
    assert notes[-1] == ("asked", f"dvp-{market.seq}-1", (("L-anna", 10, 1),))
    assert market.answer(f"dvp-{market.seq}-1")[-1] == ("settled", 1)
    assert market.sellable("ben") == today
    assert codes(market.order("ben", SELL, today + 1, 6_800)) == ["insufficient_units"]
    market.close()
    assert market.sellable("ben") == 10


@pytest.mark.parametrize(("method", "close_fen"), [("average", 6_950), ("last_five", 7_000)])
def test_the_closing_price_is_by_its_method(market: AnyMarket, method: str, close_fen: int) -> None:
    market.found(closing_method=method)
    for price_fen in (6_700, 6_900, 6_950, 7_000, 7_050, 7_100):
        market.order("anna", SELL, 10, price_fen)
        market.order("ben", BUY, 10, price_fen)
    (prices,) = (note for note in market.close() if note[0] == "prices")
    assert prices[2:6] == (6_700, 7_100, 6_700, close_fen)


# ---- two persons ------------------------------------------------------------------------------------------------


def test_an_act_waits_for_another_person_and_is_judged_again(market: AnyMarket) -> None:
    market.found(two_person_acts="bust_trade")
    market.order("anna", SELL, 10, 6_800)
    market.order("ben", BUY, 10, 6_800)
    assert market.tell(bust(1)) == [("waits", market.seq, "bust_trade")]
    waiting = market.seq
    assert codes(market.tell(ApproveAct(operator=OLGA, approval_id=waiting))) == ["second_person_needed"]
    market.tell(bust(1))
    assert market.tell(ApproveAct(operator=OTTO, approval_id=market.seq))[:2] == [
        ("approved", market.seq - 1, "bust_trade"),
        ("busted", 1),
    ]
    assert codes(market.tell(ApproveAct(operator=OTTO, approval_id=waiting))) == ["trade_not_pending"]
    silent = DeclineAct(operator=OTTO, approval_id=waiting, reason="")
    assert codes(market.tell(silent)) == ["reason_missing"]
    declined = DeclineAct(operator=OTTO, approval_id=waiting, reason="a test")
    assert market.tell(declined) == [("declined", waiting, "bust_trade")]
    assert codes(market.tell(declined)) == ["approval_unknown"]


def test_rules_need_notice_but_for_an_emergency(market: AnyMarket) -> None:
    market.found(notice_s=60)
    soon = change("tick_fen", 5, market.at_ns + 60 * 10**9 - 1)
    assert codes(market.tell(adopt(soon))) == ["rule_without_notice"]
    assert market.tell(adopt(soon, emergency=True)) == [("rules", 2)]
    market.at_ns = soon.effective_from_ns
    market.tell(AdvanceTime())
    assert codes(market.order("ben", BUY, 1, 6_801)) == ["price_not_on_tick"]


def test_an_emergency_that_waited_takes_effect_when_it_is_approved(market: AnyMarket) -> None:
    market.found(two_person_acts="emergency_rules")
    market.tell(adopt(change("tick_fen", 5, market.at_ns + 1), emergency=True))
    waiting = market.seq
    market.at_ns += 10**9
    assert codes(market.order("ben", BUY, 1, 6_801)) == []
    assert market.tell(ApproveAct(operator=OTTO, approval_id=waiting))[1] == ("rules", 2)
    assert codes(market.order("ben", BUY, 1, 6_801)) == ["price_not_on_tick"]
    past = adopt(change("tick_fen", 1, market.at_ns - 1), emergency=True)
    assert codes(market.tell(past)) == ["rule_backdated"]


# ---- uses -------------------------------------------------------------------------------------------------------


def retry(number: int) -> RetryRetirement:
    return RetryRetirement(operator=OLGA, reason="a test", retirement_id=RetirementId(f"trade-{number}"))


def bought_for_a_use(market: AnyMarket) -> str:
    """Ben has bought ten tonnes for a use and received them; the name under which the registry is to retire them."""
    market.found(settlement_cycle="as_traded")
    market.order("anna", SELL, 10, 6_800)
    market.order("ben", BUY, 10, 6_800, use=USES[0])
    settled = market.answer(f"dvp-{market.seq}-1")
    name = f"use-{market.seq}-1"
    asked = ("asked to retire", name, (("L-anna", 10, None),), "trade-1", USES[0])
    assert settled[1:] == [("settled", 1), asked]
    return name


def test_what_is_bought_for_a_use_is_retired_and_never_for_sale(market: AnyMarket) -> None:
    name = bought_for_a_use(market)
    assert market.amounts("ben", CLASS_ONE) == (0, 0, 10, 0)
    assert codes(market.order("ben", SELL, 1, 6_800)) == ["insufficient_units"]
    retired, certified = market.answer(name)[1:]
    assert retired == ("retired", "trade-1", "ben", 10, USES[0])
    assert certified[2:] == ("trade-1", "ben", "voluntary_offset", 10)
    assert market.amounts("ben", CLASS_ONE) == (0, 0, 0, 10)
    assert codes(market.answer(name)) == ["instruction_unknown"]
    assert codes(market.tell(retry(1))) == ["retirement_not_refused"]


def test_a_refused_retirement_waits_to_be_asked_for_again(market: AnyMarket) -> None:
    name = bought_for_a_use(market)
    assert codes(market.tell(retry(1))) == ["retirement_not_refused"]
    assert market.answer(name, "account_frozen")[1:] == [("not retired", "trade-1", "account_frozen")]
    assert market.amounts("ben", CLASS_ONE) == (0, 0, 10, 0)
    (asked,) = market.tell(retry(1))
    assert asked[:2] == ("asked to retire", f"use-{market.seq}")
    assert market.answer(f"use-{market.seq}")[1] == ("retired", "trade-1", "ben", 10, USES[0])


def test_a_retirement_that_came_too_late_is_asked_for_again_at_once(market: AnyMarket) -> None:
    notes = market.answer(bought_for_a_use(market), "too_late")
    assert [note[:2] for note in notes[1:]] == [
        ("not retired", "trade-1"),
        ("asked to retire", f"use-{market.seq}"),
    ]


def test_the_close_waits_for_what_is_to_be_retired(market: AnyMarket) -> None:
    name = bought_for_a_use(market)
    market.tell(CloseDay(trading_day=FIRST_DAY))
    advance = AdvanceClose(trading_day=FIRST_DAY, portion=100)
    for _ in range(3):
        market.tell(advance)
    waits: list[Note] = [("step", "registry", 0, 1)]
    assert market.tell(advance) == waits
    market.answer(name, "account_frozen")
    market.tell(retry(1))
    assert market.tell(advance) == waits
    market.answer(f"use-{market.seq - 1}")
    assert market.tell(advance) == [("step", "registry", 1, 1)]


def test_a_use_is_of_purchases_and_names_somebody(market: AnyMarket) -> None:
    market.found()
    assert codes(market.order("anna", SELL, 10, 6_800, use=USES[0])) == ["use_of_a_sale"]
    for use in universe.NO_USES:
        assert codes(market.order("ben", BUY, 10, 6_800, use=use)) == ["use_malformed"]


# ---- fees -------------------------------------------------------------------------------------------------------


def test_fees_are_held_with_the_price_rounded_down_and_paid_on_settlement(market: AnyMarket) -> None:
    market.found(fee_buyer_ppm=333, fee_seller_ppm=777)
    market.order("ben", BUY, 7, 6_809)
    assert market.amounts("ben", MONEY)[1] == 47_663 + 15
    market.order("anna", SELL, 3, 6_809)
    assert market.amounts("ben", MONEY)[1:3] == (27_236 + 9, 20_427 + 6)
    market.close()
    assert market.amounts("ben", MONEY) == (10_000_000 - 20_427 - 6, 0, 0, 0)
    assert market.amounts("anna", MONEY)[0] == 10_000_000 + 20_427 - 15
    assert market.amounts(FEES, MONEY) == (6 + 15, 0, 0, 0)


def test_a_resting_order_keeps_its_rate_until_it_is_replaced(market: AnyMarket) -> None:
    market.found(fee_buyer_ppm=1_000)
    market.order("ben", BUY, 10, 6_800)
    bid = market.seq
    market.tell(adopt(change("fee_buyer_ppm", 2_000, market.at_ns)))
    assert market.amounts("ben", MONEY)[1] == 68_068
    market.replace("ben", bid, tonnes=5)
    assert market.amounts("ben", MONEY)[1] == 34_068
    market.replace("ben", bid, price_fen=6_900)
    assert market.amounts("ben", MONEY)[1] == 34_569


def test_a_busted_or_failed_trade_costs_no_fee(market: AnyMarket) -> None:
    market.found(fee_buyer_ppm=1_000, fee_seller_ppm=1_000)
    for _ in range(2):
        market.order("anna", SELL, 10, 6_800)
        market.order("ben", BUY, 10, 6_800)
    market.tell(bust(1))
    market.tell(CloseDay(trading_day=FIRST_DAY))
    for _ in range(3):
        market.tell(AdvanceClose(trading_day=FIRST_DAY, portion=100))
    assert market.answer(f"dvp-{market.seq}-1", "account_frozen")[-1] == ("failed", 2, "account_frozen")
    assert market.amounts("ben", MONEY) == (10_000_000, 0, 0, 0)
    assert market.amounts(FEES, MONEY) == (0, 0, 0, 0)


# ---- the close --------------------------------------------------------------------------------------------------


def test_while_a_day_closes_nothing_is_asked_in_and_no_priced_trade_is_undone(market: AnyMarket) -> None:
    market.found()
    market.order("anna", SELL, 10, 6_800)
    market.order("ben", BUY, 10, 6_800)
    market.tell(RegisterLot(lot=universe.lot("late", CLASS_ONE, (0, 9), "2025-01-01")))
    market.tell(CloseDay(trading_day=FIRST_DAY))
    asked = RequestTransferIn(
        participant=ParticipantId("ben"),
        account=AccountId("ben"),
        client_id="late",
        instrument=CLASS_ONE,
        lots=(LotSlice(lot_id=LotId("late"), serials=((0, 9),)),),
        asked="nine",
    )
    assert codes(market.tell(asked)) == ["phase_closed"]
    for _ in range(2):
        market.tell(AdvanceClose(trading_day=FIRST_DAY, portion=100))
    assert codes(market.tell(bust(1))) == ["close_under_way"]
