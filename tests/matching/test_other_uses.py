"""Uses of owned units for anything but compliance, and money that is earmarked for one."""

from dataclasses import replace

import pytest

from matching.commands import SubmitOrder
from matching.events import Rejected
from matching.order import Side
from settlement.account import ParticipantKind
from settlement.certificate import verify_certificate
from settlement.channels import Channel
from settlement.commands import OpenAccount
from settlement.events import Instruction, InstructionKind, Posted
from settlement.retirement import RetirementPurpose, Use
from settlement.use_events import UseAccepted, UseCompleted, UseRefused
from settlement.values import AccountId, ParticipantId
from tests.matching.driver import CLASS_II, EVENT, LISTING, MONDAY, Driver, order, restrict, withdrawal
from tests.matching.offices import (
    GIFT,
    LAKE,
    certificate,
    designate,
    of,
    office,
    offset,
    parts,
    pending,
    refusal,
    reload,
    retirement,
    withdraw,
)


def class_two(driver: Driver, account: str = "enid") -> tuple[int, int, int]:
    balance = driver.exchange.depository.ledger.balance(AccountId(account), CLASS_II)
    return (balance.available, balance.delivering, balance.retired)


@pytest.mark.parametrize("purpose", RetirementPurpose)
@pytest.mark.parametrize("instrument", [LISTING, CLASS_II])
def test_both_classes_serve_every_other_use(purpose: RetirementPurpose, instrument: str) -> None:
    driver = office()
    use = replace(LAKE, purpose=purpose, statement="as agreed")
    accepted = driver.accepted(retirement(40, use=use, instrument=instrument))[0]
    assert isinstance(accepted, UseAccepted)
    assert (accepted.channel, accepted.compliance_year, accepted.cap) == (Channel(purpose.value), None, None)
    instruction = pending(driver)
    assert (instruction.kind, instruction.use) == (InstructionKind.RETIRE, use)
    assert instruction.compliance is None
    reload(driver)
    events = driver.answer(instruction)
    says = certificate(events).says
    assert (says.purpose, says.compliance_year, says.deadline_ns) == (Channel(purpose.value), None, None)
    assert (says.beneficiary, says.statement) == ("a lake", "as agreed")
    assert verify_certificate(certificate(events))
    totals = [*driver.exchange.using.desk.certificates.accounts.totals()]
    assert [(one.year, one.channel, one.completed_tonnes) for one in totals] == [
        (2026, Channel(purpose.value), 40)
    ]


def test_without_a_code_the_units_the_account_has_are_found() -> None:
    driver = office()
    (accepted, *_) = driver.accepted(retirement(None, of("two", (7, 9)), instrument=None))
    assert isinstance(accepted, UseAccepted)
    assert (accepted.instrument, parts(*accepted.lots)) == (CLASS_II, {"two": ((7, 9),)})
    (accepted, *_) = driver.accepted(retirement(400, instrument=None, client_id="more"))
    assert isinstance(accepted, UseAccepted)
    assert accepted.instrument == CLASS_II  # there are not so many of Class I


def test_anyone_may_use_units_otherwise() -> None:
    driver = office()
    driver.accepted(retirement(10, account="anna"))
    driver.answer(pending(driver))
    assert driver.units("anna").retired == 10
    assert refusal(driver.do(offset(10, account="anna"))) == "client_id_reused"
    assert refusal(driver.do(offset(10, account="anna", client_id="o"))) == "not_a_compliance_entity"


def test_a_refused_or_withdrawn_use_gives_everything_back() -> None:
    driver = office(use_withdrawal_s=60)
    before = driver.exchange.depository.dump()
    (accepted, _) = driver.accepted(retirement(40))
    assert isinstance(accepted, UseAccepted)
    driver.accepted(withdraw(accepted.use_id))
    assert driver.exchange.depository.dump() == before
    driver.adopt(use_withdrawal_s=0)
    driver.accepted(retirement(40, client_id="again"))
    events = driver.answer(pending(driver), "lot_frozen")
    assert isinstance(events[-1], UseRefused)
    assert driver.exchange.depository.dump() == before


# ---- donations --------------------------------------------------------------------------------------------------


def test_a_donation_moves_to_a_welfare_account() -> None:
    driver = office()
    driver.admit("wendy")
    designate(driver, "wendy")
    reload(driver)
    driver.accepted(retirement(None, of("two", (100, 140)), use=GIFT, instrument=None, donate_to="wendy"))
    instruction = pending(driver)
    assert (instruction.kind, instruction.use) == (InstructionKind.DELIVER, None)
    assert {(leg.from_account, leg.to_account) for leg in instruction.legs} == {("enid", "wendy")}
    reload(driver)
    events = driver.answer(instruction)
    assert isinstance(events[2], UseCompleted)
    assert (class_two(driver), class_two(driver, "wendy")) == ((460, 0, 0), (40, 0, 0))
    says = certificate(events).says
    assert (says.donated_to, says.purpose, says.entity) == ("wendy", Channel.DONATION, "enid")
    driver.accepted(retirement(40, use=GIFT, account="wendy", instrument=CLASS_II))  # and is used there
    driver.answer(pending(driver))
    assert class_two(driver, "wendy") == (0, 0, 40)


def test_a_refused_donation_gives_everything_back() -> None:
    driver = office()
    driver.admit("wendy")
    designate(driver, "wendy")
    before = driver.exchange.depository.dump()
    driver.accepted(retirement(40, use=GIFT, donate_to="wendy"))
    driver.answer(pending(driver), "account_frozen")
    assert driver.exchange.depository.dump() == before


def test_an_account_no_longer_designated_takes_no_more_donations() -> None:
    driver = office()
    driver.admit("wendy")
    designate(driver, "wendy")
    designate(driver, "wendy")
    designate(driver, "wendy", designated=False)
    assert refusal(driver.do(retirement(40, use=GIFT, donate_to="wendy"))) == "welfare_account_unknown"


# ---- what each class may be used for ----------------------------------------------------------------------------


def test_the_channel_matrix_is_data() -> None:
    driver = office()
    driver.adopt(use_channels="I: compliance_offset, donation; II: donation")
    assert refusal(driver.do(retirement(40))) == "channel_not_allowed"
    driver.accepted(retirement(40, use=GIFT, client_id="gift"))
    driver.accepted(retirement(40, use=GIFT, instrument=CLASS_II, client_id="gift of II"))
    driver.adopt(use_channels="I: donation")
    events = driver.do(offset(10, client_id="o"))
    assert refusal(events) == "channel_not_allowed"
    assert refusal(driver.do(retirement(9, use=GIFT, instrument=CLASS_II, client_id="II"))) == (
        "channel_not_allowed"
    )


def test_purchases_for_a_use_go_by_the_same_matrix() -> None:
    driver = office()
    driver.adopt(use_channels="I: donation")
    assert refusal(driver.do(order_for(EVENT))) == "channel_not_allowed"
    driver.accepted(order_for(GIFT))


def order_for(use: Use | None, account: str = "enid", *, sell: bool = False) -> SubmitOrder:
    client_id = "none" if use is None else use.purpose
    return order(account, Side.SELL if sell else Side.BUY, 10, 6_800, use=use, client_id=client_id)


# ---- earmarked money --------------------------------------------------------------------------------------------


def earmarked() -> Driver:
    """Lars owes a lake; the money lies in an account of its own."""
    driver = office()
    driver.admit("lars", kind=ParticipantKind.COVERED_ENTITY)
    driver.accepted(
        OpenAccount(
            account=AccountId("lars-lake"),
            owner=ParticipantId("lars"),
            registry_account="registry-lars-lake",
            earmark=RetirementPurpose.DAMAGE_COMPENSATION,
        )
    )
    driver.deposit("lars-lake", 1_000_000)
    return driver


def test_earmarked_money_buys_for_its_purpose_and_the_units_are_retired() -> None:
    driver = earmarked()
    driver.sell("anna", 100, 6_800)
    driver.buy("lars-lake", 100, 6_800, use=LAKE)
    reload(driver)
    events = driver.close()
    posted = [event for event in events if isinstance(event, Posted) and event.to_account == "lars-lake"]
    assert [(event.asset, event.to_bucket) for event in posted] == [
        (LISTING, "delivering"),
        (LISTING, "retired"),
    ]
    says = certificate(tuple(events)).says
    assert (says.reference, says.entity, says.account) == ("trade-1", "lars", "lars-lake")
    assert (says.purpose, says.quantity_tonnes) == (Channel.DAMAGE_COMPENSATION, 100)
    assert says.accepted_at_ns <= says.completed_at_ns
    assert driver.cash("lars-lake").owned == 1_000_000 - 680_000
    totals = [*driver.exchange.using.desk.certificates.accounts.totals()]
    assert [(one.entity, one.channel, one.completed_tonnes) for one in totals] == [
        ("lars", Channel.DAMAGE_COMPENSATION, 100)
    ]


@pytest.mark.parametrize("use", [None, EVENT, GIFT])
def test_earmarked_money_buys_nothing_else(use: Use | None) -> None:
    driver = earmarked()
    assert refusal(driver.do(order_for(use, "lars-lake"))) == "account_earmarked"


def test_an_earmarked_account_does_nothing_else() -> None:
    driver = earmarked()
    for command in (
        retirement(1, account="lars-lake", client_id="r"),
        offset(1, account="lars-lake", client_id="o"),
        order_for(None, "lars-lake", sell=True),
        withdrawal("lars-lake", 1),
    ):
        assert refusal(driver.do(command)) == "account_earmarked"


def test_a_restricted_account_uses_nothing_up() -> None:
    driver = office()
    driver.accepted(restrict("enid"))
    assert driver.do(offset(10)) == (Rejected(code="account_restricted", limit=None, actual="enid"),)
    assert refusal(driver.do(retirement(10, client_id="r"))) == "account_restricted"


def test_a_purchase_for_a_use_is_certified_when_it_is_retired() -> None:
    driver = office()
    driver.sell("anna", 100, 6_800)
    driver.buy("enid", 100, 6_800, use=EVENT)
    asked: list[str] = []

    def refuse_once(instruction: Instruction) -> tuple[str, int | None] | None:
        if instruction.kind is InstructionKind.RETIRE and not asked:
            asked.append("once")
            return ("too_late", None)
        return None

    events = driver.close(refuse=refuse_once)
    issued = certificate(tuple(events))
    assert issued.says.purpose is Channel.VOLUNTARY_OFFSET
    assert issued.says.trading_day == MONDAY
    assert asked
