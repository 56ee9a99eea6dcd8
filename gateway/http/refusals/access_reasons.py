"""Why the gateway refuses what concerns access itself: where a key is used, by whose word it was made, what takes its place. See `gateway.http.refusals.reasons`."""

from typing import Final

from gateway.http.refusals.reasons import reason_of
from settlement.rejections import Unit

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
KEY_ROTATED: Final = reason_of(
    "key_rotated",
    401,
    ("密钥已轮换", "another key has taken this one's place"),
    (
        "请改用 actual 所列的新密钥；如非本方所为，请立即通知交易所注销",
        "use the key that actual names; if that was not you, have the exchange revoke both at once",
    ),
)
KEY_REPLACED: Final = reason_of(
    "key_replaced",
    409,
    ("该密钥已经轮换", "another key took this one's place before"),
    ("请轮换 actual 所列的新密钥", "rotate the key that actual names"),
)
KEY_OVER: Final = reason_of(
    "key_over",
    409,
    ("密钥已注销或过期，不得轮换", "a key that was revoked or has expired is not rotated"),
    ("请重新签发密钥", "have another key made"),
)
KEY_NOT_OWN: Final = reason_of(
    "key_not_own",
    403,
    ("密钥只可轮换自己", "a key rotates itself only"),
    ("请以该密钥签署请求，并在 key 中写明该密钥", "sign with the very key that is named"),
)
PUBLIC_KEY_USED: Final = reason_of(
    "public_key_used",
    409,
    ("该公钥已在使用", "a key with that public key exists"),
    ("请另行生成密钥对", "make a new pair of keys"),
)
OVERLAP_TOO_LONG: Final = reason_of(
    "overlap_too_long",
    422,
    ("并用时间过长（秒）", "the old key cannot stay for so many seconds"),
    (
        "请缩短 overlap_s；0 表示旧密钥立即失效",
        "ask for a shorter overlap_s; with 0 the old key ends at once",
    ),
    Unit.COUNT,
)
ROTATED_TOO_SOON: Final = reason_of(
    "rotated_too_soon",
    429,
    ("该密钥刚刚轮换（秒）", "this key took another's place only so many seconds ago"),
    ("请按 Retry-After 稍后再试", "ask again after Retry-After"),
    Unit.COUNT,
)

ACCESS_REASONS: Final = (
    ADDRESS_NOT_ALLOWED,
    INVALID_NETWORK,
    KEY_ROTATED,
    KEY_REPLACED,
    KEY_OVER,
    KEY_NOT_OWN,
    PUBLIC_KEY_USED,
    OVERLAP_TOO_LONG,
    ROTATED_TOO_SOON,
    MADE_ALONE,
    PERMIT_WAITS,
    PERMIT_UNKNOWN,
    PERMIT_SPENT,
)
"""Every reason of this module."""
