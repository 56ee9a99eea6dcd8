"""Every route of the settlement bank."""

from typing import Final

from gateway.http.bank import reports, statement_lines, statements
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *reports.ROUTES,
    *statements.ROUTES,
    *statement_lines.ROUTES,
)
