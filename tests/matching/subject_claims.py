"""Every way to be refused over personal data: the code it claims, and a command that is refused for it.

`test_rejections` takes these cases up: each must be refused for its reason and change nothing.
"""

from collections.abc import Callable
from typing import Final

from matching.commands import Command
from matching.order import Side
from matching.personal_data import ReleaseSubject, RestrictSubject, SubjectKind
from settlement.values import ParticipantId
from tests.matching.driver import OLGA, Driver, cancel, owner_of, withdrawal
from tests.matching.driver import order as order_of
from tests.matching.mandate_claims import DORA, entrusted, market

Case = Callable[[], tuple[Driver, Command]]

CASES: Final[list[tuple[str, Case]]] = []


def produces(code: str) -> Callable[[Case], Case]:
    """Enter a case into the register."""

    def enter(case: Case) -> Case:
        CASES.append((code, case))
        return case

    return enter


def restrict(subject: str, kind: str = "participant", operator: str = OLGA) -> RestrictSubject:
    """Somebody's data are to rest."""
    return RestrictSubject(
        operator=ParticipantId(operator), reason="deletion asked for", kind=SubjectKind(kind), subject=subject
    )


def release(subject: str, kind: str = "participant", operator: str = OLGA) -> ReleaseSubject:
    """Somebody's data are processed again."""
    return ReleaseSubject(
        operator=ParticipantId(operator), reason="came back", kind=SubjectKind(kind), subject=subject
    )


def resting(subject: str) -> Driver:
    """A market in which a participant's data rest."""
    driver = market()
    driver.accepted(restrict(subject))
    return driver


@produces("personal_data_restricted")
def restricted_twice() -> tuple[Driver, Command]:
    return resting(owner_of("anna")), restrict(owner_of("anna"))


@produces("personal_data_restricted")
def an_order_of_somebody_whose_data_rest() -> tuple[Driver, Command]:
    return resting(owner_of("ben")), order_of("ben", Side.BUY, 1, 6_800)


@produces("personal_data_restricted")
def money_of_somebody_whose_data_rest() -> tuple[Driver, Command]:
    return resting(owner_of("ben")), withdrawal("ben", 1)


@produces("personal_data_restricted")
def a_cancel_for_somebody_whose_data_rest() -> tuple[Driver, Command]:
    return resting(owner_of("anna")), cancel("anna", 1)


@produces("personal_data_restricted")
def an_order_by_a_delegate_whose_data_rest() -> tuple[Driver, Command]:
    driver, _ = entrusted("trade")
    driver.accepted(restrict(DORA))
    return driver, order_of("anna", Side.SELL, 1, 6_800, participant=DORA)


@produces("personal_data_restricted")
def an_order_by_a_delegate_for_somebody_whose_data_rest() -> tuple[Driver, Command]:
    driver, _ = entrusted("trade")
    driver.accepted(restrict(owner_of("anna")))
    return driver, order_of("anna", Side.SELL, 1, 6_800, participant=DORA)


@produces("personal_data_not_restricted")
def released_without_a_restriction() -> tuple[Driver, Command]:
    return market(), release(owner_of("anna"))


@produces("personal_data_not_restricted")
def released_under_another_kind() -> tuple[Driver, Command]:
    return resting(owner_of("anna")), release(owner_of("anna"), "person")


@produces("participant_has_open_business")
def restricted_with_an_open_order() -> tuple[Driver, Command]:
    driver = market()
    driver.sell("anna", 1, 6_900)
    return driver, restrict(owner_of("anna"))


@produces("participant_has_open_business")
def restricted_with_an_unsettled_trade() -> tuple[Driver, Command]:
    driver = market()
    driver.sell("anna", 1, 6_900)
    driver.buy("ben", 1, 6_900)
    return driver, restrict(owner_of("ben"))


@produces("participant_unknown")
def nobody_restricted() -> tuple[Driver, Command]:
    return market(), restrict("nobody")
