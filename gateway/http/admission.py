"""Whether the public's requests are taken on: not before all is recovered, and not once the exchange has been told to end.

    starting ── all is recovered ──▶ open ── SIGTERM, SIGINT ──▶ draining

While it drains, what was taken on before is finished, reading goes on, and orders can still be cancelled; whatever else
would change something is answered 503 with nothing taken on.
"""

from typing import Final

from gateway.access.limits import ActionKind
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal

RETRY_AFTER_S: Final = 5
"""When a client may ask again: about as long as a restart takes."""

ALWAYS: Final = frozenset({ActionKind.CANCEL, ActionKind.READ})
"""Kinds of requests that are served to the end: they take on nothing."""


class Admission:
    """One for each exchange: open until it is closed for good."""

    __slots__ = ("is_open",)

    def __init__(self) -> None:
        """Open."""
        self.is_open = True
        """Whether new requests that change something are taken on."""

    def close(self) -> None:
        """Take on nothing new from now on."""
        self.is_open = False

    def require(self, kind: ActionKind) -> None:
        """Refuse a request of that kind while nothing new is taken on. Raises Refused."""
        if not self.is_open and kind not in ALWAYS:
            raise refusal(reasons.NOT_READY, headers={"Retry-After": str(RETRY_AFTER_S)})
