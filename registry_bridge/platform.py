"""The reference registry's administration in plain words: for the demonstration's seed and the command line."""

from __future__ import annotations

from registry_bridge.http_administration import AdministrationRefused, HttpAdministration
from registry_bridge.registry import AccountKind, Registry, RegistryAccount
from registry_bridge.upkeep import bind
from registry_bridge.wire_administration import LotIssue
from settlement.lot import Lot, MethodologyClass
from settlement.serials import Serials


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

    async def publish_methodology(
        self, *, code: str, version: str, methodology_class: MethodologyClass, title: str
    ) -> None:
        """Publish a version of a methodology."""
        await self._administration.publish_methodology(
            code=code, version=version, methodology_class=methodology_class, title=title
        )

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
