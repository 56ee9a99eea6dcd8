"""Every route of the market that anybody may ask."""

from typing import Final

from gateway.http.market import bulletins, candles, data
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *data.ROUTES,
    *candles.ROUTES,
    *bulletins.ROUTES,
)
