"""Two parties at a table: plain words for what counterparties of negotiated transfers say, and a market to say it in."""

from matching.commands import ReviewNegotiatedTransfer
from matching.events import Event, Rejected
from matching.negotiated import NegotiatedState, NegotiatedTransfer
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    WithdrawNegotiatedTransfer,
)
from matching.order import Side
from matching.terms import NegotiatedId
from settlement.commands import RegisterLot
from settlement.lot import MethodologyClass
from settlement.named_lots import NamedLot
from settlement.serials import SerialRange, count
from settlement.values import AccountId, AssetCode, LotId, ParticipantId
from tests.matching.driver import CLASS_II, LISTING, OLGA, Driver, lot, open_market, owner_of

BUY, SELL = Side.BUY, Side.SELL


def named(name: str, *serials: SerialRange, tonnes: int | None = None) -> NamedLot:
    """Serials of a lot, or so many tonnes of it."""
    quantity_tonnes = count(serials) if tonnes is None else tonnes
    return NamedLot(lot_id=LotId(name), quantity_tonnes=quantity_tonnes, serials=serials)


def file(
    account: str,
    side: Side,
    quantity_tonnes: int,
    price_fen: int,
    counterparty: str | None,
    *,
    lots: tuple[NamedLot, ...] = (),
    agreement_no: str = "",
    expires_at_ns: int | None = None,
    client_id: str = "n",
    listing: str = LISTING,
    participant: str | None = None,
    deadline_ns: int | None = None,
) -> FileNegotiatedTransfer:
    """A `FileNegotiatedTransfer` by the account's owner."""
    return FileNegotiatedTransfer(
        participant=ParticipantId(participant or owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        deadline_ns=deadline_ns,
        listing=AssetCode(listing),
        side=side,
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
        counterparty=None if counterparty is None else AccountId(counterparty),
        lots=lots,
        agreement_no=agreement_no,
        expires_at_ns=expires_at_ns,
    )


def confirm(
    account: str,
    transfer_id: int,
    terms_hash: str,
    *,
    lots: tuple[NamedLot, ...] = (),
    client_id: str = "y",
) -> ConfirmNegotiatedTransfer:
    """A `ConfirmNegotiatedTransfer` by the account's owner."""
    return ConfirmNegotiatedTransfer(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        transfer_id=NegotiatedId(transfer_id),
        terms_hash=terms_hash,
        lots=lots,
    )


def counter(
    account: str,
    transfer_id: int,
    quantity_tonnes: int,
    price_fen: int,
    *,
    lots: tuple[NamedLot, ...] = (),
    expires_at_ns: int | None = None,
    client_id: str = "c",
) -> CounterNegotiatedTransfer:
    """A `CounterNegotiatedTransfer` by the account's owner."""
    return CounterNegotiatedTransfer(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        transfer_id=NegotiatedId(transfer_id),
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
        lots=lots,
        expires_at_ns=expires_at_ns,
    )


def say_no(account: str, transfer_id: int, *, client_id: str = "d") -> DeclineNegotiatedTransfer:
    """A `DeclineNegotiatedTransfer` by the account's owner."""
    return DeclineNegotiatedTransfer(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        transfer_id=NegotiatedId(transfer_id),
    )


def take_back(account: str, transfer_id: int, *, client_id: str = "w") -> WithdrawNegotiatedTransfer:
    """A `WithdrawNegotiatedTransfer` by the account's owner."""
    return WithdrawNegotiatedTransfer(
        participant=ParticipantId(owner_of(account)),
        account=AccountId(account),
        client_id=client_id,
        transfer_id=NegotiatedId(transfer_id),
    )


def review(
    transfer_id: int, *, approved: bool = True, operator: str = OLGA, reason: str = "a test"
) -> ReviewNegotiatedTransfer:
    """A `ReviewNegotiatedTransfer`."""
    return ReviewNegotiatedTransfer(
        operator=ParticipantId(operator),
        reason=reason,
        transfer_id=NegotiatedId(transfer_id),
        approved=approved,
    )


class Table:
    """An exchange, and what its parties say under fresh client ids."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def filed(
        self,
        account: str,
        side: Side,
        quantity_tonnes: int,
        price_fen: int,
        counterparty: str | None,
        *,
        lots: tuple[NamedLot, ...] = (),
        agreement_no: str = "",
        expires_at_ns: int | None = None,
    ) -> int:
        """A filing that is taken; its id."""
        self.driver.accepted(
            file(
                account,
                side,
                quantity_tonnes,
                price_fen,
                counterparty,
                lots=lots,
                agreement_no=agreement_no,
                expires_at_ns=expires_at_ns,
                client_id=self.driver.next_id(),
            )
        )
        return self.driver.seq

    def confirmed(
        self, account: str, transfer_id: int, *, lots: tuple[NamedLot, ...] = ()
    ) -> tuple[Event, ...]:
        """A confirmation of the terms as they stand, taken."""
        terms_hash = self.transfer(transfer_id).terms.hash
        return self.driver.accepted(
            confirm(account, transfer_id, terms_hash, lots=lots, client_id=self.driver.next_id())
        )

    def countered(
        self,
        account: str,
        transfer_id: int,
        quantity_tonnes: int,
        price_fen: int,
        *,
        lots: tuple[NamedLot, ...] = (),
        expires_at_ns: int | None = None,
    ) -> tuple[Event, ...]:
        """A counter-proposal, taken."""
        return self.driver.accepted(
            counter(
                account,
                transfer_id,
                quantity_tonnes,
                price_fen,
                lots=lots,
                expires_at_ns=expires_at_ns,
                client_id=self.driver.next_id(),
            )
        )

    def declined(self, account: str, transfer_id: int) -> tuple[Event, ...]:
        """A refusal of the other side's terms, taken."""
        return self.driver.accepted(say_no(account, transfer_id, client_id=self.driver.next_id()))

    def withdrawn(self, account: str, transfer_id: int) -> tuple[Event, ...]:
        """A withdrawal, taken."""
        return self.driver.accepted(take_back(account, transfer_id, client_id=self.driver.next_id()))

    def transfer(self, transfer_id: int) -> NegotiatedTransfer:
        """The transfer of that id."""
        found = self.driver.exchange.negotiation.transfers.find(NegotiatedId(transfer_id))
        assert found is not None, f"no transfer {transfer_id}"
        return found

    def state(self, transfer_id: int) -> NegotiatedState:
        """Where it stands."""
        return self.transfer(transfer_id).state


def parties(driver: Driver) -> Table:
    """Anna has 500 t of one lot and 500 t of another, Ben 1,000,000 fen, Cara an account with each."""
    driver.admit("anna", tonnes=500)
    driver.bring("anna", "L-anna-2", 500, issued_on="2025-02-01")
    driver.admit("ben", fen=1_000_000)
    driver.admit("cara-1", fen=1_000_000)
    driver.admit("cara-2", tonnes=500)
    second_class = lot("M", instrument=CLASS_II, methodology_class=MethodologyClass.II)
    driver.accepted(RegisterLot(lot=second_class))
    return Table(driver)


def table(**rules: int | str) -> Table:
    """The same parties in a market that is always open."""
    return parties(open_market(**rules))


def code_of(events: tuple[Event, ...]) -> str:
    """Why the last command was refused."""
    refused = events[-1]
    assert isinstance(refused, Rejected), events
    return refused.code
