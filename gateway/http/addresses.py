"""Where a request comes from, also behind the reverse proxy that ends TLS."""

from ipaddress import ip_address
from typing import Final

from multidict import CIMultiDictProxy

_HEADER: Final = "X-Forwarded-For"


def address_of(remote: str, headers: CIMultiDictProxy[str], public_url: str) -> str:
    """The client's address, as far as it can be known; `remote` is where the connection comes from.

    The exchange does not end TLS. Where the public reaches it by https and the connection comes from this machine, it
    comes from the proxy, which puts whom it serves at the end of X-Forwarded-For; what stands before that is the
    client's own word. Everywhere else the header is nobody's, and not read.
    """
    given = headers.getall(_HEADER, ())
    if not given or not is_proxy(remote, public_url):
        return remote
    last = given[-1].rpartition(",")[2].strip()
    return last if _is_address(last) else remote


def is_proxy(remote: str, public_url: str) -> bool:
    """Whether what connects from there is the reverse proxy that ends TLS, and speaks for many."""
    return public_url.startswith("https://") and _is_here(remote)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_here(text: str) -> bool:
    return _is_address(text) and ip_address(text).is_loopback
