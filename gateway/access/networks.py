"""From where a key may be used: networks of IPv4 and IPv6, and whether an address lies in one of them."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

MAPPED_BITS: Final = 96
"""Where the IPv4 address begins in an IPv6 address that stands for one (RFC 4291, 2.5.5.2)."""


def read_network(text: str) -> Network:
    """A network in CIDR notation, or one address. Raises ValueError for what is none, bits of a host among it."""
    if "%" in text:
        raise ValueError("a zone is of one machine's own making")
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return network


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of these; what is no address lies nowhere."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6 and parsed.ipv4_mapped is not None:  # noqa: PLR2004 - the Internet Protocol's
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)
