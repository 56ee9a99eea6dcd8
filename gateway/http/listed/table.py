"""Every route of listed trading."""

from typing import Final

from gateway.http.listed import orders, previews, replacement, safety
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *orders.ROUTES,
    *previews.ROUTES,
    *replacement.ROUTES,
    *safety.ROUTES,
)
