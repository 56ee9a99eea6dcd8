"""Every route of the supervisor's own."""

from typing import Final

from gateway.http.routing import Route
from gateway.http.supervisor import supervised, supervision

ROUTES: Final[tuple[Route, ...]] = (
    *supervision.ROUTES,
    *supervised.ROUTES,
)
