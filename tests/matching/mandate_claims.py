"""Every way to be refused over a mandate: the code it claims, and a command that is refused for it.

`test_rejections` takes these cases up: each must be refused for its reason and change nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from matching.acts import GrantMandate, RevokeMandate
from matching.commands import Command
from matching.order import Side
from settlement.account import ParticipantKind
from settlement.mandate import MandatedAction, MandateId
from settlement.values import AccountId, ParticipantId
from tests.matching.driver import OLGA, Driver, cancel, open_market, order, owner_of, withdrawal

Case = Callable[[], tuple[Driver, Command]]

CASES: Final[list[tuple[str, Case]]] = []

HOUR_NS: Final = 3_600 * 10**9
DORA: Final = ParticipantId(owner_of("dora"))
"""A project applicant, who is entrusted."""


def produces(code: str) -> Callable[[Case], Case]:
    """Enter a case into the register."""

    def enter(case: Case) -> Case:
        CASES.append((code, case))
        return case

    return enter


def market(**rules: int | str) -> Driver:
    """Anna has units, Ben has money, and Dora may be entrusted by them."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=1_000)
    driver.admit("ben", fen=10**8)
    driver.admit("dora", tonnes=100, fen=10**8, kind=ParticipantKind.PROJECT_APPLICANT)
    return driver


def grant(driver: Driver, *actions: str, account: str = "anna", hours: int = 1) -> GrantMandate:
    """Dora may act for an account from now on."""
    return GrantMandate(
        operator=ParticipantId(OLGA),
        reason="deed 7",
        account=AccountId(account),
        participant=DORA,
        actions=tuple(MandatedAction(action) for action in actions or ("trade",)),
        until_ns=driver.at_ns + hours * HOUR_NS,
    )


def revoke(mandate_id: int) -> RevokeMandate:
    """And no longer."""
    return RevokeMandate(operator=ParticipantId(OLGA), reason="asked for", mandate_id=MandateId(mandate_id))


def entrusted(*actions: str, **rules: int | str) -> tuple[Driver, int]:
    """A market in which Dora may act for Anna."""
    driver = market(**rules)
    driver.accepted(grant(driver, *actions))
    return driver, driver.seq


@produces("not_mandated")
def an_order_where_a_transfer_was_entrusted() -> tuple[Driver, Command]:
    return entrusted("transfer")[0], order("anna", Side.SELL, 10, 6_800, participant=DORA)


@produces("not_mandated")
def a_cancel_where_an_offset_was_entrusted() -> tuple[Driver, Command]:
    driver, _ = entrusted("offset")
    return driver, cancel("anna", driver.sell("anna", 1, 6_900), participant=DORA)


@produces("not_mandated")
def a_withdrawal_where_trading_was_entrusted() -> tuple[Driver, Command]:
    return entrusted("trade", "negotiate")[0], withdrawal("anna", 1, participant=DORA)


@produces("not_your_account")
def an_order_after_the_end() -> tuple[Driver, Command]:
    driver, _ = entrusted("trade")
    driver.at_ns += HOUR_NS
    driver.accepted(order("anna", Side.SELL, 1, 6_800))
    return driver, order("anna", Side.SELL, 1, 6_800, participant=DORA, client_id="late")


@produces("mandate_unknown")
def a_mandate_revoked_twice() -> tuple[Driver, Command]:
    driver, mandate_id = entrusted()
    driver.accepted(revoke(mandate_id))
    return driver, revoke(mandate_id)


@produces("mandate_to_owner")
def a_mandate_for_ones_own_account() -> tuple[Driver, Command]:
    driver = market()
    return driver, grant(driver, account="dora")


@produces("mandate_over")
def a_mandate_that_ends_now() -> tuple[Driver, Command]:
    driver = market()
    return driver, grant(driver, hours=0)


@produces("mandate_empty")
def a_mandate_to_do_nothing() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace(grant(driver), actions=())


@produces("mandate_empty")
def a_mandate_to_do_something_twice() -> tuple[Driver, Command]:
    driver = market()
    return driver, grant(driver, "trade", "trade")


@produces("delegate_not_admitted")
def a_mandate_for_an_institution() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace(grant(driver), participant=ParticipantId(owner_of("ben")))


@produces("account_unknown")
def a_mandate_for_nobodys_account() -> tuple[Driver, Command]:
    driver = market()
    return driver, grant(driver, account="nobody")


@produces("participant_unknown")
def a_mandate_for_a_stranger() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace(grant(driver), participant=ParticipantId("stranger"))


@produces("reason_missing")
def a_mandate_without_evidence() -> tuple[Driver, Command]:
    driver = market()
    return driver, replace(grant(driver), reason="")
