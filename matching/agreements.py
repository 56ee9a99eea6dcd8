"""The parties' own agreement numbers: one agreement is filed once, whoever files it and however often.

A number belongs to the two accounts, or in an open offer to the one who makes it. It stands for the terms filed under
it while they are pending, and for good once they have become a trade; when nothing comes of them it is free again.
"""

from dataclasses import dataclass, replace

from matching.negotiated import NegotiatedTransfer
from matching.terms import NegotiatedTerms
from settlement.named_lots import NamedLot
from settlement.values import AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class AgreementKey:
    """Who gave the number: two accounts in order, the first empty in an open offer."""

    first: str
    second: str
    agreement_no: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """What a number stands for, as written to a snapshot."""

    key: AgreementKey
    terms: NegotiatedTerms


def key_of(account: AccountId, counterparty: AccountId | None, agreement_no: str) -> AgreementKey:
    """The same key whichever of the two sides asks."""
    first, second = sorted((account, counterparty or ""))
    return AgreementKey(first=first, second=second, agreement_no=agreement_no)


def is_the_same(filed: NegotiatedTerms, again: NegotiatedTerms) -> bool:
    """Whether terms filed again are the terms filed before: who, what, how much, at what price and, if it names any,
    which lots. When each would expire is not part of an agreement.
    """
    if again.lots and not _are_the_same(filed.lots, again.lots):
        return False
    # An open offer filed again names no other side; the one that took it does not make it another agreement.
    seller, buyer = again.seller or filed.seller, again.buyer or filed.buyer
    bare = replace(filed, seller=seller, buyer=buyer, listing=again.listing)
    return replace(bare, price_fen=again.price_fen, quantity_tonnes=again.quantity_tonnes) == filed


def _are_the_same(filed: tuple[NamedLot, ...], again: tuple[NamedLot, ...]) -> bool:
    tonnes = {one.lot_id: one.quantity_tonnes for one in filed}
    serials = {one.lot_id: one.serials for one in filed}
    return tonnes == {one.lot_id: one.quantity_tonnes for one in again} and all(
        one.serials in ((), serials[one.lot_id]) for one in again
    )


class Agreements:
    """What every number in use stands for."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        """No number is in use."""
        self._by_key: dict[AgreementKey, NegotiatedTerms] = {}

    def filed_as(self, key: AgreementKey) -> NegotiatedTerms | None:
        """The terms that stand under that number; none where it is free, or no number."""
        return self._by_key.get(key) if key.agreement_no else None

    def note(self, transfer: NegotiatedTransfer) -> None:
        """The transfer's terms, as they are now, stand under its number."""
        if transfer.terms.agreement_no:
            self._by_key[_key(transfer)] = transfer.terms

    def forget(self, transfer: NegotiatedTransfer) -> None:
        """Nothing came of it: the number is free."""
        if transfer.terms.agreement_no:
            del self._by_key[_key(transfer)]

    def dump(self) -> tuple[Agreement, ...]:
        """All of them, oldest first."""
        known = (Agreement(key=key, terms=terms) for key, terms in self._by_key.items())
        return tuple(sorted(known, key=lambda one: one.terms.transfer_id))

    def load(self, state: tuple[Agreement, ...]) -> None:
        """Take over what a snapshot tells."""
        self._by_key.update((one.key, one.terms) for one in state)


def _key(transfer: NegotiatedTransfer) -> AgreementKey:
    terms = transfer.terms
    proposer = terms.account_of(transfer.proposer)
    assert proposer is not None, f"{transfer.transfer_id} is nobody's"
    other = None if transfer.to_everyone else terms.account_of(transfer.proposer.opposite)
    return key_of(proposer, other, terms.agreement_no)
