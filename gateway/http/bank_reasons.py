"""Why the gateway itself refuses a bank's file. See `gateway.http.reasons`."""

from typing import Final

from gateway.http.reasons import reason_of

STATEMENT_MALFORMED: Final = reason_of(
    "statement_malformed",
    400,
    ("文件不是可读的银行对账单", "the file cannot be read as a bank statement"),
    (
        "actual 指出何处不符；支持 ISO 20022 camt.053 与 CSV",
        "actual says where; ISO 20022 camt.053 and CSV are read",
    ),
)

BANK_REASONS: Final = (STATEMENT_MALFORMED,)
"""Every reason of this module."""
