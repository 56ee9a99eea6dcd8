"""Negotiated transfers: two counterparties agree, the exchange checks, executes and settles (协议转让; Art. 30).

A proposal's cover is held from the moment it is filed, and named lots lie aside by their serials. The confirmation is
of the very terms by their hash. What becomes of it is a trade like any other (one counter of trade ids, delivery
versus payment, fees, next-day resale), but in no price of the day.

What the confirming side itself lacks, or the rules by then have against the terms, refuses its command and leaves the
transfer as it was: it can be countered. What ails the other side, or comes up while the exchange reviews it, ends the
transfer, `rejected`. So a confirmation is never answered by a silence.
"""

from dataclasses import replace
from typing import assert_never

from matching import negotiated_rejections as reasons
from matching import negotiated_told as told
from matching import rejections
from matching.agreements import is_the_same, key_of
from matching.commands import ReviewNegotiatedTransfer
from matching.events import Event
from matching.execution import Moment
from matching.negotiated import NegotiatedState, NegotiatedStep, NegotiatedTransfer
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    NegotiationCommand,
    WithdrawNegotiatedTransfer,
)
from matching.negotiated_events import NegotiatedTransferKnown
from matching.negotiated_guards import (
    NegotiatedGuards,
    Stake,
    refuse_agreement_no,
    refuse_expiry,
    stake_of,
)
from matching.negotiated_rules import NegotiatedReview, basis_points_for
from matching.negotiated_transfers import NegotiatedTransfers
from matching.order import Side
from matching.terms import NegotiatedId, NegotiatedTerms
from matching.trading import ListedTrading
from settlement import serials
from settlement.depository import Depository
from settlement.named_lots import NamedLot
from settlement.rejections import Rejection
from settlement.serials import Serials
from settlement.values import AccountId, ParticipantId


class Negotiation:
    """Decides what counterparties ask, and the exchange's own review."""

    __slots__ = ("_depository", "_guards", "_trading", "transfers")

    def __init__(self, trading: ListedTrading, depository: Depository) -> None:
        """No transfer yet."""
        self._trading = trading
        self._depository = depository
        self._guards = NegotiatedGuards(trading, depository)
        self.transfers = NegotiatedTransfers(trading, depository)

    # ---- what counterparties ask --------------------------------------------------------------------------------

    def decide(self, command: NegotiationCommand, moment: Moment) -> Rejection | list[Event]:
        """Answer a counterparty: refuse and change nothing, or go one step on and tell both sides."""
        match command:
            case FileNegotiatedTransfer():
                return self._file(command, moment)
            case ConfirmNegotiatedTransfer():
                return self._confirm(command, moment)
            case CounterNegotiatedTransfer():
                return self._counter(command, moment)
            case DeclineNegotiatedTransfer():
                return self._decline(command)
            case WithdrawNegotiatedTransfer():
                return self._withdraw(command)
            case _:
                assert_never(command)

    def _file(self, command: FileNegotiatedTransfer, moment: Moment) -> Rejection | list[Event]:
        terms = _terms(command, NegotiatedId(moment.seq))
        stake = stake_of(terms, command.side, command.account)
        refused = refuse_agreement_no(command.agreement_no)
        if refused is not None:
            return refused
        key = key_of(command.account, command.counterparty, command.agreement_no)
        known = self.transfers.agreements.filed_as(key)
        if known is not None:
            return self._known(known, terms)
        refused = (
            self._guards.refuse_place(stake, moment)
            or self._guards.refuse_counterparty(command.listing, command.counterparty)
            or refuse_expiry(command.expires_at_ns, moment)
            or self._refuse_many(command.account, moment)
            or self._guards.refuse_stake(stake, moment)
            or self._guards.refuse_same_owner(command.participant, command.account, command.counterparty)
        )
        if refused is not None:
            return refused
        # From here the command must succeed.
        transfer = NegotiatedTransfer(
            terms=replace(terms, lots=self._chosen(stake)),
            proposer=command.side,
            to_everyone=command.counterparty is None,
            proposed_by=self._actor(command),
        )
        self._take_fees(transfer)
        held = self.transfers.enter(transfer)
        return [told.filed(transfer, command), *held]

    def _refuse_many(self, account: AccountId, moment: Moment) -> Rejection | None:
        """Whether the account has cover held for as many transfers as it may have."""
        assert moment.rules is not None, "a negotiated phase without rules"
        most, waiting = moment.rules.negotiated_max_filed, self.transfers.covered_by(account)
        return None if waiting < most else reasons.TOO_MANY_FILED.because(limit=most, actual=waiting)

    def _known(self, known: NegotiatedTerms, again: NegotiatedTerms) -> Rejection | list[Event]:
        """An agreement of that number has been filed: the same again is nothing new, another one is a contradiction."""
        transfer = self.transfers.under_way.get(known.transfer_id)
        state = NegotiatedState.EXECUTED if transfer is None else transfer.state
        if not is_the_same(known, again):
            return reasons.AGREEMENT_CONTRADICTS.because(actual=str(known.transfer_id))
        # From here the command must succeed.
        return [
            NegotiatedTransferKnown(
                transfer_id=known.transfer_id,
                seller=known.seller,
                buyer=known.buyer,
                agreement_no=known.agreement_no,
                state=state,
            )
        ]

    def _confirm(self, command: ConfirmNegotiatedTransfer, moment: Moment) -> Rejection | list[Event]:
        transfer = self._to_answer(command.transfer_id, command.account)
        if isinstance(transfer, Rejection):
            return transfer
        side, terms = transfer.proposer.opposite, transfer.terms
        if command.terms_hash != terms.hash:
            return reasons.TERMS_DIFFER.because(limit=terms.hash)
        if command.lots and (side is Side.BUY or terms.lots):
            return reasons.LOTS_NOT_YOURS_TO_NAME.because()
        stake = replace(stake_of(terms, side, command.account), lots=command.lots or terms.lots)
        refused = (
            self._guards.refuse_place(stake, moment)
            or self._guards.refuse_stake(stake, moment)
            or self._guards.refuse_same_owner(
                command.participant,
                command.account,
                terms.account_of(transfer.proposer),
                transfer.proposed_by,
            )
        )
        if refused is not None:
            return refused
        # From here the command must succeed.
        self._take_up(transfer, side, command.account, self._chosen(stake))
        confirmed = told.confirmed(transfer, command.account, command.terms_hash)
        ailing = self._guards.refuse_execution(transfer, moment)
        transfer.step(NegotiatedStep.CONFIRM)
        if ailing is not None:
            return [confirmed, *self.transfers.reject(transfer, ailing)]
        held = self.transfers.hold(transfer, side)
        if self._is_reviewed(terms):
            transfer.step(NegotiatedStep.REVIEW)
            return [confirmed, *held, told.under_review(transfer)]
        return [confirmed, *held, *self.transfers.execute(transfer, moment)]

    def _counter(self, command: CounterNegotiatedTransfer, moment: Moment) -> Rejection | list[Event]:
        transfer = self._to_answer(command.transfer_id, command.account)
        if isinstance(transfer, Rejection):
            return transfer
        side = transfer.proposer.opposite
        terms = replace(
            transfer.terms,
            round_no=transfer.terms.round_no + 1,
            price_fen=command.price_fen,
            quantity_tonnes=command.quantity_tonnes,
            lots=command.lots,
            expires_at_ns=command.expires_at_ns,
        )
        if transfer.to_everyone:
            return reasons.OPEN_OFFER_STANDS.because(actual=str(command.transfer_id))
        most = self._trading.markets[terms.listing].rules.negotiated_max_rounds
        if terms.round_no > most:
            return reasons.TOO_MANY_ROUNDS.because(limit=most, actual=terms.round_no)
        stake = stake_of(terms, side, command.account)
        refused = (
            self._guards.refuse_place(stake, moment)
            or refuse_expiry(command.expires_at_ns, moment)
            or self._guards.refuse_stake(stake, moment)
        )
        if refused is not None:
            return refused
        # From here the command must succeed.
        released = self.transfers.release(transfer)
        transfer.step(NegotiatedStep.COUNTER)
        transfer.terms = replace(terms, lots=self._chosen(stake))
        transfer.proposer, transfer.proposed_by = side, self._actor(command)
        self._take_fees(transfer)
        self.transfers.agreements.note(transfer)
        held = self.transfers.hold(transfer, side)
        return [told.countered(transfer), *released, *held]

    def _actor(self, command: FileNegotiatedTransfer | CounterNegotiatedTransfer) -> ParticipantId | None:
        """Who proposes for the owner by a mandate; none when the owner does."""
        owner = self._depository.accounts[command.account].owner
        return None if command.participant == owner else command.participant

    def _decline(self, command: DeclineNegotiatedTransfer) -> Rejection | list[Event]:
        transfer = self._to_answer(command.transfer_id, command.account)
        if isinstance(transfer, Rejection):
            return transfer
        if transfer.to_everyone:
            return reasons.OPEN_OFFER_STANDS.because(actual=str(command.transfer_id))
        # From here the command must succeed.
        return self.transfers.end(transfer, NegotiatedStep.DECLINE, told.declined(transfer, command.account))

    def _withdraw(self, command: WithdrawNegotiatedTransfer) -> Rejection | list[Event]:
        transfer = self._waiting(command.transfer_id, command.account)
        if isinstance(transfer, Rejection):
            return transfer
        if transfer.terms.account_of(transfer.proposer) != command.account:
            return reasons.NOT_YOUR_TURN.because(actual=str(command.transfer_id))
        # From here the command must succeed.
        return self.transfers.end(
            transfer, NegotiatedStep.WITHDRAW, told.withdrawn(transfer, command.account)
        )

    def _waiting(self, transfer_id: NegotiatedId, account: AccountId) -> NegotiatedTransfer | Rejection:
        """The filed transfer of that id, for one of its sides. To third parties it is as unknown as one never filed."""
        transfer = self.transfers.find(transfer_id)
        if transfer is None or not (transfer.concerns(account) or transfer.to_everyone):
            return reasons.NEGOTIATED_UNKNOWN.because(actual=str(transfer_id))
        if transfer.state is not NegotiatedState.FILED:
            return reasons.NEGOTIATED_ENDED.because(actual=transfer.state)
        return transfer

    def _to_answer(self, transfer_id: NegotiatedId, account: AccountId) -> NegotiatedTransfer | Rejection:
        """The same, for the side whose answer is awaited."""
        transfer = self._waiting(transfer_id, account)
        if isinstance(transfer, NegotiatedTransfer) and (
            transfer.terms.account_of(transfer.proposer) == account
        ):
            return reasons.NOT_YOUR_TURN.because(actual=str(transfer_id))
        return transfer

    # ---- what the exchange asks ---------------------------------------------------------------------------------

    def refuse_review(self, act: ReviewNegotiatedTransfer) -> Rejection | None:
        """Why the exchange cannot decide about this transfer now."""
        transfer = self.transfers.under_way.get(act.transfer_id)
        if transfer is None or transfer.state is not NegotiatedState.UNDER_REVIEW:
            return reasons.NOT_UNDER_REVIEW.because(actual=str(act.transfer_id))
        if act.approved and self._trading.standing.is_halted(transfer.terms.listing):
            return rejections.LISTING_HALTED.because(actual=transfer.terms.listing)
        return None

    def review(self, act: ReviewNegotiatedTransfer, moment: Moment) -> list[Event]:
        """Let a reviewed transfer be executed, if nothing has come in its way, or end it."""
        transfer = self.transfers.under_way[act.transfer_id]
        reviewed = told.reviewed(transfer, operator=act.operator, reason=act.reason, approved=act.approved)
        why = (
            self._guards.refuse_execution(transfer, moment)
            if act.approved
            else reasons.REVIEW_REFUSED.because()
        )
        if why is not None:
            return [reviewed, *self.transfers.reject(transfer, why)]
        return [reviewed, *self.transfers.execute(transfer, moment)]

    # ---- steps --------------------------------------------------------------------------------------------------

    def _take_up(
        self, transfer: NegotiatedTransfer, side: Side, account: AccountId, lots: tuple[NamedLot, ...]
    ) -> None:
        """Enter who confirms, and which serials, into the terms."""
        terms = replace(transfer.terms, lots=lots)
        fee = self._trading.markets[terms.listing].rules.fee_terms(side)
        if side is Side.SELL:
            transfer.terms, transfer.seller_fee = replace(terms, seller=account), fee
        else:
            transfer.terms, transfer.buyer_fee = replace(terms, buyer=account), fee
        self.transfers.agreements.note(transfer)

    def _take_fees(self, transfer: NegotiatedTransfer) -> None:
        """The fees of the moment: the proposer is bound to them now, the other side to those at its confirmation."""
        rules = self._trading.markets[transfer.terms.listing].rules
        transfer.buyer_fee, transfer.seller_fee = rules.fee_terms(Side.BUY), rules.fee_terms(Side.SELL)

    def _chosen(self, stake: Stake) -> tuple[NamedLot, ...]:
        """A seller's named lots, each with its serials: those named, or the first of the lot. A buyer only asks."""
        if stake.side is Side.BUY:
            return stake.lots
        return tuple(
            one if one.is_chosen else replace(one, serials=self._first_of(stake.account, one))
            for one in stake.lots
        )

    def _first_of(self, account: AccountId, one: NamedLot) -> Serials:
        return serials.take_first(self._depository.holdings.free(account, one.lot_id), one.quantity_tonnes)[0]

    def _is_reviewed(self, terms: NegotiatedTerms) -> bool:
        rules = self._trading.markets[terms.listing].rules
        match rules.negotiated_review:
            case NegotiatedReview.OFF:
                return False
            case NegotiatedReview.WITHOUT_BAND:
                return basis_points_for(rules.negotiated_band_tiers, terms.quantity_tonnes) is None
            case NegotiatedReview.ALL:
                return True
            case _:
                assert_never(rules.negotiated_review)


def _terms(command: FileNegotiatedTransfer, transfer_id: NegotiatedId) -> NegotiatedTerms:
    """The terms as proposed."""
    selling = command.side is Side.SELL
    return NegotiatedTerms(
        transfer_id=transfer_id,
        round_no=1,
        listing=command.listing,
        seller=command.account if selling else command.counterparty,
        buyer=command.counterparty if selling else command.account,
        price_fen=command.price_fen,
        quantity_tonnes=command.quantity_tonnes,
        lots=command.lots,
        agreement_no=command.agreement_no,
        expires_at_ns=command.expires_at_ns,
    )
