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
from registry_bridge.wire_administration import DoneBody, LotIssue, RestrictionBody, issue_json
from registry_bridge.wire_pages import LotsBody
from settlement.lot import MethodologyClass
from settlement.serials import Serials

BASE = "/registry/admin/v1"
OWNER_PREFIX = "owner."
_OK = 200


class AdministrationRefused(Exception):  # noqa: N818 - it states a fact
    """The registry said no: `name_taken`, `name_unknown`, `malformed`, `not_permitted` …"""

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

    async def publish_methodology(
        self, *, code: str, version: str, methodology_class: MethodologyClass, title: str
    ) -> None:
        """Publish a version of a methodology with its class."""
        body = {"code": code, "version": version, "class": methodology_class.value, "title": title}
        await self._post(DoneBody, "/methodologies", body)

    async def issue_lot(self, issue: LotIssue) -> RegistryLot:
        """Issue a lot to its applicant's management sub-account; class and number are the registry's to say."""
        answer = await self._post(LotsBody, "/lots", issue_json(issue))
        return answer.value().lots[0]

    async def transfer_by_owner(
        self, *, transfer_id: str, account: str, lot: str, serials: Serials, trading_day: str
    ) -> Confirmed | Refused:
        """Move an owner's units into its trading sub-account, as its owner does at the platform."""
        body = {"transfer_id": transfer_id, "lot": lot, "serials": serials, "trading_day": trading_day}
        answer = await self._call(f"/accounts/{parse_name(account)}/transfers", body)
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

    async def _post(self, model: type[WireModel], path: str, body: dict[str, Any]) -> WireModel:
        answer = await self._call(path, body)
        if answer.status != _OK:
            raise _refusal(answer)
        try:
            return read(model, answer.body)
        except WireError as error:
            raise RegistryUnavailable(UnknownReason.GARBAGE, str(error)) from error

    async def _call(self, path: str, body: dict[str, Any]) -> SignedAnswer:
        try:
            return await self._line.call("POST", f"{BASE}{path}", write(body))
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
