"""What the tests of the registry line have in common: a clock, lots, movements."""

from registry_bridge.registry import (
    Movement,
    MovementKind,
    MovementLeg,
    RetirementPurpose,
    RetirementTerms,
    SubAccount,
)
from registry_bridge.wire_administration import LotIssue
from settlement.lot import Origin
from settlement.serials import Serials

NOW_NS = 1_795_329_000_000_000_000  # 2026-11-22T14:30:00+08:00
MINUTE_NS = 60_000_000_000
DEADLINE_NS = NOW_NS + 60 * MINUTE_NS
DAY = "2026-11-22"

MANAGEMENT, TRADING = SubAccount.MANAGEMENT, SubAccount.TRADING


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


def issue(lot: str = "LOT-1", *, methodology: str = "SHCER-I", quantity: int = 1_000) -> LotIssue:
    return LotIssue(
        lot=lot,
        methodology=methodology,
        methodology_version="V01",
        origin=Origin.PROJECT,
        project="Rooftop photovoltaics",
        applicant="seller",
        period_start="2025-01-01",
        period_end="2025-06-30",
        issue_batch="2025-1",
        issued_on="2025-09-01",
        first=1,
        end=1 + quantity,
    )


def leg(
    number: int,
    serials: Serials,
    source: tuple[str, SubAccount],
    target: tuple[str, SubAccount] | None,
    lot: str = "LOT-1",
) -> MovementLeg:
    return MovementLeg(
        leg=number,
        lot=lot,
        serials=serials,
        from_account=source[0],
        from_sub_account=source[1],
        to_account=target[0] if target else None,
        to_sub_account=target[1] if target else None,
    )


def movement(
    request_id: str,
    kind: MovementKind,
    *legs: MovementLeg,
    not_after_ns: int = DEADLINE_NS,
    retirement: RetirementTerms | None = None,
) -> Movement:
    return Movement(
        request_id=request_id,
        kind=kind,
        not_after_ns=not_after_ns,
        trading_day=DAY,
        legs=legs,
        retirement=retirement,
    )


def transfer_in(request_id: str, serials: Serials, account: str = "seller", lot: str = "LOT-1") -> Movement:
    one = leg(1, serials, (account, MANAGEMENT), (account, TRADING), lot)
    return movement(request_id, MovementKind.TRANSFER_IN, one)


def deliver(
    request_id: str, serials: Serials, *, seller: str = "seller", buyer: str = "buyer", lot: str = "LOT-1"
) -> Movement:
    one = leg(1, serials, (seller, TRADING), (buyer, TRADING), lot)
    return movement(request_id, MovementKind.DELIVER, one)


def retire(
    request_id: str,
    serials: Serials,
    purpose: RetirementPurpose = RetirementPurpose.VOLUNTARY_OFFSET,
    account: str = "seller",
    lot: str = "LOT-1",
) -> Movement:
    year = 2025 if purpose is RetirementPurpose.COMPLIANCE_OFFSET else None
    terms = RetirementTerms(purpose=purpose, compliance_year=year, beneficiary=account, statement="")
    one = leg(1, serials, (account, TRADING), None, lot)
    return movement(request_id, MovementKind.RETIRE, one, retirement=terms)
