"""The reference registry over HTTP: the calls of the platform's own people, behind keys of their own."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from registry_bridge.reference import administration, corrections, inspection, movements, publishing
from registry_bridge.reference.act_refusals import NameUnknown
from registry_bridge.reference.answers import Door
from registry_bridge.reference.asking import after_of, id_of
from registry_bridge.reference.replies import Problem, Reply, ReplyHandler
from registry_bridge.reference.store import Store
from registry_bridge.registry import LotPage, RegistryLot
from registry_bridge.wire import answer_json, parse_name, read
from registry_bridge.wire_administration import (
    AmendLotBody,
    CloseAccountBody,
    CorrectBody,
    FreezeBody,
    IssueLotBody,
    MethodologyBody,
    OpenAccountBody,
    TransferBody,
    UnfreezeBody,
    WithdrawMethodologyBody,
)
from registry_bridge.wire_inspection import audit_json, balances_json, methodologies_json, restrictions_json
from registry_bridge.wire_pages import lots_json

ADMIN_BASE = "/registry/admin/v1"
_MAX_DIGITS = 18


class AdminCalls:
    """The calls, one method each; all may be repeated. A no is an `ActRefused`, which the door answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_to(self, app: web.Application, door: Door) -> None:
        """Add the routes."""
        base = ADMIN_BASE
        asked: tuple[tuple[str, ReplyHandler], ...] = (
            ("accounts", self.open_account),
            ("accounts/{id}/close", self.close_account),
            ("accounts/{id}/transfers", self.transfer),
            ("methodologies", self.publish_methodology),
            ("methodologies/{code}/{version}/withdraw", self.withdraw_methodology),
            ("lots", self.issue_lot),
            ("lots/{id}/amend", self.amend_lot),
            ("lots/{id}/corrections", self.correct),
            ("restrictions", self.freeze),
            ("restrictions/{number}/lift", self.unfreeze),
        )
        for path, handler in asked:
            app.router.add_post(f"{base}/{path}", door.handle(handler))
        looked_at: tuple[tuple[str, ReplyHandler], ...] = (
            ("balances", self.balances),
            ("methodologies", self.methodologies),
            ("restrictions", self.restrictions),
            ("check", self.check),
        )
        for path, handler in looked_at:
            app.router.add_get(f"{base}/{path}", door.handle(handler), allow_head=False)

    async def open_account(self, _request: web.Request, body: bytes) -> Reply:
        """Open an account."""
        asked = read(OpenAccountBody, body)
        await administration.open_account(self._store, asked.account, asked.kind)
        return Reply(body={})

    async def close_account(self, request: web.Request, body: bytes) -> Reply:
        """Close an empty account."""
        reason = read(CloseAccountBody, body).reason
        await administration.close_account(self._store, id_of(request), reason)
        return Reply(body={})

    async def publish_methodology(self, _request: web.Request, body: bytes) -> Reply:
        """Publish a version of a methodology."""
        await publishing.publish_methodology(self._store, read(MethodologyBody, body).value())
        return Reply(body={})

    async def withdraw_methodology(self, request: web.Request, body: bytes) -> Reply:
        """Issue nothing under a version from a day on."""
        asked = read(WithdrawMethodologyBody, body)
        await publishing.withdraw_methodology(
            self._store,
            code=parse_name(request.match_info["code"]),
            version=parse_name(request.match_info["version"]),
            withdrawn_on=asked.withdrawn_on,
            reason=asked.reason,
        )
        return Reply(body={})

    async def issue_lot(self, _request: web.Request, body: bytes) -> Reply:
        """Issue a lot to its applicant."""
        lot = await publishing.issue_lot(self._store, read(IssueLotBody, body).value())
        return Reply(body=lots_json(_page_of(lot)))

    async def amend_lot(self, request: web.Request, body: bytes) -> Reply:
        """Amend what is told about a lot."""
        amendment = read(AmendLotBody, body).value(id_of(request))
        return Reply(body=lots_json(_page_of(await publishing.amend_lot(self._store, amendment))))

    async def correct(self, request: web.Request, body: bytes) -> Reply:
        """Correct serials of a lot (Art. 22)."""
        asked = read(CorrectBody, body)
        made = await corrections.correct(
            self._store, lot=id_of(request), serials=asked.serials, reason=asked.reason
        )
        return Reply(body=asdict(made))

    async def freeze(self, _request: web.Request, body: bytes) -> Reply:
        """Freeze an account, a lot or a range."""
        asked = read(FreezeBody, body)
        what = administration.Freeze(
            account=asked.account,
            lot=asked.lot,
            serials=asked.serials[0] if asked.serials else None,
            reason=asked.reason,
        )
        return Reply(body={"restriction": await administration.freeze(self._store, what)})

    async def unfreeze(self, request: web.Request, body: bytes) -> Reply:
        """Lift a restriction."""
        text = request.match_info["number"]
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise NameUnknown(f"restriction {text}")
        await administration.unfreeze(self._store, int(text), read(UnfreezeBody, body).reason)
        return Reply(body={})

    async def transfer(self, request: web.Request, body: bytes) -> Reply:
        """An owner moves units into its trading sub-account."""
        asked = read(TransferBody, body)
        answer = await administration.transfer_by_owner(
            self._store,
            transfer_id=asked.transfer_id,
            account=id_of(request),
            lot=asked.lot,
            serials=asked.serials,
            day=asked.trading_day,
        )
        if isinstance(answer, movements.IdReused):
            raise Problem(409, "request_id_reused")
        return Reply(body=answer_json(answer, self._store.now_ns()))

    async def balances(self, request: web.Request, _body: bytes) -> Reply:
        """A page of lots with their tonnes by place."""
        page, further = await inspection.balances(self._store.pool, after_of(request))
        return Reply(body=balances_json(page, further))

    async def methodologies(self, _request: web.Request, _body: bytes) -> Reply:
        """The versions published, the newest first."""
        return Reply(body=methodologies_json(await inspection.methodologies(self._store.pool)))

    async def restrictions(self, _request: web.Request, _body: bytes) -> Reply:
        """The restrictions in force, the newest first."""
        return Reply(body=restrictions_json(await inspection.restrictions(self._store.pool)))

    async def check(self, _request: web.Request, _body: bytes) -> Reply:
        """Whether the registry's own books add up."""
        return Reply(body=audit_json(await inspection.audit(self._store.pool)))


def _page_of(lot: RegistryLot) -> LotPage:
    return LotPage(lots=(lot,), next=None)
