"""Every route of one's own accounts."""

from typing import Final

from gateway.http.accounts import account, mandates, statements, transfers, withdrawals
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *account.ROUTES,
    *transfers.ROUTES,
    *withdrawals.ROUTES,
    *statements.ROUTES,
    *mandates.ROUTES,
)
