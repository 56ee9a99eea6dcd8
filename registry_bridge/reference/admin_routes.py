"""The reference registry over HTTP: the calls of the platform's own people, behind keys of their own."""

from __future__ import annotations

from aiohttp import web

from registry_bridge.reference import administration, movements
from registry_bridge.reference.answers import Door, Problem, Reply
from registry_bridge.reference.store import Store
from registry_bridge.wire import answer_json, parse_name, read
from registry_bridge.wire_administration import (
    FreezeBody,
    IssueLotBody,
    MethodologyBody,
    OpenAccountBody,
    TransferBody,
    UnfreezeBody,
)
from registry_bridge.wire_pages import lot_json

_MAX_DIGITS = 18


class AdminCalls:
    """The calls, one method each; all may be repeated."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add_to(self, app: web.Application, door: Door) -> None:
        """Add the routes."""
        base = "/registry/admin/v1"
        app.router.add_post(f"{base}/accounts", door.handle(self.open_account))
        app.router.add_post(f"{base}/accounts/{{id}}/transfers", door.handle(self.transfer))
        app.router.add_post(f"{base}/methodologies", door.handle(self.publish_methodology))
        app.router.add_post(f"{base}/lots", door.handle(self.issue_lot))
        app.router.add_post(f"{base}/restrictions", door.handle(self.freeze))
        app.router.add_post(f"{base}/restrictions/{{number}}/lift", door.handle(self.unfreeze))

    async def open_account(self, _request: web.Request, body: bytes) -> Reply:
        """Open an account."""
        asked = read(OpenAccountBody, body)
        try:
            await administration.open_account(self._store, asked.account, asked.kind)
        except administration.NameTaken as taken:
            raise Problem(409, "name_taken", str(taken)) from None
        return Reply(body={})

    async def publish_methodology(self, _request: web.Request, body: bytes) -> Reply:
        """Publish a version of a methodology."""
        asked = read(MethodologyBody, body)
        try:
            await administration.publish_methodology(
                self._store,
                code=asked.code,
                version=asked.version,
                methodology_class=asked.methodology_class,
                title=asked.title,
            )
        except administration.NameTaken as taken:
            raise Problem(409, "name_taken", str(taken)) from None
        return Reply(body={})

    async def issue_lot(self, _request: web.Request, body: bytes) -> Reply:
        """Issue a lot to its applicant."""
        issue = read(IssueLotBody, body).value()
        try:
            lot = await administration.issue_lot(self._store, issue)
        except administration.NameTaken as taken:
            raise Problem(409, "name_taken", str(taken)) from None
        except administration.NameUnknown as unknown:
            raise Problem(404, "name_unknown", str(unknown)) from None
        return Reply(body={"items": [lot_json(lot)], "next": None})

    async def freeze(self, _request: web.Request, body: bytes) -> Reply:
        """Freeze an account, a lot or a range."""
        asked = read(FreezeBody, body)
        what = administration.Freeze(
            account=asked.account,
            lot=asked.lot,
            serials=asked.serials[0] if asked.serials else None,
            reason=asked.reason,
        )
        try:
            restriction = await administration.freeze(self._store, what)
        except administration.NameUnknown as unknown:
            raise Problem(404, "name_unknown", str(unknown)) from None
        return Reply(body={"restriction": restriction})

    async def unfreeze(self, request: web.Request, body: bytes) -> Reply:
        """Lift a restriction."""
        text = request.match_info["number"]
        if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
            raise Problem(404, "name_unknown")
        try:
            await administration.unfreeze(self._store, int(text), read(UnfreezeBody, body).reason)
        except administration.NameUnknown as unknown:
            raise Problem(404, "name_unknown", str(unknown)) from None
        return Reply(body={})

    async def transfer(self, request: web.Request, body: bytes) -> Reply:
        """An owner moves units into its trading sub-account."""
        asked = read(TransferBody, body)
        answer = await administration.transfer_by_owner(
            self._store,
            transfer_id=asked.transfer_id,
            account=parse_name(request.match_info["id"]),
            lot=asked.lot,
            serials=asked.serials,
            day=asked.trading_day,
        )
        if isinstance(answer, movements.IdReused):
            raise Problem(409, "request_id_reused")
        return Reply(body=answer_json(answer, self._store.now_ns()))
