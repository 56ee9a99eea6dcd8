"""Why the gateway itself refuses what is asked about statements. See `gateway.http.refusals.reasons`."""

from typing import Final

from gateway.http.refusals.reasons import reason_of
from settlement.rejections import Unit

STATEMENT_MALFORMED: Final = reason_of(
    "statement_malformed",
    400,
    ("文件不是可读的银行对账单", "the file cannot be read as a bank statement"),
    (
        "actual 指出何处不符；支持 ISO 20022 camt.053 与 CSV",
        "actual says where; ISO 20022 camt.053 and CSV are read",
    ),
)

STATEMENT_TOO_LONG: Final = reason_of(
    "statement_too_long",
    422,
    ("该账户当日事项过多，不能印成一份结单", "the account did too much that day to be printed"),
    ("请取 format=json 或 format=csv", "take format=json or format=csv"),
    Unit.COUNT,
)

STATEMENT_REASONS: Final = (STATEMENT_MALFORMED, STATEMENT_TOO_LONG)
"""Every reason of this module."""
