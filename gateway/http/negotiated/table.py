"""Every route of negotiated transfers."""

from typing import Final

from gateway.http.negotiated import oversight, templates, transfers
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *transfers.ROUTES,
    *oversight.ROUTES,
    *templates.ROUTES,
)
