"""The session's cookie, and how a request shows that it comes from the exchange's own page."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

PLAIN_COOKIE: Final = "puhui_session"
SECURE_COOKIE: Final = "__Host-puhui_session"
"""Over https: no other host, not even one below ours, can set it."""

CSRF_HEADER: Final = "X-CSRF-Token"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class SessionCookie:
    """Reads, sets and removes the cookie; secure where the public reaches the exchange by https."""

    __slots__ = ("_is_secure", "_name", "_public_url")

    def __init__(self, public_url: str) -> None:
        """For an exchange that is reached there."""
        self._is_secure = public_url.startswith("https://")
        self._name = SECURE_COOKIE if self._is_secure else PLAIN_COOKIE
        self._public_url = public_url.rstrip("/")

    def read(self, headers: Mapping[str, str]) -> str | None:
        """The token; none when there is none, or more than one, of which one must be somebody else's doing."""
        found = {
            value.strip()
            for name, _, value in (part.partition("=") for part in headers.get("Cookie", "").split(";"))
            if name.strip() == self._name
        }
        token = found.pop() if len(found) == 1 else ""
        return token if _TOKEN.fullmatch(token) else None

    def is_there(self, headers: Mapping[str, str]) -> bool:
        """Whether the request carries the cookie, whatever is in it."""
        return f"{self._name}=" in headers.get("Cookie", "")

    def set(self, token: str) -> dict[str, str]:
        """The header that gives a browser the token, until it is closed."""
        return {"Set-Cookie": f"{self._name}={token}; {self._attributes()}"}

    def remove(self) -> dict[str, str]:
        """The header that takes it away."""
        return {"Set-Cookie": f"{self._name}=; Max-Age=0; {self._attributes()}"}

    def is_own(self, origin: str, headers: Mapping[str, str]) -> bool:
        """Whether a page of that origin is one of ours: the host that was asked, or where the public reaches us."""
        if origin == self._public_url:
            return True
        host = urlsplit(origin).netloc.lower()
        return bool(host) and host == headers.get("Host", "").lower()

    def _attributes(self) -> str:
        return "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if self._is_secure else "")
