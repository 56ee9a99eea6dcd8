r"""The terms of a negotiated transfer, and the hash by which they are confirmed.

Whoever confirms quotes the hash of the very terms it read. It is the SHA-256, in hexadecimal, of a text that names
every term, one to a line, in this order and in UTF-8, each line ended by a line feed:

    puhui negotiated transfer 1
    transfer=<id>
    round=<1, 2, 3 …: every counter-proposal is another round>
    listing=<code>
    seller=<account, empty where whoever confirms will be it>
    buyer=<account, empty where whoever confirms will be it>
    price_fen=<fen per tonne>
    quantity_tonnes=<tonnes>
    agreement_no=<the parties' own number, empty if they have none>
    expires_at_ns=<nanoseconds since 1970 UTC, empty where the session's end is the end>
    lot=<tonnes> <first-end, half-open, ranges joined by commas; `any` where any will do> <lot>

with a `lot` line for every named lot, in the order in which they were named. Within a value a backslash is written
as two and a line feed as `\n`. Id and round are part of the text, so that no hash ever stands for two proposals:
terms that return unchanged in a later round have to be read again.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NewType

from matching.order import Side
from settlement.named_lots import NamedLot
from settlement.values import AccountId, AssetCode

NegotiatedId = NewType("NegotiatedId", int)
"""The sequence number of the command that filed the transfer."""

MAX_AGREEMENT_NO: Final = 64
"""Characters of the number that the parties give their agreement."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTerms:
    """All that both sides agree to."""

    transfer_id: NegotiatedId
    round_no: int
    """1 as filed; one more with every counter-proposal."""
    listing: AssetCode
    seller: AccountId | None
    """Absent in an open offer to buy: whoever confirms it first."""
    buyer: AccountId | None
    """Absent in an open offer to sell."""
    price_fen: int
    quantity_tonnes: int
    lots: tuple[NamedLot, ...]
    """Empty where the seller's units are delivered first in, first out, as on the listed market."""
    agreement_no: str
    """Empty where the parties gave it none."""
    expires_at_ns: int | None
    """From that instant on it cannot be confirmed; the session's end where absent."""

    @property
    def text(self) -> str:
        """The text that the hash is taken of."""
        values = (
            ("transfer", str(self.transfer_id)),
            ("round", str(self.round_no)),
            ("listing", self.listing),
            ("seller", self.seller or ""),
            ("buyer", self.buyer or ""),
            ("price_fen", str(self.price_fen)),
            ("quantity_tonnes", str(self.quantity_tonnes)),
            ("agreement_no", self.agreement_no),
            ("expires_at_ns", "" if self.expires_at_ns is None else str(self.expires_at_ns)),
            *(("lot", _lot_text(one)) for one in self.lots),
        )
        lines = (f"{name}={_escaped(value)}\n" for name, value in values)
        return "puhui negotiated transfer 1\n" + "".join(lines)

    @property
    def hash(self) -> str:
        """By which the terms are confirmed: 64 hexadecimal digits."""
        return sha256(self.text.encode()).hexdigest()

    def account_of(self, side: Side) -> AccountId | None:
        """Who is on that side."""
        return self.seller if side is Side.SELL else self.buyer


def _lot_text(lot: NamedLot) -> str:
    ranges = ",".join(f"{first}-{end}" for first, end in lot.serials) or "any"
    return f"{lot.quantity_tonnes} {ranges} {lot.lot_id}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")
