"""Every life-cycle table there is has a test that walks all of its pairs; a new table must bring one."""

import ast
from pathlib import Path

import pytest

import matching
import settlement
from matching.close_events import IssuedStatement
from matching.closing import STEPS
from matching.commands import AdvanceClose, CloseDay, IssueStatements, RecordReconciliation
from matching.events import CloseStep, CloseStepAdvanced, Rejected
from tests.matching.driver import MONDAY, Driver, open_market, resolve

WALKED = {
    "settlement/delivery.py": "tests/settlement/test_delivery.py",
    "settlement/retirement.py": "tests/settlement/test_retirement.py",
    "settlement/claim.py": "tests/settlement/test_claim.py",
    "settlement/removal.py": "tests/settlement/test_removal.py",
    "settlement/use.py": "tests/settlement/test_use.py",
    "settlement/treasury.py": "tests/settlement/test_treasury.py",
    "matching/negotiated.py": "tests/matching/test_negotiated.py",
    "matching/order.py": "tests/matching/test_order.py",
}
"""Modules with a table of states and steps, and the tests that walk it."""
ROOT = Path(__file__).parents[2]


def modules() -> list[Path]:
    return [
        path
        for package in (matching, settlement)
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py"))
    ]


def test_every_table_is_walked() -> None:
    with_table = {
        path.relative_to(ROOT).as_posix()
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "LIFE"
    }
    assert with_table == set(WALKED)
    for test in WALKED.values():
        text = (ROOT / test).read_text(encoding="utf-8")
        assert "product(" in text, f"{test} walks no pairs"


def test_the_steps_of_the_close_are_all_steps_in_their_order() -> None:
    assert tuple(CloseStep) == STEPS


def traded_day() -> Driver:
    driver = open_market()
    driver.admit("anna", tonnes=10)
    driver.admit("ben", fen=10**8)
    driver.sell("anna", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    driver.buy("ben", 1, 6_500)
    driver.accepted(CloseDay(trading_day=MONDAY))
    return driver


STANDS_AT = STEPS[1:]
"""A close begins with its first step done."""


def at_step(step: CloseStep) -> Driver:
    """A close that stands at the beginning of that step."""
    driver = traded_day()
    commands = driver.close_commands()
    while driver.exchange.close_step is not step:
        driver.accepted(next(commands))
    return driver


GOES_ON = {
    CloseStep.EXPIRE_ORDERS: CloseStep.CLOSING_PRICES,
    CloseStep.CLOSING_PRICES: CloseStep.OBLIGATIONS,
    CloseStep.OBLIGATIONS: CloseStep.REGISTRY,
    CloseStep.REGISTRY: CloseStep.REGISTRY,  # until it has answered
    CloseStep.DELIVERY: CloseStep.FEES,
    CloseStep.FEES: CloseStep.PUBLICATION,
    CloseStep.PUBLICATION: CloseStep.PUBLICATION,  # until all have their statements
    CloseStep.RECONCILE: CloseStep.RECONCILE,  # until positions have been compared
    CloseStep.ROLL_DATE: None,
}


@pytest.mark.parametrize("step", STANDS_AT)
def test_advancing_leads_from_each_step_to_the_next(step: CloseStep) -> None:
    driver = at_step(step)
    events = driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
    assert [event.step for event in events if isinstance(event, CloseStepAdvanced)] == [step]
    assert driver.exchange.close_step is GOES_ON[step]


@pytest.mark.parametrize("step", STANDS_AT)
def test_a_comparison_is_taken_in_its_step_only(step: CloseStep) -> None:
    driver = at_step(step)
    recorded = RecordReconciliation(trading_day=MONDAY, breaks=0, digest_here="", digest_there="")
    events = driver.do(recorded)
    refused = type(events[0]).__name__ == "Rejected"
    assert refused is (step is not CloseStep.RECONCILE)
    assert driver.exchange.close_step is (CloseStep.ROLL_DATE if not refused else step)


@pytest.mark.parametrize("step", STANDS_AT)
def test_no_close_begins_within_a_close(step: CloseStep) -> None:
    driver = at_step(step)
    (refused,) = driver.do(CloseDay(trading_day=MONDAY))
    assert getattr(refused, "code", None) == "close_under_way"


@pytest.mark.parametrize("code", [None, "frozen", "too_late"])
def test_the_registrys_answer_moves_nothing_but_its_delivery(code: str | None) -> None:
    driver = at_step(CloseStep.REGISTRY)
    (instruction,) = driver.exchange.pending_instructions()
    driver.accepted(resolve(instruction.instruction_id, code))
    assert driver.exchange.close_step is CloseStep.REGISTRY
    driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    waiting = code == "too_late"  # it was asked again
    assert driver.exchange.close_step is (CloseStep.REGISTRY if waiting else CloseStep.DELIVERY)


@pytest.mark.parametrize("step", STANDS_AT)
def test_statements_are_issued_in_their_step_only_and_in_turn(step: CloseStep) -> None:
    driver = at_step(step)
    if step is CloseStep.PUBLICATION:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    accounts = list(driver.exchange.depository.accounts)
    all_of_them = tuple(IssuedStatement(account=account, digest="d") for account in accounts)
    for wrong in ((), all_of_them[::-1], all_of_them[1:], (*all_of_them, all_of_them[0])):
        (refused,) = driver.do(IssueStatements(trading_day=MONDAY, statements=wrong))
        assert getattr(refused, "code", None) == "statements_not_due"
    answer = driver.do(IssueStatements(trading_day=MONDAY, statements=all_of_them))
    assert (type(answer[0]) is Rejected) is (step is not CloseStep.PUBLICATION)
    after = CloseStep.RECONCILE if step is CloseStep.PUBLICATION else step
    assert driver.exchange.close_step is after
