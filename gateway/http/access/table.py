"""Every route of keys, people and their sessions."""

from typing import Final

from gateway.http.access import key_rotation, keys, people, permits, sessions
from gateway.http.routing import Route

ROUTES: Final[tuple[Route, ...]] = (
    *keys.ROUTES,
    *key_rotation.ROUTES,
    *sessions.ROUTES,
    *people.ROUTES,
    *permits.ROUTES,
)
