"""Why the gateway refuses what concerns access itself: where a key is used, by whose word it was made. See `gateway.http.reasons`."""

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

MADE_ALONE: Final = reason_of(
    "made_by_one_alone",
    403,
    (
        "这一密钥或登录由一名运营人员单独设立，不得参与须双人复核的事项",
        "one operator alone made this key or log-in, so it takes no part in what takes two persons",
    ),
    (
        "请经另一名运营人员复核后重新签发密钥或重置密码（two_person_acts 须含 issue_key、reset_person）",
        "make the key, or reset the password, anew with a second person's word, for which two_person_acts has to name it",
    ),
)
PERMIT_WAITS: Final = reason_of(
    "permit_waits",
    409,
    ("该事项尚待另一人复核", "this still waits for a second person"),
    ("待复核见 GET /v1/operator/approvals", "GET /v1/operator/approvals lists what waits"),
)
PERMIT_UNKNOWN: Final = reason_of(
    "permit_unknown",
    404,
    (
        "没有这项许可：未经申请、已被拒绝、属于他人或已逾一日",
        "there is no such permit: never asked for, declined, another's, or more than a day old",
    ),
    ("可办理的许可见 GET /v1/operator/permits", "GET /v1/operator/permits lists those that can be used"),
)
PERMIT_SPENT: Final = reason_of(
    "permit_spent",
    409,
    ("该许可已用于办理", "what was permitted has been done already"),
    (
        "所设密钥或人员见 actual；如未收到其密钥或密码，请注销或重置后重新申请",
        "actual names the key or person; if its secret never reached you, revoke or reset it by asking anew",
    ),
)

ACCESS_REASONS: Final = (
    ADDRESS_NOT_ALLOWED,
    INVALID_NETWORK,
    MADE_ALONE,
    PERMIT_WAITS,
    PERMIT_UNKNOWN,
    PERMIT_SPENT,
)
"""Every reason of this module."""
