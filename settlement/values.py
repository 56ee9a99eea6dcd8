"""The words everything above is written in: identifiers, whole tonnes, whole fen.

A quantity is a whole number of tonnes of CO2 equivalent (Measures 2023, Art. 41), money a whole number of fen, a
price fen per tonne. One registry serial is one tonne. With whole tonnes and a price in fen every trade amount is a
whole number of fen, so nothing in the core is ever rounded except a price band and an average.
"""

from enum import StrEnum
from typing import Final, NewType

AccountId = NewType("AccountId", str)
"""A trading account: what owns. Bound to exactly one registry account (Art. 10)."""

ParticipantId = NewType("ParticipantId", str)
"""A natural or legal person: who acts (Art. 30)."""

AssetCode = NewType("AssetCode", str)
"""What a ledger amount is of: `CASH`, or an instrument's code."""

LotId = NewType("LotId", str)
"""The registry's own name for one issue batch; opaque here."""

TradeId = NewType("TradeId", int)
"""Counts 1, 2, 3 … over the life of the exchange. A trade's delivery carries the same number."""


class TradeMethod(StrEnum):
    """The way a trade came about (Measures 2023, Art. 30)."""

    LISTED = "listed"
    NEGOTIATED = "negotiated"


InstructionId = NewType("InstructionId", str)
"""Names one movement asked of the registry, for ever: the idempotency key of everything said about it."""

WithdrawalId = NewType("WithdrawalId", str)
"""Names one withdrawal of money: `wd-` and the sequence number of its request."""

TradingDay = NewType("TradingDay", str)
"""An ISO date, `2026-11-23`: the exchange's label for a day, which the close rolls."""

CASH: Final = AssetCode("CNY")
"""Money, in fen."""

OUTSIDE: Final = AccountId("outside")
"""Everything beyond the exchange: the settlement bank for money, the registry's management side for units."""

FEES: Final = AccountId("fees")
"""The exchange's own account, where fees are paid to."""

RETIRED: Final = AccountId("retired")
"""The name under which double entry keeps what was used and cancelled: nobody's, for good."""

WITHDRAWN: Final = AccountId("withdrawn")
"""The name under which double entry keeps corrected units that the registry has taken out: nobody's, for good."""

RESERVED: Final = frozenset((OUTSIDE, FEES, RETIRED, WITHDRAWN))
"""Names that no participant's account can have."""
