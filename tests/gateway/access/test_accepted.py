"""No signature that was accepted before a crash is accepted after it, and nobody else is refused for long."""

import time
from itertools import product

from gateway.access.accepted import AHEAD_MS, AcceptedUntil, Pool, accepting
from gateway.access.authenticate import Authenticator
from gateway.access.keys import AccessKey, Algorithm, Scope
from registry_bridge.signing import WINDOW_MS, HmacKey, NotAuthentic, SignatureFault, signed_headers

NOW_MS = 1_800_000_000_000
SECRET = HmacKey(b"s" * 32)


class OneKey:
    """The only key there is."""

    def find(self, key_id: str) -> AccessKey | None:
        scopes = frozenset({Scope.READ})
        return AccessKey(
            key_id=key_id,
            participant="p",
            account=None,
            algorithm=Algorithm.HMAC_SHA256,
            scopes=scopes,
            label="",
            created_by="o",
            created_at_ns=0,
            expires_at_ns=None,
            revoked_at_ns=None,
            program=key_id,
            verifier=SECRET,
        )


class Door:
    """A process: what it accepts is at its own time."""

    def __init__(self, accepted: AcceptedUntil, now_ms: int) -> None:
        self.now_ms = now_ms
        self.authenticator = Authenticator(OneKey(), lambda: self.now_ms, accepted=accepted)

    async def asks(self, date_ms: int) -> SignatureFault | None:
        """Somebody signs so, and what fails is asked again once its date is covered."""
        fault = self.judge(date_ms)
        if fault is SignatureFault.DATE_NOT_COVERED:
            await self.authenticator.cover(str(date_ms))
            fault = self.judge(date_ms)
        return fault

    def judge(self, date_ms: int) -> SignatureFault | None:
        headers = signed_headers(SECRET, key="k", method="GET", target="/", timestamp_ms=date_ms, body=b"")
        found = self.authenticator.check(
            method="GET",
            target="/",
            key=headers["X-Key"],
            timestamp=headers["X-Timestamp"],
            signature=headers["X-Signature"],
            body=b"",
        )
        return found.fault if isinstance(found, NotAuthentic) else None


async def started(pool: Pool, now_ms: int) -> Door:
    """A process, with what the one before has left."""
    before_ms: int = await pool.fetchval("SELECT until_ms FROM accepted_until")
    return Door(AcceptedUntil(pool, lambda: now_ms, before_ms), now_ms)


async def test_a_crash_does_not_let_a_signature_be_used_again(pool: Pool) -> None:
    aheads, aways = (-WINDOW_MS, -1, 0, 1, 999, WINDOW_MS), (1, 999, WINDOW_MS, 4 * WINDOW_MS)
    for turn, (ahead_ms, away_ms) in enumerate(product(aheads, aways)):
        now_ms = NOW_MS + turn * 100 * WINDOW_MS
        date_ms = now_ms + ahead_ms
        killed = await started(pool, now_ms)
        assert await killed.asks(date_ms) is None
        assert await killed.asks(date_ms) is SignatureFault.SIGNATURE_REPLAYED
        start_ms = now_ms + away_ms
        again = await started(pool, start_ms)
        for step in range(0, 2 * WINDOW_MS + AHEAD_MS, 250):
            again.now_ms = start_ms + step
            fault = await again.asks(date_ms)
            assert fault in {SignatureFault.SIGNATURE_REPLAYED, SignatureFault.CLOCK_SKEW}, (
                ahead_ms,
                away_ms,
                step,
            )
        assert await again.asks(again.now_ms) is None


async def test_the_note_is_written_once_for_all_of_a_second(pool: Pool) -> None:
    door = await started(pool, NOW_MS)
    assert door.judge(NOW_MS) is SignatureFault.DATE_NOT_COVERED
    assert await door.asks(NOW_MS) is None
    for step in range(1, AHEAD_MS + 1):
        assert door.judge(NOW_MS + step) is None
    assert door.judge(NOW_MS + AHEAD_MS + 1) is SignatureFault.DATE_NOT_COVERED


async def test_a_stop_in_good_order_leaves_nobody_to_wait(pool: Pool) -> None:
    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    async with accepting(pool, now_ms) as accepted:
        last_ms = now_ms()
        door = Door(accepted, last_ms)
        assert await door.asks(last_ms) is None
    async with accepting(pool, now_ms) as accepted:
        assert accepted.before_ms == last_ms
        await accepted.let_pass()
        assert now_ms() > last_ms
        door = Door(accepted, now_ms())
        assert await door.asks(door.now_ms) is None
