"""The administration of the reference registry over HTTP: for the demonstration's seed and the command line."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from registry_bridge.http_line import LineFault, LineSettings, SignedAnswer, SignedLine, open_line
from registry_bridge.http_registry import classify
from registry_bridge.registry import (
    AccountKind,
    Confirmed,
    Refused,
    RegistryLot,
    RegistryUnavailable,
    UnknownReason,
)
from registry_bridge.wire import ErrorBody, WireError, WireModel, parse_name, read, write
from registry_bridge.wire_administration import (
    MEASURES_IN_FORCE,
    CorrectionBody,
    CorrectionMade,
    DoneBody,
    LotAmendment,
    LotIssue,
    Methodology,
    RestrictionBody,
    amendment_json,
    issue_json,
    methodology_json,
)
from registry_bridge.wire_faults import ArmedFault, FaultOrder, FaultsBody, FaultSetBody, fault_json
from registry_bridge.wire_inspection import (
    Audit,
    AuditBody,
    BalancesBody,
    LotBalance,
    MethodologiesBody,
    MethodologyState,
    Restriction,
    RestrictionsBody,
)
from registry_bridge.wire_pages import LotsBody
from settlement.lot import MethodologyClass
from settlement.serials import Serials

BASE = "/registry/admin/v1"
OWNER_PREFIX = "owner."
_OK = 200


class AdministrationRefused(Exception):  # noqa: N818 - it states a fact
    """The registry said no: the code of an `ActRefused`, `malformed`, `not_permitted` …"""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


class HttpAdministration:
    """The platform's own people's calls. Every call may be repeated; it then changes nothing more.

    All raise `RegistryUnavailable` when nothing trustworthy came back and `AdministrationRefused` for a no.
    """

    def __init__(self, line: SignedLine) -> None:
        self._line = line

    async def open_account(self, account: str, kind: AccountKind) -> None:
        """Open an account with its two sub-accounts."""
        await self._post(DoneBody, "/accounts", {"account": account, "kind": kind.value})

    async def close_account(self, account: str, reason: str) -> None:
        """Close an account for good; it must hold nothing."""
        await self._post(DoneBody, f"/accounts/{parse_name(account)}/close", {"reason": reason})

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
        """Publish a version of a methodology with its class; in force from the day it is published unless told."""
        methodology = Methodology(
            code=code,
            version=version,
            methodology_class=methodology_class,
            title=title,
            published_on=published_on,
            in_force_from=in_force_from or published_on,
        )
        await self._post(DoneBody, "/methodologies", methodology_json(methodology))

    async def withdraw_methodology(self, *, code: str, version: str, withdrawn_on: str, reason: str) -> None:
        """Issue nothing under a version from that day on."""
        body = {"withdrawn_on": withdrawn_on, "reason": reason}
        path = f"/methodologies/{parse_name(code)}/{parse_name(version)}/withdraw"
        await self._post(DoneBody, path, body)

    async def issue_lot(self, issue: LotIssue) -> RegistryLot:
        """Issue a lot to its applicant's management sub-account; class and number are the registry's to say."""
        answer = await self._post(LotsBody, "/lots", issue_json(issue))
        return answer.value().lots[0]

    async def amend_lot(self, amendment: LotAmendment) -> RegistryLot:
        """Amend what is told about a lot; the lot as it is told now."""
        path = f"/lots/{parse_name(amendment.lot)}/amend"
        return (await self._post(LotsBody, path, amendment_json(amendment))).value().lots[0]

    async def correct(self, *, lot: str, serials: Serials, reason: str) -> CorrectionMade:
        """Correct serials of a lot (Art. 22)."""
        body = {"serials": serials, "reason": reason}
        return (await self._post(CorrectionBody, f"/lots/{parse_name(lot)}/corrections", body)).value()

    async def transfer_by_owner(
        self, *, transfer_id: str, account: str, lot: str, serials: Serials, trading_day: str
    ) -> Confirmed | Refused:
        """Move an owner's units into its trading sub-account, as its owner does at the platform."""
        body = {"transfer_id": transfer_id, "lot": lot, "serials": serials, "trading_day": trading_day}
        answer = await self._call("POST", f"/accounts/{parse_name(account)}/transfers", body)
        if answer.status != _OK:
            raise _refusal(answer)
        outcome = classify(answer, f"{OWNER_PREFIX}{transfer_id}", asks=False)
        if isinstance(outcome, Confirmed | Refused):
            return outcome
        raise RegistryUnavailable(outcome.why, outcome.detail)

    async def freeze(
        self,
        *,
        account: str | None = None,
        lot: str | None = None,
        serials: Serials | None = None,
        reason: str,
    ) -> int:
        """Freeze an account, a lot, or one range of a lot; the number by which it is lifted."""
        given = {"account": account, "lot": lot, "serials": serials, "reason": reason}
        body = {name: value for name, value in given.items() if value is not None}
        return (await self._post(RestrictionBody, "/restrictions", body)).restriction

    async def unfreeze(self, restriction: int, reason: str) -> None:
        """Lift a restriction."""
        await self._post(DoneBody, f"/restrictions/{restriction}/lift", {"reason": reason})

    async def balances(self) -> tuple[LotBalance, ...]:
        """Every lot with its tonnes by place."""
        found: tuple[LotBalance, ...] = ()
        after: int | None = 0
        while after is not None:
            page = await self._get(BalancesBody, f"/balances?after={after}")
            found += tuple(item.value() for item in page.items)
            after = page.next
        return found

    async def methodologies(self) -> tuple[MethodologyState, ...]:
        """The versions published, the newest first."""
        page = await self._get(MethodologiesBody, "/methodologies")
        return tuple(item.value() for item in page.items)

    async def restrictions(self) -> tuple[Restriction, ...]:
        """The freezes in force, the newest first."""
        page = await self._get(RestrictionsBody, "/restrictions")
        return tuple(item.value() for item in page.items)

    async def check(self) -> Audit:
        """Whether the registry's own books add up."""
        return (await self._get(AuditBody, "/check")).value()

    async def set_fault(self, order: FaultOrder) -> int:
        """Arm a fault, in a drill; its number."""
        return (await self._post(FaultSetBody, "/faults", fault_json(order))).fault

    async def clear_faults(self) -> None:
        """Disarm all faults, in a drill."""
        await self._post(DoneBody, "/faults/clear", {})

    async def faults(self) -> tuple[ArmedFault, ...]:
        """The faults that are set, in a drill."""
        return tuple(item.armed() for item in (await self._get(FaultsBody, "/faults")).items)

    async def _get(self, model: type[WireModel], path: str) -> WireModel:
        return self._body(model, await self._call("GET", path))

    async def _post(self, model: type[WireModel], path: str, body: dict[str, Any]) -> WireModel:
        return self._body(model, await self._call("POST", path, body))

    def _body(self, model: type[WireModel], answer: SignedAnswer) -> WireModel:
        if answer.status != _OK:
            raise _refusal(answer)
        try:
            return read(model, answer.body)
        except WireError as error:
            raise RegistryUnavailable(UnknownReason.GARBAGE, str(error)) from error

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> SignedAnswer:
        try:
            return await self._line.call(method, f"{BASE}{path}", b"" if body is None else write(body))
        except LineFault as fault:
            raise RegistryUnavailable(fault.why, fault.detail) from fault


def _refusal(answer: SignedAnswer) -> Exception:
    try:
        problem = read(ErrorBody, answer.body)
    except WireError as error:
        return RegistryUnavailable(UnknownReason.GARBAGE, f"{answer.status} {error}")
    if answer.status in (429, 503):
        return RegistryUnavailable(UnknownReason.OVERLOADED, problem.code)
    return AdministrationRefused(problem.code, problem.detail)


@asynccontextmanager
async def connect_administration(
    settings: LineSettings, clock_ns: Callable[[], int] = time.time_ns
) -> AsyncIterator[HttpAdministration]:
    """The administration behind a line of its own."""
    async with open_line(settings, clock_ns) as line:
        yield HttpAdministration(line)
