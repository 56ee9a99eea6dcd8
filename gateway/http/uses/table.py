"""Every route of uses, certificates and compliance years."""

from typing import Final

from gateway.http.routing import Route
from gateway.http.uses import accounts, certificates, compliance_years, offsets, retirements

ROUTES: Final[tuple[Route, ...]] = (
    *offsets.ROUTES,
    *accounts.ROUTES,
    *retirements.ROUTES,
    *certificates.ROUTES,
    *compliance_years.ROUTES,
)
