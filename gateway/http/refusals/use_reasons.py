"""Why the gateway itself refuses what is asked about uses and certificates. See `gateway.http.refusals.reasons`."""

from typing import Final

from gateway.http.refusals.reasons import reason_of

INVALID_RATIO: Final = reason_of(
    "invalid_ratio",
    400,
    ("比例须为 0 至 1 的小数文本", "a ratio is a decimal text between 0 and 1"),
    ('例如 "0.05"，最多九位小数', 'such as "0.05", with at most nine places'),
)

# --- certificates --------------------------------------------------------------------------------------------------

CERTIFICATE_UNKNOWN: Final = reason_of(
    "certificate_unknown",
    404,
    ("没有签发过该编号的凭证", "no certificate of this number has been issued"),
    (
        "请核对编号（末两位为校验码）；若编号无误，则该凭证系伪造",
        "check the number (its last two digits check the others); if it is as printed, the certificate is forged",
    ),
)
NOT_CERTIFIED: Final = reason_of(
    "not_certified",
    409,
    ("该笔尚未完成，没有凭证", "this is not completed, and has no certificate"),
    ("凭证在登记平台确认后签发", "the certificate is issued when the registry has confirmed"),
)

USE_REASONS: Final = (INVALID_RATIO, CERTIFICATE_UNKNOWN, NOT_CERTIFIED)
"""Every reason of this module."""
