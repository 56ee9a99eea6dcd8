"""The reference registry's administration in plain words: for the demonstration's seed and the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from registry_bridge.http_administration import AdministrationRefused, HttpAdministration
from registry_bridge.registry import (
    AccountKind,
    MovementKind,
    PositionRange,
    Refused,
    Registry,
    RegistryAccount,
    RegistryLot,
)
from registry_bridge.upkeep import bind
from registry_bridge.wire_administration import MEASURES_IN_FORCE, CorrectionMade, LotAmendment, LotIssue
from registry_bridge.wire_faults import ArmedFault, CallName, FaultKind, FaultOrder
from registry_bridge.wire_inspection import Audit, LotBalance, MethodologyState, Restriction
from settlement.lot import Lot, MethodologyClass
from settlement.serials import Serials


@contextmanager
def _only_in_a_drill() -> Iterator[None]:
    """Say why there is no fault switch, which the registry itself does not know of outside a drill."""
    try:
        yield
    except AdministrationRefused as refused:
        if refused.code != "no_such_call":
            raise
        why = "登记平台未以 --drill 运行 | the registry does not run with --drill"
        raise AdministrationRefused(refused.code, why) from None


class ReferencePlatform:
    """What the platform's people do, and the exchange's own binding, of which the seed needs both.

    Raises `AdministrationRefused` for a no and `RegistryUnavailable` when there is no answer.
    """

    def __init__(self, administration: HttpAdministration, registry: Registry) -> None:
        self._administration = administration
        self._registry = registry

    async def open_account(self, registry_account: str, kind: str = AccountKind.INSTITUTION.value) -> None:
        """Open an account; `kind` is `institution` or `individual`."""
        await self._administration.open_account(registry_account, AccountKind(kind))

    async def close_account(self, registry_account: str, reason: str) -> None:
        """Close an empty account for good."""
        await self._administration.close_account(registry_account, reason)

    async def publish_methodology(
        self,
        *,
        code: str,
        version: str,
        methodology_class: MethodologyClass,
        title: str,
        published_on: str = MEASURES_IN_FORCE,
        in_force_from: str | None = None,
    ) -> None:
        """Publish a version of a methodology; in force from the day it is published unless told."""
        await self._administration.publish_methodology(
            code=code,
            version=version,
            methodology_class=methodology_class,
            title=title,
            published_on=published_on,
            in_force_from=in_force_from,
        )

    async def withdraw_methodology(self, *, code: str, version: str, withdrawn_on: str, reason: str) -> None:
        """Issue nothing under a version from that day on."""
        await self._administration.withdraw_methodology(
            code=code, version=version, withdrawn_on=withdrawn_on, reason=reason
        )

    async def methodologies(self) -> tuple[MethodologyState, ...]:
        """The versions published, the newest first."""
        return await self._administration.methodologies()

    async def issue_lot(self, lot: Lot, applicant: str) -> None:
        """Issue a lot into its applicant's management sub-account; the instrument is the exchange's matter."""
        first, end = lot.serials
        issue = LotIssue(
            lot=lot.lot_id,
            methodology=lot.methodology,
            methodology_version=lot.methodology_version,
            origin=lot.origin,
            project=lot.project,
            applicant=applicant,
            period_start=lot.period_from,
            period_end=lot.period_to,
            issue_batch=lot.batch,
            issued_on=lot.issued_on,
            first=first,
            end=end,
        )
        await self._administration.issue_lot(issue)

    async def issue(self, **fields: Any) -> RegistryLot:  # noqa: ANN401 - the fields of `LotIssue`
        """Issue a lot of which everything is given by the names of `LotIssue`; its class is the methodology's."""
        return await self._administration.issue_lot(LotIssue(**fields))

    async def amend_lot(self, **fields: str | None) -> RegistryLot:
        """Amend what is told about a lot, by the names of `LotAmendment`."""
        return await self._administration.amend_lot(LotAmendment(**fields))  # type: ignore[arg-type] # the reason is a text

    async def correct(self, *, lot: str, serials: Serials, reason: str) -> CorrectionMade:
        """Correct serials of a lot (Art. 22)."""
        return await self._administration.correct(lot=lot, serials=serials, reason=reason)

    async def balances(self) -> tuple[LotBalance, ...]:
        """Every lot with its tonnes by place."""
        return await self._administration.balances()

    async def check(self) -> Audit:
        """Whether the registry's own books add up."""
        return await self._administration.check()

    async def transfer_by_owner(
        self, *, transfer_id: str, account: str, lot: str, serials: Serials, trading_day: str
    ) -> str:
        """Move an owner's units into its trading sub-account; the movement's id.

        Raises AdministrationRefused with the registry's code when it refused.
        """
        answer = await self._administration.transfer_by_owner(
            transfer_id=transfer_id, account=account, lot=lot, serials=serials, trading_day=trading_day
        )
        if isinstance(answer, Refused):
            raise AdministrationRefused(answer.code.value, f"{answer.code.number}")
        return answer.movement_id

    async def positions(self) -> AsyncIterator[PositionRange]:
        """Every trading position as of the newest journal entry, page by page."""
        page = await self._registry.positions()
        while True:
            for position in page.positions:
                yield position
            if page.next is None:
                return
            page = await self._registry.positions(page.as_of, page.next)

    async def set_fault(
        self,
        *,
        kind: str,
        call: str | None,
        movement_kind: str | None,
        **figures: Any,  # noqa: ANN401 - as there
    ) -> int:
        """Arm a fault, in a drill; its number. Words and figures are those of `FaultOrder`."""
        order = FaultOrder(
            kind=FaultKind(kind),
            call=None if call is None else CallName(call),
            movement_kind=None if movement_kind is None else MovementKind(movement_kind),
            **figures,
        )
        with _only_in_a_drill():
            return await self._administration.set_fault(order)

    async def clear_faults(self) -> None:
        """Disarm all faults, in a drill."""
        with _only_in_a_drill():
            await self._administration.clear_faults()

    async def faults(self) -> tuple[ArmedFault, ...]:
        """The faults that are set, in a drill."""
        with _only_in_a_drill():
            return await self._administration.faults()

    async def bind(self, registry_account: str, trading_account: str) -> None:
        """Bind a registry account to a trading account of the exchange."""
        refused = await bind(self._registry, registry_account, trading_account)
        if refused is not None:
            raise AdministrationRefused(refused.code.value, registry_account)

    async def account(self, registry_account: str) -> RegistryAccount | None:
        """An account with everything it holds, in both sub-accounts."""
        return await self._registry.account(registry_account)

    async def freeze(
        self,
        *,
        account: str | None = None,
        lot: str | None = None,
        serials: Serials | None = None,
        reason: str,
    ) -> int:
        """Freeze an account, a lot or a range; the number by which it is lifted."""
        return await self._administration.freeze(account=account, lot=lot, serials=serials, reason=reason)

    async def unfreeze(self, restriction: int, reason: str) -> None:
        """Lift a restriction."""
        await self._administration.unfreeze(restriction, reason)

    async def restrictions(self) -> tuple[Restriction, ...]:
        """The freezes in force, the newest first."""
        return await self._administration.restrictions()
