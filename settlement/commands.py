"""What the settlement core can be told to do. Imperatives; frozen; whole numbers.

A command of a participant names the account it is for, who acts, and the participant's own id for it, which is
unique for ever per account: the same id with the same content is answered as before, with other content refused.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from settlement.account import ParticipantKind
from settlement.difference import Difference
from settlement.events import LotSlice
from settlement.instrument import Instrument
from settlement.lot import Lot
from settlement.lot_choice import LotChoice
from settlement.notice import Notice
from settlement.retirement import RetirementPurpose
from settlement.values import AccountId, AssetCode, InstructionId, ParticipantId, WithdrawalId


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientCommand:
    """What every participant's command carries."""

    participant: ParticipantId
    """Who acts."""
    account: AccountId
    """For whom."""
    client_id: str
    """The participant's own id: 1 to 36 of `A-Za-z0-9._-`."""
    deadline_ns: int | None = None
    """Not to be done after this instant; not part of the content."""
    session: str = ""
    """From which connection it came, for surveillance; decides nothing and is not part of the content."""

    def content(self) -> str:
        """All that makes two requests the same request, as one string; the deadline is not part of it."""
        raise AssertionError("every client command says what its content is")

    @property
    def id_space(self) -> str:
        """Orders have ids of their own; everything else shares one space."""
        return "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterParticipant:
    """Admit someone (operator)."""

    participant: ParticipantId
    kind: ParticipantKind


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenAccount:
    """Open a trading account bound to a registry account (operator)."""

    account: AccountId
    owner: ParticipantId
    registry_account: str
    earmark: RetirementPurpose | None = None
    """The money in it is for this purpose alone: it only buys units to be retired for that, and never leaves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AddInstrument:
    """Make a code known (operator)."""

    instrument: Instrument


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterLot:
    """Learn of a lot (registry's reference data). Saying the same twice is the same once."""

    lot: Lot


@dataclass(frozen=True, kw_only=True, slots=True)
class DepositCash(ClientCommand):
    """Book money that the settlement bank received. The bank's reference is the natural key."""

    amount_fen: int
    bank_reference: str

    def content(self) -> str:
        """What makes it this request."""
        return f"deposit|{self.amount_fen}|{self.bank_reference}"

    @property
    def id_space(self) -> str:
        """The bank's ids are its own."""
        return "bank"


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestWithdrawal(ClientCommand):
    """Ask for money to be paid out to the account's own bank account. It is held until the bank has paid."""

    amount_fen: int

    def content(self) -> str:
        """What makes it this request."""
        return f"withdrawal|{self.amount_fen}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PayWithdrawal(ClientCommand):
    """Tell that the settlement bank has paid a withdrawal out. The bank's reference is the natural key."""

    withdrawal_id: WithdrawalId
    bank_reference: str

    def content(self) -> str:
        """What makes it this report."""
        return f"withdrawal_paid|{self.withdrawal_id}|{self.bank_reference}"

    @property
    def id_space(self) -> str:
        """The bank's ids are its own."""
        return "bank"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnWithdrawal(ClientCommand):
    """Tell that the settlement bank could not pay a withdrawal out: the money is the account's again."""

    withdrawal_id: WithdrawalId
    reason: str

    def content(self) -> str:
        """What makes it this report."""
        return f"withdrawal_returned|{self.withdrawal_id}|{self.reason}"

    @property
    def id_space(self) -> str:
        """The bank's ids are its own."""
        return "bank"


BankCommand: TypeAlias = DepositCash | PayWithdrawal | ReturnWithdrawal
"""What the settlement bank reports, for whichever account it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestTransferIn(ClientCommand):
    """Ask the registry to move units from the owner's management into its trading sub-account.

    The serials are named by whoever can see the management side (the platform's own page, or the gateway, which
    asks the registry what is there); the registry judges whether they are really held.
    """

    instrument: AssetCode
    lots: tuple[LotSlice, ...]
    asked: str
    """What the participant asked for: a quantity, or lots of its own choice. Two requests for ten tonnes are the same
    request whichever serials were there to be chosen."""

    def content(self) -> str:
        """What makes it this request."""
        return f"transfer_in|{self.instrument}|{self.asked}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestTransferOut(ClientCommand):
    """Ask the registry to move units back into the owner's management sub-account."""

    instrument: AssetCode
    quantity_tonnes: int = 0
    """So many, first in first out; zero where lots are named."""
    lots: tuple[LotChoice, ...] = ()

    def content(self) -> str:
        """What makes it this request."""
        return f"transfer_out|{self.instrument}|{self.quantity_tonnes}|{self.lots}"


class Outcome(StrEnum):
    """The registry's final word on a movement."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveInstruction:
    """Tell the core the registry's final answer. Saying the same twice is the same once."""

    instruction_id: InstructionId
    outcome: Outcome
    code: str | None = None
    """Name of the refusal."""
    leg: int | None = None
    """Which leg was refused, where the registry says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeNotice:
    """Tell the core the next of the registry's notices. One taken before changes nothing; none may be left out."""

    notice: Notice


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportBreaks:
    """Tell the core what differs between the two sides. A difference that is known and unresolved changes nothing."""

    as_of: int
    """Sequence number of the registry's journal at which both sides were taken."""
    differences: tuple[Difference, ...]
