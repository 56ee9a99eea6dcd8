"""Why the gateway refuses what concerns access itself: from where a key may be used. See `gateway.http.reasons`."""

from typing import Final

from gateway.http.reasons import reason_of

ADDRESS_NOT_ALLOWED: Final = reason_of(
    "address_not_allowed",
    403,
    ("该密钥不得从这个地址使用", "the key may not be used from this address"),
    (
        "请从密钥登记的网络访问；所见地址见 actual，如须更改网络，请另签发密钥",
        "come from one of the key's networks; actual is the address we see, and another network takes another key",
    ),
)
INVALID_NETWORK: Final = reason_of(
    "invalid_network",
    400,
    ("网络须按 CIDR 书写，主机位为零", "a network is written in CIDR notation, with no bits of a host"),
    (
        "例如 203.0.113.0/24、2001:db8::/32 或单个地址",
        "such as 203.0.113.0/24, 2001:db8::/32 or a single address",
    ),
)

ACCESS_REASONS: Final = (ADDRESS_NOT_ALLOWED, INVALID_NETWORK)
"""Every reason of this module."""
