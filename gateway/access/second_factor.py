"""The second factor: codes of an authenticator (TOTP, RFC 6238), each good once, and recovery codes for a lost one."""

import hashlib
from typing import Final

import pyotp

from gateway.access.passwords import generated

ISSUER: Final = "puhui"
STEP_S: Final = 30
RECOVERY_CODES: Final = 10
NS_PER_S: Final = 1_000_000_000

_DRIFT_STEPS: Final = 1
"""An authenticator's clock may be off by half a minute either way."""


def new_secret() -> str:
    """160 bits, as authenticators take them (base32)."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, name: str) -> str:
    """What an authenticator reads as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, *, now_ns: int, after: int) -> int | None:
    """The step of time this code stands for; none when it is wrong, or not after the last one that was used."""
    totp = pyotp.TOTP(secret, interval=STEP_S)
    now = now_ns // NS_PER_S // STEP_S
    fitting = (
        step
        for step in range(now - _DRIFT_STEPS, now + _DRIFT_STEPS + 1)
        if pyotp.utils.strings_equal(totp.generate_otp(step), code)
    )
    return next((step for step in fitting if step > after), None)


def new_recovery_codes() -> tuple[str, ...]:
    """Each good once, in the place of an authenticator's code."""
    return tuple(generated(groups=2, each=6) for _ in range(RECOVERY_CODES))


def recovery_digest(code: str) -> bytes:
    """How a recovery code is kept: it has 59 random bits, so a plain digest gives nothing away."""
    return hashlib.sha256(code.strip().lower().encode()).digest()
