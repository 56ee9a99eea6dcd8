"""Every life-cycle table there is has a test that walks all of its pairs; a new table must bring one."""

import ast
from pathlib import Path

import pytest

import matching
import settlement
from matching.closing import STEPS
from matching.commands import AdvanceClose, CloseDay, RecordReconciliation
from matching.events import CloseStep, CloseStepAdvanced
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
    CloseStep.OBLIGATIONS: CloseStep.DELIVERY,
    CloseStep.DELIVERY: CloseStep.DELIVERY,  # until the registry has answered
    CloseStep.RECONCILE: CloseStep.RECONCILE,  # until positions have been compared
    CloseStep.ROLL_DATE: None,
}


@pytest.mark.parametrize("step", CloseStep)
def test_advancing_leads_from_each_step_to_the_next(step: CloseStep) -> None:
    driver = at_step(step)
    events = driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
    assert [event.step for event in events if isinstance(event, CloseStepAdvanced)] == [step]
    assert driver.exchange.close_step is GOES_ON[step]


@pytest.mark.parametrize("step", CloseStep)
def test_a_comparison_is_taken_in_its_step_only(step: CloseStep) -> None:
    driver = at_step(step)
    recorded = RecordReconciliation(trading_day=MONDAY, breaks=0, digest_here="", digest_there="")
    events = driver.do(recorded)
    refused = type(events[0]).__name__ == "Rejected"
    assert refused is (step is not CloseStep.RECONCILE)
    assert driver.exchange.close_step is (CloseStep.ROLL_DATE if not refused else step)


@pytest.mark.parametrize("step", CloseStep)
def test_no_close_begins_within_a_close(step: CloseStep) -> None:
    driver = at_step(step)
    (refused,) = driver.do(CloseDay(trading_day=MONDAY))
    assert getattr(refused, "code", None) == "close_under_way"


@pytest.mark.parametrize("code", [None, "frozen", "too_late"])
def test_the_registrys_answer_moves_nothing_but_its_delivery(code: str | None) -> None:
    driver = at_step(CloseStep.DELIVERY)
    (instruction,) = driver.exchange.pending_instructions()
    driver.accepted(resolve(instruction.instruction_id, code))
    assert driver.exchange.close_step is CloseStep.DELIVERY
    driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    waiting = code == "too_late"  # it was asked again
    assert driver.exchange.close_step is (CloseStep.DELIVERY if waiting else CloseStep.RECONCILE)
