"""The fault switch over HTTP: only in a registry that runs for a drill; elsewhere these paths do not exist."""

from __future__ import annotations

from aiohttp import web

from registry_bridge.reference.admin_routes import ADMIN_BASE
from registry_bridge.reference.answers import Door
from registry_bridge.reference.drill import FaultSwitch
from registry_bridge.reference.replies import Reply
from registry_bridge.wire import read
from registry_bridge.wire_faults import FaultBody, faults_json


class FaultCalls:
    """Set, see and clear faults."""

    def __init__(self, switch: FaultSwitch) -> None:
        self._switch = switch

    def add_to(self, app: web.Application, door: Door) -> None:
        """Add the routes."""
        app.router.add_post(f"{ADMIN_BASE}/faults", door.handle(self.set))
        app.router.add_post(f"{ADMIN_BASE}/faults/clear", door.handle(self.clear))
        app.router.add_get(f"{ADMIN_BASE}/faults", door.handle(self.show), allow_head=False)

    async def set(self, _request: web.Request, body: bytes) -> Reply:
        """Arm a fault."""
        return Reply(body={"fault": self._switch.set(read(FaultBody, body).value())})

    async def clear(self, _request: web.Request, _body: bytes) -> Reply:
        """Disarm all."""
        self._switch.clear()
        return Reply(body={})

    async def show(self, _request: web.Request, _body: bytes) -> Reply:
        """The faults that are set."""
        return Reply(body=faults_json(self._switch.armed()))
