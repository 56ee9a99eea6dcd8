"""Every route of the operator's own."""

from typing import Final

from gateway.http.operator import (
    acts,
    corrections,
    day,
    freezes,
    members,
    parked,
    personal_data,
    registry,
    setup,
)
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *day.ROUTES,
    *setup.ROUTES,
    *members.ROUTES,
    *acts.ROUTES,
    *registry.ROUTES,
    *freezes.ROUTES,
    *corrections.ROUTES,
    *parked.ROUTES,
    *personal_data.ROUTES,
)
