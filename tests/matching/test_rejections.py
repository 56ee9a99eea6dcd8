"""Every reason to be refused is produced at least once, for real, and a refused command changes nothing.

Each case says which code it claims and builds a command that is refused for it; a reason that no case claims, or a
claim that is not kept, fails a test.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pytest

import matching.rejections
import settlement.cash_rejections
import settlement.custody_rejections
import settlement.mandate_rejections
import settlement.rejections
from matching.acts import SettleCashBreak, SupersedeBankStatement
from matching.close_events import IssuedStatement
from matching.commands import (
    AddListing,
    AdvanceClose,
    AnnounceCalendar,
    CloseDay,
    Command,
    IssueStatements,
    OpenDay,
    RecordReconciliation,
)
from matching.events import CloseStep, Rejected
from matching.listing import Listing
from matching.order import Side
from matching.safety_commands import (
    EndConnection,
    KillScope,
    LiftKillSwitch,
    SetDeadMan,
    ThrowKillSwitch,
    WatchConnection,
)
from matching.session import NS
from matching.state import ExchangeState
from settlement.account import ParticipantKind
from settlement.bank_statement import BankStatement, CashBreakId, StatementLine
from settlement.commands import (
    AddInstrument,
    ClientCommand,
    OpenAccount,
    RecordBankStatement,
    RegisterLot,
    RegisterParticipant,
)
from settlement.depository import MAX_PIECES
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import MethodologyClass
from settlement.rejections import Reason, Unit
from settlement.serials import SerialRange
from settlement.values import AccountId, AssetCode, LotId, ParticipantId, TradingDay
from tests.matching import custody_claims, mandate_claims, negotiated_claims, subject_claims
from tests.matching.driver import (
    CLASS_II,
    EVENT,
    LISTING,
    MONDAY,
    OLGA,
    RULES,
    TUESDAY,
    Driver,
    adopt,
    approve,
    bust,
    cancel,
    cancel_all,
    change,
    decline,
    deposit,
    halt,
    lift,
    lot,
    open_market,
    order,
    paid,
    replace_order,
    resolve,
    restrict,
    resume,
    retry,
    returned,
    shanghai_market,
    transfer_in,
    weekdays,
    withdrawal,
)

TOLD_OTHERWISE: Final = frozenset({"review_refused", "proceeds_lost"})
"""Reasons for which no command is refused: why the exchange ended a transfer that it reviewed (`test_negotiation`), or
whose buyer will not receive what it relied on (`test_proceeds`)."""
REASONS: Final = (
    *settlement.rejections.REASONS,
    *settlement.cash_rejections.REASONS,
    *settlement.custody_rejections.REASONS,
    *settlement.mandate_rejections.REASONS,
    *matching.rejections.REASONS,
)
BUY, SELL = Side.BUY, Side.SELL
KIND = ParticipantKind.INSTITUTION

Case = Callable[[], tuple[Driver, Command]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One case and the code it claims to produce."""

    code: str
    name: str
    case: Case


CLAIMS: list[Claim] = []


def produces(code: str) -> Callable[[Case], Case]:
    """Enter a case into the register."""

    def enter(case: Case) -> Case:
        CLAIMS.append(Claim(code=code, name=case.__name__, case=case))
        return case

    return enter


def market(**rules: int | str) -> Driver:
    """Anna has 500 t, Ben 1,000,000 fen, Cara owns two accounts with both."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=500)
    driver.admit("ben", fen=1_000_000)
    driver.admit("cara-1", fen=1_000_000)
    driver.admit("cara-2", tonnes=500)
    return driver


def buy(price_fen: int = 6_800, tonnes: int = 10, account: str = "ben") -> Command:
    return order(account, BUY, tonnes, price_fen)


def lots(*serials: SerialRange, name: str = "L-anna") -> tuple[LotSlice, ...]:
    return (LotSlice(lot_id=LotId(name), serials=serials),)


def unfounded() -> Driver:
    """Rules but for one, a calendar and an instrument; no listing, no day."""
    driver = Driver()
    driver.adopt(**{name: value for name, value in RULES.items() if name != "depth_levels"})
    driver.accepted(AnnounceCalendar(announcement=weekdays("2026-11-16", 28)))
    instrument = Instrument(code=LISTING, methodology_class=MethodologyClass.I)
    driver.accepted(AddInstrument(instrument=instrument))
    return driver


# ---- settlement -------------------------------------------------------------------------------------------------


@produces("account_unknown")
def an_order_for_no_account() -> tuple[Driver, Command]:
    return market(), buy(account="nobody")


@produces("account_unknown")
def a_cancel_for_no_account() -> tuple[Driver, Command]:
    return market(), cancel("nobody", 1)


@produces("account_unknown")
def a_deposit_for_no_account() -> tuple[Driver, Command]:
    return market(), deposit("nobody", 5)


@produces("account_exists")
def an_account_that_exists() -> tuple[Driver, Command]:
    command = OpenAccount(account=AccountId("anna"), owner=ParticipantId("ben"), registry_account="new")
    return market(), command


@produces("registry_account_bound")
def a_registry_account_of_another() -> tuple[Driver, Command]:
    command = OpenAccount(
        account=AccountId("new"), owner=ParticipantId("ben"), registry_account="registry-anna"
    )
    return market(), command


@produces("participant_unknown")
def an_account_of_nobody() -> tuple[Driver, Command]:
    command = OpenAccount(account=AccountId("new"), owner=ParticipantId("nobody"), registry_account="new")
    return market(), command


@produces("participant_exists")
def a_participant_twice() -> tuple[Driver, Command]:
    return market(), RegisterParticipant(participant=ParticipantId("cara"), kind=KIND)


@produces("not_your_account")
def an_order_for_anothers_account() -> tuple[Driver, Command]:
    return market(), order("ben", BUY, 1, 6_800, participant="anna")


@produces("not_your_account")
def a_cancel_for_anothers_account() -> tuple[Driver, Command]:
    return market(), cancel("ben", 1, participant="anna")


@produces("not_your_account")
def a_mass_cancel_for_anothers_account() -> tuple[Driver, Command]:
    return market(), replace(cancel_all("ben"), participant=ParticipantId("anna"))


@produces("not_your_account")
def a_transfer_to_anothers_account() -> tuple[Driver, Command]:
    return market(), transfer_in("ben", lots((1, 2)), participant="anna")


@produces("client_id_reused")
def another_order_under_the_same_id() -> tuple[Driver, Command]:
    driver = market()
    driver.do(buy(6_800))
    return driver, buy(6_801)


@produces("client_id_reused")
def another_transfer_under_the_same_id() -> tuple[Driver, Command]:
    driver = market()
    driver.do(transfer_in("anna", lots((1, 2))))
    return driver, transfer_in("anna", lots((1, 3)))


@produces("deadline_passed")
def an_order_after_its_deadline() -> tuple[Driver, Command]:
    driver = market()
    return driver, order("ben", BUY, 1, 6_800, deadline_ns=driver.at_ns - 1)


@produces("deadline_passed")
def a_cancel_after_its_deadline() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace(cancel("ben", driver.buy("ben", 1, 6_800)), deadline_ns=driver.at_ns - 1)


@produces("deadline_passed")
def a_mass_cancel_after_its_deadline() -> tuple[Driver, Command]:
    driver = market()
    driver.buy("ben", 1, 6_800)
    return driver, replace(cancel_all("ben"), deadline_ns=driver.at_ns - 1)


@produces("instrument_unknown")
def a_listing_of_no_instrument() -> tuple[Driver, Command]:
    return market(), AddListing(listing=Listing(code=AssetCode("X"), first_reference_price_fen=5))


@produces("instrument_unknown")
def a_transfer_of_no_instrument() -> tuple[Driver, Command]:
    return market(), transfer_in("anna", lots((1, 2)), instrument="X")


@produces("instrument_exists")
def an_instrument_twice() -> tuple[Driver, Command]:
    instrument = Instrument(code=LISTING, methodology_class=MethodologyClass.II)
    return market(), AddInstrument(instrument=instrument)


@produces("lot_exists")
def another_lot_under_the_same_name() -> tuple[Driver, Command]:
    return market(), RegisterLot(lot=lot("L-anna", (1, 5)))


@produces("lot_class_differs")
def a_class_ii_lot_under_a_class_i_code() -> tuple[Driver, Command]:
    return market(), RegisterLot(lot=lot("new", methodology_class=MethodologyClass.II))


@produces("lot_unknown")
def a_transfer_of_no_lot() -> tuple[Driver, Command]:
    return market(), transfer_in("anna", lots((1, 2), name="no-such-lot"))


@produces("lot_unknown")
def a_transfer_of_a_lot_under_another_code() -> tuple[Driver, Command]:
    return market(), transfer_in("anna", lots((1, 2)), instrument=CLASS_II)


@produces("serials_malformed")
def a_transfer_of_serials_outside_their_lot() -> tuple[Driver, Command]:
    return market(), transfer_in("anna", lots((500, 502)))


@produces("serials_malformed")
def a_transfer_of_nothing() -> tuple[Driver, Command]:
    return market(), transfer_in("anna", ())


@produces("serials_already_here")
def a_transfer_of_what_is_here() -> tuple[Driver, Command]:
    return market(), transfer_in("ben", lots((1, 2)))


@produces("amount_not_positive")
def a_deposit_of_nothing() -> tuple[Driver, Command]:
    return market(), deposit("ben", 0)


@produces("bank_reference_reused")
def one_payment_twice() -> tuple[Driver, Command]:
    driver = market()
    driver.do(deposit("ben", 5, client_id="1", reference="r"))
    return driver, deposit("ben", 5, client_id="2", reference="r")


@produces("amount_not_positive")
def a_withdrawal_of_nothing() -> tuple[Driver, Command]:
    return market(), withdrawal("ben", 0)


@produces("amount_above_withdrawable")
def a_withdrawal_of_one_fen_too_much() -> tuple[Driver, Command]:
    return market(), withdrawal("ben", 1_000_001)


@produces("amount_above_withdrawable")
def a_withdrawal_of_what_an_order_holds() -> tuple[Driver, Command]:
    driver = market()
    driver.do(buy(6_800, 10))
    return driver, withdrawal("ben", 1_000_000 - 67_999)


@produces("account_restricted")
def a_withdrawal_from_a_restricted_account() -> tuple[Driver, Command]:
    driver = market()
    driver.do(restrict("ben"))
    return driver, withdrawal("ben", 1)


@produces("not_your_account")
def a_withdrawal_from_anothers_account() -> tuple[Driver, Command]:
    return market(), withdrawal("ben", 1, participant="anna-owner")


@produces("withdrawal_unknown")
def a_payment_nobody_asked_for() -> tuple[Driver, Command]:
    return market(), paid("ben", "wd-1")


@produces("withdrawal_unknown")
def a_payment_told_of_the_wrong_account() -> tuple[Driver, Command]:
    driver = market()
    driver.do(withdrawal("ben", 5))
    return driver, paid("anna", f"wd-{driver.seq}")


@produces("withdrawal_ended")
def a_payment_told_twice_under_two_ids() -> tuple[Driver, Command]:
    driver = market()
    driver.do(withdrawal("ben", 5))
    name = f"wd-{driver.seq}"
    driver.do(paid("ben", name))
    return driver, paid("ben", name, client_id="again", reference="another")


@produces("withdrawal_ended")
def a_payment_told_returned_afterwards() -> tuple[Driver, Command]:
    driver = market()
    driver.do(withdrawal("ben", 5))
    name = f"wd-{driver.seq}"
    driver.do(paid("ben", name))
    return driver, returned("ben", name)


@produces("bank_reference_reused")
def a_payment_under_the_reference_of_a_deposit() -> tuple[Driver, Command]:
    driver = market()
    driver.do(deposit("ben", 5, reference="r"))
    driver.do(withdrawal("ben", 5))
    return driver, paid("ben", f"wd-{driver.seq}", reference="r")


def with_statement() -> tuple[Driver, BankStatement]:
    """What Ben paid in is on a statement; the next one is at hand."""
    driver = open_market()
    driver.admit("ben")
    driver.do(deposit("ben", 500, reference="in-1"))
    first = BankStatement(
        statement_id="S1",
        bank_account="DEMO-SETTLEMENT-1",
        from_ns=0,
        until_ns=driver.at_ns,
        opening_fen=0,
        closing_fen=500,
        lines=(StatementLine(reference="in-1", amount_fen=500),),
        digest="1",
    )
    driver.accepted(RecordBankStatement(operator=ParticipantId("bank"), statement=first))
    following = replace(
        first,
        statement_id="S2",
        from_ns=driver.at_ns,
        until_ns=driver.at_ns + 1,
        opening_fen=500,
        lines=(),
        digest="2",
    )
    return driver, following


def told(statement: BankStatement) -> Command:
    return RecordBankStatement(operator=ParticipantId("bank"), statement=statement)


@produces("bank_account_differs")
def a_statement_of_another_account() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    return driver, told(replace(statement, bank_account="another"))


@produces("bank_account_differs")
def a_statement_before_there_is_an_account() -> tuple[Driver, Command]:
    _, statement = with_statement()
    return open_market(settlement_account="none"), told(statement)


@produces("statement_reused")
def two_statements_of_one_number() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    return driver, told(replace(statement, statement_id="S1"))


@produces("statement_line_of_nothing")
def a_statement_with_a_line_of_nothing() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    return driver, told(replace(statement, lines=(StatementLine(reference="x", amount_fen=0),)))


@produces("statement_unbalanced")
def a_statement_with_one_changed_amount() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    return driver, told(replace(statement, lines=(StatementLine(reference="x", amount_fen=1),)))


@produces("statement_period")
def a_statement_of_a_day_that_was_told() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    return driver, told(replace(statement, from_ns=statement.from_ns - 1))


@produces("statement_gap")
def a_statement_after_one_that_is_missing() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    return driver, told(replace(statement, opening_fen=501, closing_fen=501))


@produces("cash_in_dispute")
def a_withdrawal_of_disputed_money() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    driver.do(deposit("ben", 7, client_id="2", reference="in-2"))
    driver.accepted(told(replace(statement, until_ns=driver.at_ns + 1)))
    return driver, withdrawal("ben", 1)


@produces("cash_break_not_open")
def settling_a_difference_that_is_not_there() -> tuple[Driver, Command]:
    act = SettleCashBreak(operator=ParticipantId("olga"), reason="x", break_id=CashBreakId(1))
    return market(), act


@produces("statement_not_last")
def superseding_a_statement_with_one_after_it() -> tuple[Driver, Command]:
    driver, statement = with_statement()
    driver.accepted(told(statement))
    return driver, SupersedeBankStatement(operator=ParticipantId("olga"), reason="x", statement_id="S1")


@produces("insufficient_cash")
def a_buy_without_the_money() -> tuple[Driver, Command]:
    return market(), buy(tonnes=200)


@produces("insufficient_units")
def a_sell_without_the_units() -> tuple[Driver, Command]:
    return market(), order("anna", SELL, 501, 6_800)


@produces("instruction_unknown")
def an_answer_to_no_question() -> tuple[Driver, Command]:
    return market(), resolve("in-1")


# ---- matching ---------------------------------------------------------------------------------------------------


@produces("listing_unknown")
def an_order_for_no_listing() -> tuple[Driver, Command]:
    return market(), order("ben", BUY, 1, 6_800, listing="X")


@produces("listing_unknown")
def a_mass_cancel_for_no_listing() -> tuple[Driver, Command]:
    return market(), cancel_all("ben", listing="X")


@produces("listing_exists")
def a_listing_twice() -> tuple[Driver, Command]:
    return market(), AddListing(listing=Listing(code=LISTING, first_reference_price_fen=5))


@produces("phase_closed")
def an_order_before_the_market_opens() -> tuple[Driver, Command]:
    driver = shanghai_market()
    driver.admit("ben", fen=1_000_000)
    return driver, buy()


@produces("phase_closed")
def a_cancel_in_the_night() -> tuple[Driver, Command]:
    driver = shanghai_market()
    driver.admit("ben")
    return driver, cancel("ben", 1)


@produces("phase_closed")
def a_mass_cancel_during_the_close() -> tuple[Driver, Command]:
    driver = market()
    driver.buy("ben", 1, 6_800)
    driver.do(CloseDay(trading_day=MONDAY))
    return driver, cancel_all("ben")


@produces("price_not_on_tick")
def a_price_between_two_ticks() -> tuple[Driver, Command]:
    return market(tick_fen=5), buy(6_801)


@produces("price_not_on_tick")
def a_listing_below_one_tick() -> tuple[Driver, Command]:
    return market(tick_fen=5), AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=4))


@produces("price_outside_band")
def a_price_outside_the_band() -> tuple[Driver, Command]:
    return market(), buy(7_481)


@produces("quantity_below_minimum")
def an_order_below_the_minimum() -> tuple[Driver, Command]:
    return market(listed_min_tonnes=10), buy(tonnes=9)


@produces("quantity_above_maximum")
def an_order_above_the_maximum() -> tuple[Driver, Command]:
    return market(), buy(tonnes=100_000)


@produces("quantity_not_in_lots")
def an_order_of_half_a_trading_unit() -> tuple[Driver, Command]:
    return market(lot_tonnes=10), buy(tonnes=15)


@produces("self_trade")
def an_order_that_meets_its_own_owner() -> tuple[Driver, Command]:
    driver = market()
    driver.sell("cara-2", 5, 6_800)
    return driver, buy(account="cara-1")


@produces("statements_not_due")
def statements_of_a_day_that_trades() -> tuple[Driver, Command]:
    statements = (IssuedStatement(account=AccountId("anna"), digest="0"),)
    return market(), IssueStatements(trading_day=MONDAY, statements=statements)


@produces("order_not_open")
def a_cancel_of_no_order() -> tuple[Driver, Command]:
    return market(), cancel("ben", 1)


@produces("order_not_open")
def a_cancel_of_anothers_order() -> tuple[Driver, Command]:
    driver = market()
    return driver, cancel("anna", driver.buy("ben", 1, 6_800))


@produces("order_not_open")
def a_cancel_of_a_cancelled_order() -> tuple[Driver, Command]:
    driver = market()
    again = cancel("ben", driver.buy("ben", 1, 6_800))
    driver.accepted(again)
    return driver, again


@produces("rule_faulty")
def a_rule_nobody_knows() -> tuple[Driver, Command]:
    driver = market()
    changes = (change("tick_fen", 5, driver.at_ns), change("no_such_rule", 1, driver.at_ns))
    return driver, adopt(*changes)


@produces("rule_backdated")
def a_rule_for_yesterday() -> tuple[Driver, Command]:
    driver = market()
    return driver, adopt(change("tick_fen", 5, driver.at_ns - 1))


@produces("rules_incomplete")
def a_day_without_all_rules() -> tuple[Driver, Command]:
    return unfounded(), OpenDay(trading_day=MONDAY)


@produces("rules_incomplete")
def a_listing_without_all_rules() -> tuple[Driver, Command]:
    return unfounded(), AddListing(listing=Listing(code=LISTING, first_reference_price_fen=6_800))


@produces("calendar_malformed")
def a_calendar_of_no_dates() -> tuple[Driver, Command]:
    announcement = replace(weekdays("2027-01-04", 5), trading_days=(TradingDay("2027-02-30"),))
    return market(), AnnounceCalendar(announcement=announcement)


@produces("calendar_not_announced")
def a_close_into_the_unknown() -> tuple[Driver, Command]:
    driver = Driver()
    driver.found()
    driver.open(TradingDay("2026-12-11"))
    day = driver.exchange.trading_day
    assert day is not None
    driver.accepted(CloseDay(trading_day=day))
    commands = driver.close_commands()
    while driver.exchange.close_step is not CloseStep.ROLL_DATE:
        driver.accepted(next(commands))
    return driver, AdvanceClose(trading_day=day, portion=1)


@produces("not_a_trading_day")
def a_day_that_is_none() -> tuple[Driver, Command]:
    driver = Driver()
    driver.found()
    return driver, OpenDay(trading_day=TradingDay("2026-11-22"))


@produces("day_already_open")
def a_day_after_the_first() -> tuple[Driver, Command]:
    return market(), OpenDay(trading_day=TUESDAY)


@produces("day_not_open")
def a_close_of_another_day() -> tuple[Driver, Command]:
    return market(), CloseDay(trading_day=TUESDAY)


@produces("day_not_open")
def an_advance_of_no_close() -> tuple[Driver, Command]:
    return market(), AdvanceClose(trading_day=MONDAY, portion=1)


@produces("day_not_open")
def an_advance_by_nothing() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    return driver, AdvanceClose(trading_day=MONDAY, portion=0)


@produces("day_not_open")
def a_transfer_before_the_first_day() -> tuple[Driver, Command]:
    driver = Driver()
    driver.found()
    driver.admit("anna")
    driver.accepted(RegisterLot(lot=lot("L-anna")))
    return driver, transfer_in("anna", lots((1, 2)))


@produces("session_in_progress")
def a_close_by_hand_where_the_clock_closes() -> tuple[Driver, Command]:
    return shanghai_market(), CloseDay(trading_day=MONDAY)


@produces("close_under_way")
def a_close_twice() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    return driver, CloseDay(trading_day=MONDAY)


@produces("not_reconciling")
def a_comparison_nobody_asked_for() -> tuple[Driver, Command]:
    command = RecordReconciliation(trading_day=MONDAY, breaks=0, digest_here="", digest_there="")
    return market(), command


@produces("not_reconciling")
def a_comparison_too_early_in_the_close() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(CloseDay(trading_day=MONDAY))
    command = RecordReconciliation(trading_day=MONDAY, breaks=0, digest_here="", digest_there="")
    return driver, command


@produces("order_not_open")
def a_change_of_no_order() -> tuple[Driver, Command]:
    return market(), replace_order("ben", 1, price_fen=6_800)


@produces("order_not_open")
def a_change_of_anothers_order() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace_order("anna", driver.buy("ben", 1, 6_800), quantity_tonnes=2)


@produces("nothing_to_replace")
def a_change_that_changes_nothing() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace_order("ben", driver.buy("ben", 2, 6_800), price_fen=6_800, quantity_tonnes=2)


@produces("quantity_already_filled")
def a_change_to_what_has_been_filled() -> tuple[Driver, Command]:
    driver = market()
    standing = driver.buy("ben", 5, 6_800)
    driver.sell("anna", 3, 6_800)
    return driver, replace_order("ben", standing, quantity_tonnes=3)


@produces("listing_halted")
def an_order_for_a_halted_listing() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(halt(LISTING))
    return driver, buy()


@produces("listing_halted")
def an_order_in_a_halted_market() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(halt())
    return driver, buy()


@produces("listing_halted")
def a_halt_of_a_halted_market() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(halt())
    return driver, halt()


@produces("listing_unknown")
def a_halt_of_no_listing() -> tuple[Driver, Command]:
    return market(), halt("X")


@produces("not_halted")
def a_listing_resumed_that_trades() -> tuple[Driver, Command]:
    return market(), resume(LISTING)


@produces("not_halted")
def a_listing_resumed_while_the_whole_market_is_halted() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(halt())
    return driver, resume(LISTING)


@produces("account_restricted")
def an_order_of_a_restricted_account() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(restrict("ben"))
    return driver, buy()


@produces("account_restricted")
def a_restriction_twice() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(restrict("ben"))
    return driver, restrict("ben")


@produces("account_unknown")
def a_restriction_of_no_account() -> tuple[Driver, Command]:
    return market(), restrict("nobody")


@produces("not_restricted")
def a_restriction_lifted_that_was_none() -> tuple[Driver, Command]:
    return market(), lift("ben")


@produces("kill_switch_on")
def an_order_under_a_kill_switch() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(kill(KillScope.PARTICIPANT, "ben"))
    return driver, buy()


@produces("kill_switch_on")
def a_kill_switch_twice() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(kill(KillScope.MARKET))
    return driver, kill(KillScope.MARKET)


@produces("kill_switch_not_on")
def a_kill_switch_lifted_that_was_not_on() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(kill(KillScope.MARKET))
    return driver, LiftKillSwitch(
        operator=ParticipantId(OLGA), reason="a test", scope=KillScope.ACCOUNT, subject="ben"
    )


@produces("account_unknown")
def a_kill_switch_of_no_account() -> tuple[Driver, Command]:
    return market(), kill(KillScope.ACCOUNT, "nobody")


@produces("participant_unknown")
def a_kill_switch_of_no_participant() -> tuple[Driver, Command]:
    return market(), kill(KillScope.PARTICIPANT, "nobody")


@produces("connection_unknown")
def a_connection_that_nobody_watches() -> tuple[Driver, Command]:
    return market(), EndConnection(connection="c1", clean=False)


@produces("not_your_account")
def a_dead_man_for_somebody_else() -> tuple[Driver, Command]:
    return market(), dead_man("anna", 5, participant="ben")


@produces("deadline_passed")
def a_dead_man_that_comes_too_late() -> tuple[Driver, Command]:
    driver = market()
    return driver, dead_man("ben", 5, deadline_ns=driver.at_ns - 1)


@produces("account_unknown")
def a_connection_of_no_account() -> tuple[Driver, Command]:
    owner = ParticipantId("ben")
    return market(), WatchConnection(
        participant=owner, account=AccountId("nobody"), key="k", connection="c", grace_s=3
    )


def kill(scope: KillScope, subject: str = "") -> ThrowKillSwitch:
    return ThrowKillSwitch(operator=ParticipantId(OLGA), reason="a test", scope=scope, subject=subject)


def dead_man(
    account: str, timeout_s: int, *, participant: str | None = None, deadline_ns: int | None = None
) -> SetDeadMan:
    return SetDeadMan(
        participant=ParticipantId(participant or account),
        account=AccountId(account),
        key="k",
        timeout_s=timeout_s,
        deadline_ns=deadline_ns,
    )


@produces("kind_not_admitted")
def an_order_of_a_kind_that_may_not_trade() -> tuple[Driver, Command]:
    return market(participant_kinds="covered_entity, individual"), buy()


@produces("position_limit_exceeded")
def a_purchase_above_the_position_limit() -> tuple[Driver, Command]:
    return market(position_limits="institution 9"), buy(tonnes=10)


@produces("position_limit_exceeded")
def a_purchase_above_the_limit_spread_over_two_accounts() -> tuple[Driver, Command]:
    return market(position_limits="institution 509"), buy(tonnes=10, account="cara-1")


@produces("trade_not_pending")
def a_bust_of_no_trade() -> tuple[Driver, Command]:
    return market(), bust(1)


@produces("trade_not_pending")
def a_bust_of_a_trade_the_registry_was_asked_for() -> tuple[Driver, Command]:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 1, 6_800)
    driver.do(buy(tonnes=1))
    return driver, bust(1)


@produces("reason_missing")
def a_halt_without_a_reason() -> tuple[Driver, Command]:
    return market(), replace(halt(), reason="")


@produces("reason_missing")
def a_rule_without_a_reason() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace(adopt(change("tick_fen", 5, driver.at_ns)), reason="")


@produces("reason_missing")
def an_act_declined_without_a_reason() -> tuple[Driver, Command]:
    driver = market(two_person_acts="halt")
    driver.accepted(halt())
    return driver, decline(driver.seq, reason="")


@produces("rule_without_notice")
def a_rule_a_moment_too_early() -> tuple[Driver, Command]:
    driver = market(notice_s=60)
    return driver, adopt(change("tick_fen", 5, driver.at_ns + 60 * NS - 1))


@produces("rule_backdated")
def an_emergency_rule_for_yesterday() -> tuple[Driver, Command]:
    driver = market()
    return driver, adopt(change("tick_fen", 5, driver.at_ns - 1), emergency=True)


@produces("close_under_way")
def a_bust_after_the_closing_prices() -> tuple[Driver, Command]:
    driver = market()
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800)
    driver.accepted(CloseDay(trading_day=MONDAY))
    while driver.exchange.close_step is not CloseStep.OBLIGATIONS:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
    return driver, bust(1)


@produces("phase_closed")
def a_transfer_in_during_the_close() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(RegisterLot(lot=lot("new", (1, 9))))
    driver.accepted(CloseDay(trading_day=MONDAY))
    return driver, transfer_in("anna", lots((1, 9), name="new"))


@produces("lot_in_too_many_pieces")
def a_lot_in_crumbs() -> tuple[Driver, Command]:
    driver = market()
    driver.accepted(RegisterLot(lot=lot("crumbs", (0, 4 * MAX_PIECES))))
    crumbs = [(2 * n, 2 * n + 1) for n in range(MAX_PIECES + 1)]
    driver.transfer_in("anna", "crumbs", tuple(crumbs[:-1]))
    return driver, transfer_in("ben", lots(crumbs[-1], name="crumbs"))


@produces("approval_unknown")
def an_approval_of_nothing() -> tuple[Driver, Command]:
    return market(), approve(1)


@produces("approval_unknown")
def nothing_declined() -> tuple[Driver, Command]:
    return market(), decline(1)


@produces("second_person_needed")
def an_approval_of_ones_own_act() -> tuple[Driver, Command]:
    driver = market(two_person_acts="halt")
    driver.accepted(halt())
    return driver, approve(driver.seq, operator="olga")


@produces("use_of_a_sale")
def a_sale_for_a_use() -> tuple[Driver, Command]:
    return market(), order("anna", SELL, 10, 6_800, use=EVENT)


@produces("use_of_a_sale")
def a_sale_for_a_use_at_no_price() -> tuple[Driver, Command]:
    return market(), order("anna", SELL, 0, 0, use=EVENT)


@produces("use_malformed")
def a_use_for_nobody() -> tuple[Driver, Command]:
    return market(), order("ben", BUY, 10, 6_800, use=replace(EVENT, beneficiary=" "))


@produces("use_malformed")
def a_use_with_a_statement_too_long() -> tuple[Driver, Command]:
    return market(), order("ben", BUY, 10, 6_800, use=replace(EVENT, statement="x" * 501))


@produces("use_malformed")
def a_use_with_a_line_break() -> tuple[Driver, Command]:
    return market(), order("ben", BUY, 10, 6_800, use=replace(EVENT, beneficiary="a\nb"))


@produces("insufficient_cash")
def a_purchase_whose_fee_is_not_covered() -> tuple[Driver, Command]:
    return market(fee_buyer_ppm=1_000), buy(tonnes=147)


@produces("insufficient_cash")
def a_smaller_order_at_a_fee_that_is_not_covered() -> tuple[Driver, Command]:
    driver = market()
    order_id = driver.buy("ben", 147, 6_800)
    driver.adopt(fee_buyer_ppm=100_000)
    return driver, replace_order("ben", order_id, quantity_tonnes=146)


@produces("retirement_not_refused")
def no_retirement_asked_again() -> tuple[Driver, Command]:
    return market(), retry("trade-1")


@produces("retirement_not_refused")
def a_retirement_asked_again_while_it_is_asked() -> tuple[Driver, Command]:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800, EVENT)
    (delivery,) = driver.exchange.pending_instructions()
    driver.answer(delivery)
    return driver, retry("trade-1")


@produces("retirement_not_refused")
def a_completed_retirement_asked_again() -> tuple[Driver, Command]:
    driver, _ = a_retirement_asked_again_while_it_is_asked()
    (asked,) = driver.exchange.pending_instructions()
    driver.answer(asked)
    return driver, retry("trade-1")


@produces("reason_missing")
def a_retirement_asked_again_without_a_reason() -> tuple[Driver, Command]:
    return market(), replace(retry("trade-1"), reason="")


# ---- the tests --------------------------------------------------------------------------------------------------


CLAIMS.extend(Claim(code=code, name=case.__name__, case=case) for code, case in negotiated_claims.CASES)
CLAIMS.extend(Claim(code=code, name=case.__name__, case=case) for code, case in custody_claims.CASES)
CLAIMS.extend(Claim(code=code, name=case.__name__, case=case) for code, case in mandate_claims.CASES)
CLAIMS.extend(Claim(code=code, name=case.__name__, case=case) for code, case in subject_claims.CASES)


def but_for_the_attempt(state: ExchangeState, before: ExchangeState) -> ExchangeState:
    """A later state without what a refusal may leave: that it was attempted."""
    return replace(state, seq=before.seq, at_ns=before.at_ns, client_ids=before.client_ids)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.code}-{claim.name}")
def test_a_command_is_refused_for_its_reason_and_changes_nothing(claim: Claim) -> None:
    driver, command = claim.case()
    before = driver.exchange.dump()
    (refused,) = driver.do(command)
    assert isinstance(refused, Rejected)
    assert refused.code == claim.code
    after = driver.exchange.dump()
    assert but_for_the_attempt(after, before) == before
    used = after.client_ids[len(before.client_ids) :]
    assert after.client_ids[: len(before.client_ids)] == before.client_ids
    decided = isinstance(command, ClientCommand) and claim.code not in {
        "not_your_account",
        "not_mandated",
        "personal_data_restricted",
        "client_id_reused",
    }
    known = isinstance(command, ClientCommand) and (
        command.account in driver.exchange.depository.accounts or command.id_space == "bank"
    )
    assert [one.first_seq for one in used] == ([after.seq] if decided and known else [])


def test_every_reason_is_really_produced() -> None:
    produced = set()
    for claim in CLAIMS:
        driver, command = claim.case()
        produced |= {event.code for event in driver.do(command) if isinstance(event, Rejected)}
    assert produced | TOLD_OTHERWISE == {reason.code for reason in REASONS}


def test_codes_are_unique() -> None:
    codes = [reason.code for reason in REASONS]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
def test_a_reason_is_told_in_both_languages_with_its_source(reason: Reason) -> None:
    for chinese in (reason.zh, reason.remedy_zh):
        assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese)
    for english in (reason.en, reason.remedy_en, reason.source):
        assert english.isascii() or english.replace("’", "'").isascii()
        assert english.strip() == english != ""
    assert reason.pointer == "" or reason.pointer.startswith("/")
    assert reason.code == reason.code.lower()
    assert isinstance(reason.unit, Unit)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.code}-{claim.name}")
def test_figures_are_of_the_reasons_unit(claim: Claim) -> None:
    driver, command = claim.case()
    (refused,) = driver.do(command)
    assert isinstance(refused, Rejected)
    unit = next(reason.unit for reason in REASONS if reason.code == refused.code)
    if unit is not Unit.TEXT:
        assert isinstance(refused.actual, int)
        assert isinstance(refused.limit, int | tuple)
