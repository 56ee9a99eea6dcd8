"""Only the class check can make an eligible lot: at run time, for the type checker, and in the text of the code."""

import ast
from pathlib import Path

import pytest
from mypy import api

import settlement
from settlement import eligibility
from settlement.compliance_year import ComplianceYear, Exclusion
from settlement.eligibility import EligibleLot, class_one, refuse_for_year
from settlement.lot import MethodologyClass, Origin
from settlement.rejections import Rejection
from settlement.values import LotId, ParticipantId
from tests.settlement.house import OTHER_UNITS, lot

ONE = lot("one")
TWO = lot("two", instrument=OTHER_UNITS, methodology_class=MethodologyClass.II)
ROOT = Path(str(settlement.__file__)).parents[1]
ENID = ParticipantId("enid")


def test_a_class_one_lot_goes_through() -> None:
    eligible = class_one(ONE)
    assert isinstance(eligible, EligibleLot)
    assert eligible.lot == ONE
    assert eligible == class_one(ONE) != class_one(lot("other"))
    assert repr(eligible) == "EligibleLot(one)"


def test_a_class_two_lot_does_not() -> None:
    assert class_one(TWO) == Rejection(code="class_not_eligible", limit="I", actual="two")


def test_nobody_else_makes_one() -> None:
    for proof in (None, object(), eligibility._ClassProof()):
        with pytest.raises(AssertionError):
            EligibleLot(ONE, proof)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):  # not even the check itself could let Class II through
        EligibleLot(TWO, eligibility._PROOF)


def test_the_proof_is_named_in_its_own_module_only() -> None:
    for package in ("settlement", "matching", "gateway", "registry_bridge"):
        for path in (ROOT / package).rglob("*.py"):
            names = {
                node.id if isinstance(node, ast.Name) else node.attr
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Name | ast.Attribute)
            } | {
                alias.name
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            if path.name != "eligibility.py":
                assert not names & {"_PROOF", "_ClassProof"}, path


WRONG = """
from settlement.eligibility import EligibleLot, EligibleSlice
from settlement.events import LotSlice
from settlement.lot import Lot
from settlement.retirement import ComplianceUse, Use
from settlement.use import Offset


def made_elsewhere(lot: Lot) -> EligibleLot:
    return EligibleLot(lot)


def a_plain_lot(lot: Lot, terms: ComplianceUse) -> Offset:
    return Offset(compliance=terms, eligible=(EligibleSlice(of=lot, serials=((1, 2),)),))


def plain_serials(part: LotSlice, terms: ComplianceUse) -> Offset:
    return Offset(compliance=terms, eligible=(part,))


def another_use(part: EligibleSlice, use: Use) -> Offset:
    return Offset(compliance=use, eligible=(part,))
"""


def test_the_type_checker_refuses_a_lot_that_was_not_checked(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(WRONG, encoding="utf-8")
    told, _, status = api.run(
        ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"), str(wrong)]
    )
    assert status == 1
    lines = WRONG.splitlines()
    wrongs = [number for number, line in enumerate(lines, 1) if line.startswith("    return")]
    refused = sorted({int(line.split(":")[1]) for line in told.splitlines() if "error:" in line})
    assert refused == wrongs, told


# ---- the rules of a year ----------------------------------------------------------------------------------------


def terms(**given: object) -> ComplianceYear:
    return ComplianceYear(year=2025, opens_ns=0, deadline_ns=1, source="a test", **given)  # type: ignore[arg-type]


def rule(**given: object) -> str | None:
    eligible = class_one(ONE)
    assert isinstance(eligible, EligibleLot)
    refused = refuse_for_year(eligible, terms(**given), ENID)
    return None if refused is None else refused.code


def test_a_year_without_rules_takes_every_class_one_lot() -> None:
    assert rule() is None


@pytest.mark.parametrize(
    ("first", "last", "refused"),
    [
        ("2024-01-01", "2024-12-31", None),
        ("2024-01-02", "", "period_not_eligible"),
        ("", "2024-12-30", "period_not_eligible"),
        ("2024-01-01", "", None),
        ("", "2024-12-31", None),
    ],
)
def test_the_whole_monitoring_period_must_be_eligible(first: str, last: str, refused: str | None) -> None:
    assert rule(period_from=first, period_to=last) == refused


def test_methodologies_and_origins_are_lists() -> None:
    assert rule(methodologies=("N", "M")) is None
    assert rule(methodologies=("N",)) == "methodology_not_eligible"
    assert rule(origins=(Origin.PROJECT, Origin.SCENARIO)) is None
    assert rule(origins=(Origin.PROJECT,)) == "origin_not_eligible"


def test_a_lot_is_excluded_for_one_or_for_all() -> None:
    for entity, refused in ((None, "lot_excluded"), (ENID, "lot_excluded"), (ParticipantId("anna"), None)):
        exclusion = Exclusion(lot_id=LotId("one"), entity=entity, reason="own boundary")
        assert rule(exclusions=(exclusion,)) == refused
    assert rule(exclusions=(Exclusion(lot_id=LotId("two"), reason="another"),)) is None
