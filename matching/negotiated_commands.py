"""What counterparties of negotiated transfers can tell the core (协议转让; Measures 2023, Art. 30).

One side files, its cover held at once; the other confirms the very terms it read, counters with its own, or declines;
who made the terms that stand may withdraw them.
"""

from dataclasses import dataclass
from typing import TypeAlias

from matching.order import Side
from matching.terms import NegotiatedId
from settlement.commands import ClientCommand
from settlement.named_lots import NamedLot
from settlement.values import AccountId, AssetCode


@dataclass(frozen=True, kw_only=True, slots=True)
class FileNegotiatedTransfer(ClientCommand):
    """Propose a transfer to a counterparty, or to everyone where open offers are allowed."""

    listing: AssetCode
    side: Side
    """The filer's own."""
    price_fen: int
    quantity_tonnes: int
    counterparty: AccountId | None = None
    """The other side's account; absent for an open offer."""
    lots: tuple[NamedLot, ...] = ()
    """A seller names what it will deliver, and it is set aside by name; a buyer asks for it, and the seller's
    confirmation is refused unless it has it. Empty: whatever is next in turn."""
    agreement_no: str = ""
    """The parties' own number: the same agreement filed twice, by either side, is filed once."""
    expires_at_ns: int | None = None

    def content(self) -> str:
        """What makes it this filing."""
        terms = f"{self.listing}|{self.side}|{self.price_fen}|{self.quantity_tonnes}"
        return f"negotiate|{terms}|{self.counterparty}|{self.lots}|{self.agreement_no}|{self.expires_at_ns}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmNegotiatedTransfer(ClientCommand):
    """Agree to the very terms the hash is of. An open offer goes to the first who confirms it."""

    transfer_id: NegotiatedId
    terms_hash: str
    lots: tuple[NamedLot, ...] = ()
    """A seller may name what it delivers where the terms do not."""

    def content(self) -> str:
        """What makes it this confirmation."""
        return f"confirm_negotiated|{self.transfer_id}|{self.terms_hash}|{self.lots}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterNegotiatedTransfer(ClientCommand):
    """Answer with other terms: roles turn, the answerer's cover is held and the other side's released.

    Listing, sides and agreement number stay what they are. The other terms are whole: what is absent here is absent.
    """

    transfer_id: NegotiatedId
    price_fen: int
    quantity_tonnes: int
    lots: tuple[NamedLot, ...] = ()
    expires_at_ns: int | None = None

    def content(self) -> str:
        """What makes it this counter-proposal."""
        terms = f"{self.price_fen}|{self.quantity_tonnes}|{self.lots}|{self.expires_at_ns}"
        return f"counter_negotiated|{self.transfer_id}|{terms}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclineNegotiatedTransfer(ClientCommand):
    """End it, by the side whose answer is awaited."""

    transfer_id: NegotiatedId

    def content(self) -> str:
        """What makes it this answer."""
        return f"decline_negotiated|{self.transfer_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawNegotiatedTransfer(ClientCommand):
    """End it, by the side whose terms stand."""

    transfer_id: NegotiatedId

    def content(self) -> str:
        """What makes it this withdrawal."""
        return f"withdraw_negotiated|{self.transfer_id}"


NegotiationCommand: TypeAlias = (
    FileNegotiatedTransfer
    | ConfirmNegotiatedTransfer
    | CounterNegotiatedTransfer
    | DeclineNegotiatedTransfer
    | WithdrawNegotiatedTransfer
)
"""Everything a counterparty can say."""
